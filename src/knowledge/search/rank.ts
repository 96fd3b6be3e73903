import { fuseConvex, fuseReciprocalRanks, type RankedCandidate, rankBy, type Scored } from '../ranking';
import type { SearchOptions } from './options';

/**
 * One list out of the two retrievers', best first. Scores: the cosine of a semantic search, else 0 to 1, reciprocal ranks
 * divided by the best that there can be, so that thresholds and boosts mean the same whatever the constant is.
 */
export function fuse<T extends RankedCandidate>(
  candidates: T[],
  { searchType, fusion, alpha, rrfK }: Pick<SearchOptions, 'searchType' | 'fusion' | 'alpha' | 'rrfK'>,
): Scored<T>[] {
  if (searchType === 'semantic') return rankBy(candidates, 'vector');
  if (searchType === 'keyword') return fuseConvex(candidates, 0);
  if (fusion === 'convex') return fuseConvex(candidates, alpha);
  return fuseReciprocalRanks(candidates, { alpha, k: rrfK }).map(({ candidate, score }) => ({
    candidate,
    score: score * (rrfK + 1),
  }));
}
