import type { Document } from 'bson';
import { QueryError } from './errors';
import { BsonType, bsonType, cloneValue, getField, isDocument, setField } from './bson-types';
import { isOperatorDocument } from './filter-operators';

function seed(target: Document, path: string, value: unknown): void {
  const parts = path.split('.');
  let at = target;
  for (const part of parts.slice(0, -1)) {
    const next = getField(at, part);
    if (next === undefined) setField(at, part, {});
    else if (!isDocument(next)) throw contradiction(path);
    at = getField(at, part) as Document;
  }
  const last = parts.at(-1)!;
  if (getField(at, last) !== undefined) throw contradiction(path);
  setField(at, last, cloneValue(value));
}

const contradiction = (path: string): QueryError =>
  new QueryError(54, `cannot infer query fields to set, path '${path}' is matched twice`);

function single(list: unknown): unknown[] {
  return Array.isArray(list) && list.length === 1 ? (list as unknown[]) : [];
}

function seedField(target: Document, path: string, operand: unknown): void {
  if (bsonType(operand) === BsonType.regex) return;
  if (!isOperatorDocument(operand)) return seed(target, path, operand);
  if ('$eq' in operand) return seed(target, path, operand.$eq);
  for (const value of [...single(operand.$in), ...single(operand.$all)]) {
    if (bsonType(value) !== BsonType.regex && !isOperatorDocument(value)) seed(target, path, value);
  }
}

function collect(target: Document, filter: Document): void {
  for (const [name, operand] of Object.entries(filter)) {
    if (name === '$and' && Array.isArray(operand))
      for (const clause of operand) collect(target, clause as Document);
    else if (name === '$or') for (const clause of single(operand)) collect(target, clause as Document);
    else if (!name.startsWith('$')) seedField(target, name, operand);
  }
}

/**
 * The document an upsert starts from: the filter's equality fields, also under `$and`, a single `$or` branch, `$eq`,
 * and `$in` or `$all` of one element; dotted paths become sub-documents; `_id` comes first.
 * @throws QueryError 54 NotSingleValueField when two conditions set one path
 */
export function upsertSeed(filter: Document): Document {
  const result: Document = {};
  collect(result, filter);
  if (result._id === undefined) return result;
  const { _id, ...rest } = result;
  return { _id: _id as unknown, ...rest };
}
