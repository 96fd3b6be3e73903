import { STATUS_CODES, type ServerResponse } from 'node:http';
import { GraphQLError } from 'graphql';
import { DomainError, ERROR_STATUS, type ErrorCode, type FieldError } from '../src/errors';
import type { Logger } from '../src/ports/logger';
import { toSnake } from './names';

/** RFC 9457, with `status_code` for clients of the older error body, a stable code and the request id. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  status_code: number;
  detail: string;
  code: string;
  request_id: string;
  errors?: FieldError[];
  [extra: string]: unknown;
}

/** A refusal that is not an error of the domain: its own headers go with it. */
export interface Refusal {
  problem: Problem;
  headers: Record<string, string>;
}

const isErrorCode = (code: unknown): code is ErrorCode => typeof code === 'string' && code in ERROR_STATUS;

const titleOf = (code: string, status: number): string =>
  isErrorCode(code)
    ? code.charAt(0).toUpperCase() + code.slice(1).replace(/_/g, ' ')
    : (STATUS_CODES[status] ?? 'Error');

interface Facts {
  code: string;
  status: number;
  detail: string;
  errors?: FieldError[];
  retryAfterMs?: number;
  extra?: Record<string, unknown>;
}

function refuse(facts: Facts, requestId: string): Refusal {
  const { www_authenticate: challenge, ...extra } = facts.extra ?? {};
  const headers: Record<string, string> = {};
  if (facts.retryAfterMs !== undefined)
    headers['Retry-After'] = String(Math.max(1, Math.ceil(facts.retryAfterMs / 1000)));
  else if (facts.status === 429) headers['Retry-After'] = '1';
  if (facts.status === 401)
    headers['WWW-Authenticate'] = typeof challenge === 'string' ? challenge : 'Bearer';
  return {
    headers,
    problem: {
      ...extra,
      type: `urn:agentflow:problem:${facts.code}`,
      title: titleOf(facts.code, facts.status),
      status: facts.status,
      status_code: facts.status,
      detail: facts.detail,
      code: facts.code,
      request_id: requestId,
      ...(facts.errors && facts.errors.length > 0 ? { errors: facts.errors } : {}),
    },
  };
}

const unexpected = (requestId: string): Refusal =>
  refuse({ code: 'internal_error', status: 500, detail: 'Unexpected error' }, requestId);

/** GraphQL's own complaints about variables carry no code; they are bad input all the same. */
function variableError(error: GraphQLError): FieldError | undefined {
  const match = /^Variable "\$(\w+)" got invalid value .*?(?: at "([\w.[\]]+)")?; (.*)$/s.exec(error.message);
  const missing = /^Variable "\$(\w+)" of (?:required |non-null )?type .*$/s.exec(error.message);
  if (!match) return missing ? { path: toSnake(missing[1]!), message: 'is required' } : undefined;
  const place = (match[2] ?? match[1]!).replace(/^input(\.|$)/, '').replace(/\[(\d+)\]/g, '.$1');
  const absent = /^Field "(\w+)" of required type/.exec(match[3]!)?.[1];
  const path = [place, absent].filter((part) => part !== undefined && part !== '').join('.');
  const reason = REASONS.get(match[3]!) ?? match[3]!;
  return { path: path === '' ? 'body' : toSnake(path), message: absent ? 'is required' : reason };
}

/** Of complaints that do not say why. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['Expected type JSON.', 'must be JSON without the character U+0000 in its keys'],
]);

/** A scalar that says which part of its value is wrong knows better than the engine. */
const withinValue = ({ path, message }: FieldError, parts: FieldError[] | undefined): FieldError =>
  parts?.[0]
    ? { path: [path, parts[0].path].filter(Boolean).join('.'), message: parts[0].message }
    : { path, message };

function fromGraphQL(error: GraphQLError, requestId: string): Refusal | undefined {
  const { code, status, errors, retryAfterMs, extra } = error.extensions as Partial<Facts>;
  // First: an endpoint may have marked the engine's own complaints as bad requests, but here they are about one value.
  const complaint = originOf(error) instanceof GraphQLError ? variableError(error) : undefined;
  if (complaint) {
    const field = withinValue(complaint, errors);
    const detail = `${field.path}: ${field.message}`;
    return refuse({ code: 'validation_failed', status: 422, detail, errors: [field] }, requestId);
  }
  if (isErrorCode(code)) {
    const detail = code === 'internal_error' ? 'Unexpected error' : error.message;
    return refuse(
      { code, status: status ?? ERROR_STATUS[code], detail, errors, retryAfterMs, extra },
      requestId,
    );
  }
  // The code that GraphQL servers agree on for arguments that a resolver or scalar refuses.
  if (code !== 'BAD_USER_INPUT') return undefined;
  return refuse({ code: 'validation_failed', status: 422, detail: error.message }, requestId);
}

/** GraphQL wraps what a resolver throws, sometimes more than once. */
function originOf(error: unknown): unknown {
  let current = error;
  while (current instanceof GraphQLError && current.originalError) current = current.originalError;
  return current;
}

/**
 * Turns any error into the answer a client may see. An error that is not one of the product's own is logged here, once,
 * and reaches the client as `Unexpected error` with the request id.
 */
export function toRefusal(error: unknown, requestId: string, logger: Logger): Refusal {
  const domain = originOf(error);
  if (domain instanceof DomainError && domain.code !== 'internal_error') {
    const { errors, retryAfterMs, extra } = domain.details;
    return refuse(
      { code: domain.code, status: domain.status, detail: domain.message, errors, retryAfterMs, extra },
      requestId,
    );
  }
  const known = error instanceof GraphQLError ? fromGraphQL(error, requestId) : undefined;
  if (known) return known;
  logger.error({ err: error, requestId }, 'unexpected error in a REST request');
  return unexpected(requestId);
}

/** Answers with `application/problem+json`; when the headers are gone already the connection is cut instead. */
export function sendRefusal(response: ServerResponse, { problem, headers }: Refusal, isHead = false): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(problem);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = problem.status;
  response.setHeader('Content-Type', 'application/problem+json');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(isHead ? undefined : body);
}
