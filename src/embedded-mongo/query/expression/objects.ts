import { calculateObjectSize, type Document } from 'bson';
import { QueryError, failedToParse } from '../errors';
import {
  BsonType,
  Int32,
  binaryOf,
  bsonType,
  getField,
  isDocument,
  isNullish,
  setField,
} from '../bson-types';
import { namedArguments, operator, typeName, type OperatorDefinition } from './core';

export function mergeObjects(values: unknown[]): Document {
  const result: Document = {};
  for (const value of values) {
    if (isNullish(value)) continue;
    if (!isDocument(value))
      throw new QueryError(
        40400,
        `$mergeObjects requires object inputs, but input is of type ${typeName(value)}`,
      );
    for (const key of Object.keys(value)) setField(result, key, getField(value, key));
  }
  return result;
}

function objectToArray([value]: unknown[]): unknown {
  if (isNullish(value)) return null;
  if (!isDocument(value))
    throw new QueryError(40390, `$objectToArray requires a document input, found: ${typeName(value)}`);
  return Object.keys(value).map((key) => ({ k: key, v: getField(value, key) }));
}

function arrayToObject([value]: unknown[]): unknown {
  if (isNullish(value)) return null;
  if (!Array.isArray(value))
    throw new QueryError(40386, `$arrayToObject requires an array input, found: ${typeName(value)}`);
  const result: Document = {};
  for (const entry of value) {
    const [key, field] = entryOf(entry);
    if (typeof key !== 'string')
      throw new QueryError(
        40394,
        `$arrayToObject requires keys of type string. Found type: ${typeName(key)}`,
      );
    if (key.includes('\0')) throw new QueryError(4940401, 'Key field cannot contain an embedded null byte');
    if (field !== undefined) setField(result, key, field);
  }
  return result;
}

function entryOf(entry: unknown): [unknown, unknown] {
  if (Array.isArray(entry)) {
    if (entry.length !== 2)
      throw new QueryError(
        40397,
        `$arrayToObject requires an array of size 2 arrays,found array of size: ${entry.length}`,
      );
    return entry as [unknown, unknown];
  }
  if (!isDocument(entry))
    throw new QueryError(40398, `Unrecognised input type format for $arrayToObject: ${typeName(entry)}`);
  const keys = Object.keys(entry);
  if (keys.length !== 2)
    throw new QueryError(
      40392,
      `$arrayToObject requires an object keys of 'k' and 'v'. Found incorrect number of keys:${keys.length}`,
    );
  if (!('k' in entry) || !('v' in entry))
    throw new QueryError(40393, "$arrayToObject requires an object with keys 'k' and 'v'.");
  return [entry.k, entry.v];
}

function constantName(name: string, field: unknown): string {
  const literal = isDocument(field) && '$literal' in field ? (field.$literal as unknown) : field;
  if (typeof literal !== 'string') {
    throw new QueryError(
      5654600,
      `${name} requires 'field' to evaluate to type String, but got ${typeName(literal)}`,
    );
  }
  if (literal.startsWith('$') && literal === field) {
    throw new QueryError(5654601, `${name} requires 'field' to be a constant; wrap '${literal}' in $literal`);
  }
  return literal;
}

const getFieldOperator: OperatorDefinition = (operand, compiler) => {
  const named = isDocument(operand) && 'field' in operand;
  const args = named
    ? namedArguments('$getField', operand, { required: ['field'], optional: ['input'] })
    : { field: operand };
  const name = compiler.compile(args.field);
  const input = 'input' in args ? compiler.compile(args.input) : undefined;
  return (scope) => {
    const key = name(scope);
    if (typeof key !== 'string')
      throw new QueryError(
        3041704,
        `$getField requires 'field' to evaluate to type String, but got ${typeName(key)}`,
      );
    const source = input ? input(scope) : scope.current;
    if (isNullish(source)) return source;
    return isDocument(source) ? getField(source, key) : undefined;
  };
};

function fieldSetter(name: string, withValue: boolean): OperatorDefinition {
  return (operand, compiler) => {
    const args = namedArguments(name, operand, {
      required: withValue ? ['field', 'input', 'value'] : ['field', 'input'],
    });
    const key = constantName(name, args.field);
    const input = compiler.compile(args.input);
    const value = withValue ? compiler.compile(args.value) : () => undefined;
    return (scope) => {
      const source = input(scope);
      if (isNullish(source)) return null;
      if (!isDocument(source))
        throw new QueryError(4161105, `${name} requires 'input' to evaluate to type Object`);
      const result: Document = { ...source };
      const next = value(scope);
      if (next === undefined) delete result[key];
      else setField(result, key, next);
      return result;
    };
  };
}

export const OBJECT_OPERATORS: Record<string, OperatorDefinition> = {
  $mergeObjects: operator('$mergeObjects', [0, Infinity], (args) =>
    mergeObjects(args.length === 1 && Array.isArray(args[0]) ? (args[0] as unknown[]) : args),
  ),
  $objectToArray: operator('$objectToArray', [1, 1], objectToArray),
  $arrayToObject: operator('$arrayToObject', [1, 1], arrayToObject),
  $getField: getFieldOperator,
  $setField: fieldSetter('$setField', true),
  $unsetField: fieldSetter('$unsetField', false),
  $bsonSize: operator('$bsonSize', [1, 1], ([value]) => {
    if (isNullish(value)) return null;
    if (!isDocument(value))
      throw new QueryError(31393, `$bsonSize requires a document input, found: ${typeName(value)}`);
    return new Int32(calculateObjectSize(value));
  }),
  $binarySize: operator('$binarySize', [1, 1], ([value]) => {
    if (isNullish(value)) return null;
    if (typeof value === 'string') return new Int32(Buffer.byteLength(value));
    if (bsonType(value) !== BsonType.binData)
      throw new QueryError(
        51276,
        `$binarySize requires a string or BinData argument, found: ${typeName(value)}`,
      );
    return new Int32(binaryOf(value).bytes.length);
  }),
  $tsSecond: operator('$tsSecond', [1, 1], ([value]) => {
    if (isNullish(value)) return null;
    if (bsonType(value) !== BsonType.timestamp)
      throw failedToParse(`$tsSecond requires a timestamp argument, found: ${typeName(value)}`);
    return new Int32((value as { getHighBits(): number }).getHighBits());
  }),
};
