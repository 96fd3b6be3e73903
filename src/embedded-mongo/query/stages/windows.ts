import type { Document } from 'bson';
import { QueryError, failedToParse, notSupported } from '../errors';
import { Int32, isDocument } from '../bson-types';
import { compileAccumulator, compileExpression, compilerFor, scopeFor } from '../expression';
import { hashKey } from '../key';
import { isNumeric, toDouble } from '../numbers';
import { compileSort, sortDocuments } from '../sort';
import { PAUSE, type PipelineRun, type StageDefinition } from './core';
import { withValue } from './shapes';

/** Computes one output field for every row of a sorted partition. */
type WindowFunction = (rows: Document[]) => unknown[];

type Bound = 'unbounded' | 'current' | number;

const UNSUPPORTED = new Set([
  '$derivative',
  '$integral',
  '$expMovingAvg',
  '$covariancePop',
  '$covarianceSamp',
  '$linearFill',
  '$minMaxScaler',
]);

function parseBound(value: unknown): Bound {
  if (value === 'unbounded' || value === 'current') return value;
  if (isNumeric(value) && Number.isInteger(toDouble(value))) return toDouble(value);
  throw failedToParse(
    `Window bounds must be 'unbounded', 'current' or an integer, found ${JSON.stringify(value)}`,
  );
}

function parseWindow(value: unknown): [Bound, Bound] {
  if (value === undefined) return ['unbounded', 'unbounded'];
  if (!isDocument(value)) throw failedToParse("'window' field must be an object");
  if ('range' in value) throw notSupported('The range window of $setWindowFields');
  const bounds = value.documents as unknown;
  if (!Array.isArray(bounds) || bounds.length !== 2)
    throw failedToParse("'window.documents' must be an array of two bounds");
  return [parseBound(bounds[0]), parseBound(bounds[1])];
}

function position(bound: Bound, i: number, edge: number): number {
  if (bound === 'unbounded') return edge;
  return bound === 'current' ? i : i + bound;
}

function accumulate(name: string, spec: Document, run: PipelineRun): WindowFunction {
  const { evaluate, create } = compileAccumulator(name, spec[name], compilerFor(Object.keys(run.variables)));
  const [lower, upper] = parseWindow(spec.window);
  return (rows) => {
    const values = rows.map((row) => evaluate(scopeFor(row, run.context.now, run.variables)));
    // From the start to each row the window only grows: one fold serves all rows.
    const growing = lower === 'unbounded' && upper === 'current' ? create() : undefined;
    const whole = lower === 'unbounded' && upper === 'unbounded' ? create() : undefined;
    if (whole) for (const value of values) whole.add(value);
    return rows.map((_row, i) => {
      if (whole) return whole.result();
      if (growing) {
        growing.add(values[i]);
        return growing.result();
      }
      const fold = create();
      const from = Math.max(0, position(lower, i, 0));
      const to = Math.min(rows.length - 1, position(upper, i, rows.length - 1));
      for (let k = from; k <= to; k += 1) fold.add(values[k]);
      return fold.result();
    });
  };
}

function requireSort(name: string, sortBy: Document | undefined): Document {
  if (!sortBy) throw new QueryError(5371602, `${name} must be specified with a top level sortBy expression`);
  return sortBy;
}

function ranking(name: string, sortBy: Document): WindowFunction {
  const compare = compileSort(sortBy);
  return (rows) => {
    let [rank, dense] = [0, 0];
    return rows.map((row, i) => {
      const tied = i > 0 && compare(rows[i - 1]!, row) === 0;
      if (!tied) {
        rank = i + 1;
        dense += 1;
      }
      return new Int32(name === '$rank' ? rank : name === '$denseRank' ? dense : i + 1);
    });
  };
}

