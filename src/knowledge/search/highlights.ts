import type { Highlight } from './types';

const MOST_HIGHLIGHTS = 3;
const WORD_CHARACTERS = 3;
const LONGEST = 300;

/** Sentences of the content that hold the most words of the query, in the order of the text. */
export function highlightsOf(query: string, content: string): Highlight[] {
  const wanted = new Set(
    wordsOf(query)
      .filter((word) => word.length >= WORD_CHARACTERS)
      .map(stem),
  );
  if (wanted.size === 0) return [];
  const found: (Highlight & { hits: number })[] = [];
  for (const { 0: raw, index } of content.matchAll(/[^.!?\n]+[.!?]*/g)) {
    const text = raw.trim().slice(0, LONGEST);
    if (text === '') continue;
    const start = index + raw.indexOf(text);
    const hits = new Set(wordsOf(text).filter((word) => wanted.has(stem(word)))).size;
    if (hits > 0) found.push({ text, start, end: start + text.length, hits });
  }
  return found
    .sort((a, b) => b.hits - a.hits || a.start - b.start)
    .slice(0, MOST_HIGHLIGHTS)
    .sort((a, b) => a.start - b.start)
    .map(({ text, start, end }) => ({ text, start, end }));
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

const ENDINGS = ['ing', 'ed', 'es', 's'];

/** Crude, and the same for both sides: plurals and verb endings meet. */
function stem(word: string): string {
  if (word.length <= 4) return word;
  for (const ending of ENDINGS) if (word.endsWith(ending)) return word.slice(0, -ending.length);
  return word;
}
