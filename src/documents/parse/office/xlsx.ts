import { ParseFailure } from '../failure';
import { joinPages, known, requireText, type PageText, type ParsedBody } from '../result';
import { childNamed, childrenNamed, descendants, textOf, type XmlElement } from '../xml';
import { drawingBlocks } from './drawing';
import { unescapeOffice } from './escapes';
import { builtInPattern, numberFormat, type Calendar, type NumberFormat } from './number-format';
import { OfficePackage } from './package';
import { coreProperties } from './properties';
import { counted } from './report';
import { rangeOf, readCells, readStrings, type CellContext, type SheetCells } from './sheet';
import { sheetTables, type DefinedTable } from './sheet-layout';

/** Cells of a workbook that are kept: as many as fit into a thread's memory with their texts. */
const MAX_CELLS = 1_500_000;

function cellFormats(styles: XmlElement | undefined, calendar: Calendar): NumberFormat[] {
  if (!styles) return [];
  const codes = new Map(
    descendants(styles, 'numFmt').map(({ attributes }) => [
      Number(attributes.numFmtId),
      unescapeOffice(attributes.formatCode ?? ''),
    ]),
  );
  const made = new Map<number, NumberFormat>();
  return childrenNamed(childNamed(styles, 'cellXfs') ?? styles, 'xf').map(({ attributes }) => {
    const id = Number(attributes.numFmtId ?? 0);
    const format = made.get(id) ?? numberFormat(codes.get(id) ?? builtInPattern(id), calendar);
    made.set(id, format);
    return format;
  });
}

/** A part that the workbook points to once, and where it is in files whose relations do not say what they are. */
const single = (file: OfficePackage, type: string, usual: string): string | undefined => {
  const [part] = file.targets(file.main!, type);
  const beside = file.main!.replace(/[^/]*$/, usual);
  return part ?? (file.has(beside) ? beside : undefined);
};

function tablesOf(file: OfficePackage, part: string, { tables }: SheetCells): DefinedTable[] {
  return tables.flatMap((id) => {
    const table = file.xml(file.target(part, id));
    const range = rangeOf(table?.attributes.ref);
    if (!table || !range) return [];
    const names = descendants(table, 'tableColumn').map(({ attributes }) =>
      unescapeOffice(attributes.name ?? ''),
    );
    return [{ range, ...(table.attributes.headerRowCount === '0' ? { hiddenHeader: names } : {}) }];
  });
}

function commentsOf(file: OfficePackage, part: string): string[] {
  const threaded = file.targets(part, 'threadedComment').flatMap((target) =>
    descendants(file.xml(target) ?? EMPTY, 'tc:threadedComment').map(({ attributes, children }) => ({
      cell: attributes.ref ?? '',
      text: children
        .map((child) => (typeof child !== 'string' && child.name === 'tc:text' ? textOf(child) : ''))
        .join(''),
    })),
  );
  const inThread = new Set(threaded.map(({ cell }) => cell));
  const notes = file.targets(part, 'comments').flatMap((target) =>
    descendants(file.xml(target) ?? EMPTY, 'comment')
      .map((comment) => ({ cell: comment.attributes.ref ?? '', text: richText(comment) }))
      // For older programs, a thread is repeated as a note.
      .filter(({ cell }) => !inThread.has(cell)),
  );
  return [...notes, ...threaded]
    .map(({ cell, text }) => ({ cell, text: text.replace(/\s+/g, ' ').trim() }))
    .filter(({ text }) => text !== '')
    .map(({ cell, text }) => `Comment on ${cell}: ${text}`);
}

const richText = (comment: XmlElement): string =>
  unescapeOffice(
    descendants(childNamed(comment, 'text') ?? comment, 't')
      .map(textOf)
      .join(''),
  );

const EMPTY: XmlElement = { name: '', attributes: {}, children: [] };

function sheetText(file: OfficePackage, part: string, label: string, context: CellContext): string {
  const cells = file.guarded(part, (bytes) => readCells(bytes, context));
  if (!cells) return '';
  if (cells.isCut) file.report.say(`Sheet "${label}" is too large: cells at its end were left out.`);
  if (cells.unsolved > 0)
    file.report.say(
      `Sheet "${label}": ${counted(cells.unsolved, 'formula has', 'formulas have')} no result in the file.`,
    );
  const drawn = new Set([
    ...cells.drawings.map((id) => file.target(part, id)),
    ...file.targets(part, 'drawing'),
  ]);
  const drawings = [...drawn].flatMap((target) => {
    const root = file.xml(target);
    return root && target !== undefined ? drawingBlocks(root, { file, part: target }) : [];
  });
  return [...sheetTables(cells, tablesOf(file, part, cells)), ...drawings, ...commentsOf(file, part)].join(
    '\n\n',
  );
}

interface Sheet extends PageText {
  label: string;
}

function readSheets(file: OfficePackage, workbook: XmlElement, context: CellContext): Sheet[] {
  return descendants(workbook, 'sheet').flatMap(({ attributes }): Sheet[] => {
    const label = unescapeOffice(attributes.name ?? '');
    const part = file.target(file.main!, attributes['r:id']);
    if (part === undefined) {
      file.report.say(`Sheet "${label}" is missing in the file.`);
      return [];
    }
    const text = sheetText(file, part, label, context);
    if (text !== '' && /hidden/i.test(attributes.state ?? ''))
      file.report.say(`Sheet "${label}" is hidden; it was read.`);
    return [{ text: text === '' ? '' : `## ${label}\n\n${text}`, label }];
  });
}

/** @throws ParseFailure */
export function parseXlsx(bytes: Uint8Array): ParsedBody {
  const file = OfficePackage.open(bytes).load();
  const workbook = file.mainXml();
  if (!workbook) throw new ParseFailure('broken', 'The workbook is damaged: its list of sheets is missing.');
  const calendar = {
    from1904: /^(?:1|true|on)$/.test(childNamed(workbook, 'workbookPr')?.attributes.date1904 ?? ''),
  };
  const strings = single(file, 'sharedStrings', 'sharedstrings.xml');
  const sheets = readSheets(file, workbook, {
    strings: strings === undefined ? [] : (file.guarded(strings, readStrings) ?? []),
    formats: cellFormats(file.xml(single(file, 'styles', 'styles.xml')), calendar),
    budget: { cells: MAX_CELLS },
  });
  const { text, pages } = joinPages(sheets);
  requireText(text, 'The workbook', file.report.warnings());
  const { title, metadata } = coreProperties(file);
  return {
    text,
    markup: 'markdown',
    title,
    pages,
    metadata: {
      ...metadata,
      ...known({ sheets: sheets.map(({ label }) => label), page_count: pages.length }),
    },
    warnings: file.report.warnings(),
  };
}
