import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { compileHttpTool, createHttpToolExecutor } from '../../src/adapters/http-tool';
import type { DomainError } from '../../src/errors';
import { createSafeFetch } from '../../src/net/safe-fetch';
import type { JsonObject } from '../../src/ports/records';
import type { ToolCallContext, ToolOutcome, ToolRecord } from '../../src/ports/tools';

interface Seen {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

const seen: Seen[] = [];
let reply: (request: Seen, response: http.ServerResponse) => void;
let base: string;
let server: http.Server;

beforeAll(async () => {
  server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += String(chunk)));
    request.on('end', () => {
      const entry = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      seen.push(entry);
      reply(entry, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen.length = 0;
  reply = (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"data":{"items":[{"id":7}]}}');
});

const fetch = createSafeFetch({ allowPrivate: true, userAgent: 'test' });
const credentials = (): Promise<Record<string, string>> => Promise.resolve({ TOKEN: 's3cret-token' });
const executor = createHttpToolExecutor({ fetch, credentials });
const context = { idempotencyKey: 'key-1', signal: new AbortController().signal } as ToolCallContext;

const compile = (config: JsonObject) => compileHttpTool(config, { fetch });
const toolOf = async (config: JsonObject, timeout = 5) =>
  ({ config: (await compile(config)).config, executionTimeout: timeout }) as ToolRecord;
const run = async (config: JsonObject, args: JsonObject = {}): Promise<ToolOutcome> =>
  executor.execute(await toolOf(config), args, context);
const complaint = async (config: JsonObject, options = {}): Promise<string> => {
  const error = await compileHttpTool(config, { fetch, ...options }).then(
    () => undefined,
    (reason: unknown) => reason as DomainError,
  );
  expect(error?.code).toBe('validation_failed');
  return error?.details.errors?.[0]?.path ?? '';
};

describe('a request made from a template', () => {
  it('puts arguments into path, query, headers and body, and answers status and parsed JSON', async () => {
    const outcome = await run(
      {
        method: 'POST',
        url: `${base}/users/{id}/notes?fixed=1&q={q}`,
        headers: { authorization: 'Bearer {credential.TOKEN}', 'x-trace': 'run-{id}' },
        query: { tag: '{tags}', absent: '{absent}' },
        body_template: {
          title: '{title}',
          count: '{count}',
          text: 'by {id}',
          literal: '{{id}}',
          missing: '{absent}',
        },
      },
      { id: 'a/b c', q: 'x&y=z', tags: ['p', 'q'], title: 'Hi', count: 3 },
    );
    expect(outcome).toEqual({ ok: true, result: { status: 200, body: { data: { items: [{ id: 7 }] } } } });
    expect(seen[0]?.url).toBe('/users/a%2Fb%20c/notes?fixed=1&q=x%26y%3Dz&tag=p&tag=q');
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      title: 'Hi',
      count: 3,
      text: 'by a/b c',
      literal: '{id}',
    });
    expect(seen[0]?.headers).toMatchObject({
      authorization: 'Bearer s3cret-token',
      'x-trace': 'run-a/b c',
      'idempotency-key': 'key-1',
      'content-type': 'application/json',
    });
  });

  it('sends arguments that no template names in the query of a GET, without an idempotency key', async () => {
    await run({ url: `${base}/find` }, { text: '{credential.TOKEN}', limit: 2 });
    expect(seen[0]?.url).toBe('/find?text=%7Bcredential.TOKEN%7D&limit=2');
    expect(seen[0]?.headers['idempotency-key']).toBeUndefined();
  });

  it('sends a form', async () => {
    await run({ method: 'POST', url: `${base}/f`, body: 'form' }, { a: '1&2', b: ['x', 'y'] });
    expect(seen[0]?.body).toBe('a=1%262&b=x&b=y');
    expect(seen[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  });

  it.each(['..', '.', '%2e%2E', ''])('does not let %j climb out of its path segment', async (id) => {
    const outcome = await run({ url: `${base}/users/{id}/notes` }, { id });
    if (id.startsWith('%')) expect(seen[0]?.url).toBe('/users/%252e%252E/notes');
    else expect(outcome).toMatchObject({ ok: false, error: { type: 'invalid_arguments' } });
  });

  it('does not let a value add a header', async () => {
    const outcome = await run({ url: `${base}/`, headers: { 'x-a': '{v}' } }, { v: 'a\r\nx-b: c' });
    expect(outcome).toMatchObject({ ok: false, error: { type: 'invalid_arguments' } });
    expect(seen).toHaveLength(0);
  });

  it('says which argument or credential is missing', async () => {
    expect(await run({ url: `${base}/{id}` })).toMatchObject({
      error: { message: expect.stringContaining('id') },
    });
    const outcome = await run({ url: `${base}/`, headers: { a: '{credential.OTHER}' } });
    expect(outcome).toMatchObject({ ok: false, error: { message: expect.stringContaining('OTHER') } });
  });

  it('takes the part of the answer that the configuration names', async () => {
    const part = await run({ url: `${base}/`, response: { path: 'data.items.0.id' } });
    expect(part).toEqual({ ok: true, result: { status: 200, body: 7 } });
    const none = await run({ url: `${base}/`, response: { path: 'data.__proto__' } });
    expect(none).toMatchObject({ ok: false, error: { type: 'unexpected_answer' } });
  });
});

describe('answers', () => {
  it.each([
    [404, false],
    [429, true],
    [503, true],
  ])('makes a failure of status %i, retryable %s', async (status, retryable) => {
    reply = (_request, response) => response.writeHead(status).end('why: s3cret-token');
    const outcome = await run({ url: `${base}/x?k={credential.TOKEN}` });
    expect(outcome).toMatchObject({ ok: false, error: { type: 'http_error', retryable } });
    expect(JSON.stringify(outcome)).toContain('why');
    expect(JSON.stringify(outcome)).not.toContain('s3cret-token');
  });

  it('gives text as text, and what only says that it is JSON, too', async () => {
    reply = (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('oops');
    expect(await run({ url: `${base}/` })).toEqual({ ok: true, result: { status: 200, body: 'oops' } });
  });

  it('refuses an answer that is too large', async () => {
    reply = (_request, response) => response.end(Buffer.alloc(2 * 1024 * 1024));
    expect(await run({ url: `${base}/` })).toMatchObject({
      ok: false,
      error: { type: 'too_large', retryable: false },
    });
  });

  it('gives a server that does not answer up after the time-out of the tool', async () => {
    reply = () => undefined;
    const outcome = await executor.execute(await toolOf({ url: `${base}/` }, 0.2), {}, context);
    expect(outcome).toMatchObject({ ok: false, error: { type: 'timeout', retryable: true } });
  });

  it("rejects with the signal's reason when aborted", async () => {
    const controller = new AbortController();
    reply = () => controller.abort(new Error('cancelled'));
    const call = executor.execute(
      await toolOf({ url: `${base}/` }),
      {},
      { ...context, signal: controller.signal },
    );
    await expect(call).rejects.toThrow('cancelled');
  });

  it('does not follow a redirect to a host outside the list', async () => {
    reply = (_request, response) => response.writeHead(302, { location: 'http://evil.example/' }).end();
    expect(await run({ url: `${base}/` })).toMatchObject({ ok: false, error: { type: 'refused' } });
  });

  it('refuses private addresses unless they are opened', async () => {
    const strict = createHttpToolExecutor({
      fetch: createSafeFetch({ allowPrivate: false, userAgent: 'test' }),
      credentials,
    });
    const outcome = await strict.execute(await toolOf({ url: `${base}/` }), {}, context);
    expect(outcome).toMatchObject({ ok: false, error: { type: 'refused' } });
    expect(seen).toHaveLength(0);
  });
});

describe('previews', () => {
  it('shows the request without sending it and without secrets', async () => {
    const tool = await toolOf({
      method: 'POST',
      url: `${base}/pay`,
      headers: { authorization: 'Bearer {credential.TOKEN}' },
    });
    const outcome = await executor.preview(tool, { amount: 5 }, context);
    expect(outcome).toMatchObject({
      ok: true,
      result: {
        request: {
          method: 'POST',
          url: `${base}/pay`,
          headers: { authorization: 'Bearer ***' },
          body: { amount: 5 },
        },
      },
    });
    expect(seen).toHaveLength(0);
  });
});

describe('configurations', () => {
  it.each<[string, JsonObject]>([
    ['config.url', { url: 'ftp://example.com' }],
    ['config.url', { url: 'https://{host}/x' }],
    ['config.url', { url: 'https://a:b@example.com/' }],
    ['config.url', { url: 'https://example.com/../x' }],
    ['config.url', { url: 'https://example.com/{credential.TOKEN}' }],
    ['config.method', { url: 'https://example.com', method: 'TRACE' }],
    ['config.headers.host', { url: 'https://example.com', headers: { host: 'x' } }],
    ['config.headers.x', { url: 'https://example.com', headers: { x: 'a\nb' } }],
    ['config.body', { url: 'https://example.com', body: 'json' }],
    [
      'config.body_template',
      { url: 'https://example.com', method: 'POST', body_template: '{credential.TOKEN}' },
    ],
    ['config.allow_hosts.0', { url: 'https://example.com', allow_hosts: ['*'] }],
    ['config.query.a', { url: 'https://example.com', query: { a: {} } }],
    ['config.response.path', { url: 'https://example.com', response: { path: 'a..b' } }],
    ['config', { url: 'https://example.com', headers: { authorization: 'Bearer {credentials.TOKEN}' } }],
    ['config', { url: 'https://example.com', query: { key: '{secret.TOKEN}' } }],
    ['config.typo', { url: 'https://example.com', typo: 1 }],
  ])('complains at %s', async (path, config) => expect(await complaint(config)).toBe(path));

  it('keeps to the hosts of the deployment', async () => {
    const allowHosts = ['*.example.com'];
    expect(await complaint({ url: 'https://other.org/' }, { allowHosts })).toBe('config.url');
    await expect(
      compileHttpTool({ url: 'https://api.example.com/' }, { fetch, allowHosts }),
    ).resolves.toBeDefined();
  });

  it('derives arguments from the templates', async () => {
    const { parameters, idempotent, supportsPreview } = await compile({
      method: 'PUT',
      url: `${base}/{id}?q={q}`,
    });
    expect(parameters).toMatchObject({ required: ['id'], properties: { id: {}, q: {} } });
    const partial = await compile({
      url: `${base}/x?sort={field}:desc&page={page}`,
      headers: { 'x-trace': 'user-{user}', authorization: 'Bearer {credential.TOKEN}' },
    });
    expect(partial.parameters).toMatchObject({
      required: ['user', 'field'],
      properties: { field: { type: ['string', 'number', 'boolean'] }, page: {}, user: {} },
    });
    expect({ idempotent, supportsPreview }).toEqual({ idempotent: true, supportsPreview: true });
  });
});

describe('OpenAPI operations', () => {
  const document = (): JsonObject => ({
    openapi: '3.0.3',
    servers: [{ url: '/v1' }],
    paths: {
      '/pets/{petId}': {
        parameters: [{ $ref: '#/components/parameters/Pet' }],
        post: {
          operationId: 'renamePet',
          summary: 'Renames a pet.',
          parameters: [
            { name: 'filter[kind]', in: 'query', schema: { type: 'array', items: { type: 'string' } } },
            { name: 'X-Trace', in: 'header', description: 'For support.', schema: { type: 'string' } },
          ],
          requestBody: {
            required: true,
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } },
          },
        },
      },
    },
    components: {
      parameters: { Pet: { name: 'petId', in: 'path', required: true, schema: { type: 'integer' } } },
      schemas: {
        Pet: {
          type: 'object',
          required: ['name'],
          properties: {
            name: { type: 'string', nullable: true, example: 'Rex' },
            petId: { type: 'string' },
            age: { type: 'number', minimum: 0, exclusiveMinimum: true },
            parent: { $ref: '#/components/schemas/Pet' },
          },
        },
      },
    },
  });

  it('compiles from a URL to the schema of arguments and a request', async () => {
    reply = (request, response) =>
      response.end(request.url === '/openapi.json' ? JSON.stringify(document()) : 'done');
    const compiled = await compile({ openapi: `${base}/openapi.json`, operation_id: 'renamePet' });
    expect(compiled.description).toBe('Renames a pet.');
    expect(compiled.parameters).toMatchObject({
      required: ['petId', 'name'],
      properties: {
        petId: { type: 'integer' },
        filter_kind_: { type: 'array' },
        'X-Trace': { description: 'For support.' },
        name: { type: ['string', 'null'] },
        petId_2: { type: 'string' },
        age: { exclusiveMinimum: 0 },
        parent: {},
      },
    });
    const tool = { config: compiled.config, executionTimeout: 5 } as ToolRecord;
    await executor.execute(
      tool,
      { petId: 3, filter_kind_: ['a', 'b'], 'X-Trace': 't', name: 'Rex', petId_2: 'x' },
      context,
    );
    expect(seen[1]).toMatchObject({ method: 'POST', headers: { 'x-trace': 't' } });
    expect(decodeURIComponent(seen[1]?.url ?? '')).toBe('/v1/pets/3?filter[kind]=a&filter[kind]=b');
    expect(JSON.parse(seen[1]?.body ?? '')).toEqual({ name: 'Rex', petId: 'x' });
  });

  it.each<[string, JsonObject]>([
    ['config.operation_id', { openapi: document(), operation_id: 'nope' }],
    ['config.server', { openapi: document(), operation_id: 'renamePet' }],
    ['config.openapi', { openapi: { swagger: '2.0' }, operation_id: 'a' }],
    ['config.openapi', { openapi: 'http://169.254.169.254/', operation_id: 'a' }],
  ])('complains at %s', async (path, config) => expect(await complaint(config)).toBe(path));
});
