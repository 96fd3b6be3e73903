import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { JsonValue } from '../ports/records';

/** Longest text of a number; beyond any that is one: the largest double has 309 digits. */
export const NUMBER_CHARACTERS = 1_000;

type RawJson = (text: string) => unknown;

/** Makes a value that `JSON.stringify` writes as this very text; part of the language since Node.js 22. */
const rawJson: RawJson = (JSON as { rawJSON?: RawJson }).rawJSON ?? rawJsonOfNode20();

/** Node.js 20 has it behind a flag, which takes effect in contexts that are made after it was set. */
function rawJsonOfNode20(): RawJson {
  setFlagsFromString('--harmony-json-parse-with-source');
  return runInNewContext('JSON.rawJSON') as RawJson;
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
