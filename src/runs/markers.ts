/** Code is no prose: `list[1]` in it cites nothing. */
const CODE = /```[\s\S]*?(?:```|$)|`[^`\n]*`/g;
/** Brackets of the forms that models write, with little in them. */
const BRACKETS = /[[【［〔]([^[\]【】［］〔〕\n]{1,120})[\]】］〕]/g;
const LABEL =
  /^(?:passages?|sources?|knowledge|citations?|references?|refs?|documents?|docs?|index)?[\s.:=#^"]*/i;
/** What follows the number in forms like `1†lamp.md` and `1: lamp.md`. */
const TAIL = /[†:"].*$/;
const DASH = /\s*[-‐‑–—~]\s*/g;
const BETWEEN = /(?:\s|[,;、&+|]|\band\b)+/i;
const NUMBERS = /^[#^]?(\d{1,4})(?:-[#^]?(\d{1,4}))?$/;
/** A place within the source, as in `[2, p. 4]`: the numbers behind it are none of passages. */
const PLACE = /^(?:pp?|pages?|lines?|ll?|§+|sections?)\.?$/i;
/** So much of the text before a marker tells whether a passage has it, too. */
const CONTEXT_CHARACTERS = 16;
const LEAST_CONTEXT_CHARACTERS = 8;

/**
 * The passages that an answer marks as used: `[1]`, `[1][2]`, `[1, 3-4]`, `【2†source】` and the like.
 * @param known the numbers that passages have; others are no markers
 * @param texts the passages: what looks like a marker and was copied from one with its surroundings cites nothing
 */
export function markedNumbers(answer: string, known: ReadonlySet<number>, texts: string[]): Set<number> {
  const marked = new Set<number>();
  const prose = answer.replace(CODE, (code) => ' '.repeat(code.length));
  for (const match of prose.matchAll(BRACKETS)) {
    const numbers = numbersIn(match[1]!, known);
    if (numbers.length === 0) continue;
    const from = Math.max(0, match.index - CONTEXT_CHARACTERS);
    const around = answer.slice(from, match.index + match[0].length);
    const copied =
      match.index - from >= LEAST_CONTEXT_CHARACTERS && texts.some((text) => text.includes(around));
    if (!copied) for (const number of numbers) marked.add(number);
  }
  return marked;
}

function numbersIn(inside: string, known: ReadonlySet<number>): number[] {
  const list = inside.normalize('NFKC').trim().replace(LABEL, '').replace(TAIL, '').replace(DASH, '-').trim();
  const numbers: number[] = [];
  for (const token of list.split(BETWEEN)) {
    if (PLACE.test(token) && numbers.length > 0) break;
    const [, first, last] = NUMBERS.exec(token) ?? [];
    if (first === undefined) return [];
    numbers.push(...within(Number(first), Number(last ?? first), known));
  }
  return numbers;
}

const within = (first: number, last: number, known: ReadonlySet<number>): number[] =>
  first === last
    ? [first].filter((number) => known.has(number))
    : [...known].filter((number) => number >= first && number <= last);
