import { Decimal128, Double, Long } from 'bson';
import type { UpdateCase } from './types';

type Row = [name: string, doc: UpdateCase['doc'], update: UpdateCase['update'], expected: UpdateCase['doc'], rest?: Partial<UpdateCase>];
const table = (rows: Row[]): UpdateCase[] =>
  rows.map(([name, doc, update, expected, rest]) => ({ name, doc, update, expected, ...rest }));

const fields = table([
  ['sets a new field', { _id: 1 }, { $set: { a: 1 } }, { _id: 1, a: 1 }],
  ['replaces a field in place', { _id: 1, a: 1, b: 2 }, { $set: { a: 'x' } }, { _id: 1, a: 'x', b: 2 }],
  ['creates sub-documents for a dotted path', { _id: 1 }, { $set: { 'a.b.c': 1 } }, { _id: 1, a: { b: { c: 1 } } }],
  ['sets a field inside a sub-document', { _id: 1, a: { b: 1, c: 2 } }, { $set: { 'a.b': 9 } }, { _id: 1, a: { b: 9, c: 2 } }],
  ['sets an array position', { _id: 1, a: [1, 2] }, { $set: { 'a.1': 9 } }, { _id: 1, a: [1, 9] }],
  ['pads an array with nulls up to a position', { _id: 1, a: [1] }, { $set: { 'a.3': 9 } }, { _id: 1, a: [1, null, null, 9] }],
  ['creates a document, not an array, for a numeric part', { _id: 1 }, { $set: { 'a.0': 9 } }, { _id: 1, a: { '0': 9 } }],
  ['adds new fields in lexicographic order', { _id: 1 }, { $set: { b: 1, a: 2 } }, { _id: 1, a: 2, b: 1 }],
  ['changes the type of a number by $set', { _id: 1, a: 1 }, { $set: { a: Long.fromNumber(1) } }, { _id: 1, a: Long.fromNumber(1) }],
  ['does nothing for an empty modifier', { _id: 1, a: 1 }, { $set: {} }, { _id: 1, a: 1 }],
  ['removes a field', { _id: 1, a: 1, b: 2 }, { $unset: { a: '' } }, { _id: 1, b: 2 }],
  ['removes a nested field and keeps its parent', { _id: 1, a: { b: 1 } }, { $unset: { 'a.b': 1 } }, { _id: 1, a: {} }],
  ['turns an unset array element into null', { _id: 1, a: [1, 2, 3] }, { $unset: { 'a.1': 1 } }, { _id: 1, a: [1, null, 3] }],
  ['ignores $unset of a path that leads nowhere', { _id: 1, a: 5 }, { $unset: { 'a.b': 1, c: 1 } }, { _id: 1, a: 5 }],
  ['renames a field to the end', { _id: 1, a: 1, b: 2 }, { $rename: { a: 'c' } }, { _id: 1, b: 2, c: 1 }],
  ['renames over an existing field', { _id: 1, a: 1, b: 2 }, { $rename: { a: 'b' } }, { _id: 1, b: 1 }],
  ['moves a field into a sub-document', { _id: 1, a: 1 }, { $rename: { a: 'x.y' } }, { _id: 1, x: { y: 1 } }],
  ['ignores $rename of a missing field', { _id: 1, a: 1 }, { $rename: { z: 'y' } }, { _id: 1, a: 1 }],
  ['keeps the current value when it is below $min', { _id: 1, a: 5 }, { $min: { a: 7 } }, { _id: 1, a: 5 }],
  ['takes the lower value by $min', { _id: 1, a: 5 }, { $min: { a: 3 } }, { _id: 1, a: 3 }],
  ['takes the higher value by $max', { _id: 1, a: 5 }, { $max: { a: 7 } }, { _id: 1, a: 7 }],
  ['sets a missing field by $max', { _id: 1 }, { $max: { a: 7 } }, { _id: 1, a: 7 }],
  ['compares across types by BSON order in $max', { _id: 1, a: 5 }, { $max: { a: 'x' } }, { _id: 1, a: 'x' }],
  ['compares dates in $min', { _id: 1, a: new Date(5) }, { $min: { a: new Date(3) } }, { _id: 1, a: new Date(3) }],
  ['replaces the whole document and keeps its id', { _id: 1, a: 1, b: 2 }, { c: 3 }, { _id: 1, c: 3 }],
  ['accepts the same id in a replacement', { _id: 1, a: 1 }, { _id: 1, c: 3 }, { _id: 1, c: 3 }],
  ['applies several operators together', { _id: 1, a: 1, b: [1] }, { $inc: { a: 1 }, $push: { b: 2 }, $set: { c: 3 } }, { _id: 1, a: 2, b: [1, 2], c: 3 }],
  ['does not touch a null-valued sibling', { _id: 1, a: null, b: 1 }, { $set: { b: 2 } }, { _id: 1, a: null, b: 2 }],
  ['ignores $setOnInsert when the document exists', { _id: 1, a: 1 }, { $set: { b: 1 }, $setOnInsert: { c: 1 } }, { _id: 1, a: 1, b: 1 }],
  ['sets the same id again without an error', { _id: 1, a: 1 }, { $set: { _id: 1, a: 2 } }, { _id: 1, a: 2 }],
]);

