import { terms } from './text';

/** Term saturation and length normalisation of BM25 as usual (Robertson, Zaragoza, 2009). */
const K1 = 1.2;
const B = 0.75;

export interface Ranked {
  sentence: string;
  /** Position in the given list. */
  index: number;
  score: number;
  /** Share of the query's distinct terms that the sentence holds, 0 to 1. */
  coverage: number;
}

/** Sentences with at least one of the query's terms, best first; of equals the later one, for people correct themselves. */
export function rank(query: string, sentences: string[]): Ranked[] {
  const wanted = [...new Set(terms(query))];
  if (wanted.length === 0 || sentences.length === 0) return [];
  const documents = sentences.map(terms);
  const averageLength = documents.reduce((sum, document) => sum + document.length, 0) / documents.length || 1;
  const counts = wanted.map((term) => documents.filter((document) => document.includes(term)).length);
  const weights = counts.map((n) => Math.log(1 + (documents.length - n + 0.5) / (n + 0.5)));
  const ranked = documents.map((document, index): Ranked => {
    let score = 0;
    let hits = 0;
    for (const [i, term] of wanted.entries()) {
      const frequency = document.filter((word) => word === term).length;
      if (frequency === 0) continue;
      hits += 1;
      const norm = K1 * (1 - B + (B * document.length) / averageLength);
      score += ((weights[i] ?? 0) * frequency * (K1 + 1)) / (frequency + norm);
    }
    return { sentence: sentences[index] ?? '', index, score, coverage: hits / wanted.length };
  });
  return ranked.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score || b.index - a.index);
}

/** Sentences nearly as good as the best are part of the answer. */
const NEAR_BEST = 0.7;
const MAX_SENTENCES = 3;

/** The best few, in the order of the text. */
export const best = (ranked: Ranked[]): Ranked[] =>
  ranked
    .filter(({ score }) => score >= (ranked[0]?.score ?? 0) * NEAR_BEST)
    .slice(0, MAX_SENTENCES)
    .sort((a, b) => a.index - b.index);

/** The sentences that share most with the rest of the text, in its order: an extractive summary. */
export function central(sentences: string[], count: number): string[] {
  const frequency = new Map<string, number>();
  const documents = sentences.map((sentence) => [...new Set(terms(sentence))]);
  for (const term of documents.flat()) frequency.set(term, (frequency.get(term) ?? 0) + 1);
  const scored = documents.map((document, index) => {
    const sum = document.reduce((total, term) => total + (frequency.get(term) ?? 0), 0);
    return { index, score: sum / Math.sqrt(document.length + 1) };
  });
  scored.sort((a, b) => b.score - a.score || a.index - b.index);
  return scored
    .slice(0, count)
    .sort((a, b) => a.index - b.index)
    .map(({ index }) => sentences[index] ?? '');
}
