import { Decimal128, Double, Int32, Long, ObjectId } from 'bson';
import type { ExpressionCase, PipelineCase } from './types';

const sales = [
  { _id: 1, item: 'abc', price: 10, quantity: 2, tags: ['x', 'y'] },
  { _id: 2, item: 'jkl', price: 20, quantity: 1, tags: [] },
  { _id: 3, item: 'xyz', price: 5, quantity: 10, tags: ['x'] },
  { _id: 4, item: 'abc', price: 10, quantity: 10 },
];

const inventory = [
  { _id: 1, sku: 'abc', stock: 120 },
  { _id: 2, sku: 'xyz', stock: 60 },
  { _id: 3, sku: null },
  { _id: 4 },
];

const people = [
  { _id: 1, name: 'Dev' },
  { _id: 2, name: 'Eliot', boss: 'Dev' },
  { _id: 3, name: 'Ron', boss: 'Eliot' },
  { _id: 4, name: 'Dan', boss: 'Ron' },
];

type Row = [
  name: string,
  docs: PipelineCase['docs'],
  pipeline: PipelineCase['pipeline'],
  expected: PipelineCase['docs'],
  rest?: Partial<PipelineCase>,
];
const table = (rows: Row[]): PipelineCase[] =>
  rows.map(([name, docs, pipeline, expected, rest]) => ({ name, docs, pipeline, expected, ...rest }));

const byId = { $sort: { _id: 1 } };

