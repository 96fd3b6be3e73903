import { Binary, Double, Long, ObjectId } from 'mongodb';
import { setOwn } from '../../json';
import { ArgumentError, invalidValue, KnownError, type PrismaNamespace } from './errors';
import { fromStoredJson, isStoredType, toStoredJson } from './stored-json';

/** Turns one Prisma value into its BSON form; `path` names the argument in errors. */
export type Encode = (value: unknown, path: string) => unknown;
/** Turns one BSON value into Prisma's form; absent where both are the same. */
export type Decode = (value: unknown) => unknown;

export interface Codec {
  encode: Encode;
  decode: Decode | null;
}

const INT32_MAX = 2 ** 31 - 1;
const INT32_MIN = -(2 ** 31);
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const ISO_DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/;
const OBJECT_ID = /^[0-9a-fA-F]{24}$/;

const stringCodec: Codec = {
  encode(value, path) {
    if (typeof value === 'string') return value;
    throw invalidValue(path, 'String', value);
  },
  decode: null,
};

const objectIdCodec: Codec = {
  encode(value, path) {
    if (value instanceof ObjectId) return value;
    if (typeof value !== 'string') throw invalidValue(path, 'String', value);
    if (OBJECT_ID.test(value)) return ObjectId.createFromHexString(value);
    throw new KnownError(
      'P2023',
      `Inconsistent column data: Malformed ObjectID at \`${path}\`: expected 24 hexadecimal digits, got ${value.length} characters.`,
    );
  },
  decode: (value) => (value instanceof ObjectId ? value.toHexString() : value),
};

const intCodec: Codec = {
  encode(value, path) {
    if (typeof value !== 'number' || !Number.isInteger(value)) throw invalidValue(path, 'Int', value);
    if (value <= INT32_MAX && value >= INT32_MIN) return value;
    throw new ArgumentError(
      `Argument \`${path}\`: Unable to fit integer value ${value} into an INT4 (32-bit signed integer).`,
    );
  },
  decode: null,
};

const floatCodec: Codec = {
  encode(value, path) {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw invalidValue(path, 'Float', value);
    // The driver would store 3.0 as an integer, which other clients then read as one.
    return Number.isInteger(value) ? new Double(value) : value;
  },
  decode: null,
};

const bigIntCodec: Codec = {
  encode(value, path) {
    const big = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
    if (typeof big !== 'bigint') throw invalidValue(path, 'BigInt', value);
    if (big > INT64_MAX || big < INT64_MIN) {
      throw new ArgumentError(`Argument \`${path}\`: Unable to fit value into a 64-bit signed integer.`);
    }
    return Long.fromBigInt(big);
  },
  decode(value) {
    if (typeof value === 'number') return BigInt(value);
    return value instanceof Long ? value.toBigInt() : value;
  },
};

const booleanCodec: Codec = {
  encode(value, path) {
    if (typeof value === 'boolean') return value;
    throw invalidValue(path, 'Boolean', value);
  },
  decode: null,
};

const dateCodec: Codec = {
  encode(value, path) {
    const date = typeof value === 'string' && ISO_DATE.test(value) ? new Date(value) : value;
    if (date instanceof Date && !Number.isNaN(date.getTime())) return date;
    throw invalidValue(path, 'ISO-8601 DateTime', value);
  },
  decode: null,
};

const bytesCodec: Codec = {
  encode(value, path) {
    if (value instanceof Uint8Array) return new Binary(value);
    throw invalidValue(path, 'Bytes (Uint8Array)', value);
  },
  decode: (value) => (value instanceof Binary ? new Uint8Array(value.value()) : value),
};

function encodeJson(value: unknown, path: string, isNull: (value: unknown) => boolean): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    throw invalidValue(path, 'a JSON number', value);
  }
  if (typeof value !== 'object') throw invalidValue(path, 'a JSON value', value);
  if (isNull(value)) return null;
  if (isStoredType(value)) return value;
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      item === undefined ? null : encodeJson(item, `${path}.${index}`, isNull),
    );
  }
  const custom = (value as { toJSON?: unknown }).toJSON;
  if (typeof custom === 'function') return encodeJson(custom.call(value), path, isNull);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (item === undefined) continue;
    const encoded = encodeJson(item, `${path}.${key}`, isNull);
    setOwn(result, key, encoded);
  }
  return result;
}

function jsonCodec(prisma: PrismaNamespace): Codec {
  const isNull = (value: unknown): boolean =>
    value === prisma.JsonNull || value === prisma.DbNull || value === prisma.AnyNull;
  return {
    encode(value, path) {
      try {
        return encodeJson(toStoredJson(value), path, isNull);
      } catch (error) {
        if (error instanceof RangeError)
          throw new ArgumentError(`Argument \`${path}\`: the JSON value is cyclic or too deep.`);
        throw error;
      }
    },
    decode: fromStoredJson,
  };
}

/** @param values enum values by Prisma name, with the name in the database. */
export function enumCodec(name: string, values: ReadonlyMap<string, string>): Codec {
  const names = new Map([...values].map(([prismaName, dbName]) => [dbName, prismaName]));
  const isMapped = [...values].some(([prismaName, dbName]) => prismaName !== dbName);
  return {
    encode(value, path) {
      const stored = typeof value === 'string' ? values.get(value) : undefined;
      if (stored !== undefined) return stored;
      throw invalidValue(path, `${name} (${[...values.keys()].join(', ')})`, value);
    },
    decode: isMapped ? (value) => names.get(value as string) ?? value : null,
  };
}

/**
 * The codec of one scalar type.
 * @throws Error for types that Prisma does not have on MongoDB (Decimal, Unsupported)
 */
export function scalarCodec(type: string, nativeType: string | null, prisma: PrismaNamespace): Codec {
  if (nativeType === 'ObjectId') return objectIdCodec;
  switch (type) {
    case 'String':
      return stringCodec;
    case 'Int':
      return intCodec;
    case 'Float':
      return floatCodec;
    case 'BigInt':
      return bigIntCodec;
    case 'Boolean':
      return booleanCodec;
    case 'DateTime':
      return dateCodec;
    case 'Bytes':
      return bytesCodec;
    case 'Json':
      return jsonCodec(prisma);
    default:
      throw new Error(`The type ${type} does not exist on MongoDB; store it as a String or Int instead.`);
  }
}
