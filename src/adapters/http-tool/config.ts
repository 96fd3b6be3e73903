import { invalid, throwIfInvalid } from '../../errors';
import { hostAllowed, parseHostPattern } from '../../net/hosts';
import { checkHeaders } from '../../net/hop';
import type { SafeFetch } from '../../net/safe-fetch';
import type { JsonObject, JsonValue } from '../../ports/records';
import { asObject, isObject } from './json';
import { translateOperation } from './openapi';
import { isCredential, partialNames, placeholders } from './template';

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];
/** They change nothing (RFC 9110, section 9.2.1). */
export const isSafeMethod = (method: string): boolean => method === 'GET' || method === 'HEAD';

/**
 * What an `http` tool sends, as it is stored. Texts are templates, see `template.ts`. Arguments that no template names go
 * into the body when there is one without a template, else into the query.
 */
export interface HttpToolConfig {
  method: Method;
  /** Arguments may stand in the path; the query is in `query`. */
  url: string;
  headers: Record<string, string>;
  query: Record<string, JsonValue>;
  body: 'json' | 'form' | null;
  body_template: JsonValue;
  /** Hosts that may be asked, redirects included; the URL's own is always among them. */
  allow_hosts: string[];
  /** Dotted path into a JSON answer: `data.items`, `items.0.id`. */
  response: { path: string } | null;
}

export interface CompiledHttpTool {
  config: JsonObject;
  /** JSON schema of the arguments. */
  parameters: JsonObject;
  description: string;
  /** What follows from the method; whoever registers the tool may say otherwise. */
  idempotent: boolean;
  supportsPreview: boolean;
}

export interface CompileOptions {
  /** For `openapi` given as a URL. */
  fetch: SafeFetch;
  /** Hosts that this deployment allows; empty: any public one. */
  allowHosts?: readonly string[];
}

/** Taken for arguments, these would let the model choose the secret. */
const MISSPELT_CREDENTIAL = /^(credentials|secrets?)\./;
const KNOWN = ['method', 'url', 'headers', 'query', 'body', 'body_template', 'allow_hosts', 'response'];
const OPENAPI = ['openapi', 'operation_id', 'server', 'headers', 'query', 'allow_hosts', 'response'];

/**
 * Reads an `http` tool's configuration: a URL template, or an operation of an OpenAPI 3 document
 * (`{openapi: <document or URL>, operation_id, server?}`), which is fetched and translated once, here.
 * @throws DomainError `validation_failed` at `config...`; FetchFailed when the document cannot be fetched
 */
export async function compileHttpTool(config: JsonValue, options: CompileOptions): Promise<CompiledHttpTool> {
  if (!isObject(config))
    throw invalid('config', 'expected an object with method and url, or openapi and operation_id');
  if (config.openapi === undefined) {
    onlyKnown(config, KNOWN);
    const compiled = readTemplate(config, options);
    return describe(compiled, parametersOf(compiled), `${compiled.method} ${compiled.url}`);
  }
  onlyKnown(config, OPENAPI);
  const { template, parameters, description } = await translateOperation(config, options.fetch);
  return describe(readTemplate(template, options), parameters, description);
}

const describe = (config: HttpToolConfig, parameters: JsonObject, description: string): CompiledHttpTool => ({
  config: config as unknown as JsonObject,
  parameters,
  description,
  idempotent: config.method !== 'POST' && config.method !== 'PATCH',
  supportsPreview: !isSafeMethod(config.method),
});

function readTemplate(config: JsonObject, { allowHosts = [] }: CompileOptions): HttpToolConfig {
  const method = readMethod(config.method);
  const { url, query } = readUrl(config);
  const target = new URL(new URL(url).origin);
  const list = config.allow_hosts ?? [];
  if (!Array.isArray(list)) throw invalid('config.allow_hosts', 'expected a list of hosts');
  const given = list.map((entry, index) => parseHostPattern(entry, `config.allow_hosts.${index}`));
  if (allowHosts.length > 0 && !hostAllowed(target, allowHosts)) {
    throw invalid(
      'config.url',
      `the host ${target.host} is not among AGENTFLOW_HTTP_TOOL_HOSTS of this deployment`,
    );
  }
  const body = readBody(config, method);
  const template = config.body_template ?? null;
  if (template !== null && body === null)
    throw invalid('config.body_template', 'needs config.body: json or form');
  refuseCredentials(template, 'config.body_template');
  return {
    method,
    url,
    headers: readHeaders(config.headers),
    query: { ...query, ...readQuery(config.query) },
    body,
    body_template: template,
    allow_hosts: [...new Set([target.host, ...given])],
    response: readResponse(config.response),
  };
}

function readMethod(value: JsonValue | undefined): Method {
  const method = typeof value === 'string' ? value.toUpperCase() : (value ?? 'GET');
  const known = METHODS.find((candidate) => candidate === method);
  if (!known) throw invalid('config.method', `expected one of ${METHODS.join(', ')}`);
  return known;
}

