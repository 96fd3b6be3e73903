import type { DocumentFormat, DocumentPage, ParsedDocument } from '../types';
import { ParseFailure } from './failure';
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

/** @throws ParseFailure `no_text` */
export function requireText(text: string, what: string): void {
  if (text.trim() === '') throw new ParseFailure('no_text', `${what} holds no text.`);
}

export const firstHeading = (markdown: string): string | null =>
  /^#{1,2} +(\S.{0,300}?)(?: +#+)? *$/m.exec(markdown)?.[1]?.trim() ?? null;

const LEAD_CHARACTERS = 160;

/**
 * What a text without a title begins with: its first line, or first sentence, when that is short enough for a title.
 * @returns null when it begins with something longer
 */
export function leadOf(text: string): string | null {
  const line = /\S[^\n]*/.exec(text)?.[0].trim() ?? '';
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
