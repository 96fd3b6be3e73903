import { Timestamp, type Document } from 'bson';
import { QueryError, badValue, failedToParse } from '../errors';
import { BsonType, Int32, TYPE_NAMES, bsonType, cloneValue, isDocument } from '../bson-types';
import { compareBson, equalBson } from '../compare';
import { compileFilter } from '../filter';
import { compileCondition, equals, isOperatorDocument, matchesRegex } from '../filter-operators';
import { hashKey } from '../key';
import { arithmetic, isNumeric, toBigInt, toDouble, widerType, wrapInteger } from '../numbers';
import { sortElements } from '../sort';

/** Answers that are not values: leave the field alone, or remove it. */
export const KEEP: unique symbol = Symbol('keep');
export const REMOVE: unique symbol = Symbol('remove');

/** What an operator's messages may name. */
export interface Target {
  path: string;
  id: unknown;
}

/** Computes a field's new value from its current one (undefined when missing). */
export type Change = (current: unknown, target: Target) => unknown;

/** Parses an operand once; the change runs per document and must not keep or alter what it is given. */
export type UpdateOperator = (operand: unknown, path: string) => Change;

const nameOf = (value: unknown): string => TYPE_NAMES[bsonType(value)] ?? 'object';

const show = (value: unknown): string => {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? inner.toString() : inner,
  );
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
};

function numericOperator(name: string, operation: 'add' | 'multiply'): UpdateOperator {
  const verb = operation === 'add' ? 'increment' : 'multiply';
  return (operand, path) => {
    if (!isNumeric(operand)) {
      throw new QueryError(14, `Cannot ${verb} with non-numeric argument: {${path}: ${show(operand)}}`);
    }
    return (current, target) => {
      if (current === undefined)
        return operation === 'add' ? operand : arithmetic('multiply', operand, new Int32(0));
      if (!isNumeric(current)) {
        throw new QueryError(
          14,
          `Cannot apply ${name} to a value of non-numeric type. {_id: ${show(target.id)}} has the field '${target.path}' of non-numeric type ${nameOf(current)}`,
        );
      }
      const result = arithmetic(operation, current, operand);
      if (result === undefined) {
        throw badValue(
          `Failed to apply ${name} operations to current value ((NumberLong)${String(current)}) for document {_id: ${show(target.id)}}`,
        );
      }
      return result;
    };
  };
}

function extremum(direction: 1 | -1): UpdateOperator {
  return (operand) => (current) =>
    current === undefined || compareBson(operand, current) * direction > 0 ? operand : KEEP;
}

function currentDate(operand: unknown): Change {
  let type: unknown = 'date';
  if (isDocument(operand)) {
    if (Object.keys(operand).length !== 1 || !('$type' in operand)) {
      throw badValue(
        `Unrecognized $currentDate option: ${Object.keys(operand).find((key) => key !== '$type') ?? '{}'}`,
      );
    }
    type = operand.$type;
  } else if (typeof operand !== 'boolean') {
    throw badValue(
      `${nameOf(operand)} is not valid type for $currentDate. Please use a boolean ('true') or a $type expression ({$type: 'timestamp/date'}).`,
    );
  }
  if (type !== 'date' && type !== 'timestamp') {
    throw badValue(
      "The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : {$type: 'date'}}}",
    );
  }
  if (type === 'date') return () => new Date();
  return () => new Timestamp({ t: Math.floor(Date.now() / 1000), i: 1 });
}

function requireArray(current: unknown, { path, id }: Target): unknown[] {
  if (current === undefined) return [];
  if (Array.isArray(current)) return current;
  throw badValue(
    `The field '${path}' must be an array but is of type ${nameOf(current)} in document {_id: ${show(id)}}`,
  );
}

interface PushModifiers {
  each: unknown[];
  position?: number;
  slice?: number;
  sort?: (values: unknown[]) => unknown[];
}

function integerModifier(name: string, value: unknown): number {
  if (!isNumeric(value) || !Number.isInteger(toDouble(value))) {
    throw badValue(`The value for ${name} must be an integer value but was given type: ${nameOf(value)}`);
  }
  return toDouble(value);
}

