import type { FieldError } from '../errors';

type Schema = Record<string, unknown>;

/** Objects and lists of a schema; ten times what providers of structured output take in practice. */
const MOST_NODES = 2_000;
/** Keys and values of any kind, options of an `enum` included. */
const MOST_VALUES = 20_000;
/** Nodes after every reference was put in place; one that refers to itself is unfolded once. */
const MOST_UNFOLDED = 20_000;
/** Levels of the text; validators compile level by level, on the stack. */
const MOST_LEVELS = 64;
/** A chain of references is as deep as nesting is. */
const MOST_REFERENCES_IN_A_ROW = 64;
const PATTERN_CHARACTERS = 1_000;
/** Least sizes that a value must have: a model would have to write all of it. */
const LEAST_SIZES: Record<string, number> = {
  minItems: 10_000,
  minContains: 10_000,
  minProperties: 10_000,
  minLength: 1_000_000,
};

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const ONE = [
  'additionalProperties',
  'additionalItems',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
] as const;
const LIST = ['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems'] as const;
const BY_NAME = ['dependencies', 'dependentSchemas', 'patternProperties', 'properties'] as const;
/** Applied to the same value as the schema they stand in. */
const IN_PLACE = new Set([
  'allOf',
  'anyOf',
  'else',
  'if',
  'not',
  'oneOf',
  'then',
  'dependencies',
  'dependentSchemas',
]);

export const isSchemaObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One schema within another: the keyword it stands under, and its place as `properties.city`. */
export interface SubSchema {
  schema: unknown;
  keyword: string;
  place: string;
}

/** The schemas directly within one, definitions aside: they count where something refers to them. */
export function* subSchemas(schema: Schema): Generator<SubSchema> {
  for (const keyword of ONE)
    if (isSchemaObject(schema[keyword])) yield { schema: schema[keyword], keyword, place: keyword };
  for (const keyword of LIST) {
    const list = schema[keyword];
    if (!Array.isArray(list)) continue;
    for (const [index, item] of list.entries()) yield { schema: item, keyword, place: `${keyword}.${index}` };
  }
  for (const keyword of BY_NAME) {
    const named = schema[keyword];
    if (!isSchemaObject(named)) continue;
    for (const [name, item] of Object.entries(named))
      yield { schema: item, keyword, place: `${keyword}.${name}` };
  }
}

/** What a reference within the document (`#/$defs/name`, `#`) points to; undefined for any other, and where nothing is. */
export function referred(root: Schema, reference: unknown): unknown {
  if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) return undefined;
  let at: unknown = root;
  for (const step of reference.slice(1).split('/').slice(1)) {
    const key = unescaped(step);
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Schema)[key];
  }
  return at;
}

function unescaped(step: string): string {
  const text = step.includes('%') ? decoded(step) : step;
  return text.replaceAll('~1', '/').replaceAll('~0', '~');
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch (error) {
    // A percent sign that begins no escape is itself.
    if (error instanceof URIError) return step;
    throw error;
  }
}

/**
 * What is wrong with a schema from outside as far as its size is concerned; to be asked before anything compiles, fills or
 * follows it. Time and memory are linear in the schema's text.
 * @param path the field that it came in, as errors name it
 * @returns undefined when the schema is small enough for every use that is made of schemas here
 */
export function schemaExcess(schema: unknown, path: string): FieldError | undefined {
  if (!isSchemaObject(schema)) return undefined;
  return textExcess(schema, path) ?? unfoldingExcess(schema, path);
}

/** Size and depth of the text, and sizes that it asks for. */
function textExcess(root: Schema, path: string): FieldError | undefined {
  let nodes = 0;
  let values = 0;
  const stack: { value: object; level: number; place: string }[] = [{ value: root, level: 1, place: path }];
  for (let at = stack.pop(); at; at = stack.pop()) {
    const { value, level, place } = at;
    nodes += 1;
    if (level > MOST_LEVELS) return { path, message: `must not be nested deeper than ${MOST_LEVELS} levels` };
    const entries = Object.entries(value);
    values += entries.length;
    if (nodes > MOST_NODES || values > MOST_VALUES)
      return {
        path,
        message: `must have at most ${MOST_NODES} objects and lists, and at most ${MOST_VALUES} values; split or simplify the schema`,
      };
    for (const [key, item] of entries) {
      if (typeof item === 'object' && item !== null)
        stack.push({ value: item as object, level: level + 1, place: `${place}.${key}` });
      else {
        const excess = sizeExcess(key, item);
        if (excess) return { path: `${place}.${key}`, message: excess };
      }
    }
  }
  return undefined;
}

function sizeExcess(keyword: string, value: unknown): string | undefined {
  const most = Object.hasOwn(LEAST_SIZES, keyword) ? LEAST_SIZES[keyword] : undefined;
  if (most !== undefined && typeof value === 'number' && value > most)
    return `must be at most ${most}, is ${value}`;
  if (keyword === 'pattern' && typeof value === 'string' && value.length > PATTERN_CHARACTERS)
    return `must have at most ${PATTERN_CHARACTERS} characters, has ${value.length}`;
  return undefined;
}

/** Objects and lists of a schema's text, as far as anybody wants to know. */
export function schemaNodes(schema: object): number {
  let nodes = 0;
  const stack: object[] = [schema];
  for (let at = stack.pop(); at && nodes <= MOST_NODES; at = stack.pop()) {
    nodes += 1;
    for (const item of Object.values(at))
      if (typeof item === 'object' && item !== null) stack.push(item as object);
  }
  return nodes;
}

/** What references make of the schema. */
function unfoldingExcess(root: Schema, path: string): FieldError | undefined {
  const measures = new Map<unknown, number>();
  const open = new Set<unknown>();
  /** Those among the open ones that apply to the very value under consideration. */
  let inPlace = new Set<unknown>();
  let problem: FieldError | undefined;

  const measure = (schema: unknown, place: string, hops: number): number => {
    if (!isSchemaObject(schema) || problem) return 1;
    if (inPlace.has(schema)) {
      problem = { path: place, message: 'refers to itself without an end' };
      return 1;
    }
    if (open.has(schema)) return 1;
    const known = measures.get(schema);
    if (known !== undefined) return known;
    if (hops > MOST_REFERENCES_IN_A_ROW + MOST_LEVELS) {
      problem = {
        path: place,
        message: `has more than ${MOST_REFERENCES_IN_A_ROW} references within references`,
      };
      return 1;
    }
    open.add(schema);
    inPlace.add(schema);
    let sum = 1;
    const enter = (sub: unknown, where: string, same: boolean): void => {
      const before = inPlace;
      if (!same) inPlace = new Set();
      sum += measure(sub, where, hops + 1);
      inPlace = before;
    };
    if (typeof schema.$ref === 'string') enter(referred(root, schema.$ref), `${place}.$ref`, true);
    for (const { schema: sub, keyword, place: below } of subSchemas(schema))
      enter(sub, `${place}.${below}`, IN_PLACE.has(keyword));
    open.delete(schema);
    inPlace.delete(schema);
    if (sum > MOST_UNFOLDED)
      problem ??= {
        path: place,
        message: `becomes more than ${MOST_UNFOLDED} nodes with its references in place; let fewer schemas refer to one another`,
      };
    measures.set(schema, sum);
    return sum;
  };
  measure(root, path, 0);
  return problem;
}
