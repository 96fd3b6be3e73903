import { markdownTable } from '../table';
import { repeated } from './spans';
import { childNamed, elementsOf, type XmlElement } from '../xml';
import { chosenChildren } from './alternatives';
import { mathText } from './math';
import type { Numbering } from './numbering';
import type { OfficePackage } from './package';
import type { WordStyles } from './word-styles';
import { FieldState, readText, type TextContext } from './word-text';

/** What all parts of a Word document share. */
export interface WordContext {
  file: OfficePackage;
  styles: WordStyles;
  numbering: Numbering;
  noteMark: TextContext['noteMark'];
  /** Texts of what is embedded as files of other formats, by part. */
  chunks: ReadonlyMap<string, string>;
}

interface Block {
  text: string;
  /** Items of a list stand line by line. */
  isItem: boolean;
}

const SKIPPED: ReadonlySet<string> = new Set([
  'w:del',
  'w:moveFrom',
  'w:sectPr',
  'w:sdtPr',
  'w:sdtEndPr',
  'w:tblPr',
  'w:tblGrid',
]);
/** As Word has it. */
const MAX_SPAN = 63;

/** Text boxes within text boxes: Word allows one in another. */
const MAX_BOXES = 10;

/** Reads the body of a part: paragraphs, lists and tables as Markdown. */
export function wordText(root: XmlElement, part: string, context: WordContext): string {
  const fields = new FieldState(root);
  let boxes = 0;
  const text: TextContext = {
    file: context.file,
    part,
    fields,
    noteMark: context.noteMark,
    textBox: (content) => {
      if (boxes >= MAX_BOXES) return '';
      boxes++;
      // A field around the box says nothing of the text in it.
      const read = joined(blocksIn(content));
      boxes--;
      return read;
    },
  };
  return joined(blocksIn(root));

  function blocksIn(container: XmlElement): Block[] {
    return chosenChildren(container).flatMap(blocksOf);
  }

  function blocksOf(element: XmlElement): Block[] {
    if (SKIPPED.has(element.name)) return [];
    if (element.name === 'w:p') return paragraph(element);
    if (element.name === 'w:tbl') return plain(table(element));
    if (element.name === 'm:oMathPara' || element.name === 'm:oMath') return plain(mathText(element));
    if (element.name === 'w:altChunk')
      return plain(context.chunks.get(context.file.target(part, element.attributes['r:id']) ?? '') ?? '');
    // Runs stand here in files that are not quite sound.
    if (element.name === 'w:r' || element.name === 'w:hyperlink')
      return paragraph({ name: 'w:p', attributes: {}, children: [element] });
    return blocksIn(element);
  }

  function paragraph(element: XmlElement): Block[] {
    const properties = childNamed(element, 'w:pPr');
    const read = readText(element, text);
    const own = read.text.replace(/[ \t]*\n[ \t]*/g, '\n').trim();
    const place = context.styles.listOf(properties);
    const heading = context.styles.headingOf(properties);
    const label = own !== '' && place ? context.numbering.next(place) : undefined;
    const block = { text: '', isItem: false };
    if (own !== '' && heading !== undefined)
      block.text = `${'#'.repeat(heading)} ${label && !label.isBullet ? `${label.text} ` : ''}${own.replace(/\s+/g, ' ')}`;
    else if (label && place && label.text !== '') {
      block.isItem = true;
      block.text = `${'  '.repeat(Math.min(place.level, 8))}${label.text} ${own.replace(/\n/g, ' ')}`;
    } else block.text = own;
    return [block, ...read.floats.map((float) => ({ text: float, isItem: false }))].filter(
      ({ text: written }) => written !== '',
    );
  }

  /** Cells that span rows or columns are repeated, so that each row can be read alone. */
  function table(element: XmlElement): string {
    const shown = structured(element, 'w:tr')
      .filter((row) => !childNamed(childNamed(row, 'w:trPr'), 'w:del'))
      .map((row) => ({
        row,
        cells: structured(row, 'w:tc').filter((cell) => !childNamed(childNamed(cell, 'w:tcPr'), 'w:cellDel')),
      }));
    const all = shown.flatMap(({ cells }) => cells);
    // A table of one cell is a frame around text.
    if (all.length === 1) return joined(blocksIn(all[0]!));
    const rows: string[][] = [];
    for (const { row, cells } of shown) rows.push(rowTexts(row, cells, rows.at(-1) ?? []));
    return markdownTable(rows);
  }

  function rowTexts(row: XmlElement, cells: XmlElement[], above: string[]): string[] {
    const texts = Array.from({ length: span(childNamed(row, 'w:trPr'), 'w:gridBefore', 0) }, () => '');
    for (const cell of cells) {
      const properties = childNamed(cell, 'w:tcPr');
      const merge = childNamed(properties, 'w:vMerge');
      const isContinued = merge && (merge.attributes['w:val'] ?? 'continue') === 'continue';
      const own = cellText(cell);
      const text = own === '' && isContinued ? repeated(above[texts.length]) : own;
      texts.push(text);
      for (let left = span(properties, 'w:gridSpan', 1); left > 1; left--) texts.push(repeated(text));
    }
    return texts;
  }

  function cellText(cell: XmlElement): string {
    return chosenChildren(cell)
      .flatMap((child) =>
        child.name === 'w:tbl' ? nested(child) : blocksOf(child).map((block) => block.text),
      )
      .join(' ');
  }

  /** A table in a cell: its texts in order. */
  function nested(element: XmlElement): string[] {
    return structured(element, 'w:tr').flatMap((row) => structured(row, 'w:tc').map(cellText));
  }
}

/** Rows or cells, which content controls and changes may wrap. */
function structured(parent: XmlElement, name: string): XmlElement[] {
  return elementsOf(parent).flatMap((child) => {
    if (child.name === name) return [child];
    return SKIPPED.has(child.name) || child.name === 'w:tc' ? [] : structured(child, name);
  });
}

function span(properties: XmlElement | undefined, name: string, otherwise: number): number {
  const written = Number(childNamed(properties, name)?.attributes['w:val'] ?? otherwise);
  return Number.isInteger(written) ? Math.max(otherwise, Math.min(written, MAX_SPAN)) : otherwise;
}

const plain = (text: string): Block[] => (text.trim() === '' ? [] : [{ text, isItem: false }]);

function joined(blocks: Block[]): string {
  let text = '';
  blocks.forEach((block, index) => {
    if (index > 0) text += block.isItem && blocks[index - 1]!.isItem ? '\n' : '\n\n';
    text += block.text;
  });
  return text;
}
