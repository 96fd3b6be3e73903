import type { Difference } from './types';

/** Where DocumentDB answers otherwise than MongoDB documents, by the name of the case. */
export const DOCUMENTDB_DIFFERENCES: Record<string, Difference> = {
  'sorts an empty array before null': {
    differs:
      'MongoDB documents the empty array as less than null or a missing field; DocumentDB treats them as equal',
    expected: [0, 1, 2],
  },
  'adds new fields in lexicographic order': {
    differs:
      'MongoDB 5.0 and later apply fields in lexicographic order; DocumentDB keeps the order of the statement',
    expected: { _id: 1, b: 1, a: 2 },
  },
  'pulls matching strings by a regex': {
    differs: 'MongoDB matches elements with the regex; DocumentDB looks for an equal regex value',
    expected: { _id: 1, a: ['ab', 'cd'] },
  },
  'computes with $slice as an expression': {
    differs:
      'MongoDB 4.4 and later take aggregation expressions in find; DocumentDB reads $slice as the projection only',
  },
  'refuses an empty sub-projection': { differs: 'DocumentDB accepts it as a literal' },
  'answers nothing when there is nothing to count': {
    differs: 'MongoDB defines $count as a $group and answers no document; DocumentDB answers zero',
    expected: [{ n: 0 }],
  },
  'answers the same instant for every $$NOW': { differs: 'DocumentDB refuses $$NOW as a group key' },
  'stops at the depth asked for and says it': {
    differs: 'MongoDB documents the depth as a NumberLong; DocumentDB answers an int',
    expected: [
      { n: 'Dan', d: 0 },
      { n: 'Ron', d: 1 },
    ],
  },
  'refuses an empty $project': { differs: 'DocumentDB reads it as a projection of everything' },
  'refuses an empty field path': { differs: 'DocumentDB reads a lone dollar as a literal' },
};
