import type { FileInput, ParsedDocument } from '../../types';
import { ParseFailure } from '../failure';
import { firstHeading, requireText, type ParsedBody } from '../result';
import { childrenNamed, descendants, type XmlElement } from '../xml';
import { Numbering } from './numbering';
import { OfficePackage } from './package';
import { coreProperties } from './properties';
import { wordText, type WordContext } from './word-body';
import { WordStyles } from './word-styles';

/** Reads a file within the document, of whatever format. */
export type ReadEmbedded = (input: FileInput) => Promise<Pick<ParsedDocument, 'text' | 'warnings'>>;

/** Documents assembled from parts have some dozens. */
const MAX_CHUNKS = 100;

/** Texts of files that the document is put together from (`w:altChunk`: HTML, RTF, Word, ...), by part. */
async function readChunks(
  file: OfficePackage,
  main: string,
  read: ReadEmbedded,
): Promise<Map<string, string>> {
  const chunks = new Map<string, string>();
  for (const part of file.targets(main, 'aFChunk')) {
    const bytes = chunks.size < MAX_CHUNKS ? file.part(part) : undefined;
    try {
      if (!bytes) throw new ParseFailure('broken', 'It is missing.');
      const { text, warnings } = await read({ bytes, fileName: part, declaredType: file.contentType(part) });
      chunks.set(part, text);
      warnings.forEach((warning) => file.report.say(warning));
    } catch (error) {
      if (!(error instanceof ParseFailure)) throw error;
      if (error.reason !== 'empty' && error.reason !== 'no_text')
        file.report.say(`A file within the document was not read: ${part}. ${error.message}`);
    }
  }
  return chunks;
}

/** Notes by their ids, in the order in which the text refers to them. */
class Notes {
  private readonly marks = new Map<string, number>();
  private readonly notes = new Map<string, { note: XmlElement; part: string }>();

  constructor(file: OfficePackage, main: string) {
    for (const kind of ['footnote', 'endnote'] as const)
      for (const part of file.targets(main, `${kind}s`))
        for (const note of childrenNamed(file.xml(part) ?? EMPTY, `w:${kind}`))
          if (!/separator|notice/i.test(note.attributes['w:type'] ?? ''))
            this.notes.set(`${kind} ${note.attributes['w:id'] ?? ''}`, { note, part });
  }

  readonly mark: WordContext['noteMark'] = (kind, id) => {
    const key = `${kind} ${id}`;
    if (!this.notes.has(key)) return '';
    if (!this.marks.has(key)) this.marks.set(key, this.marks.size + 1);
    return `[^${this.marks.get(key)}]`;
  };

  texts(context: WordContext): string[] {
    const texts: string[] = [];
    // Notes may refer to notes, which come after them.
    for (const [key, number] of this.marks) {
      const { note, part } = this.notes.get(key)!;
      const text = wordText(note, part, context).replace(/\s*\n\s*/g, ' ');
      if (text !== '') texts.push(`[^${number}]: ${text}`);
    }
    return texts;
  }
}

const EMPTY: XmlElement = { name: '', attributes: {}, children: [] };

/** Headers or footers, once where sections have the same; those of page numbers alone say nothing. */
function marginTexts(kind: 'Header' | 'Footer', main: string, context: WordContext): string[] {
  const texts = context.file.targets(main, kind).map((part) => {
    const root = context.file.xml(part);
    return root ? wordText(root, part, context).replace(/\s*\n\s*/g, ' ') : '';
  });
  return [...new Set(texts)].filter((text) => /\p{L}/u.test(text)).map((text) => `${kind}: ${text}`);
}

function comments(main: string, context: WordContext): string[] {
  return context.file.targets(main, 'comments').flatMap((part) =>
    childrenNamed(context.file.xml(part) ?? EMPTY, 'w:comment').flatMap((comment) => {
      const text = wordText(comment, part, context).replace(/\s*\n\s*/g, ' ');
      const author = comment.attributes['w:author'] ?? '';
      return text === '' ? [] : [`Comment${author && ` by ${author}`}: ${text}`];
    }),
  );
}

/** A part that the document points to once, and where it is in files whose relations do not say what they are. */
function single(file: OfficePackage, main: string, type: string): XmlElement | undefined {
  const beside = main.replace(/[^/]*$/, `${type}.xml`);
  return file.xml(file.targets(main, type)[0] ?? (file.has(beside) ? beside : undefined));
}

/** @throws ParseFailure */
export async function parseDocx(bytes: Uint8Array, readEmbedded: ReadEmbedded): Promise<ParsedBody> {
  const file = OfficePackage.open(bytes).load();
  const { main } = file;
  const root = file.mainXml();
  if (main === undefined || !root)
    throw new ParseFailure('broken', 'The document is damaged: its text is missing.');
  const notes = new Notes(file, main);
  const context: WordContext = {
    file,
    styles: new WordStyles(single(file, main, 'styles')),
    numbering: new Numbering(single(file, main, 'numbering')),
    noteMark: notes.mark,
    chunks: await readChunks(file, main, readEmbedded),
  };
  const [body = root] = descendants(root, 'w:body');
  const text = [
    wordText(body, main, context),
    notes.texts(context).join('\n'),
    ...marginTexts('Header', main, context),
    ...marginTexts('Footer', main, context),
    ...comments(main, context),
  ]
    .filter(Boolean)
    .join('\n\n');
  requireText(text, 'The document', file.report.warnings());
  const { title, metadata } = coreProperties(file);
  return {
    text,
    markup: 'markdown',
    title: title ?? firstHeading(text),
    metadata,
    warnings: file.report.warnings(),
  };
}
