/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { ParseFailure } from './failure';

const MEBIBYTE = 1024 * 1024;
/** Office documents have some hundred entries; more than this is made to hurt. */
const MAX_ENTRIES = 10_000;
/** Of one entry, and of all that are read together, uncompressed. */
const MAX_ENTRY_BYTES = 64 * MEBIBYTE;
const MAX_TOTAL_BYTES = 128 * MEBIBYTE;
/** XML of real documents shrinks to a tenth, tables of one value to a hundredth. */
const MAX_RATIO = 200;
/** Small entries may shrink as much as they like: they harm nobody. */
const RATIO_FROM_BYTES = MEBIBYTE;

export type ZipEntries = Record<string, Uint8Array>;

const bomb = (what: string): ParseFailure =>
  new ParseFailure('too_large', `The file unpacks to more than is allowed (${what}).`);

/** Names of all entries. @throws ParseFailure `broken` or `too_large` */
export function zipNames(bytes: Uint8Array): string[] {
  const names: string[] = [];
  unzip(bytes, (name) => (names.push(name), false));
  return names;
}

/**
 * Unpacks the entries that `wanted` names. Declared sizes are checked before anything is unpacked, and an entry is
 * unpacked into a buffer of its declared size, so one that lies about it is cut off, not followed.
 * @throws ParseFailure `broken` or `too_large`
 */
export function readZip(bytes: Uint8Array, wanted: (name: string) => boolean): ZipEntries {
  let total = 0;
  return unzip(bytes, (name, size, originalSize) => {
    if (!wanted(name)) return false;
    total += originalSize;
    if (originalSize > MAX_ENTRY_BYTES) throw bomb(`${name} has ${originalSize} bytes`);
    if (total > MAX_TOTAL_BYTES) throw bomb(`more than ${MAX_TOTAL_BYTES} bytes together`);
    if (originalSize > RATIO_FROM_BYTES && originalSize > size * MAX_RATIO)
      throw bomb(`${name} shrinks by more than ${MAX_RATIO} to 1`);
    return true;
  });
}

function unzip(
  bytes: Uint8Array,
  filter: (name: string, size: number, originalSize: number) => boolean,
): ZipEntries {
  const { unzipSync } = require('fflate') as typeof import('fflate');
  let entries = 0;
  try {
    return unzipSync(bytes, {
      filter: ({ name, size, originalSize }) => {
        if (++entries > MAX_ENTRIES) throw bomb(`more than ${MAX_ENTRIES} entries`);
        return filter(name, size, originalSize);
      },
    });
  } catch (error) {
    if (error instanceof ParseFailure) throw error;
    throw new ParseFailure('broken', 'The file is damaged: its archive cannot be unpacked.', null, error);
  }
}
