import type { Document } from 'bson';
import { QueryError } from '../errors';
import { isDocument, setField } from '../bson-types';
import { compareBson, rankOf } from '../compare';
import {
  compileAccumulator,
  compileExpression,
  compilerFor,
  compareValues,
  scopeFor,
  typeName,
  type CompiledAccumulator,
  type Evaluator,
} from '../expression';
import { hashKey } from '../key';
import { isNumeric, toDouble } from '../numbers';
import { gathered, PAUSE, type PipelineRun, type StageDefinition } from './core';

interface Field {
  name: string;
  accumulator: CompiledAccumulator;
}

/** Compiles `{ field: { $accumulator: expression } }` pairs. */
export function compileFields(spec: Document, run: PipelineRun): Field[] {
  const compiler = compilerFor(Object.keys(run.variables));
  return Object.entries(spec).map(([name, value]) => {
    if (name.includes('.')) throw new QueryError(40235, `The field name '${name}' cannot contain '.'`);
    if (name.startsWith('$'))
      throw new QueryError(40236, `The field name '${name}' cannot be an operator name`);
    if (!isDocument(value)) throw new QueryError(40234, `The field '${name}' must be an accumulator object`);
    const operators = Object.keys(value);
    if (operators.length !== 1)
      throw new QueryError(40238, `The field '${name}' must specify one accumulator`);
    const [operator] = operators as [string];
    if (!operator.startsWith('$'))
      throw new QueryError(40234, `The field '${name}' must be an accumulator object`);
    return { name, accumulator: compileAccumulator(operator, value[operator], compiler) };
  });
}

/** Folds rows into one document per key, keys in order of first appearance. */
class Groups {
  private readonly groups = new Map<
    unknown,
    { id: unknown; folds: ReturnType<CompiledAccumulator['create']>[] }
  >();

  constructor(
    private readonly fields: Field[],
    private readonly run: PipelineRun,
  ) {}

  add(id: unknown, doc: Document): void {
    const key = hashKey(id);
    let group = this.groups.get(key);
    if (!group) {
      group = { id: id ?? null, folds: this.fields.map(({ accumulator }) => accumulator.create()) };
      this.groups.set(key, group);
    }
    const scope = scopeFor(doc, this.run.context.now, this.run.variables);
    for (let i = 0; i < this.fields.length; i += 1)
      group.folds[i]!.add(this.fields[i]!.accumulator.evaluate(scope));
  }

  *results(): Iterable<Document> {
    for (const { id, folds } of this.groups.values()) {
      const result: Document = { _id: id };
      this.fields.forEach(({ name }, i) => setField(result, name, folds[i]!.result()));
      yield result;
    }
  }
}

const group: StageDefinition = (operand, run) => {
  if (!isDocument(operand)) throw new QueryError(15947, "a group's fields must be specified in an object");
  if (!('_id' in operand)) throw new QueryError(15955, 'a group specification must include an _id');
  const { _id, ...rest } = operand;
  const identify = compileExpression(_id, Object.keys(run.variables));
  const fields = compileFields(rest, run);
  return function* (docs) {
    const groups = new Groups(fields, run);
    for (const doc of docs) {
      if (doc === PAUSE) yield doc;
      else groups.add(identify(scopeFor(doc, run.context.now, run.variables)), doc);
    }
    yield* groups.results();
  };
};

const sortByCount: StageDefinition = (operand, run) => {
  const expression = isDocument(operand) || (typeof operand === 'string' && operand.startsWith('$'));
  if (!expression)
    throw new QueryError(
      40148,
      'the sortByCount field must be defined as a $-prefixed path or an expression inside an object',
    );
  return run.compile(
    [{ $group: { _id: operand, count: { $sum: 1 } } }, { $sort: { count: -1 } }],
    run.variables,
  );
};

const DEFAULT_OUTPUT: Document = { count: { $sum: 1 } };

/** A `$`-prefixed path, or a document that begins with an operator. */
function isExpression(value: unknown): boolean {
  if (typeof value === 'string') return value.startsWith('$');
  return isDocument(value) && (Object.keys(value)[0]?.startsWith('$') ?? false);
}

