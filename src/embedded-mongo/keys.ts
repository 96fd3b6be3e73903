/**
 * Byte layout of storage keys. Every key starts with a 4-byte big-endian id of its collection (documents) or index
 * (index entries), so that one LMDB table holds all of a kind and a drop is a range.
 *
 *   documents:     [u32 collection id][id key]                             -> raw BSON
 *   index entries: [u32 index id][value key][id key][u16 length of id key] -> nothing
 */
import { createHash } from 'node:crypto';

/** LMDB refuses keys over 1,978 bytes with 4 KiB pages; the parts below stay under that together. */
export const MAX_ID_KEY_BYTES = 480;
export const MAX_VALUE_KEY_BYTES = 1_400;
const PREFIX_BYTES = 4;
const TRAILER_BYTES = 2;
const HASH_BYTES = 32;

export function prefixKey(storageId: number): Buffer {
  const key = Buffer.allocUnsafe(PREFIX_BYTES);
  key.writeUInt32BE(storageId, 0);
  return key;
}

/**
 * Cuts an over-long key to `max` bytes ending in a hash of the whole: equal values stay equal and different values stay
 * different, but order among values that share the kept bytes is lost (callers record that and stop sorting by it).
 */
export function boundKey(key: Buffer, max: number): Buffer {
  if (key.length <= max) return key;
  const hash = createHash('sha256').update(key).digest();
  return Buffer.concat([key.subarray(0, max - HASH_BYTES), hash]);
}

/** The kept bytes of an over-long key without the hash: what a range bound may rely on. */
export function rangePrefix(key: Buffer, max: number): Buffer {
  return key.length <= max ? key : key.subarray(0, max - HASH_BYTES);
}

export function documentKey(collectionId: number, idKey: Buffer): Buffer {
  const key = Buffer.allocUnsafe(PREFIX_BYTES + idKey.length);
  key.writeUInt32BE(collectionId, 0);
  key.set(idKey, PREFIX_BYTES);
  return key;
}

/** Reused by `documentKeyOfEntry`; LMDB copies a key before it reads on. */
const scratchKey = Buffer.alloc(PREFIX_BYTES + MAX_ID_KEY_BYTES);
const scratchKeys: Buffer[] = [];

/** The key of the document an index entry stands for; valid until the next call. */
export function documentKeyOfEntry(collectionId: number, entry: Buffer): Buffer {
  const end = entry.length - TRAILER_BYTES;
  const idLength = (entry[end]! << 8) | entry[end + 1]!;
  const length = PREFIX_BYTES + idLength;
  const key = (scratchKeys[length] ??= scratchKey.subarray(0, length));
  key.writeUInt32BE(collectionId, 0);
  entry.copy(key, PREFIX_BYTES, end - idLength, end);
  return key;
}

export function idKeyOfDocumentKey(key: Buffer): Buffer {
  return key.subarray(PREFIX_BYTES);
}

export function indexEntryKey(indexId: number, valueKey: Buffer, idKey: Buffer): Buffer {
  const key = Buffer.allocUnsafe(PREFIX_BYTES + valueKey.length + idKey.length + TRAILER_BYTES);
  key.writeUInt32BE(indexId, 0);
  key.set(valueKey, PREFIX_BYTES);
  key.set(idKey, PREFIX_BYTES + valueKey.length);
  key.writeUInt16BE(idKey.length, key.length - TRAILER_BYTES);
  return key;
}

export function idKeyOfEntry(entry: Buffer): Buffer {
  const end = entry.length - TRAILER_BYTES;
  return entry.subarray(end - entry.readUInt16BE(end), end);
}

/** The smallest key greater than every key that starts with `prefix`. */
export function successor(prefix: Buffer): Buffer {
  let last = prefix.length - 1;
  while (last >= 0 && prefix[last] === 0xff) last -= 1;
  if (last < 0) throw new RangeError('no key follows an all-0xff prefix');
  const next = Buffer.from(prefix.subarray(0, last + 1));
  next[last]! += 1;
  return next;
}
