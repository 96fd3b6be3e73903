import { ObjectId, type Document } from 'mongodb';
import type { ExecutionContext } from './context';
import type { Field, Relation } from './datamodel';
import { ArgumentError } from './errors';

/** A stored key value as a map key. */
export function keyText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof ObjectId) return value.toHexString();
  return `${typeof value}:${String(value)}`;
}

/** The key tuples of one document: one, or one for each element of a many-to-many list; none when a part is null. */
export function keysOf(document: Document, fields: Field[]): unknown[][] {
  if (fields.length === 1) {
    const value: unknown = document[fields[0]!.dbName];
    if (Array.isArray(value)) return value.map((item: unknown) => [item]);
    return value === null || value === undefined ? [] : [[value]];
  }
  const key = fields.map((field) => document[field.dbName] as unknown);
  return key.some((value) => value === null || value === undefined) ? [] : [key];
}

export const tupleText = (key: unknown[]): string =>
  key.length === 1 ? keyText(key[0]) : key.map(keyText).join('\u0000');

/** The distinct keys of many documents. */
export function distinctKeys(documents: Document[], fields: Field[]): unknown[][] {
  const keys = new Map<string, unknown[]>();
  for (const document of documents) {
    for (const key of keysOf(document, fields)) keys.set(tupleText(key), key);
  }
  return [...keys.values()];
}

/** The most keys one relation condition may gather; far below the 16 MB that a filter may have. */
const MAX_RELATION_KEYS = 200_000;

/** The distinct keys of the target's documents that match `filter`, for conditions on relations. */
export async function findKeys(
  context: ExecutionContext,
  relation: Relation,
  filter: Document,
): Promise<unknown[][]> {
  const fields = relation.to;
  const projection: Document = Object.fromEntries(fields.map((field) => [field.dbName, 1]));
  if (!('_id' in projection)) projection._id = 0;
  const documents = await context.find(relation.target, filter, { projection, limit: MAX_RELATION_KEYS + 1 });
  if (documents.length > MAX_RELATION_KEYS) {
    throw new ArgumentError(
      `The condition on ${relation.target.name} matches more than ${MAX_RELATION_KEYS} documents; filter ${relation.target.name} directly instead.`,
    );
  }
  return distinctKeys(documents, fields);
}
