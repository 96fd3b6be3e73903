import { finished, makeBase } from '../knowledge/kit';
import { type Json, startTestServer, type TestServer } from '../testkit/server';

const BASES = '/api/v1/knowledge-bases';
const REFRESHES = 6;
const SEARCHERS = 3;
const url = process.env.ELASTICSEARCH_URL;

let server: TestServer;
let base: Json;

beforeAll(async () => {
  server = await startTestServer(url ? { ELASTICSEARCH_URL: url } : {});
  base = await makeBase(
    server.dev,
    Array.from({ length: 12 }, (_, n) => ({ name: `lamp-${n}.txt`, content: `Lamp ${n} has a battery.` })),
  );
}, 120_000);
afterAll(() => server.close());

describe(`searches during refreshes (${url ? 'search server' : 'embedded index'})`, () => {
  it('find every document of the base each time', async () => {
    let isDone = false;
    const counts: number[] = [];
    const searcher = async (): Promise<void> => {
      while (!isDone) {
        const body = { query: 'lamp battery', search_type: 'hybrid', limit: 30 };
        const { status, body: answer } = await server.dev.rest('POST', `${BASES}/${base.id}/search`, body);
        expect(status).toBe(200);
        counts.push(new Set(answer.documents.map((one: Json) => one.source_file)).size);
      }
    };
    const refreshes = async (): Promise<void> => {
      for (let round = 0; round < REFRESHES; round++) {
        const { body } = await server.dev.rest('POST', `${BASES}/${base.id}/refresh`);
        expect(await finished(server.dev, body.job_id)).toMatchObject({ status: 'completed' });
      }
    };
    const searching = Promise.all(Array.from({ length: SEARCHERS }, searcher));
    await refreshes().finally(() => (isDone = true));
    await searching;
    expect(counts.length).toBeGreaterThan(REFRESHES);
    expect(counts.filter((count) => count < 12)).toEqual([]);
  }, 120_000);
});
