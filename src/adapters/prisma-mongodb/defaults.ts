import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { ObjectId } from 'mongodb';

const BASE36_TIME_LENGTH = 8;
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const NANOID_ALPHABET = 'useandom-26T198340PX75pxJACKVERYMINDBUSHWOLF_GQZbfghjklqvwyzrict';
const NANOID_LENGTH = 21;
const CUID2_LENGTH = 24;

let counter = 0;

/** A UUID whose first 48 bits are the time in milliseconds (RFC 9562, version 7), so that ids sort by creation. */
export function uuidV7(now: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function randomBase36(length: number): string {
  return BigInt(`0x${randomBytes(length).toString('hex')}`)
    .toString(36)
    .padStart(length, '0')
    .slice(-length);
}

/** c + time + counter + random, 25 characters, as cuid version 1. */
function cuid(): string {
  counter = (counter + 1) % 36 ** 4;
  const time = Date.now().toString(36).padStart(BASE36_TIME_LENGTH, '0');
  return `c${time}${counter.toString(36).padStart(4, '0')}${randomBase36(12)}`;
}

/** A letter and 23 characters of a hash: not guessable from the time, as cuid version 2. */
function cuid2(): string {
  const letter = String.fromCharCode(97 + (randomBytes(1)[0]! % 26));
  const digest = createHash('sha512').update(randomBytes(32)).update(Date.now().toString()).digest('hex');
  return letter + BigInt(`0x${digest}`).toString(36).slice(1, CUID2_LENGTH);
}

function ulid(): string {
  let time = Date.now();
  let prefix = '';
  for (let index = 0; index < 10; index += 1) {
    prefix = CROCKFORD[time % 32]! + prefix;
    time = Math.floor(time / 32);
  }
  return prefix + [...randomBytes(16)].map((byte) => CROCKFORD[byte % 32]).join('');
}

function nanoid(length: number): string {
  return [...randomBytes(length)].map((byte) => NANOID_ALPHABET[byte & 63]).join('');
}

export type DefaultSpec = { name: string; args: unknown[] } | string | number | boolean | null | unknown[];

/**
 * What produces the default of a field, in Prisma's form (an ObjectId for `auto()`).
 * @throws Error for functions that MongoDB has no counterpart of
 */
export function defaultProducer(spec: DefaultSpec, type: string, owner: string): () => unknown {
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    if (type === 'DateTime' && typeof spec === 'string') return () => new Date(spec);
    if (type === 'BigInt' && typeof spec === 'string') return () => BigInt(spec);
    if (type === 'Json' && typeof spec === 'string') return () => JSON.parse(spec) as unknown;
    if (type === 'Bytes' && typeof spec === 'string')
      return () => new Uint8Array(Buffer.from(spec, 'base64'));
    return () => spec;
  }
  switch (spec.name) {
    case 'auto':
      return () => new ObjectId();
    case 'now':
      return () => new Date();
    case 'uuid':
      return spec.args[0] === 7 ? () => uuidV7() : () => randomUUID();
    case 'cuid':
      return spec.args[0] === 2 ? cuid2 : cuid;
    case 'ulid':
      return ulid;
    case 'nanoid': {
      const length = typeof spec.args[0] === 'number' ? spec.args[0] : NANOID_LENGTH;
      return () => nanoid(length);
    }
    default:
      throw new Error(`${owner}: @default(${spec.name}()) cannot be computed on MongoDB.`);
  }
}
