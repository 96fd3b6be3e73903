/** A stray cell far to the right must not make every row that wide. */
const MAX_HEADER_CELLS = 200;

/** Rows without what is empty: whole rows, and cells at the end of a row. */
function trimmed(rows: string[][]): string[][] {
  return rows
    .map((row) => {
      let width = row.length;
      while (width > 0 && (row[width - 1] ?? '').trim() === '') width--;
      return Array.from({ length: width }, (_, column) => row[column] ?? '');
    })
    .filter((row) => row.length > 0);
}

const cellText = (cell: string): string => cell.replace(/\s+/g, ' ').trim().replace(/\|/g, '\\|');

/** A Markdown table whose first row is the header; empty when there is nothing in it. */
export function markdownTable(rows: string[][]): string {
  const [first, ...body] = trimmed(rows);
  if (!first) return '';
  const widest = body.reduce((width, row) => Math.max(width, row.length), first.length);
  const missing = Math.min(widest, MAX_HEADER_CELLS) - first.length;
  const header = [...first, ...Array.from({ length: Math.max(0, missing) }, () => '')];
  const line = (cells: string[]): string => `| ${cells.map(cellText).join(' | ')} |`;
  return [line(header), `|${' --- |'.repeat(header.length)}`, ...body.map(line)].join('\n');
}
