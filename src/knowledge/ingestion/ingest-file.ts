import type { DocumentParser, ReadDocument } from '../../documents/parse';
import { ParseFailure } from '../../documents/parse/failure';
import type { Chunk, ChunkingStrategy, ParsedDocument } from '../../documents/types';
import { DomainError } from '../../errors';
import type { Clock } from '../../ports/clock';
import type { FileStorage } from '../../ports/files';
import type {
  IngestionFileRecord,
  KnowledgeBaseRecord,
  KnowledgeChunkRecord,
  KnowledgeDocumentRecord,
  RevisionRef,
} from '../../ports/knowledge';
import type { JsonObject, JsonValue } from '../../ports/records';
import type { TenantStore } from '../../ports/stores';
import type { SearchIndex } from '../../ports/search';
import { assertDimension, type Embeddings } from '../../ports/embeddings';
import { chunkFacts } from '../facts';
import { packVector, unpackVector, vectorHashOf } from '../vectors';
import { FIRST_REVISION, neededRevisions } from '../visibility';
import { type JobProgress, LostJobError } from './progress';
import { Room } from './room';

/** Chunks embedded and stored together: what a kill can cost, and how often progress is seen. */
const BATCH_CHUNKS = 64;

export interface FileIngestionDependencies {
  storage: FileStorage;
  parser: DocumentParser;
  embeddings: Embeddings;
  index: SearchIndex;
  clock: Clock;
}

/** Where one file of a job is written. */
export interface FileTask {
  store: TenantStore;
  /** The base with the settings that hold for this job: a refresh may have changed them. */
  base: KnowledgeBaseRecord;
  file: IngestionFileRecord;
  place: 'live' | 'staged';
  progress: JobProgress;
  signal: AbortSignal;
}

/** A chunk with the vector that it has already, if any. */
interface Prepared {
  record: Omit<KnowledgeChunkRecord, 'vector'>;
  vector: Uint8Array | undefined;
  stored: boolean;
}

/**
 * Takes one file from bytes to searchable chunks. Every step can be repeated: the ids of chunks follow from document,
 * revision and place, so that a worker that takes over after a kill overwrites what the dead one wrote, and vectors that
 * are stored are not made again.
 */
export class FileIngestion {
  private readonly room = new Room();

  constructor(private readonly dependencies: FileIngestionDependencies) {}

  /** What is wrong with the file becomes its state; @throws what is wrong with the deployment, and when aborted */
  async ingest(task: FileTask): Promise<void> {
    const { file, progress, store } = task;
    await progress.file(file, {
      status: 'parsing',
      attempts: file.attempts + 1,
      startedAt: file.startedAt ?? this.dependencies.clock.now(),
    });
    const document = await store.knowledge.findDocument(file.documentId);
    if (!document) return this.interrupted(task);
    if (document.deletedAt) return this.cancelled(task);
    try {
      await this.room.with(document.bytes, () => this.ingestDocument(task, document));
    } catch (error) {
      if (task.signal.aborted || error instanceof LostJobError) throw error;
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      await this.failed(task, reason);
    }
  }

  private async ingestDocument(task: FileTask, document: KnowledgeDocumentRecord): Promise<void> {
    task.signal.throwIfAborted();
    const { document: parsed, chunks } = await this.read(task, document);
    await task.progress.file(task.file, { status: 'chunking' });
    const prepared = await this.prepare(task, document, parsed, chunks);
    await task.progress.file(task.file, { status: 'embedding', chunksTotal: prepared.length, chunksDone: 0 });
    await this.embed(task, prepared);
    await task.progress.file(task.file, { status: 'indexing' });
    await this.index(task, document, parsed, prepared);
    await this.publish(task, parsed, prepared);
  }

  private async read(
    { store, base, signal }: FileTask,
    document: KnowledgeDocumentRecord,
  ): Promise<ReadDocument> {
    const bytes = await bytesOf(this.dependencies.storage, document.storageKey);
    const { fileName, contentType } = document;
    return this.dependencies.parser.read(
      { bytes, fileName, declaredType: contentType },
      {
        strategy: base.chunkingStrategy as ChunkingStrategy,
        size: base.chunkSize,
        overlap: base.overlapPercentage,
      },
      { turn: { tenant: store.tenant }, signal },
    );
  }

