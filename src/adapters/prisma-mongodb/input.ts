import type { Document } from 'mongodb';
import type { Composite, Field, Model } from './datamodel';
import { ArgumentError, asList, asObject, invalidValue, isPlainObject, unknownField } from './errors';

/** Encodes one value of a field that is not a list. */
export function encodeItem(field: Field, value: unknown, path: string): unknown {
  return field.composite ? encodeComposite(field.composite, value, path) : field.encode(value, path);
}

/**
 * Encodes a value for storage: lists item by item, composites with their defaults, null where allowed.
 * A single value for a list field is taken as a list of one, as Prisma does.
 */
export function encodeField(field: Field, value: unknown, path: string): unknown {
  if (field.isList) {
    if (value === null) throw invalidValue(path, `${field.type}[]`, value);
    return asList(value).map((item, index) => encodeItem(field, item, `${path}.${index}`));
  }
  if (value === null) {
    if (field.isRequired && field.type !== 'Json')
      throw new ArgumentError(`Argument \`${path}\` must not be null.`);
    return null;
  }
  return encodeItem(field, value, path);
}

/** Encodes an embedded document in schema order, filling defaults. */
export function encodeComposite(composite: Composite, value: unknown, path: string): Document {
  const data = asObject(value, path);
  for (const name of Object.keys(data)) {
    if (!composite.fields.has(name)) throw unknownField(path, name, composite.name, composite.fields.keys());
  }
  const result: Document = {};
  for (const field of composite.stored) {
    const input = createValue(field, data[field.name], `${path}.${field.name}`);
    if (input !== undefined) result[field.dbName] = input;
  }
  return result;
}

/** The stored value of a field of a new document; undefined when the field stays missing. */
export function createValue(field: Field, input: unknown, path: string): unknown {
  if (input !== undefined) return encodeField(field, unwrapSet(field, input, path), path);
  if (field.produceDefault) return encodeField(field, field.produceDefault(), path);
  if (field.isUpdatedAt) return new Date();
  if (field.isList) return [];
  if (field.isRequired) throw new ArgumentError(`Argument \`${path}\` is missing.`);
  return undefined;
}

/** `{ set: value }` around list and composite values means the value. */
function unwrapSet(field: Field, input: unknown, path: string): unknown {
  if (!(field.isList || field.composite) || !isPlainObject(input) || !('set' in input)) return input;
  if (field.composite?.fields.has('set')) return input;
  const others = Object.keys(input).filter((key) => key !== 'set');
  if (others.length > 0)
    throw new ArgumentError(`Argument \`${path}\`: \`set\` cannot be combined with ${others.join(', ')}.`);
  return input.set;
}

/** The unique key that a `where` names, with the values of its fields; the other conditions are returned too. */
export interface UniqueWhere {
  key: string;
  fields: Field[];
  values: unknown[];
  /** Conditions besides the key, in Prisma's form. */
  rest: Record<string, unknown>;
  hasRest: boolean;
}

/**
 * Reads a `WhereUniqueInput`.
 * @throws ArgumentError when no unique key of the model is set
 */
export function readUnique(model: Model, where: unknown, path: string): UniqueWhere {
  const input = asObject(where, path);
  let found: UniqueWhere | null = null;
  const rest: Record<string, unknown> = {};
  let hasRest = false;
  for (const key of Object.keys(input)) {
    const value = input[key];
    if (value === undefined) continue;
    const fields = model.uniques.get(key);
    if (!found && fields && (fields.length > 1 || value !== null)) {
      found = {
        key,
        fields,
        values: uniqueValues(key, fields, value, `${path}.${key}`, model),
        rest,
        hasRest,
      };
    } else if (fields && fields.length > 1) {
      const values = uniqueValues(key, fields, value, `${path}.${key}`, model);
      fields.forEach((field, index) => (rest[field.name] = values[index]));
      hasRest = true;
    } else {
      rest[key] = value;
      hasRest = true;
    }
  }
  if (!found) {
    const keys = [...model.uniques.keys()].map((key) => `\`${key}\``).join(' or ');
    throw new ArgumentError(
      `Argument \`${path}\` of type ${model.name}WhereUniqueInput needs at least one of ${keys}.`,
    );
  }
  found.hasRest = hasRest;
  return found;
}

function uniqueValues(key: string, fields: Field[], value: unknown, path: string, model: Model): unknown[] {
  if (model.fields.has(key)) return [value];
  const input = asObject(value, path);
  for (const name of Object.keys(input)) {
    if (!fields.some((field) => field.name === name)) {
      throw unknownField(
        path,
        name,
        model.name,
        fields.map((field) => field.name),
      );
    }
  }
  return fields.map((field) => {
    const item = input[field.name];
    if (item === undefined) throw new ArgumentError(`Argument \`${path}.${field.name}\` is missing.`);
    return item;
  });
}

/** A unique key as a database filter. */
export function uniqueFilter(unique: UniqueWhere, path: string): Document {
  const filter: Document = {};
  unique.fields.forEach((field, index) => {
    filter[field.dbName] = encodeField(field, unique.values[index], `${path}.${field.name}`);
  });
  return filter;
}