/** Whether an expression reads neither fields nor variables. */
function isConstant(expression: unknown): boolean {
  if (typeof expression === 'string') return !expression.startsWith('$');
  if (Array.isArray(expression)) return expression.every(isConstant);
  if (!isDocument(expression) || '$literal' in expression) return true;
  return Object.values(expression).every(isConstant);
}

function constantOf(expression: unknown, code: number, message: string): unknown {
  if (!isConstant(expression)) throw new QueryError(code, message);
  return compileExpression(expression)(scopeFor({}, new Date(0)));
}

function bucketSpec(
  name: string,
  operand: unknown,
  { required, optional }: { required: string[]; optional: string[] },
): Document {
  if (!isDocument(operand))
    throw new QueryError(
      name === '$bucket' ? 40201 : 40240,
      `Argument to ${name} stage must be an object, but found type: ${typeof operand}.`,
    );
  for (const key of Object.keys(operand)) {
    if (!required.includes(key) && !optional.includes(key)) {
      throw new QueryError(name === '$bucket' ? 40197 : 40245, `Unrecognized option to ${name}: ${key}.`);
    }
  }
  if ('groupBy' in operand && !isExpression(operand['groupBy']))
    throw new QueryError(
      name === '$bucket' ? 40202 : 40239,
      `The ${name} 'groupBy' field must be defined as a $-prefixed path or an expression.`,
    );
  if ('output' in operand && !isDocument(operand['output']))
    throw new QueryError(
      name === '$bucket' ? 40196 : 40244,
      `The ${name} 'output' field must be an object, but found type: ${typeName(operand['output'])}.`,
    );
  if (required.some((key) => !(key in operand))) {
    throw new QueryError(
      name === '$bucket' ? 40198 : 40246,
      `${name} requires '${required.join("' and '")}' to be specified.`,
    );
  }
  return operand;
}

function boundariesOf(value: unknown): unknown[] {
  if (!Array.isArray(value))
    throw new QueryError(
      40200,
      `The $bucket 'boundaries' field must be an array, but found type: ${typeof value}.`,
    );
  const boundaries = value.map((item) =>
    constantOf(item, 40191, "The $bucket 'boundaries' field must be an array of constant values."),
  );
  if (boundaries.length < 2)
    throw new QueryError(
      40192,
      `The $bucket 'boundaries' field must have at least 2 values, but found ${value.length} value(s).`,
    );
  for (let i = 1; i < boundaries.length; i += 1) {
    const [lower, upper] = [boundaries[i - 1], boundaries[i]];
    if (rankOf(lower) !== rankOf(upper))
      throw new QueryError(
        40193,
        `All values in the 'boundaries' option to $bucket must have the same type. Found conflicting types ${typeName(lower)} and ${typeName(upper)}.`,
      );
    if (compareBson(lower, upper) >= 0)
      throw new QueryError(40194, "The 'boundaries' option to $bucket must be sorted in ascending order");
  }
  return boundaries;
}

/** The bucket of what lies outside the boundaries, as a list of one; none without a `default`. */
function defaultBucket(spec: Document, boundaries: unknown[]): unknown[] {
  if (!('default' in spec)) return [];
  const value = constantOf(
    spec['default'],
    40195,
    "The $bucket 'default' field must be a constant expression.",
  );
  const isInside = compareBson(value, boundaries[0]) >= 0 && compareBson(value, boundaries.at(-1)) < 0;
  if (rankOf(value) === rankOf(boundaries[0]) && isInside)
    throw new QueryError(
      40199,
      "The $bucket 'default' field must be less than the lowest boundary or greater than or equal to the highest boundary.",
    );
  return [value];
}

/** The lower boundary of the bucket a value falls into; buckets are half-open, the last one too. */
function lowerBoundary(boundaries: unknown[], value: unknown): number {
  if (compareValues(value, boundaries[0]) < 0 || compareValues(value, boundaries.at(-1)) >= 0) return -1;
  let [low, high] = [0, boundaries.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (compareBson(value, boundaries[middle]) >= 0) low = middle;
    else high = middle;
  }
  return low;
}

