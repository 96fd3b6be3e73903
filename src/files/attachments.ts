import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { cut, encodeCursor, toPage, type PageArguments } from '../cursor';
import { type DocumentParser, ParseFailure } from '../documents/parse';
import type { ParsedDocument } from '../documents/types';
import { DomainError, invalid, notFound } from '../errors';
import { newId } from '../ids';
import type { Clock } from '../ports/clock';
import type { AttachmentRecord, ByteRange, FileStorage, StoredFile, UploadedFile } from '../ports/files';
import type { Principal } from '../ports/identity';
import type { Logger } from '../ports/logger';
import type { JsonValue } from '../ports/records';
import type { Projection, TenantStore } from '../ports/stores';

export interface AttachmentsOptions {
  open: (tenant: string) => Promise<TenantStore>;
  storage: FileStorage;
  parser: DocumentParser;
  clock: Clock;
  logger: Logger;
  /** Of one upload, bytes. */
  maxBytes: number;
}

export interface AttachmentPage {
  attachments: AttachmentRecord[];
  total: number;
  nextCursor: string | null;
}

/** An attachment's text, for the context of a model. */
export interface AttachmentText {
  id: string;
  fileName: string;
  contentType: string;
  title: string | null;
  /** The beginning of the text when `truncated`; null when the file gave none. */
  text: string | null;
  truncated: boolean;
  /** Why there is no text. */
  reason: string | null;
}

/** Longer texts are no attachment for a conversation but a matter for a knowledge base. Bytes of UTF-8. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;
/** All texts of one turn together, UTF-16 code units: some 25,000 tokens. */
const MAX_CHAT_TEXT = 100_000;
const MAX_CHAT_ATTACHMENTS = 20;
const MAX_FILE_NAME = 255;

/** Files that a user puts beside a conversation; nobody else sees them. */
export class Attachments {
  constructor(private readonly options: AttachmentsOptions) {}

  /**
   * Stores a file and reads its text. A file that cannot be read is kept all the same, with the reason.
   * @param options.id of the attachment, where the request may be tried again: what an earlier try made is answered
   * @param options.signal ends the upload: nothing is kept
   * @throws DomainError `validation_failed` for an empty file, `payload_too_large`, `storage_full`
   */
  async upload(
    principal: Principal,
    file: UploadedFile,
    { id, signal }: { id?: string; signal?: AbortSignal } = {},
  ): Promise<AttachmentRecord> {
    if (file.size === 0) throw invalid('file', 'is empty');
    const { clock, storage, maxBytes } = this.options;
    const store = await this.options.open(principal.tenant);
    const known = id === undefined ? null : await store.attachments.find(id);
    if (known?.userId === principal.userId) return known;
    const fileName = cleanName(file.fileName);
    const stored = await storage.put(createReadStream(file.path), { tenant: principal.tenant, maxBytes });
    const kept = [stored.key];
    try {
      const text = await this.readText(principal, file, { fileName, signal });
      if (text.textKey) kept.push(text.textKey);
      const now = clock.now();
      const attachment = this.record(principal, file, { id, stored, text, fileName, now });
      await store.attachments.create(attachment);
      return attachment;
    } catch (error) {
      await this.discard(kept);
      throw error;
    }
  }

  private record(
    principal: Principal,
    file: UploadedFile,
    {
      id,
      stored,
      text,
      fileName,
      now,
    }: { id: string | undefined; stored: StoredFile; text: ReadText; fileName: string; now: Date },
  ): AttachmentRecord {
    return {
      id: id ?? newId(now.getTime()),
      userId: principal.userId,
      fileName,
      declaredType: file.mimeType || null,
      bytes: stored.bytes,
      sha256: stored.sha256,
      storageKey: stored.key,
      createdAt: now,
      ...text,
    };
  }

  private async readText(
    { tenant, userId: user }: Principal,
    file: UploadedFile,
    { fileName, signal }: { fileName: string; signal?: AbortSignal },
  ): Promise<ReadText> {
    const input = { path: file.path, fileName, declaredType: file.mimeType };
    try {
      const document = await this.options.parser.parse(input, { turn: { tenant, user }, signal });
      const stored = await this.options.storage.put(Readable.from([Buffer.from(document.text, 'utf8')]), {
        tenant,
        maxBytes: MAX_TEXT_BYTES,
        contentType: 'text/plain; charset=utf-8',
      });
      return parsedText(document, stored.key);
    } catch (error) {
      if (error instanceof ParseFailure) return failedText(error);
      if (error instanceof DomainError && error.code === 'payload_too_large')
        return failedText(
          new ParseFailure('too_large', `The file holds more text than ${MAX_TEXT_BYTES} bytes.`),
        );
      throw error;
    }
  }

  private async discard(keys: string[]): Promise<void> {
    for (const key of keys) {
      await this.options.storage.remove(key).catch((error: unknown) => {
        this.options.logger.warn({ err: error, key }, 'a stored file could not be removed');
      });
    }
  }

  async list(principal: Principal, args: PageArguments, projection?: Projection): Promise<AttachmentPage> {
    const page = toPage(args);
    const store = await this.options.open(principal.tenant);
    const [rows, total] = await Promise.all([
      store.attachments.list(principal.userId, { ...page, limit: page.limit + 1 }, projection),
      store.attachments.count(principal.userId),
    ]);
    const { rows: attachments, more } = cut(rows, page.limit);
    const last = attachments.at(-1);
    return {
      attachments,
      total,
      nextCursor: more && last ? encodeCursor({ at: last.createdAt, id: last.id }) : null,
    };
  }

