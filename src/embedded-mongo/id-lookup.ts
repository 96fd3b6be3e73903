/** Queries for documents by `_id` alone, the commonest there are: read without planning, scanning or a cursor. */
import type { Document } from 'bson';
import type { Collection } from './catalog';
import { encodeIdKey } from './collection-store';
import { documentKey } from './keys';
import { isScalar } from './planner';
import type { Storage } from './storage';

/** The ids of `{ _id: value }` or `{ _id: { $in: [...] } }` with plain values; null for any other filter. */
export function idsOf(filter: Document): unknown[] | null {
  const names = Object.keys(filter);
  if (names.length !== 1 || names[0] !== '_id') return null;
  const condition: unknown = filter['_id'];
  if (isScalar(condition)) return [condition];
  if (typeof condition !== 'object' || condition === null) return null;
  const operators = Object.keys(condition);
  if (operators.length !== 1 || operators[0] !== '$in') return null;
  const list: unknown = (condition as Document)['$in'];
  return Array.isArray(list) && list.every(isScalar) ? list : null;
}

/** The stored documents with these ids in `_id` order, each once, at most `limit` (0: all). */
export function readByIds(
  storage: Storage,
  collection: Collection,
  ids: readonly unknown[],
  limit: number,
): Buffer[] {
  const keys = ids.map((id) => documentKey(collection.id, encodeIdKey(id)));
  if (keys.length > 1) keys.sort((a, b) => a.compare(b));
  const found: Buffer[] = [];
  for (let i = 0; i < keys.length; i++) {
    if (i > 0 && keys[i]!.equals(keys[i - 1]!)) continue;
    const raw = storage.readDocument(keys[i]!);
    if (raw === undefined) continue;
    found.push(raw);
    if (found.length === limit) break;
  }
  return found;
}
