import { Binary, Decimal128, type Document, Long, ObjectId } from 'mongodb';
import type { JsonValue } from '../../ports/records';
import { exactNumber, JsonNumber, readExactJson, setOwn } from '../../json';

/** BSON's first subtype for own uses: what BSON cannot hold or would change is stored as its JSON text. */
const JSON_TEXT = 0x80;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const INTEGER = /^-?\d+$/;
const MOST_DECIMAL_DIGITS = 34;

/**
 * Prisma copies the arguments of its operations property by property, which would make plain objects of exact numbers.
 * What carries this mark of its null values is kept as it is.
 */
Object.defineProperty(JsonNumber.prototype, Symbol.for('prisma.objectEnumValue'), {
  value: true,
  configurable: true,
});

const asText = (value: unknown): Binary => new Binary(Buffer.from(JSON.stringify(value)), JSON_TEXT);

/** As a number where BSON has one of this very text, so that the database compares it as one. */
function storedNumber(number: JsonNumber): Long | Decimal128 | Binary {
  const { text } = number;
  if (INTEGER.test(text) && text !== '-0') {
    const integer = text.length <= 20 ? BigInt(text) : undefined;
    if (integer !== undefined && integer <= INT64_MAX && integer >= INT64_MIN)
      return Long.fromBigInt(integer);
  }
  if (text.length > 2 * MOST_DECIMAL_DIGITS) return asText(number);
  try {
    const decimal = Decimal128.fromString(text);
    return decimal.toString() === text ? decimal : asText(number);
  } catch {
    // More digits or another exponent than a decimal of BSON can have.
    return asText(number);
  }
}

/** Names that the driver takes for its own types, looks up in objects of its own (`constructor`), or BSON cannot write. */
const isForeignKey = (key: string): boolean =>
  key === '_bsontype' ||
  key === '$ref' ||
  key in Object.prototype ||
  key.includes('\u0000') ||
  !isWellFormed(key);

/** Half a surrogate pair has no UTF-8. */
const isWellFormed = (text: string): boolean => (text as string & { isWellFormed(): boolean }).isWellFormed();

/** MongoDB takes no document with more (`maxBSONDepth`). */
const MOST_LEVELS = 200;

/**
 * JSON as BSON that comes back as the same JSON: exact numbers are 64-bit integers or decimals, and what BSON has no form
 * for (longer numbers, half surrogate pairs, keys such as `_bsontype`) is stored as its text. The same value mostly.
 */
export function toStoredJson(value: unknown, levels = MOST_LEVELS): unknown {
  if (typeof value === 'string') return isWellFormed(value) ? value : asText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof JsonNumber) return storedNumber(value);
  // Deeper ones, and those that hold themselves, are the driver's to refuse.
  if (levels === 0) return value;
  if (Array.isArray(value)) return storedList(value as unknown[], levels - 1);
  return isPlain(value) ? storedObject(value as Record<string, unknown>, levels - 1) : value;
}

/** Dates and the driver's own types are what they are. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || !(value instanceof Date || '_bsontype' in (prototype as object));
}

/** What `toStoredJson` makes of JSON that BSON has no other form for. */
export const isStoredType = (value: object): boolean =>
  value instanceof Long || value instanceof Decimal128 || value instanceof Binary;

function storedList(list: unknown[], levels: number): unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const stored = toStoredJson(list[index], levels);
    if (stored !== list[index]) (copy ??= [...list])[index] = stored;
  }
  return copy ?? list;
}

function storedObject(object: Record<string, unknown>, levels: number): unknown {
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(object)) {
    if (isForeignKey(key)) return asText(object);
    const stored = toStoredJson(object[key], levels);
    if (stored !== object[key]) setOwn((copy ??= { ...object }), key, stored);
  }
  return copy ?? object;
}

const isJsonText = ({ sub_type: subtype }: Binary): boolean => subtype === JSON_TEXT;
const jsonOf = (text: Binary): JsonValue => readExactJson(Buffer.from(text.value()).toString('utf8'));

/** A row for the driver: fields that are JSON in their stored form, the others as they are. */
export function toStoredRow<D extends Document>(row: D): D {
  let copy: Document | undefined;
  for (const name of Object.keys(row)) {
    const value: unknown = row[name];
    if (typeof value !== 'object' || value === null) continue;
    const stored = toStoredJson(value);
    if (stored !== value) (copy ??= { ...row })[name] = stored;
  }
  return (copy as D | undefined) ?? row;
}

/** A row of the driver with its JSON as `toStoredRow` got it; changes it in place. */
export function fromStoredRow<D extends Document>(row: D): D {
  for (const name of Object.keys(row)) {
    const value: unknown = row[name];
    if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof ObjectId)
      continue;
    if (value instanceof Binary && !isJsonText(value)) continue;
    (row as Document)[name] = fromStoredJson(value);
  }
  return row;
}

/** JSON as it was before `toStoredJson`; changes the value in place. What other clients stored comes as JSON, too. */
export function fromStoredJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++)
      if (typeof value[index] === 'object') value[index] = fromStoredJson(value[index]);
    return value;
  }
  if (value instanceof Binary) return isJsonText(value) ? jsonOf(value) : value.toString('base64');
  if (value instanceof Long || value instanceof Decimal128) return exactNumber(value.toString());
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ObjectId) return value.toHexString();
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    const item = object[key];
    if (typeof item === 'object' && item !== null) setOwn(object, key, fromStoredJson(item));
  }
  return value;
}
