import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const REQUEST_ID_FORMAT = /^[A-Za-z0-9_-]{1,128}$/;

const known = new WeakMap<IncomingMessage, string>();

/**
 * The id of a request: the caller's `X-Request-Id` when it is well-formed, else a new one. Answered as a header, and the
 * same however often it is asked for.
 */
export function requestIdOf(request: IncomingMessage, response: ServerResponse): string {
  const existing = known.get(request);
  if (existing !== undefined) return existing;
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && REQUEST_ID_FORMAT.test(given) ? given : randomUUID();
  known.set(request, id);
  response.setHeader('X-Request-Id', id);
  return id;
}
