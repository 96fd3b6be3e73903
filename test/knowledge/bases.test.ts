import { expectProblem } from '../testkit/contract';
import { startTestServer, type TestServer } from '../testkit/server';
import { BAKING, finished, freshName, makeBase, PIRATES, sendForm, SPACE } from './kit';

const BASES = '/api/v1/knowledge-bases';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

describe('making a knowledge base from files', () => {
  it('answers 201 with its configuration once the documents are searchable', async () => {
    const name = freshName();
    const answer = await sendForm(server.dev, BASES, { name, description: 'Tales', tags: 'a, b' }, [
      PIRATES,
      BAKING,
    ]);
    expect(answer.body).toMatchObject({
      name,
      status: 'completed',
      files_uploaded: 2,
      source_type: 'markdown',
      configuration: {
        name,
        description: 'Tales',
        chunk_size: 1200,
        overlap_percentage: 0.15,
        vector_db_type: 'embedded',
      },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`${BASES}/${answer.body.id}`);
    const found = await server.dev.rest('POST', `${BASES}/${answer.body.id}/search`, {
      query: 'buried gold',
    });
    expect(found.body.documents[0]).toMatchObject({ source_file: 'pirates.md' });
    expect(answer.body.message).toContain(name);
  });

  it('refuses a name that is taken, whatever the case of its letters, with 409', async () => {
    const { name } = await makeBase(server.dev, [PIRATES]);
    expectProblem(
      await sendForm(server.dev, BASES, { name: name.toUpperCase() }, [BAKING]),
      409,
      'conflict',
      'name',
    );
  });

  it('lets the others go on when a file cannot be read, and says why', async () => {
    const answer = await sendForm(server.dev, BASES, { name: freshName() }, [
      PIRATES,
      { name: 'empty.txt', content: '' },
      { name: 'broken.pdf', content: '%PDF-1.7\nnothing of a PDF follows' },
    ]);
    const { files } = (await finished(server.dev, answer.body.job_id)) as { files: { file_name: string }[] };
    expect(files).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ file_name: 'pirates.md', status: 'completed', error: null }),
        expect.objectContaining({
          file_name: 'empty.txt',
          status: 'failed',
          error: expect.stringMatching(/empty/i),
        }),
        expect.objectContaining({ file_name: 'broken.pdf', status: 'failed', error: expect.any(String) }),
      ]),
    );
  });
});

it('adds documents in the background and knows content that it holds already', async () => {
  const base = await makeBase(server.dev, [PIRATES]);
  const added = await sendForm(server.dev, `${BASES}/${base.id}/documents`, {}, [PIRATES, SPACE]);
  expect(added.status).toBe(202);
  expect(added.body).toMatchObject({ kb_id: base.id, files_queued: 2, status: 'processing' });
  expect(added.body.job_id).toMatch(/^kb_ingest_/);
  const batch = await finished(server.dev, added.body.job_id);
  expect(batch).toMatchObject({
    status: 'completed',
    progress: 1,
    request_counts: { total: 2, completed: 2, failed: 0 },
  });
  expect(batch.files.find((file: { file_name: string }) => file.file_name === 'pirates.md')).toMatchObject({
    unchanged: true,
  });
  const { body } = await server.dev.rest('GET', `${BASES}/${base.id}/files`);
  expect(body).toMatchObject({ total: 2 });
});

it('is processing while documents are on their way in, and completed after', async () => {
  const base = await makeBase(server.dev, [PIRATES]);
  const status = async (): Promise<string> =>
    (await server.dev.rest('GET', `${BASES}/${base.id}`)).body.status;
  expect(await status()).toBe('completed');
  const sections = Array.from(
    { length: 40 },
    (_, number) => `## Island ${number}\n\n${String(PIRATES.content)}\n`,
  );
  const added = await sendForm(server.dev, `${BASES}/${base.id}/documents`, {}, [
    { name: 'islands.md', content: sections.join('\n') },
  ]);
  expect(await status()).toBe('processing');
  await finished(server.dev, added.body.job_id);
  expect(await status()).toBe('completed');
});
