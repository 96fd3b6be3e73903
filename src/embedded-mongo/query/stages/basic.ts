import type { Document } from 'bson';
import { QueryError } from '../errors';
import { Int32, Long, isDocument, setField } from '../bson-types';
import { compileExpression, scopeFor, type Evaluator } from '../expression';
import { compileWith } from '../filter';
import { isNumeric, toDouble } from '../numbers';
import { compileAdditions, compileProjectionFor } from '../projection';
import { parseSort, sortDocuments } from '../sort';
import { gathered, PAUSE, type PipelineRun, type Stage, type StageDefinition } from './core';

const perDocument = (change: (doc: Document) => Document): Stage =>
  function* (docs) {
    for (const doc of docs) yield doc === PAUSE ? doc : change(doc);
  };

const contextOf = ({ context, variables }: PipelineRun) =>
  ({ dialect: 'pipeline', variables, now: context.now }) as const;

/** Compiles an expression of a stage and binds it to the pipeline's variables. */
export function stageExpression(expression: unknown, run: PipelineRun): (doc: Document) => unknown {
  const evaluate: Evaluator = compileExpression(expression, Object.keys(run.variables));
  return (doc) => evaluate(scopeFor(doc, run.context.now, run.variables));
}

export function countOperand(
  name: string,
  operand: unknown,
  { min, code }: { min: number; code: number },
): number {
  if (!isNumeric(operand) || !Number.isInteger(toDouble(operand)) || toDouble(operand) < min) {
    const shown = isNumeric(operand) ? toDouble(operand) : JSON.stringify(operand);
    throw new QueryError(
      code,
      `invalid argument to ${name} stage: Expected a ${min > 0 ? 'positive' : 'non-negative'} number in: ${name}: ${shown}`,
    );
  }
  return toDouble(operand);
}

const match: StageDefinition = (operand, { context, variables }) => {
  if (!isDocument(operand))
    throw new QueryError(15959, 'the match filter must be an expression in an object');
  const matches = compileWith(operand, { variables, now: context.now });
  return function* (docs) {
    for (const doc of docs) if (doc === PAUSE || matches(doc)) yield doc;
  };
};

const project: StageDefinition = (operand, run) => {
  if (!isDocument(operand)) throw new QueryError(15969, '$project specification must be an object');
  if (Object.keys(operand).length === 0) {
    throw new QueryError(
      51272,
      'Invalid $project :: caused by :: projection specification must have at least one field',
    );
  }
  return perDocument(compileProjectionFor(operand, contextOf(run)));
};

const addFields =
  (name: string): StageDefinition =>
  (operand, run) => {
    if (!isDocument(operand))
      throw new QueryError(40272, `${name} specification stage must be an object, got ${typeof operand}`);
    return perDocument(compileAdditions(operand, contextOf(run)));
  };

const unset: StageDefinition = (operand, run) => {
  const paths = Array.isArray(operand) ? operand : [operand];
  if (paths.length === 0)
    throw new QueryError(31119, '$unset specification must be a string or an array with at least one field');
  const spec: Document = {};
  for (const path of paths) {
    if (typeof path !== 'string')
      throw new QueryError(
        31120,
        '$unset specification must be a string or an array containing only string values',
      );
    setField(spec, path, false);
  }
  return perDocument(compileProjectionFor(spec, contextOf(run)));
};

function replacement(name: string, expression: unknown, run: PipelineRun): Stage {
  const evaluate = stageExpression(expression, run);
  return perDocument((doc) => {
    const root = evaluate(doc);
    if (!isDocument(root)) {
      throw new QueryError(
        40228,
        `'newRoot' expression ${name === '$replaceRoot' ? '' : `of ${name} `}must evaluate to an object, but resulting value was: ${root === undefined ? 'MISSING' : JSON.stringify(root)}`,
      );
    }
    return root;
  });
}

