/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import type { DefaultTreeAdapterTypes as Tree, TreeAdapter } from 'parse5';
import { ParseFailure } from '../failure';

export type HtmlNode = Tree.Node;
export type HtmlElement = Tree.Element;
export type HtmlParent = Tree.ParentNode;

/** Browsers give up at about this depth, too (512): what is deeper is put beside its parent, so that no text is lost. */
const MAX_DEPTH = 500;
/** Every tag is compared with all that are open: more of them take time that grows with the square. */
const MAX_OPEN = 2_000;
/** Elements that fit into a reader's memory; pages of this many are made to hurt. */
const MAX_ELEMENTS = 1_000_000;

interface Placed {
  depth?: number;
}

function boundedAdapter(): TreeAdapter<Tree.DefaultTreeAdapterMap> {
  const { defaultTreeAdapter } = require('parse5') as typeof import('parse5');
  let open = 0;
  let elements = 0;
  /** Names of the attributes of elements that later tags add to, `html` and `body`. */
  const known = new WeakMap<HtmlElement, Set<string>>();
  const place = (parent: HtmlParent, node: HtmlNode): HtmlParent => {
    const depth = (parent as Placed).depth ?? 0;
    const above = (parent as Tree.ChildNode).parentNode;
    const isTooDeep = depth >= MAX_DEPTH && above;
    (node as Placed).depth = isTooDeep ? depth : depth + 1;
    return isTooDeep ? above : parent;
  };
  return {
    ...defaultTreeAdapter,
    createElement(...args) {
      if (++elements > MAX_ELEMENTS)
        throw new ParseFailure('too_large', `The page has more than ${MAX_ELEMENTS} elements.`);
      return defaultTreeAdapter.createElement(...args);
    },
    adoptAttributes(recipient, attributes) {
      let names = known.get(recipient);
      if (!names) known.set(recipient, (names = new Set(recipient.attrs.map(({ name }) => name))));
      for (const attribute of attributes) {
        if (names.has(attribute.name)) continue;
        names.add(attribute.name);
        recipient.attrs.push(attribute);
      }
    },
    // What stands in a table outside of its cells goes before the table, which is near the end: it is looked for from there.
    insertBefore(parent, node, before) {
      parent.childNodes.splice(parent.childNodes.lastIndexOf(before), 0, node);
      node.parentNode = parent;
    },
    insertTextBefore(parent, text, before) {
      const previous = parent.childNodes[parent.childNodes.lastIndexOf(before) - 1];
      if (previous && isText(previous)) previous.value += text;
      else this.insertBefore(parent, defaultTreeAdapter.createTextNode(text), before);
    },
    detachNode(node) {
      if (!node.parentNode) return;
      const { childNodes } = node.parentNode;
      // All children of an element move one by one, the first of them each time.
      if (childNodes[0] === node) childNodes.shift();
      else childNodes.splice(childNodes.lastIndexOf(node), 1);
      node.parentNode = null;
    },
    appendChild: (parent, node) => defaultTreeAdapter.appendChild(place(parent, node), node),
    onItemPush() {
      if (++open > MAX_OPEN)
        throw new ParseFailure('too_large', `The page is nested more than ${MAX_OPEN} elements deep.`);
    },
    onItemPop() {
      open--;
    },
  };
}

/** Reads a page as browsers do: implied tags, unclosed elements and tables in disorder have their places. @throws ParseFailure `too_large` */
export function parsePage(html: string): Tree.Document {
  const { parse } = require('parse5') as typeof import('parse5');
  return parse(html, { treeAdapter: boundedAdapter(), scriptingEnabled: false });
}

/** How deep an element stands, as far as depth is kept. */
export const depthOf = (element: HtmlElement): number => (element as Placed).depth ?? 0;

export const isElement = (node: HtmlNode): node is HtmlElement => 'tagName' in node;

export const isText = (node: HtmlNode): node is Tree.TextNode => node.nodeName === '#text';

export const attribute = (element: HtmlElement, name: string): string | null =>
  element.attrs.find((candidate) => candidate.name === name)?.value ?? null;

/** What is inside; of a template only what it shows by itself. */
export function childrenOf(parent: HtmlParent): HtmlNode[] {
  if (!('content' in parent)) return parent.childNodes;
  const isShown = ['shadowrootmode', 'shadowroot'].some((name) => attribute(parent, name) !== null);
  return isShown ? parent.content.childNodes : [];
}

/** The elements below, in document order. */
export function* descendants(parent: HtmlParent): Generator<HtmlElement> {
  const stack: HtmlNode[] = [...childrenOf(parent)].reverse();
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (!isElement(node)) continue;
    yield node;
    const children = childrenOf(node);
    for (let index = children.length - 1; index >= 0; index--) stack.push(children[index]!);
  }
}

export function find(parent: HtmlParent, tagName: string): HtmlElement | null {
  for (const element of descendants(parent)) if (element.tagName === tagName) return element;
  return null;
}

/** All text below, as it is written. */
export function textOf(node: HtmlNode): string {
  const parts: string[] = [];
  const stack: HtmlNode[] = [node];
  while (stack.length > 0) {
    const next = stack.pop()!;
    if (isText(next)) parts.push(next.value);
    else if ('childNodes' in next) {
      if (next.nodeName === 'br') parts.push('\n');
      const children = childrenOf(next);
      for (let index = children.length - 1; index >= 0; index--) stack.push(children[index]!);
    }
  }
  return parts.join('');
}

const WORD = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]|[\p{L}\p{N}\p{M}]+/gu;

/** Words of a text; signs of Chinese and Japanese count one by one. */
export const wordsIn = (text: string): number => text.match(WORD)?.length ?? 0;
