/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { COMMON_HAN, COMMON_HANGUL, LATIN_ALPHABETS, LETTERS_BY_FREQUENCY } from './charset-letters';

const UTF16_SAMPLE = 4096;
/** Bytes of lines with letters beyond ASCII that are looked at. */
const SAMPLE_BYTES = 20_000;

/**
 * Detectors count letters and know little of a line or two; what they say of a long text is worth most of a letter.
 * Out of 1.
 */
const DETECTOR_WEIGHT = 0.4;

/** Charset -> family of alphabets, or none where the script says it. */
const SINGLE_BYTE: Record<string, string | null> = {
  'windows-1252': 'western',
  'windows-1250': 'central',
  'iso-8859-2': 'central',
  'windows-1254': 'turkish',
  'windows-1257': 'baltic',
  macintosh: 'western',
  'windows-1251': null,
  'koi8-u': null,
  'iso-8859-5': null,
  ibm866: null,
  'windows-1253': null,
  'iso-8859-7': null,
  'windows-1255': null,
  'windows-1256': null,
  'windows-874': null,
};

/** What a sign is worth by its first byte, and whether the second one is in the part of the table that all use. */
type LeadValue = (lead: number, isPlainTrail: boolean) => number;

const within = (value: number, from: number, to: number): boolean => value >= from && value <= to;

const MULTI_BYTE: Record<string, LeadValue> = {
  gb18030: (lead, isPlain) => {
    if (!isPlain) return -0.3;
    if (within(lead, 0xb0, 0xd7)) return 1;
    if (within(lead, 0xa1, 0xa3)) return 0.8;
    return within(lead, 0xd8, 0xf7) ? 0.1 : within(lead, 0xa4, 0xa9) ? 0.1 : -1;
  },
  big5: (lead) => {
    if (within(lead, 0xa4, 0xc6)) return 1;
    if (within(lead, 0xa1, 0xa3)) return 0.8;
    return within(lead, 0xc9, 0xf9) ? 0 : -1;
  },
  'euc-kr': (lead, isPlain) => {
    if (!isPlain) return -0.2;
    if (within(lead, 0xb0, 0xc8)) return 1;
    return within(lead, 0xa1, 0xa3) ? 0.8 : lead === 0xa4 ? 0.2 : -0.2;
  },
  'euc-jp': (lead) => {
    if (lead === 0xa4 || lead === 0xa5) return 1.2;
    if (within(lead, 0xb0, 0xcf)) return 0.8;
    if (lead === 0xa1 || lead === 0xa3) return 0.8;
    return lead === 0x8e ? 0.3 : within(lead, 0xd0, 0xf4) ? 0 : -0.5;
  },
  shift_jis: (lead) => {
    if (lead === 0x82 || lead === 0x83) return 1.2;
    if (within(lead, 0x88, 0x97)) return 0.9;
    if (lead === 0x81) return 0.8;
    if (within(lead, 0xa1, 0xdf)) return 0.1;
    return within(lead, 0x98, 0x9f) || within(lead, 0xe0, 0xea) ? 0 : -1;
  },
};

/** As the detector calls what TextDecoder knows by another name, or has in two. */
const DETECTED: Record<string, string[]> = {
  'iso-8859-1': ['windows-1252'],
  'iso-8859-2': ['windows-1250', 'iso-8859-2'],
  'iso-8859-7': ['windows-1253', 'iso-8859-7'],
  'iso-8859-8': ['windows-1255'],
  'iso-8859-9': ['windows-1254'],
  'koi8-r': ['koi8-u'],
};

/**
 * The charset of text that declares none and is no UTF-8, by its letters: whether words are of one script and one case,
 * letters those of one language, and signs the frequent ones. Windows-1252 where nothing speaks for another one.
 */
export function guessCharset(bytes: Uint8Array): string {
  const sample = sampleOf(bytes);
  const { analyse } = require('chardet') as typeof import('chardet');
  const votes = new Map<string, number>();
  for (const { name, confidence } of analyse(sample)) {
    const label = name.toLowerCase();
    for (const charset of DETECTED[label] ?? [label])
      votes.set(charset, Math.max(votes.get(charset) ?? 0, (confidence / 100) * DETECTOR_WEIGHT));
  }
  let best = { charset: 'windows-1252', score: -Infinity };
  for (const charset of [...Object.keys(SINGLE_BYTE), ...Object.keys(MULTI_BYTE)]) {
    const value = MULTI_BYTE[charset] ? scoreSigns(sample, charset) : scoreLetters(sample, charset);
    if (value === null) continue;
    const score = value + (votes.get(charset) ?? 0);
    if (score > best.score) best = { charset, score };
  }
  return best.score > 0 ? best.charset : 'windows-1252';
}

