import type { Document, ObjectId, Timestamp } from 'bson';
import { BsonType, EMPTY_ARRAY_KEY, binaryOf, bsonType, fieldsOf, regexOf } from './bson-types';
import { compareNumbers } from './numbers';

/**
 * Canonical rank of each type in MongoDB's comparison order. The ranks double as the type bytes of index keys, so
 * they stay within 1..254 and, once written to disk, never change.
 */
export const enum Rank {
  minKey = 10,
  emptyArray = 15,
  null = 20,
  number = 30,
  string = 40,
  object = 50,
  array = 60,
  binData = 70,
  objectId = 80,
  bool = 90,
  date = 100,
  timestamp = 110,
  regex = 120,
  javascript = 130,
  javascriptWithScope = 140,
  maxKey = 240,
}

const RANK_OF_TYPE: Record<number, Rank> = {
  [BsonType.minKey]: Rank.minKey,
  [BsonType.undefined]: Rank.null,
  [BsonType.null]: Rank.null,
  [BsonType.int]: Rank.number,
  [BsonType.long]: Rank.number,
  [BsonType.double]: Rank.number,
  [BsonType.decimal]: Rank.number,
  [BsonType.string]: Rank.string,
  [BsonType.symbol]: Rank.string,
  [BsonType.object]: Rank.object,
  [BsonType.array]: Rank.array,
  [BsonType.binData]: Rank.binData,
  [BsonType.objectId]: Rank.objectId,
  [BsonType.bool]: Rank.bool,
  [BsonType.date]: Rank.date,
  [BsonType.timestamp]: Rank.timestamp,
  [BsonType.regex]: Rank.regex,
  [BsonType.javascript]: Rank.javascript,
  [BsonType.javascriptWithScope]: Rank.javascriptWithScope,
  [BsonType.maxKey]: Rank.maxKey,
};

export function rankOf(value: unknown): Rank {
  if (typeof value === 'string') return Rank.string;
  if (value === EMPTY_ARRAY_KEY) return Rank.emptyArray;
  return RANK_OF_TYPE[bsonType(value)] ?? Rank.object;
}

const sign = (n: number): number => (n < 0 ? -1 : n > 0 ? 1 : 0);

const SURROGATES = 0xd800;

/** Compares by UTF-8 bytes as MongoDB does; UTF-16 order differs only where a surrogate meets U+E000 and above. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= SURROGATES && y >= SURROGATES) return sign(codePointWeight(x) - codePointWeight(y));
    return x < y ? -1 : 1;
  }
  return sign(a.length - b.length);
}

const codePointWeight = (unit: number): number =>
  unit >= SURROGATES && unit <= 0xdfff ? unit + 0x10000 : unit;

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

function compareDocuments(a: Document, b: Document): number {
  const left = fieldsOf(a);
  const right = fieldsOf(b);
  const leftKeys = Object.keys(left);
  const rightKeys = Object.keys(right);
  const shared = Math.min(leftKeys.length, rightKeys.length);
  for (let i = 0; i < shared; i += 1) {
    const x = left[leftKeys[i]!];
    const y = right[rightKeys[i]!];
    const order = rankOf(x) - rankOf(y) || compareStrings(leftKeys[i]!, rightKeys[i]!) || compareBson(x, y);
    if (order !== 0) return sign(order);
  }
  return sign(leftKeys.length - rightKeys.length);
}

function compareArrays(a: unknown[], b: unknown[]): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i += 1) {
    const order = compareBson(a[i], b[i]);
    if (order !== 0) return order;
  }
  return sign(a.length - b.length);
}

function compareBinary(a: unknown, b: unknown): number {
  const left = binaryOf(a);
  const right = binaryOf(b);
  return (
    sign(left.bytes.length - right.bytes.length) ||
    sign(left.subType - right.subType) ||
    compareBytes(left.bytes, right.bytes)
  );
}

function compareRegex(a: unknown, b: unknown): number {
  const left = regexOf(a);
  const right = regexOf(b);
  return compareStrings(left.pattern, right.pattern) || compareStrings(left.options, right.options);
}

interface CodeLike {
  code: string;
  scope?: Document;
}

/**
 * MongoDB's total order over BSON values: MinKey, null (and missing), numbers of every type by exact value, strings
 * and symbols by UTF-8 bytes, documents field by field in order (type, name, value), arrays element by element,
 * binary (length, sub-type, bytes), ObjectId, bool, date, timestamp, regex, code, MaxKey. NaN is the least number.
 * @returns -1, 0 or 1
 */
export function compareBson(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  const rank = rankOf(a);
  const other = rankOf(b);
  if (rank !== other) return rank < other ? -1 : 1;
  switch (rank) {
    case Rank.number:
      return compareNumbers(a, b);
    case Rank.string:
      return compareStrings(String(a), String(b));
    case Rank.object:
      return compareDocuments(a as Document, b as Document);
    case Rank.array:
      return compareArrays(a as unknown[], b as unknown[]);
    case Rank.binData:
      return compareBinary(a, b);
    case Rank.objectId:
      return compareBytes((a as ObjectId).id, (b as ObjectId).id);
    case Rank.bool:
      return sign(Number(a) - Number(b));
    case Rank.date:
      return sign((a as Date).getTime() - (b as Date).getTime());
    case Rank.timestamp:
      return (a as Timestamp).compare(b as Timestamp);
    case Rank.regex:
      return compareRegex(a, b);
    case Rank.javascript:
      return compareStrings((a as CodeLike).code, (b as CodeLike).code);
    case Rank.javascriptWithScope:
      return (
        compareStrings((a as CodeLike).code, (b as CodeLike).code) ||
        compareDocuments((a as CodeLike).scope ?? {}, (b as CodeLike).scope ?? {})
      );
    default:
      return 0;
  }
}

export const equalBson = (a: unknown, b: unknown): boolean => a === b || compareBson(a, b) === 0;