function sortModifier(value: unknown): (values: unknown[]) => unknown[] {
  if (isNumeric(value)) {
    const direction = toDouble(value);
    if (direction !== 1 && direction !== -1) throw badValue('The $sort element value must be either 1 or -1');
    return (values) => values.toSorted((a, b) => compareBson(a, b) * direction);
  }
  if (!isDocument(value))
    throw badValue(
      'The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields',
    );
  if (Object.keys(value).length === 0)
    throw badValue('The $sort pattern is empty when it should be a set of fields.');
  for (const [field, direction] of Object.entries(value)) {
    if (!isNumeric(direction) || Math.abs(toDouble(direction)) !== 1) {
      throw badValue(`The $sort element value must be either 1 or -1 (field '${field}')`);
    }
  }
  return (values) => sortElements(values as Document[], value);
}

function pushModifiers(operand: Document): PushModifiers {
  const modifiers: PushModifiers = { each: [] };
  for (const [name, value] of Object.entries(operand)) {
    if (name === '$each') {
      if (!Array.isArray(value)) {
        throw badValue(
          `The argument to $each in $push must be an array but it was of type: ${nameOf(value)}`,
        );
      }
      modifiers.each = value;
    } else if (name === '$slice') modifiers.slice = integerModifier('$slice', value);
    else if (name === '$position') modifiers.position = integerModifier('$position', value);
    else if (name === '$sort') modifiers.sort = sortModifier(value);
    else throw badValue(`Unrecognized clause in $push: ${name}`);
  }
  return modifiers;
}

function sliceTo(values: unknown[], slice: number): unknown[] {
  if (slice === 0) return [];
  return slice > 0 ? values.slice(0, slice) : values.slice(slice);
}

function push(operand: unknown): Change {
  const withEach = isDocument(operand) && '$each' in operand;
  const { each, position, slice, sort } = withEach
    ? pushModifiers(operand)
    : ({ each: [operand] } as PushModifiers);
  return (current, target) => {
    let values = requireArray(current, target).slice();
    const at =
      position === undefined
        ? values.length
        : position < 0
          ? Math.max(0, values.length + position)
          : position;
    values.splice(at, 0, ...each.map(cloneValue));
    if (sort) values = sort(values);
    return slice === undefined ? values : sliceTo(values, slice);
  };
}

function addToSet(operand: unknown): Change {
  let each: unknown[] = [operand];
  if (isDocument(operand) && Object.keys(operand)[0] === '$each') {
    const list = operand.$each as unknown;
    const other = Object.keys(operand)[1];
    if (other !== undefined) throw badValue(`Found unexpected fields after $each in $addToSet: ${other}`);
    if (!Array.isArray(list)) {
      throw new QueryError(
        14,
        `The argument to $each in $addToSet must be an array but it was of type ${nameOf(list)}`,
      );
    }
    each = list;
  }
  return (current, target) => {
    if (current !== undefined && !Array.isArray(current)) {
      throw badValue(
        `Cannot apply $addToSet to non-array field. Field named '${target.path}' has non-array type ${nameOf(current)}`,
      );
    }
    const existing = (current ?? []) as unknown[];
    const keys = new Set(existing.map(hashKey));
    const added = each.filter((value) => {
      const key = hashKey(value);
      return keys.has(key) ? false : Boolean(keys.add(key));
    });
    return added.length === 0 && current !== undefined ? KEEP : [...existing, ...added.map(cloneValue)];
  };
}

function pop(operand: unknown, path: string): Change {
  if (!isNumeric(operand)) throw failedToParse(`Expected a number in: ${path}: ${show(operand)}`);
  const end = toDouble(operand);
  if (end !== 1 && end !== -1) throw failedToParse(`$pop expects 1 or -1, found: ${end}`);
  return (current, target) => {
    if (current === undefined) return KEEP;
    if (!Array.isArray(current)) {
      throw new QueryError(
        14,
        `Path '${target.path}' contains an element of non-array type '${nameOf(current)}'`,
      );
    }
    if (current.length === 0) return KEEP;
    return end === 1 ? current.slice(0, -1) : current.slice(1);
  };
}

function removal(name: string, removes: (element: unknown) => boolean): Change {
  return (current) => {
    if (current === undefined) return KEEP;
    if (!Array.isArray(current)) throw badValue(`Cannot apply ${name} to a non-array value`);
    const kept = current.filter((element) => !removes(element));
    return kept.length === current.length ? KEEP : kept;
  };
}