const numbers = table([
  ['increments an int and keeps it an int', { _id: 1, a: 1 }, { $inc: { a: 2 } }, { _id: 1, a: 3 }],
  ['decrements by a negative amount', { _id: 1, a: 1 }, { $inc: { a: -2 } }, { _id: 1, a: -1 }],
  ['creates the field with the amount', { _id: 1 }, { $inc: { a: 2 } }, { _id: 1, a: 2 }],
  ['grows an int to a long when it overflows', { _id: 1, a: 2147483647 }, { $inc: { a: 1 } }, { _id: 1, a: Long.fromNumber(2147483648) }],
  ['keeps a long a long', { _id: 1, a: Long.fromNumber(1) }, { $inc: { a: 1 } }, { _id: 1, a: Long.fromNumber(2) }],
  ['turns an int plus a double into a double', { _id: 1, a: 1 }, { $inc: { a: 0.5 } }, { _id: 1, a: 1.5 }],
  ['keeps a whole double a double', { _id: 1, a: new Double(1) }, { $inc: { a: 1 } }, { _id: 1, a: new Double(2) }],
  ['turns a decimal plus an int into a decimal', { _id: 1, a: Decimal128.fromString('1.10') }, { $inc: { a: 1 } }, { _id: 1, a: Decimal128.fromString('2.10') }],
  ['adds decimals exactly', { _id: 1, a: Decimal128.fromString('0.1') }, { $inc: { a: Decimal128.fromString('0.2') } }, { _id: 1, a: Decimal128.fromString('0.3') }],
  ['multiplies ints', { _id: 1, a: 3 }, { $mul: { a: 4 } }, { _id: 1, a: 12 }],
  ['multiplies an int by a long into a long', { _id: 1, a: 3 }, { $mul: { a: Long.fromNumber(4) } }, { _id: 1, a: Long.fromNumber(12) }],
  ['creates zero of the same type by $mul', { _id: 1 }, { $mul: { a: Long.fromNumber(4) } }, { _id: 1, a: Long.fromNumber(0) }],
  ['grows an int product to a long', { _id: 1, a: 2000000000 }, { $mul: { a: 2 } }, { _id: 1, a: Long.fromNumber(4000000000) }],
  ['increments a nested field', { _id: 1, a: { b: 1 } }, { $inc: { 'a.b': 1, 'a.c': 1 } }, { _id: 1, a: { b: 2, c: 1 } }],
  ['increments an array position', { _id: 1, a: [1, 2] }, { $inc: { 'a.0': 5 } }, { _id: 1, a: [6, 2] }],
  ['combines bits by and', { _id: 1, a: 13 }, { $bit: { a: { and: 10 } } }, { _id: 1, a: 8 }],
  ['combines bits by or', { _id: 1, a: 3 }, { $bit: { a: { or: 5 } } }, { _id: 1, a: 7 }],
  ['combines bits by xor', { _id: 1, a: 1 }, { $bit: { a: { xor: 5 } } }, { _id: 1, a: 4 }],
  ['widens bits to a long', { _id: 1, a: 1 }, { $bit: { a: { or: Long.fromNumber(2) } } }, { _id: 1, a: Long.fromNumber(3) }],
  ['starts from zero bits for a missing field', { _id: 1 }, { $bit: { a: { or: 5 } } }, { _id: 1, a: 5 }],
]);

