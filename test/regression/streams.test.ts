import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { buildProgram, embeddedServer, temporaryFolder } from '../faults/kit';
import { Client, eventually, type ServerProcess, startTestServer, type TestServer } from '../testkit/server';

const MEBIBYTE = 1024 * 1024;
const LOG = 'subscription ($id: ID!) { conversationEvents(conversationId: $id) { seq type content } }';

describe('GraphQL event streams whose readers take nothing', () => {
  const folder = temporaryFolder();
  let server: ServerProcess;
  const residentBytes = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))![1]) * 1024;

  beforeAll(async () => {
    buildProgram();
    server = await embeddedServer(folder.path, { AGENTFLOW_DRAIN_TIMEOUT_MS: '3000', LOG_LEVEL: 'info' });
    await server.client.rest('POST', '/api/v1/conversations', { id: 'long', agent_id: 'MainAgent' });
    // 30 MiB of history for each stream.
    for (let index = 0; index < 40; index += 1)
      await server.client.rest('POST', '/api/v1/conversations/long/messages', {
        content: 'lorem ipsum '.repeat(65_000),
      });
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    folder.remove();
  });

  /** A request whose answer is never read. */
  async function unread(route: string, headers: Record<string, string>, body?: string, method = 'POST') {
    const request = http.request(server.url + route, { method, headers });
    request.on('error', () => undefined);
    request.end(body);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.on('error', () => undefined);
    response.socket.pause();
    return { response, cut: new Promise((resolve) => response.once('close', resolve)) };
  }

  const subscription = JSON.stringify({ query: LOG, variables: { id: 'long' } });

  it('cost little memory, and are cut off', async () => {
    const before = residentBytes();
    const streams = [];
    for (let index = 0; index < 30; index += 1)
      streams.push(
        await unread(
          '/graphql',
          { 'content-type': 'application/json', accept: 'text/event-stream' },
          subscription,
        ),
      );
    await eventually(
      () => Promise.resolve(server.output().split('slow event stream reader cut off').length > 30),
      'all are cut off',
      60_000,
    );
    expect(residentBytes() - before).toBeLessThan(600 * MEBIBYTE);
    streams.forEach(({ response }) => response.destroy());
  }, 120_000);

  it('cost little memory in single-connection mode, too', async () => {
    const before = residentBytes();
    for (let index = 0; index < 15; index += 1) {
      const token = await (await fetch(`${server.url}/graphql/stream`, { method: 'PUT' })).text();
      const headers = { 'x-graphql-event-stream-token': token };
      await unread('/graphql/stream', { ...headers, accept: 'text/event-stream' }, undefined, 'GET');
      const accepted = await fetch(`${server.url}/graphql/stream`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ query: LOG, variables: { id: 'long' }, extensions: { operationId: 'one' } }),
      });
      expect(accepted.status).toBe(202);
    }
    await eventually(
      () => Promise.resolve(server.output().split('slow event stream reader cut off').length > 45),
      'all are cut off',
      60_000,
    );
    expect(residentBytes() - before).toBeLessThan(600 * MEBIBYTE);
  }, 120_000);
});

