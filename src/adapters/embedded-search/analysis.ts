/**
 * Text to terms. English is stemmed (Snowball, https://snowballstem.org/algorithms/english/stemmer.html); scripts without
 * spaces become pairs of characters, as Lucene's CJKAnalyzer does; everything else is folded and taken as it stands.
 */
interface Stemmer {
  stem(word: string): string;
}

/** Rises when the same chunk gives other terms than before: what was stored then has to be built again. */
export const ANALYSIS_VERSION = 2;

/** Longer "words" are data (base64, hashes in full): their start is enough to find them. */
const WORD_CHARACTERS = 64;
/** Bounds what a stemmer remembers; a vocabulary is far smaller than its text. */
const REMEMBERED_STEMS = 200_000;

/**
 * Snowball's English list (https://snowballstem.org/algorithms/english/stop.txt) without contractions: queries are often
 * questions, whose "what", "how" and "have" say nothing of the topic.
 */
const STOP_WORDS = new Set(
  (
    'i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its ' +
    'itself they them their theirs themselves what which who whom this that these those am is are was were be been being ' +
    'have has had having do does did doing would should could ought a an the and but if or because as until while of at by ' +
    'for with about against between into through during before after above below to from up down in out on off over under ' +
    'again further then once here there when where why how all any both each few more most other some such no nor not only ' +
    'own same so than too very can will just now'
  ).split(' '),
);

const WORDS = /[\p{L}\p{N}\p{M}]+(?:['\u2019][\p{L}\p{M}]+)*/gu;
const WITHOUT_SPACES =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc]+/gu;
const MARKS = /\p{M}+/gu;
const ENGLISH = /^[a-z]+$/;

export class Analyzer {
  private stemmer: Stemmer | undefined;
  private stems = new Map<string, string>();

  /** Terms in the order of the text; stop words left out. */
  terms(text: string): string[] {
    const terms: string[] = [];
    for (const [word] of text.normalize('NFKC').toLowerCase().matchAll(WORDS)) this.word(word, terms);
    return terms;
  }

  private word(word: string, terms: string[]): void {
    if (ENGLISH.test(word)) {
      if (!STOP_WORDS.has(word)) terms.push(this.stem(word.slice(0, WORD_CHARACTERS)));
      return;
    }
    let last = 0;
    for (const match of word.matchAll(WITHOUT_SPACES)) {
      this.spaced(word.slice(last, match.index), terms);
      pairs(match[0], terms);
      last = match.index + match[0].length;
    }
    this.spaced(last === 0 ? word : word.slice(last), terms);
  }

  /** Accents, vowel points and possessive endings do not tell words apart. */
  private spaced(word: string, terms: string[]): void {
    if (word === '') return;
    const plain = word
      .replace(/['\u2019]s$/u, '')
      .replace(/['\u2019]/gu, '')
      .normalize('NFD')
      .replace(MARKS, '')
      .normalize('NFC')
      .slice(0, WORD_CHARACTERS);
    if (plain === '' || STOP_WORDS.has(plain)) return;
    terms.push(ENGLISH.test(plain) ? this.stem(plain) : plain);
  }

  private stem(word: string): string {
    const known = this.stems.get(word);
    if (known !== undefined) return known;
    this.stemmer ??= newStemmer();
    const stem = this.stemmer.stem(word);
    if (this.stems.size >= REMEMBERED_STEMS) this.stems = new Map();
    this.stems.set(word, stem);
    return stem;
  }
}

function pairs(run: string, terms: string[]): void {
  const characters = [...run];
  if (characters.length === 1) terms.push(run);
  for (let index = 0; index + 1 < characters.length; index++)
    terms.push(characters[index]! + characters[index + 1]!);
}

function newStemmer(): Stemmer {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- only the thread that analyses text pays for it
  const stemmers = require('snowball-stemmers') as { newStemmer(language: string): Stemmer };
  return stemmers.newStemmer('english');
}