const arrays = table([
  ['appends an element', { _id: 1, a: [1] }, { $push: { a: 2 } }, { _id: 1, a: [1, 2] }],
  ['creates an array for $push', { _id: 1 }, { $push: { a: 2 } }, { _id: 1, a: [2] }],
  ['appends an array as one element', { _id: 1, a: [1] }, { $push: { a: [2, 3] } }, { _id: 1, a: [1, [2, 3]] }],
  ['appends each element by $each', { _id: 1, a: [1] }, { $push: { a: { $each: [2, 3] } } }, { _id: 1, a: [1, 2, 3] }],
  ['keeps the first elements by a positive $slice', { _id: 1, a: [1] }, { $push: { a: { $each: [2, 3], $slice: 2 } } }, { _id: 1, a: [1, 2] }],
  ['keeps the last elements by a negative $slice', { _id: 1, a: [1] }, { $push: { a: { $each: [2, 3], $slice: -2 } } }, { _id: 1, a: [2, 3] }],
  ['empties the array by $slice 0', { _id: 1, a: [1] }, { $push: { a: { $each: [2], $slice: 0 } } }, { _id: 1, a: [] }],
  ['sorts the whole array by $sort', { _id: 1, a: [3, 1] }, { $push: { a: { $each: [2], $sort: 1 } } }, { _id: 1, a: [1, 2, 3] }],
  ['sorts documents by a field', { _id: 1, a: [{ s: 3 }, { s: 1 }] }, { $push: { a: { $each: [{ s: 2 }], $sort: { s: -1 } } } }, { _id: 1, a: [{ s: 3 }, { s: 2 }, { s: 1 }] }],
  ['sorts before it slices', { _id: 1, a: [5, 1] }, { $push: { a: { $each: [3], $sort: -1, $slice: 2 } } }, { _id: 1, a: [5, 3] }],
  ['inserts at a position', { _id: 1, a: [1, 4] }, { $push: { a: { $each: [2, 3], $position: 1 } } }, { _id: 1, a: [1, 2, 3, 4] }],
  ['counts a negative position from the end', { _id: 1, a: [1, 4] }, { $push: { a: { $each: [2, 3], $position: -1 } } }, { _id: 1, a: [1, 2, 3, 4] }],
  ['adds a new value to a set', { _id: 1, a: [1] }, { $addToSet: { a: 2 } }, { _id: 1, a: [1, 2] }],
  ['does not add an equal value of another numeric type', { _id: 1, a: [1] }, { $addToSet: { a: Long.fromNumber(1) } }, { _id: 1, a: [1] }],
  ['adds each new value once', { _id: 1, a: [1] }, { $addToSet: { a: { $each: [1, 2, 2, 3] } } }, { _id: 1, a: [1, 2, 3] }],
  ['tells documents apart by key order in sets', { _id: 1, a: [{ x: 1, y: 2 }] }, { $addToSet: { a: { y: 2, x: 1 } } }, { _id: 1, a: [{ x: 1, y: 2 }, { y: 2, x: 1 }] }],
  ['removes the last element by $pop 1', { _id: 1, a: [1, 2, 3] }, { $pop: { a: 1 } }, { _id: 1, a: [1, 2] }],
  ['removes the first element by $pop -1', { _id: 1, a: [1, 2, 3] }, { $pop: { a: -1 } }, { _id: 1, a: [2, 3] }],
  ['leaves an empty array as it is by $pop', { _id: 1, a: [] }, { $pop: { a: 1 } }, { _id: 1, a: [] }],
  ['pulls equal values', { _id: 1, a: [1, 2, 1] }, { $pull: { a: 1 } }, { _id: 1, a: [2] }],
  ['pulls by a condition', { _id: 1, a: [1, 5, 9] }, { $pull: { a: { $gte: 5 } } }, { _id: 1, a: [1] }],
  ['pulls listed values by $in', { _id: 1, a: ['x', 'y', 'z'] }, { $pull: { a: { $in: ['x', 'z'] } } }, { _id: 1, a: ['y'] }],
  ['pulls documents that match a query', { _id: 1, a: [{ k: 1, s: 5 }, { k: 2, s: 8 }] }, { $pull: { a: { s: 8, k: 2 } } }, { _id: 1, a: [{ k: 1, s: 5 }] }],
  ['pulls documents by operators on fields', { _id: 1, a: [{ s: 5 }, { s: 8 }] }, { $pull: { a: { s: { $gt: 6 } } } }, { _id: 1, a: [{ s: 5 }] }],
  ['pulls documents by $elemMatch inside them', { _id: 1, a: [{ r: [{ q: 1 }] }, { r: [{ q: 2 }] }] }, { $pull: { a: { r: { $elemMatch: { q: 2 } } } } }, { _id: 1, a: [{ r: [{ q: 1 }] }] }],
  ['pulls all listed values', { _id: 1, a: [0, 2, 5, 5, 1, 0] }, { $pullAll: { a: [0, 5] } }, { _id: 1, a: [2, 1] }],
  ['ignores $pull on a missing field', { _id: 1 }, { $pull: { a: 1 } }, { _id: 1 }],
  ['pulls matching strings by a regex', { _id: 1, a: ['ab', 'cd'] }, { $pull: { a: /^a/ } }, { _id: 1, a: ['cd'] }],
]);

