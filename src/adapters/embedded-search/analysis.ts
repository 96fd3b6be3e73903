import { type AnalysedText, EXTRA_MARK, type TextAnalysis } from '../../ports/search';
import { foldText, foldWord } from './folding';

/**
 * Text to terms. English is stemmed (Snowball, https://snowballstem.org/algorithms/english/stemmer.html); scripts without
 * spaces, and Hangul, become pairs of characters, as Lucene's CJKAnalyzer makes them; everything else is folded and taken as
 * it stands. Beside the terms stand extras, which are found when a query has nothing better to ask for.
 */
interface Stemmer {
  stem(word: string): string;
}

/** Rises when the same chunk gives other terms than before: what was stored then has to be built again. */
export const ANALYSIS_VERSION = 3;

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

/** A word with the signs that make another name of it, `.net`, or a sign that people search for: emoji, flags, currencies. */
const TOKENS =
  /([\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{M}]+)*)(\+\+|\+(?![\p{L}\p{N}])|#(?!\p{L}))?|(\.net)(?![\p{L}\p{N}])|\p{RI}{2}|\p{Extended_Pictographic}|\p{Sc}/gu;
const WITHOUT_SPACES =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc]+/gu;
const ENGLISH = /^[a-z]+$/;
const PLAIN = /^[a-z0-9]+$/;
const LETTER = /^\p{L}$/u;
const IN_WORD = /[\p{L}\p{N}]/u;

/** What one text has given so far. */
interface Yield {
  terms: string[];
  /** Stop words, alone and each with the one before it. */
  stops: string[];
  singles: string[];
  signs: string[];
  /** The token before, where it was a stop word. */
  before: string | undefined;
}

export class Analyzer implements TextAnalysis {
  private stemmer: Stemmer | undefined;
  private stems = new Map<string, string>();

  text(text: string): AnalysedText {
    const { terms, stops, singles, signs } = this.read(text, false);
    return { terms, extras: [...stops, ...singles, ...signs] };
  }

  query(text: string): string[] {
    const { terms, stops, singles, signs } = this.read(text, true);
    const wanted = [...terms, ...singles, ...signs];
    return wanted.length > 0 ? wanted : stops;
  }

  /** @param isQuery then a single character is looked for as an extra, and those of a longer run are not */
  private read(text: string, isQuery: boolean): Yield {
    const given: Yield = { terms: [], stops: [], singles: [], signs: [], before: undefined };
    const folded = foldText(text);
    for (const { 0: token, 1: word, 2: signs, 3: net, index } of folded.matchAll(TOKENS)) {
      const { before } = given;
      given.before = undefined;
      if (word !== undefined) this.word(word, signs, given, { before, isQuery });
      else if (net === undefined) given.signs.push(EXTRA_MARK + token);
      else {
        given.terms.push(net);
        // In a host or in ASP.NET it is a word of its own as well.
        if (index > 0 && IN_WORD.test(folded[index - 1]!)) given.terms.push(this.stem('net'));
      }
    }
    return given;
  }

  private word(
    word: string,
    signs: string | undefined,
    given: Yield,
    { before, isQuery }: { before: string | undefined; isQuery: boolean },
  ): void {
    // C++, C#, A+: of one letter the signs make another name; a longer one is found without them, too.
    if (signs !== undefined && (signs === '++' || LETTER.test(word))) {
      given.terms.push(foldWord(word).slice(0, WORD_CHARACTERS) + signs);
      if (LETTER.test(word)) return;
    }
    if (PLAIN.test(word)) return this.plain(word, given, before);
    let last = 0;
    for (const match of word.matchAll(WITHOUT_SPACES)) {
      this.spaced(word.slice(last, match.index), given, before);
      pairs(match[0], given, isQuery);
      last = match.index + match[0].length;
    }
    this.spaced(last === 0 ? word : word.slice(last), given, before);
  }

  private spaced(word: string, given: Yield, before: string | undefined): void {
    if (word === '') return;
    const folded = foldWord(word);
    if (folded !== '') this.plain(folded, given, before);
  }

  private plain(word: string, given: Yield, before: string | undefined): void {
    if (STOP_WORDS.has(word)) {
      given.stops.push(EXTRA_MARK + word);
      if (before !== undefined) given.stops.push(EXTRA_MARK + before + EXTRA_MARK + word);
      given.before = word;
      return;
    }
    const known = word.slice(0, WORD_CHARACTERS);
    given.terms.push(ENGLISH.test(known) ? this.stem(known) : known);
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

function pairs(run: string, { terms, singles }: Yield, isQuery: boolean): void {
  const characters = [...run];
  if (characters.length === 1) {
    if (!isQuery) terms.push(run);
    singles.push(EXTRA_MARK + run);
    return;
  }
  if (!isQuery) for (const character of characters) singles.push(EXTRA_MARK + character);
  for (let index = 0; index + 1 < characters.length; index++)
    terms.push(characters[index]! + characters[index + 1]!);
}

function newStemmer(): Stemmer {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- only the thread that analyses text pays for it
  const stemmers = require('snowball-stemmers') as { newStemmer(language: string): Stemmer };
  return stemmers.newStemmer('english');
}
