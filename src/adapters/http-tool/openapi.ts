import { invalid } from '../../errors';
import { FetchFailed, type SafeFetch } from '../../net/safe-fetch';
import type { JsonObject, JsonValue } from '../../ports/records';
import { asObject, asText, isObject } from './json';
import { parseDocument } from './yaml';

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'];
const DOCUMENT_BYTES = 5 * 1024 * 1024;
/** References within references; and values in the whole schema. More is no argument list that a model could fill in. */
const MOST_REFERENCES = 30;
const MOST_VALUES = 5_000;
const DESCRIPTION_CHARACTERS = 2_000;
/** What browsers and servers take of a URL. */
const URL_CHARACTERS = 2_000;
const NAMED = 10;

/** Keywords of OpenAPI that JSON Schema does not know, or that say nothing about a value. */
const DROPPED = new Set([
  'xml',
  'discriminator',
  'externalDocs',
  'example',
  'examples',
  'nullable',
  'readOnly',
  'writeOnly',
]);

export interface TranslatedOperation {
  template: JsonObject;
  parameters: JsonObject;
  description: string;
}

/**
 * Turns an operation of an OpenAPI 3 document into a template of `config.ts` and the schema of its arguments. A JSON or
 * form body that is an object gives its properties as arguments; any other is the argument `body`.
 * @throws DomainError `validation_failed` at `config...`
 */
export async function translateOperation(config: JsonObject, fetch: SafeFetch): Promise<TranslatedOperation> {
  const { document, base } = await readDocument(config.openapi, fetch);
  const { path, method, item, operation } = findOperation(document, config.operation_id);
  const reader = new SchemaReader(document);
  const args = new Arguments();
  const headers: JsonObject = {};
  const query: JsonObject = {};
  const inPath = new Map<string, string>();
  for (const parameter of parametersOf(reader, item, operation)) {
    const name = asText(parameter.name);
    const argument = args.add(
      name,
      schemaOf(reader, parameter),
      parameter.required === true || parameter.in === 'path',
    );
    if (parameter.in === 'query') query[name] = `{${argument}}`;
    else if (parameter.in === 'header') headers[name] = `{${argument}}`;
    else if (parameter.in === 'path') inPath.set(name, argument);
    else if (parameter.required === true) {
      throw invalid(
        'config.operation_id',
        `the operation needs the ${asText(parameter.in)} parameter ${name}, which is not supported`,
      );
    }
  }
  const url =
    serverOf(config, document, base) +
    path.replace(/\{([^{}]*)\}/g, (_all, name: string) => `{${inPath.get(name) ?? undeclared(name)}}`);
  return {
    template: {
      method: method.toUpperCase(),
      url,
      headers: { ...headers, ...asObject(config.headers, 'config.headers') },
      query: { ...query, ...asObject(config.query, 'config.query') },
      ...bodyOf(reader, operation, args),
      allow_hosts: config.allow_hosts ?? null,
      response: config.response ?? null,
    },
    parameters: args.schema(),
    description: describe(operation, method, path),
  };
}

const undeclared = (name: string): never => {
  throw invalid('config.openapi', `the path has {${name}}, which is no declared path parameter`);
};

function describe({ summary, description }: JsonObject, method: string, path: string): string {
  const texts = [summary, description].filter((text) => typeof text === 'string' && text.trim() !== '');
  return ([...new Set(texts.map(asText))].join('\n\n') || `${method.toUpperCase()} ${path}`).slice(
    0,
    DESCRIPTION_CHARACTERS,
  );
}

async function readDocument(
  given: JsonValue | undefined,
  fetch: SafeFetch,
): Promise<{ document: JsonObject; base?: string }> {
  const path = 'config.openapi';
  if (isObject(given)) return { document: version3(given) };
  if (typeof given !== 'string') throw invalid(path, 'expected an OpenAPI document or its URL');
  const answer = await fetch(given, { field: path, maxBytes: DOCUMENT_BYTES }).catch((error: unknown) => {
    throw error instanceof FetchFailed ? invalid(path, `could not be fetched: ${error.message}`) : error;
  });
  if (answer.status !== 200) throw invalid(path, `could not be fetched: status ${answer.status}`);
  try {
    const document = await parseDocument(answer.body.toString('utf8'));
    if (isObject(document)) return { document: version3(document), base: answer.url };
  } catch (error) {
    throw invalid(path, `is neither JSON nor YAML: ${(error as Error).message.split('\n', 1)[0]}`);
  }
  throw invalid(path, 'expected an OpenAPI document');
}