const grades = { _id: 1, g: [{ s: 80 }, { s: 95 }, { s: 99 }] };

const positional = table([
  ['updates the matched element by $', { _id: 1, a: [1, 2, 3] }, { $set: { 'a.$': 9 } }, { _id: 1, a: [1, 9, 3] }, { filter: { a: 2 } }],
  ['updates a field of the matched element', grades, { $set: { 'g.$.ok': true } }, { _id: 1, g: [{ s: 80 }, { s: 95, ok: true }, { s: 99 }] }, { filter: { 'g.s': { $gt: 90 } } }],
  ['takes the position from $elemMatch', grades, { $inc: { 'g.$.s': 1 } }, { _id: 1, g: [{ s: 80 }, { s: 95 }, { s: 100 }] }, { filter: { g: { $elemMatch: { s: { $gt: 96 } } } } }],
  ['updates every element by $[]', { _id: 1, a: [1, 2] }, { $inc: { 'a.$[]': 10 } }, { _id: 1, a: [11, 12] }],
  ['updates a field of every element', { _id: 1, a: [{ x: 1 }, { x: 2 }] }, { $inc: { 'a.$[].x': 1 } }, { _id: 1, a: [{ x: 2 }, { x: 3 }] }],
  ['updates elements chosen by an array filter', { _id: 1, a: [95, 102, 90] }, { $set: { 'a.$[e]': 100 } }, { _id: 1, a: [95, 100, 90] }, { arrayFilters: [{ e: { $gte: 100 } }] }],
  ['chooses elements by their fields', grades, { $set: { 'g.$[e].top': 1 } }, { _id: 1, g: [{ s: 80 }, { s: 95, top: 1 }, { s: 99, top: 1 }] }, { arrayFilters: [{ 'e.s': { $gte: 95 } }] }],
  ['nests array filters', { _id: 1, a: [{ k: 'x', b: [1, 5] }, { k: 'y', b: [5] }] }, { $inc: { 'a.$[i].b.$[j]': 1 } }, { _id: 1, a: [{ k: 'x', b: [1, 6] }, { k: 'y', b: [5] }] }, { arrayFilters: [{ 'i.k': 'x' }, { j: { $gt: 2 } }] }],
  ['changes nothing when no element passes the filter', { _id: 1, a: [1] }, { $set: { 'a.$[e]': 5 } }, { _id: 1, a: [1] }, { arrayFilters: [{ e: 9 }] }],
  ['pulls from an array inside every element', { _id: 1, a: [{ b: [1, 2] }, { b: [2] }] }, { $pull: { 'a.$[].b': 2 } }, { _id: 1, a: [{ b: [1] }, { b: [] }] }],
  ['joins conditions of an array filter', { _id: 1, a: [1, 5, 9] }, { $set: { 'a.$[e]': 0 } }, { _id: 1, a: [1, 0, 9] }, { arrayFilters: [{ $and: [{ e: { $gt: 2 } }, { e: { $lt: 8 } }] }] }],
]);

