import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { invalid } from '../errors';
import type { CheckedTarget } from './guard';

export interface HopRequest {
  method: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
  signal: AbortSignal;
}

/**
 * Sends one request to addresses that were checked, on a connection of its own: a kept one could belong to an earlier
 * answer of the resolver. Certificates are checked against the host's name as always.
 * Resolves at the response's head; rejects with the system's error.
 */
export function sendHop(target: CheckedTarget, request: HopRequest): Promise<http.IncomingMessage> {
  const { url, addresses } = target;
  const lookup: LookupFunction = (_hostname, options, callback) => {
    if (options.all) return callback(null, addresses);
    const [first] = addresses;
    return callback(null, first?.address ?? '', first?.family);
  };
  const { request: start } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const outgoing = start(url, {
      method: request.method,
      headers: { ...request.headers, ...lengthOf(request) },
      lookup,
      agent: false,
      signal: request.signal,
    });
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.end(request.body);
  });
}

/** Without it Node sends some methods' bodies in chunks, which a few servers refuse. */
const lengthOf = ({ body }: HopRequest): Record<string, string> =>
  body === undefined ? {} : { 'content-length': String(body.byteLength) };

/** Headers that belong to the connection, or would let a request pass for one to another host. */
const OWN_HEADERS = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'keep-alive',
  'te',
  'trailer',
  'expect',
  'proxy-authorization',
  'proxy-connection',
]);

/**
 * Headers with lower-case names.
 * @throws DomainError `validation_failed` at `<path>.<name>` for what HTTP does not allow or the connection owns
 */
export function checkHeaders(headers: Record<string, string>, path = 'headers'): Record<string, string> {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (OWN_HEADERS.has(key)) throw invalid(`${path}.${name}`, 'this header is set by the server itself');
    try {
      http.validateHeaderName(name);
      http.validateHeaderValue(name, value);
    } catch {
      throw invalid(`${path}.${name}`, 'expected a header of HTTP: no line breaks, no control characters');
    }
    checked[key] = value;
  }
  return checked;
}
