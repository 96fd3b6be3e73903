import type { DocumentFormat, FileInput, ParsedDocument } from '../types';
import { ParseFailure } from './failure';
import { parseCsv } from './csv';
import { parseEpub } from './epub';
import { parseHtml, shownText } from './html';
import { parseJson } from './json';
import { parseEmail, parseMht } from './mail';
import { parseMarkdown } from './markdown';
import { parseNotebook } from './notebook';
import { parseOdp, parseOds, parseOdt } from './odf';
import { parseDocx } from './office/docx';
import { parsePptx } from './office/pptx';
import { parseXlsx } from './office/xlsx';
import { parsePdf } from './pdf';
import { parseCode, parseText } from './plain';
import { CONTENT_TYPES, leadOf, type ParsedBody } from './result';
import { parseRtf } from './rtf';
import { extensionOf, sniff } from './sniff';

const PARSERS: Record<DocumentFormat, (input: FileInput) => ParsedBody | Promise<ParsedBody>> = {
  pdf: ({ bytes }) => parsePdf(bytes),
  docx: ({ bytes }) => parseDocx(bytes, parseEmbedded),
  pptx: ({ bytes }) => parsePptx(bytes),
  xlsx: ({ bytes }) => parseXlsx(bytes),
  html: ({ bytes }) => parseHtml(bytes),
  markdown: ({ bytes }) => parseMarkdown(bytes),
  text: ({ bytes }) => parseText(bytes),
  csv: ({ bytes }) => parseCsv(bytes),
  json: ({ bytes }) => parseJson(bytes),
  eml: ({ bytes }) => parseEmail(bytes),
  mht: ({ bytes }) => parseMht(bytes),
  odt: ({ bytes }) => parseOdt(bytes),
  ods: ({ bytes }) => parseOds(bytes),
  odp: ({ bytes }) => parseOdp(bytes),
  rtf: ({ bytes }) => parseRtf(bytes),
  epub: ({ bytes }) => parseEpub(bytes),
  ipynb: ({ bytes }) => parseNotebook(bytes),
  code: ({ bytes, fileName }) => parseCode(bytes, fileName),
};

/** Files within files within files: nobody writes more. */
const MAX_EMBEDDED_DEPTH = 3;
let embeddedDepth = 0;

/** Reads a file that a document holds. @throws ParseFailure */
async function parseEmbedded(input: FileInput): Promise<ParsedDocument> {
  if (embeddedDepth >= MAX_EMBEDDED_DEPTH)
    throw new ParseFailure('too_large', `Files are within one another more than ${MAX_EMBEDDED_DEPTH} deep.`);
  embeddedDepth++;
  try {
    return await parseFile(input);
  } finally {
    embeddedDepth--;
  }
}

const NAMED_BY_BYTES: Record<string, DocumentFormat> = {
  pdf: 'pdf',
  docx: 'docx',
  pptx: 'pptx',
  xlsx: 'xlsx',
};

/** Formats of people's writing, which says first what it is about. */
const BEGINS_WITH_TITLE: ReadonlySet<DocumentFormat> = new Set(['text', 'markdown', 'docx', 'pdf']);

function titleOf({ title, text }: ParsedBody, format: DocumentFormat): string | null {
  const own = title === null ? '' : shownText(title);
  return own || (BEGINS_WITH_TITLE.has(format) ? leadOf(text) : null);
}

/**
 * Reads a file in this thread, without limits of time and memory: only for the worker.
 * @throws ParseFailure
 */
export async function parseFile(input: FileInput): Promise<ParsedDocument> {
  const format = await sniff(input);
  const contentType = CONTENT_TYPES[format];
  try {
    const body = await PARSERS[format](input);
    const claimed = NAMED_BY_BYTES[extensionOf(input.fileName)];
    const wrongName = claimed !== undefined && claimed !== format;
    return {
      ...body,
      title: titleOf(body, format),
      warnings: body.warnings ?? [],
      metadata: wrongName ? { ...body.metadata, wrong_extension: true } : body.metadata,
      format,
      contentType,
    };
  } catch (error) {
    if (error instanceof ParseFailure)
      throw new ParseFailure(error.reason, error.message, error.contentType ?? contentType, error.cause);
    throw new ParseFailure('broken', `The file cannot be read as ${contentType}.`, contentType, error);
  }
}
