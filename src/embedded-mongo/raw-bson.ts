/**
 * BSON without decoding: walking the top-level elements of a stored document, taking some of them, and assembling
 * replies from stored bytes. Decoding is what a database pays for most in JavaScript; this keeps it off the hot paths.
 */
import { serialize, type Document } from 'bson';
import { decodeDocument, decodeNamed, nameEndOf, readName, valueEnd } from './bson-reader';

export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

const enum Type {
  Double = 0x01,
  String = 0x02,
  Document = 0x03,
  Array = 0x04,
  Int32 = 0x10,
  Int64 = 0x12,
  Boolean = 0x08,
}

export function decode(raw: Buffer): Document {
  return decodeDocument(raw);
}

export function encode(doc: Document): Buffer {
  const bytes = serialize(doc, { ignoreUndefined: true });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Calls `visit` for each top-level element until it returns false. Offsets are [start, end) of the whole element. */
export function walkElements(
  raw: Buffer,
  visit: (name: string, type: number, start: number, valueStart: number, end: number) => boolean | void,
): void {
  const last = raw.length - 1;
  let at = 4;
  while (at < last) {
    const type = raw[at]!;
    const name = readName(raw, at + 1);
    const valueStart = nameEndOf() + 1;
    const end = valueEnd(raw, type, valueStart, last);
    if (visit(name, type, at, valueStart, end) === false) return;
    at = end;
  }
}

/** A document of the given [start, end) slices of `raw`, in that order. */
function assemble(raw: Buffer, slices: readonly (readonly [number, number])[]): Buffer {
  let size = 5;
  for (const [start, end] of slices) size += end - start;
  const out = Buffer.allocUnsafe(size);
  out.writeInt32LE(size, 0);
  let at = 4;
  for (const [start, end] of slices) at += raw.copy(out, at, start, end);
  out[at] = 0;
  return out;
}

/** The elements of `raw` whose top-level name is in `names`, undecoded, in stored order. */
export function pickElements(raw: Buffer, names: ReadonlySet<string>): Buffer {
  const slices: [number, number][] = [];
  let left = names.size;
  walkElements(raw, (name, _type, start, _value, end) => {
    if (!names.has(name)) return true;
    slices.push([start, end]);
    return --left > 0;
  });
  return assemble(raw, slices);
}

/** All elements except the named ones, undecoded. */
export function omitElements(raw: Buffer, names: ReadonlySet<string>): Buffer {
  const slices: [number, number][] = [];
  walkElements(raw, (name, _type, start, _value, end) => {
    if (!names.has(name)) slices.push([start, end]);
  });
  return assemble(raw, slices);
}

/** Decodes only the named top-level fields. */
export function decodeFields(raw: Buffer, names: ReadonlySet<string>): Document {
  return decodeNamed(raw, names);
}

const ID_ONLY: ReadonlySet<string> = new Set(['_id']);

/** The decoded `_id`, or undefined when the document has none. */
export function decodeId(raw: Buffer): unknown {
  return decodeFields(raw, ID_ONLY)['_id'];
}

/**
 * MongoDB stores `_id` first whatever the client sent. Returns `raw` itself when it already is,
 * and null when there is no `_id`. Always checks that the element structure is sound.
 */
export function withIdFirst(raw: Buffer): Buffer | null {
  let idSlice: [number, number] | null = null;
  const others: [number, number][] = [];
  let index = 0;
  let idIndex = -1;
  walkElements(raw, (name, _type, start, _value, end) => {
    if (name === '_id' && idSlice === null) {
      idSlice = [start, end];
      idIndex = index;
    } else others.push([start, end]);
    index += 1;
  });
  if (idSlice === null) return null;
  return idIndex === 0 ? raw : assemble(raw, [idSlice, ...others]);
}

/** True when every named top-level element has the same bytes in both documents. */
export function sameElements(a: Buffer, b: Buffer, names: ReadonlySet<string>): boolean {
  return pickElements(a, names).equals(pickElements(b, names));
}

const arrayKeys: Buffer[] = [];
function arrayKey(index: number): Buffer {
  return (arrayKeys[index] ??= Buffer.from(`${index}\0`, 'latin1'));
}

/** Bytes of an OP_MSG before its body: header, flags and section kind. */
export const REPLY_HEAD_BYTES = 21;

/** A reply as bytes, with room before them for the message's head, so that a large batch is copied once. */
export class RawReply {
  constructor(readonly message: Buffer) {}

  get body(): Buffer {
    return this.message.subarray(REPLY_HEAD_BYTES);
  }
}

/** Builds `{ cursor: { firstBatch|nextBatch: [...], id, ns }, ok: 1 }` from undecoded documents. */
export function cursorReply(
  batchName: 'firstBatch' | 'nextBatch',
  batch: readonly Buffer[],
  cursor: { id: bigint; ns: string },
  extra?: Document,
): RawReply {
  let arraySize = 5;
  for (let i = 0; i < batch.length; i++) arraySize += 1 + arrayKey(i).length + batch[i]!.length;
  const nsBytes = Buffer.byteLength(cursor.ns);
  const cursorSize = 4 + (1 + batchName.length + 1 + arraySize) + (1 + 3 + 8) + (1 + 3 + 4 + nsBytes + 1) + 1;
  const extraElements = extra === undefined ? null : encode(extra);
  const extraSize = extraElements === null ? 0 : extraElements.length - 5;
  const size = 4 + (1 + 7 + cursorSize) + (1 + 3 + 8) + extraSize + 1;

  const out = Buffer.allocUnsafe(REPLY_HEAD_BYTES + size);
  let at = out.writeInt32LE(size, REPLY_HEAD_BYTES);
  out[at++] = Type.Document;
  at += out.write('cursor\0', at, 'latin1');
  at = out.writeInt32LE(cursorSize, at);
  out[at++] = Type.Array;
  at += out.write(`${batchName}\0`, at, 'latin1');
  at = out.writeInt32LE(arraySize, at);
  for (let i = 0; i < batch.length; i++) {
    out[at++] = Type.Document;
    const key = arrayKey(i);
    out.set(key, at);
    at += key.length;
    out.set(batch[i]!, at);
    at += batch[i]!.length;
  }
  out[at++] = 0;
  out[at++] = Type.Int64;
  at += out.write('id\0', at, 'latin1');
  at = out.writeBigInt64LE(cursor.id, at);
  out[at++] = Type.String;
  at += out.write('ns\0', at, 'latin1');
  at = out.writeInt32LE(nsBytes + 1, at);
  at += out.write(cursor.ns, at);
  out[at++] = 0;
  out[at++] = 0;
  if (extraElements !== null) at += extraElements.copy(out, at, 4, extraElements.length - 1);
  at = writeOk(out, at);
  out[at] = 0;
  return new RawReply(out);
}

function writeOk(out: Buffer, at: number): number {
  out[at++] = Type.Double;
  at += out.write('ok\0', at, 'latin1');
  return out.writeDoubleLE(1, at);
}
