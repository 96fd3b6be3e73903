import type { Document } from 'mongodb';
import type { Composite, Field, Model, Relation } from './datamodel';
import {
  ArgumentError,
  asList,
  asObject,
  invalidValue,
  isPlainObject,
  setEntries,
  unknownArgument,
  unknownField,
} from './errors';
import { encodeComposite, encodeField, encodeItem } from './input';

/**
 * Turns Prisma's `where` into a MongoDB filter.
 *
 * MongoDB knows missing fields besides null. Prisma's rule: a condition never matches a document in which the field
 * is missing, negated or not; only `isSet` does. Hence `inverted`: inside an odd number of NOTs each condition on an
 * optional field also matches missing, so that the negation excludes it.
 *
 * Conditions on relations need keys from other collections first; they are filled into the filter afterwards.
 */
export interface WhereContext {
  /** Keys (values of `relation.to`) of the target's documents that match; nulls left out. */
  findKeys(relation: Relation, filter: Document): Promise<unknown[][]>;
  deferred: (() => Promise<void>)[];
}

interface Scope {
  path: string;
  /** Prefix of database paths inside embedded documents, e.g. `address.`. */
  prefix: string;
  inverted: boolean;
  /** Inside an embedded document that may be absent: its required fields may be missing too. */
  mayBeMissing?: boolean;
}

const NOTHING: Document = { $nor: [{}] };
const SCALAR_OPERATORS = ['equals', 'not', 'in', 'notIn', 'lt', 'lte', 'gt', 'gte', 'isSet'];
const STRING_OPERATORS = ['contains', 'startsWith', 'endsWith', 'mode'];
const LIST_OPERATORS = ['equals', 'has', 'hasEvery', 'hasSome', 'isEmpty', 'isSet'];
const COMPARE: Record<string, string> = { lt: '$lt', lte: '$lte', gt: '$gt', gte: '$gte' };

export function compileWhere(
  model: Composite,
  where: unknown,
  context: WhereContext,
  path: string,
): Document {
  if (where === undefined) return {};
  return compileGroup(model, where, context, { path, prefix: '', inverted: false });
}

/** All conditions of one object, joined by AND. */
function compileGroup(model: Composite, where: unknown, context: WhereContext, scope: Scope): Document {
  const parts: Document[] = [];
  const input = asObject(where, scope.path);
  for (const key of Object.keys(input)) {
    const value = input[key];
    if (value === undefined) continue;
    const path = `${scope.path}.${key}`;
    const inner = { ...scope, path };
    const field = model.fields.get(key);
    if (field) compileField(field, value, context, inner, parts);
    else if (key === 'AND') {
      for (const item of asList(value)) parts.push(compileGroup(model, item, context, inner));
    } else if (key === 'OR') {
      const options = asList(value).map((item) => compileGroup(model, item, context, inner));
      parts.push(options.length === 0 ? NOTHING : options.length === 1 ? options[0]! : { $or: options });
    } else if (key === 'NOT') {
      const inverse = { ...inner, inverted: !scope.inverted };
      const refused = asList(value).map((item) => compileGroup(model, item, context, inverse));
      if (refused.length > 0) parts.push({ $nor: refused });
    } else {
      const uniques = (model as Model).uniques;
      if (!uniques?.has(key))
        throw unknownField(scope.path, key, model.name, [...model.fields.keys(), 'AND', 'OR', 'NOT']);
      parts.push(compileGroup(model, value, context, inner));
    }
  }
  return joinAnd(parts);
}

/** One document when no key occurs twice, `$and` otherwise. */
export function joinAnd(parts: Document[]): Document {
  if (parts.length === 1) return parts[0]!;
  const merged: Document = {};
  const clashing: Document[] = [];
  for (const part of parts) {
    const keys = Object.keys(part);
    // Empty parts may be relation conditions still to be filled in: their identity must survive.
    if (keys.length === 0 || keys.some((key) => key in merged)) clashing.push(part);
    else Object.assign(merged, part);
  }
  if (clashing.length === 0) return merged;
  return { $and: Object.keys(merged).length === 0 ? clashing : [merged, ...clashing] };
}

function compileField(
  field: Field,
  value: unknown,
  context: WhereContext,
  scope: Scope,
  parts: Document[],
): void {
  if (field.relation) parts.push(...compileRelation(field, value, context, scope));
  else if (field.composite) parts.push(...compileComposite(field, field.composite, value, context, scope));
  else if (field.isList) parts.push(...compileList(field, value, scope));
  else parts.push(...compileScalar(field, value, scope));
}

