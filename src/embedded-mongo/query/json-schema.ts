import type { Document } from 'bson';
import { QueryError, failedToParse } from './errors';
import { bsonType, getField, isDocument } from './bson-types';
import { compareBson } from './compare';
import { typeNumbers, type Predicate } from './filter-operators';
import { hashKey } from './key';
import { isNumeric, toDouble } from './numbers';
import { compileRegex } from './regex';

/** JSON Schema type names (draft 4, without "integer", as in MongoDB) by BSON type alias. */
const JSON_TYPES: Record<string, string> = {
  object: 'object',
  array: 'array',
  number: 'number',
  boolean: 'bool',
  string: 'string',
  null: 'null',
};

type Keyword = (operand: unknown, schema: Document) => Predicate;

const mistyped = (keyword: string, expected: string): QueryError =>
  new QueryError(14, `$jsonSchema keyword '${keyword}' must be ${expected}`);

function count(keyword: string, operand: unknown): number {
  if (!isNumeric(operand) || !Number.isInteger(toDouble(operand)) || toDouble(operand) < 0) {
    throw mistyped(keyword, 'a non-negative integer');
  }
  return toDouble(operand);
}

function strings(keyword: string, operand: unknown): string[] {
  if (!Array.isArray(operand) || operand.length === 0 || !operand.every((name) => typeof name === 'string')) {
    throw mistyped(keyword, 'a non-empty array of strings');
  }
  return operand;
}

function schemas(keyword: string, operand: unknown): Predicate[] {
  if (!Array.isArray(operand) || operand.length === 0)
    throw mistyped(keyword, 'a non-empty array of schemas');
  return operand.map(compileSchema);
}

function schemaMap(keyword: string, operand: unknown): [string, Predicate][] {
  if (!isDocument(operand)) throw mistyped(keyword, 'an object');
  return Object.entries(operand).map(([name, schema]) => [name, compileSchema(schema)]);
}

const ofType = (operand: unknown): Predicate => {
  const types = typeNumbers(operand);
  return (value) => types.has(bsonType(value));
};

/** A keyword that only constrains values of one kind and lets the rest pass. */
const forNumbers =
  (test: (value: unknown) => boolean): Predicate =>
  (value) =>
    !isNumeric(value) || test(value);
const forStrings =
  (test: (value: string) => boolean): Predicate =>
  (value) =>
    typeof value !== 'string' || test(value);
const forArrays =
  (test: (value: unknown[]) => boolean): Predicate =>
  (value) =>
    !Array.isArray(value) || test(value);
const forObjects =
  (test: (value: Document) => boolean): Predicate =>
  (value) =>
    !isDocument(value) || test(value);

function bound(keyword: string, sign: 1 | -1): Keyword {
  const strictKeyword = keyword === 'minimum' ? 'exclusiveMinimum' : 'exclusiveMaximum';
  return (operand, schema) => {
    if (!isNumeric(operand)) throw mistyped(keyword, 'a number');
    const strict = schema[strictKeyword] === true;
    return forNumbers((value) => {
      const order = compareBson(value, operand) * sign;
      return strict ? order > 0 : order >= 0;
    });
  };
}

function items(operand: unknown, schema: Document): Predicate {
  if (!Array.isArray(operand)) {
    const test = compileSchema(operand);
    return forArrays((values) => values.every(test));
  }
  const tests = operand.map(compileSchema);
  const { additionalItems } = schema as { additionalItems?: unknown };
  const rest =
    additionalItems === false
      ? () => false
      : isDocument(additionalItems)
        ? compileSchema(additionalItems)
        : () => true;
  return forArrays((values) => values.every((value, i) => (tests[i] ?? rest)(value)));
}

function additionalProperties(operand: unknown, schema: Document): Predicate {
  const named = new Set(Object.keys((schema.properties as Document | undefined) ?? {}));
  const patterns = Object.keys((schema.patternProperties as Document | undefined) ?? {}).map((source) =>
    compileRegex(source, ''),
  );
  const test = typeof operand === 'boolean' ? () => operand : compileSchema(operand);
  return forObjects((doc) =>
    Object.keys(doc).every(
      (key) => named.has(key) || patterns.some((regex) => regex.test(key)) || test(getField(doc, key)),
    ),
  );
}

function dependencies(operand: unknown): Predicate {
  if (!isDocument(operand)) throw mistyped('dependencies', 'an object');
  const entries = Object.entries(operand).map(([name, needed]) => {
    const test: Predicate = Array.isArray(needed) ? KEYWORDS.required!(needed, {}) : compileSchema(needed);
    return [name, test] as const;
  });
  return forObjects((doc) => entries.every(([name, test]) => getField(doc, name) === undefined || test(doc)));
}

