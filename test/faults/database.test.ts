import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { eventually, type ServerProcess, spawnServer, testEnvironment } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { buildProgram, deltasOf, isDelta, Proxy, temporaryFolder } from './kit';

const TEXT = Array.from({ length: 100 }, (_, index) => `line${index}`).join(' ');
const OUTAGE_MS = 5_000;
const QUICK_MS = 6_000;

/** The embedded database as a server of its own, so that the database can go while the product stays. */
async function startDatabase(dataDir: string, port = 0): Promise<{ child: ChildProcess; port: number }> {
  const program = path.resolve(__dirname, '..', '..', 'bin', 'agentflow.cjs');
  const child = spawn(process.execPath, [program, 'db', '--data-dir', dataDir, '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, port: Number(new URL(line.replace('mongodb:', 'http:')).port) };
}

describe('a database that goes away', () => {
  const folder = temporaryFolder();
  let stub: StubProvider;
  let database: { child: ChildProcess; port: number };
  let proxy: Proxy;
  let server: ServerProcess;
  let agent: string;

  const startServer = (): Promise<ServerProcess> =>
    spawnServer({
      ...testEnvironment(folder.path),
      MONGODB_URL: `mongodb://${proxy.address}/?directConnection=true`,
      OPENAI_BASE_URL: stub.url,
      OPENAI_MODEL: 'stub',
    });

  beforeAll(async () => {
    buildProgram();
    stub = await startStubProvider();
    stub.default({ text: TEXT, delayMs: 30 });
    database = await startDatabase(path.join(folder.path, 'database'));
    proxy = new Proxy({ host: '127.0.0.1', port: database.port });
    await proxy.mend();
    server = await startServer();
    agent = await server.client.agentId();
  }, 120_000);

  afterAll(async () => {
    await server?.stop();
    await proxy.cut();
    database.child.kill();
    await once(database.child, 'exit');
    await stub.close();
    folder.remove();
  });

  const chat = (id: string) => ({ message: 'Go.', conversation_id: id, message_id: 'm1' });

  /** Asks and takes the time. */
  async function timed<T>(ask: () => Promise<T>): Promise<T & { ms: number }> {
    const started = performance.now();
    const answer = await ask();
    return { ...answer, ms: performance.now() - started };
  }

  it('fails requests quickly and clearly, while the run that is going on waits and completes', async () => {
    const events = [];
    let outage: Promise<unknown> | undefined;
    const stream = await server.client.stream('POST', `/api/v1/agent/${agent}/chat`, chat('outage'));
    for await (const event of stream) {
      events.push(event);
      if (events.filter(isDelta).length === 2) outage ??= duringOutage();
    }
    await outage;
    expect(events.at(-1)!.data).toMatchObject({ type: 'end', content: { text: TEXT } });
    expect(deltasOf(events)).toBe(TEXT);
    expect((await server.client.rest('GET', '/ready')).status).toBe(200);
    const { body } = await server.client.rest('GET', '/health');
    expect(body.checks.database.status).toBe('ok');
  }, 60_000);

  async function duringOutage(): Promise<void> {
    await proxy.cut();
    const mended = new Promise((resolve) => setTimeout(resolve, OUTAGE_MS)).then(() => proxy.mend());
    const { client } = server;
    const [write, list, graphql, ready, health, keyed] = await Promise.all([
      timed(() => client.rest('POST', `/api/v1/agent/${agent}/chat`, chat('refused'))),
      timed(() => client.rest('GET', '/api/v1/conversations')),
      timed(() => client.graphql('{ conversations(limit: 1) { conversations { id } } }')),
      timed(() => client.rest('GET', '/ready')),
      timed(() => client.rest('GET', '/health')),
      timed(() =>
        client.rest(
          'POST',
          '/api/v1/conversations',
          { agent_id: agent },
          {
            'Idempotency-Key': 'outage',
          },
        ),
      ),
    ]);
    for (const answer of [write, list, keyed]) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable', status: 503 } });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    }
    expect(graphql.errors![0]!.extensions).toMatchObject({ code: 'database_unavailable', status: 503 });
    expect(ready).toMatchObject({ status: 503, body: { code: 'not_ready' } });
    expect(health.status).toBe(503);
    expect(health.body.status).toBe('down');
    for (const { ms } of [write, list, graphql, ready, health, keyed]) expect(ms).toBeLessThan(QUICK_MS);
    await mended;
  }

  it('accepts the message that it refused, once it is back', async () => {
    const stream = await server.client.stream('POST', `/api/v1/agent/${agent}/chat`, chat('refused'));
    const events = await stream.all();
    expect(events.at(-1)!.data).toMatchObject({ type: 'end', content: { text: TEXT } });
  }, 30_000);

  it('may be killed and started again under a run, which completes', async () => {
    const events = [];
    let restarted: Promise<unknown> | undefined;
    const restart = async (): Promise<void> => {
      database.child.kill('SIGKILL');
      await once(database.child, 'exit');
      database = await startDatabase(path.join(folder.path, 'database'), database.port);
    };
    const stream = await server.client.stream('POST', `/api/v1/agent/${agent}/chat`, chat('restart'));
    for await (const event of stream) {
      events.push(event);
      if (events.filter(isDelta).length === 2) restarted ??= restart();
    }
    await restarted;
    expect(events.at(-1)!.data).toMatchObject({ type: 'end', content: { text: TEXT } });
    expect(deltasOf(events)).toBe(TEXT);
  }, 60_000);

  it('may be absent when the server starts: it is ready, with its jobs, as soon as the database is there', async () => {
    await server.stop();
    await proxy.cut();
    server = await startServer();
    expect((await server.client.rest('GET', '/ready')).status).toBe(503);
    await proxy.mend();
    await eventually(async () => {
      const { body } = await server.client.rest('GET', '/health');
      return body.checks.database.status === 'ok' && body.checks.jobs.status === 'ok';
    }, 'database and jobs are up');
    expect((await server.client.rest('GET', '/api/v1/agents')).status).toBe(200);
  }, 60_000);
});
