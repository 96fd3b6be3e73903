/**
 * The MongoDB wire protocol: OP_MSG both ways, and the legacy OP_QUERY handshake.
 * Source: the "MongoDB Wire Protocol" page of the MongoDB manual.
 */
import type { Document } from 'bson';
import { rawDocumentsOf } from './bson-reader';
import { MongoCommandError } from './errors';
import { RawReply, decode, encode, omitElements, walkElements } from './raw-bson';

export const OP_REPLY = 1;
export const OP_QUERY = 2004;
export const OP_MSG = 2013;
const OP_COMPRESSED = 2012;

export const HEADER_BYTES = 16;
export const MAX_MESSAGE_BYTES = 48_000_000;

const FLAG_CHECKSUM_PRESENT = 1 << 0;
const FLAG_MORE_TO_COME = 1 << 1;
/** Bits 0-15 are "required": a receiver that does not know one must refuse the message. */
const REQUIRED_FLAGS_KNOWN = FLAG_CHECKSUM_PRESENT | FLAG_MORE_TO_COME;

/** One command as it came off the wire. */
export interface CommandMessage {
  requestId: number;
  legacy: boolean;
  /** The client wants no reply (unacknowledged write). */
  moreToCome: boolean;
  body: Document;
  /** Undecoded documents of kind-1 sections and of the body's own document arrays, by field name. */
  sequences: Map<string, Buffer[]>;
}

/** Stored undecoded. */
const DOCUMENTS: ReadonlySet<string> = new Set(['documents']);
const ARRAY_TYPE = 0x04;

/** @throws MongoCommandError (ProtocolError) when the bytes are not a well-formed message */
export function parseMessage(message: Buffer): CommandMessage {
  const requestId = message.readInt32LE(4);
  const opCode = message.readInt32LE(12);
  if (opCode === OP_MSG) return parseOpMsg(message, requestId);
  if (opCode === OP_QUERY) return parseOpQuery(message, requestId);
  const name = opCode === OP_COMPRESSED ? 'OP_COMPRESSED (compression was not negotiated)' : String(opCode);
  throw new MongoCommandError('ProtocolError', `Unsupported wire protocol operation ${name}; use OP_MSG.`);
}

function parseOpMsg(message: Buffer, requestId: number): CommandMessage {
  const flags = message.readUInt32LE(16);
  if ((flags & 0xffff & ~REQUIRED_FLAGS_KNOWN) !== 0) {
    throw new MongoCommandError('ProtocolError', `OP_MSG carries unknown required flag bits: ${flags}`);
  }
  const end = message.length - (flags & FLAG_CHECKSUM_PRESENT ? 4 : 0);
  const sequences = new Map<string, Buffer[]>();
  let body: Document | null = null;
  let at = 20;
  while (at < end) {
    const kind = message[at++];
    const size = sectionSize(message, at, end);
    if (kind === 0) {
      body = decodeBody(message.subarray(at, at + size), sequences);
    } else if (kind === 1) {
      const nameEnd = message.indexOf(0, at + 4);
      sequences.set(
        message.toString('utf8', at + 4, nameEnd),
        splitDocuments(message, nameEnd + 1, at + size),
      );
    } else {
      throw new MongoCommandError('ProtocolError', `OP_MSG section of unknown kind ${kind}`);
    }
    at += size;
  }
  if (body === null) throw new MongoCommandError('ProtocolError', 'OP_MSG without a body section');
  return { requestId, legacy: false, moreToCome: (flags & FLAG_MORE_TO_COME) !== 0, body, sequences };
}

function sectionSize(message: Buffer, at: number, end: number): number {
  const size = at + 4 <= end ? message.readInt32LE(at) : 0;
  if (size < 5 || at + size > end) {
    throw new MongoCommandError('ProtocolError', 'OP_MSG section runs past the message');
  }
  return size;
}

function splitDocuments(message: Buffer, from: number, end: number): Buffer[] {
  const documents: Buffer[] = [];
  let at = from;
  while (at < end) {
    const size = sectionSize(message, at, end);
    documents.push(message.subarray(at, at + size));
    at += size;
  }
  return documents;
}

