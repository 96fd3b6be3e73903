import type { TextAnalysis } from '../../ports/search';
import type { Highlight } from './types';

const MOST_HIGHLIGHTS = 3;
const LONGEST = 300;
/** Sentences end at a full stop before a blank, at the stops of East Asian scripts, and with the line. */
const SENTENCES = /(?:[^.!?。！？｡\n]|[.!?](?!\s|$))+[.!?。！？｡]*/gu;

/** Marks the sentences of contents that say most of a query. */
export class Highlighter {
  private readonly wanted: ReadonlySet<string>;

  constructor(
    query: string,
    private readonly analysis: TextAnalysis,
  ) {
    this.wanted = new Set(analysis.query(query));
  }

  /** Sentences of the content that hold the most words of the query, in the order of the text. */
  mark(content: string): Highlight[] {
    if (this.wanted.size === 0) return [];
    const found: (Highlight & { hits: number })[] = [];
    for (const { 0: raw, index } of content.matchAll(SENTENCES)) {
      const text = raw.trim().slice(0, LONGEST);
      if (text === '') continue;
      const hits = this.hits(text);
      const start = index + raw.indexOf(text);
      if (hits > 0) found.push({ text, start, end: start + text.length, hits });
    }
    return found
      .sort((a, b) => b.hits - a.hits || a.start - b.start)
      .slice(0, MOST_HIGHLIGHTS)
      .sort((a, b) => a.start - b.start)
      .map(({ text, start, end }) => ({ text, start, end }));
  }

  /** How many words of the query the text has. */
  private hits(text: string): number {
    const { terms, extras } = this.analysis.text(text);
    const known = new Set<string>();
    for (const term of terms) if (this.wanted.has(term)) known.add(term);
    for (const extra of extras) if (this.wanted.has(extra)) known.add(extra);
    return known.size;
  }
}
