import type { Document } from 'bson';
import { QueryError, notSupported } from '../errors';
import { isDocument, setField } from '../bson-types';
import { ACCUMULATOR_EXPRESSIONS } from './accumulators';
import { ARITHMETIC_OPERATORS } from './arithmetic';
import { ARRAY_OPERATORS } from './arrays';
import { CONTROL_OPERATORS } from './control';
import { parsePath, readPath, type Compiler, type Evaluator, type OperatorDefinition } from './core';
import { CONVERSION_OPERATORS } from './conversions';
import { DATE_OPERATORS } from './dates';
import { OBJECT_OPERATORS } from './objects';
import { STRING_OPERATORS } from './strings';

export { compareValues, isTruthy, parsePath, readPath, scopeFor, typeName } from './core';
export { checkVariableName } from './control';
export { compileAccumulator, type Accumulator, type CompiledAccumulator } from './accumulators';
export type { Compiler, Evaluator, Scope } from './core';

const OPERATORS: Record<string, OperatorDefinition> = {
  ...ACCUMULATOR_EXPRESSIONS,
  ...ARITHMETIC_OPERATORS,
  ...ARRAY_OPERATORS,
  ...CONTROL_OPERATORS,
  ...CONVERSION_OPERATORS,
  ...DATE_OPERATORS,
  ...OBJECT_OPERATORS,
  ...STRING_OPERATORS,
};

const UNSUPPORTED = new Set(['$function', '$accumulator', '$meta', '$toHashedIndexKey', '$encStrContains']);

/** `$$REMOVE` is missing on purpose; the `$redact` decisions are strings only that stage reads. */
const SYSTEM_VARIABLES = new Set(['ROOT', 'CURRENT', 'NOW', 'REMOVE', 'DESCEND', 'PRUNE', 'KEEP']);

function compileVariable(path: string, known: ReadonlySet<string>): Evaluator {
  const [name, ...rest] = path.split('.') as [string, ...string[]];
  const parts = rest.length > 0 ? parsePath(rest.join('.')) : [];
  if (!known.has(name)) {
    if (name === '') throw new QueryError(16868, "'$$' by itself is not a valid variable reference");
    if (!SYSTEM_VARIABLES.has(name)) throw new QueryError(17276, `Use of undefined variable: ${name}`);
    switch (name) {
      case 'ROOT':
        return (scope) => readPath(scope.root, parts, 0);
      case 'CURRENT':
        return (scope) => readPath(scope.current, parts, 0);
      case 'NOW':
        return (scope) => readPath(scope.now, parts, 0);
      case 'REMOVE':
        return () => undefined;
      default:
        return () => `$$${name}`;
    }
  }
  return parts.length === 0
    ? (scope) => scope.variables[name]
    : (scope) => readPath(scope.variables[name], parts, 0);
}

function compileString(text: string, known: ReadonlySet<string>): Evaluator {
  if (!text.startsWith('$')) return () => text;
  if (text === '$') throw new QueryError(16872, "'$' by itself is not a valid FieldPath");
  if (text.startsWith('$$')) return compileVariable(text.slice(2), known);
  const parts = parsePath(text.slice(1));
  return (scope) => readPath(scope.current, parts, 0);
}

function compileOperator(name: string, operand: unknown, compiler: Compiler): Evaluator {
  if (UNSUPPORTED.has(name)) throw notSupported(`The expression ${name}`);
  const definition = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (definition === undefined) throw new QueryError(168, `Unrecognized expression '${name}'`);
  return definition(operand, compiler);
}

function compileObject(expression: Document, compiler: Compiler): Evaluator {
  const keys = Object.keys(expression);
  const operatorName = keys.find((key) => key.startsWith('$'));
  if (operatorName !== undefined) {
    if (keys.length > 1) {
      throw new QueryError(
        15983,
        `an object representing an expression must have exactly one field: { ${keys.join(', ')} }`,
      );
    }
    return compileOperator(operatorName, expression[operatorName], compiler);
  }
  const fields = keys.map((key) => {
    if (key.includes('.')) throw new QueryError(16405, `FieldPath field names may not contain '.': ${key}`);
    return [key, compiler.compile(expression[key])] as const;
  });
  return (scope) => {
    const result: Document = {};
    for (const [key, evaluate] of fields) {
      const value = evaluate(scope);
      if (value !== undefined) setField(result, key, value);
    }
    return result;
  };
}

class ExpressionCompiler implements Compiler {
  constructor(private readonly known: ReadonlySet<string>) {}

  with(names: string[]): Compiler {
    return new ExpressionCompiler(new Set([...this.known, ...names.filter((name) => name !== 'CURRENT')]));
  }

  compile(expression: unknown): Evaluator {
    if (typeof expression === 'string') return compileString(expression, this.known);
    if (Array.isArray(expression)) {
      const elements = expression.map((element) => this.compile(element));
      return (scope) => elements.map((evaluate) => evaluate(scope) ?? null);
    }
    if (isDocument(expression)) return compileObject(expression, this);
    return () => expression;
  }
}

/** Whether an operator name means something here, be it only a clear refusal. */
export const isExpressionOperator = (name: string): boolean =>
  Object.hasOwn(OPERATORS, name) || UNSUPPORTED.has(name);

/** A compiler that knows the given variables, for operators that compile several expressions. */
export const compilerFor = (variables: Iterable<string> = []): Compiler =>
  new ExpressionCompiler(new Set(variables));

/**
 * Compiles an aggregation expression.
 * @param variables names of user variables (without `$$`) the scope will hold
 * @throws QueryError 168 for an unknown operator, 17276 for an undefined variable, MongoDB's own codes for bad operands
 */
export function compileExpression(expression: unknown, variables: Iterable<string> = []): Evaluator {
  return compilerFor(variables).compile(expression);
}