  /** @throws DomainError `not_found`, also for another user's */
  async get(principal: Principal, id: string, projection?: Projection): Promise<AttachmentRecord> {
    const store = await this.options.open(principal.tenant);
    const found = await store.attachments.find(id, projection);
    if (found?.userId !== principal.userId) throw notFound('Attachment', id);
    return found;
  }

  /**
   * The attachment with its text.
   * @throws DomainError `not_found`, `unsupported_media_type` or `validation_failed` when the file gave no text
   */
  async content(principal: Principal, id: string): Promise<{ attachment: AttachmentRecord; text: string }> {
    const attachment = await this.get(principal, id);
    if (attachment.textKey === null) {
      const code = attachment.textStatus === 'unsupported' ? 'unsupported_media_type' : 'validation_failed';
      throw new DomainError(code, `Attachment ${id} has no text: ${attachment.textError}`);
    }
    return { attachment, text: await this.text(attachment.textKey) };
  }

  private async text(key: string): Promise<string> {
    return (await buffer(await this.options.storage.get(key))).toString('utf8');
  }

  /** The bytes, read when they are asked for. @throws DomainError `not_found` */
  async open(principal: Principal, id: string): Promise<{ size: number; read(range?: ByteRange): Readable }> {
    const { storageKey, bytes } = await this.get(principal, id);
    const { storage } = this.options;
    if (!(await storage.stat(storageKey))) throw notFound('The content of attachment', id);
    return {
      size: bytes,
      read: (range) =>
        Readable.from(
          (async function* () {
            yield* (await storage.get(storageKey, range)) as AsyncIterable<Buffer>;
          })(),
          { objectMode: false },
        ),
    };
  }

  /** @throws DomainError `not_found` */
  async remove(principal: Principal, id: string): Promise<{ id: string; message: string }> {
    const attachment = await this.get(principal, id);
    const store = await this.options.open(principal.tenant);
    // First what is known of it: a file without a record is only space, a record without a file is a broken promise.
    if (!(await store.attachments.remove(id))) throw notFound('Attachment', id);
    await this.discard([attachment.storageKey, ...(attachment.textKey ? [attachment.textKey] : [])]);
    return { id, message: `Attachment ${attachment.fileName} is deleted.` };
  }

  /**
   * Texts of the attachments of one turn, in the order of `ids`, as hidden context for the model; together at most
   * 100,000 characters, shared by them in order.
   * @throws DomainError `validation_failed` naming what does not exist or is another user's
   */
  async resolveForChat(principal: Principal, ids: readonly string[]): Promise<AttachmentText[]> {
    if (ids.length === 0) return [];
    if (ids.length > MAX_CHAT_ATTACHMENTS)
      throw invalid('attachment_ids', `takes at most ${MAX_CHAT_ATTACHMENTS}`);
    const store = await this.options.open(principal.tenant);
    const rows = await store.attachments.findMany([...new Set(ids)]);
    const own = new Map(rows.filter((row) => row.userId === principal.userId).map((row) => [row.id, row]));
    const attachments = [...new Set(ids)].map((id) => {
      const row = own.get(id);
      if (!row) throw invalid(`attachment_ids.${ids.indexOf(id)}`, `attachment ${id} does not exist`);
      return row;
    });
    let room = MAX_CHAT_TEXT;
    const texts: AttachmentText[] = [];
    for (const attachment of attachments) {
      const text = attachment.textKey === null ? null : await this.text(attachment.textKey);
      const shown = text === null ? null : firstOf(text, room);
      room -= shown?.length ?? 0;
      texts.push({
        id: attachment.id,
        fileName: attachment.fileName,
        contentType: attachment.contentType,
        title: attachment.title,
        text: shown,
        truncated: shown !== null && shown.length < text!.length,
        reason: attachment.textError,
      });
    }
    return texts;
  }
}

/** The first `length` code units, without half a character at the end. */
function firstOf(text: string, length: number): string {
  const code = text.charCodeAt(length - 1);
  return text.slice(0, length < text.length && code >= 0xd800 && code <= 0xdbff ? length - 1 : length);
}

type ReadText = Pick<
  AttachmentRecord,
  | 'contentType'
  | 'textKey'
  | 'textLength'
  | 'textStatus'
  | 'textError'
  | 'warnings'
  | 'title'
  | 'pages'
  | 'metadata'
>;

const parsedText = (document: ParsedDocument, textKey: string): ReadText => ({
  contentType: document.contentType,
  textKey,
  textLength: document.text.length,
  textStatus: 'parsed',
  textError: null,
  warnings: document.warnings,
  title: document.title,
  pages: (document.pages ?? null) as JsonValue,
  metadata: document.metadata,
});

const failedText = (failure: ParseFailure): ReadText => ({
  contentType: failure.contentType ?? 'application/octet-stream',
  textKey: null,
  textLength: null,
  textStatus: failure.reason === 'unsupported' ? 'unsupported' : 'failed',
  textError: failure.message,
  warnings: [],
  title: null,
  pages: null,
  metadata: {},
});

/** The last part of a path that some browsers send, without control characters; never used as a path here. */
function cleanName(fileName: string): string {
  const name = (fileName.split(/[\\/]/).at(-1) ?? '')
    // eslint-disable-next-line no-control-regex -- they are what is removed
    .replace(/[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
  return firstOf(name === '' || name === '.' || name === '..' ? 'file' : name, MAX_FILE_NAME);
}
