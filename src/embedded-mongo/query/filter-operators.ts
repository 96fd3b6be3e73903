import { BSONRegExp, type Document } from 'bson';
import { QueryError, badValue, failedToParse, notSupported } from './errors';
import {
  BsonType,
  TYPE_NUMBERS,
  binaryOf,
  bsonType,
  fieldsOf,
  isDocument,
  isNullish,
  regexOf,
} from './bson-types';
import { Rank, compareBson, equalBson, rankOf } from './compare';
import { hashKey } from './key';
import { exactOf, isNumeric, toBigInt, toDouble } from './numbers';
import { compilePath, type LeafArrays } from './paths';
import { boundedTest, compileRegex, regexFromOperands } from './regex';

export type Predicate = (value: unknown) => boolean;
export type Matcher = (doc: Document) => boolean;

/** A condition on a field: at a path of a document (with array fan-out), or on one array element alone. */
export interface Condition {
  forPath(path: string): Matcher;
  forElement: Predicate;
}

/** Compiles a nested filter document; passed in so that this file and the filter compiler need no import cycle. */
export type FilterCompiler = (filter: Document) => Matcher;

function leaf(match: Predicate, arrays: LeafArrays = 'elements'): Condition {
  return {
    forPath(path) {
      const read = compilePath(path, arrays);
      return (doc) => read(doc, match);
    },
    forElement: match,
  };
}

export function not(condition: Condition): Condition {
  return {
    forPath(path) {
      const match = condition.forPath(path);
      return (doc) => !match(doc);
    },
    forElement: (value) => !condition.forElement(value),
  };
}

export function allOf(conditions: Condition[]): Condition {
  if (conditions.length === 1) return conditions[0]!;
  return {
    forPath(path) {
      const matchers = conditions.map((condition) => condition.forPath(path));
      return (doc) => matchers.every((match) => match(doc));
    },
    forElement: (value) => conditions.every((condition) => condition.forElement(value)),
  };
}

function equalityTest(operand: unknown): Predicate {
  if (isNullish(operand)) return isNullish;
  if (typeof operand === 'string' || typeof operand === 'boolean') {
    return (value) =>
      value === operand || (typeof value === 'object' && value !== null && equalBson(value, operand));
  }
  if (isNumeric(operand) && typeof exactOf(operand) === 'number') {
    const number = toDouble(operand);
    return (value) => value === number || (typeof value === 'object' && equalBson(value, operand));
  }
  return (value) => value !== undefined && equalBson(value, operand);
}

export const equals = (operand: unknown): Condition => leaf(equalityTest(operand));

const isNaNNumber = (value: unknown): boolean => isNumeric(value) && Number.isNaN(toDouble(value));

/** $gt, $gte, $lt, $lte compare within one type bracket; MinKey and MaxKey compare with everything. */
function comparison(accepts: (order: number) => boolean): (operand: unknown) => Condition {
  return (operand) => {
    const rank = rankOf(operand);
    if (bsonType(operand) === BsonType.regex)
      throw badValue("Can't have RegEx as arg to predicate over field");
    if (isNaNNumber(operand)) return accepts(0) ? leaf(isNaNNumber) : leaf(() => false);
    if (rank === Rank.number) {
      return leaf(
        (value) =>
          rankOf(value) === Rank.number && !isNaNNumber(value) && accepts(compareBson(value, operand)),
      );
    }
    if (rank === Rank.minKey || rank === Rank.maxKey) {
      return leaf((value) => value !== undefined && accepts(compareBson(value, operand)));
    }
    return leaf((value) => rankOf(value) === rank && accepts(compareBson(value, operand)));
  };
}

function regexTest(operand: unknown): Predicate {
  const { pattern, options } = regexOf(operand);
  return regexPredicate(boundedTest(compileRegex(pattern, options)), operand);
}

function regexPredicate(test: (text: string) => boolean, same?: unknown): Predicate {
  return (value) => {
    if (typeof value === 'string') return test(value);
    const type = bsonType(value);
    if (type === BsonType.symbol) return test(String(value));
    return type === BsonType.regex && same !== undefined && equalBson(value, same);
  };
}

/** A field compared with a regex value: strings that match it, and the same regex. */
export const matchesRegex = (operand: unknown): Condition => leaf(regexTest(operand));

function membership(operand: unknown, name: string): Condition {
  if (!Array.isArray(operand)) throw badValue(`${name} needs an array`);
  const keys = new Set<unknown>();
  const regexes: Predicate[] = [];
  for (const element of operand) {
    if (bsonType(element) === BsonType.regex) regexes.push(regexTest(element));
    else if (
      isDocument(element) &&
      (Object.keys(element)[0] ?? '').startsWith('$') &&
      !isReference(element)
    ) {
      throw badValue(`cannot nest $ under ${name}`);
    } else keys.add(hashKey(element));
  }
  if (regexes.length === 0) return leaf((value) => keys.has(hashKey(value)));
  return leaf((value) => keys.has(hashKey(value)) || regexes.some((test) => test(value)));
}

