import type { RequestHandler } from 'express';

/** Answer headers that a script of another origin may read. */
const EXPOSED = [
  'X-Request-Id',
  'X-Total-Count',
  'Link',
  'Location',
  'ETag',
  'Retry-After',
  'AgentFlow-Ignored-Fields',
  'Idempotent-Replayed',
  'Content-Disposition',
  'Content-Range',
  'WWW-Authenticate',
].join(', ');

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** Seconds that a browser may keep the answer to a preflight; Chromium keeps none longer than 7,200. */
const PREFLIGHT_MAX_AGE = 7200;

/**
 * Lets scripts of the named origins use the API. Tokens travel in the `Authorization` header and there are no cookies,
 * so credentials are never allowed.
 * @param origins exact origins (`https://app.example.com`), or `*` for any; empty means none
 */
export function cors(origins: readonly string[]): RequestHandler {
  const any = origins.includes('*');
  const allowed = new Set(origins);
  return (request, response, next) => {
    const { origin } = request.headers;
    if (origins.length === 0 || origin === undefined) return next();
    if (!any) response.appendHeader('Vary', 'Origin');
    if (!any && !allowed.has(origin)) return next();
    response.setHeader('Access-Control-Allow-Origin', any ? '*' : origin);
    response.setHeader('Access-Control-Expose-Headers', EXPOSED);
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
      return next();
    response.setHeader('Access-Control-Allow-Methods', METHODS);
    const asked = request.headers['access-control-request-headers'];
    if (asked !== undefined) response.setHeader('Access-Control-Allow-Headers', asked);
    response.setHeader('Access-Control-Max-Age', PREFLIGHT_MAX_AGE);
    response.locals.route = 'preflight';
    response.writeHead(204).end();
  };
}
