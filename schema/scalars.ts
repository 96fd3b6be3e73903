import { GraphQLError, Kind, type ValueNode } from 'graphql';
import {
  checkJson,
  clientNumber,
  exactField,
  exactNumbers,
  JsonProblem,
  keyWithNul,
  MAX_JSON_DEPTH,
  numberProblem,
  setOwn,
} from '../src/json';
import type { JsonValue } from '../src/ports/records';
import { builder } from './builder';

builder.scalarType('DateTime', {
  description: 'An instant as ISO 8601 in UTC with milliseconds: `2026-05-04T09:30:00.000Z`.',
  serialize: (value) => (value instanceof Date ? value : new Date(value as string)).toISOString(),
  parseValue: (value) => {
    const date = typeof value === 'string' ? new Date(value) : new Date(Number.NaN);
    if (Number.isNaN(date.getTime())) throw new GraphQLError('DateTime must be an ISO 8601 string.');
    return date;
  },
});

builder.scalarType('JSON', {
  description:
    'Free-form JSON: any value, passed on untouched. Numbers are exact, whatever their size, up to 1.8e308 (integers ' +
    'beyond 2^53 come back as they were sent; read answers with a parser that keeps them). Refused as `validation_failed` ' +
    `with the path: numbers beyond that, the same key twice in one object, more than ${MAX_JSON_DEPTH} levels. No key may ` +
    'hold the character U+0000.',
  serialize: (value) => value,
  parseValue: (value) => accept(value as JsonValue),
  parseLiteral: (node, variables) => accept(orRefuse(() => whole(node, variables ?? {}))),
});

function accept(value: JsonValue): JsonValue {
  orRefuse(() => checkJson(value));
  const place = keyWithNul(value);
  if (place !== undefined)
    throw new GraphQLError(
      `JSON cannot have a key with the character U+0000, as ${place === '' ? 'the value' : place} has.`,
    );
  return exactNumbers(value);
}

function orRefuse<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    const { path, reason, message } = error;
    throw new GraphQLError(message, {
      extensions: { code: 'validation_failed', status: 422, errors: [{ path, message: reason }] },
    });
  }
}

type Path = (string | number)[];

/** A value written in the document, its numbers by their text. */
function whole(node: ValueNode, variables: Record<string, unknown>): JsonValue {
  const top: Record<string, JsonValue> = {};
  top[''] = literal(node, { variables, holder: top, path: [] });
  return exactField(top, '') as JsonValue;
}

/** @param place where the value goes: the object or list, and the way to it */
function literal(
  node: ValueNode,
  place: { variables: Record<string, unknown>; holder: object; path: Path },
): JsonValue {
  const { variables, holder, path } = place;
  if (path.length > MAX_JSON_DEPTH)
    throw new JsonProblem('', `must not be nested deeper than ${MAX_JSON_DEPTH} levels`, 'shape');
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.INT:
    case Kind.FLOAT:
      return literalNumber(node.value, holder, path);
    case Kind.LIST: {
      const list: JsonValue[] = [];
      for (const [index, item] of node.values.entries())
        list.push(literal(item, { variables, holder: list, path: [...path, index] }));
      return list;
    }
    case Kind.OBJECT: {
      const object: Record<string, JsonValue> = {};
      for (const { name, value } of node.fields) {
        const inner = [...path, name.value];
        if (Object.hasOwn(object, name.value))
          throw new JsonProblem(inner.join('.'), 'is given twice in one object', 'keys');
        setOwn(object, name.value, literal(value, { variables, holder: object, path: inner }));
      }
      return object;
    }
    case Kind.VARIABLE:
      return (variables[node.name.value] ?? null) as JsonValue;
    default:
      return node.value;
  }
}

function literalNumber(text: string, holder: object, path: Path): JsonValue {
  const problem = numberProblem(text);
  if (problem !== undefined) throw new JsonProblem(path.join('.'), problem, 'number');
  return clientNumber(text, holder, path.at(-1) ?? '');
}
