import { ParseFailure } from './failure';
import { htmlToMarkdown } from './html';
import { firstHeading, known, type ParsedBody, requireText } from './result';
import { decodeText, normalizeText } from './text';

interface Cell {
  cell_type?: string;
  source?: unknown;
  /** Of notebooks of version 3. */
  input?: unknown;
  level?: number;
  outputs?: Output[];
}

interface Output {
  text?: unknown;
  data?: Record<string, unknown>;
  ename?: string;
  evalue?: string;
  traceback?: unknown;
  [mimeType: string]: unknown;
}

interface Notebook {
  cells?: Cell[];
  worksheets?: { cells?: Cell[] }[];
  metadata?: { kernelspec?: { language?: string }; language_info?: { name?: string }; title?: unknown };
}

/** Text is written in one piece or in lines. */
const joined = (text: unknown): string =>
  Array.isArray(text)
    ? text.filter((line) => typeof line === 'string').join('')
    : typeof text === 'string'
      ? text
      : '';

const fenced = (code: string, language: string): string => {
  const longest = Math.max(2, ...[...code.matchAll(/`{3,}/g)].map(([marks]) => marks.length));
  const fence = '`'.repeat(longest + 1);
  return code.trim() === '' ? '' : `${fence}${language}\n${code.trimEnd()}\n${fence}`;
};

// eslint-disable-next-line no-control-regex -- the colours of terminals begin with one
const COLOURS = /\u001b\[[0-9;]*m/g;

/** A Jupyter notebook: its texts, code and what that printed. @throws ParseFailure `broken` or `no_text` */
export function parseNotebook(bytes: Uint8Array): ParsedBody {
  const notebook = notebookOf(decodeText(bytes).text);
  const cells = notebook.cells ?? notebook.worksheets?.flatMap((sheet) => sheet.cells ?? []);
  if (!Array.isArray(cells)) throw new ParseFailure('broken', 'The notebook is damaged: it has no cells.');
  const language = notebook.metadata?.language_info?.name ?? notebook.metadata?.kernelspec?.language ?? '';
  const unread = { pictures: 0 };
  const text = normalizeText(
    cells
      .map((cell) => cellText(cell, language, unread))
      .filter((part) => part.trim() !== '')
      .join('\n\n'),
  );
  requireText(text, 'The notebook');
  const { title } = notebook.metadata ?? {};
  return {
    text,
    markup: 'markdown',
    title: typeof title === 'string' && title !== '' ? title : firstHeading(text),
    metadata: known({ language, cell_count: cells.length }),
    warnings: unread.pictures > 0 ? [`Pictures among the results cannot be read: ${unread.pictures}.`] : [],
  };
}

function notebookOf(text: string): Notebook {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw new ParseFailure('broken', `The notebook is damaged: ${(error as Error).message}.`, null, error);
  }
  throw new ParseFailure('broken', 'The notebook is damaged: it is no object.');
}

function cellText(cell: Cell, language: string, unread: { pictures: number }): string {
  const source = joined(cell.source ?? cell.input);
  if (cell.cell_type === 'heading')
    return `${'#'.repeat(Math.min(6, Math.max(1, cell.level ?? 1)))} ${source}`;
  if (cell.cell_type !== 'code') return source.trim();
  const outputs = (cell.outputs ?? []).map((output) => outputText(output, unread));
  return [fenced(source, language), ...outputs].filter(Boolean).join('\n\n');
}

/** The form of a result that says most in words. */
function outputText(output: Output, unread: { pictures: number }): string {
  const form = (mimeType: string, short: string): string => joined(output.data?.[mimeType] ?? output[short]);
  if (output.ename)
    return fenced(joined(output.traceback).replace(COLOURS, '') || `${output.ename}: ${output.evalue}`, '');
  const printed = joined(output.text);
  if (printed !== '' && !output.data) return fenced(printed.replace(COLOURS, ''), '');
  const markdown = form('text/markdown', 'markdown');
  if (markdown !== '') return markdown.trim();
  const html = form('text/html', 'html');
  const page = html === '' ? '' : htmlToMarkdown(html);
  if (page !== '') return page;
  const latex = form('text/latex', 'latex');
  if (latex !== '') return latex.trim();
  const isPicture = Object.keys(output.data ?? output).some((key) => /^image\/|^(?:png|jpeg|svg)$/.test(key));
  if (isPicture) unread.pictures++;
  return fenced(form('text/plain', 'text'), '');
}
