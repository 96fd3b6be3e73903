import type { Document } from 'bson';
import { BsonType, bsonType, isDocument, isNullish } from './bson-types';
import { Rank, compareBson, rankOf } from './compare';
import { isOperatorDocument } from './filter-operators';

/** What an index scan on one field may be limited to. */
export interface FieldBounds {
  eq?: unknown;
  in?: unknown[];
  gt?: unknown;
  gte?: unknown;
  lt?: unknown;
  lte?: unknown;
  exists?: boolean;
}

const RANGE_OPERATORS = { $gt: 'gt', $gte: 'gte', $lt: 'lt', $lte: 'lte' } as const;

/** Values whose matches are exactly the index entries of that value; arrays need whole-array entries, regexes a scan. */
function isPoint(value: unknown): boolean {
  const rank = rankOf(value);
  return rank !== Rank.array && rank !== Rank.regex;
}

function isRangeOperand(value: unknown): boolean {
  const rank = rankOf(value);
  // Range on null, arrays and the key types crosses type brackets or needs whole arrays: leave those to a scan.
  return ![Rank.array, Rank.regex, Rank.null, Rank.minKey, Rank.maxKey, Rank.object].includes(rank);
}

function tighten(bounds: FieldBounds, kind: 'gt' | 'gte' | 'lt' | 'lte', value: unknown): void {
  const previous = bounds[kind];
  if (previous === undefined) bounds[kind] = value;
}

function addOperator(bounds: FieldBounds, name: string, operand: unknown): void {
  if (name === '$eq' && isPoint(operand)) bounds.eq ??= operand;
  else if (name === '$in' && Array.isArray(operand) && operand.every(isPoint)) bounds.in ??= operand;
  else if (name === '$exists')
    bounds.exists ??= !(isNullish(operand) || operand === false || compareBson(operand, 0) === 0);
  else if (name in RANGE_OPERATORS && isRangeOperand(operand)) {
    tighten(bounds, RANGE_OPERATORS[name as keyof typeof RANGE_OPERATORS], operand);
  }
}

function addField(result: Map<string, FieldBounds>, path: string, operand: unknown): void {
  const bounds = result.get(path) ?? {};
  if (isOperatorDocument(operand)) {
    for (const [name, value] of Object.entries(operand)) addOperator(bounds, name, value);
  } else if (bsonType(operand) !== BsonType.regex && isPoint(operand)) {
    if (!('eq' in bounds)) bounds.eq = operand;
  }
  if (Object.keys(bounds).length > 0) result.set(path, bounds);
}

/**
 * The AND-ed conditions of a filter an index planner may turn into a scan, by field path. Scanning the entries within
 * any one of a field's bounds misses no match (arrays as values are left out, for their index entries are their
 * elements), but finds more than the matches: always re-check the documents with the compiled filter.
 *
 * - `eq`, `in`: entries equal to the value(s). `eq: null` (test with `'eq' in bounds`) is the null entries, which also
 *   hold missing fields, so a sparse index may not serve it.
 * - `gt`/`gte`/`lt`/`lte`: bracketed by type. An open end stays within the operand's type (all numbers, all strings
 *   ...), never the whole index; NaN lies inside the number bracket.
 * - `exists: true` allows a sparse index; it bounds nothing by itself. `exists: false` is the null entries (re-check).
 * - Multikey: on a field with array values two bounds of one field may be met by two different elements
 *   (`{ a: { $gt: 5, $lt: 3 } }` matches `[2, 6]`), so a multikey index may use the lower or the upper bound, or eq, or
 *   in, but never intersect them; and one document may come up several times.
 */
export function analyzeFilter(filter: Document): Map<string, FieldBounds> {
  const result = new Map<string, FieldBounds>();
  collect(filter, result);
  return result;
}

function collect(filter: Document, result: Map<string, FieldBounds>): void {
  if (!isDocument(filter)) return;
  for (const [name, operand] of Object.entries(filter)) {
    if (name === '$and' && Array.isArray(operand)) {
      for (const clause of operand) collect(clause as Document, result);
    } else if (!name.startsWith('$')) addField(result, name, operand);
  }
}
