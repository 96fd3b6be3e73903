import type { Document } from 'bson';
import { QueryError, failedToParse } from '../errors';
import { TYPE_NAMES, bsonType, getField, isDocument, isNullish } from '../bson-types';
import { Rank, compareBson, rankOf } from '../compare';
import { isNumeric, toDouble } from '../numbers';

/** What an expression is evaluated against. `current` is `$$CURRENT`, which `$redact` moves into sub-documents. */
export interface Scope {
  root: unknown;
  current: unknown;
  now: Date;
  variables: Record<string, unknown>;
}

/** A compiled expression; `undefined` is MongoDB's "missing". */
export type Evaluator = (scope: Scope) => unknown;

/** Compiles nested expressions; `with` adds the variables an operator binds for them. */
export interface Compiler {
  compile(expression: unknown): Evaluator;
  with(names: string[]): Compiler;
}

/** Compiles one operator from its operand. */
export type OperatorDefinition = (operand: unknown, compiler: Compiler) => Evaluator;

export function scopeFor(doc: unknown, now: Date, variables: Record<string, unknown> = {}): Scope {
  return { root: doc, current: doc, now, variables };
}

/** A scope an operator may write its own variables into without the outer one seeing them. */
export const childScope = (scope: Scope): Scope => ({ ...scope, variables: { ...scope.variables } });

export const typeName = (value: unknown): string =>
  value === undefined ? 'missing' : (TYPE_NAMES[bsonType(value)] ?? 'object');

/** False, null, missing and zero are false; everything else, the empty string too, is true. */
export function isTruthy(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (isNullish(value)) return false;
  return !isNumeric(value) || toDouble(value) !== 0;
}

/** `compareBson` with the aggregation rule that missing is below null (and equal only to missing). */
export function compareValues(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) {
    if (a === b) return 0;
    const other = a === undefined ? b : a;
    const order = rankOf(other) === Rank.minKey ? 1 : -1;
    return a === undefined ? order : -order;
  }
  return compareBson(a, b);
}

/** Reads a field path as expressions do: documents in arrays are mapped, positions are not understood. */
export function readPath(value: unknown, parts: string[], from: number): unknown {
  let at = value;
  for (let i = from; i < parts.length; i += 1) {
    if (Array.isArray(at)) {
      const mapped: unknown[] = [];
      for (const element of at) {
        const inner = isDocument(element) || Array.isArray(element) ? readPath(element, parts, i) : undefined;
        if (inner !== undefined) mapped.push(inner);
      }
      return mapped;
    }
    if (!isDocument(at)) return undefined;
    at = getField(at, parts[i]!);
  }
  return at;
}

/** Splits a field path, refusing what MongoDB refuses. */
export function parsePath(path: string): string[] {
  if (path === '') throw new QueryError(40352, 'FieldPath cannot be constructed with empty string');
  if (path.endsWith('.')) throw new QueryError(40353, "FieldPath must not end with a '.'.");
  const parts = path.split('.');
  for (const part of parts) {
    if (part === '') throw new QueryError(15998, 'FieldPath field names may not be empty strings.');
    if (part.startsWith('$')) {
      throw new QueryError(
        16410,
        `FieldPath field names may not start with '$'. Consider using $getField or $setField.`,
      );
    }
    if (part.includes('\0')) throw new QueryError(16411, 'FieldPath field names may not contain null bytes.');
  }
  return parts;
}

/** An operator of `min`..`max` arguments (an array, or one argument bare) evaluated before `apply` sees them. */
export function operator(
  name: string,
  [min, max]: [number, number],
  apply: (args: unknown[], scope: Scope) => unknown,
): OperatorDefinition {
  return (operand, compiler) => {
    const args = (Array.isArray(operand) ? operand : [operand]).map((arg) => compiler.compile(arg));
    if (args.length < min || args.length > max) throw wrongArity(name, [min, max], args.length);
    if (args.length === 1) {
      const [only] = args as [Evaluator];
      return (scope) => apply([only(scope)], scope);
    }
    return (scope) =>
      apply(
        args.map((arg) => arg(scope)),
        scope,
      );
  };
}

export function wrongArity(name: string, [min, max]: [number, number], given: number): QueryError {
  if (min === max) {
    return new QueryError(
      16020,
      `Expression ${name} takes exactly ${min} arguments. ${given} were passed in.`,
    );
  }
  const range =
    max === Infinity ? `at least ${min} arguments` : `at least ${min} arguments, and at most ${max}`;
  return new QueryError(28667, `Expression ${name} takes ${range}, but ${given} were passed in.`);
}

/** An operator whose operand is a document of named arguments; unknown and missing names are refused. */
export function namedOperator(
  name: string,
  { required, optional = [] }: { required: string[]; optional?: string[] },
  apply: (args: Record<string, unknown>, scope: Scope) => unknown,
): OperatorDefinition {
  return (operand, compiler) => {
    const given = namedArguments(name, operand, { required, optional });
    const evaluators = Object.entries(given).map(([key, value]) => [key, compiler.compile(value)] as const);
    return (scope) => {
      const args: Record<string, unknown> = {};
      for (const [key, evaluate] of evaluators) args[key] = evaluate(scope);
      return apply(args, scope);
    };
  };
}

export function namedArguments(
  name: string,
  operand: unknown,
  { required, optional = [] }: { required: string[]; optional?: string[] },
): Document {
  if (!isDocument(operand)) throw failedToParse(`${name} only supports an object as its argument`);
  for (const key of Object.keys(operand)) {
    if (!required.includes(key) && !optional.includes(key))
      throw failedToParse(`${name} found an unknown argument: ${key}`);
  }
  for (const key of required) {
    if (!(key in operand)) throw failedToParse(`Missing '${key}' parameter to ${name}`);
  }
  return operand;
}
