import Ajv2020 from 'ajv/dist/2020';
import type { ErrorObject } from 'ajv';
import type { FieldError } from '../errors';
import type { JsonObject, JsonValue } from '../ports/records';

const KINDS = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
/** Places of further schemas: by name, in a list, alone. */
const BY_NAME = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'];
const IN_LISTS = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const ALONE = [
  'items',
  'additionalProperties',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
  'unevaluatedItems',
  'unevaluatedProperties',
];
/** Endpoints refuse tools whose arguments are such a choice as a whole (OpenAI, function calling). */
const NOT_AT_THE_TOP = ['anyOf', 'oneOf', 'allOf', 'not', 'enum'];
const MOST_COMPLAINTS = 10;
/** Deeper schemas are no business of a model. */
const MOST_DEPTH = 60;

// One for all: it holds the meta-schema alone, never a schema of a client.
let dialect: Ajv2020 | undefined;

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  value !== undefined && value !== null && typeof value === 'object' && !Array.isArray(value);

/**
 * A schema as endpoints of models take it, where what was meant is plain: lists say what is in them, a kind is named once
 * and in one list, a list of schemas in `items` becomes one schema. Everything else stays as it is.
 */
export function mendSchema(schema: JsonObject): JsonObject {
  return mended(schema, 0) as JsonObject;
}

function mended(schema: JsonValue | undefined, depth: number): JsonValue | undefined {
  if (!isObject(schema) || depth > MOST_DEPTH) return schema;
  const result: JsonObject = { ...schema };
  if (Array.isArray(schema.type)) result.type = flatKinds(schema.type);
  for (const key of BY_NAME)
    if (isObject(schema[key]))
      result[key] = mapValues(schema[key], (value) => mended(asSchema(value), depth + 1));
  for (const key of IN_LISTS)
    if (Array.isArray(schema[key])) result[key] = schema[key].map((value) => mended(value, depth + 1)!);
  for (const key of ALONE) if (isObject(schema[key])) result[key] = mended(schema[key], depth + 1)!;
  mendOpenApi(result);
  const { items } = schema;
  if (Array.isArray(items)) {
    const parts = items.map((item) => mended(asSchema(item), depth + 1)!);
    result.items = parts.length === 0 ? {} : parts.length === 1 ? parts[0]! : { anyOf: parts };
  } else if (items === true || items === null || (items === undefined && kindsOf(result).includes('array')))
    result.items = {};
  return result;
}

/** OpenAPI 3.0 and JSON Schema draft 4 say with a flag what JSON Schema says with a value. */
function mendOpenApi(schema: JsonObject): void {
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    const value = schema[flag];
    if (typeof value !== 'boolean') continue;
    delete schema[flag];
    if (!value || typeof schema[bound] !== 'number') continue;
    schema[flag] = schema[bound];
    delete schema[bound];
  }
  if (typeof schema.nullable !== 'boolean') return;
  const { nullable, type, enum: values } = schema;
  delete schema.nullable;
  if (!nullable || type === undefined) return;
  schema.type = flatKinds([...kindsOf(schema), 'null']);
  if (Array.isArray(values) && !values.includes(null)) schema.enum = [...values, null];
}

/**
 * Arguments of a tool that somebody else described: a choice as a whole, which models refuse, becomes the parameters of all
 * its cases; whoever runs the tool still checks what it gets.
 */
export function withoutChoices(schema: JsonObject): JsonObject {
  const choices = NOT_AT_THE_TOP.filter((key) => schema[key] !== undefined);
  if (choices.length === 0) return schema;
  const cases = ['allOf', 'anyOf', 'oneOf']
    .flatMap((key) => schema[key] ?? [])
    .filter((one) => isObject(one));
  const parameters = [...cases, schema].map(({ properties }) => (isObject(properties) ? properties : {}));
  const rest = Object.fromEntries(Object.entries(schema).filter(([key]) => !choices.includes(key)));
  return { ...rest, properties: Object.assign({}, ...parameters) as JsonObject };
}

/** `true` accepts everything, as an empty schema does; not every endpoint reads it. */
const asSchema = (value: JsonValue | undefined): JsonValue | undefined => (value === true ? {} : value);

const kindsOf = ({ type }: JsonObject): JsonValue[] => (Array.isArray(type) ? type : type ? [type] : []);

function flatKinds(kinds: JsonValue[]): JsonValue {
  const flat = kinds.every((kind) => typeof kind === 'string' || isList(kind)) ? kinds.flat() : kinds;
  const once = [...new Set(flat)];
  return once.length === 1 && typeof once[0] === 'string' ? once[0] : once;
}

/** A list of texts. */
const isList = (kind: JsonValue): boolean =>
  Array.isArray(kind) && kind.every((one) => typeof one === 'string');

