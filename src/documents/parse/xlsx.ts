import { ParseFailure } from './failure';
import { coreProperties, relations } from './office';
import { joinPages, known, requireText, type ParsedBody } from './result';
import { markdownTable } from './table';
import { childrenNamed, descendants, parseXml, textOf, type XmlElement } from './xml';
import { readZip, type ZipEntries } from './zip';

const DAY_MS = 86_400_000;
/** Day 0 of the usual calendar of spreadsheets, which takes 1900 for a leap year. */
const EPOCH_1900 = Date.UTC(1899, 11, 30);
const EPOCH_1904 = Date.UTC(1904, 0, 1);
/** A cell's address may claim any column; sheets end at XFD. */
const MAX_COLUMNS = 16_384;

interface Workbook {
  strings: string[];
  /** By style number: whether its numbers are dates. */
  dates: boolean[];
  epoch: number;
}

/** Rich text is in runs; phonetic readings beside them are not part of the text. */
const stringText = (item: XmlElement): string =>
  item.children
    .map((child) =>
      typeof child === 'string' || child.name === 'rPh'
        ? ''
        : child.name === 'r'
          ? stringText(child)
          : child.name === 't'
            ? textOf(child)
            : '',
    )
    .join('');

const isDateFormat = (id: number, code: string | undefined): boolean =>
  (id >= 14 && id <= 22) ||
  (id >= 45 && id <= 47) ||
  (code !== undefined && /[ymdhs]/i.test(code.replace(/"[^"]*"|\\.|\[[^\]]*\]/g, '')));

function dateStyles(entries: ZipEntries): boolean[] {
  const bytes = entries['xl/styles.xml'];
  if (!bytes) return [];
  const root = parseXml(bytes);
  const codes = new Map(
    descendants(root, 'numFmt').map(({ attributes }) => [Number(attributes.numFmtId), attributes.formatCode]),
  );
  const [formats] = childrenNamed(root, 'cellXfs');
  return (formats ? childrenNamed(formats, 'xf') : []).map(({ attributes }) => {
    const id = Number(attributes.numFmtId ?? 0);
    return isDateFormat(id, codes.get(id));
  });
}

function columnOf(address: string | undefined, fallback: number): number {
  const letters = /^[A-Z]{1,3}/.exec(address ?? '')?.[0];
  if (!letters) return fallback;
  let column = 0;
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

function dateText(serial: number, epoch: number): string {
  const date = new Date(epoch + Math.round(serial * 86_400) * 1000);
  if (Number.isNaN(date.getTime())) return String(serial);
  const iso = date.toISOString();
  if (serial < 1) return iso.slice(11, 19);
  return date.getTime() % DAY_MS === 0 ? iso.slice(0, 10) : iso.slice(0, 19).replace('T', ' ');
}

function cellText(cell: XmlElement, { strings, dates, epoch }: Workbook): string {
  const { t: type, s: style } = cell.attributes;
  const [inline] = childrenNamed(cell, 'is');
  if (inline) return stringText(inline);
  const [value] = childrenNamed(cell, 'v');
  const text = value ? textOf(value) : '';
  if (type === 's') return strings[Number(text)] ?? '';
  if (type === 'b') return text === '1' ? 'TRUE' : 'FALSE';
  const isNumber = (type === undefined || type === 'n') && text !== '';
  return isNumber && dates[Number(style)] ? dateText(Number(text), epoch) : text;
}

function sheetRows(sheet: XmlElement, workbook: Workbook): string[][] {
  return descendants(sheet, 'row').map((row) => {
    const cells: string[] = [];
    for (const cell of childrenNamed(row, 'c')) {
      const column = columnOf(cell.attributes.r, cells.length);
      if (column >= MAX_COLUMNS) continue;
      while (cells.length < column) cells.push('');
      cells[column] = cellText(cell, workbook);
    }
    return cells;
  });
}

/** @throws ParseFailure */
export function parseXlsx(bytes: Uint8Array): ParsedBody {
  const entries = readZip(bytes, (name) =>
    /^(?:xl\/(?:workbook\.xml|_rels\/|sharedStrings\.xml|styles\.xml|worksheets\/[^/]+\.xml)|docProps\/core\.xml)/.test(
      name,
    ),
  );
  const main = entries['xl/workbook.xml'];
  if (!main) throw new ParseFailure('broken', 'The workbook is damaged: its list of sheets is missing.');
  const root = parseXml(main);
  const shared = entries['xl/sharedStrings.xml'];
  const workbook: Workbook = {
    strings: shared ? childrenNamed(parseXml(shared), 'si').map(stringText) : [],
    dates: dateStyles(entries),
    epoch: /^(?:1|true)$/.test(childrenNamed(root, 'workbookPr')[0]?.attributes.date1904 ?? '')
      ? EPOCH_1904
      : EPOCH_1900,
  };
  const targets = relations(entries, 'xl/_rels/workbook.xml.rels', 'xl');
  const sheets = descendants(root, 'sheet').flatMap(({ attributes }) => {
    const file = entries[targets.get(attributes['r:id'] ?? '') ?? ''];
    const label = attributes.name ?? '';
    if (!file) return [];
    const table = markdownTable(sheetRows(parseXml(file), workbook));
    return [{ text: table === '' ? '' : `## ${label}\n\n${table}`, label }];
  });
  const { text, pages } = joinPages(sheets);
  requireText(text, 'The workbook');
  const { title, metadata } = coreProperties(entries);
  return {
    text,
    markup: 'markdown',
    title,
    pages,
    metadata: {
      ...metadata,
      ...known({ sheets: sheets.map(({ label }) => label), page_count: pages.length }),
    },
  };
}
