import { ParseFailure } from './failure';
import { htmlToMarkdown } from './html';
import { firstHeading, joinPages, known, type PageText, type ParsedBody, requireText } from './result';
import { markdownTable } from './table';
import { decodeText } from './text';
import { childNamed, childrenNamed, descendants, elementsOf, parseXml, textOf, type XmlElement } from './xml';
import { readZip, type ZipEntries } from './zip';

/** Rows and cells that a sheet says to repeat; past that they are styles down to its end, not content. */
const MAX_REPEATED = 1_000;

/** Elements of OpenDocument text, as HTML has them; those inside of unknown ones are read all the same. */
const AS_HTML: Record<string, string> = {
  'text:p': 'p',
  'text:list-item': 'li',
  'text:list-header': 'li',
  'table:table': 'table',
  'table:table-header-rows': 'thead',
  'table:table-row': 'tr',
  'table:table-cell': 'td',
  'draw:text-box': 'div',
  'draw:frame': 'div',
  'text:section': 'div',
  'text:ruby': 'ruby',
  'text:ruby-text': 'rt',
};
/** What is not part of the text: what was deleted, settings, and the notes for the speaker, which are read apart. */
const NOT_TEXT = new Set([
  'text:tracked-changes',
  'office:forms',
  'office:annotation',
  'office:annotation-end',
  'text:sequence-decls',
  'text:variable-decls',
  'presentation:notes',
  'table:covered-table-cell',
  'table:shapes',
  'svg:title',
  'svg:desc',
  'text:note-citation',
  'office:event-listeners',
]);

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');

const numberOf = (element: XmlElement, name: string, most: number): number => {
  const value = Number.parseInt(element.attributes[name] ?? '1', 10);
  return Number.isFinite(value) && value > 0 ? Math.min(value, most) : 1;
};

/** What a reader of OpenDocument has found beside the text. */
interface Finds {
  comments: string[];
  /** Pictures without a description, and embedded objects. */
  unread: number;
  /** Files of formulas and charts. */
  entries: ZipEntries;
  /** Names of styles of lists -> the levels that are numbered. */
  numbered: Map<string, Set<number>>;
  /** Styles of the lists around. */
  lists: string[];
}

function toHtml(node: XmlElement | string, finds: Finds): string {
  if (typeof node === 'string') return escaped(node);
  const { name, attributes } = node;
  if (name === 'office:annotation') finds.comments.push(descendants(node, 'text:p').map(textOf).join(' '));
  if (NOT_TEXT.has(name)) return '';
  if (name === 'text:s') return '\u00a0'.repeat(numberOf(node, 'text:c', 100)).replace(/\u00a0/g, ' ');
  if (name === 'text:tab') return ' ';
  if (name === 'text:line-break') return '<br>';
  const inner = (): string => node.children.map((child) => toHtml(child, finds)).join('');
  if (name === 'text:h') {
    const level = numberOf(node, 'text:outline-level', 6);
    return `<h${level}>${inner()}</h${level}>`;
  }
  if (name === 'text:a') return `<a href="${escaped(attributes['xlink:href'] ?? '')}">${inner()}</a>`;
  if (name === 'text:note')
    return ` (${descendants(node, 'text:p')
      .map((p) => escaped(textOf(p)))
      .join(' ')})`;
  if (name === 'draw:image' || name === 'draw:object-ole') return '';
  if (name === 'draw:object') return objectOf(attributes['xlink:href'] ?? '', finds);
  if (name === 'draw:frame' && !childNamed(node, 'draw:text-box')) return pictureOf(node, finds, inner());
  if (name === 'text:list') return listOf(node, finds);
  const tag = AS_HTML[name];
  if (!tag) return inner();
  const spans = tag === 'td' ? spansOf(node) : '';
  return `<${tag}${spans}>${inner()}</${tag}>`;
}

