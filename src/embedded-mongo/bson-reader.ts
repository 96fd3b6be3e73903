/**
 * Decodes BSON as `bson`'s `deserialize` does with `DECODE_OPTIONS`, several times as fast: field names are looked up
 * by their bytes instead of being made anew, and the types that commands and documents are made of are read in place.
 * Rare types go to the `bson` package, so that there is one definition of what they decode to.
 */
import {
  Binary,
  Double,
  Int32,
  Long,
  ObjectId,
  UUID,
  deserialize,
  type DeserializeOptions,
  type Document,
} from 'bson';

/** Number types must survive a round trip, so numbers stay in their wrappers. Strings were checked by the driver. */
export const DECODE_OPTIONS: DeserializeOptions = {
  promoteValues: false,
  validation: { utf8: false },
};

const UUID_SUBTYPE = 4;
const OLD_BINARY_SUBTYPE = 2;
const UUID_BYTES = 16;
/** MongoDB's own limit is 100; documents from elsewhere may be deeper, the call stack not endlessly. */
const MAX_DEPTH = 500;

interface KnownName {
  bytes: Buffer;
  name: string;
}

/** A power of two; two names that share a slot take turns in it. */
const NAME_SLOTS = 4096;
const LONGEST_KNOWN_NAME = 40;
const knownNames: (KnownName | undefined)[] = new Array<KnownName | undefined>(NAME_SLOTS).fill(undefined);

/** The end (its zero byte) of the last name read; returned beside the name without an object per name. */
let nameEnd = 0;

