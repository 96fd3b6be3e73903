import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Answer, Json, ServerProcess } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { buildProgram, deltasOf, embeddedServer, isEnd } from './kit';

const MEGABYTE = 1024 * 1024;
/** Enough for an empty database, and soon full. */
const DISK_MB = 24;
const BALLAST_MB = 8;

const folder = mkdtempSync(path.join(tmpdir(), 'af-full-'));
const mounted =
  process.platform === 'linux' &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', folder]).status === 0;

// A small disk of one's own takes the right to mount it.
(mounted ? describe : describe.skip)('a disk that is full (needs the right to mount)', () => {
  const ballast = path.join(folder, 'ballast');
  let stub: StubProvider;
  let server: ServerProcess;
  const stored: string[] = [];

  const start = (): Promise<ServerProcess> =>
    embeddedServer(folder, { OPENAI_BASE_URL: stub.url, OPENAI_MODEL: 'stub' });

  beforeAll(async () => {
    buildProgram();
    stub = await startStubProvider();
    writeFileSync(ballast, Buffer.alloc(BALLAST_MB * MEGABYTE));
    server = await start();
  }, 120_000);

  afterAll(async () => {
    await server?.stop();
    await stub.close();
  });

  const append = async (id: string): Promise<Answer> =>
    server.client.rest('POST', '/api/v1/conversations/full/messages', {
      content: `${id} ${'x'.repeat(400_000)}`,
      message_id: id,
    });

  const messages = async (): Promise<string[]> => {
    const list: Json[] = [];
    for (let offset = 0; ; offset = list.length) {
      const { body } = await server.client.rest(
        'GET',
        `/api/v1/conversations/full/messages?limit=20&offset=${offset}`,
      );
      const page = Object.values(body as Record<string, Json>).find(Array.isArray) as Json[];
      list.push(...page);
      if (page.length < 20) return list.map(({ content }) => content.split(' ')[0] as string);
    }
  };

  it('refuses writes with 503 storage_full that says what to do, and still reads', async () => {
    const agent = await server.client.agentId();
    const made = await server.client.rest('POST', '/api/v1/conversations', { id: 'full', agent_id: agent });
    expect(made.status).toBeLessThan(300);
    let refused: Answer | undefined;
    for (let count = 0; !refused && count < DISK_MB * 4; count++) {
      const answer = await append(`m${count}`);
      if (answer.status < 300) stored.push(`m${count}`);
      else refused = answer;
    }
    expect(refused).toMatchObject({ status: 503, body: { code: 'storage_full' } });
    expect(refused!.body.detail).toMatch(/disk space/);
    expect(stored.length).toBeGreaterThan(2);
    expect(await messages()).toEqual(stored);
  }, 120_000);

  it('works again, with nothing lost, once there is space', async () => {
    rmSync(ballast);
    expect((await append('after')).status).toBeLessThan(300);
    stored.push('after');
    expect(await messages()).toEqual(stored);

    stub.default({ text: 'Space again.' });
    const stream = await server.client.stream('POST', `/api/v1/agent/${await server.client.agentId()}/chat`, {
      message: 'Go.',
      conversation_id: 'space',
      message_id: 'm1',
    });
    const events = await stream.all();
    expect(events.filter(isEnd).map(({ data }) => data.type)).toEqual(['end']);
    expect(deltasOf(events)).toBe('Space again.');
  }, 60_000);

  it('leaves a database that starts again with everything that was stored', async () => {
    await server.stop('SIGKILL');
    server = await start();
    expect(await messages()).toEqual(stored);
    const { data } = await server.client.graphql('{ conversation(id: "full") { messageCount } }');
    expect(data.conversation.messageCount).toBeGreaterThanOrEqual(stored.length);
  }, 60_000);
});

afterAll(() => {
  if (mounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
});
