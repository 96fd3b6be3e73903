/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { ParseFailure } from './failure';
import { decodeText } from './text';

/** An element in document order; `#text` nodes are strings. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: (XmlElement | string)[];
}

type Ordered = Record<string, unknown>;

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(lt|gt|amp|quot|apos));/gi,
    (whole, hex, dec, name) => {
      if (name) return ENTITIES[(name as string).toLowerCase()]!;
      const code = hex ? Number.parseInt(hex as string, 16) : Number(dec);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}

/** Office formats forbid document types, and entities of one's own are only ever an attack. */
export function decodeXml(bytes: Uint8Array): string {
  const { text } = decodeText(bytes);
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text))
    throw new ParseFailure('broken', 'The file declares a document type or entities, which is not allowed.');
  return text;
}

/** @throws ParseFailure `broken` */
export function parseXml(bytes: Uint8Array): XmlElement {
  const { XMLParser } = require('fast-xml-parser') as typeof import('fast-xml-parser');
  const text = decodeXml(bytes);
  try {
    const parser = new XMLParser({
      preserveOrder: true,
      ignoreAttributes: false,
      attributeNamePrefix: '',
      parseTagValue: false,
      parseAttributeValue: false,
      processEntities: false,
      trimValues: false,
    });
    const nodes = (parser.parse(text) as Ordered[]).map(toElement);
    const root = nodes.find(
      (node): node is XmlElement => typeof node !== 'string' && !node.name.startsWith('?'),
    );
    if (root) return root;
  } catch (error) {
    throw new ParseFailure('broken', 'The file is damaged: its XML cannot be read.', null, error);
  }
  throw new ParseFailure('broken', 'The file is damaged: its XML is empty.');
}

function toElement(node: Ordered): XmlElement | string {
  const raw = node[':@'] as Record<string, string> | undefined;
  const name = Object.keys(node).find((key) => key !== ':@') ?? '';
  if (name === '#text') return decodeEntities(String(node[name]));
  const attributes: Record<string, string> = {};
  for (const [key, value] of Object.entries(raw ?? {})) attributes[key] = decodeEntities(String(value));
  return { name, attributes, children: ((node[name] as Ordered[] | undefined) ?? []).map(toElement) };
}

export const elements = (parent: XmlElement): XmlElement[] =>
  parent.children.filter((child): child is XmlElement => typeof child !== 'string');

export const childrenNamed = (parent: XmlElement, name: string): XmlElement[] =>
  elements(parent).filter((child) => child.name === name);

/** All elements below `parent` with the name, in document order; not inside one another. */
export function descendants(parent: XmlElement, name: string): XmlElement[] {
  return elements(parent).flatMap((child) => (child.name === name ? [child] : descendants(child, name)));
}

export function textOf(node: XmlElement | string): string {
  return typeof node === 'string' ? node : node.children.map(textOf).join('');
}
