import { request } from 'node:http';
import { type Json, startTestServer, type TestServer } from '../testkit/server';

const ALLOWED = 'https://app.example.com';

/** Over a bare socket: `fetch` sets `Host` itself. */
function send(
  server: TestServer,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: Json }> {
  return new Promise((resolve, reject) => {
    const sent = request(server.url + path, { method, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text,
        }),
      );
    });
    sent.on('error', reject);
    sent.end(method === 'POST' ? JSON.stringify({ query: '{ agents { name } }' }) : undefined);
  });
}

const JSON_BODY = { 'content-type': 'application/json', accept: 'application/json' };

describe('a server that asks for no token', () => {
  let server: TestServer;
  let own: string;
  beforeAll(async () => {
    server = await startTestServer({ AGENTFLOW_CORS_ORIGINS: ALLOWED });
    own = new URL(server.url).host;
  });
  afterAll(() => server.close());

  it.each(['evil.example', 'evil.example:8000', 'localhost.evil.example', '127.evil.example', '10.0.0.1'])(
    'refuses requests that were sent to %s',
    async (host) => {
      for (const path of ['/api/v1/agents', '/graphql?query={agents{id}}', '/']) {
        const answer = await send(server, 'GET', path, { host });
        expect([path, answer.status, answer.body.code]).toEqual([path, 403, 'forbidden']);
        expect(answer.body.detail).toContain(host);
      }
    },
  );

  it.each(['localhost', 'localhost:1234', 'LOCALHOST', '127.0.0.1', '[::1]:8000', 'agentflow.localhost'])(
    'answers requests that were sent to %s',
    async (host) => {
      expect((await send(server, 'GET', '/api/v1/agents', { host })).status).toBe(200);
    },
  );

  it.each(['https://evil.example', 'null', 'http://localhost:1'])(
    'refuses writes and GraphQL posts from pages of %s',
    async (origin) => {
      const graphql = await send(server, 'POST', '/graphql', { ...JSON_BODY, origin });
      expect([graphql.status, graphql.body.code]).toEqual([403, 'forbidden']);
      expect(graphql.body.detail).toContain('AGENTFLOW_CORS_ORIGINS');
      const rest = await send(server, 'DELETE', '/api/v1/conversations/x', { origin });
      expect([rest.status, rest.body.code]).toEqual([403, 'forbidden']);
    },
  );

  it('answers its own pages, allowed origins and callers that are no pages', async () => {
    for (const origin of [{ origin: `http://${own}` }, { origin: ALLOWED }, {}] as Record<string, string>[]) {
      const answer = await send(server, 'POST', '/graphql', { ...JSON_BODY, ...origin });
      expect([origin, answer.status]).toEqual([origin, 200]);
    }
  });

  it('lets no other page read an answer', async () => {
    const response = await fetch(`${server.url}/api/v1/agents`, {
      headers: { origin: 'https://evil.example' },
    });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('a server that asks for tokens', () => {
  it('does not care about names and origins: nothing is answered without the token', async () => {
    const server = await startTestServer({ DEV_AUTH_BYPASS: 'false' });
    try {
      const authorization = `Bearer ${await server.token({ user: 'ada' })}`;
      const headers = {
        ...JSON_BODY,
        host: 'agents.example.com',
        origin: 'https://other.example',
        authorization,
      };
      expect((await send(server, 'POST', '/graphql', headers)).status).toBe(200);
      expect((await send(server, 'POST', '/graphql', { ...headers, authorization: 'Bearer x' })).status).toBe(
        401,
      );
    } finally {
      await server.close();
    }
  });
});
