import type { estypes } from '@elastic/elasticsearch';
import { isExtra, type RetrieverQuery, SEARCHED_FIELDS } from '../../ports/search';
import { FIELDS } from './mapping';
import { filterQuery } from './metadata';
import type { Corrections } from './rarity';

export type Query = estypes.QueryDslQueryContainer;

/** A word of the query, analysed, with its weight. */
export interface WeightedTerm {
  term: string;
  weight: number;
}

/** The server takes 1,024 conditions in a query; the words of a query beyond say little. */
const CONDITIONS_AT_MOST = 1_000;
/** Candidates that the graph is walked for beyond those returned: exactness for time. */
const OVERSAMPLING = 2;
const LEAST_OVERSAMPLED = 200;
const MOST_OVERSAMPLED = 10_000;

/** Tenant and bases, without regard to generations and filters. */
export const inBases = (tenant: string, scopes: RetrieverQuery['scopes']): Query[] => [
  { term: { tenant } },
  { terms: { knowledge_base_id: scopes.map(({ knowledgeBaseId }) => knowledgeBaseId) } },
];

/** What a query may see: holds inside both retrievers. */
export function visible(
  tenant: string,
  { scopes, filter }: Pick<RetrieverQuery, 'scopes' | 'filter'>,
): Query[] {
  const generations = new Map<number, string[]>();
  for (const { knowledgeBaseId, generation } of scopes)
    generations.set(generation, [...(generations.get(generation) ?? []), knowledgeBaseId]);
  const should = [...generations].map(([generation, ids]): Query => ({
    bool: { filter: [{ terms: { knowledge_base_id: ids } }, { range: { generation: { lte: generation } } }] },
  }));
  return [
    { term: { tenant } },
    { bool: { should, minimum_should_match: 1 } },
    ...(filter ? [filterQuery(filter)] : []),
  ];
}

/** BM25 of the words in each field, added by weight. */
export function keywordQuery(
  terms: WeightedTerm[],
  { fieldWeights, corrections }: { fieldWeights: RetrieverQuery['fieldWeights']; corrections?: Corrections },
  filter: Query[],
): Query | undefined {
  const fields = SEARCHED_FIELDS.map((field) => ({
    field: FIELDS[field],
    weight: fieldWeights?.[field] ?? 1,
  })).filter(({ weight }) => weight > 0);
  if (terms.length === 0 || fields.length === 0) return undefined;
  const should = [...terms]
    .sort((one, other) => other.weight - one.weight)
    .slice(0, Math.floor(CONDITIONS_AT_MOST / fields.length))
    .flatMap(({ term, weight }) => {
      if (isExtra(term)) return [{ term: { [FIELDS.extras]: { value: term, boost: weight } } }];
      return fields.map(({ field, weight: fieldWeight }): Query => {
        const boost = weight * fieldWeight * (corrections?.get(field)?.get(term) ?? 1);
        return { term: { [field]: { value: term, boost } } };
      });
    });
  return { bool: { should, minimum_should_match: 1, filter } };
}

export const knnQuery = (vector: Float32Array, window: number, filter: Query[]): estypes.KnnSearch => ({
  field: FIELDS.vector,
  query_vector: [...vector],
  k: window,
  num_candidates: Math.min(MOST_OVERSAMPLED, Math.max(LEAST_OVERSAMPLED, OVERSAMPLING * window)),
  filter,
});

/** Exact cosine of every chunk that fits, plus 1: scores of the server are not negative. */
export const cosineQuery = (vector: Float32Array, filter: Query[]): Query => ({
  script_score: {
    query: { bool: { filter: [...filter, { exists: { field: FIELDS.vector } }] } },
    script: {
      source: `dotProduct(params.vector, '${FIELDS.vector}') + 1.0`,
      params: { vector: [...vector] },
    },
  },
});

/** Cosine of a knn hit: the server gives (1 + cosine) / 2. */
export const cosineOfKnn = (score: number): number => 2 * score - 1;
export const cosineOfScript = (score: number): number => score - 1;
