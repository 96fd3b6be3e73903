import type { JsonObject, JsonValue } from '../ports/records';
import { JsonNumber } from './number';
import { JsonProblem, MAX_JSON_DEPTH, readExactJson, setOwn } from './read';

const NUL = '\u0000';
const REPLACEMENT = '\ufffd';

/** Where a key with U+0000 is: the dotted path of the object that has it, `` for the value itself; undefined when none is. */
export function keyWithNul(value: unknown): string | undefined {
  const waiting: { value: unknown; path: string }[] = [{ value, path: '' }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    for (const [key, child] of Object.entries(next.value)) {
      if (key.includes(NUL)) return next.path;
      if (typeof child === 'object' && child !== null)
        waiting.push({ value: child, path: next.path === '' ? key : `${next.path}.${key}` });
    }
  }
  return undefined;
}

/**
 * Complains about a value in memory that `readClientJson` did not read: levels, and numbers that are none.
 * @throws JsonProblem
 */
export function checkJson(value: unknown, path: (string | number)[] = []): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new JsonProblem(path.join('.'), `must be a number below 1.8e308, is ${value}`, 'number');
  if (typeof value !== 'object' || value === null || value instanceof JsonNumber) return;
  if (path.length >= MAX_JSON_DEPTH)
    throw new JsonProblem(
      path.slice(0, SHOWN_LEVELS).join('.'),
      `must not be nested deeper than ${MAX_JSON_DEPTH} levels`,
      'shape',
    );
  if (Array.isArray(value)) value.forEach((item, index) => checkJson(item, [...path, index]));
  else
    for (const [key, item] of Object.entries(value))
      if (typeof item === 'object' || typeof item === 'number') checkJson(item, [...path, key]);
}

const SHOWN_LEVELS = 10;

/** Reads JSON from outside so that it can be stored; undefined when the text is none, or none that can be kept. */
export function parseStorable(text: string): JsonValue | undefined {
  try {
    return storableJson(readExactJson(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof JsonProblem) return undefined;
    throw error;
  }
}

/** JSON from outside (a tool's result, a model's object) as it can be stored; the same value where nothing is in the way. */
export function storableJson<T extends JsonValue | undefined>(value: T): T {
  return value === undefined || keyWithNul(value) === undefined ? value : (withoutNul(value) as T);
}

function withoutNul(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || value instanceof JsonNumber) return value;
  if (Array.isArray(value)) return value.map(withoutNul);
  const copy: JsonObject = {};
  for (const [key, item] of Object.entries(value))
    setOwn(copy, key.replaceAll(NUL, REPLACEMENT), withoutNul(item));
  return copy;
}

/** The value with doubles for all numbers, for what knows no others (JSON Schema); the same value where all are. */
export const plainNumbers = <T>(value: T): T => withNumbers(value, (number) => number.valueOf());

/** The value with texts for the numbers that no double is equal to, for search indexes. */
export const numbersAsTexts = <T>(value: T): T => withNumbers(value, (number) => number.text);

function withNumbers<T>(value: T, as: (number: JsonNumber) => unknown): T {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof JsonNumber) return as(value) as T;
  let copy: object | undefined;
  for (const [key, item] of Object.entries(value)) {
    const plain: unknown = withNumbers(item, as);
    if (plain === item) continue;
    copy ??= Array.isArray(value) ? [...(value as unknown[])] : { ...value };
    setOwn(copy, key, plain);
  }
  return (copy ?? value) as T;
}

/** Where the first number is that no double is equal to; undefined when there is none. */
export function inexactNumber(value: unknown, path = ''): { path: string; text: string } | undefined {
  if (value instanceof JsonNumber) return { path, text: value.text };
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = inexactNumber(item, path === '' ? key : `${path}.${key}`);
    if (found) return found;
  }
  return undefined;
}

/** Integers beyond 2^53 in a value, with the way to them: JavaScript tools get them as BigInt. */
export function bigIntegers(
  value: JsonValue,
  way: (string | number)[] = [],
): [(string | number)[], string][] {
  if (value instanceof JsonNumber)
    return /^-?\d+$/.test(value.text) && value.text !== '-0' ? [[way, value.text]] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => bigIntegers(item, [...way, key]));
}
