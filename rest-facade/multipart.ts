import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DomainError } from '../src/errors';
import { discard } from './body';
import { UploadedFile } from './types';

export interface UploadLimits {
  /** Folder for files in transit. */
  directory: string;
  /** Bytes of one file. */
  maxFileBytes: number;
  /** Files in one upload. */
  maxFiles: number;
  /** Bytes of the whole body. */
  maxTotalBytes: number;
}

/** Text fields of one form: no operation declares a fifth as many. */
const MAX_FIELDS = 100;
/** Characters of all text fields of a form together, which are kept in memory. */
const MAX_FIELD_BYTES = 1024 * 1024;
const MAX_NAME_BYTES = 200;
/** Headers of one part; clients send three. */
const MAX_PART_HEADERS = 20;
const MAX_PART_HEADER_BYTES = 16 * 1024;
/** Of a body that was refused so much is still read, so that the client gets to see why. Bytes. */
const MAX_DISCARDED_BYTES = 4 * 1024 * 1024;

/** A form as it came: texts by name, a list where a name came twice, and the files. */
export interface Form {
  fields: Record<string, unknown>;
  files: UploadedFile[];
}

/**
 * Reads a multipart body (RFC 7578) as it arrives: files go to the folder, fields into memory. What passes a limit stops the
 * reading, and removes what was stored. Names are taken as they are, but for `name[]`, which is a list.
 * @throws DomainError `payload_too_large` naming the limit, `bad_request` for a body that is none
 */
export async function readMultipart(request: IncomingMessage, limits: UploadLimits): Promise<Form> {
  if (Number(request.headers['content-length'] ?? 0) > limits.maxTotalBytes) {
    discard(request, MAX_DISCARDED_BYTES);
    throw tooLarge(`the body has more than ${limits.maxTotalBytes} bytes`, limits.maxTotalBytes);
  }
  const reading = new FormReading(request, limits);
  try {
    return await reading.run();
  } catch (error) {
    await reading.undo();
    throw error;
  }
}

class FormReading {
  private readonly fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  /** In the order of the form, whichever is written first: equal requests must look equal to an `Idempotency-Key`. */
  private readonly files: (UploadedFile | undefined)[] = [];
  private readonly paths: string[] = [];
  private readonly writes: Promise<void>[] = [];
  private fieldBytes = 0;
  private readonly stop = new AbortController();

  constructor(
    private readonly request: IncomingMessage,
    private readonly limits: UploadLimits,
  ) {}

  async run(): Promise<Form> {
    const { maxTotalBytes } = this.limits;
    let total = 0;
    const parser = this.parser();
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: unknown): void => {
        this.request.unpipe(parser).off('data', count);
        this.stop.abort();
        discard(this.request, MAX_DISCARDED_BYTES);
        reject(error);
      };
      const count = (chunk: Buffer): void => {
        total += chunk.length;
        if (total > maxTotalBytes)
          refuse(tooLarge(`the body has more than ${maxTotalBytes} bytes`, maxTotalBytes));
      };
      this.request
        .on('data', count)
        .once('error', () => refuse(unreadable('the connection ended before the whole body arrived')))
        .once('close', () => {
          if (!this.request.complete)
            refuse(unreadable('the connection ended before the whole body arrived'));
        });
      this.listen(parser, refuse);
      parser.once('finish', resolve);
      this.request.pipe(parser);
    });
    await Promise.all(this.writes);
    return { fields: this.fields, files: this.files.filter((file) => file !== undefined) };
  }

  /** Removes the files that were stored so far. */
  async undo(): Promise<void> {
    this.stop.abort();
    await Promise.allSettled(this.writes);
    await Promise.all(this.paths.map((path) => rm(path, { force: true })));
  }

  private parser(): BusboyInstance {
    const { maxFileBytes, maxFiles } = this.limits;
    try {
      return new Busboy({
        headers: this.request.headers as never,
        limits: {
          fieldNameSize: MAX_NAME_BYTES,
          fieldSize: MAX_FIELD_BYTES,
          fields: MAX_FIELDS,
          // One more byte than may be: a file of just the limit is no larger than the limit.
          fileSize: maxFileBytes + 1,
          files: maxFiles,
          headerPairs: MAX_PART_HEADERS,
          headerSize: MAX_PART_HEADER_BYTES,
        },
      });
    } catch (cause) {
      throw unreadable((cause as Error).message, cause);
    }
  }

  private listen(parser: BusboyInstance, refuse: (error: unknown) => void): void {
    parser
      .on('field', (name, value, nameTruncated, valueTruncated) => {
        this.fieldBytes += Buffer.byteLength(value);
        if (nameTruncated)
          refuse(tooLarge(`a field's name has more than ${MAX_NAME_BYTES} bytes`, MAX_NAME_BYTES));
        else if (valueTruncated || this.fieldBytes > MAX_FIELD_BYTES)
          refuse(
            tooLarge(`the text fields have more than ${MAX_FIELD_BYTES} bytes together`, MAX_FIELD_BYTES),
          );
        else append(this.fields, name, value);
      })
      .on('file', (name, stream, fileName, _encoding, mimeType) =>
        // Browsers write the quotes of a name so.
        this.take(name, stream, { fileName: fileName?.replaceAll('%22', '"'), mimeType }, refuse),
      )
      .once('fieldsLimit', () =>
        refuse(tooLarge(`the form has more than ${MAX_FIELDS} text fields`, MAX_FIELDS)),
      )
      .once('filesLimit', () =>
        refuse(
          tooLarge(
            `at most ${this.limits.maxFiles} files a request are taken, this one has more than ${this.limits.maxFiles}`,
            this.limits.maxFiles,
          ),
        ),
      )
      .once('error', (error) => refuse(unreadable((error as Error).message, error)));
  }

  private take(
    fieldName: string,
    stream: BusboyFileStream,
    { fileName, mimeType }: { fileName: string; mimeType: string },
    refuse: (error: unknown) => void,
  ): void {
    // A form in which no file was chosen sends an empty part without a name.
    if (!fileName) return void stream.resume();
    const path = join(this.limits.directory, randomUUID());
    const place = this.paths.push(path) - 1;
    // A file counts in the body as well: the schema asks for it there.
    append(this.fields, fieldName, '');
    const { maxFileBytes } = this.limits;
    const tooMuch = (): void =>
      refuse(tooLarge(`${fileName} has more than ${maxFileBytes} bytes`, maxFileBytes));
    stream.once('limit', tooMuch);
    // The parser's error ends the stream too, and is told where it happens.
    stream.on('error', () => undefined);
    const sink = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    const written = pipeline(stream, sink, { signal: this.stop.signal }).then(
      () => {
        this.files[place] = new UploadedFile({
          fieldName,
          fileName,
          mimeType,
          size: sink.bytesWritten,
          path,
        });
      },
      (error: unknown) => {
        refuse(error);
      },
    );
    this.writes.push(written);
  }
}

function append(fields: Record<string, unknown>, name: string, value: string): void {
  const isList = name.endsWith('[]');
  const key = isList ? name.slice(0, -2) : name;
  const known = fields[key];
  if (Array.isArray(known)) known.push(value);
  else if (known !== undefined) fields[key] = [known, value];
  else fields[key] = isList ? [value] : value;
}

const tooLarge = (what: string, limit: number): DomainError =>
  new DomainError('payload_too_large', `The upload is too large: ${what}.`, { extra: { limit } });

const unreadable = (why: string, cause?: unknown): DomainError =>
  new DomainError('bad_request', `The multipart body is unreadable: ${why}.`, { cause });
