import { dataOf, expectProblem } from '../testkit/contract';
import { type Json, startTestServer, type TestServer } from '../testkit/server';
import { BAKING, finished, makeBase, PIRATES, sendForm } from './kit';

const BASES = '/api/v1/knowledge-bases';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const get = async (route: string): Promise<Json> => (await server.dev.rest('GET', route)).body;
const search = async (id: string, query: string, fields: object = {}): Promise<Json[]> =>
  (await server.dev.rest('POST', `${BASES}/${id}/search`, { query, ...fields })).body.documents;

const setGolden = (knowledgeBaseId: string, queries: object[]): Promise<Json> =>
  dataOf(
    server.dev.graphql(
      'mutation($input: SetGoldenQueriesInput!) { setGoldenQueries(input: $input) { goldenQueries { query within } } }',
      { input: { knowledgeBaseId, queries } },
    ),
  );

describe('a refresh', () => {
  it('builds the index again with new settings and switches over', async () => {
    const { id } = await makeBase(server.dev, [PIRATES, BAKING]);
    await server.dev.rest('PUT', `${BASES}/${id}`, { chunk_size: 60, overlap_percentage: 0 });
    const before = await get(`${BASES}/${id}/documents`);
    const { status, body } = await server.dev.rest('POST', `${BASES}/${id}/refresh`);
    expect({ status, body }).toMatchObject({ status: 202, body: { kb_id: id, status: 'processing' } });
    expect(await finished(server.dev, body.job_id)).toMatchObject({
      status: 'completed',
      operation: 'kb_refresh',
    });
    const after = await get(`${BASES}/${id}/documents`);
    expect(after.total).toBeGreaterThan(before.total);
    expect(await get(`${BASES}/${id}`)).toMatchObject({
      generation: 1,
      refresh_job_id: null,
      chunk_count: after.total,
    });
    const ids = new Set(after.documents.map((chunk: Json) => chunk.id));
    for (const found of await search(id, 'gold oven', { limit: 100 })) expect(ids).toContain(found.id);
  });

  it('embeds nothing again that has not changed', async () => {
    const { id } = await makeBase(server.dev, [PIRATES]);
    const { body } = await server.dev.rest('POST', `${BASES}/${id}/refresh`);
    const [file] = (await finished(server.dev, body.job_id)).files;
    expect(file.chunks_total).toBeGreaterThan(0);
    expect(file.vectors_reused).toBe(file.chunks_total);
  });

  it('goes live when the golden queries are answered, and says how', async () => {
    const { id } = await makeBase(server.dev, [PIRATES, BAKING]);
    await setGolden(id, [{ query: 'hidden treasure', sourceFile: 'pirates.md', within: 1 }]);
    const { body } = await server.dev.rest('POST', `${BASES}/${id}/refresh`);
    expect(await finished(server.dev, body.job_id)).toMatchObject({
      status: 'completed',
      gate: [{ query: 'hidden treasure', passed: true, rank: 1, reason: null }],
    });
  });

  it('leaves the old index when a golden query fails, and names it', async () => {
    const { id } = await makeBase(server.dev, [PIRATES, BAKING]);
    const before = await search(id, 'gold');
    await setGolden(id, [{ query: 'quantum chromodynamics', contains: 'gluon' }]);
    const { body } = await server.dev.rest('POST', `${BASES}/${id}/refresh`);
    const batch = await finished(server.dev, body.job_id);
    expect(batch).toMatchObject({
      status: 'failed',
      gate: [{ query: 'quantum chromodynamics', passed: false }],
    });
    expect(batch.error).toContain('quantum chromodynamics');
    expect(await get(`${BASES}/${id}`)).toMatchObject({ generation: 0, refresh_job_id: null });
    expect((await search(id, 'gold')).map((one) => one.id)).toEqual(before.map((one) => one.id));
  });

  it('is refused while another one is under way', async () => {
    const { id } = await makeBase(server.dev, [PIRATES]);
    const [first, second] = await Promise.all([
      server.dev.rest('POST', `${BASES}/${id}/refresh`),
      server.dev.rest('POST', `${BASES}/${id}/refresh`),
    ]);
    const [won, lost] = first.status === 202 ? [first, second] : [second, first];
    if (lost.status !== 202) expectProblem(lost, 409, 'conflict');
    await finished(server.dev, won.body.job_id);
  });

  it('of one document replaces its chunks and leaves one set of them', async () => {
    const { id } = await makeBase(server.dev, [PIRATES]);
    const [{ id: documentId }] = (await get(`${BASES}/${id}/files`)).files;
    const before = await get(`${BASES}/${id}/documents`);
    const { body } = await server.dev.rest('POST', `${BASES}/${id}/documents/${documentId}/refresh`);
    await finished(server.dev, body.job_id);
    const after = await get(`${BASES}/${id}/documents`);
    expect(after.documents.map((one: Json) => one.content)).toEqual(
      before.documents.map((one: Json) => one.content),
    );
    expect(after.documents[0].id).not.toBe(before.documents[0].id);
    const store = server.application.database.store('agentflow').knowledge;
    expect(await store.chunkIdsOfBase(id, 100)).toHaveLength(after.total);
  });
});

it('tells every step of an ingestion until its end over GraphQL', async () => {
  const { id } = await makeBase(server.dev, [PIRATES]);
  const { body } = await sendForm(server.dev, `${BASES}/${id}/documents`, {}, [BAKING]);
  const stream = await server.dev.subscribe(
    'subscription($id: ID!) { ingestionProgress(jobId: $id) { status progress files { status } } }',
    { id: body.job_id },
  );
  const states = (await stream.all())
    .filter(({ event }) => event === 'next')
    .map(({ data }) => data.data.ingestionProgress);
  expect(states.at(-1)).toEqual({ status: 'COMPLETED', progress: 1, files: [{ status: 'COMPLETED' }] });
});

it('deletes a document that is being ingested: nothing of it is found later', async () => {
  const { id } = await makeBase(server.dev, [PIRATES]);
  const long = Array.from({ length: 400 }, (_, n) => `Whales of kind ${n} sing ${n} songs in the deep sea.`);
  const added = await sendForm(server.dev, `${BASES}/${id}/documents`, {}, [
    { name: 'whales.txt', content: long.join('\n\n') },
  ]);
  const whales = (await get(`${BASES}/${id}/files`)).files.find(
    (file: Json) => file.file_name === 'whales.txt',
  );
  expect((await server.dev.rest('DELETE', `${BASES}/${id}/documents/${whales.id}`)).status).toBe(200);
  await finished(server.dev, added.body.job_id);
  expect((await search(id, 'whales sing')).map((one) => one.source_file)).not.toContain('whales.txt');
  const store = server.application.database.store('agentflow').knowledge;
  expect(await store.revisionsOf(whales.id)).toEqual([]);
});
