import { byScore, type Scored } from './types';

const DAY_MS = 86_400_000;

/**
 * Freshness of a chunk: 0.5 ^ (age / half-life), 1 for one of now or later.
 * @param age in milliseconds
 * @param halfLifeDays after how many days it is worth half, > 0
 * @throws RangeError when halfLifeDays <= 0
 */
export function freshness(ageMs: number, halfLifeDays: number): number {
  if (!(halfLifeDays > 0)) throw new RangeError('the half-life must be above 0');
  return 0.5 ** (Math.max(0, ageMs) / DAY_MS / halfLifeDays);
}

/**
 * Share of the query's words that the title has.
 * @param words  the query's words, as the title's: in one form (folded, stemmed)
 * @returns 0 to 1; 0 for a query without words
 */
export function titleMatch(words: Iterable<string>, titleWords: Iterable<string>): number {
  const wanted = new Set(words);
  if (wanted.size === 0) return 0;
  const present = new Set(titleWords);
  return [...wanted].filter((word) => present.has(word)).length / wanted.size;
}

/**
 * Mixes a second opinion into the scores: (1 - weight) x score + weight x opinion, ordered anew. Scores of a hybrid are 0
 * to 1, and so must opinions be.
 * @param weight 0 to 1; 0 changes nothing
 */
export function mixIn<T extends { id: string }>(
  ranked: Scored<T>[],
  weight: number,
  opinion: (candidate: T) => number,
): Scored<T>[] {
  if (!(weight >= 0 && weight <= 1)) throw new RangeError('weight must be between 0 and 1');
  if (weight === 0) return ranked;
  return byScore(
    ranked.map(({ candidate, score }) => ({
      candidate,
      score: (1 - weight) * score + weight * opinion(candidate),
    })),
  );
}
