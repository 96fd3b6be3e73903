import { FUSIONS, SEARCH_TYPES } from '../src/knowledge/search/options';
import type {
  ChunkExplanation as ChunkExplanationData,
  Highlight as HighlightData,
  Neighbour as NeighbourData,
  ResultExplanation as ResultExplanationData,
  ResultScores as ResultScoresData,
  SearchAnswer as SearchAnswerData,
  SearchMetadata as SearchMetadataData,
  SearchResult as SearchResultData,
} from '../src/knowledge/search/types';
import type { InputFieldBuilder } from '@pothos/core';
import { builder, type SchemaTypes } from './builder';

export const SearchType = builder.enumType('KnowledgeSearchType', {
  description: 'How chunks are found.',
  values: {
    SEMANTIC: { value: SEARCH_TYPES[0], description: 'By the meaning: cosine similarity of embeddings.' },
    KEYWORD: { value: SEARCH_TYPES[1], description: 'By the words: BM25.' },
    HYBRID: { value: SEARCH_TYPES[2], description: 'By both, fused.' },
  } as const,
});

export const Fusion = builder.enumType('KnowledgeFusion', {
  description: 'How the two scores of a hybrid search become one.',
  values: {
    CONVEX: { value: FUSIONS[0], description: 'Weighted sum of normalised scores.' },
    RRF: { value: FUSIONS[1], description: 'Weighted reciprocal ranks.' },
  } as const,
});

const Scores = builder.objectRef<ResultScoresData>('KnowledgeScores').implement({
  description: 'Scores of a result at each stage.',
  fields: (t) => ({
    vector: t.exposeFloat('vector', {
      nullable: true,
      description:
        'Cosine similarity, -1 to 1; in a convex hybrid to where the best of both retrievers say that the meaning lies.',
    }),
    keyword: t.exposeFloat('keyword', { nullable: true, description: 'BM25, 0 or more.' }),
    fused: t.exposeFloat('fused', { description: 'Both together, before boosts.' }),
    rerank: t.exposeFloat('rerank', { nullable: true, description: "The reranking model's, 0 to 1." }),
  }),
});

const Neighbour = builder.objectRef<NeighbourData>('KnowledgeNeighbour').implement({
  description: 'A chunk beside a result.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the chunk.' }),
    chunkIndex: t.exposeInt('chunkIndex', { description: 'Place in the document, from 0.' }),
    content: t.exposeString('content', { description: 'The passage.' }),
  }),
});

const Highlight = builder.objectRef<HighlightData>('KnowledgeHighlight').implement({
  description: 'A stretch of the content that holds words of the query.',
  fields: (t) => ({
    text: t.exposeString('text', { description: 'The stretch.' }),
    start: t.exposeInt('start', { description: 'Where it begins in the content.' }),
    end: t.exposeInt('end', { description: 'Where it ends, exclusive.' }),
  }),
});

const Explanation = builder.objectRef<ResultExplanationData>('KnowledgeResultExplanation').implement({
  description: 'How a result came to its place; ranks are from 1.',
  fields: (t) => ({
    vectorRank: t.exposeInt('vectorRank', {
      nullable: true,
      description: 'Place by meaning; null when not found so.',
    }),
    keywordRank: t.exposeInt('keywordRank', {
      nullable: true,
      description: 'Place by words; null when not found so.',
    }),
    queryVector: t.exposeFloat('queryVector', {
      nullable: true,
      description: 'Cosine similarity to the query itself; `scores.vector` of a convex hybrid is refined.',
    }),
    fusedRank: t.exposeInt('fusedRank', { description: 'Place after fusion.' }),
    titleMatch: t.exposeFloat('titleMatch', {
      description: 'Share of the words of the query that the title has.',
    }),
    freshness: t.exposeFloat('freshness', {
      description: '1 for a document of now, halved with every half-life.',
    }),
    boostedRank: t.exposeInt('boostedRank', { description: 'Place after reranking and boosts.' }),
    finalRank: t.exposeInt('finalRank', { description: 'Place in the answer.' }),
  }),
});

