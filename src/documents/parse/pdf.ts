/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { ParseFailure } from './failure';
import { joinPages, known, requireText, type ParsedBody } from './result';

const MAX_PAGES = 5_000;

interface TextItem {
  str?: string;
  hasEOL?: boolean;
}

/** @throws ParseFailure `encrypted`, `broken`, `too_large` or `no_text` */
export async function parsePdf(bytes: Uint8Array): Promise<ParsedBody> {
  const { getDocumentProxy } = require('unpdf') as typeof import('unpdf');
  const pdf = await getDocumentProxy(bytes, { verbosity: 0 }).catch((error: unknown) => {
    if ((error as Error).name === 'PasswordException')
      throw new ParseFailure(
        'encrypted',
        'The PDF is protected by a password; upload it without.',
        null,
        error,
      );
    throw new ParseFailure('broken', 'The PDF is damaged and cannot be read.', null, error);
  });
  try {
    if (pdf.numPages === 0) throw new ParseFailure('no_text', 'The PDF has no pages.');
    if (pdf.numPages > MAX_PAGES)
      throw new ParseFailure(
        'too_large',
        `The PDF has ${pdf.numPages} pages; at most ${MAX_PAGES} are read.`,
      );
    const parts = [];
    for (let number = 1; number <= pdf.numPages; number++) parts.push({ text: await pageText(pdf, number) });
    const { text, pages } = joinPages(parts);
    requireText(text, 'The PDF (it may be a scan: pictures of pages)');
    const info = await information(pdf);
    return {
      text,
      markup: 'plain',
      title: string(info.Title),
      pages,
      metadata: known({
        author: string(info.Author),
        subject: string(info.Subject),
        keywords: string(info.Keywords),
        created_at: pdfDate(info.CreationDate),
        page_count: pdf.numPages,
      }),
    };
  } finally {
    await pdf.destroy();
  }
}

type Pdf = Awaited<ReturnType<typeof import('unpdf').getDocumentProxy>>;

async function pageText(pdf: Pdf, number: number): Promise<string> {
  try {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    page.cleanup();
    return (items as TextItem[]).map((item) => (item.str ?? '') + (item.hasEOL ? '\n' : '')).join('');
  } catch (error) {
    throw new ParseFailure('broken', `Page ${number} of the PDF is damaged.`, null, error);
  }
}

async function information(pdf: Pdf): Promise<Record<string, unknown>> {
  try {
    return ((await pdf.getMetadata()).info ?? {}) as Record<string, unknown>;
  } catch {
    // Damaged metadata is no reason to refuse the text.
    return {};
  }
}

const string = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : null;

/** `D:20240131120000+01'00'` -> ISO 8601. */
function pdfDate(value: unknown): string | null {
  const match = /^D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-])(\d\d)'?(\d\d)?)?/.exec(
    string(value) ?? '',
  );
  if (!match) return null;
  const [
    ,
    year,
    month = '01',
    day = '01',
    hour = '00',
    minute = '00',
    second = '00',
    sign,
    zone,
    part = '00',
  ] = match;
  const date = new Date(
    `${year}-${month}-${day}T${hour}:${minute}:${second}${sign ? `${sign}${zone}:${part}` : 'Z'}`,
  );
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
