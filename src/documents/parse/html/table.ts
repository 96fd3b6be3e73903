import { attribute, childrenOf, descendants, isElement, textOf, type HtmlElement } from './tree';

/** Of browsers. */
const MAX_COLSPAN = 1_000;
const MAX_ROWSPAN = 65_534;
/** Cells that spans may add to a table; past that nothing spans any more. */
const MAX_REPEATED_CELLS = 100_000;
/** Characters that spans may add. */
const MAX_REPEATED_CHARACTERS = 200_000;
/** Cells longer than this are no cells but the parts of a page. */
const MAX_CELL = 2_000;

interface Row {
  group: number;
  isHead: boolean;
  cells: HtmlElement[];
}

/** The rows of a table itself, not of those inside of it: head first, foot last. */
function rowsOf(table: HtmlElement): Row[] {
  const sections: Record<'head' | 'body' | 'foot', Row[]> = { head: [], body: [], foot: [] };
  let group = 0;
  const addRow = (row: HtmlElement, section: 'head' | 'body' | 'foot'): void => {
    const cells = childrenOf(row)
      .filter(isElement)
      .filter(({ tagName }) => /^t[dh]$/.test(tagName));
    sections[section].push({ group, isHead: section === 'head', cells });
  };
  for (const part of childrenOf(table).filter(isElement)) {
    if (part.tagName === 'tr') addRow(part, 'body');
    const section = /^t(head|body|foot)$/.exec(part.tagName)?.[1] as 'head' | 'body' | 'foot' | undefined;
    if (!section) continue;
    group++;
    for (const row of childrenOf(part).filter(isElement)) if (row.tagName === 'tr') addRow(row, section);
    group++;
  }
  return [...sections.head, ...sections.body, ...sections.foot];
}

export const captionOf = (table: HtmlElement): HtmlElement | undefined =>
  childrenOf(table)
    .filter(isElement)
    .find(({ tagName }) => tagName === 'caption');

/** Cells row by row, for a table that only lays out a page. */
export const cellsByRow = (table: HtmlElement): HtmlElement[][] => rowsOf(table).map(({ cells }) => cells);

/** Whether a table is a way to lay out a page, whose cells are read one after the other. */
export function isLayout(table: HtmlElement): boolean {
  if (/^(?:presentation|none)$/.test(attribute(table, 'role') ?? '')) return true;
  const rows = rowsOf(table);
  if (Math.max(0, ...rows.map(({ cells }) => cells.length)) < 2) return true;
  const hasHeader = rows.some(({ isHead, cells }) => isHead || cells.some(({ tagName }) => tagName === 'th'));
  if (rows.length === 1 && !hasHeader) return true;
  for (const { tagName } of descendants(table)) {
    if (/^(?:h[1-6]|pre)$/.test(tagName)) return true;
    if (tagName === 'table' && !hasHeader) return true;
  }
  return rows.some(({ cells }) => cells.some((cell) => textOf(cell).length > MAX_CELL));
}

const span = (cell: HtmlElement, name: string, most: number): number => {
  const value = Number.parseInt(attribute(cell, name) ?? '1', 10);
  if (value === 0 && name === 'rowspan') return most;
  return Number.isFinite(value) && value > 0 ? Math.min(value, most) : 1;
};

/** The table as a grid: what spans rows and columns stands in each of them, so that no row is shifted. */
export function gridOf(table: HtmlElement, textOfCell: (cell: HtmlElement) => string): string[][] {
  const rows = rowsOf(table);
  const grid: string[][] = rows.map(() => []);
  const taken: boolean[][] = rows.map(() => []);
  let cellsLeft = MAX_REPEATED_CELLS;
  let charactersLeft = MAX_REPEATED_CHARACTERS;
  rows.forEach(({ cells, group }, top) => {
    let column = 0;
    for (const cell of cells) {
      while (taken[top]![column]) column++;
      const text = textOfCell(cell);
      const width = cellsLeft > 0 ? span(cell, 'colspan', MAX_COLSPAN) : 1;
      const height = cellsLeft > 0 ? span(cell, 'rowspan', MAX_ROWSPAN) : 1;
      // A line across the whole table is a title between rows: once is enough.
      const isTitle = cells.length === 1 && width > 1 && height === 1;
      for (let y = top; y < top + height && rows[y]?.group === group; y++)
        for (let x = column; x < column + width; x++) {
          const isFirst = y === top && x === column;
          if (!isFirst && --cellsLeft < 0) break;
          const isShown = isFirst || (!isTitle && (charactersLeft -= text.length) >= 0);
          taken[y]![x] = true;
          grid[y]![x] = isShown ? text : '';
        }
      column += width;
    }
  });
  const filled = grid.map((row) => Array.from(row, (cell) => cell ?? ''));
  return withOneHeader(filled, rows.filter(({ isHead }) => isHead).length);
}

/** Headers over several lines become one: `Price` over `net` is `Price net`. */
function withOneHeader(grid: string[][], headRows: number): string[][] {
  if (headRows < 2) return grid;
  const head = grid.slice(0, headRows);
  const width = Math.max(...head.map((row) => row.length));
  const joined = Array.from({ length: width }, (_, column) =>
    [...new Set(head.map((row) => row[column] ?? ''))].filter((cell) => cell.trim() !== '').join(' '),
  );
  return [joined, ...grid.slice(headRows)];
}
