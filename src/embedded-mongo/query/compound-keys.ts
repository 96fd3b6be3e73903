/** The combinations of values several paths select together: MongoDB's multikey rule, of indexes and of sorts alike. */
import { EMPTY_ARRAY_KEY, getField, isDocument } from './bson-types';
import { isIndex } from './paths';

export interface CompoundKeys {
  /** One value per path in each; undefined where a path leads nowhere, `EMPTY_ARRAY_KEY` for an empty array. */
  tuples: unknown[][];
  /** Per path: an array was met. */
  multikey: boolean[];
}

interface Cursor {
  root: unknown;
  parts: string[];
}

interface Stop {
  array: unknown[];
  rest: string[];
}

type Refusal = () => Error;

/**
 * Reads several paths of one document.
 * @param paths split at their dots
 * @param refuse the error for paths that lead through different arrays, which is thrown
 */
export function compoundKeys(root: unknown, paths: readonly string[][], refuse: Refusal): CompoundKeys {
  const multikey = paths.map(() => false);
  const tuples = expand(
    paths.map((parts) => ({ root, parts })),
    multikey,
    refuse,
  );
  return { tuples, multikey };
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

function expand(cursors: Cursor[], multikey: boolean[], refuse: Refusal): unknown[][] {
  const steps = cursors.map(follow);
  const arrays = new Set(steps.flatMap((step) => ('array' in step ? [step.array] : [])));
  if (arrays.size === 0) return [steps.map((step) => (step as { value: unknown }).value)];
  if (arrays.size > 1) throw refuse();
  const array = [...arrays][0]!;
  steps.forEach((step, i) => {
    if ('array' in step) multikey[i] = true;
  });
  const elements = array.length === 0 ? [EMPTY_ARRAY_KEY] : array;
  return elements.flatMap((element) => expandElement(element, steps, refuse));
}

/** One array element: the paths through the array continue inside it, the others keep their value. */
function expandElement(element: unknown, steps: ({ value: unknown } | Stop)[], refuse: Refusal): unknown[][] {
  const inner: { position: number; cursor: Cursor }[] = [];
  const tuple = steps.map((step, position) => {
    if (!('array' in step)) return step.value;
    if (step.rest.length === 0) return element;
    if (isDocument(element)) inner.push({ position, cursor: { root: element, parts: step.rest } });
    return undefined;
  });
  if (inner.length === 0) return [tuple];
  const expanded = expand(
    inner.map(({ cursor }) => cursor),
    inner.map(() => false),
    refuse,
  );
  return expanded.map((values) => {
    const merged = [...tuple];
    inner.forEach(({ position }, i) => (merged[position] = values[i]));
    return merged;
  });
}