const replaceRoot: StageDefinition = (operand, run) => {
  if (!isDocument(operand))
    throw new QueryError(
      40229,
      `expected an object as specification for $replaceRoot stage, got ${typeof operand}`,
    );
  const unknown = Object.keys(operand).find((key) => key !== 'newRoot');
  if (unknown !== undefined)
    throw new QueryError(40415, `BSON field '$replaceRoot.${unknown}' is an unknown field.`);
  if (!('newRoot' in operand))
    throw new QueryError(40414, "BSON field '$replaceRoot.newRoot' is missing but a required field");
  return replacement('$replaceRoot', operand.newRoot, run);
};

const sort: StageDefinition = (operand) => {
  if (!isDocument(operand)) throw new QueryError(15973, 'the $sort key specification must be an object');
  if (Object.keys(operand).length === 0)
    throw new QueryError(15976, '$sort stage must have at least one sort key');
  parseSort(operand);
  return function* (docs) {
    yield* sortDocuments(yield* gathered(docs), operand);
  };
};

const limit: StageDefinition = (operand) => {
  const count = countOperand('$limit', operand, { min: 1, code: 15958 });
  return function* (docs) {
    let taken = 0;
    for (const doc of docs) {
      yield doc;
      if (doc !== PAUSE) taken += 1;
      if (taken === count) return;
    }
  };
};

const skip: StageDefinition = (operand) => {
  const count = countOperand('$skip', operand, { min: 0, code: 5107200 });
  return function* (docs) {
    let skipped = 0;
    for (const doc of docs) {
      if (doc === PAUSE || skipped >= count) yield doc;
      else skipped += 1;
    }
  };
};

/** A count as MongoDB answers it: an int while it fits. */
export const countValue = (count: number): Int32 | Long =>
  count <= 0x7fffffff ? new Int32(count) : Long.fromNumber(count);

const count: StageDefinition = (operand) => {
  if (typeof operand !== 'string') throw new QueryError(40156, 'the count field must be a non-empty string');
  if (operand === '') throw new QueryError(40157, 'the count field must be a non-empty string');
  if (operand.startsWith('$')) throw new QueryError(40158, 'the count field cannot be a $-prefixed path');
  if (operand.includes('.')) throw new QueryError(40160, "the count field cannot contain '.'");
  return function* (docs) {
    let total = 0;
    for (const doc of docs) {
      if (doc === PAUSE) yield doc;
      else total += 1;
    }
    if (total > 0) yield { [operand]: countValue(total) };
  };
};

const sample: StageDefinition = (operand) => {
  if (!isDocument(operand)) throw new QueryError(28745, 'the $sample stage specification must be an object');
  if (!('size' in operand)) throw new QueryError(28749, '$sample stage must specify a size');
  const size = countOperand('$sample', operand.size, { min: 0, code: 28747 });
  return function* (docs) {
    const rows = yield* gathered(docs);
    const taken = Math.min(size, rows.length);
    for (let i = 0; i < taken; i += 1) {
      const j = i + Math.floor(Math.random() * (rows.length - i));
      [rows[i], rows[j]] = [rows[j]!, rows[i]!];
    }
    yield* rows.slice(0, taken);
  };
};

const documents: StageDefinition = (operand, run) => {
  const evaluate = stageExpression(operand, run);
  return () => {
    const list = evaluate({});
    if (!Array.isArray(list) || !list.every(isDocument))
      throw new QueryError(5858203, 'an array of documents is expected by $documents');
    return list;
  };
};

export const BASIC_STAGES: Record<string, StageDefinition> = {
  $match: match,
  $project: project,
  $addFields: addFields('$addFields'),
  $set: addFields('$set'),
  $unset: unset,
  $replaceRoot: replaceRoot,
  $replaceWith: (operand, run) => replacement('$replaceWith', operand, run),
  $sort: sort,
  $limit: limit,
  $skip: skip,
  $count: count,
  $sample: sample,
  $documents: documents,
};
