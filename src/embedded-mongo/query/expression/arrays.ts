import { QueryError, failedToParse } from '../errors';
import { Int32, isDocument, isNullish } from '../bson-types';
import { compareBson } from '../compare';
import { hashKey } from '../key';
import { isNumeric, toDouble } from '../numbers';
import { sortElements } from '../sort';
import {
  childScope,
  compareValues,
  isTruthy,
  namedArguments,
  namedOperator,
  operator,
  typeName,
  type Compiler,
  type Evaluator,
  type OperatorDefinition,
} from './core';
import { checkVariableName } from './control';

function arrayArgument(name: string, code: number, value: unknown): unknown[] {
  if (!Array.isArray(value))
    throw new QueryError(code, `${name}'s argument must be an array, but is ${typeName(value)}`);
  return value;
}

function integer(message: string, code: number, value: unknown): number {
  if (!isNumeric(value) || !Number.isInteger(toDouble(value)))
    throw new QueryError(code, `${message}, but is ${typeName(value)}`);
  return toDouble(value);
}

function elementAt([array, index]: unknown[]): unknown {
  if (isNullish(array) || isNullish(index)) return null;
  const values = arrayArgument('$arrayElemAt', 28689, array);
  const at = integer("$arrayElemAt's second argument must be a 32-bit integer", 28690, index);
  return values.at(at);
}

const endOf = (name: string, index: number): OperatorDefinition =>
  operator(name, [1, 1], ([array]) =>
    isNullish(array) ? null : arrayArgument(name, 28689, array).at(index),
  );

function slice(args: unknown[]): unknown {
  const [array, first, limit] = args;
  if (args.some(isNullish)) return null;
  if (!Array.isArray(array))
    throw new QueryError(
      28724,
      `First argument to $slice must be an array, but is of type: ${typeName(array)}`,
    );
  const position = integer('Second argument to $slice must be a 32-bit integer', 28725, first);
  if (args.length === 2) return position >= 0 ? array.slice(0, position) : array.slice(position);
  const count = integer('Third argument to $slice must be a 32-bit integer', 28727, limit);
  if (count <= 0) throw new QueryError(28729, `Third argument to $slice must be positive: ${count}`);
  const start = position < 0 ? Math.max(0, array.length + position) : position;
  return array.slice(start, start + count);
}

interface Loop {
  input: Evaluator;
  variable: string;
  body: Evaluator;
  limit?: Evaluator;
}

function loop(name: string, operand: unknown, compiler: Compiler, bodyKey: string): Loop {
  const optional = bodyKey === 'cond' ? ['as', 'limit'] : ['as'];
  const args = namedArguments(name, operand, { required: ['input', bodyKey], optional });
  const variable = (args.as as unknown) ?? 'this';
  if (typeof variable !== 'string') throw failedToParse(`${name} needs 'as' to be a string`);
  checkVariableName(variable);
  return {
    input: compiler.compile(args.input),
    variable,
    body: compiler.with([variable]).compile(args[bodyKey]),
    ...('limit' in args ? { limit: compiler.compile(args.limit) } : {}),
  };
}

function filter(operand: unknown, compiler: Compiler): Evaluator {
  const { input, variable, body, limit } = loop('$filter', operand, compiler, 'cond');
  return (scope) => {
    const array = input(scope);
    if (isNullish(array)) return null;
    if (!Array.isArray(array))
      throw new QueryError(28651, `input to $filter must be an array not ${typeName(array)}`);
    const most = limit?.(scope);
    const count = isNullish(most)
      ? Infinity
      : integer('$filter: limit must be represented as a 32-bit integral value', 327391, most);
    if (count <= 0) throw new QueryError(327392, `$filter: limit must be greater than 0: ${count}`);
    const inner = childScope(scope);
    const kept: unknown[] = [];
    for (const element of array) {
      if (kept.length >= count) break;
      inner.variables[variable] = element;
      if (isTruthy(body(inner))) kept.push(element);
    }
    return kept;
  };
}

function map(operand: unknown, compiler: Compiler): Evaluator {
  const { input, variable, body } = loop('$map', operand, compiler, 'in');
  return (scope) => {
    const array = input(scope);
    if (isNullish(array)) return null;
    if (!Array.isArray(array))
      throw new QueryError(16883, `input to $map must be an array not ${typeName(array)}`);
    const inner = childScope(scope);
    return array.map((element: unknown) => {
      inner.variables[variable] = element;
      return body(inner) ?? null;
    });
  };
}

function reduce(operand: unknown, compiler: Compiler): Evaluator {
  const args = namedArguments('$reduce', operand, { required: ['input', 'initialValue', 'in'] });
  const input = compiler.compile(args.input);
  const initial = compiler.compile(args.initialValue);
  const body = compiler.with(['this', 'value']).compile(args.in);
  return (scope) => {
    const array = input(scope);
    if (isNullish(array)) return null;
    if (!Array.isArray(array))
      throw new QueryError(40080, `$reduce requires that 'input' be an array, found: ${typeName(array)}`);
    const inner = childScope(scope);
    let value = initial(scope);
    for (const element of array) {
      inner.variables.this = element;
      inner.variables.value = value;
      value = body(inner);
    }
    return value;
  };
}