const noConstraint: Keyword = () => () => true;

const KEYWORDS: Record<string, Keyword> = {
  bsonType: ofType,
  type: (operand) => {
    const names = (Array.isArray(operand) ? operand : [operand]) as unknown[];
    return ofType(
      names.map((name) => {
        const alias =
          typeof name === 'string' && Object.hasOwn(JSON_TYPES, name) ? JSON_TYPES[name] : undefined;
        if (alias === undefined)
          throw failedToParse(`$jsonSchema type '${String(name)}' is not currently supported.`);
        return alias;
      }),
    );
  },
  required: (operand) => {
    const names = strings('required', operand);
    return forObjects((doc) => names.every((name) => getField(doc, name) !== undefined));
  },
  properties: (operand) => {
    const tests = schemaMap('properties', operand);
    return forObjects((doc) =>
      tests.every(([name, test]) => getField(doc, name) === undefined || test(getField(doc, name))),
    );
  },
  patternProperties: (operand) => {
    const tests = schemaMap('patternProperties', operand).map(
      ([source, test]) => [compileRegex(source, ''), test] as const,
    );
    return forObjects((doc) =>
      Object.keys(doc).every((key) =>
        tests.every(([regex, test]) => !regex.test(key) || test(getField(doc, key))),
      ),
    );
  },
  additionalProperties,
  dependencies,
  minProperties: (operand) => {
    const least = count('minProperties', operand);
    return forObjects((doc) => Object.keys(doc).length >= least);
  },
  maxProperties: (operand) => {
    const most = count('maxProperties', operand);
    return forObjects((doc) => Object.keys(doc).length <= most);
  },
  enum: (operand) => {
    if (!Array.isArray(operand) || operand.length === 0) throw mistyped('enum', 'a non-empty array');
    const keys = new Set(operand.map(hashKey));
    return (value) => keys.has(hashKey(value));
  },
  minimum: bound('minimum', 1),
  maximum: bound('maximum', -1),
  exclusiveMinimum: noConstraint,
  exclusiveMaximum: noConstraint,
  multipleOf: (operand) => {
    if (!isNumeric(operand) || toDouble(operand) <= 0) throw mistyped('multipleOf', 'a positive number');
    return forNumbers((value) => Number.isInteger(toDouble(value) / toDouble(operand)));
  },
  minLength: (operand) => {
    const least = count('minLength', operand);
    return forStrings((value) => Array.from(value).length >= least);
  },
  maxLength: (operand) => {
    const most = count('maxLength', operand);
    return forStrings((value) => Array.from(value).length <= most);
  },
  pattern: (operand) => {
    if (typeof operand !== 'string') throw mistyped('pattern', 'a string');
    const regex = compileRegex(operand, '');
    return forStrings((value) => regex.test(value));
  },
  items,
  additionalItems: noConstraint,
  minItems: (operand) => {
    const least = count('minItems', operand);
    return forArrays((values) => values.length >= least);
  },
  maxItems: (operand) => {
    const most = count('maxItems', operand);
    return forArrays((values) => values.length <= most);
  },
  uniqueItems: (operand) =>
    operand === true
      ? forArrays((values) => new Set(values.map(hashKey)).size === values.length)
      : () => true,
  allOf: (operand) => {
    const tests = schemas('allOf', operand);
    return (value) => tests.every((test) => test(value));
  },
  anyOf: (operand) => {
    const tests = schemas('anyOf', operand);
    return (value) => tests.some((test) => test(value));
  },
  oneOf: (operand) => {
    const tests = schemas('oneOf', operand);
    return (value) => tests.filter((test) => test(value)).length === 1;
  },
  not: (operand) => {
    const test = compileSchema(operand);
    return (value) => !test(value);
  },
  title: noConstraint,
  description: noConstraint,
};

function compileSchema(schema: unknown): Predicate {
  if (!isDocument(schema)) throw new QueryError(14, '$jsonSchema must be an object');
  const tests = Object.entries(schema).map(([keyword, operand]) => {
    const compile = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
    if (!compile) throw failedToParse(`Unknown $jsonSchema keyword: ${keyword}`);
    return compile(operand, schema);
  });
  return (value) => tests.every((test) => test(value));
}

/**
 * Compiles a `$jsonSchema`: JSON Schema draft 4 with `bsonType`, as MongoDB reads it.
 * @throws QueryError 9 for a keyword MongoDB does not know, 14 for an operand of the wrong type
 */
export function compileJsonSchema(schema: unknown): (doc: Document) => boolean {
  return compileSchema(schema);
}
