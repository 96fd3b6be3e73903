import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DomainError } from '../../src/errors';
import { IndexKeeper } from '../../src/knowledge/search/index-keeper';
import { packVector } from '../../src/knowledge/vectors';
import { dropDatabases, type ServerProcess, spawnServer, testEnvironment } from '../testkit/server';
import { BAKING, makeBase, PIRATES } from './kit';

describe('an index that was lost', () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'af-index-'));
  const env = testEnvironment(dataDir, { LOG_LEVEL: 'info' });
  let server: ServerProcess | undefined;

  afterAll(async () => {
    await server?.stop();
    await dropDatabases(env.MONGODB_URL, env.AGENTFLOW_DB_PREFIX!);
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('is filled again by the first search, which finds what was there', async () => {
    server = await spawnServer(env);
    const { id } = await makeBase(server.client, [PIRATES, BAKING]);
    await server.stop('SIGKILL');
    rmSync(path.join(dataDir, 'search'), { recursive: true });

    server = await spawnServer(env);
    const body = { query: 'buried gold' };
    const answer = await server.client.rest('POST', `/api/v1/knowledge-bases/${id}/search`, body);
    expect(answer.status).toBe(200);
    expect(answer.body.documents[0]).toMatchObject({ source_file: 'pirates.md' });
    expect(answer.body.documents[0].scores.vector).toBeGreaterThan(0);
  }, 60_000);
});

describe('the keeper of indices', () => {
  const logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };
  const base = { id: 'kb', embeddingModel: 'm', dimension: 2 };
  const document = {
    id: 'd',
    title: 'T',
    fileName: 'f',
    deletedAt: null,
    liveRevision: 2,
    stagedRevision: null,
    createdAt: new Date(0),
  };
  const chunkOf = (revision: number, position: number): object => ({
    id: `d-${revision}-${position}`,
    documentId: 'd',
    revision,
    vector: packVector(Float32Array.of(1, position)),
  });
  const rows = [chunkOf(1, 0), chunkOf(2, 0), chunkOf(2, 1)];
  const knowledge = {
    statistics: async () => new Map([['kb', { chunks: 2 }]]),
    findDocuments: async () => [document],
    chunksOfBase: async (_id: string, after: string | null) => (after === null ? rows : []),
  };
  const store = { tenant: 't', knowledge } as never;
  type Put = { chunks: { record: { id: string }; title: string; vector: Float32Array }[] };

  function keeperOf(index: object): { keeper: IndexKeeper; puts: Put[] } {
    const puts: Put[] = [];
    const put = async (_tenant: string, _base: object, chunks: Put['chunks']): Promise<void> =>
      void puts.push({ chunks });
    const keeper = new IndexKeeper({ index: { put, ...index } as never, logger, patienceMs: 50 });
    return { keeper, puts };
  }

  it('puts revisions that are in use and passes over older ones', async () => {
    const { keeper, puts } = keeperOf({ statistics: async () => ({ chunks: 0 }) });
    await keeper.ensure(store, base as never);
    expect(puts.flatMap(({ chunks }) => chunks.map(({ record }) => record.id))).toEqual(['d-2-0', 'd-2-1']);
    expect(puts[0]!.chunks[1]).toMatchObject({ title: 'T', vector: Float32Array.of(1, 1) });
  });

  it('leaves an index alone that has everything, and does not look again', async () => {
    let looks = 0;
    const { keeper, puts } = keeperOf({ statistics: async () => (looks++, { chunks: 2 }) });
    await keeper.ensure(store, base as never);
    await keeper.ensure(store, base as never);
    expect([looks, puts.length]).toEqual([1, 0]);
  });

  it('fills once for searches at the same time, and asks them to come back when it takes long', async () => {
    let puts = 0;
    const { keeper } = keeperOf({
      statistics: async () => ({ chunks: 0 }),
      put: () => (puts++, new Promise(() => undefined)),
    });
    const attempts = [keeper.ensure(store, base as never), keeper.ensure(store, base as never)];
    for (const one of await Promise.allSettled(attempts))
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'not_ready' } });
    expect(puts).toBe(1);
  });

  it('tries again after a failure', async () => {
    let looks = 0;
    const { keeper } = keeperOf({
      statistics: async () => {
        if (looks++ === 0) throw new DomainError('not_ready', 'away');
        return { chunks: 2 };
      },
    });
    await expect(keeper.ensure(store, base as never)).rejects.toMatchObject({ code: 'not_ready' });
    await keeper.ensure(store, base as never);
    expect(looks).toBe(2);
  });
});
