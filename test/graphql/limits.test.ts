import { request } from 'node:http';
import { Client, type Json, startTestServer, type TestServer } from '../testkit/server';

describe('limits of one GraphQL request', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      AGENTFLOW_GRAPHQL_MAX_DEPTH: '6',
      AGENTFLOW_GRAPHQL_MAX_ALIASES: '3',
      AGENTFLOW_GRAPHQL_MAX_TOKENS: '200',
      AGENTFLOW_GRAPHQL_MAX_COMPLEXITY: '500',
      AGENTFLOW_GRAPHQL_MAX_BATCH: '2',
      AGENTFLOW_MAX_BODY_KB: '64',
    });
  });
  afterAll(() => server.close());

  const firstError = async (query: string, variables = {}): Promise<Json> =>
    (await server.dev.graphql(query, variables)).errors![0];

  it('refuses an operation that is nested too deeply, naming depth and limit', async () => {
    const error = await firstError(
      '{ conversations(limit: 1) { conversations { runs(first: 1) { edges { node { error { code } } } } } } }',
    );
    expect(error.message).toBe('The operation is 7 levels deep; at most 6 are allowed.');
    expect(error.extensions).toMatchObject({
      code: 'bad_request',
      limit: { name: 'depth', max: 6, actual: 7 },
    });
  });

  it('counts the depth of fragments', async () => {
    const error = await firstError(
      `{ conversations(limit: 1) { conversations { ...F } } }
       fragment F on Conversation { runs(first: 1) { edges { node { error { code } } } } }`,
    );
    expect(error.extensions.limit).toEqual({ name: 'depth', max: 6, actual: 7 });
  });

  it('refuses too many aliases', async () => {
    const error = await firstError('{ a: agents { id } b: agents { id } c: agents { id } d: agents { id } }');
    expect(error.message).toBe('The operation has 4 aliases; at most 3 are allowed.');
    expect(error.extensions.limit).toEqual({ name: 'aliases', max: 3, actual: 4 });
  });

  it('refuses a document of too many tokens', async () => {
    const error = await firstError(`{ agents { ${'id '.repeat(300)} } }`);
    expect(error.message).toBe('The document has more than 200 tokens.');
    expect(error.extensions).toMatchObject({ code: 'bad_request', limit: { name: 'tokens', max: 200 } });
  });

  const PAGES =
    'query Pages($n: Int!) { conversations(limit: $n) { conversations { id title messageCount isActive agentId } } }';

  it('judges the cost by the variables of each request, not by those of the first', async () => {
    expect((await server.dev.graphql(PAGES, { n: 5 })).errors).toBeUndefined();
    const error = await firstError(PAGES, { n: 100 });
    expect(error.message).toMatch(/^The operation costs \d+; at most 500 are allowed\./);
    expect(error.extensions.limit).toMatchObject({ name: 'complexity', max: 500 });
    expect(error.extensions.limit.actual).toBeGreaterThan(500);
    expect((await server.dev.graphql(PAGES, { n: 5 })).errors).toBeUndefined();
  });

  it('judges the operation that is asked for, not the first of the document', async () => {
    const document = `query Small { agents { id } } ${PAGES}`;
    const ask = (operationName: string) =>
      server.dev.rest('POST', '/graphql', { query: document, operationName, variables: { n: 100 } });
    expect((await ask('Small')).body.errors).toBeUndefined();
    expect((await ask('Pages')).body.errors[0].extensions.limit.name).toBe('complexity');
  });

  it('holds for subscriptions too', async () => {
    const stream = await server.dev.subscribe(
      'subscription { conversationEvents(conversationId: "x") { a: seq b: seq c: seq d: seq } }',
    );
    const text = await stream.response.text();
    expect(text).toContain('at most 3 are allowed');
  });

  it('does not count the operations of the REST facade', async () => {
    expect((await server.dev.rest('GET', '/api/v1/conversations?limit=100')).status).toBe(200);
  });

  it('refuses a batch above the limit and answers one within it', async () => {
    const one = { query: '{ agents { name } }' };
    const within = await server.dev.rest('POST', '/graphql', [one, one]);
    expect(within.body.map((answer: Json) => answer.data.agents.length > 0)).toEqual([true, true]);
    const above = await server.dev.rest('POST', '/graphql', [one, one, one]);
    expect(above.status).toBe(413);
    expect(above.body.errors[0].message).toBe('Batching is limited to 2 operations per request.');
    expect(above.body.errors[0].extensions).toMatchObject({
      code: 'bad_request',
      requestId: above.headers.get('x-request-id'),
    });
  });

  const large = JSON.stringify({ query: '{ agents { id } }', extensions: { pad: 'x'.repeat(2_000_000) } });

  it('answers a body of 2 MB with a 413 problem', async () => {
    const answer = await server.dev.rest('POST', '/graphql', large);
    expect(answer.status).toBe(413);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'payload_too_large', max_bytes: 65_536 });
  });

  const chunked = (body: string): Promise<{ status: number; body: Json }> =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${server.url}/graphql`,
        { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' } },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(text) }));
        },
      );
      sent.on('error', reject);
      for (let at = 0; at < body.length; at += 10_000) sent.write(body.slice(at, at + 10_000));
      sent.end();
    });

  it('bounds a body that does not say its length', async () => {
    expect(await chunked(large.slice(0, 200_000))).toMatchObject({
      status: 413,
      body: { code: 'payload_too_large' },
    });
  });

  it('answers a small body that does not say its length', async () => {
    const answer = await chunked(JSON.stringify({ query: '{ agents { name } }' }));
    expect(answer.status).toBe(200);
    expect(answer.body.data.agents.length).toBeGreaterThan(0);
  });
});

describe('switches', () => {
  it('turns introspection and GraphiQL off', async () => {
    const server = await startTestServer({ AGENTFLOW_INTROSPECTION: 'false', AGENTFLOW_GRAPHIQL: 'false' });
    try {
      const { errors } = await server.dev.graphql('{ __schema { queryType { name } } }');
      expect(errors![0]!.message).toContain('introspection has been disabled');
      expect(errors![0]!.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
      const page = await new Client(server.url).rest('GET', '/graphql', undefined, { accept: 'text/html' });
      expect(String(page.body)).not.toContain('<html');
      expect(page.status).toBeGreaterThanOrEqual(400);
    } finally {
      await server.close();
    }
  });

  it('shows GraphiQL and the schema by default', async () => {
    const server = await startTestServer();
    try {
      const { data } = await server.dev.graphql('{ __schema { queryType { name } } }');
      expect(data.__schema.queryType.name).toBe('Query');
      const page = await server.dev.rest('GET', '/graphql', undefined, { accept: 'text/html' });
      expect(page.status).toBe(200);
      expect(page.body).toContain('AgentFlow GraphiQL');
    } finally {
      await server.close();
    }
  });
});
