import { createHash, randomUUID, type Hash } from 'node:crypto';
import { type Readable, Transform } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { DomainError, notFound } from '../../errors';
import type { ByteRange, FileStorage, PutOptions, StoredFile } from '../../ports/files';

export interface S3Options {
  /** Undefined for Amazon's own. */
  endpoint?: string;
  region: string;
  bucket: string;
  /** Undefined: the SDK looks where it always does (environment, instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** `https://host/bucket/key` instead of `https://bucket.host/key`; most servers other than Amazon's want it. */
  forcePathStyle: boolean;
}

/** Amazon asks for parts of at least 5 MiB; two of them are in memory for each upload. */
const PART_BYTES = 5 * 1024 * 1024;
const PARTS_AT_ONCE = 2;
const KEY = /^[a-z0-9][a-z0-9-]{0,62}\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Sdk = typeof import('@aws-sdk/client-s3');

/** Files in a bucket of any server that speaks the S3 protocol. The SDK is loaded by the first use. */
export class S3Storage implements FileStorage {
  readonly kind = 's3';
  private loaded: { sdk: Sdk; client: S3Client } | undefined;

  constructor(private readonly options: S3Options) {}

  newKey(tenant: string): string {
    return `${tenant}/${randomUUID()}`;
  }

  async put(
    stream: Readable,
    { tenant, maxBytes, contentType, signal, key = this.newKey(tenant) }: PutOptions,
  ): Promise<StoredFile> {
    if (!key.startsWith(`${tenant}/`)) throw new Error(`${key} is no key of ${tenant}.`);
    const { client } = this.load();
    /* eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded by the first use */
    const { Upload } = require('@aws-sdk/lib-storage') as typeof import('@aws-sdk/lib-storage');
    const meter = new Meter(maxBytes);
    const upload = new Upload({
      client,
      params: { Bucket: this.options.bucket, Key: key, Body: meter, ContentType: contentType },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
      leavePartsOnError: false,
    });
    const abort = (): void => {
      meter.destroy(signal!.reason as Error);
      void upload.abort();
    };
    signal?.addEventListener('abort', abort, { once: true });
    stream.once('error', (error) => meter.destroy(error));
    stream.pipe(meter);
    try {
      signal?.throwIfAborted();
      await upload.done();
      return { key, bytes: meter.bytes, sha256: meter.digest() };
    } catch (error) {
      stream.destroy();
      throw signal?.aborted ? signal.reason : (meter.failure ?? unavailable(error));
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    const { sdk, client } = this.load();
    const command = new sdk.GetObjectCommand({
      ...this.object(key),
      ...(range ? { Range: `bytes=${range.start}-${range.end}` } : {}),
    });
    const answer = await client.send(command).catch((error: unknown) => {
      throw isMissing(error) ? notFound('File', key) : unavailable(error);
    });
    return answer.Body as Readable;
  }

  async remove(key: string): Promise<boolean> {
    // Deleting what is not there is no error in S3, so it is looked up first.
    if (!(await this.stat(key))) return false;
    const { sdk, client } = this.load();
    await client.send(new sdk.DeleteObjectCommand(this.object(key))).catch((error: unknown) => {
      throw unavailable(error);
    });
    return true;
  }

  async stat(key: string): Promise<{ bytes: number } | null> {
    if (!KEY.test(key)) return null;
    const { sdk, client } = this.load();
    try {
      const { ContentLength: bytes = 0 } = await client.send(new sdk.HeadObjectCommand(this.object(key)));
      return { bytes };
    } catch (error) {
      if (isMissing(error)) return null;
      throw unavailable(error);
    }
  }

  private object(key: string): { Bucket: string; Key: string } {
    if (!KEY.test(key)) throw notFound('File', key);
    return { Bucket: this.options.bucket, Key: key };
  }

  private load(): { sdk: Sdk; client: S3Client } {
    if (this.loaded) return this.loaded;
    /* eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded by the first use */
    const sdk = require('@aws-sdk/client-s3') as Sdk;
    const { endpoint, region, credentials, forcePathStyle } = this.options;
    const client = new sdk.S3Client({
      endpoint,
      region,
      // The SDK writes into what it is given.
      credentials: credentials && { ...credentials },
      forcePathStyle,
      // Servers other than Amazon's do not all know the newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    return (this.loaded = { sdk, client });
  }
}

/** Counts and hashes what passes, and ends it past the limit. */
class Meter extends Transform {
  bytes = 0;
  failure: DomainError | undefined;
  private readonly hash: Hash = createHash('sha256');

  constructor(private readonly maxBytes: number) {
    super();
  }

  digest(): string {
    return this.hash.digest('hex');
  }

  override _transform(
    chunk: Buffer,
    _encoding: string,
    done: (error: Error | null, data?: Buffer) => void,
  ): void {
    this.bytes += chunk.length;
    if (this.bytes > this.maxBytes) {
      this.failure = new DomainError('payload_too_large', `The file is larger than ${this.maxBytes} bytes.`, {
        extra: { max_bytes: this.maxBytes },
      });
      return done(this.failure);
    }
    this.hash.update(chunk);
    done(null, chunk);
  }
}

function isMissing(error: unknown): boolean {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  return name === 'NoSuchKey' || name === 'NotFound' || $metadata?.httpStatusCode === 404;
}

function unavailable(error: unknown): DomainError {
  const { name, code, $metadata } = error as {
    name?: string;
    code?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  const what = status === undefined ? 'cannot be reached' : `answered ${status}`;
  return new DomainError(
    'provider_error',
    `The object storage ${what} (${code ?? name ?? 'unknown error'}); try again, or check the S3 settings.`,
    { cause: error },
  );
}
