/** Knowledge bases, their documents and chunks, and the jobs that fill them, as the domains see them. */
import type { JsonValue } from './records';
import type { Page } from './stores';

export type KnowledgeBaseStatus = 'processing' | 'completed' | 'failed';

export interface KnowledgeBaseRecord {
  id: string;
  name: string;
  /** The name in lower case while the base lives, its id afterwards: unique. */
  nameKey: string;
  description: string | null;
  tags: string[];
  metadata: JsonValue;
  /** `files` or `url`. */
  origin: string;
  /** What was crawled; null for files. */
  websiteUrl: string | null;
  maxCrawlDepth: number | null;
  maxCrawlPages: number | null;
  chunkSize: number;
  overlapPercentage: number;
  chunkingStrategy: string;
  vectorDbType: string;
  embeddingModel: string;
  dimension: number;
  status: KnowledgeBaseStatus;
  /** The generation that searches see. */
  generation: number;
  /** The generation that the next refresh builds. */
  nextGeneration: number;
  /** The refresh that is under way, null when none is. */
  refreshJobId: string | null;
  /** `GoldenQuery[]`. */
  goldenQueries: JsonValue;
  /** The worker that makes it, until the request for it is answered. */
  makingBy: string | null;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
  /** Not null while content of the deleted base may be left. */
  removalDueAt: Date | null;
}

export type FileStatus =
  'queued' | 'parsing' | 'chunking' | 'embedding' | 'indexing' | 'completed' | 'failed' | 'cancelled';

export interface KnowledgeDocumentRecord {
  id: string;
  knowledgeBaseId: string;
  fileName: string;
  /** Unique within the base: the SHA-256 of the bytes while the document lives, its id afterwards. */
  contentKey: string;
  title: string | null;
  format: string | null;
  contentType: string | null;
  bytes: number;
  sha256: string;
  storageKey: string;
  url: string | null;
  /** What the caller and the file itself say of it. */
  metadata: JsonValue;
  status: FileStatus;
  error: string | null;
  /** What was left out of the file or could not be read of it, in sentences for the user. */
  warnings: string[];
  /** Chunks of this revision are seen while the base's generation is `liveGeneration`. */
  liveGeneration: number | null;
  liveRevision: number | null;
  /** Chunks that a refresh has built and that are seen once the base moves to `stagedGeneration`. */
  stagedGeneration: number | null;
  stagedRevision: number | null;
  /** The revision that the next ingestion writes. */
  nextRevision: number;
  chunkCount: number;
  tokenCount: number;
  /** UTF-16 code units of the parsed text; null until it was parsed. */
  textLength: number | null;
  /** `[{page, start, end}]`, offsets into the text. */
  pages: JsonValue;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
  /** Not null while content of the deleted document may be left. */
  removalDueAt: Date | null;
}

/** What a search needs of a document: whether its chunks are seen, and what it is called. */
export type KnowledgeDocumentHead = Pick<
  KnowledgeDocumentRecord,
  | 'id'
  | 'fileName'
  | 'title'
  | 'liveRevision'
  | 'stagedGeneration'
  | 'stagedRevision'
  | 'createdAt'
  | 'deletedAt'
>;

export interface KnowledgeChunkRecord {
  /** `<documentId>-<revision>-<position>`: the same whenever the same work is repeated. */
  id: string;
  knowledgeBaseId: string;
  documentId: string;
  generation: number;
  revision: number;
  /** Place in the document, from 0. */
  position: number;
  text: string;
  /** Hex SHA-256 of the text and of the embedding model: equal means that the vector can be taken over. */
  vectorHash: string;
  start: number;
  end: number;
  tokens: number;
  /** Headings, page and the like. */
  metadata: JsonValue;
  /** Little-endian 32-bit floats. */
  vector: Uint8Array;
  createdAt: Date;
}

export type ChunkWithoutVector = Omit<KnowledgeChunkRecord, 'vector'>;

export type IngestionOperation = 'create' | 'add' | 'crawl' | 'refresh' | 'refresh_document';

export type IngestionStatus = 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled';

