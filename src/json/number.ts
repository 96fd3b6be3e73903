import { randomUUID } from 'node:crypto';
import type { JsonValue } from '../ports/records';

/** Longest text of a number; beyond any that is one: the largest double has 309 digits. */
export const NUMBER_CHARACTERS = 1_000;

type RawJson = (text: string) => unknown;
type Stringify = (value: unknown, ...rest: unknown[]) => string | undefined;

/** Makes a value that `JSON.stringify` writes as this very text; part of the language since Node.js 22. */
const rawJson: RawJson = nativeRawJson() ?? rawJsonByMarks();

function nativeRawJson(): RawJson | undefined {
  const { rawJSON } = JSON as { rawJSON?: RawJson };
  // Early versions of V8 write it wrong beside letters outside Latin-1.
  return rawJSON && JSON.stringify(['\u0100', rawJSON('1.0')]) === '["\u0100",1.0]' ? rawJSON : undefined;
}

/** For Node.js 20: exact numbers are written as texts with a mark that nobody can guess, which are then replaced. */
function rawJsonByMarks(): RawJson {
  const mark = `exact-number-${randomUUID()}:`;
  const marked = new RegExp(`"${mark}([^"]*)"`, 'g');
  const stringify = JSON.stringify as Stringify;
  let hasMarks = false;
  const write: Stringify = (value, ...rest) => {
    const outer = hasMarks;
    hasMarks = false;
    try {
      const text = stringify(value, ...rest);
      return hasMarks ? text?.replace(marked, '$1') : text;
    } finally {
      hasMarks = outer;
    }
  };
  JSON.stringify = write as typeof JSON.stringify;
  return (text) => {
    hasMarks = true;
    return mark + text;
  };
}

/**
 * A number of JSON that JavaScript would write with another text: 10.0 (a float to Python) as well as 2512292042121000001
 * (no double is equal to it). It stands in JSON values where a number does; `JSON.stringify` writes its text.
 */
export class JsonNumber {
  constructor(readonly text: string) {}

  /** The nearest double, so that `<` and arithmetic work. */
  valueOf(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }

  toJSON(): unknown {
    return rawJson(this.text);
  }
}

/** Whether JavaScript, which keeps the double alone, would write this number so. */
export const isPlainNumber = (text: string): boolean => String(Number(text)) === text;

/** A number of JSON as it is kept: a double where its text follows from it. */
export const exactNumber = (text: string): JsonValue =>
  isPlainNumber(text) ? Number(text) : asJson(new JsonNumber(text));

/** The type of JSON values knows no exact numbers: whoever looks for numbers by `typeof` says how exact it is (`comparable`). */
export const asJson = (number: JsonNumber): JsonValue => number as unknown as JsonValue;

/** Whether the shortest text of the double is the same decimal number: true of 10.0 and 1e3, false of 2512292042121000001. */
export const keepsValue = (text: string): boolean => decimalOf(text) === decimalOf(String(Number(text)));

/** Sign, digits and exponent without the zeros that say nothing. */
function decimalOf(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = withoutTrailingZeros(digits);
  if (significant === '') return '0';
  const scale = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${scale}`;
}

/** By hand: `/0+$/` takes quadratic time. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === ZERO) end--;
  return digits.slice(0, end);
}

const ZERO = 48;

/** Why a number cannot be kept; undefined when it can. */
export function numberProblem(text: string): string | undefined {
  if (text.length > NUMBER_CHARACTERS)
    return `must be a number of at most ${NUMBER_CHARACTERS} characters, has ${text.length}`;
  if (Number.isFinite(Number(text))) return undefined;
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  return `must be a number below 1.8e308, is ${shown}`;
}

const SHOWN_CHARACTERS = 40;

/**
 * A value for comparisons, where integers are exact and fractions doubles: `===`, `<` and sets work on the results.
 * Numbers and bigints compare with each other.
 */
export function comparable(value: unknown): unknown {
  if (!(value instanceof JsonNumber)) return value;
  const { text } = value;
  return keepsValue(text) || !/^-?\d+$/.test(text) ? Number(text) : BigInt(text);
}
