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
  const places = new Map(wanted.map((term, index) => [term, index]));
  const documents = sentences.map((sentence) => countTerms(terms(sentence), places));
  const averageLength = documents.reduce((sum, { length }) => sum + length, 0) / documents.length || 1;
  const counts = new Uint32Array(wanted.length);
  for (const { frequencies } of documents)
    for (const place of frequencies.keys()) counts[place] = (counts[place] ?? 0) + 1;
  const weights = Array.from(counts, (n) => Math.log(1 + (documents.length - n + 0.5) / (n + 0.5)));
  const ranked = documents.map(({ length, frequencies }, index): Ranked => {
    let score = 0;
    for (const [place, frequency] of [...frequencies].sort(([a], [b]) => a - b)) {
      const norm = K1 * (1 - B + (B * length) / averageLength);
      score += ((weights[place] ?? 0) * frequency * (K1 + 1)) / (frequency + norm);
    }
    return { sentence: sentences[index] ?? '', index, score, coverage: frequencies.size / wanted.length };
  });
  return ranked.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score || b.index - a.index);
}

interface Counted {
  length: number;
  /** How often each wanted term occurs, by its place among them. */
  frequencies: Map<number, number>;
}

/** One look at each word, however many terms are wanted. */
function countTerms(document: string[], places: Map<string, number>): Counted {
  const frequencies = new Map<number, number>();
  for (const word of document) {
    const place = places.get(word);
    if (place !== undefined) frequencies.set(place, (frequencies.get(place) ?? 0) + 1);
  }
  return { length: document.length, frequencies };
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