const Result = builder.objectRef<SearchResultData>('KnowledgeSearchResult').implement({
  description: 'A passage that was found.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the chunk.' }),
    knowledgeBaseId: t.exposeID('knowledgeBaseId', { description: 'Its base.' }),
    documentId: t.exposeID('documentId', { description: 'Its document.' }),
    sourceFile: t.exposeString('sourceFile', { description: 'Name of its file.' }),
    title: t.exposeString('title', { description: 'Title of its document.' }),
    content: t.exposeString('content', { description: 'The passage.' }),
    chunkIndex: t.exposeInt('chunkIndex', { description: 'Place in the document, from 0.' }),
    start: t.exposeInt('start', { description: "Where it begins in the document's text." }),
    end: t.exposeInt('end', { description: 'Where it ends, exclusive.' }),
    score: t.exposeFloat('score', { description: 'What the order is by, unless diversity changed it.' }),
    scores: t.field({ type: Scores, description: 'Scores at each stage.', resolve: (row) => row.scores }),
    metadata: t.field({
      type: 'JSON',
      description: 'Of document and passage.',
      resolve: (row) => row.metadata ?? {},
    }),
    neighbors: t.field({
      type: [Neighbour],
      nullable: true,
      description: 'Chunks beside it, where they were asked for.',
      resolve: (row) => row.neighbors,
    }),
    highlights: t.field({
      type: [Highlight],
      description: 'Stretches with words of the query.',
      resolve: (row) => row.highlights,
    }),
    explanation: t.field({
      type: Explanation,
      nullable: true,
      description: 'How it came to its place, where `explain` was asked for.',
      resolve: (row) => row.explanation,
    }),
  }),
});

const ChunkExplanation = builder.objectRef<ChunkExplanationData>('KnowledgeChunkExplanation').implement({
  description: 'Where a named chunk stands, or why it is missing.',
  fields: (t) => ({
    chunkId: t.exposeID('chunkId', { description: 'The chunk.' }),
    stage: t.exposeString('stage', {
      description:
        '`returned`, or what it did not survive: `not_found`, `not_searched`, `filter`, `candidates`, `threshold`, `diversity`, `limit`.',
    }),
    reason: t.exposeString('reason', { description: 'The same in a sentence.' }),
    vectorScore: t.exposeFloat('vectorScore', { nullable: true, description: 'Cosine similarity.' }),
    keywordScore: t.exposeFloat('keywordScore', { nullable: true, description: 'BM25.' }),
    vectorRank: t.exposeInt('vectorRank', { nullable: true, description: 'Place by meaning.' }),
    keywordRank: t.exposeInt('keywordRank', { nullable: true, description: 'Place by words.' }),
    refinedScore: t.exposeFloat('refinedScore', {
      nullable: true,
      description: 'Cosine similarity after refinement, which a convex hybrid fuses.',
    }),
    fusedRank: t.exposeInt('fusedRank', { nullable: true, description: 'Place after fusion.' }),
    fusedScore: t.exposeFloat('fusedScore', { nullable: true, description: 'Score after fusion.' }),
  }),
});

const SearchMetadata = builder.objectRef<SearchMetadataData>('KnowledgeSearchMetadata').implement({
  description: 'How a search was done.',
  fields: (t) => ({
    tookMs: t.exposeFloat('tookMs', { description: 'Milliseconds.' }),
    searchType: t.field({
      type: SearchType,
      description: 'How chunks were found.',
      resolve: (row) => row.searchType,
    }),
    fusion: t.exposeString('fusion', {
      nullable: true,
      description: '`convex` or `rrf`; null without fusion.',
    }),
    candidates: t.exposeInt('candidates', { description: 'Chunks that were ranked.' }),
    embeddingModel: t.exposeString('embeddingModel', {
      description: 'The model of the vectors; several joined by a comma.',
    }),
    rewrittenQuery: t.exposeString('rewrittenQuery', {
      nullable: true,
      description: 'The query as a model put it.',
    }),
    expandedQueries: t.stringList({
      nullable: true,
      description: 'Further queries, or terms, that were searched with it.',
      resolve: (row) => row.expandedQueries,
    }),
    notes: t.stringList({
      description:
        'What was asked for and could not be done: fields of a filter that no document has, a query without a word.',
      resolve: (row) => row.notes,
    }),
  }),
});

export const SearchAnswer = builder.objectRef<SearchAnswerData>('KnowledgeSearchAnswer').implement({
  description: 'Passages, best first.',
  fields: (t) => ({
    documents: t.field({ type: [Result], description: 'The passages.', resolve: (row) => row.documents }),
    totalResults: t.exposeInt('totalResults', { description: 'How many there are here.' }),
    searchMetadata: t.field({
      type: SearchMetadata,
      description: 'How it was done.',
      resolve: (row) => row.searchMetadata,
    }),
    explanations: t.field({
      type: [ChunkExplanation],
      nullable: true,
      description: 'For the chunks that the request names.',
      resolve: (row) => row.explanations,
    }),
  }),
});

