import type { IndexedChunk, IndexStatistics, Refinement, RetrieverQuery } from '../../ports/search';
import type { PackedAnswer } from './packing';

/** What the thread of the index is asked to do, and what it answers. */
export interface Operations {
  put: { input: { tenant: string; knowledgeBaseId: string; chunks: IndexedChunk[] }; output: null };
  remove: { input: { tenant: string; knowledgeBaseId: string; chunkIds: string[] }; output: null };
  removeBase: { input: { tenant: string; knowledgeBaseId: string }; output: null };
  search: { input: { tenant: string; query: RetrieverQuery }; output: PackedAnswer };
  vectors: {
    input: { tenant: string; knowledgeBaseIds: string[]; chunkIds: string[] };
    output: (Float32Array | null)[];
  };
  refine: {
    input: { tenant: string; knowledgeBaseIds: string[]; refinement: Refinement; chunkIds: string[] };
    /** NaN for null. */
    output: Float64Array;
  };
  statistics: { input: { tenant: string; knowledgeBaseId: string }; output: IndexStatistics };
}

export type OperationName = keyof Operations;

export type Request = {
  [Name in OperationName]: { id: number; name: Name; input: Operations[Name]['input'] };
}[OperationName];

export type Response =
  { id: number; output: unknown } | { id: number; error: { message: string; code: string | undefined } };
