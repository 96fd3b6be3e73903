/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { ParseFailure } from './failure';
import { known, requireText, firstHeading, type ParsedBody } from './result';
import { markdownTable } from './table';
import { decodeText, normalizeText } from './text';

/** The main text is taken when it is at least this share of the page; less, and it probably missed something. */
const MAIN_TEXT_SHARE = 0.4;
const MAX_ELEMENTS = 20_000;
const FURNITURE =
  'script, style, noscript, template, iframe, svg, nav, form, button, [hidden], [aria-hidden="true"]';

/** Nodes of linkedom, as far as they are used. */
interface Node {
  nodeName: string;
  textContent: string | null;
  innerHTML: string;
  remove(): void;
  cloneNode(deep: boolean): Node;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Node | null;
  querySelectorAll(selector: string): Iterable<Node>;
}

interface Page extends Node {
  documentElement: Node | null;
  body: Node;
  title: string;
}

function charsetOf(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 2048)).toString('latin1');
  return /<meta[^>]+charset=["']?([\w-]+)/i.exec(head)?.[1];
}

/** The page's own word for its charset counts only where the bytes are no UTF-8 and have no mark. */
function decodeHtml(bytes: Uint8Array): string {
  const { text, charset } = decodeText(bytes);
  const declared = charset === 'windows-1252' ? charsetOf(bytes) : undefined;
  if (declared === undefined) return text;
  try {
    return normalizeText(new TextDecoder(declared).decode(bytes));
  } catch {
    // A charset that nobody knows: what was decoded stands.
    return text;
  }
}

/** Elements that nobody has to close, and those that have nothing in them: they say nothing of the depth. */
const NOT_COUNTED = new Set(
  'p li dt dd tr td th thead tbody tfoot option optgroup colgroup area base br col embed hr img input link meta source track wbr'.split(
    ' ',
  ),
);
/** Written pages are some ten deep; the time that a page takes grows with the square of its depth. */
const MAX_DEPTH = 500;

/** @throws ParseFailure `too_large` */
function checkDepth(html: string): void {
  let depth = 0;
  for (const [, closing, name, rest] of html.matchAll(/<(\/?)([a-z][a-z0-9-]*)([^<>]*)>/gi)) {
    if (NOT_COUNTED.has(name!.toLowerCase()) || rest!.endsWith('/')) continue;
    depth = closing ? Math.max(0, depth - 1) : depth + 1;
    if (depth > MAX_DEPTH)
      throw new ParseFailure('too_large', `The page is nested more than ${MAX_DEPTH} elements deep.`);
  }
}

function open(html: string): Page {
  checkDepth(html);
  const { parseHTML } = require('linkedom') as typeof import('linkedom');
  return parseHTML(withHeadAndBody(html)).document as unknown as Page;
}

/** Before the root, and its tag. */
const OPENING = /^(?:\s|<!--[^]*?-->|<\?[^>]*>|<!doctype[^>]*>)*(<html\b[^>]*>)?/i;
const BLANK = String.raw`(?:\s|<!--[^]*?-->)*`;
const WRITTEN_HEAD = new RegExp(`^${BLANK}<head\\b[^>]*>[^]*?</head\\s*>`, 'i');
/** A head that nobody closed, or frames: left to the parser. */
const LEFT_ALONE = new RegExp(`^${BLANK}<(?:head|frameset)\\b`, 'i');
/** What may stand in a head whose own tags are not written, up to the first thing that may not. */
const IMPLIED_HEAD =
  /^(?:\s|<!--[^]*?-->|<(?:meta|link|base)\b[^>]*>|<(title|style|script|noscript)\b[^>]*>[^]*?<\/\1\s*>)*/i;
const WRITTEN_BODY = new RegExp(`^${BLANK}<(?:body|frameset)\\b`, 'i');

/** The parser takes tags as they are written: those that HTML implies are written for it. */
function withHeadAndBody(html: string): string {
  const [opening, root = '<html>'] = OPENING.exec(html)!;
  const rest = html.slice(opening.length);
  const written = WRITTEN_HEAD.exec(rest)?.[0];
  if (written === undefined && LEFT_ALONE.test(rest)) return root + rest;
  const implied = written ?? IMPLIED_HEAD.exec(rest)![0];
  const head = written ?? `<head>${implied}</head>`;
  const body = rest.slice(implied.length).replace(/^<\/head\s*>/i, '');
  return `${root}${head}${WRITTEN_BODY.test(body) ? '' : '<body>'}${body}`;
}

/** Turns HTML into Markdown; scripts and hidden parts are left out. */
export function htmlToMarkdown(html: string): string {
  const { body } = open(html);
  return toMarkdown(body);
}

function toMarkdown(node: Node): string {
  const Turndown = require('turndown') as typeof import('turndown');
  for (const unwanted of [...node.querySelectorAll(FURNITURE)]) unwanted.remove();
  const service = new Turndown({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' });
  service.addRule('table', {
    filter: 'table',
    replacement: (_content, table) => `\n\n${tableOf(table as unknown as Node)}\n\n`,
  });
  // What a picture shows is in its description; its address says nothing.
  service.addRule('image', {
    filter: 'img',
    replacement: (_content, image) => (image as unknown as Node).getAttribute('alt') ?? '',
  });
  return normalizeText(service.turndown(node as never)).trim();
}

function tableOf(table: Node): string {
  const rows = [...table.querySelectorAll('tr')].map((row) =>
    [...row.querySelectorAll('th, td')].map((cell) => cell.textContent ?? ''),
  );
  return markdownTable(rows);
}

function mainPart(document: Page): Node {
  const { Readability } = require('@mozilla/readability') as typeof import('@mozilla/readability');
  const whole = document.body.cloneNode(true);
  for (const unwanted of [...whole.querySelectorAll(FURNITURE)]) unwanted.remove();
  // Finding the main part takes seconds for pages of very many elements: they are lists, and are read whole.
  if ([...whole.querySelectorAll('*')].length > MAX_ELEMENTS) return whole;
  const article = new Readability(document as never, { charThreshold: 100 }).parse();
  const length = (whole.textContent ?? '').replace(/\s+/g, ' ').length;
  const found = article?.textContent?.replace(/\s+/g, ' ').length ?? 0;
  return article?.content && found >= length * MAIN_TEXT_SHARE ? open(article.content).body : whole;
}

/** @throws ParseFailure `no_text` */
export function parseHtml(bytes: Uint8Array): ParsedBody {
  const html = decodeHtml(bytes);
  const document = open(html);
  const meta = (selector: string): string | null =>
    document.querySelector(selector)?.getAttribute('content') ?? null;
  const title = document.title.trim() || meta('meta[property="og:title"]');
  const metadata = known({
    author: meta('meta[name="author"]'),
    description: meta('meta[name="description"]'),
    language: document.documentElement?.getAttribute('lang') ?? null,
  });
  const text = toMarkdown(mainPart(document));
  requireText(text, 'The page');
  return { text, markup: 'markdown', title: title || firstHeading(text), metadata };
}