function pull(operand: unknown): Change {
  if (bsonType(operand) === BsonType.regex) return removal('$pull', matchesRegex(operand).forElement);
  if (isOperatorDocument(operand)) {
    const first = Object.keys(operand)[0]!;
    if (['$and', '$or', '$nor'].includes(first)) {
      const matches = compileFilter(operand);
      return removal('$pull', (element) => isDocument(element) && matches(element));
    }
    return removal('$pull', compileCondition(operand, compileFilter).forElement);
  }
  if (isDocument(operand)) {
    const matches = compileFilter(operand);
    return removal('$pull', (element) => isDocument(element) && matches(element));
  }
  return removal('$pull', equals(operand).forElement);
}

function pullAll(operand: unknown): Change {
  if (!Array.isArray(operand))
    throw badValue(`$pullAll requires an array argument but was given a ${nameOf(operand)}`);
  const keys = new Set(operand.map(hashKey));
  return removal('$pullAll', (element) => keys.has(hashKey(element)));
}

const BIT_OPERATIONS: Record<string, (a: bigint, b: bigint) => bigint> = {
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
};

const isIntegerValue = (value: unknown): boolean => [BsonType.int, BsonType.long].includes(bsonType(value));

function bit(operand: unknown, path: string): Change {
  if (!isDocument(operand)) {
    throw badValue(
      `The $bit modifier is not compatible with a ${nameOf(operand)}. You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}`,
    );
  }
  const steps = Object.entries(operand).map(([name, value]) => {
    const apply = Object.hasOwn(BIT_OPERATIONS, name) ? BIT_OPERATIONS[name] : undefined;
    if (!apply)
      throw badValue(
        `The $bit modifier only supports 'and', 'or', and 'xor', not '${name}' which is an unknown operator: {${path}: ${show(operand)}}`,
      );
    if (!isIntegerValue(value))
      throw badValue(
        `The $bit modifier field must be an Integer(32/64 bit); a '${nameOf(value)}' is not supported here: {${name}: ${show(value)}}`,
      );
    return { apply, value };
  });
  if (steps.length === 0)
    throw badValue(
      `You must pass in at least one bitwise operation. The format is: {$bit: {field: {and/or/xor: #}}`,
    );
  return (current, target) => {
    const start = current ?? new Int32(0);
    if (!isIntegerValue(start)) {
      throw badValue(
        `Cannot apply $bit to a value of non-integral type.{_id: ${show(target.id)}} has the field ${target.path} of non-integer type ${nameOf(start)}`,
      );
    }
    return steps.reduce<unknown>((value, step) => {
      const type = widerType(bsonType(value), bsonType(step.value));
      return wrapInteger(step.apply(toBigInt(value), toBigInt(step.value)), type);
    }, start);
  };
}

/** The operators that change one field by its current value; `$rename` and `$setOnInsert` are the caller's. */
export const UPDATE_OPERATORS: Record<string, UpdateOperator> = {
  $set: (operand) => (current) =>
    current !== undefined && sameBytes(current, operand) ? KEEP : cloneValue(operand),
  $unset: () => () => REMOVE,
  $inc: numericOperator('$inc', 'add'),
  $mul: numericOperator('$mul', 'multiply'),
  $min: extremum(-1),
  $max: extremum(1),
  $currentDate: currentDate,
  $push: push,
  $addToSet: addToSet,
  $pop: pop,
  $pull: pull,
  $pullAll: pullAll,
  $bit: bit,
};

/** Equal and of the same scalar type: setting it again changes nothing. Containers are left to the caller's bytes. */
const sameBytes = (a: unknown, b: unknown): boolean =>
  typeof a !== 'object'
    ? a === b
    : bsonType(a) === bsonType(b) &&
      !isDocument(a) &&
      !Array.isArray(a) &&
      bsonType(a) !== BsonType.decimal &&
      equalBson(a, b) &&
      !Object.is(toNumberOrZero(a), -0) &&
      !Object.is(toNumberOrZero(b), -0);

const toNumberOrZero = (value: unknown): number => (isNumeric(value) ? toDouble(value) : 0);
