import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpApp } from '../../src/http/app';
import { MetricsRegistry } from '../../src/http/metrics';
import { createShutdown, type Shutdown } from '../../src/http/shutdown';
import { until } from './toy/schema';
import {
  ask,
  eventually,
  json,
  rawRequest,
  readUntil,
  recordingLogger,
  startToy,
  type LogEntry,
  type Toy,
} from './toy/server';

const ORIGIN = 'https://app.example.com';

let toy: Toy;
let server: Server;
let shutdown: Shutdown;
let metrics: MetricsRegistry;
let logs: LogEntry[];
/** Lets the GraphQL handler of the test answer. */
let hold: Promise<void> = Promise.resolve();

/** The facade of the toy behind the product's own assembly, on a server of its own. */
beforeEach(async () => {
  const bare = await startToy();
  await bare.close();
  metrics = new MetricsRegistry();
  logs = [];
  hold = Promise.resolve();
  const logger = recordingLogger(logs);
  server = createServer(
    createHttpApp({
      yoga: async (request, response) => {
        await hold;
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ url: request.url }));
      },
      facade: bare.facade,
      config: {
        corsOrigins: [ORIGIN],
        maxBodyBytes: 1024,
        isOpen: false,
        graphiql: true,
        metricsToken: undefined,
        version: '1.2.3',
      },
      logger,
      jwks: () => Promise.resolve({ keys: [{ kid: 'k1' }] }),
      metrics,
      isDraining: () => shutdown.isDraining,
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  shutdown = createShutdown({ server, endStreams: [bare.facade.endStreams], logger, timeoutMs: 5000 });
  const { port } = server.address() as AddressInfo;
  toy = { ...bare, server, port, url: `http://127.0.0.1:${port}` };
});
afterEach(async () => {
  server.closeAllConnections();
  await shutdown.run();
});

