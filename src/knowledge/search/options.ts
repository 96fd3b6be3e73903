import { invalid, throwIfInvalid } from '../../errors';
import type { JsonValue } from '../../ports/records';
import { SEARCHED_FIELDS, type SearchedField } from '../../ports/search';
import { Complaints } from '../complaints';
import { KNOWLEDGE_LIMITS } from '../limits';
import { type MetadataFilter, parseMetadataFilter } from '../metadata-filter';

export const SEARCH_TYPES = ['semantic', 'keyword', 'hybrid'] as const;
export type SearchType = (typeof SEARCH_TYPES)[number];
export const FUSIONS = ['convex', 'rrf'] as const;
export type Fusion = (typeof FUSIONS)[number];

/** How many of the best a model reranks. */
export const RERANKED = 20;
/** Diversity chooses among so many times the limit, and at least so many. */
const DIVERSITY_FACTOR = 3;
const LEAST_DIVERSITY = 50;
export const diversityPool = (limit: number): number => Math.max(LEAST_DIVERSITY, DIVERSITY_FACTOR * limit);

/** What a request may say of a search; null is the same as absent. */
export interface SearchFields {
  limit?: number | null;
  searchType?: SearchType | null;
  vectorWeight?: number | null;
  keywordWeight?: number | null;
  alpha?: number | null;
  fusion?: Fusion | null;
  rrfK?: number | null;
  metadataFilters?: JsonValue;
  similarityThreshold?: number | null;
  enableMmr?: boolean | null;
  mmrLambda?: number | null;
  enableSurroundingChunks?: boolean | null;
  neighboringChunksCount?: number | null;
  enableQueryRewrite?: boolean | null;
  enableQueryExpansion?: boolean | null;
  enableHyde?: boolean | null;
  enableRerank?: boolean | null;
  freshnessBoost?: number | null;
  freshnessHalfLifeDays?: number | null;
  titleAlpha?: number | null;
  fieldAlphas?: JsonValue;
  explain?: boolean | null;
  explainChunkIds?: string[] | null;
}

/** The same with every default filled in. */
export interface SearchOptions {
  limit: number;
  searchType: SearchType;
  /** Share of the vector score in a hybrid, 0 to 1. */
  alpha: number;
  fusion: Fusion;
  rrfK: number;
  filter: MetadataFilter | undefined;
  similarityThreshold: number;
  enableMmr: boolean;
  mmrLambda: number;
  neighbours: number;
  enableQueryRewrite: boolean;
  enableQueryExpansion: boolean;
  enableHyde: boolean;
  enableRerank: boolean;
  /** 0 for none. */
  freshnessBoost: number;
  freshnessHalfLifeDays: number;
  /** 0 for none. */
  titleAlpha: number;
  /** Weights of `content`, `title`, `headings` in the keyword score. */
  fieldAlphas: Record<SearchedField, number>;
  explain: boolean;
  explainChunkIds: string[];
}

/** What holds where a request says nothing; served by `search-defaults`. */
export const SEARCH_DEFAULTS = {
  limit: 10,
  searchType: 'hybrid',
  fusion: 'convex',
  vectorWeight: 0.5,
  keywordWeight: 0.5,
  rrfK: 60,
  similarityThreshold: 0,
  enableMmr: false,
  mmrLambda: 0.5,
  enableSurroundingChunks: false,
  neighboringChunksCount: 0,
  enableQueryRewrite: false,
  enableQueryExpansion: false,
  enableHyde: false,
  enableRerank: false,
  freshnessBoost: 0,
  freshnessHalfLifeDays: 30,
  titleAlpha: 0,
} as const;

/** Neighbours where `enable_surrounding_chunks` says that some are wanted and not how many. */
const SURROUNDING = 1;
const EXPLAINED_CHUNKS = 50;

/** @throws DomainError `validation_failed` naming every bad field */
export function acceptSearch(query: string, fields: SearchFields): SearchOptions {
  const complaints = new Complaints();
  if (query.trim() === '') complaints.add('query', 'must not be empty');
  complaints.text('query', query, KNOWLEDGE_LIMITS.queryCharacters);
  checkNumbers(fields, complaints);
  complaints.oneOf('search_type', fields.searchType, SEARCH_TYPES);
  complaints.oneOf('fusion', fields.fusion, FUSIONS);
  const { vectorWeight, keywordWeight } = fields;
  if ((vectorWeight ?? SEARCH_DEFAULTS.vectorWeight) + (keywordWeight ?? SEARCH_DEFAULTS.keywordWeight) <= 0)
    complaints.add('vector_weight', 'must not be 0 together with keyword_weight');
  if ((fields.explainChunkIds?.length ?? 0) > EXPLAINED_CHUNKS)
    complaints.add('explain_chunk_ids', `must be at most ${EXPLAINED_CHUNKS}`);
  complaints.throwIfAny();
  const given = withoutNulls(fields);
  const merged = { ...SEARCH_DEFAULTS, ...given };
  return {
    limit: merged.limit,
    searchType: merged.searchType,
    alpha: vectorShare(fields),
    fusion: fields.fusion ?? (given.rrfK === undefined ? SEARCH_DEFAULTS.fusion : 'rrf'),
    rrfK: merged.rrfK,
    filter: parseMetadataFilter(fields.metadataFilters, 'metadata_filters'),
    similarityThreshold: merged.similarityThreshold,
    enableMmr: merged.enableMmr,
    mmrLambda: merged.mmrLambda,
    neighbours: merged.neighboringChunksCount || (merged.enableSurroundingChunks ? SURROUNDING : 0),
    enableQueryRewrite: merged.enableQueryRewrite,
    enableQueryExpansion: merged.enableQueryExpansion,
    enableHyde: merged.enableHyde,
    enableRerank: merged.enableRerank,
    freshnessBoost: merged.freshnessBoost,
    freshnessHalfLifeDays: merged.freshnessHalfLifeDays,
    titleAlpha: merged.titleAlpha,
    fieldAlphas: fieldAlphasOf(fields.fieldAlphas),
    explain: given.explain ?? (given.explainChunkIds?.length ?? 0) > 0,
    explainChunkIds: given.explainChunkIds ?? [],
  };
}