export interface IngestionJobRecord {
  /** `kb_ingest_<uuid>`. */
  id: string;
  knowledgeBaseId: string;
  operation: IngestionOperation;
  status: IngestionStatus;
  /** The generation that it writes. */
  generation: number;
  /** Rises with every change of the job or one of its files. */
  version: number;
  total: number;
  completed: number;
  failed: number;
  error: string | null;
  /** What the golden queries said of a refresh. */
  gate: JsonValue;
  /** What a refresh changes of the base when it goes live: `{embeddingModel, dimension}`. */
  settings: JsonValue;
  leaseOwner: string | null;
  leaseExpiresAt: Date | null;
  attempts: number;
  /** Attempts since something of it was last got done; null for jobs of before it was counted. */
  stalls: number | null;
  createdBy: string;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  updatedAt: Date;
}

export interface IngestionFileRecord {
  /** Made of the job's id and the document's: a file is in a job once. */
  id: string;
  jobId: string;
  knowledgeBaseId: string;
  documentId: string;
  fileName: string;
  /** Where the bytes of a new document go, recorded before they are there; null for a document that was there before. */
  storageKey: string | null;
  /** Order in the job, from 0. */
  position: number;
  revision: number;
  generation: number;
  status: FileStatus;
  error: string | null;
  chunksTotal: number;
  chunksDone: number;
  /** Chunks whose vector was taken over from an earlier revision. */
  vectorsReused: number;
  /** True when the very same content was there already and nothing had to be done. */
  unchanged: boolean;
  attempts: number;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export interface DocumentFilter {
  knowledgeBaseId: string;
  status?: FileStatus;
}

/** A revision of a document. */
export interface RevisionRef {
  documentId: string;
  revision: number;
}

export interface BaseStatistics {
  files: number;
  chunks: number;
  tokens: number;
  bytes: number;
  failed: number;
  /** Formats of its documents, each once. */
  formats: string[];
  /** Whether a job is bringing documents in. */
  ingesting: boolean;
}

export interface KnowledgeStore {
  findBase(id: string): Promise<KnowledgeBaseRecord | null>;
  findBaseByName(nameKey: string): Promise<KnowledgeBaseRecord | null>;
  findBases(ids: string[]): Promise<KnowledgeBaseRecord[]>;
  /** Living ones, newest first. */
  listBases(): Promise<KnowledgeBaseRecord[]>;
  /** Null when the name is taken. */
  createBase(base: KnowledgeBaseRecord): Promise<KnowledgeBaseRecord | null>;
  /** Null when the base is gone. @throws DomainError `conflict` when the name is taken */
  updateBase(id: string, changes: Partial<KnowledgeBaseRecord>): Promise<KnowledgeBaseRecord | null>;
  /** Marks a refresh as under way and takes the next generation; null when one is under way or the base is gone. */
  beginRefresh(id: string, jobId: string, at: Date): Promise<KnowledgeBaseRecord | null>;
  /** Ends the refresh `jobId`; false when it is not the one under way. */
  endRefresh(id: string, jobId: string, changes: Partial<KnowledgeBaseRecord>): Promise<boolean>;
  statistics(ids: string[]): Promise<Map<string, BaseStatistics>>;
  /** Deleted bases of which content may be left, due by `dueBy`, or all of them. */
  basesToRemove(dueBy: Date | null, limit: number): Promise<KnowledgeBaseRecord[]>;
  /** Nothing of the deleted base is left. */
  baseRemoved(id: string): Promise<void>;

