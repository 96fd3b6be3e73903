import type { JsonValue } from '../../ports/records';
import type { SearchType } from './options';

/** Scores of a result at each stage; null for a stage that was not run. */
export interface ResultScores {
  /** Cosine similarity that was fused, -1 to 1: in a convex hybrid to where the best of both retrievers point. */
  vector: number | null;
  /** BM25, 0 or more. */
  keyword: number | null;
  fused: number;
  rerank: number | null;
}

/** How a result came to its place: ranks from 1, null for a stage that did not see it. */
export interface ResultExplanation {
  vectorRank: number | null;
  keywordRank: number | null;
  /** Cosine similarity to the query itself. */
  queryVector: number | null;
  fusedRank: number;
  /** Share of the query's words that the title has. */
  titleMatch: number;
  /** 1 for a document of now, halved with every half-life. */
  freshness: number;
  /** Place after reranking and boosts, before diversity. */
  boostedRank: number;
  finalRank: number;
}

export interface Neighbour {
  id: string;
  chunkIndex: number;
  content: string;
}

/** A stretch of the content that holds words of the query. */
export interface Highlight {
  text: string;
  /** UTF-16 offsets into the content. */
  start: number;
  end: number;
}

export interface SearchResult {
  id: string;
  knowledgeBaseId: string;
  documentId: string;
  sourceFile: string;
  title: string;
  content: string;
  chunkIndex: number;
  /** Offsets of the chunk in the text of its document. */
  start: number;
  end: number;
  score: number;
  scores: ResultScores;
  metadata: JsonValue;
  neighbors: Neighbour[] | null;
  highlights: Highlight[];
  explanation: ResultExplanation | null;
}

/** Where a named chunk got lost, or stands. */
export interface ChunkExplanation {
  chunkId: string;
  /** `returned`, or the stage that it did not survive. */
  stage:
    'returned' | 'not_found' | 'not_searched' | 'filter' | 'candidates' | 'threshold' | 'diversity' | 'limit';
  reason: string;
  vectorScore: number | null;
  keywordScore: number | null;
  vectorRank: number | null;
  keywordRank: number | null;
  refinedScore: number | null;
  fusedRank: number | null;
  fusedScore: number | null;
}

export interface SearchMetadata {
  tookMs: number;
  searchType: SearchType;
  fusion: string | null;
  candidates: number;
  embeddingModel: string;
  rewrittenQuery: string | null;
  expandedQueries: string[] | null;
  /** What was asked for and could not be done, in sentences. */
  notes: string[];
}

export interface SearchAnswer {
  documents: SearchResult[];
  totalResults: number;
  searchMetadata: SearchMetadata;
  /** For the chunks that the request names. */
  explanations: ChunkExplanation[] | null;
}
