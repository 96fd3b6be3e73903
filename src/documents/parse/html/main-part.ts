/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import type { DefaultTreeAdapterTypes as Tree } from 'parse5';
import { attribute, childrenOf, type HtmlParent, isElement, isText, parsePage, wordsIn } from './tree';

/** Finding the main part takes seconds for pages of very many elements: they are lists, and are read whole. */
const MAX_ELEMENTS = 20_000;
/** The time grows with the square of the depth; written pages are some ten to forty deep. */
const MAX_DEPTH = 100;
/** Words below which there is nothing to leave out. */
const SHORT_PAGE = 150;
/** The share of a page's prose, words outside of links, that its main part must have: it is the page without menus. */
const PROSE_SHARE = 0.97;
/** The share of the words that may be left out without a word about it. */
const TOLD_FROM = 0.02;

interface Written {
  text: string;
  /** Words of menus and hidden parts that are not in the text. */
  leftOut: number;
}

/**
 * The article of a page without what stands around it, when hardly any prose is lost by that; else the whole page.
 * @param whole what the page gives as it is
 */
export function mainPart(
  page: Tree.Document,
  whole: Written & { elements: number; depth: number },
  write: (page: HtmlParent) => Written,
): { text: string; warning: string | null } {
  const words = wordsIn(whole.text);
  const isSearched = words > SHORT_PAGE && whole.elements <= MAX_ELEMENTS && whole.depth <= MAX_DEPTH;
  const article = isSearched ? articleOf(page) : null;
  const text = article && keepsProse(article, page) ? write(article).text : whole.text;
  const leftOut = whole.leftOut + Math.max(0, words - (text === whole.text ? words : wordsIn(text)));
  const all = words + whole.leftOut;
  const warning =
    leftOut > all * TOLD_FROM
      ? `${leftOut} of ${all} words of the page are left out: menus, hidden parts and what stands around its text.`
      : null;
  return { text, warning };
}

function articleOf(page: Tree.Document): Tree.Document | null {
  const { serialize } = require('parse5') as typeof import('parse5');
  const { parseHTML } = require('linkedom') as typeof import('linkedom');
  const { Readability } = require('@mozilla/readability') as typeof import('@mozilla/readability');
  // The page is written out as a browser has it: the other parser takes tags as they stand.
  const { document } = parseHTML(serialize(page));
  const article = new Readability(document, { charThreshold: 100 }).parse();
  return article?.content ? parsePage(article.content) : null;
}

const keepsProse = (article: HtmlParent, page: HtmlParent): boolean =>
  proseWords(article) >= proseWords(page) * PROSE_SHARE;

const NO_PROSE = new Set(
  'head script style template noscript nav a button select textarea title svg iframe'.split(' '),
);

function proseWords(page: HtmlParent): number {
  let words = 0;
  const stack: Tree.Node[] = [...childrenOf(page)];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (isText(node)) words += wordsIn(node.value);
    else if (isElement(node) && !NO_PROSE.has(node.tagName) && attribute(node, 'hidden') === null)
      for (const child of childrenOf(node)) stack.push(child);
  }
  return words;
}
