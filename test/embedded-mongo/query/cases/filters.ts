import { Binary, Decimal128, Double, Long, MaxKey, MinKey, ObjectId, Timestamp } from 'bson';
import type { FilterCase } from './types';

const numbers = [
  { _id: 1, n: 5 },
  { _id: 2, n: new Double(5) },
  { _id: 3, n: Long.fromString('5') },
  { _id: 4, n: Decimal128.fromString('5.0') },
  { _id: 5, n: '5' },
  { _id: 6, n: 7.5 },
  { _id: 7, n: new Double(NaN) },
  { _id: 8, n: null },
  { _id: 9 },
  { _id: 10, n: Long.fromString('9007199254740993') },
];

const arrays = [
  { _id: 1, a: [1, 2, 3] },
  { _id: 2, a: [2, 6] },
  { _id: 3, a: 2 },
  { _id: 4, a: [] },
  { _id: 5, a: [[1, 2], 3] },
  { _id: 6, a: ['x', null] },
  { _id: 7 },
];

const nested = [
  { _id: 1, a: { b: 1, c: 2 } },
  { _id: 2, a: { c: 2, b: 1 } },
  { _id: 3, a: [{ b: 1 }, { b: 2 }] },
  { _id: 4, a: [{ b: 3 }, { c: 4 }] },
  { _id: 5, a: [5, 6] },
  { _id: 6, a: [] },
  { _id: 7, a: null },
  { _id: 8 },
  { _id: 9, a: { b: null } },
];

const strings = [
  { _id: 1, s: 'Apple' },
  { _id: 2, s: 'apple pie' },
  { _id: 3, s: 'banana\napple' },
  { _id: 4, s: ['kiwi', 'apple'] },
  { _id: 5, s: 42 },
  { _id: 6, s: /apple/ },
];

const results = [
  {
    _id: 1,
    results: [
      { product: 'abc', score: 10 },
      { product: 'xyz', score: 5 },
    ],
  },
  {
    _id: 2,
    results: [
      { product: 'abc', score: 8 },
      { product: 'xyz', score: 7 },
    ],
  },
  {
    _id: 3,
    results: [
      { product: 'abc', score: 7 },
      { product: 'xyz', score: 8 },
    ],
  },
  {
    _id: 4,
    results: [
      { product: 'abc', score: 7 },
      { product: 'def', score: 8 },
    ],
  },
];

const oid = new ObjectId('507f1f77bcf86cd799439011');
const types = [
  { _id: 1, v: 1.5 },
  { _id: 2, v: 'text' },
  { _id: 3, v: { x: 1 } },
  { _id: 4, v: ['text'] },
  { _id: 5, v: new Binary(Buffer.from([1, 2])) },
  { _id: 6, v: oid },
  { _id: 7, v: true },
  { _id: 8, v: new Date(0) },
  { _id: 9, v: null },
  { _id: 10, v: /x/ },
  { _id: 11, v: 7 },
  { _id: 12, v: new Timestamp({ t: 1, i: 1 }) },
  { _id: 13, v: Long.fromNumber(8) },
  { _id: 14, v: Decimal128.fromString('9') },
  { _id: 15, v: new MinKey() },
  { _id: 16, v: new MaxKey() },
  { _id: 17 },
];

const bits = [
  { _id: 1, a: 54, b: new Binary(Buffer.from([54])) },
  { _id: 2, a: 20 },
  { _id: 3, a: new Double(20) },
  { _id: 4, a: new Binary(Buffer.from('Zg==', 'base64')) },
  { _id: 5, a: -1 },
  { _id: 6, a: 1.5 },
];

type Row = [name: string, filter: FilterCase['filter'], expected: unknown[]];
const table = (docs: FilterCase['docs'], rows: Row[]): FilterCase[] =>
  rows.map(([name, filter, expected]) => ({ name, docs, filter, expected }));

