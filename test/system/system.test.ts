import { dataOf, expectProblem, stubEnvironment } from '../testkit/contract';
import { Client, type Json, startTestServer, type TestServer } from '../testkit/server';

let server: TestServer;
let ada: Client;
/** Sends a token that nobody issued. */
let stranger: Client;
beforeAll(async () => {
  server = await startTestServer();
  ada = await server.as({ user: 'ada' });
  stranger = new Client(server.url, 'no.such.token');
});
afterAll(() => server.close());

describe('the probes', () => {
  it('say that the API is up', async () => {
    const { status, body } = await ada.rest('GET', '/', undefined, { accept: 'application/json' });
    expect(status).toBe(200);
    expect(body).toEqual({
      name: 'AgentFlow',
      status: 'ok',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      time: expect.stringMatching(/Z$/),
    });
    const { server: info } = await dataOf(ada.graphql('{ server { name status version } }'));
    expect(info).toEqual({ name: 'AgentFlow', status: 'ok', version: body.version });
  });

  it('report the health of each component with its latency', async () => {
    const { status, body } = await ada.rest('GET', '/health');
    expect(status).toBe(200);
    expect(body.uptime_seconds).toBeGreaterThanOrEqual(0);
    expect(Object.keys(body.checks).sort()).toEqual(['api', 'database', 'jobs', 'llm', 'memory', 'search']);
    for (const name of ['api', 'database', 'search', 'jobs', 'llm'])
      expect(body.checks[name]).toMatchObject({ status: expect.any(String), latency_ms: expect.any(Number) });
    expect(body.checks.database.status).toBe('ok');
    expect(body.checks.memory.rss_bytes).toBeGreaterThan(body.checks.memory.heap_used_bytes);
    const { health } = await dataOf(ada.graphql('{ health { checks { database { status latencyMs } } } }'));
    expect(health.checks.database).toEqual({ status: 'ok', latencyMs: expect.any(Number) });
  });

  it('say that requests can be served', async () => {
    const { status, body } = await ada.rest('GET', '/ready');
    expect([status, body]).toEqual([200, { ready: true }]);
    expect(await dataOf(ada.graphql('{ ready { ready } }'))).toEqual({ ready: { ready: true } });
  });

  it('need no token, whatever is sent', async () => {
    for (const route of ['/', '/health', '/ready', '/openapi.json'])
      expect((await stranger.rest('GET', route, undefined, { accept: 'application/json' })).status).toBe(200);
  });

  it('say no to a method that they do not have', async () => {
    const answer = await ada.rest('POST', '/health', {});
    expectProblem(answer, 405, 'method_not_allowed');
    expect(answer.headers.get('allow')).toContain('GET');
  });
});

describe('statistics of agents', () => {
  it('count agents by kind and their runs of the last day', async () => {
    const client = await server.as({ tenant: 'counted' });
    const [main, emails] = [await client.agentId(), await client.agentId('EmailsAgent')];
    for (const message_id of ['m1', 'm2'])
      await client.rest('POST', `/api/v1/agent/${main}/chat`, {
        message: 'Hi',
        conversation_id: 'c',
        message_id,
        stream: false,
      });
    const { status, body } = await client.rest('GET', '/api/v1/agents/stats');
    expect(status).toBe(200);
    expect(body).toMatchObject({ total: 8, active: 6, built_in: 8, dynamic: 0, hidden: 1, runs_24h: 2 });
    const of = (id: string): Json => body.by_agent.find((agent: Json) => agent.id === id);
    expect(of(main)).toMatchObject({ name: 'MainAgent', runs_24h: 2, failures_24h: 0 });
    expect(of(main).tokens_24h).toBeGreaterThan(0);
    expect(of(emails)).toMatchObject({ runs_24h: 0, tokens_24h: 0 });
    const { agentStats } = await dataOf(
      client.graphql('{ agentStats { total runs24h byAgent { id runs24h } } }'),
    );
    expect(agentStats).toMatchObject({ total: 8, runs24h: 2 });
  });
});

describe('the catalogue of models', () => {
  it('is a bare array with capabilities in camelCase and prices', async () => {
    const { status, body, headers } = await ada.rest('GET', '/api/v1/models');
    expect(status).toBe(200);
    expect(headers.get('x-total-count')).toBe(String(body.length));
    const local = body.find(({ id }: Json) => id === 'agentflow/local');
    expect(local).toMatchObject({
      provider: 'agentflow',
      available: true,
      capabilities: { contextWindow: expect.any(Number), supportsStreaming: true },
      supportedReasoningEfforts: expect.any(Array),
      pricing: { input_per_million_usd: 0, output_per_million_usd: 0 },
      default_for: expect.arrayContaining(['agent_chat']),
    });
    const { models } = await dataOf(ada.graphql('{ models { id available } }'));
    expect(models.map(({ id }: Json) => id)).toEqual(body.map(({ id }: Json) => id));
    const available = body.map((model: Json) => model.available);
    expect(available).toEqual([...available].sort((a, b) => Number(b) - Number(a)));
  });
});

describe('every request', () => {
  it.each([
    '/api/v1/agents',
    '/api/v1/agents/stats',
    '/api/v1/models',
    '/api/v1/conversations',
    '/api/v1/cancel/active-calls',
  ])('to %s with a bad token gets 401 and says what is needed', async (route) => {
    const answer = await stranger.rest('GET', route);
    expectProblem(answer, 401, 'unauthenticated');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="/);
  });

  it('carries the caller’s request id into the answer and the problem', async () => {
    const headers = { 'x-request-id': 'my-request_1' };
    const answer = await ada.rest('GET', '/api/v1/agent/nobody', undefined, headers);
    expect(expectProblem(answer, 404, 'not_found').request_id).toBe('my-request_1');
    const other = await ada.rest('GET', '/api/v1/agents', undefined, { 'x-request-id': 'not valid!' });
    expect(other.headers.get('x-request-id')).toMatch(/^[A-Za-z0-9_-]{1,128}$/);
  });

  it('to an unknown route gets a problem', async () => {
    expectProblem(await ada.rest('GET', '/api/v1/nothing'), 404, 'not_found');
  });
});

describe('a server without its provider', () => {
  it('is degraded, not down', async () => {
    const alone = await startTestServer(stubEnvironment('http://127.0.0.1:9/v1'));
    try {
      const main = await alone.dev.agentId();
      const failing = ['a', 'b', 'c'].map((conversation_id) =>
        alone.dev.rest('POST', `/api/v1/agent/${main}/chat`, {
          message: 'Hi',
          conversation_id,
          message_id: 'm',
          stream: false,
        }),
      );
      for (const answer of await Promise.all(failing)) expect(answer.status).toBe(502);
      const { status, body } = await alone.dev.rest('GET', '/health');
      expect([status, body.status, body.checks.llm.status]).toEqual([200, 'degraded', 'degraded']);
      expect((await alone.dev.rest('GET', '/ready')).status).toBe(200);
    } finally {
      await alone.close();
    }
  });
});
