import type { FeedbackRequest } from '../../ports/search';
import type { Scored } from './types';

/** Pseudo-relevance feedback as decided: 8 chunks, 20 words, weight 0.3. */
const FEEDBACK = { chunks: 8, terms: 20, weight: 0.3 } as const;

/**
 * The feedback of a first search's fused list, for a second search. A chunk counts by the square of its score: RM3 weighs
 * by the likelihood of the query, which falls off as steeply, and the words of one clear answer are not lost among others'.
 */
export function feedbackOf(ranked: Scored<{ id: string }>[]): FeedbackRequest {
  const chunks = ranked
    .slice(0, FEEDBACK.chunks)
    .filter(({ score }) => score > 0)
    .map(({ candidate, score }) => ({ chunkId: candidate.id, weight: score ** 2 }));
  return { chunks, terms: FEEDBACK.terms, weight: FEEDBACK.weight };
}