export const PIPELINE_CASES: PipelineCase[] = [
  ...table([
    ['answers every document for an empty pipeline', [{ _id: 1 }], [], [{ _id: 1 }]],
    [
      'filters, sorts, skips and limits',
      sales,
      [
        { $match: { price: { $gte: 10 } } },
        { $sort: { price: -1, _id: 1 } },
        { $skip: 1 },
        { $limit: 1 },
        { $project: { item: 1 } },
      ],
      [{ _id: 1, item: 'abc' }],
    ],
    [
      'sums per group and keeps ints ints',
      sales,
      [{ $group: { _id: '$item', n: { $sum: '$quantity' } } }, byId],
      [
        { _id: 'abc', n: 12 },
        { _id: 'jkl', n: 1 },
        { _id: 'xyz', n: 10 },
      ],
    ],
    [
      'averages to a double',
      sales,
      [{ $group: { _id: null, avg: { $avg: '$price' } } }],
      [{ _id: null, avg: 11.25 }],
    ],
    [
      'sums an expression',
      sales,
      [{ $group: { _id: null, total: { $sum: { $multiply: ['$price', '$quantity'] } } } }],
      [{ _id: null, total: 190 }],
    ],
    [
      'takes the extremes of a group',
      sales,
      [{ $group: { _id: null, low: { $min: '$price' }, high: { $max: '$price' } } }],
      [{ _id: null, low: 5, high: 20 }],
    ],
    [
      'takes first and last in sort order',
      sales,
      [
        { $sort: { _id: 1 } },
        { $group: { _id: null, first: { $first: '$item' }, last: { $last: '$quantity' } } },
      ],
      [{ _id: null, first: 'abc', last: 10 }],
    ],
    [
      'collects values by $push',
      sales,
      [byId, { $group: { _id: '$item', q: { $push: '$quantity' } } }, byId],
      [
        { _id: 'abc', q: [2, 10] },
        { _id: 'jkl', q: [1] },
        { _id: 'xyz', q: [10] },
      ],
    ],
    [
      'leaves missing values out of $push',
      sales,
      [byId, { $group: { _id: null, t: { $push: '$tags' } } }],
      [{ _id: null, t: [['x', 'y'], [], ['x']] }],
    ],
    [
      'collects distinct values by $addToSet',
      sales,
      [{ $match: { item: 'abc' } }, { $group: { _id: null, p: { $addToSet: '$price' } } }],
      [{ _id: null, p: [10] }],
    ],
    [
      'counts by $count in a group',
      sales,
      [{ $group: { _id: '$item', n: { $count: {} } } }, byId],
      [
        { _id: 'abc', n: 2 },
        { _id: 'jkl', n: 1 },
        { _id: 'xyz', n: 1 },
      ],
    ],
    [
      'groups by a document',
      sales,
      [{ $group: { _id: { i: '$item', p: '$price' }, n: { $sum: 1 } } }, byId],
      [
        { _id: { i: 'abc', p: 10 }, n: 2 },
        { _id: { i: 'jkl', p: 20 }, n: 1 },
        { _id: { i: 'xyz', p: 5 }, n: 1 },
      ],
    ],
    [
      'groups missing values under null',
      [{ _id: 1, k: null }, { _id: 2 }, { _id: 3, k: 1 }],
      [{ $group: { _id: '$k', n: { $sum: 1 } } }, byId],
      [
        { _id: null, n: 2 },
        { _id: 1, n: 1 },
      ],
    ],
    [
      'groups equal numbers of different types together',
      [
        { _id: 1, k: 1 },
        { _id: 2, k: Long.fromNumber(1) },
      ],
      [{ $group: { _id: '$k', n: { $sum: 1 } } }, { $project: { _id: 0, n: 1 } }],
      [{ n: 2 }],
    ],
    [
      'answers no group for no documents',
      [{ _id: 1 }],
      [{ $match: { a: 1 } }, { $group: { _id: null, n: { $sum: 1 } } }],
      [],
    ],
    [
      'ignores what is not a number in $sum',
      [{ _id: 1, v: 1 }, { _id: 2, v: 'x' }, { _id: 3 }],
      [{ $group: { _id: null, s: { $sum: '$v' } } }],
      [{ _id: null, s: 1 }],
    ],
    [
      'grows an int sum to a long',
      [
        { _id: 1, v: 2147483647 },
        { _id: 2, v: 1 },
      ],
      [{ $group: { _id: null, s: { $sum: '$v' } } }],
      [{ _id: null, s: Long.fromNumber(2147483648) }],
    ],
    [
      'sums decimals exactly',
      [
        { _id: 1, v: Decimal128.fromString('0.1') },
        { _id: 2, v: Decimal128.fromString('0.2') },
      ],
      [{ $group: { _id: null, s: { $sum: '$v' } } }],
      [{ _id: null, s: Decimal128.fromString('0.3') }],
    ],
    [
      'answers null for the average of nothing',
      [{ _id: 1 }],
      [{ $group: { _id: null, a: { $avg: '$v' } } }],
      [{ _id: null, a: null }],
    ],
    [
      'computes the population deviation',
      [
        { _id: 1, v: 2 },
        { _id: 2, v: 4 },
      ],
      [{ $group: { _id: null, d: { $stdDevPop: '$v' } } }],
      [{ _id: null, d: new Double(1) }],
    ],
    [
      'takes the top document of a group',
      sales,
      [{ $group: { _id: null, t: { $top: { sortBy: { quantity: -1, _id: 1 }, output: '$item' } } } }],
      [{ _id: null, t: 'xyz' }],
    ],
    [
      'takes the first N of a group',
      sales,
      [byId, { $group: { _id: null, t: { $firstN: { input: '$item', n: 2 } } } }],
      [{ _id: null, t: ['abc', 'jkl'] }],
    ],
    ['counts documents', sales, [{ $count: 'n' }], [{ n: 4 }]],
    [
      'answers nothing when there is nothing to count',
      sales,
      [{ $match: { price: 999 } }, { $count: 'n' }],
      [],
    ],
    [
      'counts per value, most frequent first',
      sales,
      [{ $sortByCount: '$item' }, { $limit: 1 }],
      [{ _id: 'abc', count: 2 }],
    ],
    [
      'unwinds arrays and drops documents without elements',
      sales,
      [{ $unwind: '$tags' }, { $project: { tags: 1 } }, { $sort: { _id: 1, tags: 1 } }],
      [
        { _id: 1, tags: 'x' },
        { _id: 1, tags: 'y' },
        { _id: 3, tags: 'x' },
      ],
    ],
    [
      'keeps documents without elements on request',
      sales,
      [
        { $unwind: { path: '$tags', preserveNullAndEmptyArrays: true } },
        { $project: { tags: 1 } },
        { $sort: { _id: 1, tags: 1 } },
      ],
      [{ _id: 1, tags: 'x' }, { _id: 1, tags: 'y' }, { _id: 2 }, { _id: 3, tags: 'x' }, { _id: 4 }],
    ],
    [
      'numbers unwound elements by a long',
      [{ _id: 1, t: ['a', 'b'] }],
      [{ $unwind: { path: '$t', includeArrayIndex: 'i' } }],
      [
        { _id: 1, t: 'a', i: Long.fromNumber(0) },
        { _id: 1, t: 'b', i: Long.fromNumber(1) },
      ],
    ],
    [
      'treats a scalar as one element when unwinding',
      [{ _id: 1, t: 5 }],
      [{ $unwind: '$t' }],
      [{ _id: 1, t: 5 }],
    ],
    [
      'adds fields at the end',
      [{ _id: 1, a: 1 }],
      [{ $addFields: { b: { $add: ['$a', 1] } } }],
      [{ _id: 1, a: 1, b: 2 }],
    ],
    [
      'adds nested fields',
      [{ _id: 1, a: { b: 1 } }],
      [{ $set: { 'a.c': 2 } }],
      [{ _id: 1, a: { b: 1, c: 2 } }],
    ],
    ['removes a field by $$REMOVE', [{ _id: 1, a: 1 }], [{ $set: { a: '$$REMOVE' } }], [{ _id: 1 }]],
    [
      'removes fields by $unset',
      [{ _id: 1, a: 1, b: { c: 1, d: 2 } }],
      [{ $unset: ['a', 'b.c'] }],
      [{ _id: 1, b: { d: 2 } }],
    ],
    ['replaces the root', [{ _id: 1, d: { x: 1 } }], [{ $replaceRoot: { newRoot: '$d' } }], [{ x: 1 }]],
    [
      'merges into a new root',
      [{ _id: 1, d: { x: 1 } }],
      [{ $replaceWith: { $mergeObjects: [{ y: 2 }, '$d'] } }],
      [{ y: 2, x: 1 }],
    ],
    [
      'runs pipelines side by side',
      sales,
      [
        {
          $facet: {
            n: [{ $count: 'c' }],
            top: [{ $sort: { price: -1 } }, { $limit: 1 }, { $project: { item: 1 } }],
          },
        },
      ],
      [{ n: [{ c: 4 }], top: [{ _id: 2, item: 'jkl' }] }],
    ],
    [
      'sorts into buckets',
      sales,
      [{ $bucket: { groupBy: '$price', boundaries: [0, 10, 15], default: 'more' } }],
      [
        { _id: 0, count: 1 },
        { _id: 10, count: 2 },
        { _id: 'more', count: 1 },
      ],
    ],
    [
      'sorts into even buckets',
      [1, 2, 3, 4].map((v) => ({ _id: v })),
      [{ $bucketAuto: { groupBy: '$_id', buckets: 2 } }],
      [
        { _id: { min: 1, max: 3 }, count: 2 },
        { _id: { min: 3, max: 4 }, count: 2 },
      ],
    ],
    [
      'prunes documents by $redact',
      [{ _id: 1, l: 1, sub: { l: 5, x: 1 } }],
      [{ $redact: { $cond: [{ $lte: ['$l', 3] }, '$$DESCEND', '$$PRUNE'] } }],
      [{ _id: 1, l: 1 }],
    ],
    [
      'compares exactly in $match after a computation',
      [{ _id: 1, a: [1, 2] }],
      [{ $set: { n: { $size: '$a' } } }, { $match: { n: Long.fromNumber(2) } }],
      [{ _id: 1, a: [1, 2], n: 2 }],
    ],
    [
      'maps a path through an array of documents',
      [{ _id: 1, a: [{ b: 1 }, { b: 2 }, { c: 3 }] }],
      [{ $project: { x: '$a.b' } }],
      [{ _id: 1, x: [1, 2] }],
    ],
    [
      'answers the same instant for every $$NOW',
      [{ _id: 1 }, { _id: 2 }],
      [{ $group: { _id: '$$NOW', n: { $sum: 1 } } }, { $project: { _id: 0, n: 1 } }],
      [{ n: 2 }],
    ],
    [
      'keeps the whole document in $$ROOT',
      [{ _id: 1, a: 2 }],
      [{ $project: { doc: '$$ROOT' } }],
      [{ _id: 1, doc: { _id: 1, a: 2 } }],
    ],
    ['samples at most the requested number', [{ _id: 1 }], [{ $sample: { size: 5 } }], [{ _id: 1 }]],
    [
      'ranks within partitions',
      sales,
      [
        {
          $setWindowFields: { partitionBy: '$item', sortBy: { quantity: -1 }, output: { r: { $rank: {} } } },
        },
        { $project: { r: 1 } },
        byId,
      ],
      [
        { _id: 1, r: 2 },
        { _id: 2, r: 1 },
        { _id: 3, r: 1 },
        { _id: 4, r: 1 },
      ],
    ],
    [
      'sums a running window',
      sales,
      [
        {
          $setWindowFields: {
            sortBy: { _id: 1 },
            output: { s: { $sum: '$quantity', window: { documents: ['unbounded', 'current'] } } },
          },
        },
        { $project: { s: 1 } },
      ],
      [
        { _id: 1, s: 2 },
        { _id: 2, s: 3 },
        { _id: 3, s: 13 },
        { _id: 4, s: 23 },
      ],
    ],
    [
      'averages a sliding window',
      sales,
      [
        {
          $setWindowFields: {
            sortBy: { _id: 1 },
            output: { s: { $max: '$quantity', window: { documents: [-1, 0] } } },
          },
        },
        { $project: { s: 1 } },
      ],
      [
        { _id: 1, s: 2 },
        { _id: 2, s: 2 },
        { _id: 3, s: 10 },
        { _id: 4, s: 10 },
      ],
    ],
    [
      'shifts values between rows',
      sales,
      [
        {
          $setWindowFields: {
            sortBy: { _id: 1 },
            output: { p: { $shift: { output: '$quantity', by: -1, default: 0 } } },
          },
        },
        { $project: { p: 1 } },
      ],
      [
        { _id: 1, p: 0 },
        { _id: 2, p: 2 },
        { _id: 3, p: 1 },
        { _id: 4, p: 10 },
      ],
    ],
  ]),
  ...table([
    [
      'joins by equal fields',
      sales,
      [
        { $lookup: { from: 'inventory', localField: 'item', foreignField: 'sku', as: 'stock' } },
        { $project: { 'stock.stock': 1 } },
        byId,
      ],
      [
        { _id: 1, stock: [{ stock: 120 }] },
        { _id: 2, stock: [] },
        { _id: 3, stock: [{ stock: 60 }] },
        { _id: 4, stock: [{ stock: 120 }] },
      ],
    ],
    [
      'joins missing with null and missing',
      [{ _id: 1 }],
      [{ $lookup: { from: 'inventory', localField: 'item', foreignField: 'sku', as: 's' } }],
      [{ _id: 1, s: [{ _id: 3, sku: null }, { _id: 4 }] }],
    ],
    [
      'joins each element of a local array',
      [{ _id: 1, items: ['xyz', 'abc'] }],
      [
        { $lookup: { from: 'inventory', localField: 'items', foreignField: 'sku', as: 's' } },
        { $project: { ids: '$s._id' } },
      ],
      [{ _id: 1, ids: [1, 2] }],
    ],
    [
      'joins by a pipeline with variables',
      sales,
      [
        { $match: { _id: 3 } },
        {
          $lookup: {
            from: 'inventory',
            let: { q: '$quantity', i: '$item' },
            pipeline: [
              { $match: { $expr: { $and: [{ $eq: ['$sku', '$$i'] }, { $gte: ['$stock', '$$q'] }] } } },
              { $project: { stock: 1, _id: 0 } },
            ],
            as: 's',
          },
        },
        { $project: { s: 1 } },
      ],
      [{ _id: 3, s: [{ stock: 60 }] }],
    ],
    [
      'joins everything by a pipeline without variables',
      [{ _id: 1 }, { _id: 2 }],
      [{ $lookup: { from: 'inventory', pipeline: [{ $count: 'n' }], as: 's' } }, byId],
      [
        { _id: 1, s: [{ n: 4 }] },
        { _id: 2, s: [{ n: 4 }] },
      ],
    ],
    [
      'combines equal fields with a pipeline',
      sales,
      [
        { $match: { _id: 1 } },
        {
          $lookup: {
            from: 'inventory',
            localField: 'item',
            foreignField: 'sku',
            pipeline: [{ $project: { _id: 0, stock: 1 } }],
            as: 's',
          },
        },
        { $project: { s: 1 } },
      ],
      [{ _id: 1, s: [{ stock: 120 }] }],
    ],
    [
      'joins with a collection that does not exist',
      [{ _id: 1 }],
      [{ $lookup: { from: 'nowhere', localField: 'a', foreignField: 'b', as: 's' } }],
      [{ _id: 1, s: [] }],
    ],
    [
      'appends another collection',
      [{ _id: 9 }],
      [{ $unionWith: { coll: 'inventory', pipeline: [{ $match: { sku: 'xyz' } }] } }],
      [{ _id: 9 }, { _id: 2, sku: 'xyz', stock: 60 }],
    ],
    [
      'follows references recursively',
      [{ _id: 1, of: 'Dan' }],
      [
        {
          $graphLookup: {
            from: 'people',
            startWith: '$of',
            connectFromField: 'boss',
            connectToField: 'name',
            as: 'chain',
          },
        },
        { $project: { names: { $sortArray: { input: '$chain.name', sortBy: 1 } } } },
      ],
      [{ _id: 1, names: ['Dan', 'Dev', 'Eliot', 'Ron'] }],
    ],
    [
      'stops at the depth asked for and says it',
      [{ _id: 1, of: 'Dan' }],
      [
        {
          $graphLookup: {
            from: 'people',
            startWith: '$of',
            connectFromField: 'boss',
            connectToField: 'name',
            as: 'c',
            maxDepth: 1,
            depthField: 'd',
          },
        },
        { $unwind: '$c' },
        { $sort: { 'c.d': 1 } },
        { $project: { _id: 0, n: '$c.name', d: '$c.d' } },
      ],
      [
        { n: 'Dan', d: Long.fromNumber(0) },
        { n: 'Ron', d: Long.fromNumber(1) },
      ],
    ],
  ]).map((one) => ({ ...one, others: { inventory, people } })),
];

