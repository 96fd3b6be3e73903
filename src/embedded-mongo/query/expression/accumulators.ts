import type { Document } from 'bson';
import { QueryError, notSupported } from '../errors';
import { BsonType, Double, Int32, Long, bsonType, isDocument, isNullish } from '../bson-types';
import { compareBson } from '../compare';
import { hashKey } from '../key';
import { divideDecimals, isNumeric, toDouble } from '../numbers';
import { parseSort, sortDocuments } from '../sort';
import { compute } from './arithmetic';
import { namedArguments, type Compiler, type Evaluator, type OperatorDefinition } from './core';
import { mergeObjects } from './objects';

/** Folds the values of a group. */
export interface Accumulator {
  add(value: unknown): void;
  result(): unknown;
}

class Sum implements Accumulator {
  private total: unknown = new Int32(0);

  add(value: unknown): void {
    if (isNumeric(value)) this.total = compute('add', this.total, value);
  }

  result(): unknown {
    return this.total;
  }
}

class Average implements Accumulator {
  private readonly sum = new Sum();
  private count = 0;

  add(value: unknown): void {
    if (!isNumeric(value)) return;
    this.sum.add(value);
    this.count += 1;
  }

  result(): unknown {
    if (this.count === 0) return null;
    const total = this.sum.result();
    if (bsonType(total) === BsonType.decimal) return divideDecimals(total, new Int32(this.count));
    return new Double(toDouble(total) / this.count);
  }
}

class Extremum implements Accumulator {
  private best: unknown = null;

  constructor(private readonly direction: 1 | -1) {}

  add(value: unknown): void {
    if (isNullish(value)) return;
    if (this.best === null || compareBson(value, this.best) * this.direction > 0) this.best = value;
  }

  result(): unknown {
    return this.best;
  }
}

/** Welford's method: one pass, stable for large values. */
class StandardDeviation implements Accumulator {
  private count = 0;
  private mean = 0;
  private squares = 0;

  constructor(private readonly sample: boolean) {}

  add(value: unknown): void {
    if (!isNumeric(value)) return;
    const x = toDouble(value);
    this.count += 1;
    const delta = x - this.mean;
    this.mean += delta / this.count;
    this.squares += delta * (x - this.mean);
  }

  result(): unknown {
    const freedom = this.sample ? this.count - 1 : this.count;
    return freedom <= 0 ? null : new Double(Math.sqrt(this.squares / freedom));
  }
}

/** Collects everything, then derives the result. */
class Collector implements Accumulator {
  private readonly values: unknown[] = [];

  constructor(private readonly derive: (values: unknown[]) => unknown) {}

  add(value: unknown): void {
    this.values.push(value);
  }

  result(): unknown {
    return this.derive(this.values);
  }
}

class SetCollector implements Accumulator {
  private readonly values = new Map<unknown, unknown>();

  add(value: unknown): void {
    if (value === undefined) return;
    const key = hashKey(value);
    if (!this.values.has(key)) this.values.set(key, value);
  }

  result(): unknown {
    return [...this.values.values()];
  }
}

class First implements Accumulator {
  private value: unknown;
  private seen = false;

  add(value: unknown): void {
    if (!this.seen) this.value = value;
    this.seen = true;
  }

  result(): unknown {
    return this.value ?? null;
  }
}

class Last implements Accumulator {
  private value: unknown = null;

  add(value: unknown): void {
    this.value = value;
  }

  result(): unknown {
    return this.value ?? null;
  }
}

class Counter implements Accumulator {
  private count = 0;

  add(): void {
    this.count += 1;
  }

  result(): unknown {
    return this.count <= 0x7fffffff ? new Int32(this.count) : Long.fromNumber(this.count);
  }
}

const SIMPLE: Record<string, () => Accumulator> = {
  $sum: () => new Sum(),
  $avg: () => new Average(),
  $min: () => new Extremum(-1),
  $max: () => new Extremum(1),
  $first: () => new First(),
  $last: () => new Last(),
  $push: () => new Collector((values) => values.filter((value) => value !== undefined)),
  $addToSet: () => new SetCollector(),
  $mergeObjects: () => new Collector(mergeObjects),
  $stdDevPop: () => new StandardDeviation(false),
  $stdDevSamp: () => new StandardDeviation(true),
};

const present = (values: unknown[]): unknown[] => values.filter((value) => !isNullish(value));
const nulls = (values: unknown[]): unknown[] => values.map((value) => value ?? null);

