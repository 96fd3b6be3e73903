import { isIPv4 } from 'node:net';
import type { RequestHandler } from 'express';
import { DomainError } from '../errors';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The name in `localhost:8000`, `[::1]:8000`. */
const hostName = (host: string): string =>
  host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();

function isLoopbackName(host: string): boolean {
  const name = hostName(host);
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIPv4(name) && name.startsWith('127.'))
  );
}

/** `http://localhost:3000` -> `localhost:3000`; nothing for `null` and what is no address. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/**
 * Guards a server that asks for no token, because only this machine reaches it: the browser on this machine shows pages
 * of strangers, and they reach it too. Requests under another name than a loopback one are refused (DNS rebinding), and
 * writes from pages of other origins.
 * @param corsOrigins origins that may, or `*`
 * @throws DomainError `forbidden`
 */
export function refuseOtherSites(corsOrigins: readonly string[]): RequestHandler {
  const allowed = new Set(corsOrigins);
  return (request, _response, next) => {
    const { host = '', origin } = request.headers;
    if (!isLoopbackName(host))
      throw new DomainError(
        'forbidden',
        `Without tokens this server answers only to loopback names such as localhost, not to ${JSON.stringify(host)}.`,
      );
    if (
      origin === undefined ||
      SAFE.has(request.method) ||
      hostOf(origin) === host.toLowerCase() ||
      allowed.has('*') ||
      allowed.has(origin)
    )
      return next();
    throw new DomainError(
      'forbidden',
      `Pages of ${origin} may not write here; name the origin in AGENTFLOW_CORS_ORIGINS to allow it.`,
    );
  };
}