describe('pages', () => {
  it.each([
    '/docs',
    '/redoc',
    '/docs/',
    '/docs/start.js',
    '/redoc/start.js',
    '/favicon.svg',
    '/openapi.json',
  ])('serves %s without a token', async (path) => {
    expect((await ask(toy, path, { token: null })).status).toBe(200);
  });

  it.each(['/docs', '/redoc'])(
    '%s loads nothing from elsewhere, and every file that it names is there',
    async (path) => {
      const response = await ask(toy, path, { token: null });
      const html = await response.text();
      const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
      expect(links.length).toBeGreaterThan(2);
      for (const link of links) {
        expect(link).toMatch(/^\/[^/]/);
        expect([link, (await ask(toy, link, { token: null })).status]).toEqual([link, 200]);
      }
      expect(html).not.toMatch(/<script>|onclick|https?:/);
      expect(response.headers.get('content-security-policy')).toContain("script-src 'self';");
    },
  );

  it('serves a ReDoc that asks no other server for its logo', async () => {
    const html = await (await ask(toy, '/redoc', { token: null })).text();
    const bundle = /src="([^"]+standalone[^"]+)"/.exec(html)![1]!;
    expect(await (await ask(toy, bundle, { token: null })).text()).not.toContain('cdn.redoc.ly');
  });

  it('serves the document without the extension of the facade', async () => {
    const document = await json(await ask(toy, '/openapi.json', { token: null }));
    expect(document.openapi).toBe('3.1.0');
    expect(document.paths['/api/v1/notes'].get.operationId).toBe('listNotes');
    expect(JSON.stringify(document)).not.toContain('x-agentflow');
  });

  it('answers 304 for a page that the caller has', async () => {
    const etag = (await ask(toy, '/openapi.json')).headers.get('etag')!;
    const response = await ask(toy, '/openapi.json', { headers: { 'if-none-match': etag } });
    expect([response.status, await response.text()]).toEqual([304, '']);
  });

  it('compresses for those who can read it', async () => {
    const plain = await ask(toy, '/openapi.json', { headers: { 'accept-encoding': 'identity' } });
    const zipped = await ask(toy, '/openapi.json', { headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(await zipped.text()).toBe(await plain.text());
    expect(Number(zipped.headers.get('content-length'))).toBeLessThan(
      Number(plain.headers.get('content-length')) / 2,
    );
  });

  it('shows browsers a page at / and machines JSON', async () => {
    const page = await ask(toy, '/', { token: null, headers: { accept: 'text/html,*/*' } });
    expect(await page.text()).toContain('<a href="/graphql">');
    const machine = await ask(toy, '/', { token: null });
    expect(await json(machine)).toMatchObject({ name: 'AgentFlow', status: 'ok', version: '1.2.3' });
  });
});

describe('assembly', () => {
  it('gives GraphQL its whole path', async () => {
    expect(await json(await ask(toy, '/graphql?query=x'))).toEqual({ url: '/graphql?query=x' });
  });

  it('publishes the signing keys', async () => {
    const response = await ask(toy, '/.well-known/jwks.json', { token: null });
    expect(await json(response)).toEqual({ keys: [{ kid: 'k1' }] });
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
  });

  it('answers REST requests with security headers and a request id', async () => {
    const response = await ask(toy, '/api/v1/notes/n1', { headers: { 'x-request-id': 'r1' } });
    expect(response.status).toBe(200);
    const names = [
      'x-content-type-options',
      'x-frame-options',
      'referrer-policy',
      'x-request-id',
      'x-powered-by',
    ];
    expect(names.map((name) => response.headers.get(name))).toEqual([
      'nosniff',
      'DENY',
      'no-referrer',
      'r1',
      null,
    ]);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('answers unknown paths with a problem', async () => {
    const response = await ask(toy, '/nothing');
    expect([response.status, response.headers.get('content-type')]).toEqual([
      404,
      'application/problem+json',
    ]);
  });

  it('answers a failing handler with a problem that hides the cause', async () => {
    hold = Promise.reject(new Error('secret'));
    hold.catch(() => undefined);
    const response = await ask(toy, '/graphql');
    expect([response.status, (await json(response)).detail]).toEqual([500, 'Unexpected error']);
    expect(logs).toHaveLength(1);
  });
});

describe('CORS', () => {
  it('answers the preflight of a known origin, before any token is asked for', async () => {
    const response = await ask(toy, '/api/v1/notes', {
      method: 'OPTIONS',
      token: null,
      headers: {
        origin: ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(response.headers.get('access-control-allow-headers')).toBe('authorization');
    expect(response.headers.get('vary')).toBe('Origin');
  });

  it('lets a known origin read answers, errors too', async () => {
    const response = await ask(toy, '/api/v1/notes/missing', { headers: { origin: ORIGIN } });
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(response.headers.get('access-control-expose-headers')).toContain('X-Request-Id');
  });

  it('says nothing to an origin that is not named', async () => {
    const response = await ask(toy, '/api/v1/notes/n1', { headers: { origin: 'https://evil.example.com' } });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('metrics', () => {
  it('count requests by route template, never by path', async () => {
    await ask(toy, '/api/v1/notes/n1');
    await ask(toy, '/api/v1/notes/n2');
    await ask(toy, '/nothing/at/all');
    const text = await (await ask(toy, '/metrics', { token: null })).text();
    expect(text).toContain(
      'agentflow_http_requests_total{method="GET",route="/api/v1/notes/{note_id}",status="200"} 2\n',
    );
    expect(text).toContain('agentflow_http_requests_total{method="GET",route="unmatched",status="404"} 1\n');
    expect(text).toContain(
      'agentflow_http_request_duration_seconds_count{method="GET",route="/api/v1/notes/{note_id}"} 2\n',
    );
    expect(text).not.toContain('n1');
  });

  it('keep buckets cumulative and escape label values', () => {
    const histogram = metrics.histogram('test_seconds', 'Test.', ['a'], [1, 2]);
    for (const value of [0.5, 1.5, 9]) histogram.observe(['x"\n\\'], value);
    expect(metrics.render()).toContain(
      '# TYPE test_seconds histogram\n' +
        'test_seconds_bucket{a="x\\"\\n\\\\",le="1"} 1\n' +
        'test_seconds_bucket{a="x\\"\\n\\\\",le="2"} 2\n' +
        'test_seconds_bucket{a="x\\"\\n\\\\",le="+Inf"} 3\n' +
        'test_seconds_sum{a="x\\"\\n\\\\"} 11\n' +
        'test_seconds_count{a="x\\"\\n\\\\"} 3\n',
    );
  });

  it('refuse a name twice', () => {
    metrics.counter('runs_total', 'Runs.');
    expect(() => metrics.counter('runs_total', 'Runs.')).toThrow('exists already');
  });
});

describe('shutdown', () => {
  it('ends event streams with a hint to reconnect and then closes', async () => {
    toy.world.events = async function* () {
      yield { type: 'delta', seq: 1, callId: 'c', content: 'a' };
      await new Promise(() => undefined);
    };
    const socket = await rawRequest(
      toy,
      'GET /api/v1/runs/r/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\n\r\n',
    );
    await readUntil(socket, 'id: 1');
    const done = shutdown.run();
    expect(await readUntil(socket, '0\r\n\r\n')).toContain('retry: 1000');
    await done;
    await until(toy.world, () => toy.world.following === 0);
    socket.destroy();
  });

  it('waits for the request in flight and closes its connection', async () => {
    let release = (): void => undefined;
    hold = new Promise((resolve) => (release = resolve));
    const socket = await rawRequest(toy, 'GET /graphql HTTP/1.1\r\nhost: x\r\n\r\n');
    await eventually(() => socket.bytesWritten > 0);
    await new Promise((resolve) => server.getConnections(resolve));
    const done = shutdown.run();
    release();
    expect(await readUntil(socket, '"/graphql"')).toContain('HTTP/1.1 200');
    await done;
    socket.destroy();
  });

  it('takes no new connections', async () => {
    await shutdown.run();
    await expect(ask(toy, '/')).rejects.toThrow('fetch failed');
  });
});