  /** The rows to write, with vectors that an earlier attempt or an earlier revision made. */
  private async prepare(
    { store, base, file, progress }: FileTask,
    document: KnowledgeDocumentRecord,
    parsed: ParsedDocument,
    chunks: Chunk[],
  ): Promise<Prepared[]> {
    const at = this.dependencies.clock.now();
    const own = { documentId: document.id, revision: file.revision };
    const known = new Map<string, Uint8Array>();
    for (const revision of new Set([...neededRevisions(document)]))
      if (revision !== file.revision)
        for (const { vectorHash, vector } of await store.knowledge.vectorsOf({
          documentId: document.id,
          revision,
        }))
          known.set(vectorHash, vector);
    const written = progress.state.job.attempts > 1 ? await store.knowledge.vectorsOf(own) : [];
    const mine = new Map(written.map((row) => [row.id, row]));
    return chunks.map((chunk) => {
      const id = `${document.id}-${file.revision}-${chunk.index}`;
      const vectorHash = vectorHashOf(base.embeddingModel, embeddedText(chunk));
      const earlier = mine.get(id);
      const stored = earlier?.vectorHash === vectorHash;
      return {
        stored,
        vector: stored ? earlier.vector : known.get(vectorHash),
        record: {
          id,
          knowledgeBaseId: base.id,
          documentId: document.id,
          generation: file.generation,
          revision: file.revision,
          position: chunk.index,
          text: chunk.text,
          vectorHash,
          start: chunk.start,
          end: chunk.end,
          tokens: chunk.tokens,
          metadata: chunkMetadata(document, parsed, chunk),
          createdAt: at,
        },
      };
    });
  }

  private async embed(task: FileTask, prepared: Prepared[]): Promise<void> {
    const { file, base, progress, store, signal } = task;
    let done = 0;
    let reused = 0;
    for (let from = 0; from < prepared.length; from += BATCH_CHUNKS) {
      signal.throwIfAborted();
      const batch = prepared.slice(from, from + BATCH_CHUNKS);
      const missing = batch.filter(({ vector }) => vector === undefined);
      const vectors = await this.dependencies.embeddings.embedChunks(
        base.embeddingModel,
        missing.map(({ record }) => embeddedText(record)),
        signal,
      );
      assertDimension(vectors, base);
      missing.forEach((chunk, index) => (chunk.vector = packVector(vectors[index]!)));
      await store.knowledge.saveChunks(
        batch.filter(({ stored }) => !stored).map(({ record, vector }) => ({ ...record, vector: vector! })),
      );
      if (batch.some(({ stored }) => !stored)) progress.advance();
      done += batch.length;
      reused += batch.length - missing.length;
      await progress.file(file, { chunksDone: done, vectorsReused: reused });
    }
  }

  private async index(
    { base, signal, store }: FileTask,
    document: KnowledgeDocumentRecord,
    parsed: ParsedDocument,
    prepared: Prepared[],
  ): Promise<void> {
    const published = { ...document, ...publishedFacts(document, parsed) };
    const { title } = published;
    for (let from = 0; from < prepared.length; from += BATCH_CHUNKS) {
      signal.throwIfAborted();
      const batch = prepared.slice(from, from + BATCH_CHUNKS);
      await this.dependencies.index.put(
        store.tenant,
        base,
        batch.map(({ record, vector }) => ({
          record: { ...record, metadata: chunkFacts(published, record) },
          vector: unpackVector(vector!),
          title,
        })),
      );
    }
  }

  /** From here on searches see the new chunks, and no longer the old ones. */
  private async publish(task: FileTask, parsed: ParsedDocument, prepared: Prepared[]): Promise<void> {
    const { store, file, place, progress, base } = task;
    const now = this.dependencies.clock.now();
    // A worker whose lease has ended must not publish over the one that took the job.
    await progress.assertOurs();
    const document = await store.knowledge.findDocument(file.documentId);
    const published = document
      ? await store.knowledge.publishRevision(file.documentId, file.revision, file.generation, place, {
          status: 'completed',
          error: null,
          warnings: parsed.warnings,
          ...publishedFacts(document, parsed),
          textLength: parsed.text.length,
          pages: (parsed.pages ?? null) as unknown as JsonValue,
          chunkCount: prepared.length,
          tokenCount: prepared.reduce((sum, { record }) => sum + record.tokens, 0),
          updatedAt: now,
        })
      : false;
    if (!published && (!document || document.deletedAt)) return this.cancelled(task);
    // There is nothing older than the first revision.
    if (!published || file.revision > FIRST_REVISION)
      await removeUnneeded(store, this.dependencies.index, base.id, file.documentId);
    await progress.file(file, { status: 'completed', error: null, finishedAt: now });
  }

