import { cut, type Block, type Span, trim } from './spans';

/** Longer paragraphs are segmented in pieces, for the time that takes grows faster than their length. */
const SEGMENT_AT_ONCE = 10_000;

let segmenter: Intl.Segmenter | undefined;

/** Sentences by the rules of Unicode, in any script. A single line end is a space, as in text with hard line breaks. */
export function sentencesOf(text: string, span: Span): Span[] {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'sentence' });
  const sentences: Span[] = [];
  for (const piece of cut(text, span, SEGMENT_AT_ONCE)) {
    const flat = text.slice(piece.start, piece.end).replace(/\n/g, ' ');
    for (const { index, segment } of segmenter.segment(flat)) {
      const start = piece.start + index;
      const sentence = trim(text, { start, end: start + segment.length });
      if (sentence) sentences.push(sentence);
    }
  }
  return sentences;
}

export const paragraph = (text: string, span: Span, headings: string[]): Block => ({
  ...span,
  units: sentencesOf(text, span),
  headings,
});

/** Paragraphs are what blank lines part. */
export function plainBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let start = 0;
  for (const gap of text.matchAll(/\n[^\S\n]*\n\s*/g)) {
    push({ start, end: gap.index });
    start = gap.index + gap[0].length;
  }
  push({ start, end: text.length });
  return blocks;

  function push(span: Span): void {
    const trimmed = trim(text, span);
    if (trimmed) blocks.push(paragraph(text, trimmed, []));
  }
}
