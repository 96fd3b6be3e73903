import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { IncomingMessage, ServerResponse } from 'node:http';

const compress = promisify(gzip);

interface Loaded {
  bytes: Buffer;
  compressed: Buffer;
  etag: string;
}

export interface AssetOptions {
  contentType: string;
  /** Default `no-cache`: asked again each time, and mostly answered with 304. */
  cacheControl?: string;
  /** Sent with it, a `Content-Security-Policy` for instance. */
  headers?: Record<string, string>;
}

/** Something that never changes while the server runs: read when first asked for, then kept, plain and compressed. */
export class StaticAsset {
  private loaded?: Promise<Loaded>;

  constructor(
    private readonly read: () => Promise<Buffer | string>,
    private readonly options: AssetOptions,
  ) {}

  static file(path: string, options: AssetOptions): StaticAsset {
    return new StaticAsset(() => readFile(path), options);
  }

  static text(text: string, options: AssetOptions): StaticAsset {
    return new StaticAsset(() => Promise.resolve(text), options);
  }

  private async load(): Promise<Loaded> {
    const bytes = Buffer.from(await this.read());
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`;
    return { bytes, compressed: await compress(bytes), etag };
  }

  /** @throws when the file cannot be read; the next request tries again */
  async send(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.loaded ??= this.load();
    const { bytes, compressed, etag } = await this.loaded.catch((error: unknown) => {
      this.loaded = undefined;
      throw error;
    });
    for (const [name, value] of Object.entries(this.options.headers ?? {})) response.setHeader(name, value);
    response.setHeader('ETag', etag);
    response.setHeader('Cache-Control', this.options.cacheControl ?? 'no-cache');
    response.appendHeader('Vary', 'Accept-Encoding');
    if (request.headers['if-none-match']?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) {
      response.writeHead(304).end();
      return;
    }
    const zipped = /\bgzip\b(?!;q=0(\.0*)?(,|$))/.test(String(request.headers['accept-encoding'] ?? ''));
    if (zipped) response.setHeader('Content-Encoding', 'gzip');
    const body = zipped ? compressed : bytes;
    response.writeHead(200, { 'Content-Type': this.options.contentType, 'Content-Length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}
