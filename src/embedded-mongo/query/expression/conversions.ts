import { ObjectId } from 'bson';
import { QueryError, badValue, failedToParse } from '../errors';
import {
  BsonType,
  Decimal128,
  Double,
  type Int32,
  Long,
  TYPE_NAMES,
  TYPE_NUMBERS,
  bsonType,
  isNullish,
} from '../bson-types';
import { isNumeric, toBigInt, toDecimal128, toDouble, wrapInteger, exactOf } from '../numbers';
import { isTruthy, namedArguments, operator, typeName, type OperatorDefinition } from './core';
import { parseDateString } from './dates';

const failure = (message: string): QueryError => new QueryError(241, message);

const unsupported = (value: unknown, target: string): QueryError =>
  failure(`Unsupported conversion from ${typeName(value)} to ${target} in $convert with no onError value`);

const parseFailure = (text: string, reason: string): QueryError =>
  failure(`Failed to parse number '${text}' in $convert with no onError value: ${reason}`);

function integerFromText(text: string): bigint {
  if (!/^[+-]?\d+$/.test(text)) throw parseFailure(text, 'Did not consume whole string.');
  return BigInt(text.replace(/^\+/, ''));
}

function toInteger(value: unknown, target: number): Int32 | Long {
  const name = TYPE_NAMES[target]!;
  let whole: bigint;
  if (typeof value === 'boolean') whole = value ? 1n : 0n;
  else if (typeof value === 'string') whole = integerFromText(value);
  else if (value instanceof Date && target === BsonType.long) whole = BigInt(value.getTime());
  else if (isNumeric(value)) {
    if (!Number.isFinite(toDouble(value)))
      throw failure(
        `Attempt to convert ${toDouble(value)} value to integer in $convert with no onError value`,
      );
    whole = toBigInt(value);
  } else throw unsupported(value, name);
  const result = wrapInteger(whole, target);
  if (!result || (target === BsonType.int && result instanceof Long)) {
    throw failure(`Conversion would overflow target type in $convert with no onError value: ${whole}`);
  }
  return result;
}

function toDoubleValue(value: unknown): Double {
  if (typeof value === 'boolean') return new Double(value ? 1 : 0);
  if (value instanceof Date) return new Double(value.getTime());
  if (typeof value === 'string') {
    const number = value.trim() === value && value !== '' ? Number(value) : NaN;
    if (Number.isNaN(number) && !/^nan$/i.test(value))
      throw parseFailure(value, 'Did not consume whole string.');
    return new Double(number);
  }
  if (isNumeric(value)) return new Double(toDouble(value));
  throw unsupported(value, 'double');
}

function toDecimalValue(value: unknown): Decimal128 {
  if (typeof value === 'boolean') return Decimal128.fromString(value ? '1' : '0');
  if (value instanceof Date) return Decimal128.fromString(String(value.getTime()));
  if (typeof value === 'string') {
    try {
      return Decimal128.fromString(value);
    } catch {
      throw parseFailure(value, 'Failed to parse string to decimal');
    }
  }
  if (bsonType(value) === BsonType.decimal) return value as Decimal128;
  if (isNumeric(value)) return toDecimal128(exactOf(value));
  throw unsupported(value, 'decimal');
}

function doubleText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  return String(value);
}

function toText(value: unknown): string {
  switch (bsonType(value)) {
    case BsonType.string:
    case BsonType.symbol:
    case BsonType.bool:
    case BsonType.int:
    case BsonType.long:
    case BsonType.decimal:
      return String(value);
    case BsonType.double:
      return doubleText(toDouble(value));
    case BsonType.objectId:
      return (value as ObjectId).toHexString();
    case BsonType.date:
      return (value as Date).toISOString();
    default:
      throw unsupported(value, 'string');
  }
}

function toObjectId(value: unknown): ObjectId {
  if (bsonType(value) === BsonType.objectId) return value as ObjectId;
  if (typeof value !== 'string') throw unsupported(value, 'objectId');
  if (!/^[0-9a-fA-F]{24}$/.test(value)) {
    throw failure(
      `Failed to parse objectId '${value}' in $convert with no onError value: Invalid string length for parsing to OID, expected 24 but found ${value.length}`,
    );
  }
  return new ObjectId(value);
}

