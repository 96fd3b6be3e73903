import type { KnowledgeDocumentRecord } from '../ports/knowledge';
import type { JsonObject, JsonValue } from '../ports/records';

type Described = Pick<
  KnowledgeDocumentRecord,
  'fileName' | 'title' | 'format' | 'contentType' | 'status' | 'bytes' | 'createdAt' | 'url' | 'metadata'
>;

/** What filters see of a document: its metadata and its own facts. */
export const factsOf = (document: Described): JsonObject => ({
  file_name: document.fileName,
  title: document.title,
  format: document.format,
  content_type: document.contentType,
  status: document.status,
  bytes: document.bytes,
  created_at: document.createdAt.toISOString(),
  ...(document.url === null ? {} : { url: document.url }),
  ...(document.metadata as JsonObject),
});

/**
 * What filters of a search see of a chunk: everything that filters of documents see, so that both mean the same, and where
 * in its document it is. Chunks that are found are those of completed documents.
 */
export const chunkFacts = (document: Described, chunk: { metadata: JsonValue }): JsonObject => ({
  ...(chunk.metadata as JsonObject | null),
  ...factsOf({ ...document, status: 'completed' }),
});
