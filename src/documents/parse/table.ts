/** Long tables of nothing but empty cells are trimmed to what is there. */
function trimmed(rows: string[][]): string[][] {
  const kept = rows.filter((row) => row.some((cell) => cell.trim() !== ''));
  let width = 0;
  for (const row of kept) {
    for (let column = row.length; column > width; column--) {
      if (row[column - 1]!.trim() !== '') width = column;
    }
  }
  return kept.map((row) => Array.from({ length: width }, (_, column) => row[column] ?? ''));
}

const cellText = (cell: string): string => cell.replace(/\s+/g, ' ').trim().replace(/\|/g, '\\|');

/** A Markdown table whose first row is the header; empty when there is nothing in it. */
export function markdownTable(rows: string[][]): string {
  const [header, ...body] = trimmed(rows);
  if (!header) return '';
  const line = (cells: string[]): string => `| ${cells.map(cellText).join(' | ')} |`;
  return [line(header), `|${' --- |'.repeat(header.length)}`, ...body.map(line)].join('\n');
}