/** Adds the rule on missing fields to one positive condition. */
function leaf(field: Field, condition: unknown, scope: Scope): Document {
  const target = scope.prefix + field.dbName;
  const filter = { [target]: condition };
  if (!scope.inverted || (field.isRequired && !field.isList && !scope.mayBeMissing)) return filter;
  return { $or: [filter, { [target]: { $exists: false } }] };
}

/** Adds the rule on missing fields to a condition that MongoDB would match on missing fields (`$ne`, `$nin`). */
function negative(field: Field, condition: Document, scope: Scope): Document {
  const isOptional = !field.isRequired || field.isList || scope.mayBeMissing;
  return leaf(field, isOptional ? { ...condition, $exists: true } : condition, scope);
}

function equalsNull(field: Field, scope: Scope): Document {
  if (field.isRequired && field.type !== 'Json')
    throw new ArgumentError(`Argument \`${scope.path}\` must not be null.`);
  return leaf(field, { $eq: null, $exists: true }, scope);
}

function compileIsSet(field: Field, value: unknown, scope: Scope): Document {
  if (typeof value !== 'boolean') throw invalidValue(`${scope.path}.isSet`, 'Boolean', value);
  return { [scope.prefix + field.dbName]: { $exists: value } };
}

/** As text of a pattern, in which BSON has no U+0000. */
export const escapeRegex = (text: string): string =>
  text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('\u0000', '\\x00');
/** The end of the text; `$` would also match before a last line break. */
const END = '(?![\\s\\S])';

function regex(pattern: string, insensitive: boolean): Document {
  return insensitive ? { $regex: pattern, $options: 'i' } : { $regex: pattern };
}

function textOf(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw invalidValue(path, 'String', value);
}

function compileScalar(field: Field, value: unknown, scope: Scope): Document[] {
  if (value === null) return [equalsNull(field, scope)];
  if (!isPlainObject(value)) {
    if (field.type === 'Json') throw invalidValue(scope.path, 'JsonFilter', value);
    return [leaf(field, { $eq: field.encode(value, scope.path) }, scope)];
  }
  const insensitive = readMode(field, value, scope.path);
  const parts: Document[] = [];
  for (const [operator, operand] of setEntries(value, scope.path)) {
    if (operator === 'mode') continue;
    const inner = { ...scope, path: `${scope.path}.${operator}` };
    parts.push(...compileOperator(field, operator, operand, inner, insensitive));
  }
  return parts;
}

function readMode(field: Field, filter: Record<string, unknown>, path: string): boolean {
  if (filter.mode === undefined) return false;
  if (field.type !== 'String') throw unknownArgument(path, 'mode', SCALAR_OPERATORS);
  if (filter.mode !== 'insensitive' && filter.mode !== 'default') {
    throw invalidValue(`${path}.mode`, 'QueryMode (default, insensitive)', filter.mode);
  }
  return filter.mode === 'insensitive';
}

function compileOperator(
  field: Field,
  operator: string,
  operand: unknown,
  scope: Scope,
  insensitive: boolean,
): Document[] {
  const { path } = scope;
  const isText = field.type === 'String';
  switch (operator) {
    case 'equals':
      if (operand === null) return [equalsNull(field, scope)];
      if (insensitive)
        return [leaf(field, regex(`^${escapeRegex(textOf(operand, path))}${END}`, true), scope)];
      return [leaf(field, { $eq: field.encode(operand, path) }, scope)];
    case 'not':
      return compileNot(field, operand, scope, insensitive);
    case 'in':
    case 'notIn':
      return [compileIn(field, operand, scope, { isNegative: operator === 'notIn', insensitive })];
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      if (field.type === 'Json' || field.type === 'Boolean') break;
      return [leaf(field, { [COMPARE[operator]!]: field.encode(operand, path) }, scope)];
    case 'contains':
      if (!isText) break;
      return [leaf(field, regex(escapeRegex(textOf(operand, path)), insensitive), scope)];
    case 'startsWith':
      if (!isText) break;
      return [leaf(field, regex(`^${escapeRegex(textOf(operand, path))}`, insensitive), scope)];
    case 'endsWith':
      if (!isText) break;
      return [leaf(field, regex(`${escapeRegex(textOf(operand, path))}${END}`, insensitive), scope)];
    case 'isSet':
      return [compileIsSet(field, operand, scope)];
  }
  throw unknownArgument(
    path.slice(0, path.lastIndexOf('.')),
    operator,
    isText ? [...SCALAR_OPERATORS, ...STRING_OPERATORS] : SCALAR_OPERATORS,
  );
}

