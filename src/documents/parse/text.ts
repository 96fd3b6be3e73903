import { decodeWindows1252, guessCharset, guessUtf16 } from './charset';
import { ParseFailure } from './failure';

/** Line ends become `\n`, NUL and byte order marks go, half surrogate pairs become U+FFFD. */
export function normalizeText(text: string): string {
  const clean = text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .replace(/\0/g, '');
  return (clean as string & { toWellFormed(): string }).toWellFormed();
}

const startsWith = (bytes: Uint8Array, ...mark: number[]): boolean =>
  mark.every((byte, index) => bytes[index] === byte);

function marked(bytes: Uint8Array): string | null {
  if (startsWith(bytes, 0xff, 0xfe, 0, 0)) return 'utf-32le';
  if (startsWith(bytes, 0, 0, 0xfe, 0xff)) return 'utf-32be';
  if (startsWith(bytes, 0xff, 0xfe)) return 'utf-16le';
  if (startsWith(bytes, 0xfe, 0xff)) return 'utf-16be';
  return startsWith(bytes, 0xef, 0xbb, 0xbf) ? 'utf-8' : null;
}

/** UTF-32 without a mark: no character needs the highest byte, and hardly any the one below it. */
function guessUtf32(bytes: Uint8Array): string | null {
  const sample = bytes.subarray(0, 4096 & ~3);
  if (sample.length < 8 || bytes.length % 4 !== 0) return null;
  const zeros = [0, 0, 0, 0];
  sample.forEach((byte, index) => {
    if (byte === 0) zeros[index % 4]!++;
  });
  const all = Math.floor(sample.length / 4);
  if (zeros[3] === all && zeros[2]! > all * 0.9 && zeros[0]! < all * 0.1) return 'utf-32le';
  return zeros[0] === all && zeros[1]! > all * 0.9 && zeros[3]! < all * 0.1 ? 'utf-32be' : null;
}

/** Bytes of a damaged file that are no UTF-8, for each sequence that is. */
const DAMAGED_SHARE = 0.1;

/** Whether the bytes are UTF-8: wholly, but for some that are damaged, or not. */
function utf8Of(bytes: Uint8Array): 'whole' | 'damaged' | 'no' {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return 'whole';
  } catch {
    // Counted below.
  }
  let sequences = 0;
  let wrong = 0;
  for (let index = 0; index < bytes.length; index++) {
    const lead = bytes[index]!;
    if (lead < 0x80) continue;
    const length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    let rest = 1;
    while (rest < length && (bytes[index + rest]! & 0xc0) === 0x80) rest++;
    if (length > 0 && rest === length && lead < 0xf5) {
      sequences++;
      index += length - 1;
    } else wrong++;
  }
  return sequences > 0 && wrong <= sequences * DAMAGED_SHARE ? 'damaged' : 'no';
}

export function isUtf8(bytes: Uint8Array): boolean {
  return utf8Of(bytes) === 'whole';
}

function isKnown(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
}

/** What is 7-bit and not ASCII is known by its escapes only. */
const ESCAPED = /^iso-2022-jp$/i;

function charsetOf(bytes: Uint8Array, declared: string | null): { charset: string; isDamaged?: boolean } {
  const mark = marked(bytes) ?? guessUtf32(bytes) ?? guessUtf16(bytes);
  if (mark) return { charset: mark };
  if (declared && ESCAPED.test(declared)) return { charset: 'iso-2022-jp' };
  const utf8 = utf8Of(bytes);
  if (utf8 === 'whole') return { charset: hasJapaneseEscapes(bytes) ? 'iso-2022-jp' : 'utf-8' };
  const label = declared?.toLowerCase();
  // Whoever declares UTF-16 in ASCII, or UTF-8 for other bytes, is mistaken.
  const isUsable =
    label !== undefined && !/^(?:utf-?(?:8|16|32)|unicode|x-user)/.test(label) && isKnown(label);
  if (isUsable) return { charset: new TextDecoder(label).encoding };
  if (utf8 === 'damaged') return { charset: 'utf-8', isDamaged: true };
  return { charset: guessCharset(bytes) };
}

function hasJapaneseEscapes(bytes: Uint8Array): boolean {
  for (let index = bytes.indexOf(0x1b); index !== -1; index = bytes.indexOf(0x1b, index + 1))
    if (bytes[index + 1] === 0x24 && (bytes[index + 2] === 0x42 || bytes[index + 2] === 0x40)) return true;
  return false;
}

function decodeUtf32(bytes: Uint8Array, isLittle: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength & ~3);
  const parts: string[] = [];
  for (let at = 0; at < view.byteLength; at += 4) {
    const code = view.getUint32(at, isLittle);
    parts.push(code <= 0x10ffff ? String.fromCodePoint(code) : '\uFFFD');
  }
  return parts.join('');
}

/** Control characters that no text holds, in a share that no mistake explains. */
export function looksBinary(bytes: Uint8Array): boolean {
  if (marked(bytes) ?? guessUtf32(bytes) ?? guessUtf16(bytes)) return !isMarkedText(bytes);
  const sample = bytes.subarray(0, 8192);
  let strange = 0;
  for (const byte of sample) {
    if (byte === 0 || byte < 7 || (byte > 13 && byte < 27) || byte === 0x7f) strange++;
  }
  return strange > sample.length * 0.02;
}

/** A mark of two bytes may be an accident: what follows it must be text. */
function isMarkedText(bytes: Uint8Array): boolean {
  const charset = marked(bytes) ?? guessUtf32(bytes) ?? guessUtf16(bytes)!;
  const text = decodeAs(bytes.subarray(0, 8192), charset);
  const strange =
    text.match(/(?![\t\n\v\f\r])\p{Cc}|[\uFFFD\uFDD0-\uFDEF\uFFFE\uFFFF\p{Cn}\p{Co}]/gu)?.length ?? 0;
  return strange <= Math.max(1, text.length * 0.02);
}

function decodeAs(bytes: Uint8Array, charset: string): string {
  if (charset.startsWith('utf-32')) return decodeUtf32(bytes, charset === 'utf-32le');
  return charset === 'windows-1252' ? decodeWindows1252(bytes) : new TextDecoder(charset).decode(bytes);
}

/**
 * Decodes by the byte order mark, else as the file declares, else as UTF-8 when it is that, else by what its letters say.
 * @param declared the charset that the file, or who sent it, says it has
 * @throws ParseFailure `broken` when the bytes are no text
 */
export function decodeText(
  bytes: Uint8Array,
  declared: string | null = null,
): { text: string; charset: string; warnings: string[] } {
  if (looksBinary(bytes))
    throw new ParseFailure('broken', 'The file holds binary data where text is expected.');
  const { charset, isDamaged } = charsetOf(bytes, declared);
  const text = normalizeText(decodeAs(bytes, charset));
  const lost = isDamaged ? (text.match(/\uFFFD/g)?.length ?? 0) : 0;
  return {
    text,
    charset,
    warnings:
      lost > 0 ? [`${lost} characters could not be read: their bytes are no ${charset.toUpperCase()}.`] : [],
  };
}
