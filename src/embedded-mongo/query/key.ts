import type { Document, ObjectId, Timestamp } from 'bson';
import { binaryOf, fieldsOf, regexOf } from './bson-types';
import { Rank, rankOf } from './compare';
import { exactOf, splitExact, type Exact } from './numbers';

/** Scratch space of the encoder; it grows to the largest key ever written and is never shared across a yield. */
let scratch = Buffer.allocUnsafe(4096);
let end = 0;

function reserve(bytes: number): void {
  if (end + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafe(Math.max(scratch.length * 2, end + bytes));
  scratch.copy(larger, 0, 0, end);
  scratch = larger;
}

function writeByte(byte: number): void {
  reserve(1);
  scratch[end++] = byte;
}

function invertFrom(start: number): void {
  for (let i = start; i < end; i += 1) scratch[i] = ~scratch[i]! & 0xff;
}

/** Number classes below the type byte: NaN, negative, zero, positive. */
const NAN_CLASS = 1;
const NEGATIVE_CLASS = 2;
const ZERO_CLASS = 3;
const POSITIVE_CLASS = 4;
/** Keeps decimal exponents (-6176..6145) positive in two bytes. */
const EXPONENT_BIAS = 0x4000;

/** A double is 8 magnitude bytes and 0; a value between two doubles adds its exact decimal digits instead of the 0. */
function writeNumber(value: Exact): void {
  const { double, exponent, digits } = splitExact(value);
  if (Number.isNaN(double)) return writeByte(NAN_CLASS);
  if (double === 0 && digits === undefined) return writeByte(ZERO_CLASS);
  const negative = typeof value === 'object' ? value.negative : value < 0;
  writeByte(negative ? NEGATIVE_CLASS : POSITIVE_CLASS);
  const start = end;
  reserve(16 + (digits?.length ?? 0));
  end = scratch.writeDoubleBE(Math.abs(double), end);
  if (digits === undefined) scratch[end++] = 0;
  else {
    scratch[end++] = 1;
    end = scratch.writeUInt16BE(exponent! + EXPONENT_BIAS, end);
    end += scratch.write(digits, end, 'latin1');
    scratch[end++] = 0;
  }
  if (negative) invertFrom(start);
}

/** UTF-8 with 00 escaped as 00 FF, ended by 00 00. */
function writeString(text: string): void {
  reserve(text.length * 3 + 2);
  if (text.includes('\0')) {
    const parts = text.split('\0');
    parts.forEach((part, i) => {
      if (i > 0) {
        writeByte(0);
        writeByte(0xff);
      }
      reserve(part.length * 3 + 2);
      end += scratch.write(part, end);
    });
    reserve(2);
  } else {
    end += scratch.write(text, end);
  }
  scratch[end++] = 0;
  scratch[end++] = 0;
}

function writeBytes(bytes: Uint8Array): void {
  reserve(bytes.length);
  scratch.set(bytes, end);
  end += bytes.length;
}

function writeBinary(value: unknown): void {
  const { bytes, subType } = binaryOf(value);
  reserve(5);
  end = scratch.writeUInt32BE(bytes.length, end);
  scratch[end++] = subType;
  writeBytes(bytes);
}

function writeDocument(value: Document): void {
  const fields = fieldsOf(value);
  for (const name of Object.keys(fields)) {
    const field: unknown = fields[name];
    const rank = rankOf(field);
    writeByte(rank);
    writeString(name);
    writePayload(rank, field);
  }
  writeByte(0);
}

function writeDate(value: Date): void {
  reserve(8);
  // Milliseconds fit a double's integers: split them to spare a BigInt. The flipped sign bit orders negatives first.
  const ms = value.getTime();
  const high = Math.floor(ms / 0x100000000);
  end = scratch.writeUInt32BE((high ^ 0x80000000) >>> 0, end);
  end = scratch.writeUInt32BE(ms - high * 0x100000000, end);
}

function writePayload(rank: Rank, value: unknown): void {
  switch (rank) {
    case Rank.number:
      return writeNumber(exactOf(value));
    case Rank.string:
      return writeString(String(value));
    case Rank.object:
      return writeDocument(value as Document);
    case Rank.array:
      for (const element of value as unknown[]) writeComponent(element);
      return writeByte(0);
    case Rank.binData:
      return writeBinary(value);
    case Rank.objectId:
      return writeBytes((value as ObjectId).id);
    case Rank.bool:
      return writeByte(value ? 1 : 0);
    case Rank.date:
      return writeDate(value as Date);
    case Rank.timestamp:
      reserve(8);
      end = scratch.writeUInt32BE((value as Timestamp).getHighBitsUnsigned(), end);
      end = scratch.writeUInt32BE((value as Timestamp).getLowBitsUnsigned(), end);
      return;
    case Rank.regex: {
      const { pattern, options } = regexOf(value);
      writeString(pattern);
      return writeString(options);
    }
    case Rank.javascript:
      return writeString((value as { code: string }).code);
    case Rank.javascriptWithScope:
      writeString((value as { code: string }).code);
      return writeDocument((value as { scope: Document }).scope);
    default:
      return;
  }
}

function writeComponent(value: unknown): void {
  const rank = rankOf(value);
  writeByte(rank);
  writePayload(rank, value);
}

/**
 * Encodes index key components so that comparing the bytes compares the values as `compareBson` does, each component
 * in its direction (1 unless given). Numbers of different types with the same value have the same bytes.
 *
 * Keys concatenate: `encodeKey([a])` is a prefix of `encodeKey([a, b])`, and no component starts with byte 00 or FF,
 * so `prefix` .. `prefix + FF` bounds every key that starts with the given components. A missing field is encoded as
 * null, an empty array (see `valuesAtPath`) as `EMPTY_ARRAY_KEY`, which is below null.
 */
export function encodeKey(values: unknown[], directions?: (1 | -1)[]): Buffer {
  end = 0;
  for (let i = 0; i < values.length; i += 1) {
    const start = end;
    writeComponent(values[i]);
    if (directions !== undefined && directions[i] === -1) invertFrom(start);
  }
  return Buffer.from(scratch.subarray(0, end));
}

/** A map key that is the same for two values exactly when `compareBson` calls them equal. */
export function hashKey(value: unknown): string | number | boolean | null {
  if (typeof value === 'string') return `s${value}`;
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (typeof value === 'boolean') return value;
  if (value === null || value === undefined) return null;
  if (rankOf(value) === Rank.number) {
    const { double, digits } = splitExact(exactOf(value));
    if (digits === undefined) return double === 0 ? 0 : double;
  }
  return `k${encodeKey([value]).toString('latin1')}`;
}