const bucket: StageDefinition = (operand, run) => {
  const spec = bucketSpec('$bucket', operand, {
    required: ['groupBy', 'boundaries'],
    optional: ['default', 'output'],
  });
  const boundaries = boundariesOf(spec.boundaries);
  const fallback = defaultBucket(spec, boundaries);
  const evaluate = compileExpression(spec.groupBy, Object.keys(run.variables));
  const fields = compileFields((spec.output as Document | undefined) ?? DEFAULT_OUTPUT, run);
  return function* (docs) {
    const groups = new Groups(fields, run);
    for (const doc of docs) {
      if (doc === PAUSE) {
        yield doc;
        continue;
      }
      const at = lowerBoundary(boundaries, evaluate(scopeFor(doc, run.context.now, run.variables)));
      if (at >= 0) groups.add(boundaries[at], doc);
      else if (fallback.length > 0) groups.add(fallback[0], doc);
      else
        throw new QueryError(
          7158303,
          '$switch could not find a matching branch for an input, and no default was specified: $bucket value lies outside the boundaries',
        );
    }
    yield* [...groups.results()].sort((a, b) => compareBson(a._id, b._id));
  };
};

function autoBuckets(
  rows: { value: unknown; doc: Document }[],
  count: number,
): { value: unknown; doc: Document }[][] {
  const buckets: { value: unknown; doc: Document }[][] = [];
  const size = Math.max(1, Math.round(rows.length / count));
  let at = 0;
  while (at < rows.length && buckets.length < count) {
    let end = buckets.length === count - 1 ? rows.length : Math.min(rows.length, at + size);
    // Equal values stay in one bucket.
    while (end < rows.length && compareValues(rows[end]!.value, rows[end - 1]!.value) === 0) end += 1;
    buckets.push(rows.slice(at, end));
    at = end;
  }
  return buckets;
}

const bucketAuto: StageDefinition = (operand, run) => {
  const spec = bucketSpec('$bucketAuto', operand, {
    required: ['groupBy', 'buckets'],
    optional: ['output', 'granularity'],
  });
  if ('granularity' in spec)
    throw new QueryError(115, '$bucketAuto: granularity is not supported by the embedded server');
  const buckets = spec.buckets as unknown;
  if (!isNumeric(buckets) || !Number.isInteger(toDouble(buckets)))
    throw new QueryError(40241, "The $bucketAuto 'buckets' field must be a 32-bit integer");
  if (toDouble(buckets) <= 0)
    throw new QueryError(
      40243,
      `The $bucketAuto 'buckets' field must be greater than 0, but found: ${toDouble(buckets)}`,
    );
  const evaluate: Evaluator = compileExpression(spec.groupBy, Object.keys(run.variables));
  const fields = compileFields((spec.output as Document | undefined) ?? DEFAULT_OUTPUT, run);
  return function* (docs) {
    const rows = (yield* gathered(docs)).map((doc) => ({
      value: evaluate(scopeFor(doc, run.context.now, run.variables)),
      doc,
    }));
    rows.sort((a, b) => compareValues(a.value, b.value));
    const filled = autoBuckets(rows, toDouble(buckets));
    yield* filled.map((bucketRows, i) => {
      const max = filled[i + 1]?.[0]!.value ?? bucketRows.at(-1)!.value;
      const groups = new Groups(fields, run);
      for (const { doc } of bucketRows) groups.add(0, doc);
      const [{ _id: _unused, ...output }] = [...groups.results()] as [Document];
      return { _id: { min: bucketRows[0]!.value ?? null, max: max ?? null }, ...output };
    });
  };
};

export const GROUP_STAGES: Record<string, StageDefinition> = {
  $group: group,
  $sortByCount: sortByCount,
  $bucket: bucket,
  $bucketAuto: bucketAuto,
};