export function isReference(value: Document): boolean {
  const first = Object.keys(fieldsOf(value))[0];
  return first === '$ref' || first === '$id' || first === '$db';
}

function all(operand: unknown, compile: FilterCompiler): Condition {
  if (!Array.isArray(operand)) throw badValue('$all needs an array');
  if (operand.length === 0) return leaf(() => false);
  return allOf(
    operand.map((element) => {
      if (isDocument(element) && '$elemMatch' in element) return elemMatch(element.$elemMatch, compile);
      if (isDocument(element) && (Object.keys(element)[0] ?? '').startsWith('$') && !isReference(element)) {
        throw badValue('no $ expressions in $all');
      }
      return bsonType(element) === BsonType.regex ? matchesRegex(element) : equals(element);
    }),
  );
}

const LOGICAL = new Set(['$and', '$or', '$nor', '$expr', '$where', '$jsonSchema', '$comment']);

function elemMatch(operand: unknown, compile: FilterCompiler): Condition {
  if (!isDocument(operand)) throw badValue('$elemMatch needs an Object');
  const first = Object.keys(operand)[0];
  if (first !== undefined && first.startsWith('$') && !LOGICAL.has(first) && !isReference(operand)) {
    const test = compileCondition(operand, compile).forElement;
    return leaf((value) => Array.isArray(value) && value.some(test), 'whole');
  }
  const matches = compile(operand);
  // An array element is matched as a document of its positions.
  const test: Predicate = (element) =>
    (isDocument(element) || Array.isArray(element)) && matches(element as Document);
  return leaf((value) => Array.isArray(value) && value.some(test), 'whole');
}

function size(operand: unknown): Condition {
  if (!isNumeric(operand)) throw badValue('Failed to parse $size. Expected a number in: $size');
  const expected = toDouble(operand);
  if (!Number.isInteger(expected))
    throw badValue(`Failed to parse $size. Expected an integer: $size: ${expected}`);
  if (expected < 0)
    throw badValue(`Failed to parse $size. Expected a non-negative number in: $size: ${expected}`);
  return leaf((value) => Array.isArray(value) && value.length === expected, 'whole');
}

function mod(operand: unknown): Condition {
  if (!Array.isArray(operand)) throw badValue('malformed mod, needs to be an array');
  if (operand.length < 2) throw badValue('malformed mod, not enough elements');
  if (operand.length > 2) throw badValue('malformed mod, too many elements');
  const [divisor, remainder] = operand.map((part) => {
    if (!isNumeric(part) || !Number.isFinite(toDouble(part)))
      throw badValue('malformed mod, divisor and remainder must be numbers');
    return toBigInt(part);
  }) as [bigint, bigint];
  if (divisor === 0n) throw badValue('divisor cannot be 0');
  return leaf(
    (value) =>
      isNumeric(value) && Number.isFinite(toDouble(value)) && toBigInt(value) % divisor === remainder,
  );
}

/** Type numbers a `$type` operand names, "number" standing for all four numeric types. */
export function typeNumbers(operand: unknown): Set<number> {
  const types = new Set<number>();
  for (const one of Array.isArray(operand) ? operand : [operand]) {
    if (one === 'number')
      for (const type of [BsonType.int, BsonType.long, BsonType.double, BsonType.decimal]) types.add(type);
    else if (typeof one === 'string') {
      const type = TYPE_NUMBERS.get(one);
      if (type === undefined) throw badValue(`Unknown type name alias: ${one}`);
      types.add(type);
    } else if (isNumeric(one)) {
      const type = toDouble(one);
      if (![...TYPE_NUMBERS.values()].includes(type)) throw badValue(`Invalid numerical type code: ${type}`);
      types.add(type);
    } else throw new QueryError(14, 'type must be represented as a number or a string');
  }
  if (types.size === 0) throw failedToParse('$type must match at least one type');
  return types;
}

function typeCondition(operand: unknown): Condition {
  const types = typeNumbers(operand);
  return leaf((value) => value !== undefined && types.has(bsonType(value)));
}

function bitMask(operand: unknown, name: string): bigint {
  if (Array.isArray(operand)) {
    return operand.reduce<bigint>((mask, position) => {
      if (!isNumeric(position) || !Number.isInteger(toDouble(position)))
        throw failedToParse(`Failed to parse bit position. Expected a number in: ${name}`);
      if (toDouble(position) < 0)
        throw failedToParse(`Failed to parse bit position. Expected a non-negative number in: ${name}`);
      return mask | (1n << toBigInt(position));
    }, 0n);
  }
  if (bsonType(operand) === BsonType.binData) return bytesToBits(operand);
  if (!isNumeric(operand) || !Number.isInteger(toDouble(operand))) {
    throw badValue(`${name} takes an Array, a number, or a BinData but received: ${String(operand)}`);
  }
  if (toDouble(operand) < 0)
    throw failedToParse(`Expected a non-negative number in: ${name}: ${toDouble(operand)}`);
  return toBigInt(operand);
}

