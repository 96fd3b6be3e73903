import type { ExpressionCase, FilterCase, PipelineCase } from './types';

const docs = [{ _id: 1, a: 1, s: 'x' }];

const filters = (rows: [name: string, filter: FilterCase['filter'], error: number][]): FilterCase[] =>
  rows.map(([name, filter, error]) => ({ name, docs, filter, error }));

const pipelines = (
  rows: [name: string, pipeline: PipelineCase['pipeline'], error: number][],
): PipelineCase[] => rows.map(([name, pipeline, error]) => ({ name, docs, pipeline, error }));

const expressions = (rows: [name: string, expression: unknown, error: number][]): ExpressionCase[] =>
  rows.map(([name, expression, error]) => ({ name, doc: docs[0], expression, error }));

export const FILTER_ERRORS: FilterCase[] = filters([
  ['refuses an unknown operator on a field', { a: { $foo: 1 } }, 2],
  ['refuses an unknown operator at the top', { $foo: 1 }, 2],
  ['refuses an unknown operator inside $not', { a: { $not: { $foo: 1 } } }, 2],
  ['refuses an unknown operator inside $elemMatch', { a: { $elemMatch: { $foo: 1 } } }, 2],
  ['refuses an unknown operator under $or', { $or: [{ a: { $foo: 1 } }] }, 2],
  ['refuses $in without an array', { a: { $in: 5 } }, 2],
  ['refuses $nin without an array', { a: { $nin: 5 } }, 2],
  ['refuses operators inside $in', { a: { $in: [{ $gt: 1 }] } }, 2],
  ['refuses an empty $and', { $and: [] }, 2],
  ['refuses an empty $or', { $or: [] }, 2],
  ['refuses $or of other things than documents', { $or: [5] }, 2],
  ['refuses $not of a scalar', { a: { $not: 5 } }, 2],
  ['refuses $mod by zero', { a: { $mod: [0, 1] } }, 2],
  ['refuses $mod of one number', { a: { $mod: [4] } }, 2],
  ['refuses a text $size', { a: { $size: 'x' } }, 2],
  ['refuses a negative $size', { a: { $size: -1 } }, 2],
  ['refuses a broken $size', { a: { $size: 1.5 } }, 2],
  ['refuses an unknown type name', { a: { $type: 'foo' } }, 2],
  ['refuses $all without an array', { a: { $all: 5 } }, 2],
  ['refuses $elemMatch of a scalar', { a: { $elemMatch: 5 } }, 2],
  ['refuses $options without $regex', { a: { $options: 'i' } }, 2],
  ['refuses a $regex that is a number', { a: { $regex: 5 } }, 2],
  ['refuses a regex that does not compile', { s: { $regex: '(' } }, 51091],
  ['refuses an unknown regex option', { s: { $regex: 'a', $options: 'q' } }, 51108],
  ['refuses an unknown expression in $expr', { $expr: { $foo: 1 } }, 168],
]);

