import type { Refinement } from '../../ports/search';
import type { RankedCandidate, Scored } from './types';

/**
 * How much a first fusion says of a query's meaning: its 12 best chunks have 0.75 of the direction, the 28 after them are
 * taken off by 0.2. Chosen on four collections (topical questions on three, known items on one): what is a little more or
 * less makes no difference on any of them.
 */
export const REFINEMENT = { near: 12, share: 0.75, far: 28, repulsion: 0.2 } as const;

/** What of a refinement a fused list says. */
export type Lesson = Pick<Refinement, 'near' | 'far'>;

/**
 * Near are the best, by the square of their lead over the last of them: one clear answer speaks for itself, many that are
 * alike speak together. Far are those after them, which have something of the query and not what the best have.
 * @param ranked best first
 * @returns nothing near where no chunk leads
 */
export function lessonOf(ranked: Scored<RankedCandidate>[]): Lesson {
  const best = ranked.slice(0, REFINEMENT.near);
  const last = best.at(-1)?.score ?? 0;
  return {
    near: best
      .filter(({ score }) => score > last)
      .map(({ candidate, score }) => ({ chunkId: candidate.id, weight: (score - last) ** 2 })),
    far: ranked.slice(REFINEMENT.near, REFINEMENT.near + REFINEMENT.far).map(({ candidate }) => candidate.id),
  };
}
