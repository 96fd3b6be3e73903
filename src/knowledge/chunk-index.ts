import type { KnowledgeBaseRecord, KnowledgeChunkRecord } from '../ports/knowledge';

/** A chunk as it goes into the search index. */
export interface IndexedChunk {
  record: Omit<KnowledgeChunkRecord, 'vector'>;
  vector: Float32Array;
  /** Title of its document. */
  title: string;
}

/** The search index as ingestion sees it. The database has the truth; the index can be made from it again. */
export interface ChunkIndex {
  /** Inserts or replaces by id; searchable when it resolves. */
  put(
    tenant: string,
    base: Pick<KnowledgeBaseRecord, 'id' | 'embeddingModel' | 'dimension'>,
    chunks: IndexedChunk[],
  ): Promise<void>;
  remove(tenant: string, knowledgeBaseId: string, chunkIds: string[]): Promise<void>;
  /** Everything of a base. */
  removeBase(tenant: string, knowledgeBaseId: string): Promise<void>;
}