const SearchDefaults = builder
  .objectRef<typeof import('../src/knowledge/search/options').SEARCH_DEFAULTS>('KnowledgeSearchDefaults')
  .implement({
    description: 'What holds where a search says nothing.',
    fields: (t) => ({
      limit: t.exposeInt('limit', { description: 'Passages at most.' }),
      searchType: t.field({
        type: SearchType,
        description: 'How chunks are found.',
        resolve: (row) => row.searchType,
      }),
      fusion: t.field({ type: Fusion, description: 'How scores are fused.', resolve: (row) => row.fusion }),
      vectorWeight: t.exposeFloat('vectorWeight', { description: 'Share of the meaning.' }),
      keywordWeight: t.exposeFloat('keywordWeight', { description: 'Share of the words.' }),
      rrfK: t.exposeFloat('rrfK', { description: 'Constant of reciprocal rank fusion.' }),
      similarityThreshold: t.exposeFloat('similarityThreshold', { description: 'Least score.' }),
      enableMmr: t.exposeBoolean('enableMmr', { description: 'Prefers passages that differ.' }),
      mmrLambda: t.exposeFloat('mmrLambda', {
        description: '1 for relevance alone, 0 for difference alone.',
      }),
      enableSurroundingChunks: t.exposeBoolean('enableSurroundingChunks', {
        description: 'Adds neighbours.',
      }),
      neighboringChunksCount: t.exposeInt('neighboringChunksCount', {
        description: 'Neighbours on each side.',
      }),
      enableQueryRewrite: t.exposeBoolean('enableQueryRewrite', {
        description: 'Has a model put the query better.',
      }),
      enableQueryExpansion: t.exposeBoolean('enableQueryExpansion', {
        description: 'Searches related queries or terms too.',
      }),
      enableHyde: t.exposeBoolean('enableHyde', {
        description: 'Searches with an answer that a model imagines.',
      }),
      enableRerank: t.exposeBoolean('enableRerank', { description: 'Has a model order the best again.' }),
      freshnessBoost: t.exposeFloat('freshnessBoost', { description: 'Weight of youth.' }),
      freshnessHalfLifeDays: t.exposeFloat('freshnessHalfLifeDays', { description: 'Age that halves it.' }),
      titleAlpha: t.exposeFloat('titleAlpha', { description: 'Weight of the title.' }),
    }),
  });
export { SearchDefaults };

type Fields = InputFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, 'InputObject'>;

/** What every search may say. */
export const searchFields = (t: Fields) => ({
  limit: t.int({ description: 'Passages at most, 1 to 100.' }),
  searchType: t.field({ type: SearchType, description: 'How chunks are found.' }),
  vectorWeight: t.float({ description: 'Share of the meaning in a hybrid, 0 to 1.' }),
  keywordWeight: t.float({ description: 'Share of the words in a hybrid, 0 to 1.' }),
  alpha: t.float({ description: 'Share of the meaning, 0 to 1; wins over the weights.' }),
  fusion: t.field({ type: Fusion, description: 'How scores are fused; `rrfK` alone chooses `RRF`.' }),
  rrfK: t.float({ description: 'Constant of reciprocal rank fusion, above 0.' }),
  metadataFilters: t.field({
    type: 'JSON',
    description:
      '`{field: value}` or `{field: {eq|ne|in|nin|gt|gte|lt|lte|contains|exists: value}}`, with `and`, `or`, `not`.',
  }),
  similarityThreshold: t.float({ description: 'Drops passages with a smaller score, after fusion.' }),
  enableMmr: t.boolean({ description: 'Prefers passages that differ from those before.' }),
  mmrLambda: t.float({ description: '1 for relevance alone, 0 for difference alone.' }),
  enableSurroundingChunks: t.boolean({
    description: 'Adds one neighbour on each side, or as many as are said.',
  }),
  neighboringChunksCount: t.int({ description: 'Neighbours on each side, 0 to 10.' }),
  enableQueryRewrite: t.boolean({ description: 'Has a model put the query better.' }),
  enableQueryExpansion: t.boolean({
    description: 'Searches related queries too; without a model, terms of the best passages.',
  }),
  enableHyde: t.boolean({ description: 'Searches with an answer that a model imagines.' }),
  enableRerank: t.boolean({ description: 'Has a model order the best again.' }),
  freshnessBoost: t.float({ description: 'Favours younger documents, 0 to 1.' }),
  freshnessHalfLifeDays: t.float({ description: 'Age in days that halves the boost.' }),
  titleAlpha: t.float({ description: 'Favours documents whose title has words of the query, 0 to 1.' }),
  fieldAlphas: t.field({
    type: 'JSON',
    description: 'Weights of `content`, `title` and `headings` in the keyword score, 0 to 10.',
  }),
  explain: t.boolean({ description: 'Says how each result came to its place.' }),
  explainChunkIds: t.idList({ description: 'Chunks to say of where they stand or why they are missing.' }),
});

export const KnowledgeSearchInput = builder.inputType('KnowledgeSearchInput', {
  description: 'A search; what is absent has its default (`knowledgeSearchDefaults`).',
  fields: (t) => ({
    knowledgeBaseIds: t.idList({ required: true, description: 'Bases to search, 1 to 50, by id or name.' }),
    query: t.string({ required: true, description: 'What is looked for, at most 20,000 characters.' }),
    ...searchFields(t),
  }),
});