/** What common servers take of a URL. */
const MAX_URL_CHARACTERS = 8_192;

/** Splits the query off and checks that no argument chooses where the request goes. */
function readUrl({ url: given }: JsonObject): { url: string; query: Record<string, JsonValue> } {
  const path = 'config.url';
  if (typeof given === 'string' && given.length > MAX_URL_CHARACTERS)
    throw invalid(path, `must have at most ${MAX_URL_CHARACTERS} characters`);
  if (typeof given !== 'string' || !/^https?:\/\//i.test(given)) {
    throw invalid(
      path,
      'expected a URL that begins with http:// or https://, such as https://api.example.com/items/{id}',
    );
  }
  const [, origin = '', rest = ''] = /^(https?:\/\/[^/?#]*)(.*)$/i.exec(given) ?? [];
  if (/[{}]/.test(origin))
    throw invalid(path, 'arguments may stand in the path and the query, never in the host');
  if (origin.includes('@'))
    throw invalid(path, 'no user name or password in the URL; use {credential.NAME} in a header');
  const [pathname = '', search = ''] = rest.replace(/#.*$/, '').split(/\?(.*)/s);
  if (!URL.canParse(origin) || /[\s\\]/.test(rest)) throw invalid(path, 'expected a valid URL');
  if (pathname.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) {
    throw invalid(path, 'expected a path without . and .. segments');
  }
  refuseCredentials(pathname, path);
  const query: Record<string, JsonValue> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    const before = query[name];
    query[name] = before === undefined ? value : [before, value].flat();
  }
  return { url: `${new URL(origin).origin}${pathname || '/'}`, query };
}

function readHeaders(value: JsonValue | undefined): Record<string, string> {
  const headers = asObject(value, 'config.headers');
  const texts: Record<string, string> = {};
  for (const [name, text] of Object.entries(headers)) {
    if (typeof text !== 'string') throw invalid(`config.headers.${name}`, 'expected a text');
    texts[name] = text;
  }
  return checkHeaders(texts, 'config.headers');
}

function readQuery(value: JsonValue | undefined): Record<string, JsonValue> {
  const query = asObject(value, 'config.query');
  for (const [name, entry] of Object.entries(query)) {
    const items = Array.isArray(entry) ? entry : [entry];
    if (items.some((item) => item === null || typeof item === 'object')) {
      throw invalid(`config.query.${name}`, 'expected a text, number, boolean or a list of those');
    }
  }
  return query;
}

function readBody({ body, body_template: template }: JsonObject, method: Method): 'json' | 'form' | null {
  if (body === undefined || body === null) {
    return template !== undefined || ['POST', 'PUT', 'PATCH'].includes(method) ? 'json' : null;
  }
  if (body !== 'json' && body !== 'form') throw invalid('config.body', 'expected json or form');
  if (isSafeMethod(method)) throw invalid('config.body', `a ${method} request has no body`);
  return body;
}

function readResponse(value: JsonValue | undefined): { path: string } | null {
  if (value === undefined || value === null) return null;
  const { path } = asObject(value, 'config.response');
  if (path === undefined || path === null) return null;
  if (typeof path !== 'string' || !/^[^.]+(\.[^.]+)*$/.test(path)) {
    throw invalid('config.response.path', 'expected a dotted path such as data.items');
  }
  return { path };
}

/** Arguments of a tool whose author gave no schema: those in the path are needed, the others may be left out. */
function parametersOf({ url, headers, query, body_template: template }: HttpToolConfig): JsonObject {
  const scalar = { type: ['string', 'number', 'boolean'] };
  const inPath = placeholders(url);
  const inTexts = partialNames([headers, query, template]).filter((name) => !isCredential(name));
  const names = [...inPath, ...placeholders([headers, query, template])].filter(
    (name) => !isCredential(name),
  );
  const misspelt = names.find((name) => MISSPELT_CREDENTIAL.test(name));
  if (misspelt !== undefined)
    throw invalid('config', `{${misspelt}} is no argument; a secret is written {credential.NAME}`);
  return {
    type: 'object',
    properties: Object.fromEntries(
      names.map((name) => [name, inPath.includes(name) || inTexts.includes(name) ? scalar : {}]),
    ),
    required: [...new Set([...inPath, ...inTexts])],
  };
}

function refuseCredentials(template: JsonValue, path: string): void {
  if (placeholders(template).some(isCredential)) {
    throw invalid(path, '{credential.NAME} may stand in headers and the query only');
  }
}

function onlyKnown(config: JsonObject, known: readonly string[]): void {
  const errors = Object.keys(config)
    .filter((name) => !known.includes(name))
    .map((name) => ({ path: `config.${name}`, message: `is not known here; known are ${known.join(', ')}` }));
  throwIfInvalid(errors);
}
