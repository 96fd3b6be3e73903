import { Binary, Decimal128, Double, Int32, Long } from 'bson';
import type { Document } from 'bson';

/** BSON type codes (bsonspec.org), with MongoDB's -1 and 127 for MinKey and MaxKey. */
export const enum BsonType {
  minKey = -1,
  double = 1,
  string = 2,
  object = 3,
  array = 4,
  binData = 5,
  undefined = 6,
  objectId = 7,
  bool = 8,
  date = 9,
  null = 10,
  regex = 11,
  javascript = 13,
  symbol = 14,
  javascriptWithScope = 15,
  int = 16,
  timestamp = 17,
  long = 18,
  decimal = 19,
  maxKey = 127,
}

/** The names `$type` accepts and the `$type` expression answers. */
export const TYPE_NAMES: Record<number, string> = {
  [-1]: 'minKey',
  1: 'double',
  2: 'string',
  3: 'object',
  4: 'array',
  5: 'binData',
  6: 'undefined',
  7: 'objectId',
  8: 'bool',
  9: 'date',
  10: 'null',
  11: 'regex',
  12: 'dbPointer',
  13: 'javascript',
  14: 'symbol',
  15: 'javascriptWithScope',
  16: 'int',
  17: 'timestamp',
  18: 'long',
  19: 'decimal',
  127: 'maxKey',
};

export const TYPE_NUMBERS = new Map(Object.entries(TYPE_NAMES).map(([code, name]) => [name, Number(code)]));

/**
 * The index key of an empty array. MongoDB indexes and sorts `[]` as the deprecated type "undefined", before null.
 * A missing field is null instead, hence a value of its own.
 */
export const EMPTY_ARRAY_KEY: unique symbol = Symbol('empty array');

const WRAPPED_TYPES: Record<string, number> = {
  Int32: BsonType.int,
  Double: BsonType.double,
  Long: BsonType.long,
  Decimal128: BsonType.decimal,
  ObjectId: BsonType.objectId,
  ObjectID: BsonType.objectId,
  Binary: BsonType.binData,
  UUID: BsonType.binData,
  Timestamp: BsonType.timestamp,
  BSONRegExp: BsonType.regex,
  BSONSymbol: BsonType.symbol,
  MinKey: BsonType.minKey,
  MaxKey: BsonType.maxKey,
  DBRef: BsonType.object,
};

const INT32_MIN = -0x80000000;
const INT32_MAX = 0x7fffffff;

export const isInt32 = (n: number): boolean => n === (n | 0) && !Object.is(n, -0);
export const fitsInt32 = (n: bigint): boolean => n >= INT32_MIN && n <= INT32_MAX;

/** The BSON type a value has or, for a promoted JS value, would be stored as. A missing value counts as undefined. */
export function bsonType(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return BsonType.string;
    case 'number':
      return isInt32(value) ? BsonType.int : BsonType.double;
    case 'boolean':
      return BsonType.bool;
    case 'bigint':
      return BsonType.long;
    case 'object':
      return value === null ? BsonType.null : objectType(value);
    default:
      return BsonType.undefined;
  }
}

function objectType(value: object): number {
  const tag = (value as { _bsontype?: unknown })._bsontype;
  // A stored document may itself have a field named _bsontype; only the getter of a BSON class counts.
  if (typeof tag === 'string' && !Object.hasOwn(value, '_bsontype')) {
    if (tag === 'Code') {
      return (value as { scope?: unknown }).scope ? BsonType.javascriptWithScope : BsonType.javascript;
    }
    return WRAPPED_TYPES[tag] ?? BsonType.object;
  }
  if (Array.isArray(value)) return BsonType.array;
  if (value instanceof Date) return BsonType.date;
  if (value instanceof RegExp) return BsonType.regex;
  if (ArrayBuffer.isView(value)) return BsonType.binData;
  return BsonType.object;
}

export const isDocument = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && objectType(value) === BsonType.object;

export const isNullish = (value: unknown): value is null | undefined => value === null || value === undefined;

/** A field's own value; names such as `constructor` or `__proto__` never reach Object.prototype. */
export function getField(doc: object, key: string): unknown {
  const value = (doc as Record<string, unknown>)[key];
  if (value === undefined) return undefined;
  if (typeof value !== 'function' && key !== '__proto__') return value;
  return Object.hasOwn(doc, key) ? value : undefined;
}

/** Sets a field as data, also when it is named `__proto__`. */
export function setField(doc: Document, key: string, value: unknown): void {
  if (key !== '__proto__') doc[key] = value;
  else Object.defineProperty(doc, key, { value, enumerable: true, configurable: true, writable: true });
}

/** The fields of a document in order; a DBRef is the document `{ $ref, $id, $db?, ... }` it is stored as. */
export function fieldsOf(value: Document): Document {
  const ref = value as {
    _bsontype?: unknown;
    collection: string;
    oid: unknown;
    db?: string;
    fields?: Document;
  };
  if (ref._bsontype !== 'DBRef' || Object.hasOwn(value, '_bsontype')) return value;
  return { $ref: ref.collection, $id: ref.oid, ...(ref.db ? { $db: ref.db } : {}), ...ref.fields };
}

/** A copy whose documents and arrays are new; BSON scalars are immutable here and shared. */
export function cloneValue<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(cloneValue) as T;
  if (!isDocument(value)) return value;
  const fields = fieldsOf(value);
  const copy: Document = {};
  for (const key of Object.keys(fields)) setField(copy, key, cloneValue(fields[key]));
  return copy as T;
}

/** The bytes and sub-type of a binary value. */
export function binaryOf(value: unknown): { bytes: Uint8Array; subType: number } {
  if (ArrayBuffer.isView(value)) return { bytes: value as Uint8Array, subType: 0 };
  const binary = value as Binary;
  return { bytes: binary.buffer.subarray(0, binary.position), subType: binary.sub_type };
}

/** Pattern and alphabetically sorted options of a regular expression value. */
export function regexOf(value: unknown): { pattern: string; options: string } {
  if (value instanceof RegExp) {
    const options = value.flags.replace(/[^imsux]/g, '');
    return { pattern: value.source === '(?:)' ? '' : value.source, options };
  }
  const regex = value as { pattern: string; options: string };
  return { pattern: regex.pattern, options: [...regex.options].sort().join('') };
}

export { Binary, Decimal128, Double, Int32, Long };
