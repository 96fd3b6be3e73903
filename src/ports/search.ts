/**
 * The search index over chunks. Adapters: the embedded index (default) and Elasticsearch.
 *
 * An index knows no texts to show and nothing of what is live: the database has the truth, the index finds and scores.
 * It can be filled again from the database at any time (`chunksOfBase` of the knowledge store).
 */
import type { MetadataFilter } from '../knowledge/metadata-filter';
import { unit } from './embeddings';
import type { KnowledgeBaseRecord, KnowledgeChunkRecord } from './knowledge';
import type { JsonObject, JsonValue } from './records';

/** A chunk as it goes into the index. */
export interface IndexedChunk {
  record: Omit<KnowledgeChunkRecord, 'vector'>;
  /** Any length but 0; the index brings it to unit length. */
  vector: Float32Array;
  /** Title of its document: searched as a field of its own. */
  title: string;
}

/** Begins every extra, and no term: `=who`. */
export const EXTRA_MARK = '=';
export const isExtra = (term: string): boolean => term.startsWith(EXTRA_MARK);

/** The terms of a text. */
export interface AnalysedText {
  /** What it is about: folded, stemmed, without stop words; their number is its length. */
  terms: string[];
  /**
   * What is found when a query asks for it, and counts for nothing else: stop words (`=to`) and two of them in a row
   * (`=to=be`), single characters of scripts without spaces, emoji.
   */
  extras: string[];
}

/** Text to terms, the same for every adapter. */
export interface TextAnalysis {
  text(text: string): AnalysedText;
  /** What a query looks for: terms; extras for single characters and emoji, and for stop words where it has nothing else. */
  query(text: string): string[];
}

/** Words are searched in these; `headings` are the strings of `metadata.headings`. */
export const SEARCHED_FIELDS = ['content', 'title', 'headings'] as const;
export type SearchedField = (typeof SEARCHED_FIELDS)[number];

/** A base to search in. */
export interface SearchScope {
  knowledgeBaseId: string;
  /**
   * Chunks of a later generation are not seen. While a document is being replaced, its old and its new revision may both
   * be found: the caller drops what is not visible.
   */
  generation: number;
}

export interface WeightedChunk {
  chunkId: string;
  weight: number;
}

/** Words of chunks that a first search found good are added to the query (relevance model, RM3). */
export interface FeedbackRequest {
  /** Good chunks, usually 8, with how much each says; weights are positive. Unknown chunks are passed over. */
  chunks: WeightedChunk[];
  /** How many words of them are added; usually 20. */
  terms: number;
  /** Share of the added words in the query, 0 to 1; usually 0.3. */
  weight: number;
}

/**
 * What a first look found good for a query, and what it found half good: together they say better than its few words where
 * its meaning lies. Unknown chunks, and those of another dimension, are passed over.
 */
export interface Refinement {
  /** The query's direction. */
  vector: Float32Array;
  /** Weights are positive. */
  near: WeightedChunk[];
  /** Share of the good chunks in the new direction, 0 to 1. */
  share: number;
  /** Ids of chunks that it leads away from, all alike. */
  far: string[];
  /** How much of their direction is taken off, 0 to 1. */
  repulsion: number;
}

export interface RetrieverQuery {
  /** 1 to 50 bases. Statistics of words (BM25) are taken over all of them. */
  scopes: SearchScope[];
  /** Words for the keyword retriever; absent for semantic search alone. */
  text?: string;
  /** Direction for the vector retriever; absent for keyword search alone. */
  vector?: Float32Array;
  /** Candidates of each retriever, 1 to 1,000. */
  window: number;
  /** Holds in both retrievers, before their windows are cut. */
  filter?: MetadataFilter;
  /** Weights of the fields in the keyword score, 0 to 10; what is absent weighs 1. */
  fieldWeights?: Partial<Record<SearchedField, number>>;
  feedback?: FeedbackRequest;
  /** Chunks to score as well, whatever their place; they appear in `named`. */
  named?: string[];
}

/** A chunk that one of the retrievers returned. Both scores are given whenever the query had both sides. */
export interface SearchCandidate {
  id: string;
  knowledgeBaseId: string;
  documentId: string;
  revision: number;
  generation: number;
  position: number;
  /** Cosine similarity, -1 to 1; null without `vector`. */
  cosine: number | null;
  /** BM25, 0 or more; null without `text`. */
  bm25: number | null;
  /** Place among the vector retriever's, from 1; null when it did not return the chunk. */
  vectorRank: number | null;
  /** Place among the keyword retriever's, from 1; null when it did not return the chunk. */
  keywordRank: number | null;
}

/** What the index says of a chunk that was asked for by name. Ranks are exact, also outside the windows. */
export interface NamedChunk extends SearchCandidate {
  /** `seen`, or why no retriever could return it. */
  state: 'seen' | 'not_indexed' | 'later_generation' | 'filtered';
}

