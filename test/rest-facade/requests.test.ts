import { existsSync } from 'node:fs';
import { METADATA } from './toy/schema';
import { ask, eventually, json, rawRequest, readUntil, startToy, type Toy } from './toy/server';

let toy: Toy;
beforeAll(async () => {
  toy = await startToy({ maxBodyBytes: 2000, maxFileBytes: 100, validateResponses: true });
});
afterAll(() => toy.close());
beforeEach(() => {
  toy.world.created.length = 0;
  toy.logs.length = 0;
});

const note = (extra: object = {}): object => ({ body_text: 'hi', message_id: 'm1', ...extra });

describe('answers', () => {
  it('names fields as the document spells them and leaves JSON scalars untouched', async () => {
    const response = await ask(toy, '/api/v1/notes/n7');
    expect(response.status).toBe(200);
    expect(await json(response)).toEqual({
      id: 'n7',
      body_text: 'text',
      kind: 'to_do',
      version: 3,
      created_at: '2026-01-01T00:00:00Z',
      llm_config: { temperature: 0.5, max_tokens: 9 },
      capabilities: { contextWindow: 1000 },
      metadata: METADATA,
    });
  });

  it('gives a list as an array with its total and a link to the next page', async () => {
    const response = await ask(toy, '/api/v1/notes?limit=2&tag=a&tag=b&offset=4');
    expect((await json(response)).map((item: { id: string }) => item.id)).toEqual(['n0', 'n1']);
    expect(response.headers.get('x-total-count')).toBe('120');
    expect(response.headers.get('link')).toBe(
      '</api/v1/notes?limit=2&tag=a&tag=b&cursor=next%3D%3D>; rel="next"',
    );
    expect(toy.world.notesArguments.at(-1)).toEqual({ limit: 2, tag: ['a', 'b'] });
  });

  it('gives no link on the last page, takes one query value as a list, and applies the declared default', async () => {
    const response = await ask(toy, '/api/v1/notes?cursor=last&tag=a');
    expect(response.headers.get('link')).toBeNull();
    expect(toy.world.notesArguments.at(-1)).toEqual({ limit: 50, cursor: 'last', tag: ['a'] });
  });

  it('takes reserved characters in a query value', async () => {
    await ask(toy, '/api/v1/notes?cursor=a:b==');
    expect(toy.world.notesArguments.at(-1)).toMatchObject({ cursor: 'a:b==' });
  });

  it('chooses the status by a value of the result and says where the new thing is', async () => {
    const created = await ask(toy, '/api/v1/notes', { body: note() });
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe('/api/v1/notes/n1');
    expect(created.headers.get('etag')).toBe('"v3"');
    expect((await ask(toy, '/api/v1/notes', { body: note({ message_id: 'again' }) })).status).toBe(200);
  });

  it('turns a null result into 404', async () => {
    const response = await ask(toy, '/api/v1/notes/missing');
    expect(response.status).toBe(404);
    expect(await json(response)).toMatchObject({ code: 'not_found', detail: 'missing does not exist.' });
  });

  it('answers 204 without a body for an empty result', async () => {
    const response = await ask(toy, '/api/v1/notes/n1', { method: 'DELETE' });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
  });

  it('answers HEAD with the headers of GET and no body', async () => {
    const response = await ask(toy, '/api/v1/notes/n1', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(100);
    expect(await response.text()).toBe('');
  });

  it('answers 304 to a caller whose copy is still good', async () => {
    const response = await ask(toy, '/api/v1/notes/n1', { headers: { 'if-none-match': '"v3"' } });
    expect(response.status).toBe(304);
  });

  it('sends a download with its name, and one range of it', async () => {
    const whole = await ask(toy, '/api/v1/notes/n1/file');
    expect(await whole.text()).toBe('0123456789');
    expect(whole.headers.get('content-disposition')).toBe(
      `attachment; filename="Gr__e _1_.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22.txt`,
    );
    const part = await ask(toy, '/api/v1/notes/n1/file', { headers: { range: 'bytes=2-4' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      'bytes 2-4/10',
      '234',
    ]);
    const past = await ask(toy, '/api/v1/notes/n1/file', { headers: { range: 'bytes=10-' } });
    expect([past.status, past.headers.get('content-range')]).toEqual([416, 'bytes */10']);
  });

  it('refuses in tests an answer that does not fit the document', async () => {
    const response = await ask(toy, '/api/v1/broken?how=long');
    expect(response.status).toBe(500);
    expect(toy.logs).toHaveLength(1);
    expect(String(toy.logs[0]!.fields.err)).toContain('/value must NOT have more than 3 characters');
  });
});

describe('routing', () => {
  it.each([
    ['POST', '/api/v1/cancel/all', 'everything'],
    ['POST', '/api/v1/cancel/call-1', 'call-1'],
    ['GET', '/api/v1/notes/search?q=x', { hits: ['x'] }],
    ['GET', '/api/v1/agent/conversations/c1', { conversation: 'c1' }],
    ['GET', '/api/v1/agent/conv/c1', { agent: 'conv' }],
    ['GET', '/api/v1/agent/a%2Fb/x', { agent: 'a/b' }],
    ['GET', '/api/v1/agent/%C3%A9/x/', { agent: 'é' }],
  ])('%s %s prefers the literal segment', async (method, path, expected) => {
    expect(await json(await ask(toy, path, { method }))).toEqual(expected);
  });

  it('answers 405 with the methods that are allowed', async () => {
    const response = await ask(toy, '/api/v1/notes/n1', { method: 'PUT' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('DELETE, GET, HEAD, OPTIONS, PATCH');
    expect((await json(response)).code).toBe('method_not_allowed');
  });

  it('answers OPTIONS with the methods that are allowed', async () => {
    const response = await ask(toy, '/api/v1/notes', { method: 'OPTIONS', token: null });
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS, POST']);
  });

  it('answers 404 with a problem for an unknown path below /api', async () => {
    const response = await ask(toy, '/api/v1/nothing');
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });

  it('leaves paths outside /api to others', async () => {
    const response = await ask(toy, '/other');
    expect([response.status, response.headers.get('content-type')]).toEqual([
      404,
      'text/html; charset=utf-8',
    ]);
  });

  it('answers 400 for a path that is not valid percent-encoding', async () => {
    expect((await ask(toy, '/api/v1/notes/%ff')).status).toBe(400);
  });
});

describe('errors', () => {
  it('shape every refusal as a problem document', async () => {
    const response = await ask(toy, '/api/v1/broken?how=conflict', { headers: { 'x-request-id': 'req-1' } });
    expect(response.status).toBe(409);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await json(response)).toEqual({
      type: 'urn:agentflow:problem:conflict',
      title: 'Conflict',
      status: 409,
      status_code: 409,
      detail: 'It is busy.',
      code: 'conflict',
      request_id: 'req-1',
      errors: [{ path: 'how', message: 'is busy' }],
    });
  });

  it('say when to come back, and carry further facts', async () => {
    const response = await ask(toy, '/api/v1/broken?how=rate');
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
    expect((await json(response)).scope).toBe('user');
  });

  it('hide what is unexpected, log it once, and give the id to ask with', async () => {
    const response = await ask(toy, '/api/v1/broken?how=secret', { headers: { 'x-request-id': 'req-2' } });
    expect(response.status).toBe(500);
    const body = await json(response);
    expect(body).toMatchObject({ detail: 'Unexpected error', code: 'internal_error', request_id: 'req-2' });
    expect(JSON.stringify(body)).not.toContain('hunter2');
    expect(toy.logs.map(({ fields }) => fields.requestId)).toEqual(['req-2']);
  });

  it('ask for a token before anything else is looked at', async () => {
    const response = await ask(toy, '/api/v1/notes', { token: null, body: '{' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(await json(response)).not.toHaveProperty('www_authenticate');
  });

  it('need no token on a public operation', async () => {
    expect(await json(await ask(toy, '/api/v1/ping', { token: null }))).toEqual({ pong: 'pong' });
  });
});

describe('request ids', () => {
  it('are taken from the caller when they are well-formed', async () => {
    const response = await ask(toy, '/api/v1/notes/n1', { headers: { 'x-request-id': 'Abc_1-2' } });
    expect(response.headers.get('x-request-id')).toBe('Abc_1-2');
  });

  it('are made anew when they are not', async () => {
    const response = await ask(toy, '/api/v1/notes/n1', { headers: { 'x-request-id': 'no spaces' } });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('bodies', () => {
  it('become GraphQL input, with nested names converted and JSON untouched', async () => {
    const body = note({
      kind: '7d',
      llm_config: { max_tokens: 5 },
      metadata: METADATA,
      tags: [{ tag_name: 'x' }],
    });
    expect((await ask(toy, '/api/v1/notes', { body })).status).toBe(201);
    expect(toy.world.created[0]).toEqual({
      bodyText: 'hi',
      messageId: 'm1',
      kind: '7d',
      llmConfig: { maxTokens: 5 },
      metadata: METADATA,
      tags: [{ tagName: 'x' }],
    });
  });

  it('have unknown fields ignored and named, nested ones too', async () => {
    const body = note({ mesage: 1, llm_config: { temprature: 1 }, tags: [{ tag_name: 'a', colour: 'b' }] });
    const response = await ask(toy, '/api/v1/notes', { body });
    expect(response.status).toBe(201);
    expect(response.headers.get('agentflow-ignored-fields')).toBe(
      'mesage, llm_config.temprature, tags.0.colour',
    );
  });

  it('have unknown fields refused where the schema says so', async () => {
    const response = await ask(toy, '/api/v1/notes/n1', {
      method: 'PATCH',
      body: { body_text: 'x', typo: 1 },
    });
    expect(response.status).toBe(422);
    expect((await json(response)).errors).toEqual([
      { path: 'typo', message: 'must NOT have additional properties' },
    ]);
  });

  it('are refused with every finding at once', async () => {
    const body = { body_text: '', llm_config: { temperature: 3, max_tokens: 'x' }, kind: 'other' };
    const response = await ask(toy, '/api/v1/notes', { body });
    expect(response.status).toBe(422);
    const paths = (await json(response)).errors.map((error: { path: string }) => error.path).sort();
    expect(paths).toEqual([
      'body_text',
      'kind',
      'llm_config.max_tokens',
      'llm_config.temperature',
      'message_id',
    ]);
  });

  it('are never coerced: a string is no boolean', async () => {
    const response = await ask(toy, '/api/v1/notes', { body: note({ stream: 'yes' }) });
    expect((await json(response)).errors).toEqual([{ path: 'stream', message: 'must be boolean' }]);
  });

  it('name query values by their place', async () => {
    const response = await ask(toy, '/api/v1/notes?limit=500');
    expect(response.status).toBe(422);
    expect((await json(response)).errors).toEqual([{ path: 'query.limit', message: 'must be <= 100' }]);
  });

  it.each([
    ['cut off', '{"body_text": "x"'],
    ['empty', ''],
    ['blank', '  '],
    ['not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])('%s are unreadable: 400', async (_how, body) => {
    const response = await ask(toy, '/api/v1/notes', { method: 'POST', body });
    expect(response.status).toBe(400);
    expect((await json(response)).code).toBe('bad_request');
  });

  it.each([
    ['with one key twice', '{"body_text": "a", "body_text": "b", "message_id": "m"}', 'body_text'],
    [
      'with one key twice, once escaped',
      '{"body_text": "a", "body\\u005ftext": "b", "message_id": "m"}',
      'body_text',
    ],
    ['with a number beyond doubles', '{"metadata": {"a": [1, 1e999]}, "message_id": "m"}', 'metadata.a.1'],
    [
      'nested too deeply',
      `{"metadata": ${'[['.repeat(60)}${']]'.repeat(60)}}`,
      expect.stringMatching(/^metadata\.0\./),
    ],
  ])('%s are refused with 422 and the path', async (_how, body, path) => {
    const response = await ask(toy, '/api/v1/notes', { method: 'POST', body });
    expect(response.status).toBe(422);
    expect((await json(response)).errors).toEqual([{ path, message: expect.any(String) }]);
  });

  it('of another media type are refused with 415', async () => {
    const response = await ask(toy, '/api/v1/notes', {
      body: 'a=b',
      headers: { 'content-type': 'text/plain' },
    });
    expect(response.status).toBe(415);
    expect((await json(response)).detail).toContain('send application/json');
  });

  it('with any parameters on the media type share one validator', async () => {
    for (const charset of ['utf-8', 'x1', 'x2']) {
      const headers = { 'content-type': `Application/JSON; charset=${charset}` };
      expect((await ask(toy, '/api/v1/notes', { body: JSON.stringify(note()), headers })).status).toBe(201);
    }
  });

  it('that announce too much are refused with 413 and the connection lives', async () => {
    const response = await ask(toy, '/api/v1/notes', { body: note({ body_text: 'x'.repeat(3000) }) });
    expect(response.status).toBe(413);
    expect(await json(response)).toMatchObject({ code: 'payload_too_large', max_bytes: 2000 });
  });

  it('that turn out too large on the way are refused with 413', async () => {
    const chunk = `${(3000).toString(16)}\r\n${'x'.repeat(3000)}\r\n`;
    const socket = await rawRequest(
      toy,
      'POST /api/v1/notes HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\ncontent-type: application/json\r\n' +
        `transfer-encoding: chunked\r\n\r\n${chunk}`,
    );
    expect(await readUntil(socket, 'payload_too_large')).toContain('HTTP/1.1 413');
    socket.destroy();
  });
});

describe('versions', () => {
  it.each([
    ['"v3"', 200],
    ['W/"3"', 200],
    ['*', 200],
    ['"v2"', 412],
    ['"rubbish"', 412],
  ])('If-Match %s answers %d', async (ifMatch, status) => {
    const headers = { 'if-match': ifMatch };
    expect((await ask(toy, '/api/v1/notes/n1', { method: 'PATCH', body: {}, headers })).status).toBe(status);
  });
});

describe('uploads', () => {
  const form = (fields: Record<string, string | Blob>): FormData => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.append(name, value as string);
    return data;
  };

  it('hand over files and typed fields, and remove the files afterwards', async () => {
    const body = new FormData();
    body.append('file', new Blob(['hello']), 'é.txt');
    body.append('more_files', new Blob(['1']), 'one.txt');
    body.append('chunk_size', '12');
    body.append('keep', 'true');
    const response = await ask(toy, '/api/v1/notes/n1/file', { body });
    expect(response.status).toBe(200);
    const [upload] = toy.world.uploads.splice(0);
    expect(upload).toMatchObject({
      id: 'n1',
      file: { fileName: 'é.txt', size: 5 },
      moreFiles: [{ fileName: 'one.txt', size: 1 }],
      chunkSize: 12,
      keep: true,
    });
    // The file goes when the answer is out, which the client may see first.
    await eventually(() => !existsSync(upload!.file.path));
  });

  it('name the field that is no number', async () => {
    const response = await ask(toy, '/api/v1/notes/n1/file', {
      body: form({ file: new Blob(['x']), chunk_size: 'x' }),
    });
    expect(response.status).toBe(422);
    expect((await json(response)).errors).toEqual([{ path: 'chunk_size', message: 'must be integer' }]);
  });

  it('name the file that is missing', async () => {
    const response = await ask(toy, '/api/v1/notes/n1/file', { body: form({ keep: 'true' }) });
    expect(response.status).toBe(422);
    expect((await json(response)).errors).toEqual([
      { path: 'file', message: "must have required property 'file'" },
    ]);
  });

  it('name the file that came as text', async () => {
    const response = await ask(toy, '/api/v1/notes/n1/file', { body: form({ file: 'not a file' }) });
    expect(response.status).toBe(422);
    expect((await json(response)).errors[0].path).toBe('file');
  });

  it('that are too large are refused with 413', async () => {
    const response = await ask(toy, '/api/v1/notes/n1/file', {
      body: form({ file: new Blob(['x'.repeat(200)]) }),
    });
    expect(response.status).toBe(413);
  });

  it('that are torn are unreadable: 400', async () => {
    const body = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf';
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    expect((await ask(toy, '/api/v1/notes/n1/file', { body, headers })).status).toBe(400);
  });
});

describe('routes that take forms and JSON', () => {
  it('read url-encoded fields, structured ones as JSON', async () => {
    const body = 'body_text=a+b%26c&tags=[{"tag_name":"x"}]&body_txt=1';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await ask(toy, '/api/v1/note-forms', { body, headers });
    expect(response.status).toBe(201);
    expect(response.headers.get('agentflow-ignored-fields')).toBe('body_txt');
    expect(toy.world.created).toEqual([{ bodyText: 'a b&c', messageId: 'form', tags: [{ tagName: 'x' }] }]);
  });

  it('read JSON with its own properties and defaults', async () => {
    const response = await ask(toy, '/api/v1/note-forms', { body: { body_text: 'x', metadata: { a_b: 1 } } });
    expect(response.status).toBe(201);
    expect(toy.world.created).toEqual([{ bodyText: 'x', messageId: 'json', metadata: { a_b: 1 } }]);
  });

  it('refuse a field that is given twice where one is meant', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await ask(toy, '/api/v1/note-forms', { body: 'body_text=a&body_text=b', headers });
    expect(response.status).toBe(422);
    expect((await json(response)).errors).toEqual([{ path: 'body_text', message: 'must be string' }]);
  });
});

it('compiles every validator ahead of time', async () => {
  await expect(toy.facade.warmUp()).resolves.toBeUndefined();
});
