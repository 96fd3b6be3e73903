import { byScore, type RankedCandidate, type Scored } from './types';

/**
 * Fuses by a convex combination of scores (Bruch, Gai, Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, ACM
 * TOIS 2023): alpha x cosine, min-max normalised over the candidates, + (1 - alpha) x BM25 / best BM25. BM25 keeps its
 * zero: a chunk without a word of the query gets nothing from it.
 * With one retriever alone its raw score is the score.
 * @param alpha share of the cosine, 0 to 1
 * @returns best first, scores 0 to 1 for a hybrid
 * @throws RangeError when alpha is not in 0 to 1
 */
export function fuseConvex<T extends RankedCandidate>(candidates: T[], alpha: number): Scored<T>[] {
  if (!(alpha >= 0 && alpha <= 1)) throw new RangeError('alpha must be between 0 and 1');
  const cosine = minMax(candidates.map((one) => one.cosine));
  const best = Math.max(0, ...candidates.map((one) => one.bm25 ?? 0));
  return byScore(
    candidates.map((candidate) => {
      const words = best === 0 ? 0 : (candidate.bm25 ?? 0) / best;
      return { candidate, score: alpha * cosine(candidate.cosine) + (1 - alpha) * words };
    }),
  );
}

/** Equal scores tell nothing apart: each counts in full. */
function minMax(scores: (number | null)[]): (score: number | null) => number {
  const known = scores.filter((score) => score !== null);
  const lowest = Math.min(...known);
  const span = Math.max(...known) - lowest;
  return (score) => (score === null ? 0 : span === 0 ? 1 : (score - lowest) / span);
}

/**
 * Fuses by weighted reciprocal rank: score(d) = sum_i w_i / (k + rank_i(d)), ranks from 1 (Cormack, Clarke, Buettcher,
 * SIGIR 2009). A candidate that a retriever did not return gets nothing from it.
 * @param options.k     rank constant, > 0; 60 unless the caller says
 * @param options.alpha weight of the vector retriever, 0 to 1; the keyword retriever has the rest
 * @returns best first
 * @throws RangeError when k <= 0 or alpha is not in 0 to 1
 */
export function fuseReciprocalRanks<T extends RankedCandidate>(
  candidates: T[],
  { alpha, k }: { alpha: number; k: number },
): Scored<T>[] {
  if (!(k > 0)) throw new RangeError('k must be above 0');
  if (!(alpha >= 0 && alpha <= 1)) throw new RangeError('alpha must be between 0 and 1');
  const share = (rank: number | null): number => (rank === null ? 0 : 1 / (k + rank));
  return byScore(
    candidates.map((candidate) => ({
      candidate,
      score: alpha * share(candidate.vectorRank) + (1 - alpha) * share(candidate.keywordRank),
    })),
  );
}

/** Ranks by one raw score alone; candidates that the retriever did not return are left out. */
export function rankBy<T extends RankedCandidate>(
  candidates: T[],
  retriever: 'vector' | 'keyword',
): Scored<T>[] {
  return byScore(
    candidates.flatMap((candidate) => {
      const rank = retriever === 'vector' ? candidate.vectorRank : candidate.keywordRank;
      const score = retriever === 'vector' ? candidate.cosine : candidate.bm25;
      return rank === null || score === null ? [] : [{ candidate, score }];
    }),
  );
}
