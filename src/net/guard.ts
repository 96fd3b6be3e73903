import { type LookupAddress, lookup } from 'node:dns';
import { type DomainError, invalid } from '../errors';
import { type AddressClass, classifyAddress } from './addresses';
import { FetchFailed } from './fetch-failed';
import { hostAllowed } from './hosts';

/** All addresses of a host name. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

export const systemResolve: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    lookup(hostname, { all: true, verbatim: true }, (error, addresses) =>
      error ? reject(error) : resolve(addresses),
    );
  });

/** Names that every resolver must answer with the loopback address (RFC 6761, section 6.3). */
const LOOPBACK_NAME = /(?:^|\.)localhost\.?$/;

/** Longest URL, in characters; what common servers take. */
const URL_CHARACTERS = 8_000;

/** What holds for the URL of one request and everything that it redirects to. */
export interface GuardRules {
  allowPrivate: boolean;
  /** The host must be in each of these lists; an absent one allows every host. */
  hostLists: readonly (readonly string[] | undefined)[];
  /** Path of the input that holds the URL, for complaints. */
  field: string;
}

/** What may be connected to: nothing is resolved again after the check, so the answer cannot change in between. */
export interface CheckedTarget {
  url: URL;
  addresses: LookupAddress[];
}

/**
 * Parses a URL that somebody gave and checks everything that needs no resolver.
 * @param from the URL that redirected here, when one did
 * @throws DomainError `validation_failed` at `rules.field`
 */
export function checkUrl(text: string | URL, rules: GuardRules, from?: URL): URL {
  const given = String(text);
  const refuse = (why: string) => refused(rules.field, why, from);
  if (given.length > URL_CHARACTERS) throw refuse(`expected at most ${URL_CHARACTERS} characters`);
  if (!URL.canParse(given, from?.href)) throw refuse('expected an absolute http:// or https:// URL');
  const url = new URL(given, from?.href);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refuse(`expected an http:// or https:// URL, not ${url.protocol}`);
  }
  if (url.username || url.password) throw refuse('a URL with a user name or password is not fetched');
  if (!url.hostname) throw refuse('the URL has no host');
  for (const list of rules.hostLists) {
    if (list && !hostAllowed(url, list))
      throw refuse(`the host ${url.host} is not in the list of allowed hosts`);
  }
  const literal = literalAddress(url);
  if (literal) assertReachable(classifyAddress(literal), url, rules, from);
  if (LOOPBACK_NAME.test(url.hostname)) assertReachable('private', url, rules, from);
  return url;
}

/**
 * Resolves the host of a checked URL. One address that is not allowed refuses them all: a name that is half inside is no
 * public name.
 * @throws DomainError `validation_failed` when an address is not allowed, FetchFailed `dns` when there is none
 */
export async function resolveTarget(
  url: URL,
  rules: GuardRules,
  resolve: Resolve,
  from?: URL,
): Promise<CheckedTarget> {
  const literal = literalAddress(url);
  if (literal) return { url, addresses: [{ address: literal, family: literal.includes(':') ? 6 : 4 }] };
  const addresses = await resolve(url.hostname);
  if (addresses.length === 0) throw new FetchFailed('dns', `${url.hostname}: the name has no address`);
  for (const { address } of addresses) assertReachable(classifyAddress(address), url, rules, from);
  return { url, addresses };
}

/** The URL parser has already turned decimal, octal and hexadecimal forms of IPv4 into the dotted one. */
function literalAddress(url: URL): string | undefined {
  const { hostname } = url;
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? hostname : undefined;
}

function assertReachable(kind: AddressClass, url: URL, rules: GuardRules, from?: URL): void {
  if (kind === 'public' || (kind === 'private' && rules.allowPrivate)) return;
  const why = kind === 'private' ? 'a private address' : 'an address that is reserved for special purposes';
  throw refused(rules.field, `the host ${url.hostname} is at ${why}; such addresses are not fetched`, from);
}

function refused(field: string, why: string, from?: URL): DomainError {
  return invalid(field, from ? `${from.host} redirects elsewhere: ${why}` : why);
}
