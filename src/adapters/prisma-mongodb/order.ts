import type { Document } from 'mongodb';
import type { Composite, Field, Model } from './datamodel';
import {
  ArgumentError,
  asList,
  invalidValue,
  isPlainObject,
  setEntries,
  unknownArgument,
  unknownField,
} from './errors';

export type Direction = 1 | -1;

export interface OrderKey {
  /** Database path the server sorts by; `__order<n>` when it is computed. */
  path: string;
  direction: Direction;
  /** Stages that compute `path`; empty for stored fields. */
  stages: Document[];
  /** Whether the stored value is never null: bounds are then plain ranges that an index serves. */
  isRequired?: boolean;
}

/** Compiles `orderBy` into sort keys, most significant first. */
export function compileOrder(model: Model, orderBy: unknown, path: string): OrderKey[] {
  if (orderBy === undefined || orderBy === null) return [];
  const keys: OrderKey[] = [];
  for (const item of asList(orderBy)) {
    for (const [name, value] of setEntries(item, path)) {
      const field = model.fields.get(name);
      if (!field) throw unknownField(path, name, model.name, model.fields.keys());
      compileKey(field, value, `${path}.${name}`, '', keys, []);
    }
  }
  return keys;
}

export function readDirection(value: unknown, path: string): Direction {
  if (value === 'asc') return 1;
  if (value === 'desc') return -1;
  throw invalidValue(path, 'SortOrder (asc, desc)', value);
}

function compileKey(
  field: Field,
  value: unknown,
  path: string,
  prefix: string,
  keys: OrderKey[],
  stages: Document[],
): void {
  const target = prefix + field.dbName;
  if (field.relation) compileRelationKey(field, value, path, prefix, keys, stages);
  else if (field.composite) compileCompositeKey(field, field.composite, value, path, target, keys, stages);
  else if (isPlainObject(value)) compileNulls(value, path, target, keys, stages);
  else if (value !== undefined) {
    const isRequired = field.isRequired && prefix === '';
    keys.push({ path: target, direction: readDirection(value, path), stages, isRequired });
  }
}

function compileNulls(
  value: Record<string, unknown>,
  path: string,
  target: string,
  keys: OrderKey[],
  stages: Document[],
): void {
  const { sort, nulls, ...others } = value;
  const [unexpected] = Object.keys(others);
  if (unexpected !== undefined) throw unknownArgument(path, unexpected, ['sort', 'nulls']);
  const direction = readDirection(sort, `${path}.sort`);
  if (nulls !== undefined) {
    if (nulls !== 'first' && nulls !== 'last')
      throw invalidValue(`${path}.nulls`, 'NullsOrder (first, last)', nulls);
    const name = `__order${keys.length}`;
    const isNull = { $eq: [{ $ifNull: [`$${target}`, null] }, null] };
    const add = { $addFields: { [name]: { $cond: [isNull, 1, 0] } } };
    keys.push({ path: name, direction: nulls === 'first' ? -1 : 1, stages: [...stages, add] });
  }
  keys.push({ path: target, direction, stages: nulls === undefined ? stages : [] });
}

function countKey(list: string, value: unknown, path: string, keys: OrderKey[], stages: Document[]): void {
  const entries = setEntries(value, path);
  if (entries.length !== 1 || entries[0]![0] !== '_count')
    throw unknownArgument(path, entries[0]?.[0] ?? '', ['_count']);
  const name = `__order${keys.length}`;
  const size = { $addFields: { [name]: { $size: { $ifNull: [`$${list}`, []] } } } };
  keys.push({
    path: name,
    direction: readDirection(entries[0]![1], `${path}._count`),
    stages: [...stages, size],
  });
}