export const PIPELINE_ERRORS: PipelineCase[] = pipelines([
  ['refuses an unknown stage', [{ $foo: 1 }], 40324],
  ['refuses a stage of two fields', [{ $match: {}, $limit: 1 }], 40323],
  ['refuses an unknown operator in $match', [{ $match: { a: { $foo: 1 } } }], 2],
  ['refuses $group without an id', [{ $group: { n: { $sum: 1 } } }], 15955],
  ['refuses an unknown accumulator', [{ $group: { _id: null, n: { $foo: 1 } } }], 15952],
  ['refuses a group field that is no accumulator', [{ $group: { _id: null, n: '$a' } }], 40234],
  ['refuses a zero $limit', [{ $limit: 0 }], 15958],
  ['refuses an empty $sort', [{ $sort: {} }], 15976],
  ['refuses a sort direction other than 1 and -1', [{ $sort: { a: 5 } }], 15975],
  ['refuses an empty $project', [{ $project: {} }], 51272],
  ['refuses a mixed $project', [{ $project: { a: 1, s: 0 } }], 31254],
  ['refuses $unwind without a dollar', [{ $unwind: 'a' }], 28818],
  ['refuses an empty $count', [{ $count: '' }], 40157],
  ['refuses $replaceRoot with a scalar', [{ $replaceRoot: { newRoot: '$a' } }], 40228],
  ['refuses $lookup without as', [{ $lookup: { from: 'b', localField: 'a', foreignField: 'b' } }], 9],
  ['refuses unordered bucket boundaries', [{ $bucket: { groupBy: '$a', boundaries: [5, 1] } }], 40194],
  ['refuses a $bucket that is no document', [{ $bucket: 5 }], 40201],
  ['refuses a $bucket without boundaries', [{ $bucket: { groupBy: '$a' } }], 40198],
  ['refuses a constant to bucket by', [{ $bucket: { groupBy: 'a', boundaries: [0, 5] } }], 40202],
  ['refuses bucket boundaries that are no list', [{ $bucket: { groupBy: '$a', boundaries: 5 } }], 40200],
  ['refuses bucket boundaries of fields', [{ $bucket: { groupBy: '$a', boundaries: ['$a', 5] } }], 40191],
  ['refuses a single bucket boundary', [{ $bucket: { groupBy: '$a', boundaries: [5] } }], 40192],
  ['refuses bucket boundaries of two types', [{ $bucket: { groupBy: '$a', boundaries: [5, 'x'] } }], 40193],
  [
    'refuses a bucket default of a field',
    [{ $bucket: { groupBy: '$a', boundaries: [0, 5], default: '$a' } }],
    40195,
  ],
  [
    'refuses a bucket output that is no document',
    [{ $bucket: { groupBy: '$a', boundaries: [0, 5], output: 5 } }],
    40196,
  ],
  ['refuses an unknown $bucket option', [{ $bucket: { groupBy: '$a', boundaries: [0, 5], foo: 5 } }], 40197],
  [
    'refuses a bucket default between the boundaries',
    [{ $bucket: { groupBy: '$a', boundaries: [0, 5], default: 3 } }],
    40199,
  ],
  ['refuses a value outside of all buckets', [{ $bucket: { groupBy: '$a', boundaries: [5, 6] } }], 7158303],
  ['refuses a constant to bucket by, counted', [{ $bucketAuto: { groupBy: 'a', buckets: 2 } }], 40239],
  [
    'refuses an output of counted buckets that is no document',
    [{ $bucketAuto: { groupBy: '$a', buckets: 2, output: 5 } }],
    40244,
  ],
  ['refuses $out inside $facet', [{ $facet: { x: [{ $out: 'o' }] } }], 40600],
  ['refuses $out inside $lookup', [{ $lookup: { from: 'b', as: 'c', pipeline: [{ $out: 'o' }] } }], 51047],
  ['refuses $merge inside $unionWith', [{ $unionWith: { coll: 'b', pipeline: [{ $merge: 'o' }] } }], 31441],
  ['refuses $facet inside $facet', [{ $facet: { x: [{ $facet: { y: [] } }] } }], 40600],
]);

export const EXPRESSION_ERRORS: ExpressionCase[] = expressions([
  ['refuses an unknown expression directly under a projected field', { $foo: 1 }, 31325],
  ['refuses an unknown expression inside another', { $add: [1, { $foo: 1 }] }, 168],
  ['refuses an undefined variable', '$$nope', 17276],
  ['refuses an object of two operators', { $add: [1], $multiply: [2] }, 15983],
  ['refuses a wrong number of arguments', { $subtract: [1] }, 16020],
  ['refuses to add a string', { $add: ['$s', 1] }, 14],
  ['refuses to subtract a string', { $subtract: [1, '$s'] }, 14],
  ['refuses to multiply a string', { $multiply: ['$s', 1] }, 14],
  ['refuses to divide by zero', { $divide: [1, 0] }, 2],
  ['refuses the remainder by zero', { $mod: [1, 0] }, 16610],
  ['refuses to concatenate a number', { $concat: ['$a', 'x'] }, 16702],
  ['refuses the size of a scalar', { $size: '$a' }, 17124],
  ['refuses to filter a scalar', { $filter: { input: '$a', cond: true } }, 28651],
  ['refuses membership in a scalar', { $in: [1, '$a'] }, 40081],
  ['refuses text that is no number', { $toInt: 'x' }, 241],
  ['refuses text that is no object id', { $toObjectId: 'x' }, 241],
  ['refuses to convert to an unknown type name', { $convert: { input: '$a', to: 'foo' } }, 2],
  ['refuses to convert to an unknown type number', { $convert: { input: '$a', to: 99 } }, 9],
  ['refuses to convert to a broken type number', { $convert: { input: '$a', to: 1.5 } }, 9],
  ['refuses to convert to a type that is neither', { $convert: { input: '$a', to: true } }, 9],
  ['refuses to convert without a type', { $convert: { input: '$a' } }, 9],
  ['refuses to convert with an unknown argument', { $convert: { input: '$a', to: 'int', foo: 1 } }, 9],
  ['refuses to convert to a type nothing becomes', { $convert: { input: '$a', to: 'minKey' } }, 241],
  ['refuses the year of a number', { $year: '$a' }, 16006],
  ['refuses a switch without a match', { $switch: { branches: [{ case: false, then: 1 }] } }, 40066],
  ['refuses an empty field path', '$', 16872],
]);
