import { once } from 'node:events';
import { eventually, type ServerProcess } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { buildProgram, deltasOf, embeddedServer, isDelta, isEnd, temporaryFolder } from './kit';

const TEXT = Array.from({ length: 80 }, (_, index) => `part${index}`).join(' ');

describe('a server that is told to stop', () => {
  const folder = temporaryFolder();
  let stub: StubProvider;
  let server: ServerProcess;
  // Far longer than the test: whoever waits for a lease to run out fails.
  const start = (): Promise<ServerProcess> =>
    embeddedServer(folder.path, {
      OPENAI_BASE_URL: stub.url,
      OPENAI_MODEL: 'stub',
      AGENTFLOW_RUN_LEASE_MS: '3600000',
    });

  beforeAll(async () => {
    buildProgram();
    stub = await startStubProvider();
    stub.default({ text: TEXT, delayMs: 25, continues: true });
    server = await start();
  }, 120_000);

  afterAll(async () => {
    await server?.stop();
    await stub.close();
    folder.remove();
  });

  it('ends its streams, exits with 0 and has the answer finished by the next one at once', async () => {
    const agent = await server.client.agentId();
    const chat = { message: 'Go.', conversation_id: 'stop', message_id: 'm1' };
    const received = [];
    const exited = once(server.child, 'exit');
    for await (const event of await server.client.stream('POST', `/api/v1/agent/${agent}/chat`, chat)) {
      received.push(event);
      if (received.filter(isDelta).length === 3) server.child.kill('SIGTERM');
    }
    expect(received.some(isEnd)).toBe(false);
    expect(await exited).toEqual([0, null]);

    server = await start();
    const rest = await server.client.stream('POST', `/api/v1/agent/${agent}/chat`, chat, {
      'Last-Event-ID': received.at(-1)!.id!,
    });
    received.push(...(await rest.all()));
    expect(received.at(-1)!.data).toMatchObject({ type: 'end', content: { text: TEXT } });
    expect(deltasOf(received)).toBe(TEXT);
  }, 60_000);

  it('lets no second server on its data folder, and is not harmed by the attempt', async () => {
    const second = embeddedServer(folder.path);
    await expect(second).rejects.toThrow('ended with 1:');
    await expect(second).rejects.toThrow(folder.path);
    await expect(second).rejects.toThrow(`process ${server.child.pid}`);
    expect((await server.client.rest('GET', '/ready')).status).toBe(200);
  }, 60_000);

  it('ends at once where its port is taken, and leaves its data folder to the next', async () => {
    const other = temporaryFolder();
    try {
      await expect(embeddedServer(other.path, { PORT: new URL(server.url).port })).rejects.toThrow(
        /ended with 1:[^]*EADDRINUSE/,
      );
      const next = await embeddedServer(other.path);
      expect(await next.stop()).toBe(0);
    } finally {
      other.remove();
    }
  }, 60_000);

  it('takes up every one of many interrupted runs after a kill', async () => {
    const agent = await server.client.agentId();
    const ids = Array.from({ length: 70 }, (_, index) => `many-${index}`);
    await Promise.all(
      ids.map((id) =>
        server.client.graphql('mutation ($input: ChatInput!) { startChat(input: $input) { runId } }', {
          input: { agentId: agent, conversationId: id, messageId: 'm1', message: 'Go.' },
        }),
      ),
    );
    await server.stop('SIGKILL');
    server = await start();
    for (const id of ids)
      await eventually(
        async () => {
          const { data } = await server.client.graphql(
            'query ($id: ID!) { conversation(id: $id) { runs(first: 1) { edges { node { status attempts } } } } }',
            { id },
          );
          const { status, attempts } = data.conversation.runs.edges[0].node;
          return status === 'COMPLETED' && attempts === 2;
        },
        `${id} is completed in its second attempt`,
        40_000,
      );
  }, 90_000);
});
