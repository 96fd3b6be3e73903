import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { type Client, startTestServer, type TestServer } from '../testkit/server';
import { docx, pdf } from '../documents/samples';
import { S3_CREDENTIALS, startS3Stub } from './s3-stub';

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await startTestServer({ AGENTFLOW_MAX_UPLOAD_MB: '2' });
  client = server.dev;
});
afterAll(() => server.close());

interface Part {
  bytes: Uint8Array | string;
  name: string;
  type?: string;
}

async function upload(
  to: Client,
  { bytes, name, type = '' }: Part,
  route = '/api/v1/attachments',
  headers: Record<string, string> = {},
) {
  const form = new FormData();
  form.append('file', new Blob([bytes as BlobPart], { type }), name);
  const response = await fetch(to.url + route, {
    method: 'POST',
    body: form,
    headers: { ...(to.token ? { authorization: `Bearer ${to.token}` } : {}), ...headers },
  });
  return {
    status: response.status,
    headers: response.headers,
    body: await response.json(),
  };
}

const get = (route: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(client.url + route, {
    headers: client.token ? { authorization: `Bearer ${client.token}`, ...headers } : headers,
  });

describe('uploading', () => {
  it('keeps the file, says what it is and reads its text', async () => {
    const bytes = pdf(['Page one.', 'Page two.']);
    const answer = await upload(client, { bytes, name: 'Größe "1".txt', type: 'text/plain' });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/api/v1/attachments/${answer.body.id}`);
    expect(answer.body).toMatchObject({
      file_name: 'Größe "1".txt',
      content_type: 'application/pdf',
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      text_status: 'parsed',
      title: 'Paper',
      pages: [
        { page: 1, start: 0, end: 9 },
        { page: 2, start: 11, end: 20 },
      ],
    });
    const content = await client.rest('GET', `/api/v1/attachments/${answer.body.id}/content`);
    expect(content.body).toMatchObject({
      text: 'Page one.\n\nPage two.',
      attachment: { id: answer.body.id },
    });
  });

  it('keeps a file that cannot be read, with the reason', async () => {
    const secret = await upload(client, { bytes: pdf(['x'], { encrypt: true }), name: 'secret.pdf' });
    expect(secret.body).toMatchObject({
      text_status: 'failed',
      text_error: expect.stringContaining('password'),
    });
    expect((await client.rest('GET', `/api/v1/attachments/${secret.body.id}/content`)).status).toBe(422);
    const picture = await upload(client, {
      bytes: Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex'),
      name: 'a.png',
    });
    expect(picture.body).toMatchObject({ text_status: 'unsupported', content_type: 'image/png' });
    const content = await client.rest('GET', `/api/v1/attachments/${picture.body.id}/content`);
    expect(content).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
  });

  it('refuses an empty file, a missing one, text in its place and another body', async () => {
    expect(await upload(client, { bytes: '', name: 'a.txt' })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'file' }] },
    });
    const form = new FormData();
    form.append('file', 'text');
    const asText = await fetch(`${client.url}/api/v1/attachments`, { method: 'POST', body: form });
    expect(asText.status).toBe(422);
    expect((await client.rest('POST', '/api/v1/attachments', { file: '/etc/passwd' })).status).toBe(415);
  });

  it('refuses what is larger than configured with 413 and keeps nothing of it', async () => {
    const before = readdirSync(path.join(server.dataDir, 'files'), { recursive: true }).length;
    const answer = await upload(client, { bytes: randomBytes(2 * 1024 * 1024 + 1), name: 'large.bin' });
    expect(answer).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
    expect(readdirSync(path.join(server.dataDir, 'files'), { recursive: true })).toHaveLength(before);
    expect(readdirSync(path.join(server.dataDir, 'uploads'))).toEqual([]);
  });

  it('takes a repeated request with the same key for the same upload', async () => {
    const part = { bytes: 'once', name: 'once.txt' };
    const key = { 'idempotency-key': 'upload-1' };
    const first = await upload(client, part, undefined, key);
    expect((await upload(client, part, undefined, key)).body.id).toBe(first.body.id);
    expect((await upload(client, { ...part, bytes: 'other' }, undefined, key)).body.code).toBe(
      'idempotency_mismatch',
    );
  });

  it('cleans names of paths and control characters', async () => {
    const answer = await upload(client, { bytes: 'x', name: '..\\..\\etc\\pass\u202ewd.txt' });
    expect(answer.body.file_name).toBe('passwd.txt');
  });

  it('answers /s3/upload with where the file is', async () => {
    const answer = await upload(client, { bytes: 'stored', name: 's.txt' }, '/api/v1/s3/upload');
    expect(answer).toMatchObject({
      status: 201,
      body: { storage: 'disk', bytes: 6, key: expect.any(String) },
    });
    expect(await (await get(answer.body.url)).text()).toBe('stored');
  });

  it('takes no path for a file over GraphQL', async () => {
    const mutation = 'mutation ($file: Upload!) { uploadAttachment(file: $file) { id } }';
    const file = { fieldName: 'file', fileName: 'x', mimeType: 'text/plain', size: 5, path: '/etc/passwd' };
    const answer = await client.graphql(mutation, { file });
    expect(answer.errors![0]!.message).toMatch(/must be a file/);
  });
});

describe('downloading', () => {
  let id: string;
  beforeAll(async () => {
    ({ id } = (await upload(client, { bytes: '0123456789', name: 'Zahlen ☃.txt' })).body as { id: string });
  });
  const download = (headers: Record<string, string> = {}): Promise<Response> =>
    get(`/api/v1/attachments/${id}/download`, headers);

  it('gives the bytes with their name, never as a page of this server', async () => {
    const answer = await download();
    expect(await answer.text()).toBe('0123456789');
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="Zahlen _.txt"; filename*=UTF-8''Zahlen%20%E2%98%83.txt`,
    );
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-length')).toBe('10');
  });

  it.each([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
  ])('answers %s with 206', async (range, text, contentRange) => {
    const answer = await download({ range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(contentRange);
    expect(await answer.text()).toBe(text);
  });

  it('refuses a range behind the end with 416', async () => {
    const answer = await download({ range: 'bytes=10-' });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe('bytes */10');
  });

  it('answers 304 for a copy that is still good, and the whole when a range is of another version', async () => {
    const etag = (await download()).headers.get('etag')!;
    expect(etag).toBe(`"${createHash('sha256').update('0123456789').digest('hex')}"`);
    expect((await download({ 'if-none-match': `"other", ${etag}` })).status).toBe(304);
    expect((await download({ 'if-none-match': '"other"' })).status).toBe(200);
    expect((await download({ range: 'bytes=0-1', 'if-range': etag })).status).toBe(206);
    expect((await download({ range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200);
  });
});

describe('who sees what', () => {
  it('lists the own ones page by page, newest first, and hides those of others', async () => {
    const ada = await server.as({ tenant: 'filetests', user: 'ada' });
    const bob = await server.as({ tenant: 'filetests', user: 'bob' });
    const ids: string[] = [];
    for (const name of ['1.txt', '2.txt', '3.txt'])
      ids.unshift((await upload(ada, { bytes: name, name })).body.id as string);
    const first = await ada.rest('GET', '/api/v1/attachments?limit=2');
    expect(first.body.total).toBe(3);
    const second = await ada.rest('GET', `/api/v1/attachments?limit=2&cursor=${first.body.next_cursor}`);
    expect(
      [...first.body.attachments, ...second.body.attachments].map((row: { id: string }) => row.id),
    ).toEqual(ids);
    expect((await bob.rest('GET', '/api/v1/attachments')).body.total).toBe(0);
    for (const rest of ['', '/content', '/download'])
      expect((await bob.rest('GET', `/api/v1/attachments/${ids[0]}${rest}`)).status).toBe(404);
    expect((await bob.rest('DELETE', `/api/v1/attachments/${ids[0]}`)).status).toBe(404);
    expect((await bob.rest('GET', `/api/v1/documents/viewer?attachment_id=${ids[0]}`)).status).toBe(404);
    await expect(
      server.application.services.attachments.resolveForChat(
        { type: 'human', userId: 'bob', tenant: 'filetests', scopes: [], isAdmin: false },
        [ids[0]!],
      ),
    ).rejects.toMatchObject({ details: { errors: [{ path: 'attachment_ids.0' }] } });
  });

  it('deletes bytes and text with the attachment', async () => {
    const folder = path.join(server.dataDir, 'files');
    const files = (): number =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
    const before = files();
    const { body } = await upload(client, { bytes: docx(), name: 'a.docx' });
    expect(files()).toBe(before + 2);
    expect(await client.rest('DELETE', `/api/v1/attachments/${body.id}`)).toMatchObject({
      status: 200,
      body: { id: body.id },
    });
    expect(files()).toBe(before);
    expect((await client.rest('GET', `/api/v1/attachments/${body.id}`)).status).toBe(404);
    expect((await client.rest('DELETE', `/api/v1/attachments/${body.id}`)).status).toBe(404);
  });
});

describe('the viewer and the chat', () => {
  it('shows the text of an attachment by REST and GraphQL', async () => {
    const { body } = await upload(client, { bytes: pdf(['Look here.']), name: 'a.pdf' });
    const view = {
      id: body.id,
      source: 'attachment',
      title: 'Paper',
      text: 'Look here.',
      pages: [{ page: 1, start: 0, end: 10 }],
    };
    expect(
      (await client.rest('GET', `/api/v1/documents/viewer?attachment_id=${body.id}`)).body,
    ).toMatchObject(view);
    const answer = await client.graphql(
      'query ($id: ID) { documentView(attachmentId: $id) { text source } }',
      { id: body.id },
    );
    expect(answer.data.documentView).toEqual({ text: 'Look here.', source: 'ATTACHMENT' });
  });

  it('wants exactly one document', async () => {
    for (const query of ['', '?document_id=x', '?knowledge_base_id=x', '?attachment_id=a&document_id=b'])
      expect((await client.rest('GET', `/api/v1/documents/viewer${query}`)).status).toBe(422);
  });

  it('gives a chat the texts in order, cut to what a turn has room for', async () => {
    const owner = await server.as({ tenant: 'filetests', user: 'eve' });
    const long = (await upload(owner, { bytes: 'word '.repeat(30_000), name: 'long.txt' })).body.id as string;
    const short = (await upload(owner, { bytes: 'short', name: 'short.txt' })).body.id as string;
    const principal = {
      type: 'human' as const,
      userId: 'eve',
      tenant: 'filetests',
      scopes: [],
      isAdmin: false,
    };
    const { attachments } = server.application.services;
    expect(await attachments.resolveForChat(principal, [short, long])).toMatchObject([
      { id: short, text: 'short', truncated: false },
      { id: long, truncated: true, text: expect.stringMatching(/^word /) },
    ]);
    await expect(attachments.resolveForChat(principal, [short, 'nope'])).rejects.toMatchObject({
      code: 'validation_failed',
      details: { errors: [{ path: 'attachment_ids.1' }] },
    });
  });
});

describe('with object storage', () => {
  it('keeps bytes and text in the bucket', async () => {
    const stub = await startS3Stub();
    const other = await startTestServer({
      S3_BUCKET: 'files',
      S3_ENDPOINT: stub.url,
      S3_REGION: 'eu-test-1',
      S3_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
      S3_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
    });
    try {
      const answer = await upload(other.dev, { bytes: 'in the bucket', name: 'b.txt' }, '/api/v1/s3/upload');
      expect(answer.body.storage).toBe('s3');
      expect(stub.objects.size).toBe(2);
      expect((await other.dev.rest('GET', answer.body.url)).body).toBe('in the bucket');
      await other.dev.rest('DELETE', `/api/v1/attachments/${answer.body.id}`);
      expect(stub.objects.size).toBe(0);
      expect(stub.complaints).toEqual([]);
    } finally {
      await other.close();
      await stub.close();
    }
  });
});
