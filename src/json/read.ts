import type { JsonValue } from '../ports/records';
import { exactNumber, isPlainNumber, JsonNumber, keepsValue, numberProblem } from './number';

/** BSON ends at 200 levels, and what a value is part of takes a few. */
export const MAX_JSON_DEPTH = 100;
/** Of all objects together; work that follows grows with their number. */
export const MAX_JSON_KEYS = 50_000;

/** Well-formed JSON that is not taken; `path` is dotted, '' for the value itself. */
export class JsonProblem extends Error {
  constructor(
    readonly path: string,
    readonly reason: string,
    /** What is wrong: a number could be kept by nobody, the others go on as text. */
    readonly kind: 'number' | 'keys' | 'shape',
  ) {
    super(path === '' ? reason : `${path}: ${reason}`);
  }
}

/** The texts of numbers by the object or list that has them, where JavaScript would write another. */
const texts = new WeakMap<object, Map<string | number, string>>();

/**
 * Reads JSON of a client: numbers are doubles, and what these lose is remembered for `exactNumbers` and `exactTexts`, so
 * that fields with a type of their own (a limit of 10.0) see numbers.
 * @param depth levels at most
 * @throws SyntaxError when the text is no JSON; JsonProblem for a number that nobody can keep, equal keys, too many keys or levels
 */
export const readClientJson = (text: string, depth = MAX_JSON_DEPTH): unknown =>
  read(text, depth, clientNumber);

/** A client's number as a double, whose text is remembered where it says more. */
export function clientNumber(text: string, holder: object, key: string | number): number {
  if (!isPlainNumber(text)) {
    const known = texts.get(holder) ?? new Map<string | number, string>();
    texts.set(holder, known.set(key, text));
  }
  return Number(text);
}

/** Reads JSON of models and tools, where each number keeps its text. Errors as of `readClientJson`. */
export const readExactJson = (text: string): JsonValue =>
  read(text, MAX_JSON_DEPTH, exactNumber) as JsonValue;

type TakeNumber = (text: string, holder: object, key: string | number) => unknown;

function read(text: string, depth: number, take: TakeNumber): unknown {
  const value: unknown = JSON.parse(text);
  const { keys, odd } = scan(text);
  if (!odd && keys <= MAX_JSON_KEYS && keysWithin(value, depth) === keys) return value;
  const read = new Reader(text, depth, take).read();
  if (typeof read === 'object' && read !== null) readSlowly.add(read);
  return read;
}

/** Values that have, or may have, numbers whose text says more. */
const readSlowly = new WeakSet<object>();

/** Whether a value that was read here may have numbers for `exactNumbers`; others need not be looked through. */
export const mayHaveTexts = (value: object): boolean => readSlowly.has(value);

/** Whether `JSON.parse` would hide something of a text that is JSON: a number's text, a key given twice, or too many levels or keys. */
export function losesText(text: string): boolean {
  const { keys, odd } = scan(text);
  return odd || keys > MAX_JSON_KEYS || keysWithin(JSON.parse(text), MAX_JSON_DEPTH) !== keys;
}

/** The value with those numbers exact that are no double; changes the value that `readClientJson` made. */
export const exactNumbers = (value: JsonValue): JsonValue => restore(value, (text) => !keepsValue(text));

/** The value with all numbers as their text has them: for tools that tell 10.0 from 10. */
export const exactTexts = (value: JsonValue): JsonValue => restore(value, () => true);

/** A number that stands in a field or item by itself, from the object or list that `readClientJson` made. */
export function exactField(holder: object, key: string | number): unknown {
  const text = texts.get(holder)?.get(key);
  return text === undefined || keepsValue(text)
    ? (holder as Record<string | number, unknown>)[key]
    : new JsonNumber(text);
}

function restore<V extends JsonValue>(value: V, wanted: (text: string) => boolean): V {
  if (typeof value !== 'object' || value === null || value instanceof JsonNumber) return value;
  const holder = value as Record<string | number, JsonValue>;
  for (const [key, text] of texts.get(holder) ?? [])
    // Whoever changed the number in between meant it.
    if (holder[key] === Number(text) && wanted(text)) holder[key] = exactNumber(text);
  for (const child of Array.isArray(value) ? value : Object.values(value))
    if (typeof child === 'object' && child !== null) restore(child, wanted);
  return value;
}

const QUOTE = '"';
const COLON = 58;
const BACKSLASH = 92;
const MINUS = 45;
const isDigit = (code: number): boolean => code >= 48 && code <= 57;
export const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;

/**
 * What `JSON.parse` hides: how many keys were written, and whether a number has a text that JavaScript would not write.
 * Strings are passed over, so that a long message costs nothing.
 */
function scan(text: string): { keys: number; odd: boolean } {
  let keys = 0;
  let odd = false;
  let from = 0;
  for (let quote = text.indexOf(QUOTE); quote !== -1; quote = text.indexOf(QUOTE, from)) {
    odd ||= hasOddNumber(text, from, quote);
    from = endOfString(text, quote) + 1;
    let next = from;
    while (isSpace(text.charCodeAt(next))) next++;
    if (text.charCodeAt(next) === COLON) keys++;
  }
  return { keys, odd: odd || hasOddNumber(text, from, text.length) };
}

