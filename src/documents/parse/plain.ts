/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { extname } from 'node:path';
import { ParseFailure } from './failure';
import { htmlToMarkdown } from './html';
import { firstHeading, known, requireText, type ParsedBody } from './result';
import { markdownTable } from './table';
import { decodeText, normalizeText } from './text';

export function parseText(bytes: Uint8Array, markup: ParsedBody['markup'] = 'plain'): ParsedBody {
  const { text, charset } = decodeText(bytes);
  requireText(text, 'The file');
  return { text, markup, title: null, metadata: { charset } };
}

const FRONT_MATTER = /^---\n([\s\S]{0,10000}?)\n---(?:\n|$)/;

export function parseMarkdown(bytes: Uint8Array): ParsedBody {
  const { text, charset } = decodeText(bytes);
  requireText(text, 'The file');
  const front = FRONT_MATTER.exec(text)?.[1];
  const title = front ? /^title:\s*["']?(.+?)["']?\s*$/m.exec(front)?.[1] : undefined;
  return { text, markup: 'markdown', title: title ?? firstHeading(text), metadata: { charset } };
}

export function parseCode(bytes: Uint8Array, fileName: string): ParsedBody {
  const parsed = parseText(bytes, 'code');
  return {
    ...parsed,
    metadata: { ...parsed.metadata, ...known({ language: extname(fileName).slice(1).toLowerCase() }) },
  };
}

/** The character that parts the first line into the most cells. */
function delimiterOf(text: string): string {
  const line = text
    .slice(0, text.indexOf('\n') === -1 ? undefined : text.indexOf('\n'))
    .replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t', '|'].map((mark) => ({ mark, count: line.split(mark).length }));
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).mark;
}

/** @throws ParseFailure `broken` naming the line */
export function parseCsv(bytes: Uint8Array): ParsedBody {
  const { parse } = require('csv-parse/sync') as typeof import('csv-parse/sync');
  const { text, charset } = decodeText(bytes);
  requireText(text, 'The file');
  let rows: string[][];
  try {
    rows = parse(text, {
      delimiter: delimiterOf(text),
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    });
  } catch (error) {
    throw new ParseFailure('broken', `The table cannot be read: ${(error as Error).message}.`, null, error);
  }
  const table = markdownTable(rows);
  requireText(table, 'The table');
  return {
    text: table,
    markup: 'markdown',
    title: null,
    metadata: { charset, row_count: Math.max(0, rows.length - 1), columns: rows[0] ?? [] },
  };
}

/** Objects on a line of their own each are read as well; one long line is laid out so that it can be cut. */
export function parseJson(bytes: Uint8Array): ParsedBody {
  const { text } = decodeText(bytes);
  requireText(text, 'The file');
  try {
    return { text: JSON.stringify(JSON.parse(text), null, 2), markup: 'code', title: null, metadata: {} };
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length > 1 && lines.every(isJson))
      return { text, markup: 'code', title: null, metadata: { lines: lines.length } };
    if (error instanceof RangeError)
      throw new ParseFailure('too_large', 'The JSON is nested too deep.', null, error);
    throw new ParseFailure('broken', `The file is no JSON: ${(error as Error).message}.`, null, error);
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

interface Mailbox {
  name?: string;
  address?: string;
  group?: Mailbox[];
}

const mailbox = ({ name, address, group }: Mailbox): string =>
  group
    ? `${name}: ${group.map(mailbox).join(', ')}`
    : name && address
      ? `${name} <${address}>`
      : (address ?? name ?? '');

/** @throws ParseFailure `broken` or `no_text` */
export async function parseEmail(bytes: Uint8Array): Promise<ParsedBody> {
  const PostalMime = require('postal-mime') as typeof import('postal-mime');
  const mail = await PostalMime.parse(bytes, { maxNestingDepth: 50 }).catch((error: unknown) => {
    throw new ParseFailure('broken', 'The e-mail is damaged and cannot be read.', null, error);
  });
  const from = mail.from && mailbox(mail.from);
  const to = (mail.to ?? []).map((entry) => mailbox(entry as Mailbox));
  const attachments = mail.attachments.map(({ filename, mimeType }) => filename ?? mimeType);
  const body = normalizeText(mail.text?.trim() || (mail.html ? htmlToMarkdown(mail.html) : '')).trim();
  if (!mail.subject && !from && body === '')
    throw new ParseFailure('no_text', 'The e-mail has neither headers nor text.');
  const head = [
    mail.subject && `# ${mail.subject}`,
    [from && `From: ${from}`, to.length > 0 && `To: ${to.join(', ')}`, mail.date && `Date: ${mail.date}`]
      .filter(Boolean)
      .join('\n'),
    body,
    attachments.length > 0 && `Attachments: ${attachments.join(', ')}`,
  ];
  return {
    text: normalizeText(head.filter(Boolean).join('\n\n')),
    markup: 'markdown',
    title: mail.subject ?? null,
    metadata: known({ from, to, date: mail.date, message_id: mail.messageId, attachments }),
  };
}