/** A list within another one has its style, unless it has its own. */
function listOf(list: XmlElement, finds: Finds): string {
  const style = list.attributes['text:style-name'] ?? finds.lists.at(-1) ?? '';
  finds.lists.push(style);
  const tag = finds.numbered.get(style)?.has(finds.lists.length) ? 'ol' : 'ul';
  const items = list.children.map((child) => toHtml(child, finds)).join('');
  finds.lists.pop();
  return `<${tag}>${items}</${tag}>`;
}

function numberedLists(root: XmlElement): Map<string, Set<number>> {
  const levels = (style: XmlElement): number[] =>
    childrenNamed(style, 'text:list-level-style-number').map((level) => numberOf(level, 'text:level', 100));
  return new Map(
    descendants(root, 'text:list-style').map((style) => [
      style.attributes['style:name'] ?? '',
      new Set(levels(style)),
    ]),
  );
}

const spansOf = (cell: XmlElement): string =>
  ` colspan="${numberOf(cell, 'table:number-columns-spanned', 1_000)}" rowspan="${numberOf(cell, 'table:number-rows-spanned', 65_534)}"`;

/** A formula by its signs, a chart by its table. */
function objectOf(href: string, finds: Finds): string {
  const bytes = finds.entries[`${href.replace(/^\.\//, '')}/content.xml`];
  if (!bytes) return '';
  const root = parseXml(Buffer.from(decodeText(bytes).text.replace(/<!DOCTYPE[^[>]*>/i, ''), 'utf8'));
  const signs = /^(?:math:)?m(?:i|n|o|text)$/;
  const formula = (node: XmlElement): string[] =>
    elementsOf(node).flatMap((child) => (signs.test(child.name) ? [textOf(child).trim()] : formula(child)));
  if (/^(?:math:)?math$/.test(root.name)) return `<p>${escaped(formula(root).join(' '))}</p>`;
  // What is embedded may not embed what it is in.
  return descendants(root, 'office:body')
    .map((body) => toHtml(body, { ...finds, entries: {} }))
    .join('');
}

/** Its description; a table or text in it is content. */
function pictureOf(frame: XmlElement, finds: Finds, inner: string): string {
  const text = ['svg:title', 'svg:desc']
    .map((name) => childNamed(frame, name))
    .filter((found) => found !== undefined);
  if (text.length === 0 && inner.trim() === '') finds.unread++;
  return `${text.map((found) => `<p>${escaped(textOf(found))}</p>`).join('')}${inner}`;
}

function partsOf(bytes: Uint8Array): { entries: ZipEntries; body: XmlElement; finds: Finds } {
  const entries = readZip(bytes, (name) =>
    /^(?:[^/]+\/)?content\.xml$|^meta\.xml$|^META-INF\/manifest\.xml$/.test(name),
  );
  const manifest = entries['META-INF/manifest.xml'];
  if (manifest && Buffer.from(manifest).includes('encryption-data'))
    throw new ParseFailure('encrypted', 'The document is protected by a password; upload it without.');
  if (!entries['content.xml'])
    throw new ParseFailure('broken', 'The document is damaged: its text is missing.');
  const root = parseXml(entries['content.xml']);
  const [body] = descendants(root, 'office:body');
  if (!body) throw new ParseFailure('broken', 'The document is damaged: its text is missing.');
  const finds = { comments: [], unread: 0, entries, numbered: numberedLists(root), lists: [] };
  return { entries, body, finds };
}

function propertiesOf(entries: ZipEntries): Pick<ParsedBody, 'title' | 'metadata'> {
  const meta = entries['meta.xml'] && descendants(parseXml(entries['meta.xml']), 'office:meta')[0];
  const value = (name: string): string | null => {
    const element = childNamed(meta, name);
    return element ? textOf(element).trim() || null : null;
  };
  return {
    title: value('dc:title'),
    metadata: known({
      author: value('meta:initial-creator') ?? value('dc:creator'),
      subject: value('dc:subject'),
      language: value('dc:language'),
      created_at: value('meta:creation-date'),
      modified_at: value('dc:date'),
    }),
  };
}

const warningsOf = ({ unread }: Finds): string[] =>
  unread > 0 ? [`Pictures and embedded objects without a description cannot be read: ${unread}.`] : [];

/** @throws ParseFailure */
export function parseOdt(bytes: Uint8Array): ParsedBody {
  const { entries, body, finds } = partsOf(bytes);
  const text = [
    htmlToMarkdown(toHtml(body, finds)),
    ...finds.comments.map((comment) => `Comment: ${comment}`),
  ]
    .filter(Boolean)
    .join('\n\n');
  requireText(text, 'The document');
  const { title, metadata } = propertiesOf(entries);
  return {
    text,
    markup: 'markdown',
    title: title ?? firstHeading(text),
    metadata,
    warnings: warningsOf(finds),
  };
}

/** Slides of a presentation, or pages of a drawing. @throws ParseFailure */
export function parseOdp(bytes: Uint8Array): ParsedBody {
  const { entries, body, finds } = partsOf(bytes);
  const slides = descendants(body, 'draw:page').map((page): PageText => {
    const shapes = elementsOf(page).filter(({ name }) => name !== 'presentation:notes');
    const isTitle = (shape: XmlElement): boolean => shape.attributes['presentation:class'] === 'title';
    const parts = shapes.map((shape) => {
      const text = htmlToMarkdown(toHtml(shape, finds));
      return text !== '' && isTitle(shape) ? `## ${text.replace(/\s+/g, ' ')}` : text;
    });
    const notes = childrenNamed(page, 'presentation:notes').map((note) =>
      htmlToMarkdown(note.children.map((child) => toHtml(child, finds)).join('')),
    );
    const said = notes.filter(Boolean).map((note) => `Notes: ${note}`);
    return { text: [...parts, ...said].filter(Boolean).join('\n\n') };
  });
  const { text, pages } = joinPages(slides);
  requireText(text, 'The presentation');
  const { title, metadata } = propertiesOf(entries);
  return {
    text,
    markup: 'markdown',
    title: title ?? firstHeading(text),
    pages,
    metadata: { ...metadata, page_count: pages.length },
    warnings: warningsOf(finds),
  };
}

/** @throws ParseFailure */
export function parseOds(bytes: Uint8Array): ParsedBody {
  const { entries, body } = partsOf(bytes);
  const tables = descendants(body, 'table:table');
  const names = tables.map(({ attributes }) => attributes['table:name'] ?? '');
  const sheets = tables.map((table, index): PageText => {
    const rows = markdownTable(rowsOf(table));
    return { text: rows === '' ? '' : `## ${names[index]}\n\n${rows}`, label: names[index] };
  });
  const { text, pages } = joinPages(sheets);
  requireText(text, 'The workbook');
  const { title, metadata } = propertiesOf(entries);
  return { text, markup: 'markdown', title, pages, metadata: { ...metadata, sheets: names } };
}

/** Rows with what they repeat; empty cells and rows in great numbers are the rest of the sheet. */
function rowsOf(table: XmlElement): string[][] {
  const rows: string[][] = [];
  for (const row of descendants(table, 'table:table-row')) {
    const cells: string[] = [];
    for (const cell of elementsOf(row)) {
      if (!/^table:(?:covered-)?table-cell$/.test(cell.name)) continue;
      const text = sheetCell(cell);
      const times = numberOf(cell, 'table:number-columns-repeated', MAX_REPEATED);
      for (let time = 0; time < times; time++) cells.push(text);
    }
    const isEmpty = cells.every((cell) => cell.trim() === '');
    const times = isEmpty ? 1 : numberOf(row, 'table:number-rows-repeated', MAX_REPEATED);
    for (let time = 0; time < times; time++) rows.push(cells);
  }
  return rows;
}

/** As it is shown; a value without text is shown by its number. */
function sheetCell(cell: XmlElement): string {
  const shown = childrenNamed(cell, 'text:p')
    .map((paragraph) => textOf(paragraph))
    .join(' ');
  const { attributes } = cell;
  return shown !== '' ? shown : (attributes['office:string-value'] ?? attributes['office:value'] ?? '');
}