const OF_N: Record<string, (values: unknown[], n: number) => unknown[]> = {
  $firstN: (values, n) => nulls(values.slice(0, n)),
  $lastN: (values, n) => nulls(values.slice(-n)),
  $minN: (values, n) => present(values).sort(compareBson).slice(0, n),
  $maxN: (values, n) =>
    present(values)
      .sort((a, b) => compareBson(b, a))
      .slice(0, n),
};

/** `$top`, `$bottom` and their N forms: sorted outputs of the group, taken from one end. */
const SORTED: Record<string, (sorted: unknown[], n: number) => unknown> = {
  $top: (sorted) => sorted[0] ?? null,
  $bottom: (sorted) => sorted.at(-1) ?? null,
  $topN: (sorted, n) => nulls(sorted.slice(0, n)),
  $bottomN: (sorted, n) => nulls(sorted.slice(-n)),
};

const UNSUPPORTED = new Set(['$accumulator', '$median', '$percentile', '$function']);

/** A compiled accumulator: what to evaluate per document, and a fresh fold per group. */
export interface CompiledAccumulator {
  evaluate: Evaluator;
  create: () => Accumulator;
}

function constantCount(name: string, value: unknown): number {
  if (!isNumeric(value) || !Number.isInteger(toDouble(value)))
    throw new QueryError(5787902, `${name}: 'n' must be an integral value`);
  if (toDouble(value) <= 0)
    throw new QueryError(5787908, `'n' must be greater than 0, found ${toDouble(value)}`);
  return toDouble(value);
}

function sortedAccumulator(name: string, operand: unknown, compiler: Compiler): CompiledAccumulator {
  const required = name.endsWith('N') ? ['n', 'sortBy', 'output'] : ['sortBy', 'output'];
  const args = namedArguments(name, operand, { required });
  parseSort(args.sortBy as Document);
  const n = name.endsWith('N') ? constantCount(name, args.n) : 1;
  const output = compiler.compile(args.output);
  return {
    evaluate: (scope) => ({ doc: scope.root, output: output(scope) }),
    create: () =>
      new Collector((values) => {
        const rows = values as { doc: Document; output: unknown }[];
        const sorted = sortDocuments(rows, prefixed(args.sortBy as Document)).map(
          (row) => row.output as unknown,
        );
        return SORTED[name]!(sorted, n);
      }),
  };
}

const prefixed = (sort: Document): Document =>
  Object.fromEntries(Object.entries(sort).map(([path, direction]) => [`doc.${path}`, direction as unknown]));

/** Compiles `{ $sum: expr }` and its like for `$group`, `$bucket` and `$setWindowFields`. */
export function compileAccumulator(name: string, operand: unknown, compiler: Compiler): CompiledAccumulator {
  if (Object.hasOwn(SIMPLE, name)) return { evaluate: compiler.compile(operand), create: SIMPLE[name]! };
  if (name === '$count') {
    if (!isDocument(operand) || Object.keys(operand).length > 0)
      throw new QueryError(9, '$count takes no arguments, i.e. $count:{}');
    return { evaluate: () => null, create: () => new Counter() };
  }
  if (Object.hasOwn(OF_N, name)) {
    const args = namedArguments(name, operand, { required: ['input', 'n'] });
    const n = constantCount(name, args.n);
    return {
      evaluate: compiler.compile(args.input),
      create: () => new Collector((values) => OF_N[name]!(values, n)),
    };
  }
  if (Object.hasOwn(SORTED, name)) return sortedAccumulator(name, operand, compiler);
  if (UNSUPPORTED.has(name)) throw notSupported(`The accumulator ${name}`);
  throw new QueryError(15952, `unknown group operator '${name}'`);
}

/** The accumulators that are also expressions: over several arguments, or over the elements of one array. */
function expressionOf(name: string): OperatorDefinition {
  return (operand, compiler) => {
    const args = (Array.isArray(operand) ? operand : [operand]).map((arg) => compiler.compile(arg));
    return (scope) => {
      const accumulator = SIMPLE[name]!();
      const values = args.map((arg) => arg(scope));
      const [only] = values;
      for (const value of values.length === 1 && Array.isArray(only) ? (only as unknown[]) : values)
        accumulator.add(value);
      return accumulator.result();
    };
  };
}

export const ACCUMULATOR_EXPRESSIONS: Record<string, OperatorDefinition> = Object.fromEntries(
  ['$sum', '$avg', '$min', '$max', '$stdDevPop', '$stdDevSamp'].map((name) => [name, expressionOf(name)]),
);