export interface RetrieverAnswer {
  /** Each once; first those of the vector retriever by rank, then the others of the keyword retriever. */
  candidates: SearchCandidate[];
  /** Chunks that scope and filter left. */
  searched: number;
  /** Words that were searched, stemmed, with their weights; with feedback also the added ones. */
  terms: { term: string; weight: number }[];
  /** Fields of the filter that nothing in the scopes has, each once. */
  unknownFields: string[];
  /** For `named`, in its order. */
  named: NamedChunk[];
}

export interface IndexStatistics {
  chunks: number;
  /** Null while the base is empty. */
  dimension: number | null;
}

export interface SearchIndex {
  /**
   * Inserts or replaces by id; searchable, and safe from a kill, when it resolves. A batch is taken whole or not at all.
   * @throws DomainError `validation_failed` for a vector whose length is not the base's dimension or that is not finite,
   *   `storage_full`, `not_ready` when the index cannot be reached
   */
  put(
    tenant: string,
    base: Pick<KnowledgeBaseRecord, 'id' | 'embeddingModel' | 'dimension'>,
    chunks: IndexedChunk[],
  ): Promise<void>;
  /** Unknown ids are passed over. */
  remove(tenant: string, knowledgeBaseId: string, chunkIds: string[]): Promise<void>;
  /** Everything of a base. */
  removeBase(tenant: string, knowledgeBaseId: string): Promise<void>;
  /**
   * Both retrievers in one call. A base that the index does not know is an empty one. Chunks of another dimension than the
   * query's vector (a refresh with another model is being built) are found by words only, their `cosine` is 0.
   * @throws DomainError `validation_failed` for a bad query, the abort reason when aborted
   */
  search(tenant: string, query: RetrieverQuery, signal?: AbortSignal): Promise<RetrieverAnswer>;
  /** Unit vectors of chunks of a base, null for unknown ones; for diversity (MMR). */
  vectors(tenant: string, knowledgeBaseIds: string[], chunkIds: string[]): Promise<(Float32Array | null)[]>;
  /**
   * Cosines of chunks to a refined direction (`refinedDirection`); null for unknown chunks and other dimensions.
   */
  refine(
    tenant: string,
    knowledgeBaseIds: string[],
    refinement: Refinement,
    chunkIds: string[],
  ): Promise<(number | null)[]>;
  /** What is there; a count that differs from the store's says that the base has to be filled again. */
  statistics(tenant: string, knowledgeBaseId: string): Promise<IndexStatistics>;
  status(): { status: 'ok' | 'degraded' | 'down'; backend: string; detail?: string };
  close(): Promise<void>;
}

/** The fields that a filter names, each once. */
export function fieldsOf(filter: MetadataFilter | undefined): string[] {
  if (!filter) return [];
  if (filter.kind === 'field') return [filter.field];
  const inner = filter.kind === 'not' ? [filter.filter] : filter.filters;
  return [...new Set(inner.flatMap(fieldsOf))];
}

/** Headings of a chunk that are searched as a field of their own: the title has one already. */
export function searchedHeadings(metadata: JsonValue, title: string): string {
  const { headings } = (metadata ?? {}) as JsonObject;
  if (!Array.isArray(headings)) return '';
  return headings.filter((one): one is string => typeof one === 'string' && one !== title).join('\n');
}

/**
 * Relevance feedback on vectors (Rocchio 1971; Li et al., Pseudo Relevance Feedback with Deep Language Models and Dense
 * Retrievers, ACM TOIS 2023): (1 - share) x query + share x weighted mean of the good chunks - repulsion x mean of the far
 * ones, all of unit length.
 * @param vectorOf unit vector of a chunk; undefined for one that is not there. Without any good chunk the direction is the
 *   query's
 */
export function refinedDirection(
  { vector, near, share, far, repulsion }: Refinement,
  vectorOf: (chunkId: string) => Float32Array | null | undefined,
): Float32Array {
  const query = unit(vector);
  const good = centreOf(near, vector.length, vectorOf);
  if (!good) return query;
  const bad = centreOf(
    far.map((chunkId) => ({ chunkId, weight: 1 })),
    vector.length,
    vectorOf,
  );
  return unit(
    query.map(
      (value, index) => (1 - share) * value + share * good[index]! - (bad ? repulsion * bad[index]! : 0),
    ),
  );
}

/** Weighted mean of unit length; undefined without a chunk of the dimension. */
function centreOf(
  chunks: WeightedChunk[],
  dimension: number,
  vectorOf: (chunkId: string) => Float32Array | null | undefined,
): Float32Array | undefined {
  const mean = new Float32Array(dimension);
  let known = 0;
  for (const { chunkId, weight } of chunks) {
    const vector = vectorOf(chunkId);
    if (vector?.length !== dimension) continue;
    known++;
    for (let index = 0; index < dimension; index++) mean[index]! += weight * vector[index]!;
  }
  return known === 0 ? undefined : unit(mean);
}
