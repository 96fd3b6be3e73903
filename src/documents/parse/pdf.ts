/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { dirname } from 'node:path';
import { ParseFailure } from './failure';
import { hasUnknownLetters, joinHyphenated, readPage } from './pdf-page';
import { joinPages, known, requireText, type ParsedBody } from './result';

const MAX_PAGES = 5_000;

/** @throws ParseFailure `encrypted`, `broken`, `too_large` or `no_text` */
export async function parsePdf(bytes: Uint8Array): Promise<ParsedBody> {
  const { pdf, hasLostForm } = await open(bytes);
  try {
    if (pdf.numPages === 0) throw new ParseFailure('no_text', 'The PDF has no pages.');
    if (pdf.numPages > MAX_PAGES)
      throw new ParseFailure(
        'too_large',
        `The PDF has ${pdf.numPages} pages; at most ${MAX_PAGES} are read.`,
      );
    const read = await readPages(pdf);
    const { text, pages } = joinPages(read.texts.map((page) => ({ text: joinHyphenated(page) })));
    requireText(text, 'The PDF (it may be a scan: pictures of pages)', read.warnings);
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
      warnings: [
        ...read.warnings,
        ...(hasLostForm ? ['The form in the PDF (XFA) is damaged and was not read.'] : []),
        ...(await attachments(pdf)),
      ],
    };
  } finally {
    await pdf.destroy();
  }
}

type Pdf = Awaited<ReturnType<typeof import('unpdf').getDocumentProxy>>;

/** A form in XML (XFA) stands instead of the pages; when it is damaged, the pages are read. @throws ParseFailure */
async function open(bytes: Uint8Array): Promise<{ pdf: Pdf; hasLostForm: boolean }> {
  const { getDocumentProxy } = require('unpdf') as typeof import('unpdf');
  const opened = (enableXfa: boolean): Promise<Pdf> => {
    // The reader takes its bytes away.
    return getDocumentProxy(bytes.slice(), { verbosity: 0, enableXfa, ...fontData() });
  };
  try {
    return { pdf: await opened(true), hasLostForm: false };
  } catch (error) {
    if ((error as Error).name === 'PasswordException')
      throw new ParseFailure(
        'encrypted',
        'The PDF is protected by a password; upload it without.',
        null,
        error,
      );
  }
  try {
    return { pdf: await opened(false), hasLostForm: true };
  } catch (error) {
    throw new ParseFailure('broken', 'The PDF is damaged and cannot be read.', null, error);
  }
}

/** Character maps of East Asian fonts, and the fonts that every reader has: files are written without them. */
function fontData(): { cMapUrl: string; cMapPacked: boolean; standardFontDataUrl: string } {
  const folder = dirname(require.resolve('pdfjs-dist/package.json'));
  return {
    cMapUrl: `${folder}/cmaps/`,
    cMapPacked: true,
    standardFontDataUrl: `${folder}/standard_fonts/`,
  };
}

/** Texts of all pages. A page that is damaged is empty and reported. @throws ParseFailure `broken` when all are */
async function readPages(pdf: Pdf): Promise<{ texts: string[]; warnings: string[] }> {
  const texts: string[] = [];
  const damaged: number[] = [];
  const blank: number[] = [];
  const formless: number[] = [];
  const unreadable: number[] = [];
  for (let number = 1; number <= pdf.numPages; number++) {
    const page = await readPage(pdf, number);
    texts.push(page.text);
    if (page.isDamaged) damaged.push(number);
    else if (page.text.trim() === '') blank.push(number);
    if (hasUnknownLetters(page.text)) unreadable.push(number);
    if (page.hasDamagedFields) formless.push(number);
  }
  if (damaged.length === pdf.numPages)
    throw new ParseFailure('broken', 'The PDF is damaged: none of its pages can be read.');
  const warnings = [
    damaged.length > 0 && `${pagesNamed(damaged)} of the PDF cannot be read: damaged.`,
    unreadable.length > 0 &&
      `${pagesNamed(unreadable)}: some letters are lost, as their fonts do not say which they are.`,
    formless.length > 0 && `Form fields and notes cannot be read: ${pagesNamed(formless)}.`,
    blank.length > 0 &&
      `${pagesNamed(blank)} ${blank.length === 1 ? 'holds no text (an image?)' : 'hold no text (images?)'}.`,
  ].filter((sentence): sentence is string => sentence !== false);
  return { texts, warnings };
}

/** `Page 3`, `Pages 3, 5 to 9` */
function pagesNamed(numbers: number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  const named = runs.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ');
  return `${numbers.length === 1 ? 'Page' : 'Pages'} ${named}`;
}

async function attachments(pdf: Pdf): Promise<string[]> {
  try {
    const found = ((await pdf.getAttachments()) ?? {}) as Record<string, { filename?: string }>;
    const names = Object.entries(found).map(([name, { filename }]) => filename ?? name);
    return names.length === 0 ? [] : [`Files attached to the PDF were not read: ${names.join(', ')}.`];
  } catch {
    return ['Files attached to the PDF cannot be read.'];
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
