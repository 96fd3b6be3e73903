import type { Refinement } from '../../ports/search';
import type { RankedCandidate, Scored } from './types';

/**
 * How much the best of a first fusion say of a query's meaning: 3 chunks, 0.75 of the direction. Chosen on two collections
 * (topical questions and known items): it gains on the first and loses nothing on the second.
 */
export const REFINEMENT = { chunks: 3, share: 0.75 } as const;

/** The chunks near which the meaning is sought, from a fused list, best first. */
export function nearestOf(ranked: Scored<RankedCandidate>[]): Refinement['near'] {
  return ranked
    .slice(0, REFINEMENT.chunks)
    .filter(({ score }) => score > 0)
    .map(({ candidate, score }) => ({ chunkId: candidate.id, weight: score }));
}
