/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { ParseFailure } from './failure';
import { decodeText, normalizeText } from './text';
import { canonicalPrefix } from './xml-namespaces';

/** An element in document order; text is in strings between. */
export interface XmlElement {
  /**
   * `w:p`, with the prefix that `xml-namespaces` gives to the namespace, whatever the file calls it; as the file writes it
   * where the namespace is none of those.
   */
  name: string;
  /** By name, which is made as that of elements. */
  attributes: Record<string, string>;
  children: (XmlElement | string)[];
}

/** What `scanXml` tells, in document order. */
export interface XmlHandler {
  open(name: string, attributes: Record<string, string>): void;
  close(name: string): void;
  text(text: string): void;
}

/** Written documents are some thirty deep; readers of trees call themselves once a level. */
const MAX_DEPTH = 512;
/** An element takes about 200 bytes as an object: this many fit into a thread's memory. */
const MAX_ELEMENTS = 1_500_000;

/** Office formats forbid document types, and entities of one's own are only ever an attack. */
export function decodeXml(bytes: Uint8Array): string {
  const text = declaredText(bytes) ?? decodeText(bytes).text;
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text))
    throw new ParseFailure('broken', 'The file declares a document type or entities, which is not allowed.');
  return text;
}

/** Text of a file that declares a charset in which it cannot be taken for UTF-8 or UTF-16. */
function declaredText(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 200)).toString('latin1');
  const label = /^<\?xml[^>]*?\sencoding=["']([\w.:-]+)["']/.exec(head)?.[1];
  if (label === undefined || /^(?:utf|ucs|us-ascii)/i.test(label)) return undefined;
  try {
    return normalizeText(new TextDecoder(label).decode(bytes));
  } catch {
    // A charset that nobody knows: the bytes say more than the name.
    return undefined;
  }
}

/** Prefix -> namespace, and the names that were seen with them. */
interface Scope {
  prefixes: ReadonlyMap<string, string>;
  elements: Map<string, string>;
  attributes: Map<string, string>;
}

const scopeOf = (prefixes: ReadonlyMap<string, string>): Scope => ({
  prefixes,
  elements: new Map(),
  attributes: new Map(),
});

function nameIn(scope: Scope, written: string, kind: 'elements' | 'attributes'): string {
  let name = scope[kind].get(written);
  if (name === undefined) {
    const colon = written.indexOf(':');
    const local = colon < 0 ? written : written.slice(colon + 1);
    const prefix = colon < 0 ? '' : written.slice(0, colon);
    // Attributes without a prefix are in no namespace.
    const uri = colon < 0 && kind === 'attributes' ? undefined : scope.prefixes.get(prefix);
    const canonical = uri === undefined ? undefined : canonicalPrefix(uri);
    name = canonical === undefined ? written : canonical === '' ? local : `${canonical}:${local}`;
    scope[kind].set(written, name);
  }
  return name;
}

function declaredIn(attributes: Record<string, string>, scope: Scope): Scope {
  let prefixes: Map<string, string> | undefined;
  for (const key in attributes) {
    if (!key.startsWith('xmlns') || (key.length > 5 && key[5] !== ':')) continue;
    prefixes ??= new Map(scope.prefixes);
    prefixes.set(key.slice(6), attributes[key]!);
  }
  return prefixes ? scopeOf(prefixes) : scope;
}

/**
 * Reads XML without keeping it.
 * Small faults (an entity that nobody defined) are passed over, as Office programs do.
 * @throws ParseFailure `broken` when it is cut off or empty, `too_large` when it is nested too deep
 */
export function scanXml(bytes: Uint8Array, handler: XmlHandler): void {
  const { SaxesParser } = require('saxes') as typeof import('saxes');
  const parser = new SaxesParser({ xmlns: false, position: false });
  const scopes: Scope[] = [scopeOf(new Map())];
  const open: string[] = [];
  let ended = false;
  parser.on('error', () => undefined);
  parser.on('opentag', ({ name: written, attributes: raw, isSelfClosing }) => {
    if (open.length >= MAX_DEPTH)
      throw new ParseFailure('too_large', `The file's XML is nested more than ${MAX_DEPTH} elements deep.`);
    const scope = declaredIn(raw, scopes.at(-1)!);
    const attributes: Record<string, string> = {};
    for (const key in raw) attributes[nameIn(scope, key, 'attributes')] = raw[key]!;
    const name = nameIn(scope, written, 'elements');
    handler.open(name, attributes);
    scopes.push(scope);
    open.push(name);
    // The parser tells the end of these as well.
    void isSelfClosing;
  });
  parser.on('closetag', () => {
    scopes.pop();
    const name = open.pop();
    if (name !== undefined) handler.close(name);
    ended ||= open.length === 0;
  });
  parser.on('text', (text) => handler.text(text));
  parser.on('cdata', (text) => handler.text(text));
  parser.write(decodeXml(bytes)).close();
  if (!ended) throw new ParseFailure('broken', 'The file is damaged: its XML is empty or cut off.');
}

/** @throws ParseFailure `broken` or `too_large` */
export function parseXml(bytes: Uint8Array): XmlElement {
  const document: XmlElement = { name: '', attributes: {}, children: [] };
  const open = [document];
  let elements = 0;
  scanXml(bytes, {
    open(name, attributes) {
      if (++elements > MAX_ELEMENTS)
        throw new ParseFailure('too_large', `A part of the file has more than ${MAX_ELEMENTS} elements.`);
      const element: XmlElement = { name, attributes, children: [] };
      open.at(-1)!.children.push(element);
      open.push(element);
    },
    close() {
      open.pop();
    },
    text(text) {
      if (open.length > 1) open.at(-1)!.children.push(text);
    },
  });
  return elementsOf(document)[0]!;
}

export const elementsOf = (parent: XmlElement): XmlElement[] =>
  parent.children.filter((child): child is XmlElement => typeof child !== 'string');

export const childrenNamed = (parent: XmlElement, name: string): XmlElement[] =>
  elementsOf(parent).filter((child) => child.name === name);

export const childNamed = (parent: XmlElement | undefined, name: string): XmlElement | undefined =>
  parent?.children.find((child): child is XmlElement => typeof child !== 'string' && child.name === name);

/** All elements below `parent` with the name, in document order; not inside one another. */
export function descendants(parent: XmlElement, name: string): XmlElement[] {
  const found: XmlElement[] = [];
  const visit = (element: XmlElement): void => {
    for (const child of element.children) {
      if (typeof child === 'string') continue;
      if (child.name === name) found.push(child);
      else visit(child);
    }
  };
  visit(parent);
  return found;
}

export function textOf(node: XmlElement | string): string {
  return typeof node === 'string' ? node : node.children.map(textOf).join('');
}