const bytesToBits = (value: unknown): bigint =>
  binaryOf(value).bytes.reduceRight((bits, byte) => (bits << 8n) | BigInt(byte), 0n);

/** The bits of a number (sign-extended) or of binary data; undefined for what has none. */
function bitsOf(value: unknown): bigint | undefined {
  if (bsonType(value) === BsonType.binData) return bytesToBits(value);
  if (!isNumeric(value)) return undefined;
  const number = toDouble(value);
  return Number.isInteger(number) && Math.abs(number) <= 2 ** 63 ? toBigInt(value) : undefined;
}

function bits(
  name: string,
  accepts: (set: bigint, mask: bigint) => boolean,
): (operand: unknown) => Condition {
  return (operand) => {
    const mask = bitMask(operand, name);
    return leaf((value) => {
      const present = bitsOf(value);
      return present !== undefined && accepts(present & mask, mask);
    });
  };
}

function exists(operand: unknown): Condition {
  const present = leaf((value) => value !== undefined, 'whole');
  return isTruthyOperand(operand) ? present : not(present);
}

const isTruthyOperand = (operand: unknown): boolean =>
  !(isNullish(operand) || operand === false || (isNumeric(operand) && toDouble(operand) === 0));

function negation(operand: unknown, compile: FilterCompiler): Condition {
  if (bsonType(operand) === BsonType.regex) return not(matchesRegex(operand));
  if (!isDocument(operand)) throw badValue('$not needs a regex or a document');
  const keys = Object.keys(operand);
  if (keys.length === 0) throw badValue('$not cannot be empty');
  return not(compileCondition(operand, compile));
}

type OperatorCompiler = (operand: unknown, compile: FilterCompiler, siblings: Document) => Condition;

const OPERATORS: Record<string, OperatorCompiler> = {
  $eq: (operand) => equals(operand),
  $ne: (operand) => {
    if (bsonType(operand) === BsonType.regex) throw badValue("Can't have regex as arg to $ne.");
    return not(equals(operand));
  },
  $gt: comparison((order) => order > 0),
  $gte: comparison((order) => order >= 0),
  $lt: comparison((order) => order < 0),
  $lte: comparison((order) => order <= 0),
  $in: (operand) => membership(operand, '$in'),
  $nin: (operand) => not(membership(operand, '$nin')),
  $exists: exists,
  $type: typeCondition,
  $size: size,
  $mod: mod,
  $all: all,
  $elemMatch: elemMatch,
  $not: negation,
  $regex: (operand, _compile, siblings) => {
    const regex = regexFromOperands(operand, siblings.$options);
    const { pattern, options } =
      typeof operand === 'string' ? { pattern: operand, options: '' } : regexOf(operand);
    const given = (siblings.$options as string | undefined) ?? options;
    // A stored regex matches too when it is the same one.
    return leaf(regexPredicate(boundedTest(regex), new BSONRegExp(pattern, given)));
  },
  $options: (_operand, _compile, siblings) => {
    if (!('$regex' in siblings)) throw badValue('$options needs a $regex');
    return leaf(() => true, 'whole');
  },
  $bitsAllSet: bits('$bitsAllSet', (set, mask) => set === mask),
  $bitsAnySet: bits('$bitsAnySet', (set) => set !== 0n),
  $bitsAllClear: bits('$bitsAllClear', (set) => set === 0n),
  $bitsAnyClear: bits('$bitsAnyClear', (set, mask) => set !== mask),
};

const UNSUPPORTED = new Set([
  '$near',
  '$nearSphere',
  '$geoWithin',
  '$geoIntersects',
  '$within',
  '$maxDistance',
  '$minDistance',
  '$geometry',
]);

export const isOperatorDocument = (value: unknown): value is Document => {
  if (!isDocument(value)) return false;
  const first = Object.keys(value)[0];
  return first !== undefined && first.startsWith('$') && !isReference(value);
};

/** Compiles `{ $op: operand, ... }`, every operator of which must hold. */
export function compileCondition(operators: Document, compile: FilterCompiler): Condition {
  const conditions: Condition[] = [];
  for (const [name, operand] of Object.entries(operators)) {
    if (UNSUPPORTED.has(name)) throw notSupported(`The query operator ${name}`);
    const operator = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
    if (operator === undefined) throw badValue(`unknown operator: ${name}`);
    if (name !== '$options') conditions.push(operator(operand, compile, operators));
    else operator(operand, compile, operators);
  }
  return allOf(conditions);
}
