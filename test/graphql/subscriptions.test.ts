import { randomUUID } from 'node:crypto';
import { type Client as SseClient, createClient, type RequestParams } from 'graphql-sse';
import { Client, eventually, type Json, startTestServer, type TestServer } from '../testkit/server';

const RUN_EVENTS = `subscription Follow($runId: ID!, $afterSeq: Int) {
  runEvents(runId: $runId, afterSeq: $afterSeq) { seq type content }
}`;
const LOG = `subscription Log($id: ID!, $afterSeq: Int) {
  conversationEvents(conversationId: $id, afterSeq: $afterSeq) { seq type content }
}`;

describe.each([
  ['distinct connections at /graphql', '/graphql', false],
  ['a single connection at /graphql/stream', '/graphql/stream', true],
])('subscriptions over %s', (_mode, path, singleConnection) => {
  let server: TestServer;
  const clients: SseClient<boolean>[] = [];
  beforeAll(async () => {
    server = await startTestServer({ DEV_AUTH_BYPASS: 'false' });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.dispose();
  });
  afterAll(() => server.close());

  function connect(token: string | undefined): SseClient<boolean> {
    const client = createClient({
      url: server.url + path,
      singleConnection: singleConnection as false,
      retryAttempts: 0,
      headers: (): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {}),
    });
    clients.push(client);
    return client;
  }

  const ada = (): Promise<string> => server.token({ user: 'ada' });

  async function startRun(message: string, conversationId = randomUUID()): Promise<Json> {
    const client = new Client(server.url, await ada());
    const { data, errors } = await client.graphql(
      'mutation Start($input: ChatInput!) { startChat(input: $input) { runId conversationId } }',
      { input: { agentId: await client.agentId(), conversationId, messageId: randomUUID(), message } },
    );
    expect(errors).toBeUndefined();
    return data.startChat;
  }

  /** Every result until the server completes the operation. */
  async function collect(client: SseClient<boolean>, params: RequestParams): Promise<Json[]> {
    const results: Json[] = [];
    for await (const result of client.iterate(params)) results.push(result);
    return results;
  }

  const followed = async (): Promise<number> => {
    const { body } = await new Client(server.url).rest('GET', '/metrics');
    return Number(/^agentflow_followed_conversations (\d+)$/m.exec(String(body))![1]);
  };
  const nobodyFollows = (): Promise<boolean> =>
    eventually(async () => (await followed()) === 0, 'the end of every subscription');

  it('follows a run to its end and resumes after any event', async () => {
    const { runId } = await startRun('Who are you?');
    const client = connect(await ada());
    const all = (await collect(client, { query: RUN_EVENTS, variables: { runId } })).map(
      ({ data }) => data.runEvents,
    );
    expect(all[0].type).toBe('start');
    expect(all.at(-1).type).toBe('end');
    const deltas = all.filter(({ type }) => type === 'delta').map(({ content }) => content);
    expect(deltas.join('')).toBe(all.at(-1).content.text);
    const middle = Math.floor(all.length / 2);
    const rest = await collect(client, {
      query: RUN_EVENTS,
      variables: { runId, afterSeq: all[middle].seq },
    });
    expect(rest.map(({ data }) => data.runEvents)).toEqual(all.slice(middle + 1));
  });

  it('follows a conversation over several runs and resumes from a cursor', async () => {
    const { runId, conversationId } = await startRun('First');
    const client = connect(await ada());
    await collect(client, { query: RUN_EVENTS, variables: { runId } });
    const seen: Json[] = [];
    let ends = 0;
    for await (const { data } of client.iterate<Json>({ query: LOG, variables: { id: conversationId } })) {
      seen.push(data!.conversationEvents);
      if (data!.conversationEvents.type !== 'end') continue;
      if (++ends === 2) break;
      await startRun('Second', conversationId);
    }
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => seen[0].seq + index));
    const resumed: Json[] = [];
    const variables = { id: conversationId, afterSeq: seen[2].seq };
    for await (const { data } of client.iterate<Json>({ query: LOG, variables })) {
      resumed.push(data!.conversationEvents);
      if (resumed.length === seen.length - 3) break;
    }
    expect(resumed).toEqual(seen.slice(3));
  });

  it('shows two tabs the same events', async () => {
    const token = await ada();
    const { runId } = await startRun('Tell me something long about streams, please.');
    const [one, two] = await Promise.all(
      [connect(token), connect(token)].map((tab) =>
        collect(tab, { query: RUN_EVENTS, variables: { runId } }),
      ),
    );
    expect(one!.length).toBeGreaterThan(2);
    expect(two).toEqual(one);
  });

  it('ends the work of the server when the client leaves, however often', async () => {
    const { runId, conversationId } = await startRun('Hello');
    const client = connect(await ada());
    await collect(client, { query: RUN_EVENTS, variables: { runId } });
    await nobodyFollows();
    for (let round = 0; round < 5; round++) {
      const opened = client.iterate({ query: LOG, variables: { id: conversationId } });
      expect((await opened.next()).value?.errors).toBeUndefined();
      expect(await followed()).toBe(1);
      await opened.return?.();
      await nobodyFollows();
    }
  });

  it('ends the work of the server when the whole client is disposed of', async () => {
    const { runId, conversationId } = await startRun('Hello');
    const client = connect(await ada());
    await collect(client, { query: RUN_EVENTS, variables: { runId } });
    const opened = client.iterate({ query: LOG, variables: { id: conversationId } });
    await opened.next();
    expect(await followed()).toBe(1);
    client.dispose();
    await nobodyFollows();
  });

  it('answers an unknown run with not_found and the id of the request', async () => {
    const [result] = await collect(connect(await ada()), {
      query: RUN_EVENTS,
      variables: { runId: 'nothing' },
    });
    expect(result.errors[0].extensions).toMatchObject({
      code: 'not_found',
      status: 404,
      requestId: expect.any(String) as string,
    });
    expect(result.errors[0].extensions.http).toBeUndefined();
  });

  it("answers another user's run with not_found", async () => {
    const { runId } = await startRun('Secret');
    const [result] = await collect(connect(await server.token({ user: 'eve' })), {
      query: RUN_EVENTS,
      variables: { runId },
    });
    expect(result.errors[0].extensions.code).toBe('not_found');
  });

  it('says what is wrong with a document and goes on working', async () => {
    const client = connect(await ada());
    const [unknown] = await collect(client, { query: 'subscription { nothing { seq } }' });
    expect(unknown.errors[0].message).toContain('Cannot query field "nothing"');
    const [unreadable] = await collect(client, { query: 'subscription {' });
    expect(unreadable.errors[0].message).toContain('Syntax Error');
    const [missing] = await collect(client, { query: RUN_EVENTS });
    expect(missing.errors[0].message).toContain('$runId');
    for (const { errors } of [unknown, unreadable, missing]) {
      expect(errors[0].extensions.requestId).toEqual(expect.any(String));
      expect(errors[0].extensions.http).toBeUndefined();
    }
    const { runId } = await startRun('Still there');
    expect((await collect(client, { query: RUN_EVENTS, variables: { runId } })).length).toBeGreaterThan(2);
  });

  it('refuses callers without a token, and with a bad one', async () => {
    for (const token of [undefined, 'not-a-token']) {
      const refused = collect(connect(token), { query: RUN_EVENTS, variables: { runId: 'x' } });
      await expect(refused).rejects.toMatchObject({ response: { status: 401 } });
    }
  });
});