function compileCompositeKey(
  field: Field,
  type: Composite,
  value: unknown,
  path: string,
  target: string,
  keys: OrderKey[],
  stages: Document[],
): void {
  if (field.isList) return countKey(target, value, path, keys, stages);
  for (const [name, item] of setEntries(value, path)) {
    const inner = type.fields.get(name);
    if (!inner) throw unknownField(path, name, type.name, type.fields.keys());
    compileKey(inner, item, `${path}.${name}`, `${target}.`, keys, stages);
  }
}

function compileRelationKey(
  field: Field,
  value: unknown,
  path: string,
  prefix: string,
  keys: OrderKey[],
  stages: Document[],
): void {
  const { target, from, to } = field.relation!;
  if (from.length !== 1)
    throw new ArgumentError(
      `Argument \`${path}\`: sorting by a relation with a compound key is not supported.`,
    );
  const joined = `${prefix}__join_${field.name}`;
  const lookup = {
    $lookup: {
      from: target.collection,
      localField: prefix + from[0]!.dbName,
      foreignField: to[0]!.dbName,
      as: joined,
    },
  };
  if (field.isList) return countKey(joined, value, path, keys, [...stages, lookup]);
  const first = { $addFields: { [joined]: { $first: `$${joined}` } } };
  for (const [name, item] of setEntries(value, path)) {
    const inner = target.fields.get(name);
    if (!inner) throw unknownField(path, name, target.name, target.fields.keys());
    compileKey(inner, item, `${path}.${name}`, `${joined}.`, keys, [...stages, lookup, first]);
  }
}

/** The server's sort document; `isReversed` for reading from the end. */
export function sortDocument(keys: OrderKey[], isReversed: boolean): Document | undefined {
  if (keys.length === 0) return undefined;
  const sort: Document = {};
  for (const key of keys) {
    if (!(key.path in sort)) sort[key.path] = isReversed ? -key.direction : key.direction;
  }
  return sort;
}

/** Adds the id as the last key, so that pages neither overlap nor skip documents that sort alike. */
export function withIdLast(keys: OrderKey[], model: Model): OrderKey[] {
  const id = model.idField.dbName;
  return keys.some((key) => key.path === id)
    ? keys
    : [...keys, { path: id, direction: 1, stages: [], isRequired: true }];
}

const isNullish = (value: unknown): boolean => value === null || value === undefined;

/** Documents that sort after `value` by one key; null when there can be none. Nulls come first in ascending order. */
function after(key: OrderKey, direction: number, value: unknown): Document | null {
  const { path } = key;
  if (direction === 1) return { [path]: isNullish(value) ? { $ne: null } : { $gt: value } };
  if (isNullish(value)) return null;
  return key.isRequired
    ? { [path]: { $lt: value } }
    : { $or: [{ [path]: { $lt: value } }, { [path]: null }] };
}

/** A bound on the first key alone: implied by the rest, but an index range where `$or` is none. */
function firstBound(key: OrderKey, direction: number, value: unknown): Document | null {
  if (isNullish(value)) return null;
  if (direction === 1) return { [key.path]: { $gte: value } };
  return key.isRequired ? { [key.path]: { $lte: value } } : null;
}

/**
 * Documents at or after the cursor's in the order of `keys` (at or before it when `isReversed`).
 * @param values the cursor's values of the keys, in their order
 */
export function cursorFilter(keys: OrderKey[], values: unknown[], isReversed: boolean): Document {
  const directionOf = (key: OrderKey): number => (isReversed ? -key.direction : key.direction);
  const bound = firstBound(keys[0]!, directionOf(keys[0]!), values[0]);
  if (bound && keys.length === 1) return bound;
  const options: Document[] = [];
  const equal: Document[] = [];
  keys.forEach((key, index) => {
    const value = values[index];
    const later = after(key, directionOf(key), value);
    if (later) options.push(equal.length === 0 ? later : { $and: [...equal, later] });
    equal.push({ [key.path]: isNullish(value) ? null : { $eq: value } });
  });
  options.push(equal.length === 1 ? equal[0]! : { $and: [...equal] });
  return bound ? { $and: [bound, { $or: options }] } : { $or: options };
}
