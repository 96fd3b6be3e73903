import { type FeedbackRequest, isExtra } from '../../ports/search';
import type { ChunkTable } from './chunk-table';

export interface ExpandedTerm {
  term: string;
  weight: number;
}

/** Words of every tenth chunk say nothing of the topic; the bound of Anserini's RM3. */
const COMMON_SHARE = 0.1;

/**
 * Weights of the words to search: how often the query has them and, with feedback, a share of the relevance model that
 * good chunks give, each by its weight (RM3: Abdul-Jaleel et al., UMass at TREC 2004):
 * weight(t) = (1 - w) P(t | query) + w P(t | chunks), times the length of the query.
 */
export function expandQuery(options: {
  terms: string[];
  tables: ChunkTable[];
  feedback: FeedbackRequest | undefined;
}): ExpandedTerm[] {
  const { terms, tables, feedback } = options;
  const weights = new Map<string, number>();
  for (const term of terms) weights.set(term, (weights.get(term) ?? 0) + 1);
  const added = feedback ? relevanceModel(tables, feedback) : new Map<string, number>();
  if (feedback && added.size > 0) {
    for (const [term, weight] of weights) weights.set(term, weight * (1 - feedback.weight));
    for (const [term, share] of added)
      weights.set(term, (weights.get(term) ?? 0) + feedback.weight * share * terms.length);
  }
  return [...weights].map(([term, weight]) => ({ term, weight }));
}

/** P(t | chunks) of the most likely words, summing to 1. */
function relevanceModel(tables: ChunkTable[], feedback: FeedbackRequest): Map<string, number> {
  const likelihood = new Map<string, number>();
  for (const { chunkId, weight } of feedback.chunks) {
    const table = tables.find((one) => one.slotOf(chunkId) !== undefined);
    if (table) addChunk(likelihood, { table, slot: table.slotOf(chunkId)!, weight });
  }
  const chunks = tables.reduce((sum, { living }) => sum + living, 0);
  // In a small base every word is common.
  const mostChunks = Math.max(COMMON_SHARE * chunks, feedback.chunks.length);
  const likely = [...likelihood]
    .filter(([term]) => documentsWith(tables, term) <= mostChunks)
    .sort(([one, first], [other, second]) => second - first || (one < other ? -1 : 1))
    .slice(0, feedback.terms);
  const sum = likely.reduce((total, [, weight]) => total + weight, 0);
  return new Map(likely.map(([term, weight]) => [term, weight / sum]));
}

function addChunk(
  likelihood: Map<string, number>,
  { table, slot, weight }: { table: ChunkTable; slot: number; weight: number },
): void {
  const length = table.lengths[0].raw[slot]!;
  if (length === 0) return;
  const pairs = table.termsAt(slot);
  for (let index = 0; index < pairs.length; index += 2) {
    const term = table.vocabulary[pairs[index]!]!;
    if (isExtra(term)) continue;
    const share = (weight * (pairs[index + 1]! >>> 16)) / length;
    likelihood.set(term, (likelihood.get(term) ?? 0) + share);
  }
}

const documentsWith = (tables: ChunkTable[], term: string): number =>
  tables.reduce((sum, table) => sum + (table.postingsOf(term)?.documents ?? 0), 0);
