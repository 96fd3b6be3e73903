/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { ParseFailure } from './failure';
import { htmlToMarkdown } from './html';
import { firstHeading, joinPages, known, requireText, type ParsedBody } from './result';
import { markdownTable } from './table';
import { childrenNamed, decodeXml, descendants, elements, parseXml, textOf, type XmlElement } from './xml';
import { readZip, type ZipEntries } from './zip';

const isXml = (name: string): boolean => /\.(?:xml|rels)$/i.test(name);

/** Title, author and times, which all Office formats keep in the same place. */
export function coreProperties(entries: ZipEntries): {
  title: string | null;
  metadata: ParsedBody['metadata'];
} {
  const bytes = entries['docProps/core.xml'];
  const root = bytes && parseXml(bytes);
  const value = (name: string): string | null => {
    const element = root && childrenNamed(root, name)[0];
    return element ? textOf(element).trim() || null : null;
  };
  return {
    title: value('dc:title'),
    metadata: known({
      author: value('dc:creator'),
      subject: value('dc:subject'),
      keywords: value('cp:keywords'),
      language: value('dc:language'),
      created_at: value('dcterms:created'),
      modified_at: value('dcterms:modified'),
    }),
  };
}

/** @throws ParseFailure */
export async function parseDocx(bytes: Uint8Array): Promise<ParsedBody> {
  const entries = readZip(bytes, isXml);
  if (!entries['word/document.xml'])
    throw new ParseFailure('broken', 'The document is damaged: its text is missing.');
  const mammoth = require('mammoth') as typeof import('mammoth');
  const { zipSync, strToU8 } = require('fflate') as typeof import('fflate');
  // The converter unpacks by itself, without limits: it gets an archive of what has been unpacked within ours.
  const checked = Object.fromEntries(
    Object.entries(entries).map(([name, xml]) => [
      name,
      strToU8(decodeXml(xml).replace(/^(<\?xml[^>]*?)\s+encoding=["'][^"']*["']/, '$1')),
    ]),
  );
  const buffer = Buffer.from(zipSync(checked, { level: 0 }));
  const html = await mammoth
    .convertToHtml(
      { buffer },
      { convertImage: mammoth.images.imgElement(() => Promise.resolve({ src: '' })) },
    )
    .catch((error: unknown) => {
      throw new ParseFailure('broken', 'The document is damaged and cannot be read.', null, error);
    });
  const text = htmlToMarkdown(html.value);
  requireText(text, 'The document');
  const { title, metadata } = coreProperties(entries);
  return { text, markup: 'markdown', title: title ?? firstHeading(text), metadata };
}

/** A paragraph's runs, fields and line breaks. */
function paragraphText(paragraph: XmlElement): string {
  return elements(paragraph)
    .map((child) => {
      if (child.name === 'a:br') return '\n';
      return child.name === 'a:r' || child.name === 'a:fld'
        ? childrenNamed(child, 'a:t').map(textOf).join('')
        : '';
    })
    .join('');
}

const bodyText = (body: XmlElement): string =>
  descendants(body, 'a:p')
    .map((paragraph) => paragraphText(paragraph).trim())
    .filter((line) => line !== '')
    .join('\n');

const isTitle = (shape: XmlElement): boolean =>
  descendants(shape, 'p:ph').some(({ attributes }) => ['title', 'ctrTitle'].includes(attributes.type ?? ''));

function shapeText(shape: XmlElement): string {
  if (shape.name === 'p:grpSp') return shapes(shape).map(shapeText).filter(Boolean).join('\n\n');
  const table = descendants(shape, 'a:tbl')[0];
  if (table)
    return markdownTable(
      childrenNamed(table, 'a:tr').map((row) => childrenNamed(row, 'a:tc').map((cell) => bodyText(cell))),
    );
  const text = bodyText(shape);
  return text !== '' && isTitle(shape) ? `## ${text.replace(/\n/g, ' ')}` : text;
}

const shapes = (tree: XmlElement): XmlElement[] =>
  elements(tree).filter(({ name }) => ['p:sp', 'p:graphicFrame', 'p:grpSp'].includes(name));

function slideText(slide: XmlElement): string {
  const [tree] = descendants(slide, 'p:spTree');
  return tree ? shapes(tree).map(shapeText).filter(Boolean).join('\n\n') : '';
}

/** Files of the slides in the order in which they are shown. */
function slideOrder(entries: ZipEntries): string[] {
  const targets = relations(entries, 'ppt/_rels/presentation.xml.rels', 'ppt');
  return descendants(parseXml(entries['ppt/presentation.xml']!), 'p:sldId')
    .map(({ attributes }) => targets.get(attributes['r:id'] ?? ''))
    .filter((name): name is string => name !== undefined && entries[name] !== undefined);
}

/** Relation id -> file, relative to the archive. */
export function relations(entries: ZipEntries, file: string, folder: string): Map<string, string> {
  const bytes = entries[file];
  if (!bytes) throw new ParseFailure('broken', 'The file is damaged: a list of its parts is missing.');
  return new Map(
    childrenNamed(parseXml(bytes), 'Relationship').map(({ attributes }) => {
      const target = attributes.Target ?? '';
      return [attributes.Id ?? '', target.startsWith('/') ? target.slice(1) : `${folder}/${target}`];
    }),
  );
}

function notesOf(entries: ZipEntries, slide: string): string {
  const list = slide.replace(/slides\/([^/]+)$/, 'slides/_rels/$1.rels');
  const bytes = entries[list];
  if (!bytes) return '';
  const note = childrenNamed(parseXml(bytes), 'Relationship').find(({ attributes }) =>
    attributes.Type?.endsWith('/notesSlide'),
  );
  const target = note?.attributes.Target?.split('/').at(-1);
  const file = target && entries[`ppt/notesSlides/${target}`];
  if (!file) return '';
  const [tree] = descendants(parseXml(file), 'p:spTree');
  const bodies = tree
    ? shapes(tree).filter((shape) =>
        descendants(shape, 'p:ph').some(({ attributes }) => attributes.type === 'body'),
      )
    : [];
  return bodies.map(bodyText).filter(Boolean).join('\n');
}

/** @throws ParseFailure */
export function parsePptx(bytes: Uint8Array): ParsedBody {
  const entries = readZip(
    bytes,
    (name) => isXml(name) && /^(?:ppt\/(?:_rels|slides|notesSlides|presentation)|docProps)/.test(name),
  );
  if (!entries['ppt/presentation.xml'])
    throw new ParseFailure('broken', 'The presentation is damaged: its list of slides is missing.');
  const slides = slideOrder(entries).map((name) => {
    const notes = notesOf(entries, name);
    return { text: slideText(parseXml(entries[name]!)) + (notes ? `\n\nNotes: ${notes}` : '') };
  });
  const { text, pages } = joinPages(slides);
  requireText(text, 'The presentation');
  const { title, metadata } = coreProperties(entries);
  return {
    text,
    markup: 'markdown',
    title: title ?? firstHeading(text),
    pages,
    metadata: { ...metadata, page_count: pages.length },
  };
}
