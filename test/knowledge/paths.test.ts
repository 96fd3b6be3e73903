import { dataOf, itRefuses } from '../testkit/contract';
import { type Json, startTestServer, type TestServer } from '../testkit/server';
import { BAKING, finished, freshName, makeBase, PIRATES, sendForm, SPACE } from './kit';

const BASES = '/api/v1/knowledge-bases';
let server: TestServer;
let base: Json;
let agentId: string;

beforeAll(async () => {
  server = await startTestServer();
  base = await makeBase(server.dev, [PIRATES, BAKING, SPACE], { description: 'Everything' });
  agentId = await server.dev.agentId();
});
afterAll(() => server.close());

const get = async (route: string): Promise<Json> => {
  const { status, body } = await server.dev.rest('GET', route);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body;
};

describe('reading a knowledge base', () => {
  it('lists it with its counts, and the total in a header', async () => {
    const { body, headers } = await server.dev.rest('GET', BASES);
    expect(headers.get('x-total-count')).toBe(String(body.length));
    expect(body.find((one: Json) => one.id === base.id)).toMatchObject({
      name: base.name,
      file_count: 3,
      chunk_count: expect.any(Number),
      source_type: 'mixed',
    });
  });

  it('is found by its name as well as by its id', async () => {
    const byName = await get(`${BASES}/${encodeURIComponent(base.name)}`);
    expect(byName).toEqual(await get(`${BASES}/${base.id}`));
    expect(byName).toMatchObject({ status: 'completed', description: 'Everything' });
  });

  it('pages through its files, newest first, each once', async () => {
    const first = await get(`${BASES}/${base.id}/files?limit=2`);
    const second = await get(`${BASES}/${base.id}/files?limit=2&cursor=${first.next_cursor}`);
    expect([...first.files, ...second.files].map((file: Json) => file.file_name).sort()).toEqual([
      'baking.md',
      'pirates.md',
      'space.txt',
    ]);
    expect(second).toMatchObject({ total: 3, next_cursor: null });
  });

  it('pages through its chunks over the bounds of documents', async () => {
    const whole = await get(`${BASES}/${base.id}/documents`);
    const parts: Json[] = [];
    let cursor = '';
    do {
      const page = await get(`${BASES}/${base.id}/documents?limit=1${cursor}`);
      parts.push(...page.documents);
      cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`;
    } while (cursor !== '');
    expect(parts).toEqual(whole.documents);
    expect(whole.total).toBe(whole.documents.length);
  });

  it('shows one chunk, and the text around it in the viewer', async () => {
    const [chunk] = (await get(`${BASES}/${base.id}/documents`)).documents;
    expect(await get(`${BASES}/${base.id}/chunks/${chunk.id}`)).toEqual(chunk);
    const view = await get(
      `/api/v1/documents/viewer?knowledge_base_id=${base.id}&document_id=${chunk.document_id}`,
    );
    expect(view.text.slice(chunk.start, chunk.end)).toBe(chunk.content);
  });

  it('browses the text of one document in order', async () => {
    const { files } = await get(`${BASES}/${base.id}/files`);
    const pirates = files.find((file: Json) => file.file_name === 'pirates.md');
    const { content } = await get(`${BASES}/${base.id}/content?document_id=${pirates.id}`);
    expect(content.map((part: Json) => part.chunk_index)).toEqual(
      content.map((_: Json, index: number) => index),
    );
    expect(content.map((part: Json) => part.content).join('\n')).toContain('Blackbeard');
  });

  it('sums itself up', async () => {
    expect(await get(`${BASES}/${base.id}/summary`)).toMatchObject({
      id: base.id,
      file_count: 3,
      by_status: [{ status: 'completed', files: 3 }],
      formats: expect.arrayContaining(['markdown', 'text']),
    });
  });

  it('says which metadata its documents have', async () => {
    const { fields } = await get(`${BASES}/${base.id}/metadata-schema`);
    expect(fields).toContainEqual(
      expect.objectContaining({
        name: 'format',
        type: 'string',
        count: 3,
        values: expect.arrayContaining(['markdown']),
      }),
    );
  });

  it('filters its files by metadata', async () => {
    const answer = await server.dev.rest('POST', `${BASES}/${base.id}/documents/filter`, {
      metadata_filters: { or: [{ file_name: 'space.txt' }, { title: { contains: 'baking' } }] },
    });
    expect(answer.status).toBe(200);
    expect(answer.body.documents.map((file: Json) => file.file_name).sort()).toEqual([
      'baking.md',
      'space.txt',
    ]);
  });

  it('gives GraphQL the same', async () => {
    const data = await dataOf(
      server.dev.graphql(
        `query($id: ID!) { knowledgeBase(id: $id) { id name fileCount } knowledgeFiles(knowledgeBaseId: $id) { total }
          knowledgeChunks(knowledgeBaseId: $id) { total documents { id content } } knowledgeSearchDefaults { limit }
          knowledgeBaseSummary(id: $id) { fileCount } knowledgeMetadataSchema(id: $id) { fields { name } } }`,
        { id: base.id },
      ),
    );
    expect(data).toMatchObject({
      knowledgeBase: { id: base.id, name: base.name, fileCount: 3 },
      knowledgeFiles: { total: 3 },
      knowledgeSearchDefaults: { limit: 10 },
      knowledgeBaseSummary: { fileCount: 3 },
    });
  });
});

describe('changing a knowledge base', () => {
  it('changes only what is sent', async () => {
    const { id, name } = await makeBase(server.dev, [PIRATES], { description: 'old' });
    const { status, body } = await server.dev.rest('PUT', `${BASES}/${id}`, { tags: ['x'], chunk_size: 600 });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name, description: 'old', tags: ['x'], configuration: { chunk_size: 600 } });
  });

  it('deletes a document: it is found no more', async () => {
    const { id } = await makeBase(server.dev, [PIRATES, BAKING]);
    const { files } = await get(`${BASES}/${id}/files`);
    const pirates = files.find((file: Json) => file.file_name === 'pirates.md');
    const { status } = await server.dev.rest('DELETE', `${BASES}/${id}/documents/${pirates.id}`);
    expect(status).toBe(200);
    const found = await server.dev.rest('POST', `${BASES}/${id}/search`, { query: 'Blackbeard treasure' });
    expect(found.body.documents.map((one: Json) => one.source_file)).not.toContain('pirates.md');
    expect(await get(`${BASES}/${id}/files`)).toMatchObject({ total: 1 });
    const again = await sendForm(server.dev, `${BASES}/${id}/documents`, {}, [PIRATES]);
    expect((await finished(server.dev, again.body.job_id)).files[0]).toMatchObject({
      status: 'completed',
      unchanged: false,
    });
  });

  it('deletes it whole, and frees its name', async () => {
    const { id, name } = await makeBase(server.dev, [PIRATES]);
    expect((await server.dev.rest('DELETE', `${BASES}/${id}`)).body).toMatchObject({ id });
    expect((await server.dev.rest('GET', `${BASES}/${id}`)).status).toBe(404);
    expect((await sendForm(server.dev, BASES, { name }, [PIRATES])).status).toBe(201);
  });

  it('makes one from texts over GraphQL', async () => {
    const { createKnowledgeBase: made } = await dataOf(
      server.dev.graphql(
        'mutation($input: CreateKnowledgeBaseInput!) { createKnowledgeBase(input: $input) { id status knowledgeBase { fileCount } } }',
        {
          input: {
            name: freshName(),
            texts: [
              { fileName: 'a.md', content: '# Owls\n\nOwls hunt at night.', metadata: { team: 'birds' } },
            ],
          },
        },
      ),
    );
    expect(made).toMatchObject({ status: 'completed', knowledgeBase: { fileCount: 1 } });
    const { knowledgeSearch } = await dataOf(
      server.dev.graphql(
        'query($input: KnowledgeSearchInput!) { knowledgeSearch(input: $input) { documents { metadata } } }',
        {
          input: { knowledgeBaseIds: [made.id], query: 'night hunters', metadataFilters: { team: 'birds' } },
        },
      ),
    );
    expect(knowledgeSearch.documents[0].metadata).toMatchObject({ team: 'birds', headings: ['Owls'] });
  });
});

describe('agents and their knowledge bases', () => {
  it('binds, lists, searches and unbinds', async () => {
    const route = `/api/v1/agents/${agentId}/knowledge-bases`;
    expect((await server.dev.rest('POST', `${route}/${base.id}/search`, { query: 'gold' })).status).toBe(404);
    for (const time of ['first', 'second'])
      expect({ time, ...(await server.dev.rest('POST', `${route}/${base.id}`)) }).toMatchObject({
        status: 200,
        body: { id: base.id },
      });
    expect((await get(route)).map((one: Json) => one.id)).toEqual([base.id]);
    expect((await get(`/api/v1/agent/${agentId}/config`)).knowledge_bases).toEqual([base.id]);
    const found = await server.dev.rest('POST', `${route}/${base.id}/search`, { query: 'buried gold' });
    expect(found.body.documents[0]).toMatchObject({ source_file: 'pirates.md' });
    const retrieved = await server.dev.rest('POST', `/api/v1/agent/${agentId}/capability/retrieve`, {
      query: 'oven heat',
      limit: 1,
    });
    expect(retrieved.body).toMatchObject({ total_results: 1, documents: [{ source_file: 'baking.md' }] });
    expect((await server.dev.rest('DELETE', `${route}/${base.id}`)).status).toBe(200);
    expect((await server.dev.rest('DELETE', `${route}/${base.id}`)).status).toBe(404);
    expect(await get(route)).toEqual([]);
  });

  it('cites passages in the end of a chat that names a knowledge base', async () => {
    const stream = await server.dev.stream('POST', `/api/v1/agent/${agentId}/chat`, {
      conversation_id: freshName('chat'),
      message_id: freshName('message'),
      message: 'Where is gold buried according to legends?',
      knowledge_bases: [base.name],
    });
    const end = (await stream.all()).at(-1)!;
    expect(end.data).toMatchObject({ type: 'end' });
    expect(end.data.content.citations[0]).toMatchObject({
      source_file: 'pirates.md',
      knowledge_base_id: base.id,
    });
  });
});

describe('the preview of chunking', () => {
  const text = 'First sentence of the text. Second sentence of the text. '.repeat(10);

  it('answers the chunks as JSON', async () => {
    const { status, body } = await server.dev.rest('POST', `${BASES}/preview`, { text, chunk_size: 120 });
    expect(status).toBe(200);
    expect(body.total).toBe(body.chunks.length);
    expect(body.total).toBeGreaterThan(3);
  });

  it('sends the same as events, then the end', async () => {
    const { body } = await server.dev.rest('POST', `${BASES}/preview`, { text, chunk_size: 120 });
    const stream = await server.dev.stream('POST', `${BASES}/preview`, {
      text,
      chunk_size: 120,
      stream: true,
    });
    const events = (await stream.all()).map(({ data }) => data);
    expect(events.slice(0, -1).map(({ content }) => content)).toEqual(body.chunks);
    expect(events.at(-1)).toMatchObject({ type: 'end', content: { total: body.total } });
  });

  it('reads a file', async () => {
    const { status, body } = await sendForm(
      server.dev,
      `${BASES}/preview`,
      { chunk_size: '200' },
      [PIRATES],
      'file',
    );
    expect(status).toBe(200);
    expect(body.chunks[0].text).toContain('Pirates');
  });
});

it('shows nothing of a knowledge base to another tenant', async () => {
  const stranger = await server.as({ tenant: 'elsewhere', user: 'eve' });
  expect((await stranger.rest('GET', BASES)).body).toEqual([]);
  expect((await stranger.rest('GET', `${BASES}/${base.id}`)).status).toBe(404);
  expect((await stranger.rest('POST', `${BASES}/${base.id}/search`, { query: 'gold' })).status).toBe(404);
});

const SEARCH = 'query($input: KnowledgeSearchInput!) { knowledgeSearch(input: $input) { totalResults } }';

itRefuses(
  () => server,
  [
    {
      name: 'an empty query',
      rest: () => ['POST', `${BASES}/${base.id}/search`, { query: '  ' }],
      graphql: () => [SEARCH, { input: { knowledgeBaseIds: [base.id], query: ' ' } }],
      status: 422,
      code: 'validation_failed',
      field: 'query',
    },
    {
      name: 'an unknown knowledge base among several',
      rest: () => ['POST', `${BASES}/search`, { query: 'gold', knowledge_base_ids: [base.id, 'nowhere'] }],
      graphql: () => [SEARCH, { input: { knowledgeBaseIds: [base.id, 'nowhere'], query: 'gold' } }],
      status: 404,
      code: 'not_found',
    },
    {
      name: 'an unknown search field',
      rest: () => ['POST', `${BASES}/${base.id}/search`, { query: 'gold', top_k: 3 }],
      status: 422,
      code: 'validation_failed',
    },
    {
      name: 'a filter with an unknown operator',
      rest: () => [
        'POST',
        `${BASES}/${base.id}/search`,
        { query: 'gold', metadata_filters: { year: { above: 3 } } },
      ],
      graphql: () => [
        SEARCH,
        { input: { knowledgeBaseIds: [base.id], query: 'gold', metadataFilters: { year: { above: 3 } } } },
      ],
      status: 422,
      code: 'validation_failed',
      field: 'metadata_filters.year.above',
    },
    {
      name: 'no knowledge base at all',
      rest: () => ['POST', `${BASES}/search`, { query: 'gold', knowledge_base_ids: [] }],
      graphql: () => [SEARCH, { input: { knowledgeBaseIds: [], query: 'gold' } }],
      status: 422,
      code: 'validation_failed',
      field: 'knowledge_base_ids',
    },
    {
      name: 'weights that are both 0',
      rest: () => [
        'POST',
        `${BASES}/${base.id}/search`,
        { query: 'gold', vector_weight: 0, keyword_weight: 0 },
      ],
      status: 422,
      code: 'validation_failed',
      field: 'vector_weight',
    },
    {
      name: 'a chunk size out of bounds',
      rest: () => ['PUT', `${BASES}/${base.id}`, { chunk_size: 5 }],
      graphql: () => [
        'mutation($input: UpdateKnowledgeBaseInput!) { updateKnowledgeBase(input: $input) { id } }',
        { input: { id: base.id, chunkSize: 5 } },
      ],
      status: 422,
      code: 'validation_failed',
      field: 'chunk_size',
    },
    {
      name: 'an unknown batch',
      rest: () => ['GET', '/api/v1/batches/kb_ingest_nothing'],
      graphql: () => ['{ batch(id: "kb_ingest_nothing") { id } }'],
      status: 404,
      code: 'not_found',
    },
    {
      name: 'an unknown document',
      rest: () => ['DELETE', `${BASES}/${base.id}/documents/nothing`],
      status: 404,
      code: 'not_found',
    },
    {
      name: 'an unknown chunk',
      rest: () => ['GET', `${BASES}/${base.id}/chunks/nothing`],
      status: 404,
      code: 'not_found',
    },
    {
      name: 'a preview of nothing',
      rest: () => ['POST', `${BASES}/preview`, {}],
      graphql: () => ['mutation { previewChunking(input: {}) { total } }'],
      status: 422,
      code: 'validation_failed',
      field: 'text',
    },
    {
      name: 'a golden query without an answer',
      graphql: () => [
        'mutation($input: SetGoldenQueriesInput!) { setGoldenQueries(input: $input) { id } }',
        { input: { knowledgeBaseId: base.id, queries: [{ query: 'x' }] } },
      ],
      status: 422,
      code: 'validation_failed',
      field: 'queries.0',
    },
    {
      name: 'a site that is no URL',
      rest: () => [
        'POST',
        `${BASES}/create-from-url`,
        { name: freshName(), website_url: 'ftp://files.example' },
      ],
      status: 422,
      code: 'validation_failed',
      field: 'website_url',
    },
  ],
);

it('refuses files none of which is of a format that is read with 415, and makes nothing', async () => {
  const name = freshName();
  const answer = await sendForm(server.dev, BASES, { name }, [
    {
      name: 'picture.png',
      content: Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]),
    },
  ]);
  expect({ status: answer.status, code: answer.body.code }).toEqual({
    status: 415,
    code: 'unsupported_media_type',
  });
  expect((await server.dev.rest('GET', `${BASES}/${encodeURIComponent(name)}`)).status).toBe(404);
});
