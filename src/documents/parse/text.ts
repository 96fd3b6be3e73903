import { ParseFailure } from './failure';

const UTF16_SAMPLE = 4096;

/** Line ends become `\n`, NUL and byte order marks go, half surrogate pairs become U+FFFD. */
export function normalizeText(text: string): string {
  const clean = text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .replace(/\0/g, '');
  return (clean as string & { toWellFormed(): string }).toWellFormed();
}

/** UTF-16 without a mark: nearly every second byte of Western text is 0. */
function guessUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const sample = bytes.subarray(0, UTF16_SAMPLE);
  if (sample.length < 4) return null;
  let even = 0;
  let odd = 0;
  for (let index = 0; index < sample.length; index++) {
    if (sample[index] !== 0) continue;
    if (index % 2 === 0) even++;
    else odd++;
  }
  const half = sample.length / 2;
  if (odd > half * 0.4 && even < half * 0.05) return 'utf-16le';
  return even > half * 0.4 && odd < half * 0.05 ? 'utf-16be' : null;
}

function charsetOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const guess = guessUtf16(bytes);
  if (guess) return guess;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return 'utf-8';
  } catch {
    // Not UTF-8: every byte means something in Windows-1252, which Latin-1 text is read with on the web as well.
    return 'windows-1252';
  }
}

/** Control characters that no text holds, in a share that no mistake explains. */
export function looksBinary(bytes: Uint8Array): boolean {
  if (charsetOf(bytes).startsWith('utf-16')) return false;
  const sample = bytes.subarray(0, 8192);
  let strange = 0;
  for (const byte of sample) {
    if (byte === 0 || byte < 7 || (byte > 13 && byte < 27) || byte === 0x7f) strange++;
  }
  return strange > sample.length * 0.02;
}

/** @throws ParseFailure `broken` when the bytes are no text */
export function decodeText(bytes: Uint8Array): { text: string; charset: string } {
  if (looksBinary(bytes))
    throw new ParseFailure('broken', 'The file holds binary data where text is expected.');
  const charset = charsetOf(bytes);
  return { text: normalizeText(new TextDecoder(charset).decode(bytes)), charset };
}
