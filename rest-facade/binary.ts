import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError } from '../src/errors';
import type { ResultShape } from './answer';
import { textOf } from './text';
import type { BinarySource, BinaryRule, OpenBinary } from './types';

type SendBinary<Context> = (
  data: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  context: Context,
) => Promise<void>;

const DEFAULT_CONTENT_TYPE = 'application/octet-stream';

function fromBytes(bytes: Buffer): BinarySource {
  return {
    size: bytes.length,
    read: (range) => Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes]),
  };
}

/** RFC 6266 and RFC 8187: an ASCII name for old clients, the real one in UTF-8. */
function disposition(kind: string, fileName: string): string {
  const ascii = fileName.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(fileName).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}

/**
 * One range of `Range: bytes=...` (RFC 9110).
 * @returns undefined for the whole (no range, several, or one that is not understood), `unsatisfiable` when it starts past the end
 */
export function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  if (match[1] === '') {
    const length = Number(match[2]);
    return length === 0 || size === 0
      ? 'unsatisfiable'
      : { start: Math.max(0, size - length), end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (start >= size) return 'unsatisfiable';
  return end < start ? undefined : { start, end };
}

/** Whether a list of entity tags names this one; weak ones compare equal here (RFC 9110). */
const names = (list: string | undefined, tag: string): boolean =>
  list?.split(',').some((entry) => ['*', tag, `W/${tag}`].includes(entry.trim())) ?? false;

/** A range of another version than this one: the whole is sent instead. Dates are not known here, so they never fit. */
function isStaleRange(request: IncomingMessage, tag: string | undefined): boolean {
  const condition = request.headers['if-range'];
  return condition !== undefined && String(condition).trim() !== tag;
}

/** A client that hangs up in the middle of a download is no error of ours; a source that fails is. */
function ignoreHangUp(error: unknown, response: ServerResponse): void {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ERR_STREAM_PREMATURE_CLOSE' || !response.destroyed) throw error;
}

/** Compiles the answer of a download: bytes or text in the result, or a reference that `openBinary` opens. */
export function compileBinary<Context>(
  rule: BinaryRule,
  shape: ResultShape,
  openBinary: OpenBinary<Context> | undefined,
): SendBinary<Context> {
  const reader = (path: string | undefined, purpose: string) =>
    path === undefined ? () => undefined : shape.value(path, `binary.${purpose}`);
  const ref = reader(rule.ref, 'ref');
  const base64 = reader(rule.base64, 'base64');
  const text = reader(rule.text, 'text');
  const contentType = reader(rule.contentType, 'contentType');
  const fileName = reader(rule.fileName, 'fileName');
  const etag = reader(rule.etag, 'etag');

  const open = async (data: unknown, context: Context): Promise<BinarySource> => {
    const [reference, encoded, plain] = [ref(data), base64(data), text(data)];
    if (typeof reference === 'string' && openBinary) return openBinary(reference, context);
    if (typeof encoded === 'string') return fromBytes(Buffer.from(encoded, 'base64'));
    if (typeof plain === 'string') return fromBytes(Buffer.from(plain, 'utf8'));
    throw new DomainError('not_found', 'It has no content to download.');
  };

  return async (data, request, response, context) => {
    const version = etag(data);
    const tag = typeof version === 'string' ? `"${version}"` : undefined;
    if (tag) response.setHeader('ETag', tag);
    if (tag && names(request.headers['if-none-match'], tag)) {
      response.writeHead(304).end();
      return;
    }
    const source = await open(data, context);
    const range = isStaleRange(request, tag) ? undefined : parseRange(request.headers.range, source.size);
    response.setHeader('Accept-Ranges', 'bytes');
    if (range === 'unsatisfiable') {
      response.writeHead(416, { 'Content-Range': `bytes */${source.size}`, 'Content-Length': 0 }).end();
      return;
    }
    const name = fileName(data);
    response.setHeader('Content-Type', textOf(contentType(data) ?? DEFAULT_CONTENT_TYPE));
    // A stored file must never run as a page of this origin.
    response.setHeader('X-Content-Type-Options', 'nosniff');
    const kind = rule.disposition ?? 'attachment';
    response.setHeader('Content-Disposition', typeof name === 'string' ? disposition(kind, name) : kind);
    response.setHeader('Content-Length', range ? range.end - range.start + 1 : source.size);
    if (range) response.setHeader('Content-Range', `bytes ${range.start}-${range.end}/${source.size}`);
    response.statusCode = range ? 206 : 200;
    if (request.method === 'HEAD' || source.size === 0) response.end();
    else
      await pipeline(source.read(range), response).catch((error: unknown) => ignoreHangUp(error, response));
  };
}
