import type { ProjectionCase } from './types';

const doc = { _id: 1, a: 1, b: { c: 2, d: 3 }, e: [{ f: 1, g: 2 }, { f: 3, g: 4 }, 5], h: [10, 20, 30, 40] };

type Row = [
  name: string,
  projection: ProjectionCase['projection'],
  expected: ProjectionCase['expected'],
  filter?: ProjectionCase['filter'],
];
const table = (rows: Row[]): ProjectionCase[] =>
  rows.map(([name, projection, expected, filter]) => ({ name, doc, projection, expected, filter }));

const refused = (
  rows: [
    name: string,
    projection: ProjectionCase['projection'],
    error: number,
    filter?: ProjectionCase['filter'],
  ][],
): ProjectionCase[] =>
  rows.map(([name, projection, error, filter]) => ({ name, doc, projection, error, filter }));

export const PROJECTION_CASES: ProjectionCase[] = [
  ...table([
    ['returns the document for an empty projection', {}, doc],
    ['includes a field and the id', { a: 1 }, { _id: 1, a: 1 }],
    ['includes by true and by any non-zero number', { a: true, h: 5 }, { _id: 1, a: 1, h: [10, 20, 30, 40] }],
    ['leaves the id out on request', { a: 1, _id: 0 }, { a: 1 }],
    ['returns only the id', { _id: 1 }, { _id: 1 }],
    ['excludes only the id', { _id: 0 }, { a: 1, b: doc.b, e: doc.e, h: doc.h }],
    ['excludes fields', { a: 0, e: 0, h: 0 }, { _id: 1, b: { c: 2, d: 3 } }],
    ['keeps the order of the document', { h: 1, a: 1 }, { _id: 1, a: 1, h: [10, 20, 30, 40] }],
    ['includes a nested field', { 'b.c': 1 }, { _id: 1, b: { c: 2 } }],
    ['includes a nested field by a nested projection', { b: { c: 1 } }, { _id: 1, b: { c: 2 } }],
    ['excludes a nested field', { 'b.c': 0, e: 0, h: 0 }, { _id: 1, a: 1, b: { d: 3 } }],
    [
      'includes fields of array elements and drops scalars',
      { 'e.f': 1 },
      { _id: 1, e: [{ f: 1 }, { f: 3 }] },
    ],
    [
      'excludes fields of array elements and keeps scalars',
      { 'e.f': 0, h: 0 },
      { _id: 1, a: 1, b: { c: 2, d: 3 }, e: [{ g: 2 }, { g: 4 }, 5] },
    ],
    ['drops a scalar where a sub-field is asked for', { 'a.x': 1 }, { _id: 1 }],
    ['keeps an empty document where a sub-field is missing', { 'b.x': 1 }, { _id: 1, b: {} }],
    [
      'takes the first elements by $slice',
      { h: { $slice: 2 }, e: 0 },
      { _id: 1, a: 1, b: { c: 2, d: 3 }, h: [10, 20] },
    ],
    [
      'takes the last elements by a negative $slice',
      { h: { $slice: -1 }, e: 0 },
      { _id: 1, a: 1, b: { c: 2, d: 3 }, h: [40] },
    ],
    [
      'skips and limits by $slice',
      { h: { $slice: [1, 2] }, e: 0 },
      { _id: 1, a: 1, b: { c: 2, d: 3 }, h: [20, 30] },
    ],
    [
      'counts a negative skip from the end',
      { h: { $slice: [-3, 2] }, e: 0 },
      { _id: 1, a: 1, b: { c: 2, d: 3 }, h: [20, 30] },
    ],
    ['combines inclusion with $slice', { a: 1, h: { $slice: 1 } }, { _id: 1, a: 1, h: [10] }],
    [
      'returns the first matching element by $elemMatch',
      { e: { $elemMatch: { f: 3 } } },
      { _id: 1, e: [{ f: 3, g: 4 }] },
    ],
    ['omits the field when no element matches $elemMatch', { e: { $elemMatch: { f: 9 } } }, { _id: 1 }],
    [
      'returns the first matching scalar by $elemMatch',
      { h: { $elemMatch: { $gt: 15 } } },
      { _id: 1, h: [20] },
    ],
    ['returns the matched element by the positional $', { 'h.$': 1 }, { _id: 1, h: [30] }, { h: 30 }],
    [
      'returns the matched sub-document by the positional $',
      { 'e.$': 1 },
      { _id: 1, e: [{ f: 3, g: 4 }] },
      { 'e.f': 3 },
    ],
    ['computes a new field', { total: { $add: ['$a', '$b.c'] } }, { _id: 1, total: 3 }],
    ['copies a field under a new name', { copy: '$b.d' }, { _id: 1, copy: 3 }],
    ['puts computed fields after included ones', { sum: { $sum: '$h' }, a: 1 }, { _id: 1, a: 1, sum: 100 }],
    ['projects a literal string', { note: 'text' }, { _id: 1, note: 'text' }],
    ['projects a literal number by $literal', { one: { $literal: 1 } }, { _id: 1, one: 1 }],
    ['omits a computed field without a value', { x: '$missing' }, { _id: 1 }],
    ['computes a nested field', { 'n.x': '$a' }, { _id: 1, n: { x: 1 } }],
    ['computes with $slice as an expression', { last: { $slice: ['$h', -1] } }, { _id: 1, last: [40] }],
  ]),
  ...refused([
    ['refuses to include in an exclusion', { a: 0, b: 1 }, 31253],
    ['refuses to exclude in an inclusion', { a: 1, b: 0 }, 31254],
    ['refuses a path and its ancestor', { b: 1, 'b.c': 1 }, 31249],
    ['refuses an ancestor after its path', { 'b.c': 1, b: 1 }, 31250],
    ['refuses an empty sub-projection', { a: {} }, 51270],
    ['refuses an unknown expression directly under a field', { a: { $foo: 1 } }, 31325],
    ['refuses a positional $ without a match', { 'h.$': 1 }, 51246, { a: 1 }],
  ]),
];
