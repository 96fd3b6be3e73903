/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { ParseFailure } from './failure';
import { requireText, type ParsedBody } from './result';
import { markdownTable } from './table';
import { decodeText } from './text';

/** How a table is written: `escape` stands before a quote inside of quotes. */
interface Dialect {
  delimiter: string;
  quote: '"' | "'";
  escape: '"' | "'" | '\\';
}

const DELIMITERS = [',', ';', '\t', '|'] as const;
/** Records of this many characters tell the dialect. */
const SAMPLE_CHARACTERS = 50_000;
const SAMPLE_RECORDS = 200;
/** Lines above a table that are its title, and no longer a table of their own. */
const MAX_TITLE_LINES = 10;

type Rows = string[][];

function parseRows(text: string, { delimiter, quote, escape }: Dialect, limit?: number): Rows {
  const { parse } = require('csv-parse/sync') as typeof import('csv-parse/sync');
  return parse(text, {
    delimiter,
    quote,
    escape,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    ...(limit === undefined ? {} : { to: limit }),
  });
}

/** What spreadsheets write for each other into the first line; it is no row. */
const SEPARATOR_LINE = /^"?sep=(.|\\t)"?[ \t]*(?:\n|$)/i;

function dialectOf(text: string, delimiters: readonly string[]): Dialect {
  const sample = text.slice(0, SAMPLE_CHARACTERS);
  const whole = sample.length < text.length ? sample.slice(0, sample.lastIndexOf('\n') + 1) : sample;
  const escapes: Dialect['escape'][] = /\\"/.test(whole) ? ['"', '\\'] : ['"'];
  const dialects = delimiters.flatMap((delimiter) => [
    ...escapes.map((escape): Dialect => ({ delimiter, quote: '"', escape })),
    ...(singleQuoted(whole, delimiter) ? [{ delimiter, quote: "'", escape: "'" } as Dialect] : []),
  ]);
  let best = { dialect: dialects[0]!, score: -1 };
  for (const dialect of dialects) {
    const score = scoreOf(whole, dialect);
    if (score > best.score) best = { dialect, score };
  }
  return best.dialect;
}

/** Whether cells begin and end with apostrophes. */
function singleQuoted(text: string, delimiter: string): boolean {
  const mark = delimiter.replace(/[|\\]/g, '\\$&');
  return !text.includes('"') && new RegExp(`(?:^|${mark})'[^'\n]{0,200}'(?:${mark}|$)`, 'm').test(text);
}

/**
 * How much like a table the text is: few widths, many cells, and cells that are numbers, dates or words. After van den
 * Burg, Nazabal and Sutton, "Wrangling messy CSV files by detecting row and type patterns" (2019).
 */
function scoreOf(text: string, dialect: Dialect): number {
  let rows: Rows;
  try {
    rows = parseRows(text, dialect, SAMPLE_RECORDS);
  } catch {
    // Quotes that are never closed: not this dialect.
    return -1;
  }
  const widths = new Map<number, number>();
  for (const { length } of rows) widths.set(length, (widths.get(length) ?? 0) + 1);
  let pattern = 0;
  for (const [width, count] of widths) pattern += (count * Math.max(0.001, width - 1)) / width;
  const cells = rows.flat();
  const known = cells.filter((cell) => isKnownType(cell.trim(), dialect.delimiter)).length;
  return (pattern / widths.size) * ((known + 1e-6) / Math.max(1, cells.length));
}

const NUMBER = /^[-+(]?\p{Sc}?\s?\d{1,3}(?:[.,'\u00a0 ]?\d{3})*(?:[.,]\d+)?(?:e[-+]?\d+)?\s?[%\p{Sc}]?\)?$/iu;
const DATE =
  /^\d{1,4}[-./]\d{1,2}(?:[-./]\d{1,4})?(?:[T ]\d{1,2}:\d{2}(?::\d{2})?.{0,10})?$|^\d{1,2}:\d{2}(?::\d{2})?$/;

/** Empty, a number, a date, or text without what may part cells. */
function isKnownType(cell: string, delimiter: string): boolean {
  if (cell === '' || NUMBER.test(cell) || DATE.test(cell)) return true;
  return (
    !DELIMITERS.some((other) => other !== delimiter && other !== ',' && cell.includes(other)) &&
    !/^["']|["']$/.test(cell)
  );
}

/** Lines of one cell before the first row of the table's own width. */
function titleLines(rows: Rows): number {
  const widths = new Map<number, number>();
  for (const { length } of rows.slice(0, SAMPLE_RECORDS)) widths.set(length, (widths.get(length) ?? 0) + 1);
  const [width = 1] = [...widths].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (width < 2) return 0;
  const first = rows.findIndex((row) => row.filter((cell) => cell.trim() !== '').length > 1);
  return first > 0 && first <= MAX_TITLE_LINES ? first : 0;
}

/** @throws ParseFailure `no_text` */
export function parseCsv(bytes: Uint8Array): ParsedBody {
  const { text: written, charset, warnings } = decodeText(bytes);
  requireText(written, 'The file');
  const declared = SEPARATOR_LINE.exec(written);
  const text = declared ? written.slice(declared[0].length) : written;
  const delimiters = declared ? [declared[1]!.replace('\\t', '\t')] : DELIMITERS;
  const rows = rowsOf(text, dialectOf(text, delimiters), warnings);
  const above = titleLines(rows);
  const lines = rows.slice(0, above).map((row) => row.join(' ').replace(/\s+/g, ' ').trim());
  const table = markdownTable(rows.slice(above));
  const whole = [...lines, table].filter(Boolean).join('\n\n');
  requireText(whole, 'The table');
  return {
    text: whole,
    markup: 'markdown',
    title: lines[0] ?? null,
    metadata: { charset, row_count: Math.max(0, rows.length - above - 1), columns: rows[above] ?? [] },
    warnings,
  };
}

/** @throws ParseFailure `broken` naming the line */
function rowsOf(text: string, dialect: Dialect, warnings: string[]): Rows {
  try {
    return parseRows(text, dialect);
  } catch (error) {
    // A quote that is never closed takes the rest of the file into its cell: then quotes are taken as they stand.
    warnings.push(
      `Quotes are not closed (${(error as Error).message.slice(0, 200)}); cells are cut at each ${name(dialect)}.`,
    );
  }
  try {
    const { parse } = require('csv-parse/sync') as typeof import('csv-parse/sync');
    return parse(text, {
      delimiter: dialect.delimiter,
      quote: false,
      relax_column_count: true,
      skip_empty_lines: true,
    });
  } catch (error) {
    throw new ParseFailure('broken', `The table cannot be read: ${(error as Error).message}.`, null, error);
  }
}

const name = ({ delimiter }: Dialect): string => (delimiter === '\t' ? 'tab' : `"${delimiter}"`);
