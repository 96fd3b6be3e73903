import type { FeedbackRequest } from '../../ports/search';
/** Pseudo-relevance feedback as decided: 8 chunks, 20 words, weight 0.3. */
const FEEDBACK = { chunks: 8, terms: 20, weight: 0.3 } as const;

/** The feedback of a first search's fused list, for a second search. */
export function feedbackOf(ranked: { candidate: { id: string } }[]): FeedbackRequest {
  const chunkIds = ranked.slice(0, FEEDBACK.chunks).map(({ candidate }) => candidate.id);
  return { chunkIds, terms: FEEDBACK.terms, weight: FEEDBACK.weight };
}