function toDate(value: unknown): Date {
  switch (bsonType(value)) {
    case BsonType.date:
      return value as Date;
    case BsonType.string:
      return parseDateString(value as string);
    case BsonType.objectId:
      return (value as ObjectId).getTimestamp();
    case BsonType.timestamp:
      return new Date((value as { getHighBitsUnsigned(): number }).getHighBitsUnsigned() * 1000);
    case BsonType.double:
    case BsonType.long:
    case BsonType.decimal: {
      const date = new Date(Math.trunc(toDouble(value)));
      if (Number.isNaN(date.getTime()))
        throw failure(
          `Conversion would overflow target type in $convert with no onError value: ${String(value)}`,
        );
      return date;
    }
    default:
      throw unsupported(value, 'date');
  }
}

const CONVERSIONS: Record<number, (value: unknown) => unknown> = {
  [BsonType.double]: toDoubleValue,
  [BsonType.string]: toText,
  [BsonType.objectId]: toObjectId,
  [BsonType.bool]: (value) => isTruthy(value),
  [BsonType.date]: toDate,
  [BsonType.int]: (value) => (bsonType(value) === BsonType.int ? value : toInteger(value, BsonType.int)),
  [BsonType.long]: (value) => toInteger(value, BsonType.long),
  [BsonType.decimal]: toDecimalValue,
};

function targetType(to: unknown): number {
  if (typeof to === 'string') {
    const named = TYPE_NUMBERS.get(to);
    if (named === undefined) throw badValue(`Unknown type name: ${to}`);
    return named;
  }
  if (!isNumeric(to))
    throw failedToParse(`$convert's 'to' argument must be a string or number, but is ${typeName(to)}`);
  const number = toDouble(to);
  if (!Number.isInteger(number)) throw failedToParse("In $convert, numeric 'to' argument is not an integer");
  if (TYPE_NAMES[number] === undefined)
    throw failedToParse(`In $convert, numeric value for 'to' does not correspond to a BSON type: ${number}`);
  return number;
}

function convert(value: unknown, type: number): unknown {
  const conversion = CONVERSIONS[type];
  if (!conversion) throw unsupported(value, TYPE_NAMES[type] ?? String(type));
  return conversion(value);
}

const convertOperator: OperatorDefinition = (operand, compiler) => {
  const args = namedArguments('$convert', operand, {
    required: ['input', 'to'],
    optional: ['onError', 'onNull'],
  });
  const input = compiler.compile(args.input);
  const to = compiler.compile(args.to);
  const onNull = 'onNull' in args ? compiler.compile(args.onNull) : () => null;
  const onError = 'onError' in args ? compiler.compile(args.onError) : undefined;
  return (scope) => {
    const [value, target] = [input(scope), to(scope)];
    if (isNullish(value)) return onNull(scope);
    if (isNullish(target)) return null;
    const type = targetType(target);
    try {
      return convert(value, type);
    } catch (error) {
      if (onError && error instanceof QueryError && error.code === 241) return onError(scope);
      throw error;
    }
  };
};

const shorthand = (name: string, type: number): OperatorDefinition =>
  operator(name, [1, 1], ([value]) => (isNullish(value) ? null : convert(value, type)));

export const CONVERSION_OPERATORS: Record<string, OperatorDefinition> = {
  $convert: convertOperator,
  $toDouble: shorthand('$toDouble', BsonType.double),
  $toString: shorthand('$toString', BsonType.string),
  $toObjectId: shorthand('$toObjectId', BsonType.objectId),
  $toBool: shorthand('$toBool', BsonType.bool),
  $toDate: shorthand('$toDate', BsonType.date),
  $toInt: shorthand('$toInt', BsonType.int),
  $toLong: shorthand('$toLong', BsonType.long),
  $toDecimal: shorthand('$toDecimal', BsonType.decimal),
  $type: operator('$type', [1, 1], ([value]) => typeName(value)),
  $isNumber: operator('$isNumber', [1, 1], ([value]) => isNumeric(value)),
};
