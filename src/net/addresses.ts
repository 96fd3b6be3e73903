import ipaddr from 'ipaddr.js';

/** What is at an address, as far as it matters here. */
export type AddressClass = 'public' | 'private' | 'forbidden';

/**
 * Reachable only from where the server stands. `AGENTFLOW_ALLOW_PRIVATE_URLS` opens these and no others.
 * Names are those of ipaddr.js, which follow the IANA registries of special-purpose addresses.
 */
const PRIVATE_RANGES = new Set(['loopback', 'private', 'carrierGradeNat', 'uniqueLocal']);

/** Instance metadata services inside ranges that may be opened; the IPv4 one (169.254.169.254) is link-local anyway. */
const METADATA = new Set(['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200']);

/** `::127.0.0.1`, deprecated (RFC 4291, section 2.5.5.1); ipaddr.js reads it as if it were IPv4-mapped. */
const IPV4_COMPATIBLE = /^::\d+\.\d+\.\d+\.\d+$/;

/** Global unicast (RFC 4291, section 2.4). Everything else, such as `::7f00:1`, reaches nobody or somebody odd. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Classifies an IP address. IPv4 inside IPv6 (`::ffff:10.0.0.1`) is judged as the IPv4 address; translated and tunnelled
 * forms (NAT64, 6to4, Teredo) are forbidden, since they can name any IPv4 address.
 * @param text an address as a resolver or the URL parser writes it, without brackets
 */
export function classifyAddress(text: string): AddressClass {
  // A zone (`fe80::1%eth0`) says on which link; whatever it is, the address is not public.
  if (!ipaddr.isValid(text) || text.includes('%') || IPV4_COMPATIBLE.test(text)) return 'forbidden';
  const address = ipaddr.process(text);
  const range = address.range();
  if (METADATA.has(address.toString())) return 'forbidden';
  if (PRIVATE_RANGES.has(range)) return 'private';
  if (range !== 'unicast') return 'forbidden';
  if (address.kind() === 'ipv6' && !(address as ipaddr.IPv6).match(GLOBAL_UNICAST)) return 'forbidden';
  return 'public';
}
