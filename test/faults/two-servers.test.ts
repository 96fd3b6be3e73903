import { randomBytes } from 'node:crypto';
import {
  type Client,
  dropDatabases,
  eventually,
  type Json,
  type ServerProcess,
  spawnServer,
  testEnvironment,
} from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { buildProgram, deltasOf, isDelta, temporaryFolder } from './kit';

const TEXT = Array.from({ length: 120 }, (_, index) => `piece${index}`).join(' ');
const LEASE_MS = 2_000;
const url = process.env.MONGODB_URL;

// Two processes need a database that both reach: the suite runs where MONGODB_URL names one.
const describeWithMongo = url ? describe : describe.skip;

describeWithMongo('two servers on one database (needs MONGODB_URL)', () => {
  const folder = temporaryFolder();
  const prefix = `t${randomBytes(5).toString('hex')}`;
  let stub: StubProvider;
  let a: ServerProcess;
  let b: ServerProcess;
  let agent: string;
  let chats = 0;

  const start = (): Promise<ServerProcess> =>
    spawnServer({
      ...testEnvironment(folder.path),
      AGENTFLOW_DB_PREFIX: prefix,
      AGENTFLOW_RUN_LEASE_MS: String(LEASE_MS),
      OPENAI_BASE_URL: stub.url,
      OPENAI_MODEL: 'stub',
    });

  beforeAll(async () => {
    buildProgram();
    stub = await startStubProvider();
    stub.default({ text: TEXT, delayMs: 25, continues: true });
    a = await start();
    b = await start();
    agent = await a.client.agentId();
  }, 120_000);

  afterAll(async () => {
    await Promise.all([a?.stop('SIGKILL'), b?.stop('SIGKILL')]);
    await stub.close();
    await dropDatabases(url, prefix);
    folder.remove();
  });

  async function startAt(client: Client): Promise<{ run: string; conversation: string; call: string }> {
    const conversation = `two-${++chats}`;
    const { data, errors } = await client.graphql(
      'mutation ($input: ChatInput!) { startChat(input: $input) { runId callId } }',
      { input: { agentId: agent, conversationId: conversation, messageId: 'm1', message: 'Go.' } },
    );
    if (errors) throw new Error(JSON.stringify(errors));
    return { run: data.startChat.runId, call: data.startChat.callId, conversation };
  }

  async function follow(client: Client, run: string, onDelta: (count: number) => unknown = () => undefined) {
    const events = [];
    const query = 'subscription ($run: ID!) { runEvents(runId: $run) { type seq content metadata } }';
    for await (const { data } of await client.subscribe(query, { run })) {
      if (!data?.data) continue;
      const event = { id: String(data.data.runEvents.seq), data: data.data.runEvents };
      events.push(event);
      if (isDelta(event)) onDelta(events.filter(isDelta).length);
    }
    return events;
  }

  const runOf = async (client: Client, id: string): Promise<Json> =>
    (await client.graphql('query ($id: ID!) { run(id: $id) { status attempts } }', { id })).data.run;

  it('shows at one what runs at the other, as it comes', async () => {
    const { run } = await startAt(a.client);
    let statusAtFirst: Promise<Json> | undefined;
    const events = await follow(b.client, run, () => (statusAtFirst ??= runOf(a.client, run)));
    expect((await statusAtFirst).status).toBe('RUNNING');
    expect(events.filter(isDelta).length).toBeGreaterThan(2);
    expect(deltasOf(events)).toBe(TEXT);
    expect(events.at(-1)!.data).toMatchObject({ type: 'end', content: { text: TEXT } });
  }, 30_000);

  it('cancels at one what runs at the other', async () => {
    const { run, call } = await startAt(a.client);
    const answer = await b.client.rest('POST', `/api/v1/cancel/${call}`);
    expect(answer.status).toBe(200);
    const events = await follow(b.client, run);
    expect(events.at(-1)!.data).toMatchObject({ type: 'end', content: { finish_reason: 'cancelled' } });
    expect((await runOf(b.client, run)).status).toBe('CANCELLED');
  }, 30_000);

  it('lets no server write for a run that another took over while it was paused', async () => {
    const { run, conversation } = await startAt(a.client);
    const events = await follow(b.client, run, (count) => count === 2 && a.child.kill('SIGSTOP'));
    a.child.kill('SIGCONT');
    expect(events.at(-1)!.data).toMatchObject({ type: 'end', content: { text: TEXT } });
    expect(deltasOf(events)).toBe(TEXT);
    expect(await runOf(b.client, run)).toEqual({ status: 'COMPLETED', attempts: 2 });
    // The paused one finds out, says so and serves on.
    await eventually(async () => a.output().includes('taken over by another worker'), 'A notices');
    expect(await follow(a.client, run)).toEqual(events);
    const { body } = await a.client.rest('GET', `/api/v1/conversations/${conversation}/messages`);
    const messages = Object.values(body as Record<string, Json>).find(Array.isArray) as Json[];
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
  }, 60_000);

  it('finishes at one what the other was killed over', async () => {
    const { run } = await startAt(a.client);
    const events = await follow(b.client, run, (count) => count === 2 && a.child.kill('SIGKILL'));
    expect(events.at(-1)!.data).toMatchObject({ type: 'end', content: { text: TEXT } });
    expect(deltasOf(events)).toBe(TEXT);
    expect(await runOf(b.client, run)).toEqual({ status: 'COMPLETED', attempts: 2 });
  }, 60_000);
});
