/** A part of the text: `text.slice(start, end)`. */
export interface Span {
  start: number;
  end: number;
}

/** What belongs together: a heading, a paragraph, a table, a function. Chunks rather end between blocks than inside of one. */
export interface Block extends Span {
  /** Where the block may be cut; together they cover it, but for white space. */
  units: Span[];
  /** Headings above it, and itself if it is one; outermost first. */
  headings: string[];
  isHeading?: boolean;
  /** What is repeated in front of a chunk that begins inside of the block: a table's header, with its line end. */
  prefix?: string;
  /** Units that must not be cut though they are longer than a chunk, within reason: rows. */
  keepUnits?: boolean;
}

const COMBINING = /^(?:\p{M}|\u200d)/u;

/** Whether a cut at `at` would tear a surrogate pair, or a mark from its letter. */
export function tears(text: string, at: number): boolean {
  const after = text.charCodeAt(at);
  const before = text.charCodeAt(at - 1);
  if (after >= 0xdc00 && after <= 0xdfff && before >= 0xd800 && before <= 0xdbff) return true;
  return before === 0x200d || COMBINING.test(text.slice(at, at + 2));
}

/** The share of a piece that may be given up to end at white space. */
const LOOK_BACK = 0.25;
/** Marks stacked on one letter past this are no writing. */
const MAX_MARKS = 32;

/** Cuts a span into pieces of at most `max` code units, at white space where there is some near the end. */
export function cut(text: string, { start, end }: Span, max: number): Span[] {
  const pieces: Span[] = [];
  let from = start;
  while (end - from > max) {
    const to = cutPoint(text, from, from + max);
    pieces.push({ start: from, end: to });
    from = to;
  }
  if (from < end) pieces.push({ start: from, end });
  return pieces;
}

function cutPoint(text: string, from: number, limit: number): number {
  const earliest = limit - Math.floor((limit - from) * LOOK_BACK);
  for (let at = limit; at > earliest; at--) if (/\s/.test(text[at - 1]!)) return at;
  let at = limit;
  while (at > from + 1 && at > limit - MAX_MARKS && tears(text, at)) at--;
  if (!tears(text, at)) return at;
  // Only a pair must never be torn, whatever is stacked around it.
  const code = text.charCodeAt(limit);
  return code >= 0xdc00 && code <= 0xdfff && limit - 1 > from ? limit - 1 : limit;
}

/** Without white space at both ends; null when there is nothing else. */
export function trim(text: string, { start, end }: Span): Span | null {
  while (start < end && /\s/.test(text[start]!)) start++;
  while (end > start && /\s/.test(text[end - 1]!)) end--;
  return start < end ? { start, end } : null;
}

/** Lines with their offsets, without the line end. */
export function* linesOf(text: string, { start, end }: Span): Generator<Span> {
  let from = start;
  while (from < end) {
    const at = text.indexOf('\n', from);
    const to = at === -1 || at > end ? end : at;
    yield { start: from, end: to };
    from = to + 1;
  }
}