function version3(document: JsonObject): JsonObject {
  if (typeof document.openapi === 'string' && document.openapi.startsWith('3.')) return document;
  throw invalid('config.openapi', 'expected an OpenAPI document of version 3');
}

interface Operation {
  path: string;
  method: string;
  item: JsonObject;
  operation: JsonObject;
}

function findOperation(document: JsonObject, id: JsonValue | undefined): Operation {
  const all = Object.entries(asObject(document.paths, 'config.openapi.paths')).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = isObject(item) ? item[method] : undefined;
      return isObject(operation) ? [{ path, method, item: item as JsonObject, operation }] : [];
    }),
  );
  const found =
    typeof id === 'string' ? all.find(({ operation }) => operation.operationId === id) : undefined;
  if (found) return found;
  const known = all
    .flatMap(({ operation: { operationId } }) => (typeof operationId === 'string' ? [operationId] : []))
    .slice(0, NAMED);
  throw invalid(
    'config.operation_id',
    `expected an operation of the document, such as ${known.join(', ') || '(it names none)'}`,
  );
}

/** Those of the operation win over those of its path. */
function parametersOf(reader: SchemaReader, item: JsonObject, operation: JsonObject): JsonObject[] {
  const byPlace = new Map<string, JsonObject>();
  for (const list of [item.parameters, operation.parameters]) {
    for (const entry of Array.isArray(list) ? list : []) {
      const parameter = reader.follow(entry);
      byPlace.set(`${asText(parameter.in)} ${asText(parameter.name)}`, parameter);
    }
  }
  return [...byPlace.values()];
}

function schemaOf(reader: SchemaReader, parameter: JsonObject): JsonObject {
  const schema = reader.read(parameter.schema ?? {});
  const { description } = parameter;
  return typeof description === 'string' ? { ...schema, description } : schema;
}

function serverOf(config: JsonObject, document: JsonObject, base: string | undefined): string {
  const [first] = Array.isArray(document.servers) ? document.servers : [];
  const server = isObject(first) ? first : {};
  const variables = asObject(server.variables, 'config.openapi.servers.0.variables');
  const template = typeof config.server === 'string' ? config.server : asText(server.url ?? '/');
  const url = template.replace(/\{([^{}]*)\}/g, (all, name: string) => {
    const variable = variables[name];
    return isObject(variable) && variable.default !== undefined ? asText(variable.default) : all;
  });
  if (!URL.canParse(url, base)) {
    throw invalid('config.server', 'expected the absolute URL of the API, since the document names none');
  }
  let { href } = new URL(url, base);
  if (href.length > URL_CHARACTERS)
    throw invalid('config.server', `must have at most ${URL_CHARACTERS} characters`);
  while (href.endsWith('/')) href = href.slice(0, -1);
  return href;
}

function bodyOf(reader: SchemaReader, operation: JsonObject, args: Arguments): JsonObject {
  if (operation.requestBody === undefined) return {};
  const { content, required } = reader.follow(operation.requestBody);
  const media = asObject(content, 'config.openapi.requestBody.content');
  const type = Object.keys(media).find((name) =>
    /^application\/(.+\+)?json\b|^application\/x-www-form-urlencoded\b/i.test(name),
  );
  if (type === undefined)
    throw invalid('config.operation_id', 'expected an operation with a JSON or form body');
  const kind = /json/i.test(type) ? 'json' : 'form';
  const schema = reader.read(asObject(media[type], 'config.openapi.requestBody').schema ?? {});
  const properties = isObject(schema.properties) ? schema.properties : undefined;
  const isPlain = properties && !['oneOf', 'anyOf', 'allOf'].some((key) => key in schema);
  if (!isPlain) return { body: kind, body_template: `{${args.add('body', schema, required === true)}}` };
  const needed = Array.isArray(schema.required) ? schema.required : [];
  const template: JsonObject = {};
  for (const [name, property] of Object.entries(properties)) {
    const isNeeded = required !== false && needed.includes(name);
    template[name] = `{${args.add(name, asObject(property, 'config.openapi'), isNeeded)}}`;
  }
  return { body: kind, body_template: template };
}

