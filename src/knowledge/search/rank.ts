import type { SearchCandidate } from '../../ports/search';
import type { SearchOptions } from './options';

const DAY_MS = 86_400_000;

/** What fusion looks at. */
export type Scored = Pick<SearchCandidate, 'id' | 'cosine' | 'bm25' | 'vectorRank' | 'keywordRank'>;

type FusionOptions = Pick<SearchOptions, 'searchType' | 'fusion' | 'alpha' | 'rrfK'>;

/** Scores by chunk id: the cosine of a semantic search, else 0 to 1. */
export function fuse(candidates: readonly Scored[], options: FusionOptions): Map<string, number> {
  const { searchType, fusion, alpha } = options;
  if (searchType === 'semantic') return scoresOf(candidates, ({ cosine }) => cosine ?? 0);
  const best = candidates.reduce((most, { bm25 }) => Math.max(most, bm25 ?? 0), 0);
  const keyword = ({ bm25 }: Scored): number => (best > 0 ? (bm25 ?? 0) / best : 0);
  if (searchType === 'keyword') return scoresOf(candidates, keyword);
  if (fusion === 'rrf') return reciprocalRanks(candidates, options);
  const vector = normalised(candidates.map(({ cosine }) => cosine ?? 0));
  return scoresOf(
    candidates,
    (candidate, index) => alpha * vector[index]! + (1 - alpha) * keyword(candidate),
  );
}

/**
 * Weighted reciprocal rank fusion: weight / (k + rank) summed over the lists (Cormack, Clarke, Buettcher, SIGIR 2009),
 * divided by the best sum there can be, so that thresholds mean the same whatever k is.
 */
function reciprocalRanks(candidates: readonly Scored[], { alpha, rrfK }: FusionOptions): Map<string, number> {
  const share = (weight: number, rank: number | null): number => (rank === null ? 0 : weight / (rrfK + rank));
  return scoresOf(
    candidates,
    ({ vectorRank, keywordRank }) => (share(alpha, vectorRank) + share(1 - alpha, keywordRank)) * (rrfK + 1),
  );
}

/** Min-max over the candidates; 1 for all when they are equal. */
function normalised(values: number[]): number[] {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return values.map((value) => (high > low ? (value - low) / (high - low) : 1));
}

const scoresOf = (
  candidates: readonly Scored[],
  score: (candidate: Scored, index: number) => number,
): Map<string, number> =>
  new Map(candidates.map((candidate, index) => [candidate.id, score(candidate, index)]));

/** `boost` for what was made now, half of it after `halfLifeDays`. */
export const freshness = (boost: number, halfLifeDays: number, ageMs: number): number =>
  boost * 0.5 ** (Math.max(0, ageMs) / DAY_MS / halfLifeDays);

/** Share of the query's words that the title has, 0 to 1. */
export function titleMatch(queryWords: ReadonlySet<string>, title: string): number {
  if (queryWords.size === 0) return 0;
  const words = wordsOf(title);
  return [...queryWords].filter((word) => words.has(word)).length / queryWords.size;
}

export const wordsOf = (text: string): Set<string> =>
  new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);

/**
 * Maximal marginal relevance (Carbonell, Goldstein, SIGIR 1998): takes one after the other what is relevant and unlike what
 * was taken, lambda x score - (1 - lambda) x the greatest cosine to those.
 * @param lambda 1 for relevance alone, 0 for difference alone
 */
export function diversify<T extends { score: number }>(
  ranked: readonly T[],
  vectorOf: (item: T) => Float32Array | null,
  lambda: number,
  limit: number,
): T[] {
  const rest = ranked.map((item) => ({ item, closest: 0 }));
  const taken: T[] = [];
  const value = ({ item, closest }: { item: T; closest: number }): number =>
    lambda * item.score - (1 - lambda) * closest;
  while (taken.length < limit && rest.length > 0) {
    let best = 0;
    for (let index = 1; index < rest.length; index++)
      if (value(rest[index]!) > value(rest[best]!)) best = index;
    const { item } = rest.splice(best, 1)[0]!;
    taken.push(item);
    const vector = vectorOf(item);
    for (const other of rest) other.closest = Math.max(other.closest, dot(vector, vectorOf(other.item)));
  }
  return taken;
}

/** The cosine of vectors of unit length; 0 where one is unknown. */
function dot(a: Float32Array | null, b: Float32Array | null): number {
  if (a?.length !== b?.length || !a || !b) return 0;
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