const mapValues = (
  object: JsonObject,
  map: (value: JsonValue | undefined) => JsonValue | undefined,
): JsonObject => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)!]));

/**
 * What is wrong with a schema of arguments: as JSON Schema (2020-12), and by what endpoints of models refuse.
 * @param path of the schema in the request; complaints continue it: `args_schema.properties.x.type`
 */
export function schemaComplaints(schema: JsonObject, path: string): FieldError[] {
  const complaints = new Map<string, string>();
  const complain = (at: string, message: string): void => {
    if (!complaints.has(at) && complaints.size < MOST_COMPLAINTS) complaints.set(at, message);
  };
  for (const key of NOT_AT_THE_TOP)
    if (schema[key] !== undefined)
      complain(
        `${path}.${key}`,
        `must not stand at the top of a schema of arguments; models refuse the tool`,
      );
  walk(schema, schema, path, complain, 0);
  const { $schema: _dialect, $id: _id, ...rest } = schema;
  dialect ??= new Ajv2020({ strict: false, allErrors: true, logger: false, validateFormats: false });
  if (complaints.size === 0 && !dialect.validateSchema(rest))
    for (const error of dialect.errors ?? []) complain(pathOf(path, error), messageOf(error));
  return [...complaints].map(([at, message]) => ({ path: at, message }));
}

type Complain = (path: string, message: string) => void;

/** What the meta-schema does not say, or says in words that help nobody. */
function walk(
  root: JsonObject,
  schema: JsonValue | undefined,
  path: string,
  complain: Complain,
  depth: number,
): void {
  if (typeof schema === 'boolean') return;
  if (!isObject(schema)) return complain(path, 'must be a schema: an object');
  if (depth > MOST_DEPTH) return complain(path, `must be nested at most ${MOST_DEPTH} levels deep`);
  checkKinds(schema, path, complain);
  const { enum: values, $ref: reference, required, pattern } = schema;
  if (values !== undefined && (!Array.isArray(values) || values.length === 0))
    complain(`${path}.enum`, 'must be a list of at least one value');
  if (reference !== undefined && !resolves(root, reference))
    complain(`${path}.$ref`, 'must name a part of this schema, such as #/$defs/item');
  if (required !== undefined && !isNames(required))
    complain(`${path}.required`, 'must be a list of names, each once');
  if (pattern !== undefined && !isPattern(pattern))
    complain(`${path}.pattern`, 'must be a regular expression (ECMA-262)');
  for (const key of BY_NAME) {
    const parts = schema[key];
    if (parts === undefined) continue;
    if (!isObject(parts)) complain(`${path}.${key}`, 'must be an object of schemas');
    else
      for (const [name, part] of Object.entries(parts))
        walk(root, part, `${path}.${key}.${name}`, complain, depth + 1);
  }
  for (const key of IN_LISTS) {
    const parts = schema[key];
    if (parts === undefined) continue;
    if (!Array.isArray(parts) || parts.length === 0) complain(`${path}.${key}`, 'must be a list of schemas');
    else parts.forEach((part, index) => walk(root, part, `${path}.${key}.${index}`, complain, depth + 1));
  }
  for (const key of ALONE)
    if (schema[key] !== undefined) walk(root, schema[key], `${path}.${key}`, complain, depth + 1);
}

function checkKinds(schema: JsonObject, path: string, complain: Complain): void {
  const { type } = schema;
  if (type === undefined) return;
  const kinds = Array.isArray(type) ? type : [type];
  const known = kinds.length > 0 && kinds.every((kind) => KINDS.includes(kind as string));
  if (!known || new Set(kinds).size < kinds.length)
    complain(`${path}.type`, `must be one of ${KINDS.join(', ')}, or a list of them, each once`);
}

const isNames = (value: JsonValue): boolean =>
  isList(value) && new Set(value as string[]).size === (value as string[]).length;

function isPattern(value: JsonValue): boolean {
  try {
    return typeof value === 'string' && new RegExp(value, 'u') instanceof RegExp;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** A JSON pointer into the schema itself (RFC 6901). */
function resolves(root: JsonObject, reference: JsonValue): boolean {
  if (typeof reference !== 'string' || !reference.startsWith('#')) return false;
  if (reference === '#') return true;
  if (!reference.startsWith('#/')) return false;
  let at: JsonValue | undefined = root;
  for (const key of decoded(reference.slice(2)).split('/')) {
    const name = key.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(at)) at = at[Number(name)];
    else at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return isObject(at) || typeof at === 'boolean';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function pathOf(path: string, { instancePath }: ErrorObject): string {
  return [path, ...instancePath.split('/').slice(1)].join('.').replaceAll('~1', '/').replaceAll('~0', '~');
}

const messageOf = ({ message = 'is no JSON Schema' }: ErrorObject): string =>
  `${message} (JSON Schema 2020-12)`;
