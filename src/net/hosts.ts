import { invalid } from '../errors';

/** An exact host name, or `*.example.com` for the names below it (not the name itself), or with a port `host:8080`. */
const HOST_PATTERN =
  /^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(:\d{1,5})?$/;
const IPV6_PATTERN = /^\[[0-9a-f:.]+\](:\d{1,5})?$/;

/**
 * A host list's entry in the form that `hostAllowed` compares, lower case.
 * @throws DomainError `validation_failed` at `path` when it is no host pattern
 */
export function parseHostPattern(entry: unknown, path: string): string {
  const text = typeof entry === 'string' ? entry.trim().toLowerCase() : '';
  if (HOST_PATTERN.test(text) || IPV6_PATTERN.test(text)) return text;
  throw invalid(path, 'expected a host such as api.example.com, api.example.com:8443 or *.example.com');
}

/** Whether a URL's host is in the list. An entry without a port stands for every port. */
export function hostAllowed(url: URL, patterns: readonly string[]): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return patterns.some((pattern) => {
    const [, wanted = '', wantedPort] = PATTERN_PARTS.exec(pattern) ?? [];
    return (wantedPort === undefined || wantedPort === port) && matchesHost(url.hostname, wanted);
  });
}

/** The colons of an IPv6 address are no port's: such hosts carry brackets. */
const PATTERN_PARTS = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/;

/** Whether a host name fits a pattern without a port. `example.com.` is `example.com` to the resolver, so it is here. */
export function matchesHost(hostname: string, pattern: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  const wanted = pattern.toLowerCase();
  return wanted.startsWith('*.')
    ? host.endsWith(wanted.slice(1)) && host.length > wanted.length - 1
    : host === wanted;
}