/** Lines with bytes beyond ASCII; a line end is itself in every charset. */
function sampleOf(bytes: Uint8Array): Uint8Array {
  const lines: Uint8Array[] = [];
  let length = 0;
  for (let start = 0; start < bytes.length && length < SAMPLE_BYTES;) {
    const found = bytes.indexOf(0x0a, start);
    const end = found === -1 ? bytes.length : found + 1;
    const line = bytes.subarray(start, end);
    if (line.some((byte) => byte > 0x7f)) {
      lines.push(line.subarray(0, SAMPLE_BYTES));
      length += Math.min(line.length, SAMPLE_BYTES);
    }
    start = end;
  }
  return Buffer.concat(lines);
}

/** 0x80 to 0x9f; the rest is Latin-1. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** Some releases of Node.js take it for Latin-1 and lose quotation marks. */
export const decodeWindows1252 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (sign) => WINDOWS_1252[sign.charCodeAt(0) - 0x80]!);

/** Null when the bytes mean nothing in the charset; a sign that the sample cuts off is none. */
function strictly(bytes: Uint8Array, charset: string): string | null {
  try {
    return charset === 'windows-1252'
      ? decodeWindows1252(bytes)
      : new TextDecoder(charset, { fatal: true }).decode(bytes, { stream: true });
  } catch {
    // Not of this charset, which is what was asked.
    return null;
  }
}

function scoreSigns(bytes: Uint8Array, charset: string): number | null {
  const text = strictly(bytes, charset);
  if (text === null) return null;
  const valueOf = MULTI_BYTE[charset]!;
  let at = 0;
  let sum = 0;
  let signs = 0;
  for (const sign of text) {
    const lead = bytes[at]!;
    if (lead < 0x80) {
      at++;
      continue;
    }
    const trail = bytes[at + 1] ?? 0;
    const isHalf = charset === 'shift_jis' && within(lead, 0xa1, 0xdf);
    const isLong = charset === 'gb18030' && within(trail, 0x30, 0x39);
    at += isHalf ? 1 : isLong ? 4 : charset === 'euc-jp' && lead === 0x8f ? 3 : 2;
    signs++;
    sum += isLong ? -0.5 : valueOf(lead, trail >= 0xa1) + commonness(sign, charset);
  }
  return signs === 0 ? null : sum / signs;
}

function commonness(sign: string, charset: string): number {
  if (charset === 'gb18030' || charset === 'big5') return COMMON_HAN.has(sign) ? 0.25 : -0.05;
  if (charset === 'euc-kr') return COMMON_HANGUL.has(sign) ? 0.25 : -0.15;
  return 0;
}

/** Files of old systems, where nothing else fits as well. */
const RARE = new Set(['macintosh', 'ibm866', 'windows-1257']);

const SCRIPT = Object.fromEntries(
  ['Latin', 'Cyrillic', 'Greek', 'Hebrew', 'Arabic', 'Thai'].map((name) => [
    name,
    new RegExp(`\\p{Script=${name}}`, 'u'),
  ]),
);
/** Signs that writing of any language uses; between letters only some of them. */
const COMMON_SIGNS = /[“”„‚‘’‹›«»–—…€£§°·•©®™¡¿´\u00a0№\u200e\u200f]|\u200c|\u200d/u;
const WITHIN_WORDS = /[’·\u00a0–—]|\u200c|\u200d/u;

function scoreLetters(bytes: Uint8Array, charset: string): number | null {
  const text = strictly(bytes, charset);
  if (text === null) return null;
  let sum = 0;
  let count = 0;
  const latin: string[] = [];
  for (const match of text.matchAll(/[\p{L}\p{M}]+|\P{ASCII}/gu)) {
    const [part] = match;
    const foreign = [...part].filter((char) => char > '\x7f');
    if (foreign.length === 0) continue;
    count += foreign.length;
    if (!/\p{L}|\p{M}/u.test(part)) continue;
    const scripts = Object.keys(SCRIPT).filter((name) => SCRIPT[name]!.test(part));
    if (scripts.length !== 1) sum -= 2 * foreign.length;
    // A letter at a number is a sign of money or measure in another charset.
    else if (part.length === 1 && /\d/.test(text[match.index + 1] ?? '')) sum -= 1;
    else if (/\p{Ll}\p{Lu}/u.test(part)) sum -= 1.5 * foreign.length;
    else if (scripts[0] !== 'Latin') sum += frequencyOf(foreign, scripts[0]!);
    else if (foreign.length > 2 && foreign.length === [...part].length) sum -= 2 * foreign.length;
    else latin.push(...foreign);
  }
  for (const [sign, before, after] of signsOf(text)) {
    if (/[\x80-\x9f\p{Co}\p{Cn}\uFFFD]/u.test(sign)) sum -= 5;
    else if (!COMMON_SIGNS.test(sign)) sum -= 1;
    else sum += placeValue(sign, /\p{L}/u.test(before), /\p{L}/u.test(after));
  }
  if (count === 0) return null;
  return (sum + alphabetScore(latin, SINGLE_BYTE[charset] ?? null)) / count - (RARE.has(charset) ? 0.1 : 0);
}