function compileNot(field: Field, operand: unknown, scope: Scope, insensitive: boolean): Document[] {
  if (operand === null) return [leaf(field, { $ne: null }, scope)];
  if (isPlainObject(operand) && field.type !== 'Json') {
    const filter = insensitive && operand.mode === undefined ? { ...operand, mode: 'insensitive' } : operand;
    const refused = compileScalar(field, filter, { ...scope, inverted: !scope.inverted });
    return refused.length === 0 ? [] : [{ $nor: [joinAnd(refused)] }];
  }
  if (insensitive) {
    const pattern = new RegExp(`^${escapeRegex(textOf(operand, scope.path))}${END}`, 'i');
    return [negative(field, { $not: pattern }, scope)];
  }
  return [negative(field, { $ne: field.encode(operand, scope.path) }, scope)];
}

function compileIn(
  field: Field,
  operand: unknown,
  scope: Scope,
  options: { isNegative: boolean; insensitive: boolean },
): Document {
  if (operand === null) return equalsNull(field, scope);
  if (!Array.isArray(operand)) throw invalidValue(scope.path, `${field.type}[]`, operand);
  const values: unknown[] = operand.map((item, index) => {
    if (item === null) return null;
    if (!options.insensitive) return field.encode(item, `${scope.path}.${index}`);
    return new RegExp(`^${escapeRegex(textOf(item, `${scope.path}.${index}`))}${END}`, 'i');
  });
  if (options.isNegative) return negative(field, { $nin: values }, scope);
  // $in with null would match missing fields as well.
  return leaf(field, values.includes(null) ? { $in: values, $exists: true } : { $in: values }, scope);
}

function compileList(field: Field, value: unknown, scope: Scope): Document[] {
  if (!isPlainObject(value)) return [leaf(field, { $eq: listOf(field, value, scope.path) }, scope)];
  return setEntries(value, scope.path).map(([operator, operand]) => {
    const path = `${scope.path}.${operator}`;
    switch (operator) {
      case 'equals':
        if (operand === null) return leaf(field, { $eq: null, $exists: true }, scope);
        return leaf(field, { $eq: listOf(field, operand, path) }, scope);
      case 'has':
        if (operand === null) return leaf(field, { $eq: null, $exists: true }, scope);
        return leaf(field, { $eq: field.encode(operand, path) }, scope);
      case 'hasEvery': {
        const items = listOf(field, operand, path);
        return items.length === 0
          ? leaf(field, { $exists: true }, scope)
          : leaf(field, { $all: items }, scope);
      }
      case 'hasSome':
        return leaf(field, { $in: listOf(field, operand, path) }, scope);
      case 'isEmpty':
        if (typeof operand !== 'boolean') throw invalidValue(path, 'Boolean', operand);
        return operand
          ? leaf(field, { $size: 0 }, scope)
          : leaf(field, { $exists: true, $not: { $size: 0 } }, scope);
      case 'isSet':
        return compileIsSet(field, operand, scope);
      default:
        throw unknownArgument(scope.path, operator, LIST_OPERATORS);
    }
  });
}

function listOf(field: Field, value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw invalidValue(path, `${field.type}[]`, value);
  return value.map((item, index) => encodeItem(field, item, `${path}.${index}`));
}

function compileComposite(
  field: Field,
  type: Composite,
  value: unknown,
  context: WhereContext,
  scope: Scope,
): Document[] {
  const target = scope.prefix + field.dbName;
  if (value === null) return [equalsNull(field, scope)];
  if (Array.isArray(value)) return [leaf(field, { $eq: encodeField(field, value, scope.path) }, scope)];
  const input = asObject(value, scope.path);
  const operators = field.isList
    ? ['equals', 'some', 'every', 'none', 'isEmpty', 'isSet']
    : ['equals', 'is', 'isNot', 'isSet'];
  const keys = Object.keys(input);
  // Without operators the object is the value itself.
  if (keys.some((key) => type.fields.has(key) && !operators.includes(key))) {
    return [
      leaf(
        field,
        {
          $eq: field.isList
            ? [encodeComposite(type, input, scope.path)]
            : encodeComposite(type, input, scope.path),
        },
        scope,
      ),
    ];
  }
  return setEntries(input, scope.path).map(([operator, operand]) => {
    const path = `${scope.path}.${operator}`;
    if (!operators.includes(operator)) throw unknownArgument(scope.path, operator, operators);
    const mayBeMissing =
      (operator === 'is' || operator === 'isNot') && (!field.isRequired || scope.mayBeMissing);
    const group = (inverted: boolean, prefix: string): Document =>
      compileGroup(type, operand, context, { path, prefix, inverted, mayBeMissing });
    switch (operator) {
      case 'equals':
        if (operand === null) return equalsNull(field, scope);
        return leaf(field, { $eq: encodeField(field, operand, path) }, scope);
      case 'is':
        return operand === null ? equalsNull(field, scope) : group(scope.inverted, `${target}.`);
      case 'isNot':
        if (operand === null) return leaf(field, { $ne: null }, scope);
        return {
          $nor: [group(!scope.inverted, `${target}.`)],
          ...(field.isRequired ? {} : { [target]: { $exists: true } }),
        };
      case 'some':
        return { [target]: { $elemMatch: group(false, '') } };
      case 'every':
        return { [target]: { $not: { $elemMatch: { $nor: [group(true, '')] } } } };
      case 'none':
        return { [target]: { $not: { $elemMatch: group(false, '') } } };
      case 'isEmpty':
        if (typeof operand !== 'boolean') throw invalidValue(path, 'Boolean', operand);
        return operand
          ? leaf(field, { $size: 0 }, scope)
          : leaf(field, { $exists: true, $not: { $size: 0 } }, scope);
      default:
        return compileIsSet(field, operand, scope);
    }
  });
}

