import type { JsonObject, JsonValue } from '../../ports/records';
import { type HttpToolConfig, isSafeMethod } from './config';
import { asObject, asText } from './json';
import {
  ArgumentError,
  credentialName,
  fillJson,
  fillText,
  isCredential,
  own,
  placeholders,
  scalarText,
  wholeName,
} from './template';

export interface HttpCall {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
  /** Headers that a credential went into. */
  secretHeaders: string[];
}

export interface CallInput {
  args: JsonObject;
  /** By name; one that a template names and that is not here is an ArgumentError. */
  credentials: Record<string, string>;
  idempotencyKey: string;
}

/**
 * The request of a call.
 * @throws ArgumentError for arguments that do not fit the template
 */
export function buildCall(config: HttpToolConfig, input: CallInput): HttpCall {
  const { args } = input;
  const url = new URL(fillPath(config.url, args));
  const rest = unnamed(config, args);
  const inBody = config.body !== null && config.body_template === null;
  for (const [name, template] of Object.entries(config.query)) {
    for (const text of queryTexts(template, input)) url.searchParams.append(name, text);
  }
  for (const [name, value] of config.body === null ? Object.entries(rest) : []) {
    for (const text of texts(name, value)) url.searchParams.append(name, text);
  }
  const headers: Record<string, string> = {};
  const secretHeaders: string[] = [];
  for (const [name, template] of Object.entries(config.headers)) {
    const text = fillHeader(name, template, input);
    if (text !== undefined) headers[name] = text;
    if (placeholders(template).some(isCredential)) secretHeaders.push(name);
  }
  if (!isSafeMethod(config.method)) headers['idempotency-key'] ??= input.idempotencyKey;
  headers.accept ??= 'application/json, text/*;q=0.9, */*;q=0.1';
  const body = config.body === null ? undefined : bodyOf(config, inBody ? rest : args);
  if (body !== undefined) {
    headers['content-type'] ??=
      config.body === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
  }
  return { method: config.method, url: url.href, headers, body, secretHeaders };
}

/** Each segment is filled by itself: a value can neither add segments nor leave its own. */
function fillPath(template: string, args: JsonObject): string {
  const [, origin = '', path = ''] = /^(https?:\/\/[^/]*)(.*)$/i.exec(template) ?? [];
  const segments = path.split('/').map((segment) => {
    const names = placeholders(segment);
    const filled = fillText(segment, (name) =>
      encodeURIComponent(wellFormed(scalarText(name, own(args, name)))),
    );
    if (names.length > 0 && /^(\.|%2e){0,2}$/i.test(filled)) {
      throw new ArgumentError(`The argument ${names.join(', ')} must not be empty, . or .. in a path.`);
    }
    return filled;
  });
  return origin + segments.join('/');
}

/** Half a surrogate pair has no percent-encoding. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

function unnamed(config: HttpToolConfig, args: JsonObject): JsonObject {
  const { url, headers, query, body_template: template } = config;
  const named = new Set(placeholders([url, headers, query, template]));
  return Object.fromEntries(Object.entries(args).filter(([name]) => !named.has(name)));
}

/** Lists become several entries of one name; what was not given none. */
const texts = (name: string, value: JsonValue | undefined): string[] =>
  value === undefined || value === null ? [] : [value].flat().map((item) => scalarText(name, item));

function queryTexts(template: JsonValue, input: CallInput): string[] {
  return [template].flat().flatMap((item) => {
    if (typeof item !== 'string') return [asText(item)];
    const whole = wholeName(item);
    if (whole !== undefined && !isCredential(whole)) return texts(whole, own(input.args, whole));
    return [fillText(item, (name) => textOf(name, input))];
  });
}

/** Undefined when the header is one argument and that was not given. */
function fillHeader(name: string, template: string, input: CallInput): string | undefined {
  const whole = wholeName(template);
  if (whole !== undefined && !isCredential(whole) && (own(input.args, whole) ?? null) === null)
    return undefined;
  const text = fillText(template, (key) => textOf(key, input));
  // eslint-disable-next-line no-control-regex -- those are exactly what is looked for
  if (/[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/.test(text)) {
    throw new ArgumentError(
      `The header ${name} would hold line breaks, control characters or letters outside Latin-1.`,
    );
  }
  return text;
}

function textOf(name: string, { args, credentials }: CallInput): string {
  if (!isCredential(name)) return scalarText(name, own(args, name));
  const key = credentialName(name);
  const secret = Object.hasOwn(credentials, key) ? credentials[key] : undefined;
  if (secret === undefined)
    throw new ArgumentError(`The tool has no credential ${key}; whoever registered it can add one.`);
  return secret;
}

function bodyOf({ body, body_template: template }: HttpToolConfig, args: JsonObject): string {
  const value = template === null ? args : (fillJson(template, args) ?? null);
  if (body === 'json') return JSON.stringify(value);
  const form = new URLSearchParams();
  for (const [name, entry] of Object.entries(asObject(value, 'body'))) {
    for (const item of Array.isArray(entry) ? entry : [entry]) {
      if (item !== null) form.append(name, scalarText(name, item));
    }
  }
  return form.toString();
}
