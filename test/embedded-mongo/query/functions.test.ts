import type { Document } from 'bson';
import {
  QueryError,
  applyUpdate,
  compileFilter,
  compileProjection,
  compileSort,
  runAggregate,
  upsertSeed,
} from '../../../src/embedded-mongo/query';
import { EXPRESSION_CASES, PIPELINE_CASES } from './cases/aggregation';
import { EXPRESSION_ERRORS, FILTER_ERRORS, PIPELINE_ERRORS } from './cases/errors';
import { FILTER_CASES, ORDER_CASES } from './cases/filters';
import { PROJECTION_CASES } from './cases/projections';
import type { ExpressionCase, FilterCase, PipelineCase, ProjectionCase, UpdateCase } from './cases/types';
import { UPDATE_CASES } from './cases/updates';
import { canonical, stored } from './canonical';

const NOW = new Date('2024-05-01T00:00:00Z');

/** Either the expected BSON or an error of the expected code. */
function check(one: { error?: number; expected?: unknown }, run: () => unknown): void {
  if (one.error === undefined) return expect(canonical(run())).toBe(canonical(one.expected));
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(QueryError);
  expect((thrown as QueryError).code).toBe(one.error);
}

function select({ docs, filter, sort }: FilterCase): unknown[] {
  const matched = docs.map(stored).filter(compileFilter(stored(filter)));
  const rows = sort ? matched.sort(compileSort(stored(sort))) : matched;
  return rows.map(({ _id }) => _id as unknown);
}

function update({ doc, filter = {}, update: statement, arrayFilters, upsert }: UpdateCase): Document {
  const condition = stored(filter);
  const change = (stored({ statement }) as { statement: Document }).statement;
  const options = { filter: condition, arrayFilters: arrayFilters?.map(stored), insert: upsert };
  return applyUpdate(doc ? stored(doc) : upsertSeed(condition), change, options);
}

function aggregate({ docs, pipeline, others = {} }: PipelineCase): Document[] {
  const stages = (stored({ pipeline }) as { pipeline: Document[] }).pipeline;
  return runAggregate(docs.map(stored), stages, {
    read: (name) => (others[name] ?? []).map(stored),
    now: NOW,
  });
}

const project = ({ doc, filter, projection }: ProjectionCase): Document =>
  compileProjection(stored(projection), filter && stored(filter))(stored(doc));

const evaluate = ({ doc = { _id: 1 }, expression }: ExpressionCase): unknown =>
  aggregate({ name: '', docs: [doc], pipeline: [{ $project: { _id: 0, value: expression } }] })[0]!
    .value as unknown;

describe('filters', () => {
  it.each([...FILTER_CASES, ...FILTER_ERRORS])('$name', (one) => check(one, () => select(one)));
});

describe('order', () => {
  it.each(ORDER_CASES)('$name', (one) => check(one, () => select(one)));
});

describe('updates', () => {
  it.each(UPDATE_CASES)('$name', (one) => check(one, () => update(one)));
});

describe('projections', () => {
  it.each(PROJECTION_CASES)('$name', (one) => check(one, () => project(one)));
});

describe('pipelines', () => {
  it.each([...PIPELINE_CASES, ...PIPELINE_ERRORS])('$name', (one) => check(one, () => aggregate(one)));
});

describe('expressions', () => {
  it.each([...EXPRESSION_CASES, ...EXPRESSION_ERRORS])('$name', (one) => check(one, () => evaluate(one)));
});
