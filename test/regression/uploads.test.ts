import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { buildProgram, embeddedServer, temporaryFolder } from '../faults/kit';
import { eventually, type Json, type ServerProcess } from '../testkit/server';

const MEBIBYTE = 1024 * 1024;
const BOUNDARY = 'boundary-of-a-test';

interface Part {
  name: string;
  fileName?: string;
  size: number;
  /** What it is filled with; `x` unless said. */
  fill?: number;
}

/** Sends a form piece by piece, as fast as the server takes it, so that the test holds no more than a piece. */
async function sendForm(
  url: string,
  parts: Iterable<Part>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Json; sentBytes: number }> {
  const request = http.request(url, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, ...headers },
  });
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>;
  let sentBytes = 0;
  let isOver = false;
  request.setMaxListeners(0);
  request.on('error', () => (isOver = true)).on('close', () => (isOver = true));
  void answered.then(
    () => (isOver = true),
    () => undefined,
  );
  const write = async (chunk: Buffer | string): Promise<void> => {
    sentBytes += chunk.length;
    if (!request.write(chunk) && !isOver)
      await Promise.race([once(request, 'drain'), once(request, 'close')]).catch(() => undefined);
  };
  for (const { name, fileName, size, fill } of parts) {
    const piece = Buffer.alloc(64 * 1024, fill ?? 'x');
    if (isOver) break;
    const file = fileName ? `; filename="${fileName}"\r\nContent-Type: text/plain` : '';
    await write(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`);
    for (let left = size; left > 0 && !isOver; left -= piece.length) await write(piece.subarray(0, left));
    await write('\r\n');
  }
  request.end(`--${BOUNDARY}--\r\n`);
  const [response] = await answered;
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode!, body: JSON.parse(text), sentBytes };
}

const many = (count: number, part: (index: number) => Part): Part[] =>
  Array.from({ length: count }, (_, index) => part(index));

describe('uploads of strangers', () => {
  const folder = temporaryFolder();
  let server: ServerProcess;
  const at = (route: string): string => `${server.url}/api/v1/${route}`;
  const residentBytes = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))![1]) * 1024;

  beforeAll(async () => {
    buildProgram();
    server = await embeddedServer(folder.path, {
      AGENTFLOW_MAX_UPLOAD_MB: '50',
      AGENTFLOW_MAX_UPLOAD_REQUEST_MB: '200',
    });
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    folder.remove();
  });

  it('are refused when they have thousands of fields, before much of them is read', async () => {
    for (const route of ['attachments', 'knowledge-bases', 'knowledge-bases/preview']) {
      const { status, body, sentBytes } = await sendForm(
        at(route),
        many(4_000, (index) => ({ name: `f${index}`, size: MEBIBYTE })),
      );
      expect({ route, status, detail: body.detail }).toEqual({
        route,
        status: 413,
        detail: expect.stringContaining('text fields'),
      });
      expect(sentBytes).toBeLessThan(20 * MEBIBYTE);
    }
  }, 60_000);

  it('are refused when they have too many fields, however small', async () => {
    const { status, body } = await sendForm(
      at('attachments'),
      many(1_000, (index) => ({ name: `f${index}`, size: 1 })),
    );
    expect({ status, code: body.code }).toEqual({ status: 413, code: 'payload_too_large' });
    expect(body.detail).toContain('100 text fields');
  });

  it('make no list of a hundred million places of a field called zzz[100000000]', async () => {
    const before = residentBytes();
    const began = Date.now();
    const { status } = await sendForm(
      at('attachments'),
      [
        { name: 'zzz[100000000]', size: 1 },
        { name: 'a[b][c][d]', size: 1 },
        { name: 'file', fileName: 'note.txt', size: 10 },
      ],
      { 'idempotency-key': 'sparse' },
    );
    expect(status).toBe(201);
    expect(Date.now() - began).toBeLessThan(20_000);
    expect(residentBytes() - before).toBeLessThan(300 * MEBIBYTE);
  });

  it('are refused as a whole above the limit of a request, with the limit, and leave nothing behind', async () => {
    const files = many(6, (index) => ({ name: 'files', fileName: `${index}.txt`, size: 45 * MEBIBYTE }));
    const { status, body } = await sendForm(at('knowledge-bases'), [{ name: 'name', size: 5 }, ...files]);
    expect({ status, code: body.code }).toEqual({ status: 413, code: 'payload_too_large' });
    expect(body.detail).toContain(String(200 * MEBIBYTE));
    await eventually(
      () => Promise.resolve(readdirSync(path.join(folder.path, 'uploads')).length === 0),
      'no file in transit is left',
    );
  }, 60_000);

  it('name the file that is too large, and count files', async () => {
    const large = await sendForm(at('attachments'), [
      { name: 'file', fileName: 'big.txt', size: 51 * MEBIBYTE },
    ]);
    expect({ status: large.status, detail: large.body.detail }).toEqual({
      status: 413,
      detail: expect.stringContaining('big.txt has more than'),
    });
    const crowd = await sendForm(
      at('attachments'),
      many(150, (i) => ({ name: 'file', fileName: `${i}`, size: 1 })),
    );
    expect({ status: crowd.status, detail: crowd.body.detail }).toEqual({
      status: 413,
      detail: expect.stringContaining('at most 100 files a request are taken'),
    });
  }, 60_000);

  it('do not stand in memory while they wait for their turn to be read', async () => {
    const before = residentBytes();
    let peak = 0;
    const timer = setInterval(() => (peak = Math.max(peak, residentBytes())), 50);
    const answers = await Promise.all(
      many(16, (index) => ({ name: 'file', fileName: `${index}.bin`, size: 45 * MEBIBYTE, fill: 0 })).map(
        (part) => sendForm(at('attachments'), [part]),
      ),
    );
    clearInterval(timer);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    // The files are 720 MiB; two are read at a time.
    expect(peak - before).toBeLessThan(400 * MEBIBYTE);
  }, 120_000);

  it('forms of one name repeated are read in time that grows with them', async () => {
    const body = `name=x&website_url=x${'&tags=a'.repeat(100_000)}`;
    const began = Date.now();
    const response = await fetch(at('knowledge-bases/create-from-url'), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    });
    expect(response.status).toBe(422);
    expect(Date.now() - began).toBeLessThan(10_000);
  });
});
