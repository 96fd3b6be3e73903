import type { Client, estypes } from '@elastic/elasticsearch';
import type { FeedbackRequest } from '../../ports/search';
import { FIELDS } from './mapping';
import type { WeightedTerm } from './queries';

/** Words of every tenth chunk say nothing of the topic; the bound of Anserini's RM3. */
const COMMON_SHARE = 0.1;

/** Weights of the query's own words: how often it has them. */
export function countTerms(terms: string[]): WeightedTerm[] {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return [...counts].map(([term, weight]) => ({ term, weight }));
}

/**
 * Adds the relevance model of good chunks (RM3: Abdul-Jaleel et al., UMass at TREC 2004), each by its weight:
 * weight(t) = (1 - w) P(t | query) + w P(t | chunks), times the length of the query.
 */
export function expand(
  terms: WeightedTerm[],
  model: WeightedTerm[],
  { weight: share }: Pick<FeedbackRequest, 'weight'>,
): WeightedTerm[] {
  if (model.length === 0) return terms;
  const length = terms.reduce((sum, { weight }) => sum + weight, 0);
  const weights = new Map(terms.map(({ term, weight }) => [term, weight * (1 - share)]));
  for (const { term, weight } of model) weights.set(term, (weights.get(term) ?? 0) + share * weight * length);
  return [...weights].map(([term, weight]) => ({ term, weight }));
}

/** P(t | chunks) of the most likely words, summing to 1; how common a word is comes from the whole index. */
export async function relevanceModel(
  client: Client,
  documents: { index: string; id: string; routing: string; weight: number }[],
  feedback: FeedbackRequest,
): Promise<WeightedTerm[]> {
  if (documents.length === 0 || feedback.terms === 0) return [];
  const { docs } = await client.mtermvectors({
    docs: documents.map(({ index, id, routing }) => ({
      _index: index,
      _id: id,
      routing,
      fields: [FIELDS.content],
      term_statistics: true,
      field_statistics: true,
      positions: false,
      offsets: false,
      payloads: false,
    })),
  });
  const likelihood = new Map<string, number>();
  // Answers come in the order of the documents.
  (docs ?? []).forEach(({ term_vectors: vectors }, index) =>
    addChunk(likelihood, vectors?.[FIELDS.content], { weight: documents[index]!.weight, feedback }),
  );
  const likely = [...likelihood]
    .sort(([one, first], [other, second]) => second - first || (one < other ? -1 : 1))
    .slice(0, feedback.terms);
  const sum = likely.reduce((total, [, weight]) => total + weight, 0);
  return likely.map(([term, weight]) => ({ term, weight: weight / sum }));
}

function addChunk(
  likelihood: Map<string, number>,
  vector: estypes.TermvectorsTermVector | undefined,
  { weight, feedback }: { weight: number; feedback: FeedbackRequest },
): void {
  if (!vector) return;
  const words = Object.entries(vector.terms);
  const length = words.reduce((sum, [, { term_freq: frequency }]) => sum + frequency, 0);
  // In a small index every word is common.
  const mostChunks = Math.max(
    COMMON_SHARE * (vector.field_statistics?.doc_count ?? 0),
    feedback.chunks.length,
  );
  for (const [term, { term_freq: frequency, doc_freq: chunks }] of words)
    if ((chunks ?? 0) <= mostChunks)
      likelihood.set(term, (likelihood.get(term) ?? 0) + (weight * frequency) / length);
}
