import type { Scored } from './types';

/**
 * Maximal marginal relevance (Carbonell, Goldstein, SIGIR 1998): picks one after the other the candidate with the highest
 * lambda x relevance - (1 - lambda) x highest cosine to those picked already.
 * Relevance is the score, min-max normalised over the list, so that lambda weighs like with like.
 * @param ranked  best first
 * @param options.lambda  1 keeps the order, 0 looks for difference alone
 * @param options.limit   how many are picked
 * @param options.vectors unit vector of each entry; null where there is none, which is like nothing
 * @throws RangeError when lambda is not in 0 to 1 or the vectors are not as many as the entries
 */
export function diversify<T>(
  ranked: Scored<T>[],
  { lambda, limit, vectors }: { lambda: number; limit: number; vectors: (Float32Array | null)[] },
): Scored<T>[] {
  if (!(lambda >= 0 && lambda <= 1)) throw new RangeError('lambda must be between 0 and 1');
  if (vectors.length !== ranked.length) throw new RangeError('every entry needs a vector or null');
  const relevance = normalised(ranked.map(({ score }) => score));
  const redundancy = ranked.map(() => 0);
  const left = new Set(ranked.keys());
  const picked: Scored<T>[] = [];
  while (picked.length < limit && left.size > 0) {
    const next = argMax(left, (index) => lambda * relevance[index]! - (1 - lambda) * redundancy[index]!);
    left.delete(next);
    picked.push(ranked[next]!);
    for (const index of left)
      redundancy[index] = Math.max(redundancy[index]!, cosine(vectors[index]!, vectors[next]!));
  }
  return picked;
}

function normalised(scores: number[]): number[] {
  const lowest = Math.min(...scores);
  const span = Math.max(...scores) - lowest;
  return scores.map((score) => (span === 0 ? 1 : (score - lowest) / span));
}

/** The first of the best: lists are best first, so that ties keep their order. */
function argMax(indexes: Iterable<number>, value: (index: number) => number): number {
  let best = -1;
  let highest = -Infinity;
  for (const index of indexes) {
    const current = value(index);
    if (current > highest || best < 0) [best, highest] = [index, current];
  }
  return best;
}

function cosine(one: Float32Array | null, other: Float32Array | null): number {
  if (!one || !other || one.length !== other.length) return 0;
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += one[index]! * other[index]!;
  return sum;
}
