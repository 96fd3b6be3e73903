/** Of a long answer, and of all passages together, so much is compared: the work stays small. UTF-16 code units. */
const COMPARED_ANSWER_CHARACTERS = 20_000;
const COMPARED_PASSAGE_CHARACTERS = 300_000;
/** Words in a row that count as one piece of a quotation. */
const PIECE_WORDS = 3;
/** Share of a sentence's pieces that passages must have for it to be quoted from them. */
const QUOTED_SHARE = 0.5;
/** Share of a sentence's pieces that make one of several passages its source. */
const PART_SHARE = 0.25;
/** Pieces in a row, here eight words, that nobody writes by chance. */
const LONG_RUN_PIECES = 6;
/** A sentence says something from so many words on that carry meaning. */
const LEAST_MEANING = 2;
/** A sentence in other words rests on a passage that has nearly all of its words that carry meaning, and enough of them. */
const RETOLD_SHARE = 0.75;
const RETOLD_WORDS = 5;
const LONG_WORD_CHARACTERS = 4;
/** Scripts without spaces: each character stands for a third of a word. */
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const WORD =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]|(?:(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}])[\p{L}\p{N}\p{M}])+/gu;
const UNSPACED_MEANING = 1 / 3;
/** Ends of sentences: line ends, also those that JSON escapes, and stops. */
const SENTENCE_END = /\n|\\n|(?<=[.!?])\s|[。！？]/;

const wordsOf = (text: string): string[] => text.normalize('NFKC').toLowerCase().match(WORD) ?? [];

/**
 * The passages that an answer without markers repeats or retells, sentence by sentence.
 * @returns their places in `passages`
 */
export function quotedPassages(answer: string, passages: string[]): Set<number> {
  const used = new Set<number>();
  const sentences = answer.slice(0, COMPARED_ANSWER_CHARACTERS).split(SENTENCE_END).map(wordsOf);
  const telling = sentences.filter(
    (words) => words.length >= PIECE_WORDS && meaningOf(words) >= LEAST_MEANING,
  );
  if (telling.length === 0) return used;
  const index = indexOf(passages);
  for (const words of telling) for (const place of sourcesOf(words, index, used)) used.add(place);
  return used;
}

interface Index {
  /** The passages that have a piece, or a word. */
  pieces: Map<string, Set<number>>;
  words: Map<string, Set<number>>;
}

function indexOf(passages: string[]): Index {
  const index: Index = { pieces: new Map(), words: new Map() };
  let left = COMPARED_PASSAGE_CHARACTERS;
  for (const [place, passage] of passages.entries()) {
    if (left <= 0) break;
    const words = wordsOf(passage.slice(0, left));
    left -= passage.length;
    for (const piece of piecesOf(words)) note(index.pieces, piece, place);
    for (const word of words) note(index.words, word, place);
  }
  return index;
}

function note(places: Map<string, Set<number>>, key: string, place: number): void {
  const known = places.get(key);
  if (known) known.add(place);
  else places.set(key, new Set([place]));
}

const piecesOf = (words: string[]): string[] =>
  words.slice(PIECE_WORDS - 1).map((_, at) => words.slice(at, at + PIECE_WORDS).join(' '));

function sourcesOf(words: string[], index: Index, used: ReadonlySet<number>): number[] {
  const pieces = piecesOf(words);
  const holders = pieces.map((piece) => index.pieces.get(piece));
  const found = holders.filter((holder) => holder !== undefined).length;
  const quoted = found / pieces.length >= QUOTED_SHARE || longestRun(holders) >= LONG_RUN_PIECES;
  return quoted ? quotedFrom(holders, used) : retoldFrom(words, index, used);
}

function longestRun(holders: (Set<number> | undefined)[]): number {
  let longest = 0;
  let run = 0;
  for (const holder of holders) {
    run = holder ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** The fewest passages that have the pieces: neighbours repeat each other's ends. */
function quotedFrom(holders: (Set<number> | undefined)[], used: ReadonlySet<number>): number[] {
  const sources: number[] = [];
  let open = holders.filter((holder) => holder !== undefined);
  const enough = Math.min(LONG_RUN_PIECES, Math.max(1, holders.length * PART_SHARE));
  while (open.length > 0) {
    const best = mostFrequent(open, used);
    if (best === undefined || best.count < enough) break;
    sources.push(best.place);
    open = open.filter((holder) => !holder.has(best.place));
  }
  return sources;
}

function retoldFrom(words: string[], index: Index, used: ReadonlySet<number>): number[] {
  const telling = [...new Set(words)].filter((word) => meaningOf([word]) === 1);
  if (telling.length < RETOLD_WORDS) return [];
  const holders = telling.map((word) => index.words.get(word)).filter((holder) => holder !== undefined);
  const best = mostFrequent(holders, used);
  return best && best.count / telling.length >= RETOLD_SHARE ? [best.place] : [];
}

/** Of equals the passage that is cited already, else the one that was found to be the better. */
function mostFrequent(
  holders: Set<number>[],
  used: ReadonlySet<number>,
): { place: number; count: number } | undefined {
  const counts = new Map<number, number>();
  for (const holder of holders) for (const place of holder) counts.set(place, (counts.get(place) ?? 0) + 1);
  let best: { place: number; count: number } | undefined;
  for (const [place, count] of [...counts].sort(([a], [b]) => a - b))
    if (!best || count > best.count || (count === best.count && used.has(place) && !used.has(best.place)))
      best = { place, count };
  return best;
}

function meaningOf(words: string[]): number {
  let meaning = 0;
  for (const word of words)
    if (UNSPACED.test(word)) meaning += UNSPACED_MEANING;
    else if (word.length >= LONG_WORD_CHARACTERS || /\p{N}/u.test(word)) meaning += 1;
  return meaning;
}