function contains([value, array]: unknown[]): boolean {
  if (!Array.isArray(array))
    throw new QueryError(40081, `$in requires an array as a second argument, found: ${typeName(array)}`);
  return array.some((element) => compareValues(element, value) === 0);
}

function indexOfArray([array, value, start, end]: unknown[]): unknown {
  if (isNullish(array)) return null;
  if (!Array.isArray(array))
    throw new QueryError(
      40090,
      `$indexOfArray requires an array as a first argument, found: ${typeName(array)}`,
    );
  const from =
    start === undefined ? 0 : integer('$indexOfArray requires an integral starting index', 40096, start);
  const to =
    end === undefined ? array.length : integer('$indexOfArray requires an integral ending index', 40096, end);
  if (from < 0 || to < 0)
    throw new QueryError(40097, '$indexOfArray requires a nonnegative starting and ending index');
  for (let i = from; i < Math.min(to, array.length); i += 1)
    if (compareValues(array[i], value) === 0) return new Int32(i);
  return new Int32(-1);
}

function concatArrays(args: unknown[]): unknown {
  const result: unknown[] = [];
  for (const arg of args) {
    if (isNullish(arg)) return null;
    if (!Array.isArray(arg))
      throw new QueryError(28664, `$concatArrays only supports arrays, not ${typeName(arg)}`);
    for (const element of arg) result.push(element);
  }
  return result;
}

/** Longest `$range` answered; an unbounded one would exhaust memory before MongoDB's 100 MB stage limit bites. */
const MAX_RANGE = 10_000_000;

function range([start, end, step]: unknown[]): unknown[] {
  const from = integer('$range requires a numeric starting value that fits a 32-bit integer', 34443, start);
  const to = integer('$range requires a numeric ending value that fits a 32-bit integer', 34445, end);
  const by =
    step === undefined
      ? 1
      : integer('$range requires a numeric step value that fits a 32-bit integer', 34447, step);
  if (by === 0) throw new QueryError(34449, '$range requires a non-zero step value');
  const length = Math.max(0, Math.ceil((to - from) / by));
  if (length > MAX_RANGE)
    throw new QueryError(146, `$range of ${length} values exceeds the limit of ${MAX_RANGE}`);
  return Array.from({ length }, (_unused, i) => new Int32(from + i * by));
}

function zip(args: Record<string, unknown>): unknown {
  const { inputs, useLongestLength, defaults } = args;
  if (isNullish(inputs)) return null;
  if (!Array.isArray(inputs))
    throw new QueryError(34461, `inputs must be an array of expressions, found ${typeName(inputs)}`);
  if (inputs.some(isNullish)) return null;
  const arrays = inputs.map((input) => {
    if (!Array.isArray(input))
      throw new QueryError(34468, `$zip found a non-array expression in input: ${typeName(input)}`);
    return input as unknown[];
  });
  const longest = isTruthy(useLongestLength);
  if (defaults !== undefined && !longest)
    throw new QueryError(34466, 'cannot specify defaults unless useLongestLength is true');
  const lengths = arrays.map((array) => array.length);
  const length = lengths.length === 0 ? 0 : longest ? Math.max(...lengths) : Math.min(...lengths);
  const fill = (Array.isArray(defaults) ? defaults : []) as unknown[];
  return Array.from({ length }, (_unused, i) =>
    arrays.map((array, k) => (i < array.length ? array[i] : (fill[k] ?? null))),
  );
}

function sortArray({ input, sortBy }: Record<string, unknown>): unknown {
  if (isNullish(input)) return null;
  const values = arrayArgument('$sortArray', 2942504, input);
  if (isDocument(sortBy)) {
    const wrapped = Object.fromEntries(
      Object.entries(sortBy).map(([path, direction]) => [`value.${path}`, direction as unknown]),
    );
    return sortElements(
      values.map((value) => ({ value })),
      wrapped,
    ).map(({ value }) => value as unknown);
  }
  const direction = integer('$sortArray: sortBy must be 1, -1 or a sort pattern', 2942505, sortBy);
  if (direction !== 1 && direction !== -1)
    throw new QueryError(2942506, '$sortArray: sortBy must be 1, -1 or a sort pattern');
  return values.toSorted((a, b) => compareBson(a, b) * direction);
}

/** `$firstN` and its kin: `n` values chosen from the input by `choose`. */
function chooseN(name: string, choose: (values: unknown[], n: number) => unknown[]): OperatorDefinition {
  return namedOperator(name, { required: ['input', 'n'] }, ({ input, n }) => {
    const values = arrayArgument(name, 5788200, input);
    const count = integer(`${name}: 'n' must be an integral value`, 5787902, n);
    if (count <= 0) throw new QueryError(5787908, `'n' must be greater than 0, found ${count}`);
    return choose(values, count);
  });
}

const present = (values: unknown[]): unknown[] => values.filter((value) => !isNullish(value));

