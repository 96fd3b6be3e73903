/** Spellings of a word that stand for the same one; what is folded here is folded in texts and in queries alike. */

/** Letters that no decomposition of Unicode takes apart, as Lucene's ASCIIFolding, Arabic and Persian filters fold them. */
const LETTERS: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ı: 'i',
  ħ: 'h',
  ŧ: 't',
  ŋ: 'n',
  ĸ: 'k',
  ɨ: 'i',
  ʉ: 'u',
  ƀ: 'b',
  ɓ: 'b',
  ɖ: 'd',
  ɗ: 'd',
  ƒ: 'f',
  ɠ: 'g',
  ǥ: 'g',
  ƙ: 'k',
  ƚ: 'l',
  ɫ: 'l',
  ɲ: 'n',
  ƞ: 'n',
  ɵ: 'o',
  ɔ: 'o',
  ə: 'e',
  ɛ: 'e',
  ƥ: 'p',
  ƭ: 't',
  ʋ: 'v',
  ƴ: 'y',
  ƶ: 'z',
  ς: 'σ',
  ى: 'ي',
  ی: 'ي',
  ک: 'ك',
  ة: 'ه',
  ٱ: 'ا',
};
const LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'gu');

/** What is not seen (soft hyphens, zero-width characters, marks of direction) or only stretches a word (the kashida). */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u0640]+/gu;
/** Apostrophes of other kinds than the one on keyboards; some of them count as letters. */
const APOSTROPHES = /[\u02bc\u2018\u2019\u201b]/gu;
/** Letters that only say how another one is spoken: the okina, the half rings. */
const MODIFIERS = /[\u02b9-\u02bf\u02c8\ua78b\ua78c]+/gu;
/** Accents and vowel points. The vowel signs of Indian and other scripts are no marks of this kind: they tell words apart. */
const MARKS = /(?:(?=[\p{Script=Inherited}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}])\p{M})+/gu;
const DIGIT = /(?![0-9])\p{Nd}/gu;
const PLAIN = /^[\0-\x7f]*$/;

/** One form of a whole text: compatible forms are one (full width, ligatures), lower case, without what nobody sees. */
export function foldText(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKC')
    .replace(UNSEEN, '')
    .replace(APOSTROPHES, "'")
    .replaceAll('\u266f', '#')
    .toLowerCase();
}

/** One form of a word of a folded text: without possessive ending, accents, vowel points and letters' variants. */
export function foldWord(word: string): string {
  const whole = word.replace(/'s$/u, '').replaceAll("'", '');
  if (PLAIN.test(whole)) return whole;
  return whole
    .normalize('NFD')
    .replace(MARKS, '')
    .replace(MODIFIERS, '')
    .normalize('NFC')
    .replace(LETTER, (letter) => LETTERS[letter]!)
    .replace(DIGIT, asciiDigit);
}

/** Decimal digits of every script come in a row from 0 to 9. */
function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0)!;
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
}
