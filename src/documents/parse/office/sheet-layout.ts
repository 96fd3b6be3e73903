import { markdownTable } from '../table';
import { repeated } from './spans';
import type { CellRange, SheetCells, SheetRow } from './sheet';

/** A table that somebody defined in a sheet. */
export interface DefinedTable {
  range: CellRange;
  /** Names of columns where the sheet does not show them. */
  hiddenHeader?: string[];
}

/** Wider sheets are shown without the columns that nothing stands in. */
const MAX_WIDTH = 200;
/** Cells of a sheet's table, blank ones too; beyond, rows have only what is not blank. */
const MAX_LAID_OUT = 2_000_000;
/** Steps of filling cells that are merged: a file may claim to merge everything with everything. */
const MAX_FILLED = 1_000_000;

/** A cell that spans others stands in all of them, as far as the sheet is used, so that each row can be read alone. */
function fillMerged({ rows, merges }: SheetCells): void {
  if (merges.length === 0) return;
  const columns = usedColumns(rows);
  const byNumber = new Map(rows.map((row) => [row.number, row]));
  const last = rows.reduce((highest, { number }) => Math.max(highest, number), 0);
  let steps = 0;
  for (const { top, left, bottom, right } of merges) {
    const text = repeated(byNumber.get(top)?.cells.get(left));
    const spanned = text === '' ? [] : columns.filter((column) => column >= left && column <= right);
    steps += columns.length;
    for (let number = top; text !== '' && number <= Math.min(bottom, last); number++) {
      const row = byNumber.get(number);
      steps += row ? spanned.length : 1;
      if (steps > MAX_FILLED) return;
      for (const column of row ? spanned : []) if (!row!.cells.has(column)) row!.cells.set(column, text);
    }
  }
}

const usedColumns = (rows: SheetRow[]): number[] => {
  const used = new Set<number>();
  for (const { cells } of rows) for (const column of cells.keys()) used.add(column);
  return [...used].sort((a, b) => a - b);
};

const widest = (rows: SheetRow[]): number => {
  let last = -1;
  for (const { cells } of rows) for (const column of cells.keys()) if (column > last) last = column;
  return last;
};

function columnsOf(rows: SheetRow[]): number[] {
  const last = widest(rows);
  if (last < MAX_WIDTH) return Array.from({ length: last + 1 }, (_, column) => column);
  return usedColumns(rows);
}

const inOrder = (cells: Map<number, string>): string[] =>
  [...cells].sort(([a], [b]) => a - b).map(([, text]) => text);

function tableOf(rows: SheetRow[]): string {
  const columns = columnsOf(rows);
  const isSparse = rows.length * columns.length > MAX_LAID_OUT;
  return markdownTable(
    rows.map(({ cells }) => (isSparse ? inOrder(cells) : columns.map((column) => cells.get(column) ?? ''))),
  );
}

/** Where rows that belong together begin: at a defined table, and below it. */
function parted(rows: SheetRow[], tables: DefinedTable[]): SheetRow[][] {
  const ordered = [...tables].sort((a, b) => a.range.top - b.range.top);
  const overlap = ordered.some(
    (table, index) => index > 0 && table.range.top <= ordered[index - 1]!.range.bottom,
  );
  if (overlap) return [rows];
  const starts = ordered.flatMap(({ range }) => [range.top, range.bottom + 1]);
  const parts: SheetRow[][] = [[]];
  let next = 0;
  for (const row of rows) {
    while (next < starts.length && row.number >= starts[next]!) {
      if (parts.at(-1)!.length > 0) parts.push([]);
      next++;
    }
    parts.at(-1)!.push(row);
  }
  return parts;
}

/** Markdown tables of a sheet: one for each defined table, and for what stands between them. */
export function sheetTables(sheet: SheetCells, tables: DefinedTable[]): string[] {
  fillMerged(sheet);
  const rows = withHiddenHeaders(
    [...sheet.rows].sort((a, b) => a.number - b.number),
    tables,
  );
  return parted(rows, tables).map(tableOf).filter(Boolean);
}

function withHiddenHeaders(rows: SheetRow[], tables: DefinedTable[]): SheetRow[] {
  const headers = tables.flatMap(({ range, hiddenHeader }) =>
    hiddenHeader
      ? [{ number: range.top, cells: new Map(hiddenHeader.map((name, index) => [range.left + index, name])) }]
      : [],
  );
  return headers.length === 0 ? rows : [...headers, ...rows].sort((a, b) => a.number - b.number);
}
