import type { Document } from 'bson';
import { EMPTY_ARRAY_KEY, getField, isDocument } from './bson-types';

/** Receives one value; returns true to stop. A path that leads nowhere yields one `undefined`. */
export type Visitor = (value: unknown) => boolean;

/** Visits the values a query path selects; true when the visitor stopped it. */
export type PathReader = (doc: Document, visit: Visitor) => boolean;

const INDEX = /^(0|[1-9]\d*)$/;

export const isIndex = (part: string): boolean => INDEX.test(part);

/** Whether an array at the end of the path also yields its elements (most operators) or only itself ($size, $exists). */
export type LeafArrays = 'elements' | 'whole';

function visitLeaf(value: unknown, leaf: LeafArrays, visit: Visitor): boolean {
  if (leaf === 'elements' && Array.isArray(value)) {
    for (const element of value) if (visit(element)) return true;
  }
  return visit(value);
}

/**
 * Compiles a dotted path as the query language reads it: documents inside arrays are entered, a numeric part also
 * names a position, an array at the end yields its elements and then itself. Scalars inside arrays yield nothing.
 */
export function compilePath(path: string, leaf: LeafArrays = 'elements'): PathReader {
  const parts = path.split('.');
  const last = parts.length - 1;
  if (last === 0) return (doc, visit) => visitLeaf(getField(doc, path), leaf, visit);

  const visitField = (doc: Document, i: number, visit: Visitor): boolean => {
    const value = getField(doc, parts[i]!);
    if (i === last) return visitLeaf(value, leaf, visit);
    if (Array.isArray(value)) return visitArray(value, i + 1, visit);
    return isDocument(value) ? visitField(value, i + 1, visit) : visit(undefined);
  };
  const visitArray = (array: unknown[], i: number, visit: Visitor): boolean => {
    const position = isIndex(parts[i]!) ? Number(parts[i]) : -1;
    for (let k = 0; k < array.length; k += 1) {
      const element = array[k];
      if (isDocument(element) && visitField(element, i, visit)) return true;
      if (k === position && visitPosition(element, i, visit)) return true;
    }
    return false;
  };
  const visitPosition = (element: unknown, i: number, visit: Visitor): boolean => {
    // A path that ends in a position means that element as it is, also when it is an array.
    if (i === last) return visit(element);
    if (Array.isArray(element)) return visitArray(element, i + 1, visit);
    return isDocument(element) && visitField(element, i + 1, visit);
  };
  return (doc, visit) => visitField(doc, 0, visit);
}

/**
 * The index keys of one field of a document, as a MongoDB index holds them: an array gives one key per element
 * (duplicates included), an array of sub-documents on the way fans out, with null for an element that lacks the rest
 * of the path. An empty array gives `EMPTY_ARRAY_KEY`.
 * @returns `[]` when the field is missing altogether; index it as null
 */
export function valuesAtPath(doc: Document, path: string): unknown[] {
  if (!path.includes('.')) return leafKeys(getField(doc, path));
  const keys: unknown[] = [];
  collectKeys(doc, path.split('.'), 0, keys);
  return keys.length === 1 && keys[0] === undefined
    ? []
    : keys.map((key) => (key === undefined ? null : key));
}

function leafKeys(value: unknown): unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [value];
  return value.length === 0 ? [EMPTY_ARRAY_KEY] : value.map((element) => element ?? null);
}

function collectKeys(value: unknown, parts: string[], i: number, keys: unknown[]): void {
  if (i === parts.length) {
    const leaves = leafKeys(value);
    if (leaves.length === 0) keys.push(undefined);
    for (const leaf of leaves) keys.push(leaf);
  } else if (Array.isArray(value)) {
    collectArrayKeys(value, parts, i, keys);
  } else {
    const next = isDocument(value) ? getField(value, parts[i]!) : undefined;
    if (next === undefined) keys.push(undefined);
    else collectKeys(next, parts, i + 1, keys);
  }
}

function collectArrayKeys(array: unknown[], parts: string[], i: number, keys: unknown[]): void {
  const part = parts[i]!;
  if (isIndex(part) && Number(part) < array.length) collectKeys(array[Number(part)], parts, i + 1, keys);
  else if (array.length === 0) keys.push(undefined);
  // An array directly inside an array is not entered; it counts as an element without the field.
  for (const element of array) {
    if (isDocument(element)) {
      if (!isIndex(part) || getField(element, part) !== undefined) collectKeys(element, parts, i, keys);
    } else if (!isIndex(part)) {
      keys.push(undefined);
    }
  }
}

/**
 * Visits the values `distinct` counts: of an array at the end of the path its elements as they are, one level deep; on
 * the way every document of an array is entered, and a numeric part names a position.
 */
export function eachDistinct(
  holder: Document | unknown[],
  parts: readonly string[],
  i: number,
  visit: (value: unknown) => void,
): void {
  const part = parts[i]!;
  const value: unknown = Array.isArray(holder)
    ? isIndex(part)
      ? holder[Number(part)]
      : undefined
    : getField(holder, part);
  if (value === undefined) return;
  if (i === parts.length - 1) {
    if (Array.isArray(value)) value.forEach(visit);
    else visit(value);
  } else if (Array.isArray(value) && !isIndex(parts[i + 1]!)) {
    for (const element of value) if (isDocument(element)) eachDistinct(element, parts, i + 1, visit);
  } else if (isDocument(value) || Array.isArray(value)) {
    eachDistinct(value, parts, i + 1, visit);
  }
}