/** @returns the C string at `from`; `nameEndOf()` is then the offset of its zero byte. */
export function readName(raw: Buffer, from: number): string {
  let hash = 7;
  let at = from;
  for (let byte = raw[at]; byte !== 0; byte = raw[++at]) {
    if (byte === undefined) throw new RangeError('corrupt BSON: unterminated string');
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  nameEnd = at;
  const length = at - from;
  const slot = (hash ^ (hash >>> 12)) & (NAME_SLOTS - 1);
  const known = knownNames[slot];
  if (known !== undefined && known.bytes.length === length) {
    let i = 0;
    while (i < length && known.bytes[i] === raw[from + i]) i += 1;
    if (i === length) return known.name;
  }
  const name = raw.toString('utf8', from, at);
  if (length <= LONGEST_KNOWN_NAME) knownNames[slot] = { bytes: Buffer.from(raw.subarray(from, at)), name };
  return name;
}

export const nameEndOf = (): number => nameEnd;

export function readInt32(raw: Buffer, at: number): number {
  return raw[at]! | (raw[at + 1]! << 8) | (raw[at + 2]! << 16) | (raw[at + 3]! << 24);
}

/** Offset just after the value of `type` at `at`; at most `limit`. @throws RangeError when it runs past it */
export function valueEnd(raw: Buffer, type: number, at: number, limit: number): number {
  const end = unboundedEnd(raw, type, at);
  if (end < at || end > limit) throw new RangeError('corrupt BSON: element runs past the document');
  return end;
}

function unboundedEnd(raw: Buffer, type: number, at: number): number {
  switch (type) {
    case 0x01:
    case 0x09:
    case 0x11:
    case 0x12:
      return at + 8;
    case 0x02:
    case 0x0d:
    case 0x0e:
      return at + 4 + atLeast(1, readInt32(raw, at));
    case 0x03:
    case 0x04:
    case 0x0f:
      return at + atLeast(5, readInt32(raw, at));
    case 0x05:
      return at + 5 + atLeast(0, readInt32(raw, at));
    case 0x07:
      return at + 12;
    case 0x08:
      return at + 1;
    case 0x0b:
      return skipCString(raw, skipCString(raw, at));
    case 0x0c:
      return at + 16 + atLeast(1, readInt32(raw, at));
    case 0x10:
      return at + 4;
    case 0x13:
      return at + 16;
    case 0x06:
    case 0x0a:
    case 0x7f:
    case 0xff:
      return at;
    default:
      throw new RangeError(`corrupt BSON: unknown element type 0x${type.toString(16)}`);
  }
}

function atLeast(least: number, size: number): number {
  if (size < least) throw new RangeError(`corrupt BSON: a size of ${size}`);
  return size;
}

function skipCString(raw: Buffer, from: number): number {
  const end = raw.indexOf(0, from);
  if (end < 0) throw new RangeError('corrupt BSON: unterminated string');
  return end + 1;
}

/** @throws RangeError, BSONError when `raw` is not exactly one well-formed document */
export function decodeDocument(raw: Buffer): Document {
  if (raw.length < 5 || readInt32(raw, 0) !== raw.length) {
    throw new RangeError(`corrupt BSON: a document of ${raw.length} bytes says otherwise of itself`);
  }
  return readDocument(raw, 0, raw.length, 0);
}

function readDocument(raw: Buffer, start: number, end: number, depth: number): Document {
  checkFrame(raw, end, depth);
  const doc: Document = {};
  const last = end - 1;
  let at = start + 4;
  while (at < last) {
    const type = raw[at]!;
    const name = readName(raw, at + 1);
    // A reference becomes a DBRef.
    if (name.charCodeAt(0) === 0x24 && name === '$ref')
      return deserialize(raw.subarray(start, end), DECODE_OPTIONS);
    const valueAt = nameEnd + 1;
    at = valueEnd(raw, type, valueAt, last);
    const value = readValue(raw, type, valueAt, at, depth);
    if (name === '__proto__') setOwn(doc, name, value);
    else doc[name] = value;
  }
  return doc;
}

function readArray(raw: Buffer, start: number, end: number, depth: number): unknown[] {
  checkFrame(raw, end, depth);
  const values: unknown[] = [];
  const last = end - 1;
  let at = start + 4;
  while (at < last) {
    const type = raw[at]!;
    let valueAt = at + 1;
    while (raw[valueAt] !== 0 && valueAt < last) valueAt += 1;
    valueAt += 1;
    at = valueEnd(raw, type, valueAt, last);
    values.push(readValue(raw, type, valueAt, at, depth));
  }
  return values;
}

function checkFrame(raw: Buffer, end: number, depth: number): void {
  if (raw[end - 1] !== 0) throw new RangeError('corrupt BSON: a document without its final zero');
  if (depth > MAX_DEPTH) throw new RangeError(`a document nested more than ${MAX_DEPTH} levels deep`);
}

function setOwn(doc: Document, name: string, value: unknown): void {
  Object.defineProperty(doc, name, { value, writable: true, enumerable: true, configurable: true });
}

/** The value of `type` in [at, end), whose bounds were checked with `valueEnd`. */
export function readValue(raw: Buffer, type: number, at: number, end: number, depth: number): unknown {
  switch (type) {
    case 0x02:
      return readString(raw, at + 4, end - 1);
    case 0x10:
      return new Int32(readInt32(raw, at));
    case 0x01:
      return new Double(raw.readDoubleLE(at));
    case 0x12:
      return new Long(readInt32(raw, at), readInt32(raw, at + 4));
    case 0x03:
      return readDocument(raw, at, end, depth + 1);
    case 0x04:
      return readArray(raw, at, end, depth + 1);
    case 0x09:
      return new Date(readInt32(raw, at + 4) * 0x100000000 + (readInt32(raw, at) >>> 0));
    case 0x08:
      if (raw[at]! > 1) throw new RangeError('corrupt BSON: illegal boolean value');
      return raw[at] === 1;
    case 0x0a:
      return null;
    case 0x07:
      return new ObjectId(Uint8Array.prototype.slice.call(raw, at, at + 12));
    case 0x05:
      return readBinary(raw, at, end);
    default:
      return readRare(raw, type, at, end);
  }
}

function readString(raw: Buffer, from: number, end: number): string {
  if (raw[end] !== 0) throw new RangeError('corrupt BSON: a string without its final zero');
  return raw.toString('utf8', from, end);
}

function readBinary(raw: Buffer, at: number, end: number): unknown {
  const subType = raw[at + 4]!;
  if (subType === OLD_BINARY_SUBTYPE) return readRare(raw, 0x05, at, end);
  const bytes = Uint8Array.prototype.slice.call(raw, at + 5, end) as Uint8Array;
  if (subType === UUID_SUBTYPE && bytes.length === UUID_BYTES) return new UUID(bytes);
  return new Binary(bytes, subType);
}

function readRare(raw: Buffer, type: number, at: number, end: number): unknown {
  const wrapped = Buffer.alloc(4 + 3 + (end - at) + 1);
  wrapped.writeInt32LE(wrapped.length, 0);
  wrapped[4] = type;
  wrapped.write('v', 5, 'latin1');
  raw.copy(wrapped, 7, at, end);
  return deserialize(wrapped, DECODE_OPTIONS)['v'];
}

/** Decodes only the named top-level fields. */
export function decodeNamed(raw: Buffer, names: ReadonlySet<string>): Document {
  const doc: Document = {};
  const last = raw.length - 1;
  let left = names.size;
  let at = 4;
  while (at < last && left > 0) {
    const type = raw[at]!;
    const name = readName(raw, at + 1);
    const valueAt = nameEnd + 1;
    at = valueEnd(raw, type, valueAt, last);
    if (!names.has(name)) continue;
    left -= 1;
    const value = readValue(raw, type, valueAt, at, 0);
    if (name === '__proto__') setOwn(doc, name, value);
    else doc[name] = value;
  }
  return doc;
}

/** The elements of the array at [start, end) of `raw` undecoded, or null when one of them is not a document. */
export function rawDocumentsOf(raw: Buffer, start: number, end: number): Buffer[] | null {
  checkFrame(raw, end, 0);
  const documents: Buffer[] = [];
  const last = end - 1;
  let at = start + 4;
  while (at < last) {
    const type = raw[at]!;
    readName(raw, at + 1);
    const valueAt = nameEnd + 1;
    at = valueEnd(raw, type, valueAt, last);
    if (type !== 0x03) return null;
    documents.push(raw.subarray(valueAt, at));
  }
  return documents;
}