function decodeBody(bytes: Buffer, sequences: Map<string, Buffer[]>): Document {
  // Only insert's own `documents`: elsewhere it may be a user's field.
  const isInsert = bytes.toString('latin1', 5, 12) === 'insert\0';
  if (!isInsert) return decode(bytes);
  let documents: Buffer[] | null = null;
  walkElements(bytes, (name, type, _start, valueStart, end) => {
    if (name === 'documents' && type === ARRAY_TYPE) documents = rawDocumentsOf(bytes, valueStart, end);
  });
  if (documents === null) return decode(bytes);
  sequences.set('documents', documents);
  return decode(omitElements(bytes, DOCUMENTS));
}

function parseOpQuery(message: Buffer, requestId: number): CommandMessage {
  const nameEnd = message.indexOf(0, 20);
  const namespace = message.toString('utf8', 20, nameEnd);
  if (!namespace.endsWith('.$cmd')) {
    throw new MongoCommandError('ProtocolError', 'OP_QUERY is supported for the handshake only; use OP_MSG.');
  }
  const at = nameEnd + 9;
  const size = sectionSize(message, at, message.length);
  const body = decodeBody(message.subarray(at, at + size), new Map());
  body['$db'] ??= namespace.slice(0, -'.$cmd'.length);
  return { requestId, legacy: true, moreToCome: false, body, sequences: new Map() };
}

let nextRequestId = 1;

/** One message that answers `request`. */
export function frameReply(
  request: { requestId: number; legacy: boolean },
  reply: Document | RawReply,
): Buffer {
  const bytes = reply instanceof RawReply ? reply.body : encode(reply);
  if (request.legacy) return frame(request.requestId, OP_REPLY, LEGACY_FIELDS, bytes);
  if (!(reply instanceof RawReply)) return frame(request.requestId, OP_MSG, NO_FLAGS_BODY, bytes);
  const { message } = reply;
  message.set(NO_FLAGS_BODY, HEADER_BYTES);
  writeHeader(message, request.requestId, OP_MSG);
  return message;
}

/** Four bytes of flags and the kind of the body section. */
const NO_FLAGS_BODY = Buffer.alloc(5);
/** Flags (8: await capable), cursor id, starting from, and the number of documents: 1. */
const LEGACY_FIELDS = Buffer.from([8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);

function frame(responseTo: number, opCode: number, fields: Buffer, bytes: Buffer): Buffer {
  const message = Buffer.allocUnsafe(HEADER_BYTES + fields.length + bytes.length);
  message.set(fields, HEADER_BYTES);
  message.set(bytes, HEADER_BYTES + fields.length);
  writeHeader(message, responseTo, opCode);
  return message;
}

function writeHeader(message: Buffer, responseTo: number, opCode: number): void {
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE((nextRequestId = (nextRequestId + 1) & 0x7fffffff), 4);
  message.writeInt32LE(responseTo, 8);
  message.writeInt32LE(opCode, 12);
}

/** Cuts a byte stream into whole messages. */
export class MessageSplitter {
  private chunks: Buffer[] = [];
  private buffered = 0;

  /** @throws MongoCommandError when a header announces an impossible length; the connection must then be closed */
  push(chunk: Buffer): Buffer[] {
    this.chunks.push(chunk);
    this.buffered += chunk.length;
    const messages: Buffer[] = [];
    while (this.buffered >= HEADER_BYTES) {
      const length = this.peekLength();
      if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
        throw new MongoCommandError(
          'ProtocolError',
          `Message of ${length} bytes; the limit is ${MAX_MESSAGE_BYTES}`,
        );
      }
      if (this.buffered < length) break;
      messages.push(this.take(length));
    }
    return messages;
  }

  private peekLength(): number {
    if (this.chunks[0]!.length < 4) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0]!.readInt32LE(0);
  }

  private take(length: number): Buffer {
    const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
    this.chunks = all.length > length ? [all.subarray(length)] : [];
    this.buffered -= length;
    return all.subarray(0, length);
  }
}