describe('the stream of a single connection', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ DEV_AUTH_BYPASS: 'false' });
  });
  afterAll(() => server.close());

  it('is reserved for callers with a token only', async () => {
    const refused = await new Client(server.url).rest('PUT', '/graphql/stream');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(refused.body.errors[0].extensions).toMatchObject({
      code: 'unauthenticated',
      requestId: refused.headers.get('x-request-id'),
    });
    const granted = await (await server.as({ user: 'ada' })).rest('PUT', '/graphql/stream');
    expect(granted.status).toBe(201);
    expect(granted.body).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('bounds bodies as /graphql does', async () => {
    const ada = await server.as({ user: 'ada' });
    const answer = await ada.rest('POST', '/graphql/stream', { query: 'x'.repeat(11 * 1024 * 1024) });
    expect([answer.status, answer.body.code]).toEqual([413, 'payload_too_large']);
  });
});

describe('a subscription that comes again', () => {
  it('gets its arguments by their own names, with literals, whatever the variables are called', async () => {
    const server = await startTestServer();
    try {
      const agentId = await server.dev.agentId();
      for (const conversationId of ['one', 'two', 'three']) {
        const chat = { message: conversationId, conversation_id: conversationId, message_id: conversationId };
        await (await server.dev.stream('POST', `/api/v1/agent/${agentId}/chat`, chat)).all();
        const stream = await server.dev.subscribe(
          'subscription ($afterSeq: ID!) { conversationEvents(conversationId: $afterSeq, afterSeq: 1) { seq conversationId } }',
          { afterSeq: conversationId },
        );
        const [first] = await stream.until(() => true);
        expect(first!.data.data.conversationEvents).toEqual({ seq: 2, conversationId });
      }
    } finally {
      await server.close();
    }
  });
});