const pipelines = table([
  ['computes fields from others', { _id: 1, a: 2, b: 3 }, [{ $set: { c: { $add: ['$a', '$b'] } } }], { _id: 1, a: 2, b: 3, c: 5 }],
  ['removes fields by $unset', { _id: 1, a: 2, b: 3 }, [{ $unset: 'a' }], { _id: 1, b: 3 }],
  ['runs stages one after another', { _id: 1, a: 2 }, [{ $set: { a: { $multiply: ['$a', 2] } } }, { $set: { b: '$a' } }], { _id: 1, a: 4, b: 4 }],
  ['replaces the root and keeps the id', { _id: 1, d: { x: 1 } }, [{ $replaceWith: '$d' }], { _id: 1, x: 1 }],
  ['keeps chosen fields by $project', { _id: 1, a: 1, b: 2 }, [{ $project: { a: 1 } }], { _id: 1, a: 1 }],
]);

const upserts: UpdateCase[] = table([
  ['seeds an upsert from equality conditions', undefined, { $set: { b: 2 } }, { _id: 1, a: 5, b: 2 }, { filter: { _id: 1, a: 5 }, upsert: true }],
  ['seeds sub-documents from dotted conditions', undefined, { $set: { b: 2 } }, { _id: 1, x: { y: 5 }, b: 2 }, { filter: { _id: 1, 'x.y': 5 }, upsert: true }],
  ['leaves comparisons out of the seed', undefined, { $set: { b: 2 } }, { _id: 1, b: 2 }, { filter: { _id: 1, a: { $gt: 5 } }, upsert: true }],
  ['seeds from $and and $eq', undefined, { $set: { b: 2 } }, { _id: 1, a: 5, b: 2 }, { filter: { $and: [{ _id: { $eq: 1 } }, { a: 5 }] }, upsert: true }],
  ['seeds from an $in of one value', undefined, { $set: { b: 2 } }, { _id: 1, a: 5, b: 2 }, { filter: { _id: 1, a: { $in: [5] } }, upsert: true }],
  ['applies $setOnInsert when inserting', undefined, { $set: { b: 2 }, $setOnInsert: { c: 3 } }, { _id: 1, b: 2, c: 3 }, { filter: { _id: 1 }, upsert: true }],
  ['increments from nothing when inserting', undefined, { $inc: { n: 1 } }, { _id: 1, n: 1 }, { filter: { _id: 1 }, upsert: true }],
  ['takes the id from $setOnInsert', undefined, { $setOnInsert: { _id: 'x', c: 3 } }, { _id: 'x', a: 1, c: 3 }, { filter: { a: 1 }, upsert: true }],
  ['inserts a replacement with the id of the filter', undefined, { b: 2 }, { _id: 1, b: 2 }, { filter: { _id: 1, a: 5 }, upsert: true }],
]);

const refused = (rows: [name: string, doc: UpdateCase['doc'], update: UpdateCase['update'], error: number, rest?: Partial<UpdateCase>][]): UpdateCase[] =>
  rows.map(([name, doc, update, error, rest]) => ({ name, doc, update, error, ...rest }));