/** Where the string ends that begins at `start`: at its closing quote. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf(QUOTE, start + 1);
  while (end !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf(QUOTE, end + 1);
  }
  return text.length;
}

/** Only such numbers can be written in another way: with an exponent, a zero at the end, many digits, or -0. */
const MAYBE_ODD = /[eE]|^-0|\.\d*0$|[\d.]{16}|^0\.0{5}/;

function hasOddNumber(text: string, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code !== MINUS && !isDigit(code)) continue;
    const stop = endOfNumber(text, at);
    const number = text.slice(at, stop);
    if (MAYBE_ODD.test(number) && !isPlainNumber(number)) return true;
    at = stop;
  }
  return false;
}

function endOfNumber(text: string, start: number): number {
  let end = start;
  while (NUMBER_CODES.has(text.charCodeAt(end))) end++;
  return end;
}

const NUMBER_CODES = new Set([...'+-.0123456789eE'].map((character) => character.charCodeAt(0)));

/** How many keys a value has; NaN when it nests deeper. */
function keysWithin(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === 0) return Number.NaN;
  let keys = 0;
  const children = Array.isArray(value) ? value : Object.values(value);
  if (!Array.isArray(value)) keys += children.length;
  for (const child of children)
    if (typeof child === 'object' && child !== null) keys += keysWithin(child, depth - 1);
  return keys;
}

const PATH_CHARACTERS = 200;
const tooDeep = (depth: number): string => `must not be nested deeper than ${depth} levels`;

/** Reads a text that is known to be JSON, slower than `JSON.parse`, and sees what that does not show. */
class Reader {
  private at = 0;
  private keys = 0;
  private readonly path: (string | number)[] = [];

  constructor(
    private readonly text: string,
    private readonly depth: number,
    private readonly take: TakeNumber,
  ) {}

  read(): unknown {
    const top: { value?: unknown } = {};
    this.value((value) => (top.value = value), top);
    return top.value;
  }

  private problem(reason: string, kind: JsonProblem['kind']): JsonProblem {
    return new JsonProblem(this.path.join('.').slice(0, PATH_CHARACTERS), reason, kind);
  }

  private value(put: (value: unknown) => void, holder: object): void {
    this.space();
    const first = this.text[this.at]!;
    if (first === '{') this.object(put);
    else if (first === '[') this.list(put);
    else if (first === QUOTE) put(this.string());
    else if (first === '-' || isDigit(first.charCodeAt(0))) put(this.number(holder));
    else put(this.word());
  }

  private object(put: (value: unknown) => void): void {
    const made: Record<string, unknown> = {};
    put(made);
    this.open();
    const seen = new Set<string>();
    while (this.more('}')) {
      const key = this.string();
      this.path.push(key);
      if (seen.has(key)) throw this.problem('is given twice in one object', 'keys');
      if (++this.keys > MAX_JSON_KEYS)
        throw this.problem(`is one of more than ${MAX_JSON_KEYS} keys, which are too many`, 'shape');
      seen.add(key);
      this.space();
      this.at++; // the colon
      this.value((value) => setOwn(made, key, value), made);
      this.path.pop();
    }
    this.level--;
  }

  private list(put: (value: unknown) => void): void {
    const made: unknown[] = [];
    put(made);
    this.open();
    while (this.more(']')) {
      this.path.push(made.length);
      this.value((value) => void made.push(value), made);
      this.path.pop();
    }
    this.level--;
  }

  private level = 0;

  private open(): void {
    if (++this.level > this.depth) throw this.problem(tooDeep(this.depth), 'shape');
    this.at++;
  }

  /** Passes the comma, or the end. */
  private more(end: string): boolean {
    this.space();
    const next = this.text[this.at];
    if (next === end || next === ',') this.at++;
    this.space();
    return next !== end;
  }

  private string(): string {
    const end = endOfString(this.text, this.at) + 1;
    const written = this.text.slice(this.at, end);
    this.at = end;
    return written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1);
  }

  private number(holder: object): unknown {
    const end = endOfNumber(this.text, this.at);
    const number = this.text.slice(this.at, end);
    const problem = numberProblem(number);
    if (problem !== undefined) throw this.problem(problem, 'number');
    this.at = end;
    return isPlainNumber(number) ? Number(number) : this.take(number, holder, this.path.at(-1) ?? '');
  }

  private word(): boolean | null {
    const first = this.text[this.at];
    this.at += first === 'f' ? 5 : 4;
    return first === 'n' ? null : first === 't';
  }

  private space(): void {
    while (isSpace(this.text.charCodeAt(this.at))) this.at++;
  }
}

/** Assigning `__proto__` would set the prototype. */
export function setOwn(target: object, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else (target as Record<string, unknown>)[key] = value;
}
