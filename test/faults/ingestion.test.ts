import { finished, makeBase, PIRATES, sendForm } from '../knowledge/kit';
import { eventually, type Json, type ServerProcess } from '../testkit/server';
import { buildProgram, embeddedServer, temporaryFolder } from './kit';

const BASES = '/api/v1/knowledge-bases';
/** Fewer than a search can return, so that a search sees all of a file. */
const PASSAGES = 90;
/** Chunks done of the file before each kill: in the first batch, and in the second. */
const KILLS = [1, 65];

const folder = temporaryFolder();
let server: ServerProcess;

beforeAll(buildProgram);
afterAll(async () => {
  await server.stop('SIGKILL');
  folder.remove();
});

const passages = Array.from(
  { length: PASSAGES },
  (_, n) =>
    `## Kind ${n}\n\nThe whale of kind ${n} sings song ${n * 7} ${'under the wide and quiet sea '.repeat(6)}.`,
);
const whales = {
  name: 'whales.md',
  content: `# Whales\n\n${passages.join('\n\n')}\n`,
  type: 'text/markdown',
};

const get = async (route: string): Promise<Json> => (await server.client.rest('GET', route)).body;

async function allChunks(base: string, documentId: string): Promise<Json[]> {
  const chunks: Json[] = [];
  for (let cursor = ''; ;) {
    const page = await get(`${BASES}/${base}/documents?limit=100&document_id=${documentId}${cursor}`);
    chunks.push(...page.documents);
    if (page.next_cursor === null) return chunks;
    cursor = `&cursor=${page.next_cursor}`;
  }
}

it('ingests every chunk exactly once, however often the process is killed in between', async () => {
  server = await embeddedServer(folder.path);
  const { id } = await makeBase(server.client, [PIRATES], { chunk_size: '300', overlap_percentage: '0' });
  const { chunks: wanted } = (
    await server.client.rest('POST', `${BASES}/preview`, {
      text: whales.content,
      file_name: whales.name,
      chunk_size: 300,
      overlap_percentage: 0,
    })
  ).body;
  expect(wanted.length).toBeGreaterThan(Math.max(...KILLS));
  expect(wanted.length).toBeLessThanOrEqual(100);
  const { job_id: job } = (await sendForm(server.client, `${BASES}/${id}/documents`, {}, [whales, PIRATES]))
    .body;

  for (const done of KILLS) {
    await eventually(
      async () => {
        const [file] = (await get(`/api/v1/batches/${job}`)).files;
        expect(file.status).not.toBe('completed');
        return file.chunks_done >= Math.min(done, wanted.length - 1);
      },
      `${done} chunks`,
      60_000,
    );
    await server.stop('SIGKILL');
    server = await embeddedServer(folder.path);
  }

  const batch = await finished(server.client, job);
  expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 2, completed: 2, failed: 0 } });
  const [file] = batch.files;
  const chunks = await allChunks(id, file.document_id);
  expect(chunks.map((chunk) => chunk.content)).toEqual(wanted.map((chunk: Json) => chunk.text));
  expect(chunks.map((chunk) => chunk.chunk_index)).toEqual(wanted.map((_: Json, index: number) => index));
  const { documents } = (
    await server.client.rest('POST', `${BASES}/${id}/search`, {
      query: 'whale sings',
      search_type: 'keyword',
      limit: 100,
      metadata_filters: { format: 'markdown' },
    })
  ).body;
  const found = documents.filter((one: Json) => one.source_file === 'whales.md').map((one: Json) => one.id);
  expect(new Set(found).size).toBe(found.length);
  expect(found.sort()).toEqual(
    chunks
      .map((chunk) => chunk.id)
      .slice(0, 100)
      .sort(),
  );
}, 180_000);