export const FILTER_CASES: FilterCase[] = [
  ...table(numbers, [
    ['matches a number of any numeric type with the same value', { n: 5 }, [1, 2, 3, 4]],
    ['matches by a Decimal128 as by an int', { n: Decimal128.fromString('5') }, [1, 2, 3, 4]],
    ['matches by a Long as by an int', { n: Long.fromNumber(5) }, [1, 2, 3, 4]],
    ['keeps a string apart from the number it spells', { n: '5' }, [5]],
    ['matches null and missing by null', { n: null }, [8, 9]],
    ['matches everything else by $ne null', { n: { $ne: null } }, [1, 2, 3, 4, 5, 6, 7, 10]],
    ['compares only numbers with $gt of a number', { n: { $gt: 5 } }, [6, 10]],
    ['leaves NaN out of $lt of a number', { n: { $lt: 100 } }, [1, 2, 3, 4, 6]],
    ['matches NaN by equality', { n: new Double(NaN) }, [7]],
    ['matches NaN by $gte NaN', { n: { $gte: new Double(NaN) } }, [7]],
    ['matches nothing by $gt NaN', { n: { $gt: new Double(NaN) } }, []],
    ['keeps integers beyond 2^53 exact in equality', { n: Long.fromString('9007199254740992') }, []],
    ['finds the exact Long beyond 2^53', { n: Long.fromString('9007199254740993') }, [10]],
    ['orders a Long against a double exactly', { n: { $gt: new Double(9007199254740992) } }, [10]],
    [
      'orders a Long against a Decimal128 exactly',
      {
        n: {
          $lt: Decimal128.fromString('9007199254740993.5'),
          $gt: Decimal128.fromString('9007199254740992.5'),
        },
      },
      [10],
    ],
    ['matches null and missing by $lte null', { n: { $lte: null } }, [8, 9]],
    ['matches null and missing by $gte null', { n: { $gte: null } }, [8, 9]],
    ['matches nothing by $gt null', { n: { $gt: null } }, []],
    ['combines bounds on one field', { n: { $gte: 5, $lt: 7 } }, [1, 2, 3, 4]],
    ['matches any listed value by $in', { n: { $in: [7.5, '5'] } }, [5, 6]],
    ['unifies numeric types in $in', { n: { $in: [Long.fromNumber(5)] } }, [1, 2, 3, 4]],
    ['matches null and missing by $in with null', { n: { $in: [null, 7.5] } }, [6, 8, 9]],
    ['matches nothing by an empty $in', { n: { $in: [] } }, []],
    ['matches everything by an empty $nin', { n: { $nin: [] } }, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    ['excludes missing fields by $nin with null', { n: { $nin: [null, 5] } }, [5, 6, 7, 10]],
    ['includes null in $exists true', { n: { $exists: true } }, [1, 2, 3, 4, 5, 6, 7, 8, 10]],
    ['finds missing fields by $exists false', { n: { $exists: false } }, [9]],
    ['reads $exists 0 as false', { n: { $exists: 0 } }, [9]],
    ['takes the remainder by $mod', { n: { $mod: [4, 1] } }, [1, 2, 3, 4, 10]],
    ['truncates fractions in $mod', { n: { $mod: [7, 0] } }, [6]],
    ['negates a comparison by $not, missing included', { n: { $not: { $gt: 5 } } }, [1, 2, 3, 4, 5, 7, 8, 9]],
  ]),
  ...table(arrays, [
    ['matches an element or the scalar by equality', { a: 2 }, [1, 2, 3]],
    ['matches a whole array by equality', { a: [2, 6] }, [2]],
    ['matches a nested array as an element', { a: [1, 2] }, [5]],
    ['matches an empty array by equality', { a: [] }, [4]],
    ['matches when any element satisfies the comparison', { a: { $gt: 5 } }, [2]],
    ['lets two elements satisfy two bounds', { a: { $gt: 5, $lt: 3 } }, [2]],
    ['requires one element for all by $elemMatch', { a: { $elemMatch: { $gt: 5, $lt: 3 } } }, []],
    ['matches one element by $elemMatch on values', { a: { $elemMatch: { $gte: 2, $lt: 3 } } }, [1, 2]],
    ['excludes arrays holding the value by $ne', { a: { $ne: 2 } }, [4, 5, 6, 7]],
    ['matches a null element by null', { a: null }, [6, 7]],
    ['counts elements by $size', { a: { $size: 2 } }, [2, 5, 6]],
    ['finds empty arrays by $size 0', { a: { $size: 0 } }, [4]],
    ['requires every listed element by $all', { a: { $all: [1, 3] } }, [1]],
    ['treats a scalar as one element for $all', { a: { $all: [2] } }, [1, 2, 3]],
    ['matches nothing by an empty $all', { a: { $all: [] } }, []],
    ['matches a nested array by $all of arrays', { a: { $all: [[1, 2]] } }, [5]],
    ['addresses a position by a numeric path', { 'a.0': 2 }, [2]],
    ['addresses a missing position', { 'a.2': { $exists: true } }, [1]],
    ['addresses a nested position', { 'a.0.1': 2 }, [5]],
    ['takes a nested array at a position as it is', { 'a.0': 1 }, [1]],
    ['matches a nested array at a position', { 'a.0': [1, 2] }, [5]],
    ['finds absent positions by $exists false', { 'a.0': { $exists: false } }, [3, 4, 7]],
    ['finds elements by $in', { a: { $in: [6, 'x'] } }, [2, 6]],
    ['finds a whole array by $in of arrays', { a: { $in: [[2, 6]] } }, [2]],
    ['excludes by $nin over elements', { a: { $nin: [1, 2] } }, [4, 5, 6, 7]],
    ['negates $elemMatch', { a: { $not: { $elemMatch: { $gte: 2 } } } }, [3, 4, 6, 7]],
    ['compares arrays with an array operand', { a: { $gt: [2] } }, [2, 5, 6]],
  ]),
  ...table(nested, [
    ['requires the key order of an embedded document', { a: { b: 1, c: 2 } }, [1]],
    ['requires an embedded document to be complete', { a: { b: 1 } }, [3]],
    ['reads a dotted path in any key order', { 'a.b': 1 }, [1, 2, 3]],
    ['reaches documents inside arrays', { 'a.b': 3 }, [4]],
    ['matches null where a sub-document lacks the field', { 'a.b': null }, [4, 7, 8, 9]],
    ['requires absence everywhere for $exists false', { 'a.b': { $exists: false } }, [5, 6, 7, 8]],
    ['takes $exists true of any sub-document', { 'a.b': { $exists: true } }, [1, 2, 3, 4, 9]],
    ['excludes by $ne when any sub-document has the value', { 'a.b': { $ne: 1 } }, [4, 5, 6, 7, 8, 9]],
    ['addresses the field of a positioned sub-document', { 'a.1.b': 2 }, [3]],
    ['matches a sub-document by $elemMatch on fields', { a: { $elemMatch: { b: 2 } } }, [3]],
    ['matches a missing field of an element by $elemMatch null', { a: { $elemMatch: { b: null } } }, [4]],
    ['compares embedded documents field by field', { a: { $gt: { b: 1 } } }, [1, 2, 3, 4]],
    ['joins conditions of one document by AND', { 'a.b': 1, 'a.c': 2 }, [1, 2]],
    ['joins alternatives by $or', { $or: [{ 'a.b': 3 }, { a: 5 }] }, [4, 5]],
    ['joins conditions by $and', { $and: [{ 'a.b': 1 }, { 'a.b': 2 }] }, [3]],
    ['excludes all alternatives by $nor', { $nor: [{ 'a.b': 1 }, { a: null }] }, [4, 5, 6, 9]],
    [
      'nests logical operators',
      { $or: [{ $and: [{ 'a.b': 1 }, { 'a.c': 2 }] }, { $nor: [{ a: { $exists: true } }] }] },
      [1, 2, 8],
    ],
    ['ignores $comment', { 'a.b': 3, $comment: 'why' }, [4]],
    ['matches every document by an empty filter', {}, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ]),
  ...table(strings, [
    ['matches strings and the same regex by a regex value', { s: /apple/ }, [2, 3, 4, 6]],
    ['ignores case by option i', { s: { $regex: 'APPLE', $options: 'i' } }, [1, 2, 3, 4]],
    ['anchors at the start of the text without option m', { s: { $regex: '^apple' } }, [2, 4]],
    ['anchors at line starts with option m', { s: { $regex: '^apple', $options: 'm' } }, [2, 3, 4]],
    ['lets a dot match newlines with option s', { s: { $regex: 'banana.apple', $options: 's' } }, [3]],
    [
      'ignores white space and comments with option x',
      { s: { $regex: 'apple \\ pie # dessert', $options: 'x' } },
      [2],
    ],
    ['combines $regex with other operators', { s: { $regex: 'apple', $ne: 'apple pie' } }, [3, 4, 6]],
    ['matches regexes inside $in', { s: { $in: [/^ban/, 'Apple'] } }, [1, 3]],
    ['excludes regexes inside $nin', { s: { $nin: [/apple/i] } }, [5, 6]],
    ['negates a regex by $not', { s: { $not: /apple/ } }, [1, 5]],
    ['compares strings by bytes', { s: { $lt: 'a' } }, [1]],
    ['finds a regex as an element for $all', { s: { $all: [/^k/, /^a/] } }, [4]],
    ['matches any element of an array by equality with a string', { s: 'kiwi' }, [4]],
    ['understands a leading inline flag', { s: { $regex: '(?i)^apple' } }, [1, 2, 4]],
  ]),
  ...table(results, [
    [
      'requires one element to meet all conditions of $elemMatch',
      { results: { $elemMatch: { product: 'xyz', score: { $gte: 8 } } } },
      [3],
    ],
    [
      'lets different elements meet dotted conditions',
      { 'results.product': 'xyz', 'results.score': { $gte: 8 } },
      [1, 2, 3],
    ],
    [
      'matches an element by $elemMatch with one condition',
      { results: { $elemMatch: { product: 'def' } } },
      [4],
    ],
    ['negates inside $elemMatch', { results: { $elemMatch: { product: { $ne: 'xyz' } } } }, [1, 2, 3, 4]],
    [
      'joins alternatives inside $elemMatch',
      { results: { $elemMatch: { $or: [{ score: 10 }, { product: 'def' }] } } },
      [1, 4],
    ],
    [
      'requires each $elemMatch of $all',
      {
        results: { $all: [{ $elemMatch: { product: 'abc', score: 7 } }, { $elemMatch: { product: 'xyz' } }] },
      },
      [3],
    ],
    ['compares two fields by $expr', { $expr: { $gt: [{ $max: '$results.score' }, 8] } }, [1]],
    ['counts elements by $expr', { $expr: { $eq: [{ $size: '$results' }, 2] }, _id: { $lt: 3 } }, [1, 2]],
    ['matches a whole element of the array', { results: { product: 'def', score: 8 } }, [4]],
    ['addresses a positioned element field', { 'results.0.score': { $lt: 8 } }, [3, 4]],
  ]),
  ...table(types, [
    ['finds doubles by name', { v: { $type: 'double' } }, [1]],
    ['finds doubles by number', { v: { $type: 1 } }, [1]],
    ['finds strings, also inside arrays', { v: { $type: 'string' } }, [2, 4]],
    ['finds objects', { v: { $type: 'object' } }, [3]],
    ['finds arrays themselves', { v: { $type: 'array' } }, [4]],
    ['finds binary data', { v: { $type: 'binData' } }, [5]],
    ['finds object ids', { v: { $type: 'objectId' } }, [6]],
    ['finds booleans', { v: { $type: 'bool' } }, [7]],
    ['finds dates', { v: { $type: 'date' } }, [8]],
    ['finds nulls but not missing fields', { v: { $type: 'null' } }, [9]],
    ['finds regexes', { v: { $type: 'regex' } }, [10]],
    ['finds ints', { v: { $type: 'int' } }, [11]],
    ['finds timestamps', { v: { $type: 'timestamp' } }, [12]],
    ['finds longs', { v: { $type: 'long' } }, [13]],
    ['finds decimals', { v: { $type: 'decimal' } }, [14]],
    ['finds the least key by its name', { v: { $type: 'minKey' } }, [15]],
    ['finds the greatest key by its number', { v: { $type: 127 } }, [16]],
    ['finds every numeric type by number', { v: { $type: 'number' } }, [1, 11, 13, 14]],
    ['finds any of several types', { v: { $type: ['bool', 'date', 16] } }, [7, 8, 11]],
    [
      'negates a type',
      { v: { $not: { $type: ['number', 'string', 'array', 'object'] } } },
      [5, 6, 7, 8, 9, 10, 12, 15, 16, 17],
    ],
    ['compares dates with dates only', { v: { $gte: new Date(0) } }, [8]],
    ['compares object ids with object ids only', { v: { $lte: oid } }, [6]],
    ['compares booleans with booleans only', { v: { $gt: false } }, [7]],
    ['finds an object id by equality', { v: oid }, [6]],
    ['finds a date by equality', { v: new Date(0) }, [8]],
    ['finds binary data by equality', { v: new Binary(Buffer.from([1, 2])) }, [5]],
    ['keeps true apart from one', { v: true }, [7]],
  ]),
  ...table(bits, [
    ['requires all bits of a mask by $bitsAllSet', { a: { $bitsAllSet: 50 } }, [1, 5]],
    ['requires all positions by $bitsAllSet', { a: { $bitsAllSet: [1, 5] } }, [1, 4, 5]],
    ['requires any bit by $bitsAnySet', { a: { $bitsAnySet: [0, 1] } }, [1, 4, 5]],
    ['requires clear bits by $bitsAllClear', { a: { $bitsAllClear: [0, 1] } }, [2, 3]],
    ['requires any clear bit by $bitsAnyClear', { a: { $bitsAnyClear: [1, 5] } }, [2, 3]],
    ['takes a mask as binary data', { a: { $bitsAllSet: new Binary(Buffer.from([4])) } }, [1, 2, 3, 4, 5]],
    ['sign-extends negative numbers', { a: { $bitsAllSet: [60] } }, [5]],
    ['reads the bits of binary data', { b: { $bitsAllSet: 54 } }, [1]],
  ]),
  ...table(
    [
      { _id: 1, name: 'Ann', age: 20 },
      { _id: 2, name: 'Bo' },
      { _id: 3, name: 5, age: 20 },
      { _id: 4, name: 'Cy', age: -1 },
    ],
    [
      [
        'matches documents that satisfy a $jsonSchema',
        {
          $jsonSchema: {
            required: ['age'],
            properties: { name: { bsonType: 'string' }, age: { minimum: 0 } },
          },
        },
        [1],
      ],
      [
        'finds documents that violate a schema by $nor',
        { $nor: [{ $jsonSchema: { properties: { name: { bsonType: 'string' } } } }] },
        [3],
      ],
      [
        'compares a field with a computed value by $expr',
        { $expr: { $eq: ['$age', { $multiply: [4, 5] }] } },
        [1, 3],
      ],
      ['does not match a missing field with null in $expr', { $expr: { $eq: ['$age', null] } }, []],
    ],
  ),
];

const mixed = [
  { _id: 1, v: 'b' },
  { _id: 2, v: 3 },
  { _id: 3, v: null },
  { _id: 4, v: { a: 1 } },
  { _id: 5, v: [0, 9] },
  { _id: 6, v: true },
  { _id: 7, v: new Date(5) },
  { _id: 8, v: oid },
  { _id: 9, v: new MinKey() },
  { _id: 10, v: new MaxKey() },
  { _id: 11, v: /r/ },
  { _id: 12, v: new Timestamp({ t: 1, i: 1 }) },
  { _id: 13, v: new Binary(Buffer.from([1])) },
  { _id: 14, v: 'B' },
];

type SortRow = [name: string, values: unknown[], expected: number[]];
const ordered = (rows: SortRow[]): FilterCase[] =>
  rows.map(([name, values, expected]) => ({
    name,
    docs: values.map((v, i) => (v === undefined ? { _id: i } : { _id: i, v })),
    filter: {},
    sort: { v: 1, _id: 1 },
    expected,
  }));

export const ORDER_CASES: FilterCase[] = [
  {
    name: 'sorts the types in canonical order',
    docs: mixed,
    filter: {},
    sort: { v: 1 },
    expected: [9, 3, 5, 2, 14, 1, 4, 13, 8, 6, 7, 12, 11, 10],
  },
  {
    name: 'sorts an array by its greatest element when descending',
    docs: mixed,
    filter: { _id: { $in: [2, 5, 3] } },
    sort: { v: -1 },
    expected: [5, 2, 3],
  },
  {
    name: 'sorts by several fields',
    docs: [
      { _id: 1, a: 1, b: 2 },
      { _id: 2, a: 1, b: 3 },
      { _id: 3, a: 0, b: 9 },
    ],
    filter: {},
    sort: { a: -1, b: -1 },
    expected: [2, 1, 3],
  },
  {
    name: 'sorts by a dotted path through arrays',
    docs: [
      { _id: 1, a: [{ b: 5 }, { b: 1 }] },
      { _id: 2, a: { b: 3 } },
    ],
    filter: {},
    sort: { 'a.b': 1 },
    expected: [1, 2],
  },
  ...ordered([
    ['sorts missing as null', [1, undefined, null, new MinKey()], [3, 1, 2, 0]],
    ['sorts an empty array before null', [null, [], 1], [1, 0, 2]],
    [
      'interleaves number types by value',
      [new Double(2.5), 2, Long.fromNumber(3), Decimal128.fromString('2.25')],
      [1, 3, 0, 2],
    ],
    [
      'sorts NaN below all numbers',
      [new Double(-Infinity), new Double(NaN), Decimal128.fromString('NaN'), -5],
      [1, 2, 0, 3],
    ],
    ['treats negative zero and zero as equal', [new Double(0), new Double(-0), -1], [2, 0, 1]],
    [
      'keeps Longs beyond 2^53 in order',
      [
        Long.fromString('9007199254740993'),
        new Double(9007199254740992),
        Long.fromString('9007199254740994'),
      ],
      [1, 0, 2],
    ],
    [
      'sorts decimals between doubles exactly',
      [new Double(0.1), Decimal128.fromString('0.1'), Decimal128.fromString('0.10000000000000001')],
      [1, 0, 2],
    ],
    [
      'sorts huge decimals above every double',
      [new Double(Number.MAX_VALUE), Decimal128.fromString('1E+400'), new Double(Infinity)],
      [0, 1, 2],
    ],
    ['sorts strings by bytes, upper case first', ['a', 'B', 'A', 'aa', ''], [4, 2, 1, 0, 3]],
    ['sorts supplementary characters above the private use area', ['\u{1F600}', '\uE000', 'z'], [2, 1, 0]],
    [
      'sorts documents by field type, then name, then value',
      [{ a: 1 }, { a: 'x' }, { b: 0 }, {}, { a: 1, b: 1 }],
      [3, 0, 4, 2, 1],
    ],
    [
      'sorts binary by length first',
      [new Binary(Buffer.from([9])), new Binary(Buffer.from([1, 1])), new Binary(Buffer.from([1]))],
      [2, 0, 1],
    ],
    [
      'sorts binary of one length by sub-type',
      [new Binary(Buffer.from([1]), 5), new Binary(Buffer.from([2]), 0)],
      [1, 0],
    ],
    ['sorts dates before and after 1970', [new Date(1), new Date(-1), new Date(0)], [1, 2, 0]],
    ['sorts false before true', [true, false], [1, 0]],
    [
      'sorts timestamps by seconds, then increment',
      [new Timestamp({ t: 2, i: 1 }), new Timestamp({ t: 1, i: 9 }), new Timestamp({ t: 1, i: 2 })],
      [2, 1, 0],
    ],
    ['sorts regexes by pattern, then options', [/b/, /a/m, /a/i], [2, 1, 0]],
    [
      'sorts object ids by bytes',
      [new ObjectId('ffffffffffffffffffffffff'), new ObjectId('000000000000000000000001')],
      [1, 0],
    ],
  ]),
];
