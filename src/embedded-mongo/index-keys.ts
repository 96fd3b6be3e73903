/** Which keys a document has in an index: MongoDB's multikey rules over single and compound paths. */
import type { Document } from 'bson';
import { encodeKey } from './query';
import { compoundKeys } from './query/compound-keys';
import type { Index } from './catalog';
import { MongoCommandError } from './errors';
import { MAX_VALUE_KEY_BYTES, boundKey } from './keys';

export interface ExtractedKeys {
  /** Encoded, bounded value keys without duplicates. */
  keys: Buffer[];
  /** The values behind `keys`, for messages. */
  values: unknown[][];
  /** Per key path: an array was met. */
  multikey: boolean[];
  truncated: boolean;
}

const NO_KEYS: ExtractedKeys = { keys: [], values: [], multikey: [], truncated: false };

/** @throws MongoCommandError (CannotIndexParallelArrays) when two key paths lead through different arrays */
export function extractKeys(index: Index, doc: Document): ExtractedKeys {
  if (index.covers !== null && !index.covers(doc)) return NO_KEYS;
  const paths = index.key.map(([path]) => path.split('.'));
  const { tuples, multikey } = compoundKeys(doc, paths, () => parallelArrays(index));
  if (index.sparse && tuples.every((tuple) => tuple.every((value) => value === undefined))) return NO_KEYS;
  const directions = index.key.map(([, direction]) => direction);
  const unique = new Map<string, { key: Buffer; values: unknown[] }>();
  let truncated = false;
  for (const values of tuples) {
    const full = encodeKey(values, directions);
    truncated ||= full.length > MAX_VALUE_KEY_BYTES;
    const key = boundKey(full, MAX_VALUE_KEY_BYTES);
    if (tuples.length === 1) return { keys: [key], values: [values], multikey, truncated };
    unique.set(key.toString('latin1'), { key, values });
  }
  const distinct = [...unique.values()];
  return { keys: distinct.map((d) => d.key), values: distinct.map((d) => d.values), multikey, truncated };
}

function parallelArrays(index: Index): MongoCommandError {
  const names = index.key.map(([path]) => path).join('] [');
  return new MongoCommandError('CannotIndexParallelArrays', `cannot index parallel arrays [${names}]`);
}
