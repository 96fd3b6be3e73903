import {
  attribute,
  childrenOf,
  descendants,
  type HtmlElement,
  type HtmlNode,
  type HtmlParent,
  isElement,
  isText,
  textOf,
  wordsIn,
} from './tree';

/** Never read: code, drawings, other documents, and what is shown only where something else is not supported. */
const NOT_TEXT = new Set(
  'head script style title iframe object embed applet audio video canvas map datalist select textarea input meter progress rp noframes'.split(
    ' ',
  ),
);
/** Of these, what readers without scripts, frames and players show. */
const SHOWN_ELSEWHERE = new Set('iframe object audio video canvas noframes textarea select'.split(' '));
const HEADINGS = /^(?:h[1-6]|summary|dt|legend)$/;

/** What is in a page but not in its text, and the words that are lost by it. */
export class Furniture {
  /** Ids of parts that something on the page opens: the panels of accordions and tabs. */
  private readonly opened = new Set<string>();
  private readonly keepsMenus: boolean;
  private readonly keepsNoscript: boolean;
  /** Words of menus and of hidden parts that were left out. */
  leftOut = 0;

  constructor(page: HtmlParent) {
    const words = { all: 0, menus: 0, noscript: 0 };
    const stack: { node: HtmlNode; place: keyof typeof words }[] = [{ node: page, place: 'all' }];
    while (stack.length > 0) {
      const { node, place } = stack.pop()!;
      if (isText(node)) words[place] += wordsIn(node.value);
      if (!('childNodes' in node) || (isElement(node) && NOT_TEXT.has(node.tagName))) continue;
      if (isElement(node)) this.noteOpened(node);
      const inside = placeOf(node, place);
      for (const child of childrenOf(node)) stack.push({ node: child, place: inside });
    }
    // A page that is nothing but a menu, a table of contents say, is read for it.
    this.keepsMenus = words.menus > words.all;
    this.keepsNoscript = words.noscript > words.all;
  }

  private noteOpened(element: HtmlElement): void {
    for (const { name, value } of element.attrs)
      if (['aria-controls', 'data-target', 'data-bs-target'].includes(name))
        for (const id of value.split(/\s+/)) this.opened.add(id.replace(/^#/, ''));
  }

  /** Whether the element is passed over; what that loses is counted. */
  isLeftOut(element: HtmlElement): boolean {
    const { tagName } = element;
    if (SHOWN_ELSEWHERE.has(tagName)) this.leftOut += wordsIn(textOf(element));
    if (NOT_TEXT.has(tagName)) return true;
    if (tagName === 'template') return childrenOf(element).length === 0;
    if (tagName === 'button') {
      const isOut = !isContentButton(element);
      if (isOut) this.leftOut += wordsBelow(element);
      return isOut;
    }
    const isOut =
      (tagName === 'noscript' && !this.keepsNoscript) ||
      (isMenu(element) && !this.keepsMenus) ||
      (isHidden(element) && !this.isOpened(element));
    if (isOut) this.leftOut += wordsBelow(element);
    return isOut;
  }

  private isOpened(element: HtmlElement): boolean {
    return (
      this.opened.has(attribute(element, 'id') ?? '\n') ||
      ['tabpanel', 'region'].includes(attribute(element, 'role') ?? '') ||
      attribute(element, 'hidden') === 'until-found'
    );
  }
}

function placeOf(node: HtmlNode, place: 'all' | 'menus' | 'noscript'): 'all' | 'menus' | 'noscript' {
  if (place !== 'all' || !isElement(node)) return place;
  if (isMenu(node)) return 'menus';
  return node.tagName === 'noscript' ? 'noscript' : 'all';
}

const isMenu = (element: HtmlElement): boolean =>
  element.tagName === 'nav' || attribute(element, 'role') === 'navigation';

const isHidden = (element: HtmlElement): boolean =>
  attribute(element, 'hidden') !== null || attribute(element, 'aria-hidden') === 'true';

/** Buttons are for acting, but those of accordions are the questions whose answers they open. */
function isContentButton(button: HtmlElement): boolean {
  if (['aria-expanded', 'aria-controls'].some((name) => attribute(button, name) !== null)) return true;
  if (attribute(button, 'role') === 'tab') return true;
  for (let above = button.parentNode; above; above = (above as HtmlElement).parentNode ?? null)
    if (HEADINGS.test(above.nodeName)) return true;
  for (const inside of descendants(button)) if (HEADINGS.test(inside.tagName)) return true;
  return false;
}

export function wordsBelow(node: HtmlNode): number {
  let words = 0;
  const stack: HtmlNode[] = [node];
  while (stack.length > 0) {
    const next = stack.pop()!;
    if (isText(next)) words += wordsIn(next.value);
    else if ('childNodes' in next && !(isElement(next) && NOT_TEXT.has(next.tagName)))
      for (const child of childrenOf(next)) stack.push(child);
  }
  return words;
}
