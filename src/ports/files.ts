/** Where bytes of files live, and what the tenant's database knows of attachments. */
import type { Readable } from 'node:stream';
import type { JsonValue } from './records';
import type { Page, Projection } from './stores';

/**
 * A file that came with a request: on disk, and removed when the request ends. Only the server makes these; what a
 * client sends in its place is no instance, so no client can name a path.
 */
export class UploadedFile {
  /** Name of the form's part. */
  readonly fieldName: string;
  readonly fileName: string;
  /** As the client declared it. */
  readonly mimeType: string;
  /** Bytes. */
  readonly size: number;
  /** Absolute path of the temporary file. */
  readonly path: string;

  constructor(file: { fieldName: string; fileName: string; mimeType: string; size: number; path: string }) {
    this.fieldName = file.fieldName;
    this.fileName = file.fileName;
    this.mimeType = file.mimeType;
    this.size = file.size;
    this.path = file.path;
  }
}

/** What was stored. */
export interface StoredFile {
  /** Made by the storage, never from anything a user said; `<tenant>/<uuid>`. */
  key: string;
  bytes: number;
  /** Hex SHA-256 of the bytes, computed while they streamed. */
  sha256: string;
}

export interface PutOptions {
  /** The tenant's name; files of different tenants never share a key. */
  tenant: string;
  /** The most bytes that are taken; one more and nothing is kept. */
  maxBytes: number;
  /** One of `newKey`, for a caller that records it before the bytes are there; made when absent. */
  key?: string;
  /** Given to object storages as metadata; never trusted by us. */
  contentType?: string;
  /** Stops a transfer; nothing is kept. */
  signal?: AbortSignal;
}

/** Bytes `start` to `end`, both inclusive. */
export interface ByteRange {
  start: number;
  end: number;
}

/** Bytes of files: a folder, or an S3-compatible object storage. */
export interface FileStorage {
  /** Which kind of place it is; callers show it. */
  readonly kind: 'disk' | 's3';
  /** A key that no file has. */
  newKey(tenant: string): string;
  /**
   * Stores a stream; visible under its key only when whole and durable.
   * @throws DomainError `payload_too_large` past `maxBytes`, `storage_full` when there is no room
   */
  put(stream: Readable, options: PutOptions): Promise<StoredFile>;
  /** @throws DomainError `not_found` */
  get(key: string, range?: ByteRange): Promise<Readable>;
  /** True when there was one. */
  remove(key: string): Promise<boolean>;
  /** Null when there is no such file. */
  stat(key: string): Promise<{ bytes: number } | null>;
}

export type AttachmentTextStatus = 'parsed' | 'failed' | 'unsupported';

/** An uploaded file of one user. Its text is parsed when it is uploaded and kept as a file of its own. */
export interface AttachmentRecord {
  id: string;
  userId: string;
  /** As the user called it; shown, never part of a path. */
  fileName: string;
  /** What the bytes are, not what the upload claimed. */
  contentType: string;
  declaredType: string | null;
  bytes: number;
  sha256: string;
  storageKey: string;
  /** Where the parsed text is; null when it could not be parsed. */
  textKey: string | null;
  /** UTF-16 code units of the text. */
  textLength: number | null;
  textStatus: AttachmentTextStatus;
  /** Why there is no text, in a sentence for the user. */
  textError: string | null;
  /** What was left out of the text or could not be read, in sentences for the user. */
  warnings: string[];
  title: string | null;
  /** `[{page, start, end}]`, offsets into the text; null for formats without pages. */
  pages: JsonValue;
  metadata: JsonValue;
  createdAt: Date;
}

export interface AttachmentStore {
  create(attachment: AttachmentRecord): Promise<void>;
  find(id: string, projection?: Projection): Promise<AttachmentRecord | null>;
  findMany(ids: string[]): Promise<AttachmentRecord[]>;
  /** One user's, newest first. */
  list(userId: string, page: Page, projection?: Projection): Promise<AttachmentRecord[]>;
  count(userId: string): Promise<number>;
  /** True when there was one. */
  remove(id: string): Promise<boolean>;
}
