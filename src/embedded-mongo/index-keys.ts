/** Which keys a document has in an index: MongoDB's multikey rules over single and compound paths. */
import type { Document } from 'bson';
import { encodeKey } from './query';
import { EMPTY_ARRAY_KEY, getField, isDocument } from './query/bson-types';
import { isIndex } from './query/paths';
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
  const multikey = index.key.map(() => false);
  const paths = index.key.map(([path]) => path.split('.'));
  const tuples = expand(
    paths.map((parts) => ({ root: doc, parts })),
    multikey,
    index,
  );
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

interface Cursor {
  root: unknown;
  parts: string[];
}

interface Stop {
  array: unknown[];
  rest: string[];
}

/** Follows a path to its value, or to the first array on the way. */
function follow({ root, parts }: Cursor): { value: unknown } | Stop {
  let value = root;
  for (let i = 0; i < parts.length; i++) {
    if (Array.isArray(value)) {
      if (!isIndex(parts[i]!)) return { array: value, rest: parts.slice(i) };
      value = value[Number(parts[i])];
    } else {
      value = isDocument(value) ? getField(value, parts[i]!) : undefined;
    }
    if (value === undefined) return { value: undefined };
  }
  return Array.isArray(value) ? { array: value, rest: [] } : { value };
}

function expand(cursors: Cursor[], multikey: boolean[], index: Index): unknown[][] {
  const steps = cursors.map(follow);
  const arrays = new Set(steps.flatMap((step) => ('array' in step ? [step.array] : [])));
  if (arrays.size === 0) return [steps.map((step) => (step as { value: unknown }).value)];
  if (arrays.size > 1) {
    const names = index.key.map(([path]) => path).join('] [');
    throw new MongoCommandError('CannotIndexParallelArrays', `cannot index parallel arrays [${names}]`);
  }
  const array = [...arrays][0]!;
  steps.forEach((step, i) => {
    if ('array' in step) multikey[i] = true;
  });
  const elements = array.length === 0 ? [EMPTY_ARRAY_KEY] : array;
  return elements.flatMap((element) => expandElement(element, steps, multikey, index));
}

/** One array element: the paths through the array continue inside it, the others keep their value. */
function expandElement(
  element: unknown,
  steps: ({ value: unknown } | Stop)[],
  multikey: boolean[],
  index: Index,
): unknown[][] {
  const inner: { position: number; cursor: Cursor }[] = [];
  const tuple = steps.map((step, position) => {
    if (!('array' in step)) return step.value;
    if (step.rest.length === 0) return element;
    if (isDocument(element)) inner.push({ position, cursor: { root: element, parts: step.rest } });
    return undefined;
  });
  if (inner.length === 0) return [tuple];
  const innerMultikey = inner.map(() => false);
  const expanded = expand(
    inner.map(({ cursor }) => cursor),
    innerMultikey,
    index,
  );
  return expanded.map((values) => {
    const merged = [...tuple];
    inner.forEach(({ position }, i) => (merged[position] = values[i]));
    return merged;
  });
}
