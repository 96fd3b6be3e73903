import type { Document } from 'bson';
import { badValue, notSupported } from './errors';
import { BsonType, bsonType, isDocument } from './bson-types';
import { compileExpression, isTruthy, scopeFor } from './expression';
import { compileCondition, equals, isOperatorDocument, matchesRegex, type Matcher } from './filter-operators';
import { compileJsonSchema } from './json-schema';

/** What a filter may refer to besides the document: the variables of an enclosing `$lookup` or command. */
export interface FilterContext {
  variables?: Record<string, unknown>;
  now?: Date;
}

function conjunction(matchers: Matcher[]): Matcher {
  if (matchers.length === 0) return () => true;
  if (matchers.length === 1) return matchers[0]!;
  if (matchers.length === 2) {
    const [first, second] = matchers as [Matcher, Matcher];
    return (doc) => first(doc) && second(doc);
  }
  return (doc) => {
    for (const match of matchers) if (!match(doc)) return false;
    return true;
  };
}

function clauses(name: string, operand: unknown, context: FilterContext): Matcher[] {
  if (!Array.isArray(operand)) throw badValue(`${name} must be an array`);
  if (operand.length === 0) throw badValue('$and/$or/$nor must be a nonempty array');
  return operand.map((clause) => {
    if (!isDocument(clause)) throw badValue('$or/$and/$nor entries need to be full objects');
    return compileWith(clause, context);
  });
}

function expressionMatcher(operand: unknown, context: FilterContext): Matcher {
  const evaluate = compileExpression(operand, Object.keys(context.variables ?? {}));
  const now = context.now ?? new Date();
  return (doc) => isTruthy(evaluate(scopeFor(doc, now, context.variables)));
}

function compileTopLevel(name: string, operand: unknown, context: FilterContext): Matcher | undefined {
  switch (name) {
    case '$and':
      return conjunction(clauses(name, operand, context));
    case '$or': {
      const matchers = clauses(name, operand, context);
      return (doc) => matchers.some((match) => match(doc));
    }
    case '$nor': {
      const matchers = clauses(name, operand, context);
      return (doc) => !matchers.some((match) => match(doc));
    }
    case '$expr':
      return expressionMatcher(operand, context);
    case '$jsonSchema':
      return compileJsonSchema(operand);
    case '$comment':
      return undefined;
    case '$where':
    case '$text':
    case '$near':
    case '$geoNear':
      throw notSupported(`The query operator ${name}`);
    default:
      throw badValue(
        `unknown top level operator: ${name}. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.`,
      );
  }
}

/** Compiles the condition on one field: a regex, an operator document, or a value to equal. */
function compileField(path: string, operand: unknown, context: FilterContext): Matcher {
  if (bsonType(operand) === BsonType.regex) return matchesRegex(operand).forPath(path);
  if (!isOperatorDocument(operand)) return equals(operand).forPath(path);
  return compileCondition(operand, (filter) => compileWith(filter, context)).forPath(path);
}

/** `compileFilter` inside a pipeline, where `$expr` may use variables. */
export function compileWith(filter: Document, context: FilterContext): Matcher {
  if (!isDocument(filter)) throw badValue('a filter must be a document');
  const matchers: Matcher[] = [];
  for (const [name, operand] of Object.entries(filter)) {
    const matcher = name.startsWith('$')
      ? compileTopLevel(name, operand, context)
      : compileField(name, operand, context);
    if (matcher !== undefined) matchers.push(matcher);
  }
  return conjunction(matchers);
}

/**
 * Compiles a MongoDB filter once; the closure re-reads nothing of it.
 * @throws QueryError 2 BadValue for an unknown operator or operand, 9 FailedToParse, 115 for `$where`, `$text` and
 *   geospatial operators, 168 for an unknown `$expr` operator
 */
export function compileFilter(filter: Document): Matcher {
  return compileWith(filter, {});
}
