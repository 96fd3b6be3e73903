import { type Json, startTestServer, type TestServer } from '../testkit/server';
import { finished, freshName, sendForm } from '../knowledge/kit';

const BASES = '/api/v1/knowledge-bases';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const rest = async (method: string, route: string, body?: Json): Promise<Json> =>
  (await server.dev.rest(method, route, body)).body;

const LAMP = {
  name: 'lamp.md',
  content: '---\nproduct: lamp\nyear: 2023\n---\n# Lamp\n\nLamps glow in the dark.',
};
const CHAIR = { name: 'chair.txt', content: 'Chairs stand in the dark.' };

async function make(files = [LAMP, CHAIR], fields: Record<string, string> = {}): Promise<string> {
  const { body } = await sendForm(server.dev, BASES, { name: freshName('metadata'), ...fields }, files);
  await finished(server.dev, body.job_id);
  return body.id;
}

const filtered = async (id: string, metadata_filters: Json): Promise<string[]> =>
  (await rest('POST', `${BASES}/${id}/documents/filter`, { metadata_filters })).documents.map(
    ({ file_name }: Json) => file_name,
  );

it('has the front matter of Markdown and what the upload says over it, to filter by everywhere', async () => {
  const id = await make([LAMP, CHAIR], { document_metadata: '[{"year":2024},{"product":"chair"}]' });
  expect(await filtered(id, { product: 'lamp' })).toEqual(['lamp.md']);
  expect(await filtered(id, { year: 2024 })).toEqual(['lamp.md']);
  expect(await filtered(id, { product: 'chair' })).toEqual(['chair.txt']);
  const { fields } = await rest('GET', `${BASES}/${id}/metadata-schema`);
  expect(fields.map(({ name }: Json) => name)).toEqual(expect.arrayContaining(['product', 'year']));
  const found = await rest('POST', `${BASES}/${id}/search`, {
    query: 'dark',
    metadata_filters: { product: 'chair' },
  });
  expect(found.documents).toHaveLength(1);
  expect(found.documents[0].metadata).toMatchObject({ product: 'chair' });
});

it('has what is said of all files of an upload, and of a file that is there already', async () => {
  const id = await make();
  const add = (metadata: string) => sendForm(server.dev, `${BASES}/${id}/documents`, { metadata }, [CHAIR]);
  const first = await add('{"team":"furniture"}');
  expect(first.status).toBe(202);
  await finished(server.dev, first.body.job_id);
  expect(await filtered(id, { team: 'furniture' })).toEqual(['chair.txt']);
  const found = await rest('POST', `${BASES}/${id}/search`, {
    query: 'dark',
    metadata_filters: { team: 'furniture' },
  });
  expect(found.documents).toHaveLength(1);
  const again = await add('{"team":"furniture"}');
  const job = await finished(server.dev, again.body.job_id);
  expect(job.files[0]).toMatchObject({ unchanged: true });
});

it('refuses metadata that is no object, of another number, or too large, with the name of the field', async () => {
  const id = await make();
  for (const metadata of ['lamp', '[1]', '[{},{},{}]', JSON.stringify({ text: 'x'.repeat(200_000) })]) {
    const { status, body } = await sendForm(server.dev, `${BASES}/${id}/documents`, { metadata }, [
      LAMP,
      CHAIR,
    ]);
    expect(status).toBe(422);
    expect(JSON.stringify(body)).toContain('metadata');
  }
});

it('refuses more files than the limit and names it', async () => {
  const files = Array.from({ length: 101 }, (_, index) => ({
    name: `${index}.txt`,
    content: `file ${index}`,
  }));
  const { status, body } = await sendForm(server.dev, BASES, { name: freshName('many') }, files);
  expect(status).toBe(413);
  expect(body.detail).toContain('at most 100 files a request are taken, this one has more than 100');
});
