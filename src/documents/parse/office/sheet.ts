import { scanXml } from '../xml';
import { unescapeOffice } from './escapes';
import { generalText, type NumberFormat } from './number-format';

/** What a sheet's cells need of their workbook. */
export interface CellContext {
  strings: readonly string[];
  /** By style number. */
  formats: readonly NumberFormat[];
  /** How many more cells are kept; lowered by what a sheet keeps. */
  budget: { cells: number };
}

export interface SheetRow {
  /** From 1. */
  number: number;
  /** Column, from 0, -> text that is not blank. */
  cells: Map<number, string>;
}

export interface SheetCells {
  rows: SheetRow[];
  /** Cells that one value fills. */
  merges: CellRange[];
  /** Ids of the relations to the tables, drawings and comments of the sheet. */
  drawings: string[];
  tables: string[];
  /** Whether cells were left out because there are too many. */
  isCut: boolean;
  /** Formulas whose result is not in the file. */
  unsolved: number;
}

/** Rows from 1, columns from 0, both inclusive. */
export interface CellRange {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

/** Sheets end at XFD1048576; an address may claim anything. */
const MAX_COLUMNS = 16_384;
const MAX_ROWS = 1_048_576;

function columnOf(letters: string): number {
  let column = 0;
  for (const letter of letters.toUpperCase()) column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

/** `B2`, `B2:D9` -> rows and columns; undefined for what is no address of a sheet. */
export function rangeOf(address: string | undefined): CellRange | undefined {
  const match = /^\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?$/i.exec(address ?? '');
  if (!match) return undefined;
  const [, left, top, right = left, bottom = top] = match as unknown as [
    string,
    string,
    string,
    string?,
    string?,
  ];
  return {
    top: Number(top),
    left: columnOf(left),
    bottom: Math.min(Number(bottom), MAX_ROWS),
    right: Math.min(columnOf(right), MAX_COLUMNS - 1),
  };
}

/** Texts that cells share. Rich text is in runs; phonetic readings beside them are no part of the text. */
export function readStrings(bytes: Uint8Array): string[] {
  const strings: string[] = [];
  const text = new TextCollector();
  scanXml(bytes, {
    open(name) {
      if (name === 'si') text.clear();
      text.open(name);
    },
    close(name) {
      text.close(name);
      if (name === 'si') strings.push(unescapeOffice(text.take()));
    },
    text: (piece) => text.add(piece),
  });
  return strings;
}

/** Collects what stands in `t` and not in a phonetic run. */
class TextCollector {
  private text = '';
  private isOpen = false;
  private phonetic = 0;

  open(name: string): void {
    if (name === 'rPh') this.phonetic++;
    else if (name === 't') this.isOpen = this.phonetic === 0;
  }

  close(name: string): void {
    if (name === 'rPh') this.phonetic--;
    else if (name === 't') this.isOpen = false;
  }

  add(piece: string): void {
    if (this.isOpen) this.text += piece;
  }

  clear(): void {
    this.text = '';
  }

  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

/** Reads a sheet without keeping its XML: sheets of real files have millions of elements. */
export function readCells(bytes: Uint8Array, context: CellContext): SheetCells {
  const sheet: SheetCells = { rows: [], merges: [], drawings: [], tables: [], isCut: false, unsolved: 0 };
  const inline = new TextCollector();
  let row: SheetRow = { number: 0, cells: new Map() };
  let column = -1;
  let cell: Cell | undefined;
  let field: 'value' | 'formula' | undefined;
  scanXml(bytes, {
    open(name, attributes) {
      if (name === 'row') {
        row = { number: rowNumber(attributes.r, row.number + 1), cells: new Map() };
        column = -1;
      } else if (name === 'c') {
        column = columnNumber(attributes.r, column + 1);
        cell = { type: attributes.t ?? 'n', style: Number(attributes.s ?? 0), value: '', formula: '' };
        inline.clear();
      } else if (name === 'v') field = 'value';
      else if (name === 'f') field = 'formula';
      else if (name === 'mergeCell') {
        const range = rangeOf(attributes.ref);
        if (range) sheet.merges.push(range);
      } else if (name === 'tablePart') sheet.tables.push(attributes['r:id'] ?? '');
      else if (name === 'drawing') sheet.drawings.push(attributes['r:id'] ?? '');
      else inline.open(name);
    },
    close(name) {
      if (name === 'v' || name === 'f') field = undefined;
      else if (name === 'c' && cell) {
        keep(cell);
        cell = undefined;
      } else if (name === 'row') {
        if (row.cells.size > 0) sheet.rows.push(row);
      } else inline.close(name);
    },
    text(piece) {
      if (cell && field) cell[field] += piece;
      else inline.add(piece);
    },
  });
  return sheet;

  function keep(read: Cell): void {
    const text = (inline.take() || cellText(read, context)).trim();
    if (text === '' && read.formula !== '') sheet.unsolved++;
    const shown = text === '' && read.formula !== '' ? `=${read.formula}` : text;
    if (shown === '' || column >= MAX_COLUMNS) return;
    if (context.budget.cells <= 0) sheet.isCut = true;
    else {
      context.budget.cells--;
      row.cells.set(column, shown.startsWith('=') ? shown : unescapedInline(read, shown));
    }
  }
}

interface Cell {
  type: string;
  style: number;
  value: string;
  formula: string;
}

/** Shared texts had their escapes read already. */
const unescapedInline = ({ type }: Cell, text: string): string =>
  type === 'inlineStr' || type === 'str' ? unescapeOffice(text) : text;

const rowNumber = (written: string | undefined, next: number): number => {
  const number = Number(written);
  return Number.isInteger(number) && number > 0 && number <= MAX_ROWS ? number : next;
};

const columnNumber = (address: string | undefined, next: number): number => {
  const letters = /^[A-Z]{1,3}/i.exec(address ?? '')?.[0];
  return letters ? columnOf(letters) : next;
};

function cellText({ type, style, value }: Cell, { strings, formats }: CellContext): string {
  const written = value.trim();
  if (type === 's') return strings[Number(written)] ?? '';
  if (type === 'b') return written === '' ? '' : /^(?:1|true)$/i.test(written) ? 'TRUE' : 'FALSE';
  if (type === 'd') return written.replace(/T00:00:00(?:\.0+)?Z?$/, '').replace(/^(\d{4}-\d\d-\d\d)T/, '$1 ');
  if (type !== 'n' || written === '') return value;
  const number = Number(written);
  return Number.isFinite(number) ? (formats[style] ?? generalText)(number) : written;
}
