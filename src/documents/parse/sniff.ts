/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { extname } from 'node:path';
import type { DocumentFormat, FileInput } from '../types';
import { ParseFailure } from './failure';
import { officeFormat } from './office/package';
import { CONTENT_TYPES } from './result';
import { decodeText, looksBinary } from './text';
import { readZip } from './zip';

const CODE_EXTENSIONS = new Set(
  (
    'js mjs cjs jsx ts mts cts tsx py rb go rs java kt kts scala c h cc cpp hpp cs swift php pl lua r jl sh bash zsh ' +
    'ps1 sql graphql gql proto css scss less vue svelte yaml yml toml ini cfg conf env xml xsd tf dockerfile makefile ' +
    'gradle groovy dart ex exs erl hs clj ml fs vb asm jsonl ndjson'
  ).split(' '),
);

const EXTENSIONS: Record<string, DocumentFormat> = {
  pdf: 'pdf',
  docx: 'docx',
  pptx: 'pptx',
  xlsx: 'xlsx',
  odt: 'odt',
  ods: 'ods',
  odp: 'odp',
  epub: 'epub',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  md: 'markdown',
  markdown: 'markdown',
  mdx: 'markdown',
  txt: 'text',
  text: 'text',
  log: 'text',
  rst: 'text',
  csv: 'csv',
  tsv: 'csv',
  json: 'json',
  ipynb: 'ipynb',
  jsonc: 'json',
  json5: 'json',
  geojson: 'json',
  webmanifest: 'json',
  eml: 'eml',
  mht: 'mht',
  mhtml: 'mht',
};

const DECLARED: Record<string, DocumentFormat> = {
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'text/markdown': 'markdown',
  'text/x-markdown': 'markdown',
  'text/csv': 'csv',
  'text/tab-separated-values': 'csv',
  'application/json': 'json',
  'message/rfc822': 'eml',
  'application/x-ipynb+json': 'ipynb',
  'multipart/related': 'mht',
  'application/x-mimearchive': 'mht',
  'text/plain': 'text',
};

/** What only special bytes can be; a name alone does not make them. */
const BINARY_FORMATS = new Set<DocumentFormat>(['pdf', 'docx', 'pptx', 'xlsx', 'odt', 'ods', 'odp', 'epub']);

const OLE_MAGIC = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/** A PDF may have something before its header. */
const PDF_HEADER_WITHIN = 1024;

const startsWith = (bytes: Uint8Array, magic: readonly number[]): boolean =>
  magic.every((byte, index) => bytes[index] === byte);

const ascii = (bytes: Uint8Array, length: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, length)).toString('latin1');

export const extensionOf = (fileName: string): string => {
  const name = fileName.toLowerCase();
  return extname(name).slice(1) || name.split(/[\\/]/).at(-1)!;
};

/**
 * What a file is: by its bytes where they say, else by its name, else by the declared type, else by a look at the text.
 * @throws ParseFailure `empty`, `encrypted` or `unsupported`
 */
export async function sniff({ bytes, fileName, declaredType }: FileInput): Promise<DocumentFormat> {
  if (bytes.length === 0) throw new ParseFailure('empty', 'The file is empty.');
  if (ascii(bytes, PDF_HEADER_WITHIN).includes('%PDF-')) return 'pdf';
  if (startsWith(bytes, [0x50, 0x4b, 0x03, 0x04]) || startsWith(bytes, [0x50, 0x4b, 0x05, 0x06]))
    return inZip(bytes);
  if (startsWith(bytes, OLE_MAGIC)) return refuseOle(bytes);
  if (/^(?:\xef\xbb\xbf)?\s*\{\\rtf/.test(ascii(bytes, 64))) return 'rtf';
  const named = EXTENSIONS[extensionOf(fileName)];
  if (looksBinary(bytes)) await refuseBinary(bytes, named);
  if (named && !BINARY_FORMATS.has(named)) return named;
  if (CODE_EXTENSIONS.has(extensionOf(fileName))) return 'code';
  const declared = DECLARED[(declaredType ?? '').split(';', 1)[0]!.trim().toLowerCase()];
  if (declared && declared !== 'text') return declared;
  return byText(bytes);
}

/** Beginnings of the type that OpenDocument files and books name in their first entry; templates have longer ones. */
const OPEN_FORMATS: [string, DocumentFormat][] = [
  ['application/vnd.oasis.opendocument.text', 'odt'],
  ['application/vnd.oasis.opendocument.spreadsheet', 'ods'],
  ['application/vnd.oasis.opendocument.presentation', 'odp'],
  ['application/vnd.oasis.opendocument.graphics', 'odp'],
  ['application/epub+zip', 'epub'],
];

function inZip(bytes: Uint8Array): DocumentFormat {
  const format = officeFormat(bytes);
  if (format) return format;
  const entries = readZip(bytes, (name) => name === 'mimetype' || name === 'META-INF/container.xml');
  const type = Buffer.from(entries.mimetype ?? [])
    .toString('latin1')
    .trim();
  const open = OPEN_FORMATS.find(([prefix]) => type.startsWith(prefix))?.[1];
  if (open) return open;
  if (entries['META-INF/container.xml']) return 'epub';
  if (type.startsWith('application/'))
    throw new ParseFailure(
      'unsupported',
      `Files of type ${type.slice(0, 100)} are not read.`,
      type.slice(0, 100),
    );
  throw new ParseFailure(
    'unsupported',
    'Archives are not read; upload the files in it one by one.',
    'application/zip',
  );
}

function refuseOle(bytes: Uint8Array): never {
  const marker = Buffer.from('EncryptedPackage', 'utf16le');
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(marker))
    throw new ParseFailure(
      'encrypted',
      'The document is protected by a password; upload it without.',
      'application/x-cfb',
    );
  throw new ParseFailure(
    'unsupported',
    'Old Office formats (.doc, .xls, .ppt, .msg) are not read; save it as .docx, .xlsx, .pptx or .eml.',
    'application/x-cfb',
  );
}

async function refuseBinary(bytes: Uint8Array, named: DocumentFormat | undefined): Promise<never> {
  const { fileTypeFromBuffer } = require('file-type') as typeof import('file-type');
  const type = await fileTypeFromBuffer(bytes);
  if (named && !type)
    throw new ParseFailure(
      'broken',
      `The file is named as ${CONTENT_TYPES[named]}, but its content is something else or damaged.`,
      'application/octet-stream',
    );
  const mime = type?.mime ?? 'application/octet-stream';
  throw new ParseFailure('unsupported', `Files of type ${mime} are not read.`, mime);
}

function byText(bytes: Uint8Array): DocumentFormat {
  const { text } = decodeText(bytes);
  const head = text.slice(0, 1024).trimStart();
  if (/^(?:<!doctype html|<html[\s>])/i.test(head)) return 'html';
  if (/^[[{]/.test(head)) {
    try {
      JSON.parse(text);
      return 'json';
    } catch {
      // Only begins like JSON.
    }
  }
  return 'text';
}