function shift(operand: unknown, run: PipelineRun): WindowFunction {
  if (!isDocument(operand) || !('output' in operand) || !isNumeric(operand.by)) {
    throw failedToParse("$shift requires 'output' and an integer 'by'");
  }
  const output = compileExpression(operand.output, Object.keys(run.variables));
  const fallback = (operand.default as unknown) ?? null;
  const by = toDouble(operand.by);
  return (rows) =>
    rows.map((_row, i) => {
      const row = rows[i + by];
      return row === undefined ? fallback : (output(scopeFor(row, run.context.now, run.variables)) ?? null);
    });
}

function locf(operand: unknown, run: PipelineRun): WindowFunction {
  const evaluate = compileExpression(operand, Object.keys(run.variables));
  return (rows) => {
    let last: unknown = null;
    return rows.map((row) => (last = evaluate(scopeFor(row, run.context.now, run.variables)) ?? last));
  };
}

function compileOutput(
  path: string,
  spec: unknown,
  { sortBy, run }: { sortBy?: Document; run: PipelineRun },
): WindowFunction {
  if (!isDocument(spec)) throw failedToParse(`The field '${path}' must be an object with a window function`);
  const name = Object.keys(spec).find((key) => key !== 'window');
  if (name === undefined || Object.keys(spec).some((key) => key !== 'window' && key !== name)) {
    throw failedToParse(`The field '${path}' must have exactly one window function`);
  }
  if (UNSUPPORTED.has(name)) throw notSupported(`The window function ${name}`);
  switch (name) {
    case '$rank':
    case '$denseRank':
    case '$documentNumber':
      return ranking(name, requireSort(name, sortBy));
    case '$shift':
      requireSort(name, sortBy);
      return shift(spec[name], run);
    case '$locf':
      requireSort(name, sortBy);
      return locf(spec[name], run);
    default:
      try {
        return accumulate(name, spec, run);
      } catch (error) {
        if (error instanceof QueryError && error.code === 15952)
          throw failedToParse(`Unrecognized window function, ${name}`);
        throw error;
      }
  }
}

const setWindowFields: StageDefinition = (operand, run) => {
  if (!isDocument(operand)) throw failedToParse('the $setWindowFields stage specification must be an object');
  const unknown = Object.keys(operand).find((key) => !['partitionBy', 'sortBy', 'output'].includes(key));
  if (unknown !== undefined)
    throw new QueryError(40415, `BSON field '$setWindowFields.${unknown}' is an unknown field.`);
  const { output } = operand as { output?: unknown };
  if (!isDocument(output))
    throw new QueryError(40414, "BSON field '$setWindowFields.output' is missing but a required field");
  const sortBy = operand.sortBy as Document | undefined;
  const partition = compileExpression(operand.partitionBy ?? null, Object.keys(run.variables));
  const functions = Object.entries(output).map(
    ([path, spec]) => [path.split('.'), compileOutput(path, spec, { sortBy, run })] as const,
  );
  return function* (docs) {
    const partitions = new Map<unknown, { key: unknown; rows: Document[] }>();
    for (const doc of docs) {
      if (doc === PAUSE) {
        yield doc;
        continue;
      }
      const value = partition(scopeFor(doc, run.context.now, run.variables));
      const key = hashKey(value);
      const entry = partitions.get(key) ?? { key: value, rows: [] };
      entry.rows.push(doc);
      partitions.set(key, entry);
    }
    // MongoDB sorts by partition and then by sortBy, so partitions come out in the order of their keys.
    const ordered = sortDocuments([...partitions.values()], { key: 1 });
    for (const { rows } of ordered as unknown as { rows: Document[] }[]) {
      const sorted = sortBy ? sortDocuments(rows, sortBy) : rows;
      const columns = functions.map(([parts, compute]) => [parts, compute(sorted)] as const);
      for (let i = 0; i < sorted.length; i += 1) {
        yield columns.reduce((doc, [parts, values]) => withValue(doc, parts, values[i]), sorted[i]!);
      }
    }
  };
};

export const WINDOW_STAGES: Record<string, StageDefinition> = { $setWindowFields: setWindowFields };
