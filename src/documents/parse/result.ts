import type { DocumentFormat, DocumentPage, ParsedDocument } from '../types';
import { ParseFailure } from './failure';
import { verbatimEnd } from '../markdown-verbatim';
import { normalizeText } from './text';

export const CONTENT_TYPES: Record<DocumentFormat, string> = {
  pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  html: 'text/html',
  markdown: 'text/markdown',
  text: 'text/plain',
  csv: 'text/csv',
  json: 'application/json',
  eml: 'message/rfc822',
  mht: 'multipart/related',
  odt: 'application/vnd.oasis.opendocument.text',
  ods: 'application/vnd.oasis.opendocument.spreadsheet',
  odp: 'application/vnd.oasis.opendocument.presentation',
  rtf: 'application/rtf',
  epub: 'application/epub+zip',
  ipynb: 'application/x-ipynb+json',
  code: 'text/plain',
};

/** What a reader gives; without `warnings` it gave the whole file. */
export type ParsedBody = Omit<ParsedDocument, 'format' | 'contentType' | 'warnings'> &
  Partial<Pick<ParsedDocument, 'warnings'>>;

export interface PageText {
  text: string;
  label?: string;
}

/** Joins pages by a blank line and remembers where each of them is. */
export function joinPages(parts: PageText[]): { text: string; pages: DocumentPage[] } {
  const pages: DocumentPage[] = [];
  let text = '';
  parts.forEach((part, index) => {
    const clean = normalizeText(part.text).trim();
    if (text !== '' && clean !== '') text += '\n\n';
    const start = text.length;
    text += clean;
    pages.push({ page: index + 1, start, end: text.length, ...(part.label ? { label: part.label } : {}) });
  });
  return { text, pages };
}

/**
 * @param warnings what could not be read: why there may be no text
 * @throws ParseFailure `no_text`
 */
export function requireText(text: string, what: string, warnings: string[] = []): void {
  if (text.trim() === '')
    throw new ParseFailure(
      'no_text',
      [`${what} holds no text.`, ...warnings.slice(0, MAX_REASONS)].join(' '),
    );
}

/** Of a file without text: the first ones tell enough. */
const MAX_REASONS = 3;

const HEADING = /^ {0,3}#{1,2}[ \t]+(\S.{0,300}?)(?:[ \t]+#+)?[ \t]*$/;
const UNDERLINE = /^ {0,3}(?:=+|-{3,})[ \t]*$/;
/** A title stands at the beginning. */
const TITLE_WITHIN_LINES = 2_000;

/** The first heading of the two highest levels, outside of code and comments, without its markup. */
export function firstHeading(markdown: string): string | null {
  const lines = markdown.split('\n', TITLE_WITHIN_LINES);
  for (let at = 0; at < lines.length; at++) {
    const end = verbatimEnd((index) => lines[index], at);
    if (end > at) {
      at = end - 1;
      continue;
    }
    const title = HEADING.exec(lines[at]!)?.[1] ?? underlined(lines, at);
    const plain = title === undefined ? '' : withoutMarkup(title);
    if (plain !== '') return plain;
  }
  return null;
}

/** What a paragraph of up to three lines says when it is underlined; undefined when it is not. */
function underlined(lines: readonly string[], at: number): string | undefined {
  if (lines[at - 1]?.trim() || !/^ {0,3}[\p{L}\p{N}`*_[(]/u.test(lines[at]!)) return undefined;
  const below = [1, 2, 3].find(
    (count) => UNDERLINE.test(lines[at + count] ?? '') || !lines[at + count]?.trim(),
  );
  if (below === undefined || !UNDERLINE.test(lines[at + below] ?? '')) return undefined;
  const title = lines.slice(at, at + below).join(' ');
  return title.length <= 300 ? title : undefined;
}

/** A line of Markdown as it is shown. */
export const withoutMarkup = (line: string): string =>
  line
    .replace(/!?\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])/g, '$1')
    .replace(/(`+)\s?(.+?)\s?\1/g, '$2')
    .replace(/(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1/g, '$2')
    .replace(/(?<![\p{L}\p{N}*_])([*_])(?=\S)(.+?)(?<=\S)\1(?![\p{L}\p{N}*_])/gu, '$2')
    .replace(/\s*\{#[\w-]+\}\s*$/, '')
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
    .trim();

const LEAD_CHARACTERS = 160;

/**
 * What a text without a title begins with: its first line, or first sentence, when that is short enough for a title.
 * @returns null when it begins with something longer
 */
export function leadOf(text: string): string | null {
  const line =
    /^(?![ \t]*(?:```|~~~))[ \t]*\S[^\n]*/m.exec(text.replace(/^(?:\s*<!--[^]*?-->)+/, ''))?.[0].trim() ?? '';
  const lead = line.length <= LEAD_CHARACTERS ? line : (SENTENCE.exec(line)?.[0] ?? '');
  return lead.replace(/^[#>*_\s-]+|[\s.:;,*_]+$/g, '') || null;
}

const SENTENCE = new RegExp(`^.{1,${LEAD_CHARACTERS}}?[.!?](?=\\s)`);

/** Leaves out what is not known. */
export function known(
  values: Record<string, string | number | boolean | string[] | null | undefined>,
): ParsedDocument['metadata'] {
  return Object.fromEntries(
    Object.entries(values).filter(
      (entry): entry is [string, string | number | boolean | string[]] =>
        entry[1] !== null && entry[1] !== undefined && entry[1] !== '',
    ),
  );
}
