import { once } from 'node:events';
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { eventually, type ServerProcess, type Json } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { buildProgram, deltasOf, embeddedServer, temporaryFolder } from './kit';

const MEGABYTE = 1024 * 1024;

describe('readers of a stream', () => {
  const folder = temporaryFolder();
  let stub: StubProvider;
  let server: ServerProcess;
  let agent: string;

  beforeAll(async () => {
    buildProgram();
    stub = await startStubProvider();
    server = await embeddedServer(folder.path, { OPENAI_BASE_URL: stub.url, OPENAI_MODEL: 'stub' });
    agent = await server.client.agentId();
  }, 120_000);

  afterAll(async () => {
    await server?.stop();
    await stub.close();
    folder.remove();
  });

  const statusOf = async (id: string): Promise<string | undefined> => {
    const { data } = await server.client.graphql(
      'query ($id: ID!) { conversation(id: $id) { runs(first: 1) { edges { node { status } } } } }',
      { id },
    );
    return data?.conversation?.runs.edges[0]?.node.status;
  };

  const residentBytes = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))![1]) * 1024;

  it('may hang up: the run goes on to its end', async () => {
    stub.default({ text: Array.from({ length: 50 }, (_, index) => `w${index}`).join(' '), delayMs: 20 });
    const stream = await server.client.stream('POST', `/api/v1/agent/${agent}/chat`, {
      message: 'Go.',
      conversation_id: 'hang-up',
      message_id: 'm1',
    });
    await stream.until(({ data }) => data.type === 'delta');
    expect(await statusOf('hang-up')).toBe('RUNNING');
    await eventually(async () => (await statusOf('hang-up')) === 'COMPLETED', 'the run is completed');
  }, 30_000);

  // Reads /proc for the memory of the server.
  (process.platform === 'linux' ? it : it.skip)(
    'that stop reading a 20 MB answer are cut off, cost little memory and can resume',
    async () => {
      const piece = 'lorem ipsum dolor sit amet '.repeat(4_000);
      stub.default({
        tokens: Array.from({ length: (20 * MEGABYTE) / piece.length }, () => piece),
        usage: null,
      });
      const body = JSON.stringify({ message: 'Go.', conversation_id: 'slow', message_id: 'm1' });
      const before = residentBytes();
      const request = http.request(`${server.url}/api/v1/agent/${agent}/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      });
      request.end(body);
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      const cut = new Promise((resolve) => response.once('close', resolve));
      response.on('error', () => undefined);
      // Nothing is read, so the socket's buffers fill up.
      response.socket.pause();
      await eventually(async () => (await statusOf('slow')) === 'COMPLETED', 'the run is completed', 60_000);
      expect(residentBytes() - before).toBeLessThan(250 * MEGABYTE);

      await eventually(
        async () => server.output().includes('slow event stream reader cut off'),
        'the cut',
        60_000,
      );
      response.socket.resume();
      response.resume();
      await cut;
      const events: Json[] = await (
        await server.client.stream('POST', `/api/v1/agent/${agent}/chat`, JSON.parse(body))
      ).all();
      const end = events.at(-1)!.data;
      expect(end).toMatchObject({ type: 'end', content: { finish_reason: 'length' } });
      expect(deltasOf(events) === end.content.text).toBe(true);
    },
    150_000,
  );
});