/** Collects arguments under names that templates and models can write; one that is taken gets a number. */
class Arguments {
  private readonly properties: JsonObject = {};
  private readonly required: string[] = [];

  add(name: string, schema: JsonObject, required: boolean): string {
    const base = name.replace(/[^\w-]/g, '_').replace(/^(?![A-Za-z_])/, '_');
    let argument = base;
    for (let number = 2; Object.hasOwn(this.properties, argument); number += 1)
      argument = `${base}_${number}`;
    this.properties[argument] = schema;
    if (required) this.required.push(argument);
    return argument;
  }

  schema(): JsonObject {
    return {
      type: 'object',
      properties: this.properties,
      required: this.required,
      additionalProperties: false,
    };
  }
}

/** Schemas with their local references put in place; what refers to itself is left open there. */
class SchemaReader {
  private values = 0;

  constructor(private readonly document: JsonObject) {}

  follow(value: JsonValue | undefined): JsonObject {
    let current = value;
    for (let step = 0; isObject(current) && typeof current.$ref === 'string'; step += 1) {
      if (step > MOST_REFERENCES) throw invalid('config.openapi', 'holds references without end');
      current = this.target(current.$ref);
    }
    if (!isObject(current))
      throw invalid('config.openapi', 'expected an object where a reference or parameter is');
    return current;
  }

  read(value: JsonValue, above: readonly string[] = []): JsonObject {
    const read = this.copy(value, above);
    // `true` and `false` are schemas as well.
    return isObject(read) ? read : {};
  }

  private copy(value: JsonValue, above: readonly string[]): JsonValue {
    this.values += 1;
    if (this.values > MOST_VALUES)
      throw invalid('config.openapi', `the schema of the arguments has over ${MOST_VALUES} values`);
    if (Array.isArray(value)) return value.map((item) => this.copy(item, above));
    if (!isObject(value)) return value;
    if (typeof value.$ref === 'string') {
      if (above.includes(value.$ref) || above.length > MOST_REFERENCES) return {};
      return this.copy(this.target(value.$ref), [...above, value.$ref]);
    }
    return this.copySchema(value, above);
  }

  private copySchema(schema: JsonObject, above: readonly string[]): JsonObject {
    const copied: JsonObject = {};
    for (const [key, entry] of Object.entries(schema)) {
      if (key.startsWith('x-') || DROPPED.has(key)) continue;
      // Names of properties are no keywords: one may well be called `example`.
      copied[key] =
        key === 'properties' && isObject(entry)
          ? Object.fromEntries(
              Object.entries(entry).map(([name, property]) => [name, this.copy(property, above)]),
            )
          : this.copy(entry, above);
    }
    // OpenAPI 3.0 says so what JSON Schema says by a list of types.
    if (schema.nullable === true && typeof copied.type === 'string') copied.type = [copied.type, 'null'];
    for (const bound of ['Minimum', 'Maximum']) {
      const key = `exclusive${bound}`;
      if (typeof copied[key] !== 'boolean') continue;
      const limit = copied[bound.toLowerCase()];
      if (copied[key] && limit !== undefined) copied[key] = limit;
      else delete copied[key];
    }
    return copied;
  }

  private target(reference: string): JsonValue {
    if (!reference.startsWith('#/'))
      throw invalid('config.openapi', `the reference ${reference} leaves the document; bundle it first`);
    let current: JsonValue | undefined = this.document;
    for (const part of reference.slice(2).split('/')) {
      const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      current = isObject(current) && Object.hasOwn(current, key) ? current[key] : undefined;
    }
    if (current === undefined) throw invalid('config.openapi', `the reference ${reference} leads to nothing`);
    return current;
  }
}