  findDocument(id: string): Promise<KnowledgeDocumentRecord | null>;
  findDocuments(ids: string[]): Promise<KnowledgeDocumentRecord[]>;
  documentHeads(ids: string[]): Promise<KnowledgeDocumentHead[]>;
  /** A living document with these bytes. */
  findByContent(knowledgeBaseId: string, sha256: string): Promise<KnowledgeDocumentRecord | null>;
  /** Living ones, newest first. */
  listDocuments(filter: DocumentFilter, page: Page): Promise<KnowledgeDocumentRecord[]>;
  countDocuments(filter: DocumentFilter): Promise<number>;
  /** Ids of living documents that the generation lacks, oldest first. */
  documentsWithout(knowledgeBaseId: string, generation: number, limit: number): Promise<string[]>;
  /** Ids of living documents whose live chunks are of an older generation. */
  documentsBefore(knowledgeBaseId: string, generation: number, limit: number): Promise<string[]>;
  /** Null when the base has a living document with the same content. */
  createDocument(document: KnowledgeDocumentRecord): Promise<KnowledgeDocumentRecord | null>;
  /** Changes a living document; null when it is deleted. */
  updateDocument(
    id: string,
    changes: Partial<KnowledgeDocumentRecord>,
  ): Promise<KnowledgeDocumentRecord | null>;
  /** Deleted documents of which content may be left, due by `dueBy`, or all of them. */
  documentsToRemove(dueBy: Date | null, limit: number): Promise<KnowledgeDocumentRecord[]>;
  /** Nothing of the deleted document is left. */
  documentRemoved(id: string): Promise<void>;
  /** Takes the next revision number; null when the document is deleted. */
  takeRevision(id: string): Promise<number | null>;
  /** Shows a revision in its generation, unless a newer one is shown there or the document is deleted. */
  publishRevision(
    id: string,
    revision: number,
    generation: number,
    place: 'live' | 'staged',
    changes: Partial<KnowledgeDocumentRecord>,
  ): Promise<boolean>;
  /** Makes staged revisions of the generation the live ones. */
  settleGeneration(knowledgeBaseId: string, generation: number): Promise<void>;
  /** Forgets what a refresh had staged. */
  dropStaged(knowledgeBaseId: string, generation: number): Promise<void>;

  /** Inserts or replaces by id. */
  saveChunks(chunks: KnowledgeChunkRecord[]): Promise<void>;
  findChunk(id: string): Promise<ChunkWithoutVector | null>;
  findChunks(ids: string[]): Promise<ChunkWithoutVector[]>;
  /** Chunks of a revision by place: `from` to `to`, the latter exclusive. */
  chunksOf(ref: RevisionRef, from: number, to: number): Promise<ChunkWithoutVector[]>;
  /** Ids of the revision's chunks that are stored. */
  chunkIdsOf(ref: RevisionRef): Promise<string[]>;
  /** The same with vectors. */
  vectorsOf(ref: RevisionRef): Promise<{ id: string; vectorHash: string; vector: Uint8Array }[]>;
  /** Revisions of a document that have chunks. */
  revisionsOf(documentId: string): Promise<{ revision: number; generation: number }[]>;
  removeChunks(ids: string[]): Promise<void>;
  /** Ids of up to `limit` chunks of a base, for its removal. */
  chunkIdsOfBase(knowledgeBaseId: string, limit: number): Promise<string[]>;
  /** Whole chunks of a base in the order of ids after `afterId`, to fill an index again. */
  chunksOfBase(
    knowledgeBaseId: string,
    afterId: string | null,
    limit: number,
  ): Promise<KnowledgeChunkRecord[]>;

  createJob(job: IngestionJobRecord, files: IngestionFileRecord[]): Promise<void>;
  addFiles(files: IngestionFileRecord[]): Promise<void>;
  findJob(id: string): Promise<IngestionJobRecord | null>;
  findJobs(ids: string[]): Promise<IngestionJobRecord[]>;
  /** Of a base, newest first. */
  listJobs(knowledgeBaseId: string, limit: number): Promise<IngestionJobRecord[]>;
  /** Unfinished jobs whose lease has ended at `now`, oldest first; with `allLeases` also those that others hold. */
  abandonedJobs(
    now: Date,
    options: { notOwner: string; allLeases: boolean; limit: number },
  ): Promise<string[]>;
  /** Takes an unfinished job whose lease has ended, or that `takeFrom` holds; null when another worker has it. */
  claimJob(
    id: string,
    lease: { owner: string; until: Date; now: Date; takeFrom?: string | null },
  ): Promise<IngestionJobRecord | null>;
  renewJob(id: string, owner: string, until: Date): Promise<boolean>;
  /** Changes a job that `owner` holds; null when it does not. */
  updateJob(
    id: string,
    owner: string,
    changes: Partial<IngestionJobRecord>,
  ): Promise<IngestionJobRecord | null>;
  /** Forgets a job, with its files, that never began; one that another worker has stays. */
  discardJob(id: string, owner: string): Promise<void>;
  /** Ends every unfinished job of a base. */
  cancelJobs(knowledgeBaseId: string, reason: string, at: Date): Promise<void>;
  filesOf(jobId: string): Promise<IngestionFileRecord[]>;
  updateFile(id: string, changes: Partial<IngestionFileRecord>): Promise<void>;
  removeFiles(ids: string[]): Promise<void>;
}
