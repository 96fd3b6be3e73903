import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { DomainError, invalid } from '../../errors';
import type { DocumentParser } from '../../documents/parse';
import { ParseFailure } from '../../documents/parse/failure';
import type { Turn } from '../../fair-semaphore';
import type { Clock } from '../../ports/clock';
import type { FileStorage, StoredFile } from '../../ports/files';
import type { IngestionFileRecord, KnowledgeDocumentRecord } from '../../ports/knowledge';
import type { Principal } from '../../ports/identity';
import type { JsonObject, JsonValue } from '../../ports/records';
import type { TenantStore } from '../../ports/stores';
import { KNOWLEDGE_LIMITS } from '../limits';

const FILE_NAME_CHARACTERS = 255;
/** Names that say enough to take a file; whether it can be read shows when it is. */
const KNOWN_ENDING =
  /\.(pdf|docx|pptx|xlsx|html?|od[tsp]|rtf|epub|ipynb|mht(?:ml)?|md|markdown|txt|csv|json|eml)$/i;

/** A file as it comes in: an upload on disk, or its bytes. */
export interface IncomingFile {
  fileName: string;
  /** As the sender said. */
  mimeType?: string | null;
  /** Path of a temporary file; or else: */
  path?: string;
  bytes?: Uint8Array;
  url?: string;
  metadata?: JsonValue;
}

/** A document for an incoming file. */
export interface TakenDocument {
  document: KnowledgeDocumentRecord;
  /** True when the base held the same content already, ingested or about to be. */
  unchanged: boolean;
}

export interface UploadDependencies {
  storage: FileStorage;
  parser: Pick<DocumentParser, 'parse'>;
  clock: Clock;
  /** Bytes of one file at most. */
  maxFileBytes: number;
}

/** The same content is in a base once: a second upload of it finds the document of the first. */
export class Uploads {
  constructor(private readonly dependencies: UploadDependencies) {}

  /**
   * One file that can be read is enough: what is wrong with the others becomes their state.
   * @throws DomainError `validation_failed` naming `files`, `unsupported_media_type` when none is of a format that is read
   */
  async check({ tenant, userId: user }: Principal, files: readonly IncomingFile[]): Promise<void> {
    if (files.length === 0) throw invalid('files', 'at least one file is needed');
    if (files.length > KNOWLEDGE_LIMITS.filesAtOnce)
      throw invalid('files', `at most ${KNOWLEDGE_LIMITS.filesAtOnce} files at once, are ${files.length}`);
    files.forEach(({ fileName }, index) => {
      if (fileName.trim() === '') throw invalid(`files.${index}`, 'has no name');
    });
    let refusal: unknown;
    for (const file of files) {
      refusal = await this.refusalOf(file, { tenant, user });
      if (!refusal) return;
    }
    throw refusal;
  }

  /** Why the file's format is not read; undefined when it is, or when something else is wrong with the file. */
  private async refusalOf({ path, bytes, fileName, mimeType }: IncomingFile, turn: Turn): Promise<unknown> {
    if (KNOWN_ENDING.test(fileName)) return undefined;
    try {
      const content = bytes ? { bytes } : { path: path! };
      await this.dependencies.parser.parse({ ...content, fileName, declaredType: mimeType }, { turn });
      return undefined;
    } catch (error) {
      if (!(error instanceof ParseFailure)) throw error;
      return error.reason === 'unsupported' ? error : undefined;
    }
  }

  /** Names are shown and searched, never part of a path; control characters have no place in either. */
  displayName(name: string): string {
    // eslint-disable-next-line no-control-regex -- these are what is taken out
    const clean = name.replace(/[\u0000-\u001f\u007f]/g, ' ').trim();
    return (clean.split(/[\\/]/).pop() || clean).slice(-FILE_NAME_CHARACTERS);
  }

  /**
   * Stores the bytes where the row says, and a document of the row's id; or finds the one that has them.
   * @param turn told the hash of the bytes; resolves when documents may be looked for: of equal files the first is kept
   * @throws DomainError `payload_too_large`; nothing is stored then
   */
  async take(
    store: TenantStore,
    userId: string,
    row: IngestionFileRecord,
    file: IncomingFile,
    turn?: (sha256: string) => Promise<unknown>,
  ): Promise<TakenDocument> {
    const stored = await this.dependencies.storage.put(streamOf(file), {
      tenant: store.tenant,
      key: row.storageKey!,
      maxBytes: this.dependencies.maxFileBytes,
      contentType: file.mimeType ?? undefined,
    });
    try {
      await turn?.(stored.sha256);
      return await this.documentFor(store, userId, row, file, stored);
    } catch (error) {
      await this.dependencies.storage.remove(stored.key);
      throw error;
    }
  }

  private async documentFor(
    store: TenantStore,
    userId: string,
    row: IngestionFileRecord,
    file: IncomingFile,
    stored: StoredFile,
  ): Promise<TakenDocument> {
    const at = this.dependencies.clock.now();
    const created = await store.knowledge.createDocument({
      ...EMPTY_DOCUMENT,
      warnings: [],
      id: row.documentId,
      knowledgeBaseId: row.knowledgeBaseId,
      fileName: row.fileName,
      contentKey: stored.sha256,
      contentType: file.mimeType ?? null,
      bytes: stored.bytes,
      sha256: stored.sha256,
      storageKey: stored.key,
      url: file.url ?? null,
      metadata: file.metadata ?? {},
      nextRevision: row.revision + 1,
      createdBy: userId,
      createdAt: at,
      updatedAt: at,
    });
    if (created) return { document: created, unchanged: false };
    const known = await store.knowledge.findByContent(row.knowledgeBaseId, stored.sha256);
    // Deleted in this very moment: the place is free now.
    if (!known) return this.documentFor(store, userId, row, file, stored);
    await this.dependencies.storage.remove(stored.key);
    if (file.metadata !== undefined && saysMore(file.metadata, known.metadata)) {
      const metadata = { ...(known.metadata as JsonObject), ...(file.metadata as JsonObject) };
      const changed = await store.knowledge.updateDocument(known.id, { metadata, updatedAt: at });
      // Filters look at the chunks: they are written anew, with the vectors that they have.
      return { document: changed ?? known, unchanged: false };
    }
    // Whatever is not there in full gets another chance: a failure may have been a passing one, a job may be lost.
    return { document: known, unchanged: known.status === 'completed' && known.liveRevision !== null };
  }
}

/** Whether metadata has values that are not there yet. */
function saysMore(metadata: JsonValue, known: JsonValue): boolean {
  const there = (known ?? {}) as JsonObject;
  return Object.entries(metadata as JsonObject).some(([key, value]) => !isDeepStrictEqual(value, there[key]));
}

const EMPTY_DOCUMENT = {
  title: null,
  format: null,
  status: 'queued',
  error: null,
  liveGeneration: null,
  liveRevision: null,
  stagedGeneration: null,
  stagedRevision: null,
  chunkCount: 0,
  tokenCount: 0,
  textLength: null,
  pages: null,
  deletedAt: null,
  removalDueAt: null,
} as const;

function streamOf(file: IncomingFile): Readable {
  if (file.path !== undefined) return createReadStream(file.path);
  if (file.bytes !== undefined) return Readable.from([Buffer.from(file.bytes)]);
  throw new DomainError('validation_failed', `The file ${file.fileName} has no content.`, {
    errors: [{ path: 'files', message: 'has no content' }],
  });
}
