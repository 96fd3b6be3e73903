const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const RAW_HTML = /^ {0,3}<(pre|script|style|textarea)(?:[\s>]|$)/i;
const RULE = /^---[ \t]*$/;
/** A comment or tag that is not closed within so many lines is taken for text. */
const MAX_LINES = 300;

/**
 * Where what is not read as Markdown ends: fenced code, comments, raw HTML and front matter. A `#` in them is no heading.
 * @param lineAt the line of an index, undefined behind the last one
 * @param from   a line that nothing before it has taken
 * @returns the index behind the last line of it; `from` when the line is Markdown
 */
export function verbatimEnd(lineAt: (index: number) => string | undefined, from: number): number {
  const line = lineAt(from) ?? '';
  const fence = FENCE.exec(line)?.[1];
  // A fence that is never closed holds all that follows, as Markdown has it.
  if (fence) return endAt(lineAt, from, new RegExp(`^ {0,3}${fence[0]}{${fence.length},}[ \\t]*$`), Infinity);
  const open = line.lastIndexOf('<!--');
  if (open !== -1 && !line.includes('-->', open + 4)) return endAt(lineAt, from, /-->/, MAX_LINES);
  const tag = RAW_HTML.exec(line)?.[1];
  if (tag) {
    const closing = new RegExp(`</${tag}\\s*>`, 'i');
    return closing.test(line) ? from + 1 : endAt(lineAt, from, closing, MAX_LINES);
  }
  return from === 0 && RULE.test(line) && (lineAt(1) ?? '').includes(':')
    ? endAt(lineAt, from, /^(?:---|\.\.\.)[ \t]*$/, MAX_LINES)
    : from;
}

function endAt(
  lineAt: (index: number) => string | undefined,
  from: number,
  closing: RegExp,
  limit: number,
): number {
  for (let at = from + 1; at - from <= limit; at++) {
    const line = lineAt(at);
    if (line === undefined) return limit === Infinity ? at : from;
    if (closing.test(line)) return at + 1;
  }
  return from;
}