/** A relation condition that is known only after reading the target's keys. */
function defer(context: WhereContext, relation: Relation, filter: Document, isNegative: boolean): Document {
  const placeholder: Document = {};
  context.deferred.push(async () => {
    const keys = await context.findKeys(relation, filter);
    Object.assign(placeholder, keysFilter(relation.from, keys, isNegative));
  });
  return placeholder;
}

/** Documents whose `fields` hold one of the keys (or none of them). */
export function keysFilter(fields: Field[], keys: unknown[][], isNegative = false): Document {
  if (fields.length === 1) {
    const values = keys.map((key) => key[0]);
    return {
      [fields[0]!.dbName]: isNegative
        ? { $nin: values }
        : values.length === 1
          ? { $eq: values[0] }
          : { $in: values },
    };
  }
  const options = keys.map((key) =>
    Object.fromEntries(fields.map((field, index) => [field.dbName, key[index]])),
  );
  if (options.length === 0)
    return isNegative ? { [fields[0]!.dbName]: { $not: { $in: [] } } } : { [fields[0]!.dbName]: { $in: [] } };
  return isNegative ? { $nor: options } : { $or: options };
}

function compileRelation(field: Field, value: unknown, context: WhereContext, scope: Scope): Document[] {
  const relation = field.relation!;
  const group = (operand: unknown, path: string, inverted = false): Document =>
    compileGroup(relation.target, operand, context, { path, prefix: '', inverted });
  if (field.isList) {
    return setEntries(value, scope.path).map(([operator, operand]) => {
      const path = `${scope.path}.${operator}`;
      if (operator === 'some') return defer(context, relation, group(operand, path), false);
      if (operator === 'none') return defer(context, relation, group(operand, path), true);
      if (operator === 'every') return defer(context, relation, { $nor: [group(operand, path, true)] }, true);
      throw unknownArgument(scope.path, operator, ['some', 'every', 'none']);
    });
  }
  if (value === null) return [compileNoRelation(relation, context, false)];
  const input = asObject(value, scope.path);
  if (!('is' in input || 'isNot' in input)) return [compileIs(relation, input, context, scope, group)];
  return setEntries(input, scope.path).map(([operator, operand]) => {
    const path = `${scope.path}.${operator}`;
    if (operator !== 'is' && operator !== 'isNot')
      throw unknownArgument(scope.path, operator, ['is', 'isNot']);
    if (operand === null) return compileNoRelation(relation, context, operator === 'isNot');
    if (operator === 'is') return compileIs(relation, operand, context, { ...scope, path }, group);
    return defer(context, relation, group(operand, path), true);
  });
}

/** `null`: nothing is related; `isNot: null`: something is. */
function compileNoRelation(relation: Relation, context: WhereContext, isPresent: boolean): Document {
  if (!relation.owns) return defer(context, relation, {}, !isPresent);
  return { [relation.from[0]!.dbName]: isPresent ? { $ne: null } : { $eq: null } };
}

function compileIs(
  relation: Relation,
  operand: unknown,
  context: WhereContext,
  scope: Scope,
  group: (operand: unknown, path: string) => Document,
): Document {
  const entries = setEntries(operand, scope.path);
  const [entry] = entries;
  // A condition on nothing but the target's key is a condition on the key stored here: no second query.
  if (
    relation.owns &&
    entries.length === 1 &&
    relation.to.length === 1 &&
    entry![0] === relation.to[0]!.name
  ) {
    return joinAnd(compileScalar(relation.from[0]!, entry![1], { ...scope, inverted: false }));
  }
  return defer(context, relation, group(operand, scope.path), false);
}
