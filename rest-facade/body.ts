import type { IncomingMessage } from 'node:http';
import { DomainError, invalid } from '../src/errors';
import { JsonProblem, readClientJson } from '../src/json';
import { declaredProperties, resolveRef, typesOf } from './schemas';
import type { JsonTree, OpenApiDocument } from './types';

/** `application/json; charset=utf-8` -> `application/json`. */
export const mediaTypeOf = (header: string | undefined): string =>
  (header ?? '').split(';', 1)[0]!.trim().toLowerCase();

const tooLarge = (limit: number): DomainError =>
  new DomainError('payload_too_large', `The body is larger than ${limit} bytes.`, {
    extra: { max_bytes: limit },
  });

/** How many limits of a refused body are still read, so that the client gets to see the answer, before the connection is cut. */
const DISCARD_FACTOR = 4;

/** From the end of the reading of a refused body until the connection is cut: time to read the answer. Milliseconds. */
const LINGER_MS = 2_000;

/**
 * Reads a refused body on for a while and forgets it, then reads no more and cuts the connection a little later: one that is
 * closed while the client still sends loses the answer.
 * @param limit bytes that are still read
 */
export function discard(request: IncomingMessage, limit: number): void {
  let discarded = 0;
  const onData = (chunk: Buffer): void => {
    discarded += chunk.length;
    if (discarded <= limit) return;
    request.off('data', onData).pause();
    setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  };
  request.on('data', onData).resume();
}

/**
 * Reads a whole body.
 * @param limit bytes
 * @throws DomainError `payload_too_large`, or `bad_request` when the client goes away in the middle
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit) {
    discard(request, limit * DISCARD_FACTOR);
    return Promise.reject(tooLarge(limit));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (): void => {
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= limit) {
        chunks.push(chunk);
        return;
      }
      stop();
      discard(request, limit * DISCARD_FACTOR);
      reject(tooLarge(limit));
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    };
    const onGone = (): void => {
      stop();
      reject(new DomainError('bad_request', 'The connection ended before the whole body arrived.'));
    };
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new DomainError('bad_request', 'The body is not valid UTF-8.', { cause });
  }
}

/**
 * Reads JSON of a request.
 * @throws DomainError `bad_request` saying what is wrong with the text, `validation_failed` naming what cannot be kept as it is
 */
export function parseJsonBody(bytes: Buffer): { value: unknown; raw: string } {
  const raw = decodeText(bytes);
  if (raw.trim() === '') throw new DomainError('bad_request', 'The body is empty; JSON is expected.');
  try {
    return { value: readClientJson(raw), raw };
  } catch (cause) {
    if (cause instanceof JsonProblem) throw invalid(cause.path === '' ? 'body' : cause.path, cause.reason);
    const reason = (cause as Error).message;
    throw new DomainError('bad_request', `The body is not readable JSON: ${reason}.`, { cause });
  }
}

/** @throws DomainError `bad_request` */
export function parseUrlEncodedBody(bytes: Buffer): { value: Record<string, unknown>; raw: string } {
  const raw = decodeText(bytes);
  const value: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, text] of new URLSearchParams(raw)) {
    const known = value[name];
    if (Array.isArray(known)) known.push(text);
    else value[name] = known === undefined ? text : [known, text];
  }
  return { value, raw };
}

type CoerceField = (value: unknown) => unknown;

function fieldCoercion(document: OpenApiDocument, schema: JsonTree): CoerceField {
  const types = typesOf(document, schema);
  const isArray = types.includes('array');
  return (value) => {
    if (isArray) return toList(value, types.includes('object') ? /^\s*[[{]/ : /^\[/);
    if (typeof value !== 'string' || types.includes('string')) return value;
    if (
      (types.includes('integer') || types.includes('number')) &&
      value.trim() !== '' &&
      !Number.isNaN(Number(value))
    ) {
      return Number(value);
    }
    if (types.includes('boolean') && (value === 'true' || value === 'false')) return value === 'true';
    return types.includes('object') ? parsedOr(value) : value;
  };
}

/** A form says a list as repeated fields, as JSON (which begins so), or as one value. */
function toList(value: unknown, json: RegExp): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  const parsed = typeof value === 'string' && json.test(value) ? parsedOr(value) : value;
  return Array.isArray(parsed) ? (parsed as unknown[]) : [parsed];
}

function parsedOr(text: string): unknown {
  try {
    return readClientJson(text);
  } catch (error) {
    if (error instanceof JsonProblem) throw error;
    // Not JSON: the validator then names the field and what it should have been.
    return text;
  }
}

/** Whether a property is a file, or a list of files. */
export function isFileSchema(document: OpenApiDocument, schema: JsonTree): boolean {
  const resolved = resolveRef(document, schema);
  return (resolved?.format ?? resolveRef(document, resolved?.items)?.format) === 'binary';
}

function coerceField(name: string, value: unknown, fields: ReadonlyMap<string, CoerceField>): unknown {
  try {
    return fields.get(name)?.(value) ?? value;
  } catch (error) {
    if (error instanceof JsonProblem)
      throw invalid([name, error.path].filter(Boolean).join('.'), error.reason);
    throw error;
  }
}

/** @param fileFields names of the fields that came as files */
export type CoerceForm = (form: unknown, fileFields: ReadonlySet<string>) => unknown;

/**
 * Forms carry only text: gives fields the JSON type that the schema declares. What does not fit stays text, for the validator.
 * The result throws DomainError `validation_failed` for text where a file is declared.
 */
export function compileFormCoercion(document: OpenApiDocument, schema: JsonTree): CoerceForm {
  const fields = new Map<string, CoerceField>();
  const fileNames: string[] = [];
  for (const [name, property] of declaredProperties(document, schema)) {
    fields.set(name, fieldCoercion(document, property));
    if (isFileSchema(document, property)) fileNames.push(name);
  }
  return (form, fileFields) => {
    const coerced: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(form ?? {})) coerced[name] = coerceField(name, value, fields);
    for (const name of fileNames) {
      if (name in coerced && !fileFields.has(name)) throw invalid(name, 'must be a file');
    }
    return coerced;
  };
}