type ExpressionRow = [name: string, expression: unknown, expected: unknown];
const doc = {
  _id: 1,
  i: 7,
  d: 2.5,
  l: Long.fromNumber(5),
  s: 'Hello',
  n: null,
  a: [3, 1, 2],
  docs: [
    { k: 'x', v: 1 },
    { k: 'y', v: 2 },
  ],
  t: new Date('2024-02-29T13:45:30.123Z'),
  o: { x: 1, y: 2 },
  u: 'é😀z',
};
const expressions = (rows: ExpressionRow[]): ExpressionCase[] =>
  rows.map(([name, expression, expected]) => ({ name, doc, expression, expected }));

export const EXPRESSION_CASES: ExpressionCase[] = expressions([
  ['adds ints to an int', { $add: ['$i', 1] }, 8],
  ['adds an int and a double to a double', { $add: ['$i', '$d'] }, 9.5],
  ['adds an int and a long to a long', { $add: ['$i', '$l'] }, Long.fromNumber(12)],
  ['adds milliseconds to a date', { $add: ['$t', 1000] }, new Date('2024-02-29T13:45:31.123Z')],
  ['answers null for null in arithmetic', { $add: ['$i', '$n'] }, null],
  ['subtracts', { $subtract: ['$i', 10] }, -3],
  [
    'subtracts dates to milliseconds',
    { $subtract: ['$t', new Date('2024-02-29T13:45:30.000Z')] },
    Long.fromNumber(123),
  ],
  ['multiplies', { $multiply: ['$i', 2, 3] }, 42],
  ['divides to a double', { $divide: ['$i', 2] }, 3.5],
  ['takes the remainder with the sign of the dividend', { $mod: [-7, 3] }, -1],
  ['takes the absolute value', { $abs: -5 }, 5],
  ['rounds up', { $ceil: '$d' }, new Double(3)],
  ['rounds down', { $floor: -2.5 }, new Double(-3)],
  ['rounds half to even', { $round: ['$d', 0] }, new Double(2)],
  ['rounds to a decimal place', { $round: [3.14159, 2] }, 3.14],
  ['rounds to tens', { $round: [155, -1] }, 160],
  ['truncates', { $trunc: [-7.9] }, new Double(-7)],
  ['raises ints to an int', { $pow: [2, 10] }, 1024],
  ['takes the square root', { $sqrt: 16 }, new Double(4)],
  ['concatenates strings', { $concat: ['$s', ' ', 'world'] }, 'Hello world'],
  ['answers null when a part is null', { $concat: ['$s', '$n'] }, null],
  ['changes to upper case', { $toUpper: '$s' }, 'HELLO'],
  ['answers an empty string for null in lower case', { $toLower: '$n' }, ''],
  ['cuts by code points', { $substrCP: ['$u', 1, 1] }, '😀'],
  ['counts code points', { $strLenCP: '$u' }, 3],
  ['counts bytes', { $strLenBytes: '$u' }, 7],
  ['splits', { $split: ['a,b,,c', ','] }, ['a', 'b', '', 'c']],
  ['finds a code point index', { $indexOfCP: ['$u', 'z'] }, 2],
  ['answers -1 when not found', { $indexOfBytes: ['$s', 'q'] }, -1],
  ['trims white space', { $trim: { input: '  a b ' } }, 'a b'],
  ['trims given characters', { $ltrim: { input: 'xxay', chars: 'xy' } }, 'ay'],
  ['replaces the first match', { $replaceOne: { input: 'a.b.c', find: '.', replacement: '-' } }, 'a-b.c'],
  [
    'replaces all matches',
    { $replaceAll: { input: 'a.b.c', find: '.', replacement: { $literal: '$&' } } },
    'a$&b$&c',
  ],
  ['matches a regex', { $regexMatch: { input: '$s', regex: '^h', options: 'i' } }, true],
  [
    'finds a match with captures',
    { $regexFind: { input: 'ab12', regex: '([a-z]+)(\\d+)(x)?' } },
    { match: 'ab12', idx: 0, captures: ['ab', '12', null] },
  ],
  [
    'finds all matches',
    { $regexFindAll: { input: 'a1b2', regex: '\\d' } },
    [
      { match: '1', idx: 1, captures: [] },
      { match: '2', idx: 3, captures: [] },
    ],
  ],
  ['compares strings without case', { $strcasecmp: ['$s', 'HELLO'] }, 0],
  ['takes an element', { $arrayElemAt: ['$a', 0] }, 3],
  ['takes an element from the end', { $arrayElemAt: ['$a', -1] }, 2],
  ['is missing beyond the end', { $arrayElemAt: ['$a', 9] }, undefined],
  ['takes the first element', { $first: '$a' }, 3],
  ['counts elements', { $size: '$a' }, 3],
  ['slices from a position', { $slice: ['$a', 1, 2] }, [1, 2]],
  ['slices from the end', { $slice: ['$a', -2] }, [1, 2]],
  ['filters elements', { $filter: { input: '$a', as: 'e', cond: { $gte: ['$$e', 2] } } }, [3, 2]],
  ['maps elements', { $map: { input: '$a', as: 'e', in: { $multiply: ['$$e', 2] } } }, [6, 2, 4]],
  ['reduces elements', { $reduce: { input: '$a', initialValue: 0, in: { $add: ['$$value', '$$this'] } } }, 6],
  ['tests membership', { $in: [2, '$a'] }, true],
  ['finds the index of an element', { $indexOfArray: ['$a', 2] }, 2],
  ['concatenates arrays', { $concatArrays: ['$a', [9]] }, [3, 1, 2, 9]],
  ['reverses', { $reverseArray: '$a' }, [2, 1, 3]],
  ['counts up a range', { $range: [0, 10, 4] }, [0, 4, 8]],
  [
    'zips arrays',
    { $zip: { inputs: ['$a', ['x', 'y']] } },
    [
      [3, 'x'],
      [1, 'y'],
    ],
  ],
  ['tells arrays', { $isArray: '$a' }, true],
  ['sorts an array', { $sortArray: { input: '$a', sortBy: -1 } }, [3, 2, 1]],
  [
    'sorts an array of documents',
    { $sortArray: { input: '$docs', sortBy: { v: -1 } } },
    [
      { k: 'y', v: 2 },
      { k: 'x', v: 1 },
    ],
  ],
  ['turns pairs into a document', { $arrayToObject: '$docs' }, { x: 1, y: 2 }],
  [
    'turns a document into pairs',
    { $objectToArray: '$o' },
    [
      { k: 'x', v: 1 },
      { k: 'y', v: 2 },
    ],
  ],
  ['merges documents', { $mergeObjects: ['$o', { y: 9, z: 3 }, null] }, { x: 1, y: 9, z: 3 }],
  ['subtracts sets', { $setDifference: ['$a', [1]] }, [3, 2]],
  ['compares sets', { $setEquals: ['$a', [1, 2, 3, 3]] }, true],
  ['tests subsets', { $setIsSubset: [[1], '$a'] }, true],
  ['tests any element', { $anyElementTrue: [[false, 1]] }, true],
  ['tests all elements', { $allElementsTrue: [[true, 0]] }, false],
  ['sums an array', { $sum: '$a' }, 6],
  ['takes the greatest of arguments', { $max: ['$i', '$d', '$l'] }, 7],
  ['averages an array', { $avg: '$a' }, new Double(2)],
  ['chooses by a condition', { $cond: [{ $gt: ['$i', 5] }, 'big', 'small'] }, 'big'],
  ['chooses by a named condition', { $cond: { if: '$n', then: 1, else: 2 } }, 2],
  ['replaces null', { $ifNull: ['$n', '$missing', 'none'] }, 'none'],
  [
    'switches',
    {
      $switch: {
        branches: [
          { case: { $lt: ['$i', 5] }, then: 'a' },
          { case: { $lt: ['$i', 8] }, then: 'b' },
        ],
        default: 'c',
      },
    },
    'b',
  ],
  ['binds variables', { $let: { vars: { x: '$i', y: 2 }, in: { $add: ['$$x', '$$y'] } } }, 9],
  ['reads a path of a variable', { $let: { vars: { x: '$o' }, in: '$$x.y' } }, 2],
  ['quotes a literal', { $literal: '$i' }, '$i'],
  ['orders by type when comparing', { $gt: ['text', 5] }, true],
  ['tells missing from null', { $eq: ['$missing', null] }, false],
  ['orders missing before null', { $lt: ['$missing', null] }, true],
  ['compares to -1, 0 or 1', { $cmp: ['$i', 9] }, -1],
  ['joins truths, the empty string being true', { $and: ['', 1, true] }, true],
  ['negates null', { $not: ['$n'] }, true],
  ['names types', { $type: '$l' }, 'long'],
  ['names missing', { $type: '$missing' }, 'missing'],
  ['tells numbers', { $isNumber: '$d' }, true],
  ['converts text to an int', { $toInt: '42' }, 42],
  ['truncates a double to an int', { $toInt: 2.9 }, 2],
  ['converts text to a long', { $toLong: '42' }, Long.fromNumber(42)],
  ['converts text to a double', { $toDouble: '2' }, new Double(2)],
  ['converts text to a decimal', { $toDecimal: '1.50' }, Decimal128.fromString('1.50')],
  ['converts a number to text', { $toString: '$d' }, '2.5'],
  ['converts a date to text', { $toString: '$t' }, '2024-02-29T13:45:30.123Z'],
  [
    'converts text to an object id',
    { $toObjectId: '507f1f77bcf86cd799439011' },
    new ObjectId('507f1f77bcf86cd799439011'),
  ],
  ['converts text to a date', { $toDate: '2024-01-02' }, new Date('2024-01-02')],
  ['converts a number to a boolean', { $toBool: '$i' }, true],
  ['falls back on a conversion error', { $convert: { input: 'x', to: 'int', onError: -1 } }, -1],
  ['falls back on null', { $convert: { input: '$n', to: 'int', onNull: 0 } }, 0],
  ['reads the year', { $year: '$t' }, 2024],
  ['reads the hour in a time zone', { $hour: { date: '$t', timezone: 'America/New_York' } }, 8],
  ['reads the day of the week from Sunday', { $dayOfWeek: '$t' }, 5],
  ['reads the day of the year', { $dayOfYear: '$t' }, 60],
  ['reads the ISO week', { $isoWeek: '$t' }, 9],
  [
    'formats a date',
    { $dateToString: { date: '$t', format: '%Y-%m-%d %H:%M:%S.%L' } },
    '2024-02-29 13:45:30.123',
  ],
  [
    'formats a date in an offset zone',
    { $dateToString: { date: '$t', format: '%H:%M%z', timezone: '+05:30' } },
    '19:15+0530',
  ],
  ['parses a date', { $dateFromString: { dateString: '2024-03-01T00:00:00Z' } }, new Date('2024-03-01')],
  [
    'parses a date by a format',
    { $dateFromString: { dateString: '01/03/2024', format: '%d/%m/%Y' } },
    new Date('2024-03-01'),
  ],
  ['builds a date from parts', { $dateFromParts: { year: 2024, month: 14, day: 1 } }, new Date('2025-02-01')],
  [
    'takes a date apart',
    { $dateToParts: { date: '$t' } },
    { year: 2024, month: 2, day: 29, hour: 13, minute: 45, second: 30, millisecond: 123 },
  ],
  [
    'adds months and keeps within the month',
    { $dateAdd: { startDate: new Date('2024-01-31'), unit: 'month', amount: 1 } },
    new Date('2024-02-29'),
  ],
  [
    'subtracts days',
    { $dateSubtract: { startDate: new Date('2024-03-01'), unit: 'day', amount: 1 } },
    new Date('2024-02-29'),
  ],
  [
    'counts boundaries crossed between dates',
    {
      $dateDiff: {
        startDate: new Date('2023-12-31T23:00:00Z'),
        endDate: new Date('2024-01-01T01:00:00Z'),
        unit: 'year',
      },
    },
    Long.fromNumber(1),
  ],
  ['truncates a date to its month', { $dateTrunc: { date: '$t', unit: 'month' } }, new Date('2024-02-01')],
  [
    'truncates a date to its week from Sunday',
    { $dateTrunc: { date: '$t', unit: 'week' } },
    new Date('2024-02-25'),
  ],
  [
    'truncates a date to bins',
    { $dateTrunc: { date: '$t', unit: 'minute', binSize: 15 } },
    new Date('2024-02-29T13:45:00Z'),
  ],
  ['reads a field by name', { $getField: { field: 'x', input: '$o' } }, 1],
  ['sets a field', { $setField: { field: 'z', input: '$o', value: 3 } }, { x: 1, y: 2, z: 3 }],
  ['combines bits', { $bitAnd: ['$i', 3] }, new Int32(3)],
  ['builds a document and leaves missing fields out', { a: '$i', b: '$missing' }, { a: 7 }],
  ['builds an array with null for missing', ['$i', '$missing'], [7, null]],
]);
