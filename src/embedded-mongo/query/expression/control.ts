import { QueryError, badValue, failedToParse } from '../errors';
import { Int32, isDocument, isNullish } from '../bson-types';
import {
  childScope,
  compareValues,
  isTruthy,
  operator,
  wrongArity,
  type Compiler,
  type Evaluator,
  type OperatorDefinition,
} from './core';

const comparison = (name: string, accepts: (order: number) => unknown): OperatorDefinition =>
  operator(name, [2, 2], ([a, b]) => accepts(compareValues(a, b)));

function compileAll(operand: unknown, compiler: Compiler): Evaluator[] {
  return (Array.isArray(operand) ? operand : [operand]).map((arg) => compiler.compile(arg));
}

function conditional(operand: unknown, compiler: Compiler): Evaluator {
  const parts = Array.isArray(operand) ? operand : conditionalParts(operand);
  if (parts.length !== 3) throw wrongArity('$cond', [3, 3], parts.length);
  const [test, yes, no] = parts.map((part) => compiler.compile(part)) as [Evaluator, Evaluator, Evaluator];
  return (scope) => (isTruthy(test(scope)) ? yes(scope) : no(scope));
}

function conditionalParts(operand: unknown): unknown[] {
  if (!isDocument(operand)) throw wrongArity('$cond', [3, 3], 1);
  for (const key of Object.keys(operand)) {
    if (!['if', 'then', 'else'].includes(key))
      throw new QueryError(17083, `Unrecognized parameter to $cond: ${key}`);
  }
  const codes = { if: 17080, then: 17081, else: 17082 };
  return Object.entries(codes).map(([key, code]) => {
    if (!(key in operand)) throw new QueryError(code, `Missing '${key}' parameter to $cond`);
    return operand[key] as unknown;
  });
}

function switchCase(operand: unknown, compiler: Compiler): Evaluator {
  if (!isDocument(operand)) throw new QueryError(40060, '$switch requires an object as an argument');
  for (const key of Object.keys(operand)) {
    if (key !== 'branches' && key !== 'default')
      throw new QueryError(40067, `$switch found an unknown argument: ${key}`);
  }
  const { branches } = operand as { branches?: unknown };
  if (!Array.isArray(branches)) throw new QueryError(40061, "$switch expected an array for 'branches'");
  if (branches.length === 0) throw new QueryError(40068, '$switch requires at least one branch.');
  const compiled = branches.map((branch: unknown) => {
    if (!isDocument(branch)) throw new QueryError(40062, '$switch expected each branch to be an object');
    if (!('case' in branch))
      throw new QueryError(40064, "$switch requires each branch have a 'case' expression");
    if (!('then' in branch))
      throw new QueryError(40065, "$switch requires each branch have a 'then' expression.");
    return { test: compiler.compile(branch.case), then: compiler.compile(branch.then) };
  });
  const fallback = 'default' in operand ? compiler.compile(operand.default) : undefined;
  return (scope) => {
    for (const { test, then } of compiled) if (isTruthy(test(scope))) return then(scope);
    if (fallback) return fallback(scope);
    throw new QueryError(
      40066,
      '$switch could not find a matching branch for an input, and no default was specified.',
    );
  };
}

function letVariables(operand: unknown, compiler: Compiler): Evaluator {
  if (!isDocument(operand)) throw new QueryError(16874, '$let only supports an object as its argument');
  for (const key of Object.keys(operand)) {
    if (key !== 'vars' && key !== 'in') throw new QueryError(16875, `Unrecognized parameter to $let: ${key}`);
  }
  if (!('vars' in operand)) throw new QueryError(16876, "Missing 'vars' parameter to $let");
  if (!('in' in operand)) throw new QueryError(16877, "Missing 'in' parameter to $let");
  const vars = operand.vars as unknown;
  if (!isDocument(vars)) throw new QueryError(10065, 'invalid parameter: expected an object (vars)');
  const bindings = Object.entries(vars).map(([name, value]) => {
    checkVariableName(name);
    return [name, compiler.compile(value)] as const;
  });
  const body = compiler.with(Object.keys(vars)).compile(operand.in);
  return (scope) => {
    const inner = childScope(scope);
    for (const [name, evaluate] of bindings) {
      if (name === 'CURRENT') inner.current = evaluate(scope);
      else inner.variables[name] = evaluate(scope);
    }
    return body(inner);
  };
}

/** User variables start with a lower-case letter; CURRENT alone may be rebound. */
export function checkVariableName(name: string): void {
  if (name === '') throw new QueryError(16866, 'empty variable names are not allowed');
  if (name !== 'CURRENT' && !/^[a-z\u0080-\uffff]/.test(name)) {
    throw failedToParse(`'${name}' starts with an invalid character for a user variable name`);
  }
  if (!/^[\w\u0080-\uffff]+$/.test(name)) {
    throw failedToParse(`'${name}' contains an invalid character for a variable name`);
  }
}

export const CONTROL_OPERATORS: Record<string, OperatorDefinition> = {
  $eq: comparison('$eq', (order) => order === 0),
  $ne: comparison('$ne', (order) => order !== 0),
  $gt: comparison('$gt', (order) => order > 0),
  $gte: comparison('$gte', (order) => order >= 0),
  $lt: comparison('$lt', (order) => order < 0),
  $lte: comparison('$lte', (order) => order <= 0),
  $cmp: comparison('$cmp', (order) => new Int32(order)),
  $and: (operand, compiler) => {
    const args = compileAll(operand, compiler);
    return (scope) => args.every((arg) => isTruthy(arg(scope)));
  },
  $or: (operand, compiler) => {
    const args = compileAll(operand, compiler);
    return (scope) => args.some((arg) => isTruthy(arg(scope)));
  },
  $not: operator('$not', [1, 1], ([value]) => !isTruthy(value)),
  $cond: conditional,
  $ifNull: (operand, compiler) => {
    const args = compileAll(operand, compiler);
    if (args.length < 2)
      throw new QueryError(1257300, `$ifNull needs at least two arguments, had: ${args.length}`);
    return (scope) => {
      let value: unknown;
      for (const arg of args) {
        value = arg(scope);
        if (!isNullish(value)) return value;
      }
      return value;
    };
  },
  $switch: switchCase,
  $let: letVariables,
  $literal: (operand) => () => operand,
  $expr: (operand, compiler) => compiler.compile(operand),
  $rand: (operand) => {
    if (!isDocument(operand) && !Array.isArray(operand)) throw badValue('$rand does not take arguments');
    if (Object.keys(operand).length > 0)
      throw new QueryError(3040501, '$rand does not currently accept arguments');
    return () => Math.random();
  },
};
