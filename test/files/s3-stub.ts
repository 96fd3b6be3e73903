/** A small server that speaks the part of the S3 protocol that the adapter uses, over real HTTP. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Stub {
  url: string;
  objects: Map<string, Buffer>;
  /** Uploads in parts that were neither completed nor aborted. */
  openUploads: Map<string, Map<number, Buffer>>;
  /** What was wrong with requests; a test expects none. */
  complaints: string[];
  /** Answers every request with this status, when set. */
  failWith: { status: number | null };
  close(): Promise<void>;
}

const ACCESS_KEY = 'test-key';
export const S3_CREDENTIALS = { accessKeyId: ACCESS_KEY, secretAccessKey: 'test-secret' };

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function errorXml(response: ServerResponse, status: number, code: string, head: boolean): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(
    head ? undefined : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  );
}

export async function startS3Stub(): Promise<S3Stub> {
  const stub: Omit<S3Stub, 'url' | 'close'> = {
    objects: new Map(),
    openUploads: new Map(),
    complaints: [],
    failWith: { status: null },
  };
  const server = createServer((request, response) => {
    void serve(stub, request, response).catch((error: unknown) => {
      stub.complaints.push(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...stub,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  stub: Omit<S3Stub, 'url' | 'close'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url!, 'http://stub');
  const method = request.method!;
  const body = await bodyOf(request);
  check(stub, request, body);
  if (stub.failWith.status !== null)
    return errorXml(response, stub.failWith.status, 'InternalError', method === 'HEAD');
  const uploadId = searchParams.get('uploadId');
  if (method === 'POST' && searchParams.has('uploads')) {
    const id = `upload-${stub.openUploads.size + 1}`;
    stub.openUploads.set(id, new Map());
    response.end(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  } else if (method === 'PUT' && uploadId) {
    stub.openUploads.get(uploadId)!.set(Number(searchParams.get('partNumber')), body);
    response.writeHead(200, { etag: tag(body) }).end();
  } else if (method === 'POST' && uploadId) {
    const parts = [...stub.openUploads.get(uploadId)!].sort(([a], [b]) => a - b);
    stub.objects.set(pathname, Buffer.concat(parts.map(([, part]) => part)));
    stub.openUploads.delete(uploadId);
    response.end('<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>');
  } else if (method === 'DELETE' && uploadId) {
    stub.openUploads.delete(uploadId);
    response.writeHead(204).end();
  } else if (method === 'PUT') {
    stub.objects.set(pathname, body);
    response.writeHead(200, { etag: tag(body) }).end();
  } else if (method === 'DELETE') {
    stub.objects.delete(pathname);
    response.writeHead(204).end();
  } else sendObject(stub.objects.get(pathname), request, response);
}

const tag = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;

function sendObject(object: Buffer | undefined, request: IncomingMessage, response: ServerResponse): void {
  const isHead = request.method === 'HEAD';
  if (!object) return errorXml(response, 404, 'NoSuchKey', isHead);
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const part = range ? object.subarray(Number(range[1]), Number(range[2]) + 1) : object;
  response.writeHead(range ? 206 : 200, { 'content-length': part.length, etag: tag(object) });
  response.end(isHead ? undefined : part);
}

/** Requests must be signed, for the right bucket, and say truly what they carry. */
function check(stub: Pick<S3Stub, 'complaints'>, request: IncomingMessage, body: Buffer): void {
  const { authorization = '', 'x-amz-content-sha256': hash, 'content-length': length } = request.headers;
  const signed = new RegExp(
    `^AWS4-HMAC-SHA256 Credential=${ACCESS_KEY}/\\d{8}/eu-test-1/s3/aws4_request, SignedHeaders=\\S*host\\S*, Signature=[0-9a-f]{64}$`,
  );
  if (!signed.test(authorization)) stub.complaints.push(`bad signature: ${authorization}`);
  if (!request.url!.startsWith('/files/')) stub.complaints.push(`bad path: ${request.url}`);
  if (
    typeof hash === 'string' &&
    /^[0-9a-f]{64}$/.test(hash) &&
    hash !== createHash('sha256').update(body).digest('hex')
  )
    stub.complaints.push('the body is not what was signed');
  if (length !== undefined && Number(length) !== body.length)
    stub.complaints.push('the body has another length');
}
