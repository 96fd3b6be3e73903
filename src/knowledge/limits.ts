/** Bounds of knowledge bases; forms and descriptions quote them. */
export const KNOWLEDGE_LIMITS = {
  nameCharacters: 200,
  descriptionCharacters: 5_000,
  tags: 50,
  tagCharacters: 100,
  chunkSize: { min: 50, max: 20_000 },
  overlap: { min: 0, max: 0.5 },
  crawlDepth: { min: 0, max: 5 },
  crawlPages: { min: 1, max: 500 },
  filesAtOnce: 100,
  goldenQueries: 100,
  queryCharacters: 20_000,
  basesInSearch: 50,
  resultsAtMost: 100,
  neighbours: 10,
} as const;

export const BASE_DEFAULTS = {
  chunkSize: 1_200,
  overlapPercentage: 0.15,
  chunkingStrategy: 'auto',
  /** What older clients send and expect back; where vectors live is the deployment's business. */
  vectorDbType: 'pgvector',
  maxCrawlDepth: 2,
  maxCrawlPages: 20,
} as const;

/** Values that clients of this API send; each is accepted and kept. */
export const VECTOR_DB_TYPES = [
  'pgvector',
  'elasticsearch',
  'opensearch',
  'embedded',
  'mongodb',
  'qdrant',
  'pinecone',
  'weaviate',
  'chroma',
] as const;
