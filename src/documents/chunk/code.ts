import { linesOf, type Block, type Span } from './spans';

/**
 * Functions, classes and whatever else begins at the left margin: a block is a run of lines up to one that begins there
 * after a blank line or a closing bracket. Comments and decorators stay with what follows them.
 */
export function codeBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let units: Span[] = [];
  let lastWasBreak = false;
  for (const line of linesOf(text, { start: 0, end: text.length })) {
    const content = text.slice(line.start, line.end);
    if (content.trim() === '') {
      lastWasBreak = true;
      continue;
    }
    if (lastWasBreak && units.length > 0 && /^[^\s)}\]]/.test(content)) flush();
    units.push(line);
    lastWasBreak = /^[}\])]/.test(content);
  }
  flush();
  return blocks;

  function flush(): void {
    const [first] = units;
    if (first) blocks.push({ start: first.start, end: units.at(-1)!.end, units, headings: [] });
    units = [];
  }
}
