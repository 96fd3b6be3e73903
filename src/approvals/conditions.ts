import { isDeepStrictEqual } from 'node:util';
import { invalid } from '../errors';
import { comparable } from '../json';
import type { JsonValue } from '../ports/records';
import type { PolicyCondition } from '../ports/tools';

export const OPERATORS = [
  'eq',
  'ne',
  'in',
  'nin',
  'gt',
  'gte',
  'lt',
  'lte',
  'contains',
  'matches',
  'exists',
] as const satisfies readonly PolicyCondition['operator'][];

const MOST_CONDITIONS = 20;
const PATH_CHARACTERS = 200;
const PATTERN_CHARACTERS = 200;
/** Longer texts match no pattern: the call then waits for a human. Keeps the work for one condition under 2 million steps. */
const TEXT_CHARACTERS = 10_000;
const VALUE_CHARACTERS = 10_000;

/** Stands for every element of a list in a path. */
const EACH = '*';

/**
 * True when every condition holds. A path that leads nowhere fails its condition whatever the operator, so that a rule
 * never approves what it does not know; only `exists` may ask for absence.
 */
export const holdAll = (conditions: PolicyCondition[], args: JsonValue): boolean =>
  conditions.every((condition) => holds(condition, args));

/** Whether one condition holds; a path with `*` must hold for every element, of which there must be one. */
export function holds({ path, operator, value }: PolicyCondition, args: JsonValue): boolean {
  const found = valuesAt(args, path.split('.'));
  if (operator === 'exists') return isDeepStrictEqual(value, found !== undefined);
  return found !== undefined && found.length > 0 && found.every((one) => compare(operator, one, value));
}

/** The values that a path leads to; undefined when it, or any branch of it, leads nowhere. */
function valuesAt(from: JsonValue, keys: string[]): JsonValue[] | undefined {
  const [key, ...rest] = keys;
  if (key === undefined) return [from];
  if (typeof from !== 'object' || from === null) return undefined;
  if (key === EACH && Array.isArray(from)) {
    const branches = from.map((element) => valuesAt(element, rest));
    const complete = branches.length > 0 && branches.every((branch) => branch !== undefined);
    return complete ? branches.flat() : undefined;
  }
  if (Array.isArray(from)) return /^\d{1,6}$/.test(key) ? below(from, Number(key), rest) : undefined;
  return below(from as Record<string, JsonValue>, key, rest);
}

/** Own values only: a path cannot reach what JavaScript gives every object. */
const below = <K extends PropertyKey>(
  from: Partial<Record<K, JsonValue>>,
  key: K,
  rest: string[],
): JsonValue[] | undefined => (Object.hasOwn(from, key) ? valuesAt(from[key]!, rest) : undefined);

function compare(operator: PolicyCondition['operator'], actual: JsonValue, value: JsonValue): boolean {
  switch (operator) {
    case 'eq':
      return isSame(actual, value);
    case 'ne':
      return !isSame(actual, value);
    case 'in':
      return Array.isArray(value) && value.some((one) => isSame(actual, one));
    case 'nin':
      return Array.isArray(value) && !value.some((one) => isSame(actual, one));
    case 'contains':
      return containsValue(actual, value);
    case 'matches':
      return typeof actual === 'string' && typeof value === 'string' && matchesPattern(actual, value);
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return isOrdered(operator, actual, value);
    case 'exists':
      return true;
  }
}

/** JSON equality; 0 and -0 are one number. */
const isSame = (a: JsonValue, b: JsonValue): boolean => {
  const [one, other] = [comparableJson(a), comparableJson(b)];
  return one === other || isDeepStrictEqual(one, other);
};

/** All numbers of a value as `comparable` has them. */
function comparableJson(value: unknown): unknown {
  const known = comparable(value);
  if (typeof known !== 'object' || known === null) return known;
  if (Array.isArray(known)) return known.map(comparableJson);
  return Object.fromEntries(Object.entries(known).map(([key, item]) => [key, comparableJson(item)]));
}

/** Numbers with numbers, texts with texts (by UTF-16 code units, so that ISO dates order by time); else false. */
function isOrdered(operator: 'gt' | 'gte' | 'lt' | 'lte', actual: JsonValue, value: JsonValue): boolean {
  const [a, b] = [comparable(actual), comparable(value)] as (number | string)[] as [number, number];
  const areOrdered = (isNumber(a) && isNumber(b)) || (typeof a === 'string' && typeof b === 'string');
  if (!areOrdered) return false;
  if (operator === 'gt') return a > b;
  if (operator === 'gte') return a >= b;
  return operator === 'lt' ? a < b : a <= b;
}

/** Integers that no double is equal to are compared as bigints. */
const isNumber = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint';

const containsValue = (actual: JsonValue, value: JsonValue): boolean =>
  typeof actual === 'string'
    ? typeof value === 'string' && actual.includes(value)
    : Array.isArray(actual) && actual.some((one) => isSame(one, value));

/**
 * Whether a whole text fits a pattern: `*` stands for any characters, `?` for one, everything else for itself, upper and
 * lower case apart. No regular expressions: their time can grow without bound. On a mismatch only the last `*` takes one
 * more character, so the steps are at most characters times pattern characters.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  if (text.length > TEXT_CHARACTERS) return false;
  let at = 0;
  let p = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      starAt = at;
    } else if (pattern[p] === '?' || pattern[p] === text[at]) {
      p++;
      at++;
    } else if (star >= 0) {
      p = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** A condition as it comes in; without a value it compares with null. */
export type ConditionInput = Omit<PolicyCondition, 'value'> & { value?: JsonValue };

/** @throws DomainError `validation_failed` naming `conditions.<index>.<field>` */
export function checkConditions(conditions: ConditionInput[]): PolicyCondition[] {
  if (conditions.length > MOST_CONDITIONS)
    throw invalid('conditions', `must have at most ${MOST_CONDITIONS} entries, has ${conditions.length}`);
  return conditions.map(({ path, operator, value }, index) => {
    const at = `conditions.${index}`;
    if (path.length > PATH_CHARACTERS || path.split('.').some((key) => key === ''))
      throw invalid(
        `${at}.path`,
        `must be a dotted path of at most ${PATH_CHARACTERS} characters: amount, to.0.email, to.*.email`,
      );
    if (JSON.stringify(value ?? null).length > VALUE_CHARACTERS)
      throw invalid(`${at}.value`, `must have at most ${VALUE_CHARACTERS} characters as JSON`);
    const complaint = aboutValue(operator, value ?? null);
    if (complaint !== undefined) throw invalid(`${at}.value`, complaint);
    return { path, operator, value: value ?? null };
  });
}

function aboutValue(operator: PolicyCondition['operator'], value: JsonValue): string | undefined {
  switch (operator) {
    case 'in':
    case 'nin':
      return Array.isArray(value) && value.length > 0
        ? undefined
        : `must be a list of values for ${operator}`;
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return isNumber(comparable(value)) || typeof value === 'string'
        ? undefined
        : `must be a number or a text for ${operator}`;
    case 'exists':
      return typeof value === 'boolean' ? undefined : 'must be true or false for exists';
    case 'matches':
      return typeof value === 'string' && value !== '' && value.length <= PATTERN_CHARACTERS
        ? undefined
        : `must be a pattern of 1 to ${PATTERN_CHARACTERS} characters: * stands for any characters, ? for one`;
    default:
      return undefined;
  }
}