describe('event streams and their tokens', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ DEV_AUTH_BYPASS: 'false', AGENTFLOW_HEARTBEAT_MS: '200' });
    const ada = await server.as({ user: 'ada' });
    await ada.rest('POST', '/api/v1/conversations', { id: 'mine', agent_id: 'MainAgent' });
  });
  afterAll(() => server.close());

  const shortToken = (): Promise<string> => server.token({ user: 'ada', ttlMs: 1_000 });

  it('end with the token, over GraphQL with an error that says so', async () => {
    const client = new Client(server.url, await shortToken());
    const stream = await client.subscribe(LOG, { id: 'mine' });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events.at(-2)?.data.errors[0]).toMatchObject({
      message: 'The access token has ended; subscribe again with a new one.',
      extensions: { code: 'unauthenticated' },
    });
    expect(events.at(-1)?.event).toBe('complete');
  }, 30_000);

  it('end with the token, over REST', async () => {
    const client = new Client(server.url, await shortToken());
    const stream = await client.stream('GET', '/api/v1/conversations/mine/stream');
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events[0]!.data.content.snapshot).toBe(true);
  }, 30_000);

  const stream = async (method: string, headers: Record<string, string> = {}, user = 'ada') => {
    const response = await fetch(`${server.url}/graphql/stream`, {
      method,
      headers: { authorization: `Bearer ${await server.token({ user })}`, ...headers },
    });
    return { status: response.status, text: await response.text() };
  };

  it('that are reserved have a token of the server, not one that the client chose', async () => {
    const { status, text } = await stream('PUT', { 'x-graphql-event-stream-token': 'chosen' });
    expect(status).toBe(201);
    expect(text).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('that are reserved belong to who reserved them', async () => {
    const { text: token } = await stream('PUT');
    const headers = { 'x-graphql-event-stream-token': token };
    const other = await stream('GET', { ...headers, accept: 'text/event-stream' }, 'bob');
    expect(other.status).toBe(404);
    expect((await stream('DELETE', headers, 'bob')).status).toBe(404);
    const unknown = { 'x-graphql-event-stream-token': 'nobody' };
    expect((await stream('GET', { ...unknown, accept: 'text/event-stream' })).status).toBe(404);
  });

  it('cannot be reserved without end', async () => {
    const statuses = [];
    for (let index = 0; index < 101; index += 1) statuses.push((await stream('PUT', {}, 'cy')).status);
    expect(statuses.slice(0, 100)).toEqual(statuses.slice(0, 100).map(() => 201));
    expect(statuses.at(-1)).toBe(429);
  }, 30_000);
});

describe('what a stranger may learn', () => {
  it('of names in the schema: nothing where introspection is off, not even by near misses', async () => {
    const server = await startTestServer({ AGENTFLOW_INTROSPECTION: 'false' });
    try {
      for (const query of [
        '{ agent { id } }',
        '{ agentss { id } }',
        '{ agents { nam } }',
        '{ agents(limt: 1) { id } }',
      ]) {
        const { errors } = await server.dev.graphql(query);
        expect(JSON.stringify(errors)).not.toContain('Did you mean');
      }
    } finally {
      await server.close();
    }
  });

  it('of the metrics: nothing from another machine without the token', async () => {
    const server = await startTestServer({ AGENTFLOW_METRICS_TOKEN: 'scrape-me' });
    try {
      const from = (headers: Record<string, string>) => fetch(`${server.url}/metrics`, { headers });
      // A proxy on this machine speaks for others.
      const proxied = { 'x-forwarded-for': '203.0.113.7' };
      expect((await from({})).status).toBe(200);
      expect((await from(proxied)).status).toBe(401);
      expect((await from({ ...proxied, authorization: 'Bearer wrong' })).status).toBe(401);
      expect((await from({ ...proxied, authorization: 'Bearer scrape-me' })).status).toBe(200);
    } finally {
      await server.close();
    }
  });

  it.each(['.', '..'])('%s is no id of a conversation, since no URL can name it', async (id) => {
    const server = await startTestServer();
    try {
      for (const [route, body] of [
        ['/api/v1/conversations', { id, agent_id: 'MainAgent' }],
        [
          '/api/v1/agent/MainAgent/chat',
          { conversation_id: id, message_id: 'm1', message: 'Hello', stream: false },
        ],
      ] as const)
        expect((await server.dev.rest('POST', route, body)).status).toBe(422);
      const { errors } = await server.dev.graphql(
        'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { created } }',
        { input: { id, agentId: 'MainAgent' } },
      );
      expect(errors![0]!.extensions.code).toBe('validation_failed');
    } finally {
      await server.close();
    }
  });
});
