/** Text tools of the embedded model: sentences, words, hidden blocks. All linear in the length of their input. */

// Words that say nothing about a subject.
const STOP_WORDS = new Set(
  (
    'a an and are as at be been but by can could did do does doing for from had has have how i if in into is it its ' +
    'me my no not of on or our please shall she he so some tell than that the their them then there these they this ' +
    'to us was we were what whats when where which who whom whose why will with would you your yours about any know ' +
    'give show say said let just also am im'
  ).split(' '),
);
const MIN_STEM_CHARS = 3;

/** Lower-case words in order, accents and apostrophes removed. */
export const words = (text: string): string[] =>
  text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f'’]/g, '')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];

/** The words that carry meaning, plural and verb endings removed; repeated as often as they occur. */
export const terms = (text: string): string[] =>
  words(text)
    .filter((word) => !STOP_WORDS.has(word))
    .map(stem);

function stem(word: string): string {
  for (const ending of ['ing', 'ies', 'ed', 'es', 's']) {
    if (word.endsWith(ending) && word.length - ending.length >= MIN_STEM_CHARS && !word.endsWith('ss')) {
      const base = word.slice(0, -ending.length);
      return ending === 'ies' ? `${base}y` : base.replace(/e$/, '');
    }
  }
  return word.length > MIN_STEM_CHARS ? word.replace(/e$/, '') : word;
}

/** The text without the characters at its end that match; an expression with `+$` would look from each of them anew. */
export function withoutEnd(text: string, character: RegExp): string {
  let end = text.length;
  while (end > 0 && character.test(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}

/** Sentences and lines, trimmed, tags and list markers removed. */
export function sentences(text: string): string[] {
  return text
    .replace(/<[^<>]{1,200}>/g, '\n')
    .split(/\n+|(?<=[.!?])\s+(?=\S)/)
    .map((sentence) => sentence.replace(/^\s*(?:[-*•#>]+|\d{1,3}[.)])\s+/, '').trim())
    .filter((sentence) => /[\p{L}\p{N}]/u.test(sentence));
}

export interface Blocks {
  /** The text without its blocks. */
  plain: string;
  /** Contents of `<name>…</name>` blocks, in order. */
  blocks: string[];
}

/** Bounds the work on text that is made of unclosed tags. */
const MAX_TAGS = 500;

/** Separates outermost `<name>…</name>` blocks whose name `accept`s from the text around them. */
export function splitBlocks(text: string, accept: (name: string) => boolean): Blocks {
  const blocks: string[] = [];
  const opening = /<([A-Za-z][\w-]{0,60})(?:\s[^<>]{0,300})?>/g;
  let plain = '';
  let from = 0;
  for (let tags = 0; tags < MAX_TAGS; tags += 1) {
    const match = opening.exec(text);
    if (!match) break;
    const name = match[1] ?? '';
    if (!accept(name)) continue;
    const start = match.index + match[0].length;
    const end = text.indexOf(`</${name}>`, start);
    if (end < 0) continue;
    plain += text.slice(from, match.index);
    blocks.push(text.slice(start, end));
    from = end + name.length + 3;
    opening.lastIndex = from;
  }
  return { plain: (plain + text.slice(from)).trim(), blocks };
}