/** Quotation marks stand at words, dashes beside them, an apostrophe within. */
function placeValue(sign: string, isAfterLetter: boolean, isBeforeLetter: boolean): number {
  if (isAfterLetter && isBeforeLetter) return WITHIN_WORDS.test(sign) ? 1 : -1.5;
  return isAfterLetter || isBeforeLetter || /[\u00a0–—…•€£§]/.test(sign) ? 1 : 0.3;
}

/** Signs that are no letters, with what stands before and behind them. */
function* signsOf(text: string): Generator<[string, string, string]> {
  for (const match of text.matchAll(/[^\p{ASCII}\p{L}\p{M}]/gu))
    yield [match[0], text[match.index - 1] ?? ' ', text[match.index + match[0].length] ?? ' '];
}

const frequencyOf = (letters: readonly string[], script: string): number =>
  letters.reduce((sum, letter) => {
    const rank = LETTERS_BY_FREQUENCY[script]!.indexOf(letter.toLowerCase());
    return sum + (rank === -1 ? (/\p{M}/u.test(letter) ? 0.3 : -1) : 1.2 - rank * 0.03);
  }, 0);

/** Letters of the language that has most of them count for it, the others against it. */
function alphabetScore(letters: readonly string[], family: string | null): number {
  if (letters.length === 0) return 0;
  const alphabets = family === null ? [''] : LATIN_ALPHABETS[family]!;
  const hits = alphabets.map(
    (alphabet) => letters.filter((letter) => alphabet.includes(letter.toLowerCase())).length,
  );
  const most = Math.max(...hits);
  return most - (letters.length - most);
}

const IMPLAUSIBLE = /[^\t\n\r\f\x20-\x7e\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\u200b-\u200f\ufeff]/gu;
/** Writing keeps to one script and ASCII; numbers read as characters are scattered over all of them. */
const NARROW_SCRIPTS = [
  /[\p{ASCII}\u00a0-\u024f\u2000-\u20ff]/gu,
  /[\p{sc=Cyrl}\u2000-\u20ff\u00a0-\u00bf\p{ASCII}]/gu,
  /[\p{sc=Grek}\u2000-\u20ff\u00a0-\u00bf\p{ASCII}]/gu,
  /[\p{sc=Arab}\u2000-\u20ff\u00a0-\u00bf\p{ASCII}]/gu,
  /[\p{sc=Hebr}\u2000-\u20ff\u00a0-\u00bf\p{ASCII}]/gu,
  /[\p{sc=Thai}\u2000-\u20ff\u00a0-\u00bf\p{ASCII}]/gu,
  /[\p{sc=Deva}\u2000-\u20ff\u00a0-\u00bf\p{ASCII}]/gu,
];
/** Two letters of ASCII are one sign of these: they count where the bytes are no UTF-8. */
const WIDE_SCRIPTS = [
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\u3000-\u303f\uff00-\uffef\p{ASCII}]/gu,
  /[\p{sc=Hang}\u3000-\u303f\uff00-\uffef\p{ASCII}]/gu,
];
const PLAUSIBLE_SHARE = 0.97;

/** UTF-16 without a mark: it has bytes of 0, and read so it is writing. Null for numbers and other binary data. */
export function guessUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const sample = bytes.subarray(0, Math.min(bytes.length, UTF16_SAMPLE) & ~1);
  if (sample.length < 4 || !sample.includes(0)) return null;
  const scripts = strictly(sample, 'utf-8') === null ? [...NARROW_SCRIPTS, ...WIDE_SCRIPTS] : NARROW_SCRIPTS;
  let best: { charset: 'utf-16le' | 'utf-16be'; ascii: number } | null = null;
  for (const charset of ['utf-16le', 'utf-16be'] as const) {
    const text = strictly(sample, charset);
    if (!text || countOf(text, IMPLAUSIBLE) > text.length * (1 - PLAUSIBLE_SHARE)) continue;
    if (!scripts.some((script) => countOf(text, script) >= text.length * PLAUSIBLE_SHARE)) continue;
    const ascii = countOf(text, /[\t\n\r\x20-\x7e]/g) / text.length;
    if (ascii > (best?.ascii ?? -1)) best = { charset, ascii };
  }
  return best?.charset ?? null;
}

const countOf = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;
