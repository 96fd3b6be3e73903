import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { TenantStore } from '../../src/ports/stores';
import { eventually, type Json, startTestServer, type TestServer } from '../testkit/server';
import { BAKING, makeBase, PIRATES } from './kit';

const BASES = '/api/v1/knowledge-bases';
const LONG_AGO = new Date(0);
let server: TestServer;
let store: TenantStore;

beforeAll(async () => {
  server = await startTestServer({ AGENTFLOW_RUN_LEASE_MS: '1000' });
  store = server.application.database.store('agentflow');
});
afterAll(() => server.close());

function filesBelow(folder: string): string[] {
  const root = path.join(server.dataDir, folder);
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name));
}

const inFiles = (): number => filesBelow('files').length;
const inIndex = (): number => filesBelow('search').length;

/** Whatever is left of a base. */
async function remains(baseId: string): Promise<Json> {
  const { knowledge } = store;
  return {
    chunks: (await knowledge.chunkIdsOfBase(baseId, 10)).length,
    documents: await knowledge.countDocuments({ knowledgeBaseId: baseId }),
    marked: (await knowledge.basesToRemove(null, 10)).length,
  };
}

const NOTHING = { chunks: 0, documents: 0, marked: 0 };

const nothingRemains = (baseId: string): Promise<unknown> =>
  eventually(
    async () => JSON.stringify(await remains(baseId)) === JSON.stringify(NOTHING),
    'nothing is left of the base',
  );

describe('a deletion that a crash cut off', () => {
  it('of a base goes on: its chunks, files and index are removed', async () => {
    const before = { files: inFiles(), index: inIndex() };
    const { id } = await makeBase(server.dev, [PIRATES, BAKING]);
    expect(await remains(id)).toEqual({ chunks: 2, documents: 2, marked: 0 });
    expect({ files: inFiles(), index: inIndex() }).toEqual({
      files: before.files + 2,
      index: before.index + 1,
    });

    // What the process had written when it died.
    await store.knowledge.updateBase(id, { deletedAt: LONG_AGO, nameKey: id, removalDueAt: LONG_AGO });

    await nothingRemains(id);
    expect({ files: inFiles(), index: inIndex() }).toEqual(before);
  });

  it('of a document goes on: its chunks and its file are removed, the others stay', async () => {
    const { id } = await makeBase(server.dev, [PIRATES, BAKING]);
    const { files } = (await server.dev.rest('GET', `${BASES}/${id}/files`)).body;
    const pirates = files.find((file: Json) => file.file_name === PIRATES.name).id as string;
    const stored = inFiles();

    await store.knowledge.updateDocument(pirates, {
      deletedAt: LONG_AGO,
      contentKey: pirates,
      removalDueAt: LONG_AGO,
    });

    await eventually(
      async () => (await store.knowledge.documentsToRemove(null, 10)).length === 0,
      'the document is removed',
    );
    expect(await store.knowledge.revisionsOf(pirates)).toEqual([]);
    expect(inFiles()).toBe(stored - 1);
    const { documents } = (await server.dev.rest('GET', `${BASES}/${id}/documents`)).body;
    expect(documents.map((chunk: Json) => chunk.source_file)).toEqual([BAKING.name]);
  });
});

it('removes what a worker that had not heard of the deletion wrote after it', async () => {
  const { id } = await makeBase(server.dev, [PIRATES]);
  const [chunk] = await store.knowledge.chunksOfBase(id, null, 1);
  expect((await server.dev.rest('DELETE', `${BASES}/${id}`)).status).toBe(200);
  expect(await remains(id)).toEqual({ ...NOTHING, marked: 1 });

  await store.knowledge.saveChunks([chunk!]);

  await nothingRemains(id);
}, 30_000);
