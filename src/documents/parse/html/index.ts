import { known, requireText, firstHeading, type ParsedBody } from '../result';
import { decodeText, normalizeText } from '../text';
import { declaredCharset } from './charset';
import { Furniture } from './furniture';
import { mainPart } from './main-part';
import { MarkdownWriter } from './markdown';
import {
  attribute,
  depthOf,
  descendants,
  find,
  type HtmlElement,
  type HtmlParent,
  parsePage,
  textOf,
} from './tree';

/** Turns HTML into Markdown; scripts, controls and hidden parts are left out. @throws ParseFailure `too_large` */
export function htmlToMarkdown(html: string): string {
  return markdownOf(parsePage(html)).text;
}

const VOID = /^(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/i;

/** XHTML closes any element in its own tag, which HTML takes for an open one. */
const asHtml = (xhtml: string): string =>
  xhtml.replace(/<([a-z][\w:-]*)((?:\s[^<>]*)?)\/>/gi, (tag: string, name: string, rest: string) =>
    VOID.test(name) ? tag : `<${name}${rest}></${name}>`,
  );

/** The same for XHTML: chapters of books. @throws ParseFailure `too_large` */
export function xhtmlToMarkdown(xhtml: string): string {
  return htmlToMarkdown(asHtml(xhtml));
}

function markdownOf(page: HtmlParent): { text: string; leftOut: number } {
  const furniture = new Furniture(page);
  const text = new MarkdownWriter(furniture).write(page);
  return { text: normalizeText(text).trim(), leftOut: furniture.leftOut };
}

/** Text as it is shown: markup and entities that somebody wrote into it are taken out. */
export function shownText(text: string): string {
  const isPlain = !/<\/?[a-z][^<>]*>|&(?:#\w+|\w+);/i.test(text);
  return (isPlain ? text : textOf(parsePage(text))).replace(/\s+/g, ' ').trim();
}

/** @throws ParseFailure `no_text` or `too_large` */
export function parseHtml(bytes: Uint8Array): ParsedBody {
  const { text } = decodeText(bytes, declaredCharset(bytes));
  return parsePageText(text);
}

/** As `parseHtml`, for a page that is text already. */
export function parsePageText(html: string): ParsedBody {
  const page = parsePage(/^\s*<\?xml\b/.test(html) ? asHtml(html) : html);
  const elements = [...descendants(page)];
  const meta = metaOf(elements);
  const title = elements.find(
    ({ tagName, namespaceURI }) => tagName === 'title' && !namespaceURI.endsWith('svg'),
  );
  const root = find(page, 'html');
  const metadata = known({
    author: meta.get('author'),
    description: meta.get('description'),
    language: root && attribute(root, 'lang'),
  });
  const whole = markdownOf(page);
  const depth = elements.reduce((deepest, element) => Math.max(deepest, depthOf(element)), 0);
  const { text, warning } = mainPart(page, { ...whole, elements: elements.length, depth }, markdownOf);
  requireText(text, 'The page');
  return {
    text,
    markup: 'markdown',
    title: (title && shownText(textOf(title))) || meta.get('og:title') || firstHeading(text),
    metadata,
    warnings: warning === null ? [] : [warning],
  };
}

function metaOf(elements: readonly HtmlElement[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const element of elements) {
    if (element.tagName !== 'meta') continue;
    const name = (attribute(element, 'name') ?? attribute(element, 'property') ?? '').toLowerCase();
    const content = attribute(element, 'content')?.trim();
    if (name !== '' && content && !found.has(name)) found.set(name, shownText(content));
  }
  return found;
}