  /** The process that took the file in died before the document was there. */
  private async interrupted({ progress, file }: FileTask): Promise<void> {
    if (file.storageKey !== null) await this.dependencies.storage.remove(file.storageKey);
    await progress.file(file, {
      status: 'failed',
      error: 'The upload was interrupted before the file was stored; send the file again.',
      finishedAt: this.dependencies.clock.now(),
    });
  }

  private async cancelled({ progress, file, store, base }: FileTask): Promise<void> {
    await removeUnneeded(store, this.dependencies.index, base.id, file.documentId);
    await progress.file(file, {
      status: 'cancelled',
      error: 'The document was deleted.',
      finishedAt: this.dependencies.clock.now(),
    });
  }

  private async failed({ progress, file, store, base }: FileTask, reason: string): Promise<void> {
    const at = this.dependencies.clock.now();
    await failDocument(store, file.documentId, reason, at);
    await removeRevision(store, this.dependencies.index, base.id, {
      documentId: file.documentId,
      revision: file.revision,
    });
    await progress.file(file, { status: 'failed', error: reason, finishedAt: at });
  }
}

/** What was live stays live: only a document that never was readable is failed as a whole. */
export async function failDocument(
  store: TenantStore,
  documentId: string,
  reason: string,
  at: Date,
): Promise<void> {
  const document = await store.knowledge.findDocument(documentId);
  const isNew = document?.liveRevision === null;
  await store.knowledge.updateDocument(documentId, {
    ...(isNew ? { status: 'failed' as const } : {}),
    error: reason,
    updatedAt: at,
  });
}

/** A whole file; the parsers need it in one piece. @throws DomainError `not_found` */
export async function bytesOf(storage: FileStorage, key: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of await storage.get(key)) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** The sentence for the user when the file is at fault; undefined when it is not. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof ParseFailure) return error.message;
  if (!(error instanceof DomainError)) return undefined;
  return ['validation_failed', 'not_found', 'unsupported_media_type', 'payload_too_large'].includes(
    error.code,
  )
    ? error.message
    : undefined;
}

/** Headings say what a passage is about where its own words do not. */
function embeddedText({ text, metadata }: { text: string; metadata: unknown }): string {
  const { headings = [] } = (metadata ?? {}) as { headings?: string[] };
  const missing = headings.filter((heading) => !text.includes(heading));
  return missing.length > 0 ? `${missing.join(' > ')}\n${text}` : text;
}

/** What a parsed file says of its document. */
const publishedFacts = (document: KnowledgeDocumentRecord, parsed: ParsedDocument) => ({
  title: parsed.title ?? document.title ?? document.fileName,
  format: parsed.format,
  contentType: parsed.contentType,
  metadata: { ...parsed.metadata, ...(document.metadata as JsonObject) },
});

/** The file's metadata, the caller's over it, and where the chunk is; all of it can be filtered by. */
function chunkMetadata(document: KnowledgeDocumentRecord, parsed: ParsedDocument, chunk: Chunk): JsonObject {
  return {
    ...parsed.metadata,
    format: parsed.format,
    ...(document.metadata as JsonObject),
    ...(document.url === null ? {} : { url: document.url }),
    ...(chunk.metadata.headings?.length ? { headings: chunk.metadata.headings } : {}),
    ...(chunk.metadata.page === undefined ? {} : { page: chunk.metadata.page }),
  };
}

/**
 * Takes chunks away that nobody can see any more: all of a deleted document, else revisions older than those in use (a
 * newer one may be being written). From the index first: what it holds, the store knows.
 */
export async function removeUnneeded(
  store: TenantStore,
  index: SearchIndex,
  knowledgeBaseId: string,
  documentId: string,
): Promise<void> {
  const document = await store.knowledge.findDocument(documentId);
  const isGone = !document || document.deletedAt !== null;
  const oldestNeeded = isGone ? Infinity : Math.min(...neededRevisions(document), Infinity);
  if (!isGone && oldestNeeded === Infinity) return;
  for (const { revision } of await store.knowledge.revisionsOf(documentId))
    if (revision < oldestNeeded)
      await removeRevision(store, index, knowledgeBaseId, { documentId, revision });
}

export async function removeRevision(
  store: TenantStore,
  index: SearchIndex,
  knowledgeBaseId: string,
  ref: RevisionRef,
): Promise<void> {
  const ids = await store.knowledge.chunkIdsOf(ref);
  if (ids.length === 0) return;
  await index.remove(store.tenant, knowledgeBaseId, ids);
  await store.knowledge.removeChunks(ids);
}