function sets(name: string, code: number, args: unknown[]): unknown[][] | null {
  if (args.some(isNullish)) return null;
  return args.map((arg) => {
    if (!Array.isArray(arg))
      throw new QueryError(
        code,
        `All operands of ${name} must be arrays. One argument is of type: ${typeName(arg)}`,
      );
    return arg as unknown[];
  });
}

function unique(values: unknown[]): unknown[] {
  const seen = new Set<unknown>();
  return values.filter((value) => {
    const key = hashKey(value);
    return seen.has(key) ? false : Boolean(seen.add(key));
  });
}

const keysOf = (values: unknown[]): Set<unknown> => new Set(values.map(hashKey));

/** Set results come out in BSON order, which is one of the orders MongoDB leaves open. */
const asSet = (values: unknown[]): unknown[] => unique(values).sort(compareBson);

function strictSets(name: string, code: number, args: unknown[]): unknown[][] {
  return args.map((arg) => {
    if (!Array.isArray(arg))
      throw new QueryError(
        code,
        `All operands of ${name} must be arrays. One argument is of type: ${typeName(arg)}`,
      );
    return arg as unknown[];
  });
}

function quantifier(name: string, code: number, holds: (values: unknown[]) => boolean): OperatorDefinition {
  return operator(name, [1, 1], ([array]) => {
    if (!Array.isArray(array))
      throw new QueryError(code, `${name}'s argument must be an array, but is ${typeName(array)}`);
    return holds(array);
  });
}

export const ARRAY_OPERATORS: Record<string, OperatorDefinition> = {
  $arrayElemAt: operator('$arrayElemAt', [2, 2], elementAt),
  $first: endOf('$first', 0),
  $last: endOf('$last', -1),
  $size: operator('$size', [1, 1], ([array]) => {
    if (!Array.isArray(array))
      throw new QueryError(
        17124,
        `The argument to $size must be an array, but was of type: ${typeName(array)}`,
      );
    return new Int32(array.length);
  }),
  $slice: operator('$slice', [2, 3], slice),
  $filter: filter,
  $map: map,
  $reduce: reduce,
  $in: operator('$in', [2, 2], contains),
  $indexOfArray: operator('$indexOfArray', [2, 4], indexOfArray),
  $concatArrays: operator('$concatArrays', [0, Infinity], concatArrays),
  $reverseArray: operator('$reverseArray', [1, 1], ([array]) =>
    isNullish(array) ? null : arrayArgument('$reverseArray', 34435, array).toReversed(),
  ),
  $range: operator('$range', [2, 3], range),
  $zip: namedOperator('$zip', { required: ['inputs'], optional: ['useLongestLength', 'defaults'] }, zip),
  $isArray: operator('$isArray', [1, 1], ([value]) => Array.isArray(value)),
  $sortArray: (operand, compiler) => {
    const args = namedArguments('$sortArray', operand, { required: ['input', 'sortBy'] });
    const input = compiler.compile(args.input);
    return (scope) => sortArray({ input: input(scope), sortBy: args.sortBy });
  },
  $firstN: chooseN('$firstN', (values, n) => values.slice(0, n)),
  $lastN: chooseN('$lastN', (values, n) => values.slice(-n)),
  $minN: chooseN('$minN', (values, n) => present(values).sort(compareBson).slice(0, n)),
  $maxN: chooseN('$maxN', (values, n) =>
    present(values)
      .sort((a, b) => compareBson(b, a))
      .slice(0, n),
  ),
  $setUnion: operator('$setUnion', [0, Infinity], (args) => {
    const all = sets('$setUnion', 17043, args);
    return all && asSet(all.flat(1));
  }),
  $setIntersection: operator('$setIntersection', [0, Infinity], (args) => {
    const all = sets('$setIntersection', 17047, args);
    if (!all) return null;
    const [first = [], ...others] = all;
    const keys = others.map(keysOf);
    return asSet(first.filter((value) => keys.every((set) => set.has(hashKey(value)))));
  }),
  $setDifference: operator('$setDifference', [2, 2], (args) => {
    const all = sets('$setDifference', 17048, args);
    if (!all) return null;
    const excluded = keysOf(all[1]!);
    return unique(all[0]!.filter((value) => !excluded.has(hashKey(value))));
  }),
  $setEquals: operator('$setEquals', [2, Infinity], (args) => {
    const [first, ...others] = strictSets('$setEquals', 17044, args).map(keysOf) as [
      Set<unknown>,
      ...Set<unknown>[],
    ];
    return others.every((other) => other.size === first.size && [...other].every((key) => first.has(key)));
  }),
  $setIsSubset: operator('$setIsSubset', [2, 2], (args) => {
    const [part, whole] = strictSets('$setIsSubset', 17046, args).map(keysOf) as [Set<unknown>, Set<unknown>];
    return [...part].every((key) => whole.has(key));
  }),
  $anyElementTrue: quantifier('$anyElementTrue', 17041, (values) => values.some(isTruthy)),
  $allElementsTrue: quantifier('$allElementsTrue', 17040, (values) => values.every(isTruthy)),
};
