import type { Document } from 'bson';
import { QueryError, badValue } from './errors';
import { EMPTY_ARRAY_KEY, isDocument } from './bson-types';
import { compareBson } from './compare';
import { compoundKeys } from './compound-keys';
import { isNumeric, toDouble } from './numbers';
import { valuesAtPath } from './paths';

interface SortField {
  path: string;
  direction: 1 | -1;
}

function directionOf(path: string, value: unknown): 1 | -1 {
  if (isDocument(value))
    throw new QueryError(
      17312,
      `$meta is the only expression supported by $sort right now; got one for '${path}'`,
    );
  const direction = isNumeric(value) ? toDouble(value) : NaN;
  if (direction !== 1 && direction !== -1) {
    throw new QueryError(
      15975,
      `$sort key ordering must be 1 (for ascending) or -1 (for descending); field '${path}'`,
    );
  }
  return direction;
}

/** The fields of a sort document with their directions. */
export function parseSort(sort: Document): SortField[] {
  if (!isDocument(sort)) throw badValue('a sort must be a document');
  return Object.entries(sort).map(([path, value]) => {
    if (path === '' || path.split('.').includes(''))
      throw badValue(`FieldPath '${path}' must not have empty parts`);
    if (path.startsWith('$'))
      throw new QueryError(16410, `FieldPath field names may not start with '$'; sort by '${path}'`);
    return { path, direction: directionOf(path, value) };
  });
}

/** The one value a field sorts by: null when missing, the least element ascending, the greatest descending. */
function sortKey(doc: Document, { path, direction }: SortField): unknown {
  const values = valuesAtPath(doc, path);
  if (values.length === 0) return null;
  let best = values[0];
  for (let i = 1; i < values.length; i += 1) {
    if (compareBson(values[i], best) * direction < 0) best = values[i];
  }
  return best === EMPTY_ARRAY_KEY ? EMPTY_ARRAY_KEY : best;
}

/** The order of a sort document. */
export interface Sorter {
  /** The values a document sorts by, one per field. @throws QueryError BadValue for parallel arrays */
  keysOf: (doc: Document) => unknown[];
  compare: (a: unknown[], b: unknown[]) => number;
}

const parallelArrays = (): QueryError => badValue('cannot sort with keys that are parallel arrays');

function comparing(fields: readonly SortField[]): Sorter['compare'] {
  return (a, b) => {
    for (let i = 0; i < fields.length; i += 1) {
      const order = compareBson(a[i], b[i]);
      if (order !== 0) return order * fields[i]!.direction;
    }
    return 0;
  };
}

/** As an index over the same fields would order them: of a document with an array, its first combination counts. */
export function compileSorter(sort: Document): Sorter {
  const fields = parseSort(sort);
  const compare = comparing(fields);
  const [only] = fields;
  if (fields.length === 1) return { keysOf: (doc) => [sortKey(doc, only!)], compare };
  const paths = fields.map(({ path }) => path.split('.'));
  return {
    compare,
    keysOf(doc) {
      const { tuples } = compoundKeys(doc, paths, parallelArrays);
      let best = withNulls(tuples[0]!);
      for (let i = 1; i < tuples.length; i += 1) {
        const keys = withNulls(tuples[i]!);
        if (compare(keys, best) < 0) best = keys;
      }
      return best;
    },
  };
}

const withNulls = (tuple: unknown[]): unknown[] => tuple.map((value) => (value === undefined ? null : value));

/** Compares two documents by a MongoDB sort document; an array counts by its least (1) or greatest (-1) element. */
export function compileSort(sort: Document): (a: Document, b: Document) => number {
  const { keysOf, compare } = compileSorter(sort);
  return (a, b) => compare(keysOf(a), keysOf(b));
}

/** Sorts stably into a new array, extracting every document's keys once. @throws QueryError BadValue for parallel arrays */
export function sortDocuments(docs: Iterable<Document>, sort: Document): Document[] {
  const { keysOf, compare } = compileSorter(sort);
  return sortByKeys(docs, keysOf, compare);
}

/** As `sortDocuments`, for the elements of one array (`$push`, `$sortArray`), where parallel arrays are no error. */
export function sortElements(docs: Iterable<Document>, sort: Document): Document[] {
  const fields = parseSort(sort);
  return sortByKeys(docs, (doc) => fields.map((field) => sortKey(doc, field)), comparing(fields));
}

function sortByKeys(
  docs: Iterable<Document>,
  keysOf: Sorter['keysOf'],
  compare: Sorter['compare'],
): Document[] {
  const keyed = Array.from(docs, (doc) => ({ doc, keys: keysOf(doc) }));
  keyed.sort((a, b) => compare(a.keys, b.keys));
  return keyed.map(({ doc }) => doc);
}
