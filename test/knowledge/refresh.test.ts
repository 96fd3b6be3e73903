import type { IngestionJobRecord } from '../../src/ports/knowledge';
import { dataOf, expectProblem } from '../testkit/contract';
import { type Json, startTestServer, type TestServer } from '../testkit/server';
import { BAKING, finished, makeBase, PIRATES, sendForm } from './kit';

const BASES = '/api/v1/knowledge-bases';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ AGENTFLOW_RUN_LEASE_MS: '1000' });
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

  it('tries again what could not be read, and makes nothing of a base that has nothing', async () => {
    const made = await sendForm(server.dev, BASES, { name: 'unreadable' }, [{ ...PIRATES, content: '  \n' }]);
    expect(made.body.status).toBe('failed');
    const { id } = made.body;
    const { body } = await server.dev.rest('POST', `${BASES}/${id}/refresh`);
    expect(await finished(server.dev, body.job_id)).toMatchObject({
      status: 'failed',
      request_counts: { total: 1, completed: 0, failed: 1 },
    });
    expect(await get(`${BASES}/${id}`)).toMatchObject({
      status: 'failed',
      failed_count: 1,
      refresh_job_id: null,
    });
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

  it('is refused while another one is under way, also when they come at the same moment', async () => {
    const { id } = await makeBase(server.dev, [PIRATES, BAKING]);
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => server.dev.rest('POST', `${BASES}/${id}/refresh`)),
    );
    const won = answers.filter(({ status }) => status === 202);
    expect(won).toHaveLength(1);
    for (const lost of answers) if (lost !== won[0]) expectProblem(lost, 409, 'conflict');
    expect(await finished(server.dev, won[0]!.body.job_id)).toMatchObject({ status: 'completed' });
    expect(await get(`${BASES}/${id}`)).toMatchObject({ generation: 1, refresh_job_id: null });
    const { knowledge } = server.application.database.store('agentflow');
    const jobs = await knowledge.listJobs(id, 10);
    expect(jobs.map(({ operation }) => operation)).toEqual(['refresh', 'create']);
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

describe('a refresh that a dead process left', () => {
  /** Leaves a job as its process would have, for recovery to find. */
  async function leaveJob(baseId: string, changes: Partial<IngestionJobRecord>): Promise<string> {
    const { knowledge } = server.application.database.store('agentflow');
    const [model] = await knowledge.listJobs(baseId, 1);
    const id = `kb_ingest_left-${changes.generation}-${baseId}`;
    const fresh = { status: 'queued', finishedAt: null, startedAt: null, total: 0, completed: 0, failed: 0 };
    await knowledge.createJob({ ...model!, ...fresh, id, operation: 'refresh', ...changes } as never, []);
    return id;
  }

  const leftovers = async (baseId: string): Promise<Json> => {
    const { knowledge } = server.application.database.store('agentflow');
    const documents = await knowledge.listDocuments({ knowledgeBaseId: baseId }, { limit: 10 });
    const chunks = await Promise.all(documents.map(({ id }) => knowledge.revisionsOf(id)));
    return { staged: documents.filter((one) => one.stagedGeneration !== null).length, chunks };
  };
  const NONE = { staged: 0, chunks: [[{ revision: 0, generation: 0 }]] };

  it('before it began fails, and changes nothing', async () => {
    const { id } = await makeBase(server.dev, [PIRATES]);
    const job = await leaveJob(id, { generation: -1 });
    expect(await finished(server.dev, job)).toMatchObject({
      status: 'failed',
      error: expect.stringMatching(/start it again/),
    });
    expect(await leftovers(id)).toEqual(NONE);
  });

  it('right after it began is done', async () => {
    const { id } = await makeBase(server.dev, [PIRATES]);
    const { knowledge } = server.application.database.store('agentflow');
    await knowledge.beginRefresh(id, `kb_ingest_left--1-${id}`, new Date());
    const job = await leaveJob(id, { generation: -1 });
    expect(await finished(server.dev, job)).toMatchObject({ status: 'completed' });
    expect(await get(`${BASES}/${id}`)).toMatchObject({ generation: 1, refresh_job_id: null });
  });

  it('and whose place another one took drops everything that it built', async () => {
    const { id } = await makeBase(server.dev, [PIRATES]);
    const job = await leaveJob(id, { generation: 7 });
    expect(await finished(server.dev, job)).toMatchObject({
      status: 'failed',
      error: expect.stringMatching(/took the place/),
    });
    expect(await leftovers(id)).toEqual(NONE);
    expect(await get(`${BASES}/${id}`)).toMatchObject({ generation: 0 });
  });

  it('while it dropped what the golden queries had refused does not go live', async () => {
    const { id } = await makeBase(server.dev, [PIRATES]);
    const { knowledge } = server.application.database.store('agentflow');
    await knowledge.beginRefresh(id, `kb_ingest_left-1-${id}`, new Date());
    const job = await leaveJob(id, { generation: 1, error: 'Refused by a golden query.' });
    expect(await finished(server.dev, job)).toMatchObject({
      status: 'failed',
      error: 'Refused by a golden query.',
    });
    expect(await leftovers(id)).toEqual(NONE);
    expect(await get(`${BASES}/${id}`)).toMatchObject({ generation: 0, refresh_job_id: null });
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
