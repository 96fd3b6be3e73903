/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { ParseFailure } from './failure';
import { requireText, type ParsedBody } from './result';
import { decodeText } from './text';

/** Lines up to this length can be cut as they are. */
const LONG_LINE = 1_000;
/** Deeper levels are not moved further to the right: white space would grow with the square of the depth. */
const MAX_INDENT = 40;
/** Checking builds all values in memory; longer files are taken at their word. */
const MAX_CHECKED_CHARACTERS = 16 * 1024 * 1024;

/**
 * Numbers and keys stay as they are written; one long line is laid out so that it can be cut. Objects on a line of their
 * own each, comments and trailing commas are read as well.
 * @throws ParseFailure `broken` when the end is missing
 */
export function parseJson(bytes: Uint8Array): ParsedBody {
  const { text, charset, warnings } = decodeText(bytes);
  requireText(text, 'The file');
  const problem = text.length > MAX_CHECKED_CHARACTERS ? null : problemOf(text);
  if (problem === 'lines')
    return {
      text,
      markup: 'code',
      title: null,
      metadata: { charset, lines: text.split('\n').filter((line) => line.trim() !== '').length },
      warnings,
    };
  if (problem !== null) warnings.push(`The file is no valid JSON (${problem}); it was read as text.`);
  const isReadable = text.includes('\n') && longestLine(text) <= LONG_LINE;
  return { text: isReadable ? text : layOut(text), markup: 'code', title: null, metadata: {}, warnings };
}

/** What is wrong with the JSON; null when nothing is, `lines` for many values on lines of their own. */
function problemOf(text: string): string | null {
  if (isJson(text)) return null;
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length > 1 && lines.every(isJson)) return 'lines';
  const { visit, printParseErrorCode } = require('jsonc-parser') as typeof import('jsonc-parser');
  let first: { message: string; offset: number } | null = null;
  try {
    visit(
      text,
      {
        onError(code, offset) {
          first ??= { message: printParseErrorCode(code), offset };
        },
      },
      { allowTrailingComma: true },
    );
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ParseFailure('too_large', 'The JSON is nested too deep.', null, error);
  }
  const found = first as { message: string; offset: number } | null;
  if (found === null) return null;
  const line = text.slice(0, found.offset).split('\n').length;
  if (found.offset >= text.trimEnd().length)
    throw new ParseFailure('broken', `The file is no JSON: it ends before its value does, in line ${line}.`);
  return `${found.message} in line ${line}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function longestLine(text: string): number {
  let longest = 0;
  for (let start = 0; start <= text.length;) {
    const end = text.indexOf('\n', start);
    longest = Math.max(longest, (end === -1 ? text.length : end) - start);
    start = end === -1 ? text.length + 1 : end + 1;
  }
  return longest;
}

/** `SyntaxKind.EOF` of the scanner, whose constants do not outlive compilation. */
const END_OF_FILE = 17;

/** One value a line, with all that is written as it is written. */
function layOut(text: string): string {
  const { createScanner } = require('jsonc-parser') as typeof import('jsonc-parser');
  const scanner = createScanner(text, true);
  const parts: string[] = [];
  let depth = 0;
  const newLine = (): string => `\n${'  '.repeat(Math.min(depth, MAX_INDENT))}`;
  let before = '';
  while (Number(scanner.scan()) !== END_OF_FILE) {
    const token = text.slice(scanner.getTokenOffset(), scanner.getTokenOffset() + scanner.getTokenLength());
    const closes = token === '}' || token === ']';
    if (closes) depth = Math.max(0, depth - 1);
    const isEmpty = closes && (before === '{' || before === '[');
    if ((closes && !isEmpty) || ((before === '{' || before === '[') && !closes) || before === ',')
      parts.push(newLine());
    parts.push(token === ':' ? ': ' : token);
    if (token === '{' || token === '[') depth++;
    before = token;
  }
  return parts.join('');
}