const SHARE = { min: 0, max: 1 };
const RANGES: Partial<
  Record<keyof SearchFields, { path: string; min: number; max: number; whole?: boolean }>
> = {
  limit: { path: 'limit', min: 1, max: KNOWLEDGE_LIMITS.resultsAtMost, whole: true },
  vectorWeight: { path: 'vector_weight', ...SHARE },
  keywordWeight: { path: 'keyword_weight', ...SHARE },
  alpha: { path: 'alpha', ...SHARE },
  rrfK: { path: 'rrf_k', min: 0.001, max: 10_000 },
  similarityThreshold: { path: 'similarity_threshold', min: -1, max: 1 },
  mmrLambda: { path: 'mmr_lambda', ...SHARE },
  neighboringChunksCount: {
    path: 'neighboring_chunks_count',
    min: 0,
    max: KNOWLEDGE_LIMITS.neighbours,
    whole: true,
  },
  freshnessBoost: { path: 'freshness_boost', ...SHARE },
  freshnessHalfLifeDays: { path: 'freshness_half_life_days', min: 0.01, max: 36_500 },
  titleAlpha: { path: 'title_alpha', ...SHARE },
};

function checkNumbers(fields: SearchFields, complaints: Complaints): void {
  for (const [key, { path, ...bounds }] of Object.entries(RANGES))
    complaints.range(path, fields[key as keyof SearchFields] as number | null | undefined, bounds);
}

/** `alpha` wins; the weights are shares of their sum. */
function vectorShare({ alpha, vectorWeight, keywordWeight }: SearchFields): number {
  if (alpha !== undefined && alpha !== null) return alpha;
  // One weight alone says the other: what is left of 1.
  const vector =
    vectorWeight ?? (keywordWeight === undefined || keywordWeight === null ? 0.5 : 1 - keywordWeight);
  const keyword = keywordWeight ?? 1 - vector;
  return vector + keyword === 0 ? SEARCH_DEFAULTS.vectorWeight : vector / (vector + keyword);
}

/** Titles and headings are in the content, too: what they add is half of what they say there. */
const FIELD_ALPHAS: Record<SearchedField, number> = { content: 1, title: 0.5, headings: 0.5 };
const MAX_FIELD_ALPHA = 10;

function fieldAlphasOf(value: JsonValue | undefined): Record<SearchedField, number> {
  if (value === undefined || value === null) return FIELD_ALPHAS;
  if (typeof value !== 'object' || Array.isArray(value))
    throw invalid('field_alphas', 'must be an object of weights');
  for (const [field, weight] of Object.entries(value)) {
    if (!Object.hasOwn(FIELD_ALPHAS, field))
      throw invalid(`field_alphas.${field}`, `is no searched field; there are ${SEARCHED_FIELDS.join(', ')}`);
    if (typeof weight !== 'number' || !(weight >= 0 && weight <= MAX_FIELD_ALPHA))
      throw invalid(`field_alphas.${field}`, `must be a number between 0 and ${MAX_FIELD_ALPHA}`);
  }
  return { ...FIELD_ALPHAS, ...value };
}

type Given<T> = { [Key in keyof T]?: NonNullable<T[Key]> };

const withoutNulls = <T extends object>(value: T): Given<T> =>
  Object.fromEntries(
    Object.entries(value).filter(([, item]) => item !== null && item !== undefined),
  ) as Given<T>;

const TYPES: Record<string, 'number' | 'boolean' | 'string' | 'json' | 'strings'> = {
  limit: 'number',
  search_type: 'string',
  vector_weight: 'number',
  keyword_weight: 'number',
  alpha: 'number',
  fusion: 'string',
  rrf_k: 'number',
  metadata_filters: 'json',
  similarity_threshold: 'number',
  enable_mmr: 'boolean',
  mmr_lambda: 'number',
  enable_surrounding_chunks: 'boolean',
  neighboring_chunks_count: 'number',
  enable_query_rewrite: 'boolean',
  enable_query_expansion: 'boolean',
  enable_hyde: 'boolean',
  enable_rerank: 'boolean',
  freshness_boost: 'number',
  freshness_half_life_days: 'number',
  title_alpha: 'number',
  field_alphas: 'json',
  explain: 'boolean',
  explain_chunk_ids: 'strings',
};

/**
 * Search fields out of free-form JSON (`retrieval_options` of a chat, arguments of a tool).
 * @throws DomainError `validation_failed` for unknown fields and wrong types
 */
export function searchFieldsOf(value: JsonValue | undefined, path: string): SearchFields {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw invalid(path, 'must be an object of search fields');
  const errors = Object.entries(value).flatMap(([name, item]) => {
    const type = TYPES[name];
    if (!type) return [{ path: `${path}.${name}`, message: 'is no search field' }];
    return fitsType(type, item) ? [] : [{ path: `${path}.${name}`, message: `must be of type ${type}` }];
  });
  throwIfInvalid(errors);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      item,
    ]),
  );
}

function fitsType(type: string, value: JsonValue | undefined): boolean {
  if (value === null || value === undefined || type === 'json') return true;
  if (type === 'strings') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  return typeof value === type;
}
