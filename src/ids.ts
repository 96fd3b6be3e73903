import { createHash, randomBytes } from 'node:crypto';

const POOL_BYTES = 4096;
const RANDOM_BYTES = 10;
let pool = Buffer.alloc(0);
let used = 0;

function takeRandom(): number {
  if (used + RANDOM_BYTES > pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  used += RANDOM_BYTES;
  return used - RANDOM_BYTES;
}

const format = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

const timeHex = (at: number): string => at.toString(16).padStart(12, '0');

/** A UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 random bits, so that ids of one process sort by time. */
export function newId(at: number = Date.now()): string {
  const start = takeRandom();
  const bytes = pool.subarray(start, start + RANDOM_BYTES);
  bytes[0] = (bytes[0]! & 0x0f) | 0x70;
  bytes[2] = (bytes[2]! & 0x3f) | 0x80;
  return format(timeHex(at) + bytes.toString('hex'));
}

/** The smallest UUIDv7 of an instant: ids made since then compare greater or equal. */
export const firstIdSince = (at: Date): string => format(`${timeHex(at.getTime())}70008000000000000000`);

/** A UUID that is always the same for the same name (RFC 9562, version 8 over SHA-256). */
export function stableId(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return format(bytes.toString('hex'));
}
