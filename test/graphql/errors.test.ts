import { Client, type Json, startTestServer, type TestServer } from '../testkit/server';

describe('errors of GraphQL requests', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  const ask = (body: object, headers: Record<string, string> = {}) =>
    server.dev.rest('POST', '/graphql', body, { accept: 'application/json', ...headers });

  it.each([
    ['a document that cannot be read', { query: '{ agents { id ' }, 'GRAPHQL_PARSE_FAILED'],
    ['a field that does not exist', { query: '{ nothing }' }, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a variable of the wrong type',
      { query: 'query Q($id: ID!) { agent(id: $id) { id } }', variables: { id: {} } },
      'bad_request',
    ],
    ['a missing variable', { query: 'query Q($id: ID!) { agent(id: $id) { id } }' }, 'bad_request'],
    ['an unknown agent', { query: '{ agent(id: "nobody") { id } }' }, 'not_found'],
  ])('%s carries a code and the id of its own request', async (_what, body, code) => {
    // Twice: documents and their errors are cached, ids must not be.
    for (const id of ['first', 'second']) {
      const answer = await ask(body, { 'x-request-id': id });
      const [error] = answer.body.errors as Json[];
      expect(error.extensions).toMatchObject({ code, requestId: id });
      expect(error.extensions.http).toBeUndefined();
    }
  });

  it('says which variable does not fit and why', async () => {
    const { body } = await ask({
      query: 'query Q($n: Int!) { conversations(limit: $n) { total } }',
      variables: { n: 'many' },
    });
    expect(body.errors[0].message).toContain('$n');
    expect(body.errors[0].message).toContain('"many"');
  });

  it('hides what is unexpected, names the request and logs it once', async () => {
    const spy = jest
      .spyOn(server.application.services.agents, 'list')
      .mockRejectedValue(new Error('password is hunter2'));
    const before = server.logs.length;
    const answer = await ask({ query: '{ agents { id } }' }, { 'x-request-id': 'broken' });
    spy.mockRestore();
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    expect(answer.body.errors).toEqual([
      {
        message: 'Unexpected error',
        locations: [{ line: 1, column: 3 }],
        path: ['agents'],
        extensions: { code: 'internal_error', status: 500, requestId: 'broken' },
      },
    ]);
    const logged = server.logs.slice(before).filter(({ level }) => level === 'error');
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatchObject({ requestId: 'broken', err: { message: 'password is hunter2' } });
  });

  it('hides and logs once what is unexpected in a REST request, too', async () => {
    const spy = jest
      .spyOn(server.application.services.agents, 'list')
      .mockRejectedValue(new Error('hunter2'));
    const before = server.logs.length;
    const answer = await server.dev.rest('GET', '/api/v1/agents');
    spy.mockRestore();
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ code: 'internal_error', detail: 'Unexpected error' });
    expect(server.logs.slice(before).filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('hides what is unexpected in the middle of a subscription', async () => {
    const spy = jest.spyOn(server.application.services.runs, 'conversationEvents').mockResolvedValue(
      (async function* (): AsyncGenerator<never> {
        await Promise.resolve();
        yield* [];
        throw new Error('hunter2');
      })(),
    );
    const stream = await server.dev.subscribe(
      'subscription { conversationEvents(conversationId: "c") { seq } }',
    );
    const text = await stream.response.text();
    spy.mockRestore();
    expect(text).toContain('Unexpected error');
    expect(text).toContain('internal_error');
    expect(text).toContain('"requestId"');
    expect(text).not.toContain('hunter2');
  });

  it('refuses a mutation over GET', async () => {
    const query = encodeURIComponent('mutation { cancelRun(id: "x") { runId } }');
    const answer = await server.dev.rest('GET', `/graphql?query=${query}`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
    expect(answer.body.errors[0].extensions.code).toBe('bad_request');
  });

  it('answers a bad token with 401 and a challenge', async () => {
    const answer = await new Client(server.url, 'not-a-token').rest('POST', '/graphql', {
      query: '{ agents { id } }',
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(answer.body.errors[0].extensions).toMatchObject({
      code: 'unauthenticated',
      requestId: answer.headers.get('x-request-id'),
    });
  });
});

describe('without a token, where tokens are needed', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ DEV_AUTH_BYPASS: 'false' });
  });
  afterAll(() => server.close());

  it.each(['{ agents { id } }', 'mutation { cancelRuns(input: {}) { total } }'])(
    '%s answers 401',
    async (query) => {
      const answer = await server.dev.rest('POST', '/graphql', { query });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(answer.body.errors[0].extensions).toMatchObject({
        code: 'unauthenticated',
        status: 401,
        requestId: answer.headers.get('x-request-id'),
      });
    },
  );

  it('still answers what everybody may know', async () => {
    expect((await server.dev.graphql('{ __typename }')).data).toEqual({ __typename: 'Query' });
  });

  it('answers the same query with a token', async () => {
    const ada = await server.as({ user: 'ada' });
    expect((await ada.graphql('{ agents { id } }')).errors).toBeUndefined();
  });
});
