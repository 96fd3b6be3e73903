import { posix } from 'node:path';
import { ParseFailure } from './failure';
import { xhtmlToMarkdown } from './html';
import { firstHeading, joinPages, known, type PageText, type ParsedBody, requireText } from './result';
import { decodeText } from './text';
import { childNamed, childrenNamed, descendants, parseXml, textOf, type XmlElement } from './xml';
import { readZip, type ZipEntries } from './zip';

/** Files of a book that are read one after the other. */
const MAX_CHAPTERS = 5_000;

/** Books name the document type that they have; what it would define is never read. */
function xmlOf(bytes: Uint8Array | undefined, what: string): XmlElement {
  if (!bytes) throw new ParseFailure('broken', `The book is damaged: ${what} is missing.`);
  return parseXml(Buffer.from(decodeText(bytes).text.replace(/<!DOCTYPE[^[>]*>/i, ''), 'utf8'));
}

/** A path of the archive, from a reference that may be escaped. */
function pathOf(folder: string, href: string): string {
  const file = href.replace(/[#?].*$/, '');
  try {
    return posix.join(folder, decodeURIComponent(file));
  } catch {
    // Not escaped, then.
    return posix.join(folder, file);
  }
}

/** The chapters of a book (EPUB 2 and 3) in the order of its spine. @throws ParseFailure */
export function parseEpub(bytes: Uint8Array): ParsedBody {
  const entries = readZip(bytes, (name) => /\.(?:x?html?|xml|opf|svg)$/i.test(name));
  const container = xmlOf(entries['META-INF/container.xml'], 'its table of parts');
  const [root] = descendants(container, 'rootfile');
  const place = root?.attributes['full-path'] ?? '';
  const book = xmlOf(entries[place], 'its list of chapters');
  const items = new Map(
    descendants(book, nameIn(book, 'item')).map(({ attributes }) => [attributes.id ?? '', attributes]),
  );
  const chapters: PageText[] = [];
  const warnings: string[] = [];
  for (const { attributes } of descendants(book, nameIn(book, 'itemref')).slice(0, MAX_CHAPTERS)) {
    const item = items.get(attributes.idref ?? '');
    const file = pathOf(posix.dirname(place), item?.href ?? attributes.idref ?? '');
    const text = chapterOf(entries, file);
    if (text === null) warnings.push(`A chapter could not be read: ${file}.`);
    else chapters.push({ text });
  }
  if (chapters.length === 0 && entries['META-INF/encryption.xml'])
    throw new ParseFailure('encrypted', 'The book is protected against copying; upload it without.');
  const { text, pages } = joinPages(chapters.filter((chapter) => chapter.text.trim() !== ''));
  requireText(text, 'The book');
  const { title, metadata } = propertiesOf(book);
  return {
    text,
    markup: 'markdown',
    title: title ?? firstHeading(text),
    pages,
    metadata: { ...metadata, chapter_count: pages.length },
    warnings,
  };
}

/** Null when the file is missing or no text: it may be protected. */
function chapterOf(entries: ZipEntries, file: string): string | null {
  const bytes = entries[file];
  if (!bytes) return null;
  try {
    return xhtmlToMarkdown(decodeText(bytes).text);
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    return null;
  }
}

/** Some makers give the elements of the package a prefix. */
function nameIn(book: XmlElement, name: string): string {
  const prefix = book.name.includes(':') ? `${book.name.split(':')[0]}:` : '';
  return prefix + name;
}

function propertiesOf(book: XmlElement): Pick<ParsedBody, 'title' | 'metadata'> {
  const meta = childNamed(book, nameIn(book, 'metadata'));
  const values = (name: string): string[] =>
    meta
      ? [...childrenNamed(meta, name), ...descendants(meta, name)].map((found) => textOf(found).trim())
      : [];
  const value = (name: string): string | null => values(name).find(Boolean) ?? null;
  return {
    title: value('dc:title'),
    metadata: known({
      author: value('dc:creator'),
      publisher: value('dc:publisher'),
      language: value('dc:language'),
      created_at: value('dc:date'),
    }),
  };
}