const errors = refused([
  ['refuses to increment a string', { _id: 1, a: 'x' }, { $inc: { a: 1 } }, 14],
  ['refuses to increment null', { _id: 1, a: null }, { $inc: { a: 1 } }, 14],
  ['refuses a non-numeric amount', { _id: 1, a: 1 }, { $inc: { a: 'x' } }, 14],
  ['refuses to multiply a string', { _id: 1, a: 'x' }, { $mul: { a: 2 } }, 14],
  ['refuses a long overflow', { _id: 1, a: Long.MAX_VALUE }, { $inc: { a: 1 } }, 2],
  ['refuses to set through a scalar', { _id: 1, a: 5 }, { $set: { 'a.b': 1 } }, 28],
  ['refuses to set through null', { _id: 1, a: null }, { $set: { 'a.b': 1 } }, 28],
  ['refuses a named field in an array', { _id: 1, a: [1] }, { $set: { 'a.b': 1 } }, 28],
  ['refuses two operators on one path', { _id: 1 }, { $set: { a: 1 }, $inc: { a: 1 } }, 40],
  ['refuses a path and its ancestor', { _id: 1 }, { $set: { a: 1, 'a.b': 2 } }, 40],
  ['refuses to change the id by $set', { _id: 1 }, { $set: { _id: 2 } }, 66],
  ['refuses to change the id by a replacement', { _id: 1 }, { _id: 2, a: 1 }, 66],
  ['refuses to unset the id', { _id: 1, a: 1 }, { $unset: { _id: 1 } }, 66],
  ['refuses to change the id by a pipeline', { _id: 1, a: 1 }, [{ $set: { _id: 2 } }], 66],
  ['refuses an unknown modifier', { _id: 1 }, { $foo: { a: 1 } }, 9],
  ['refuses a modifier without a document', { _id: 1 }, { $set: 5 }, 9],
  ['refuses an empty part of a path', { _id: 1 }, { $set: { 'a.': 1 } }, 56],
  ['refuses to push to a scalar', { _id: 1, a: 5 }, { $push: { a: 1 } }, 2],
  ['refuses $addToSet on a scalar', { _id: 1, a: 5 }, { $addToSet: { a: 1 } }, 2],
  ['refuses to pop from a scalar', { _id: 1, a: 5 }, { $pop: { a: 1 } }, 14],
  ['refuses to pull from a scalar', { _id: 1, a: 5 }, { $pull: { a: 1 } }, 2],
  ['refuses another end than 1 and -1 in $pop', { _id: 1, a: [1] }, { $pop: { a: 2 } }, 9],
  ['refuses an unknown clause of $push', { _id: 1, a: [1] }, { $push: { a: { $each: [1], $foo: 1 } } }, 2],
  ['refuses an $each that is no array', { _id: 1, a: [1] }, { $push: { a: { $each: 5 } } }, 2],
  ['refuses a $pullAll operand that is no array', { _id: 1, a: [1] }, { $pullAll: { a: 1 } }, 2],
  ['refuses $bit on a string', { _id: 1, a: 'x' }, { $bit: { a: { and: 1 } } }, 2],
  ['refuses an unknown bit operation', { _id: 1, a: 1 }, { $bit: { a: { nand: 1 } } }, 2],
  ['refuses a $rename target that is no string', { _id: 1, a: 1 }, { $rename: { a: 5 } }, 2],
  ['refuses a $rename onto itself', { _id: 1, a: 1 }, { $rename: { a: 'a' } }, 2],
  ['refuses an undeclared array filter', { _id: 1, a: [1] }, { $set: { 'a.$[e]': 1 } }, 2],
  ['refuses an unused array filter', { _id: 1, a: [1] }, { $set: { a: 1 } }, 9, { arrayFilters: [{ e: 1 }] }],
  ['refuses $[] on a scalar', { _id: 1, a: 5 }, { $set: { 'a.$[]': 1 } }, 2],
  ['refuses $ without a matched array', { _id: 1, a: [1] }, { $set: { 'a.$': 1 } }, 2, { filter: { _id: 1 } }],
  ['refuses an unknown $currentDate type', { _id: 1 }, { $currentDate: { a: { $type: 'foo' } } }, 2],
  ['refuses a stage that may not update', { _id: 1 }, [{ $match: { a: 1 } }], 72],
  ['refuses two conditions that seed one path', undefined, { $set: { b: 1 } }, 54, { filter: { $and: [{ a: 1 }, { a: 2 }] }, upsert: true }],
]);

export const UPDATE_CASES: UpdateCase[] = [...fields, ...numbers, ...arrays, ...positional, ...pipelines, ...upserts, ...errors];

