import http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expectProblem } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';

let server: TestServer;
let member: Client;
let main: string;
let api: http.Server;
let base: string;
let turn = 0;
const seen: { method?: string; url?: string; authorization?: string; body: string }[] = [];

beforeAll(async () => {
  api = http.createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const { method, url, headers } = request;
      seen.push({ method, url, authorization: headers.authorization, body });
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ weather: 'rain', url }));
    });
  });
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  base = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  server = await startTestServer({ AGENTFLOW_ALLOW_PRIVATE_URLS: 'true' });
  member = await server.as({ user: 'ada' });
  main = await member.agentId();
});
afterAll(async () => {
  await server?.close();
  api.closeAllConnections();
  api.close();
});

const at = (rest = ''): string => `/api/v1/agent/${main}/tools${rest}`;
const register = (name: string, config: Json, more: Json = {}) =>
  member.rest('POST', at(), { name, description: 'Tells the weather.', kind: 'http', config, ...more });

const runTool = (tool: string, args: Json) =>
  member.rest('POST', at(`/${tool}/run`), {
    arguments: args,
    conversation_id: 'http',
    message_id: `m-${++turn}`,
  });

it('registers a request to an HTTP API whose arguments come from its templates, and runs it', async () => {
  const { status, body } = await register(
    'weather',
    { method: 'GET', url: `${base}/v1/{city}`, headers: { authorization: 'Bearer {credential.TOKEN}' } },
    { credentials: { TOKEN: 'sk-weather' }, param_descriptions: { city: 'Name of the city.' } },
  );
  expect({ status, body }).toMatchObject({
    status: 200,
    body: {
      kind: 'http',
      language: null,
      function_code: null,
      idempotent: true,
      has_credentials: true,
      parameters: { properties: { city: { description: 'Name of the city.' } }, required: ['city'] },
    },
  });
  expect(JSON.stringify(body)).not.toContain('sk-weather');
  const run = await runTool('weather', { city: 'Bad Ems' });
  expect(run.body).toMatchObject({ status: 'completed', result: { status: 200, body: { weather: 'rain' } } });
  expect(seen.at(-1)).toMatchObject({
    method: 'GET',
    url: '/v1/Bad%20Ems',
    authorization: 'Bearer sk-weather',
  });
});

it('keeps its credentials when other things change', async () => {
  const changed = await member.rest('PATCH', at('/weather'), { description: 'Other.' });
  expect(changed.body).toMatchObject({ has_credentials: true, kind: 'http', version: 2 });
  await runTool('weather', { city: 'Ulm' });
  expect(seen.at(-1)!.authorization).toBe('Bearer sk-weather');
});

it('takes the caller at its word about repeating calls', async () => {
  const { body } = await register('order', { method: 'POST', url: `${base}/orders`, body: 'json' });
  expect(body.idempotent).toBe(false);
  const said = await register(
    'order_once',
    { method: 'POST', url: `${base}/orders`, body: 'json' },
    { idempotent: true },
  );
  expect(said.body.idempotent).toBe(true);
});

it('becomes code when it is registered as code', async () => {
  await register('mixed', { method: 'GET', url: `${base}/x` });
  const { body } = await member.rest('POST', at(), {
    name: 'mixed',
    description: 'd',
    function_code: 'function mixed() { return 1; }',
    kind: 'javascript',
  });
  expect(body).toMatchObject({ kind: 'javascript', config: null });
});

it.each<[string, Json]>([
  ['no URL', { method: 'GET' }],
  ['an unknown method', { method: 'BREW', url: 'https://example.com' }],
  ['another protocol', { method: 'GET', url: 'file:///etc/passwd' }],
  ['an unknown field', { method: 'GET', url: 'https://example.com', verb: 'GET' }],
])('refuses a configuration with %s, naming it', async (_what, config) => {
  expectProblem(await register('bad_http', config), 422, 'validation_failed', /^config/);
});

it('refuses an OpenAPI document that cannot be fetched', async () => {
  const config = { openapi: 'http://127.0.0.1:9/openapi.json', operation_id: 'x' };
  expectProblem(await register('bad_openapi', config), 422, 'validation_failed', /^config/);
});

it('refuses tools of MCP servers that this deployment does not allow', async () => {
  const answer = await member.rest('POST', at(), {
    name: 'bad_mcp',
    description: 'd',
    kind: 'mcp',
    config: { server: 'files', tool: 'read' },
  });
  expectProblem(answer, 422, 'validation_failed', /^config/);
});
