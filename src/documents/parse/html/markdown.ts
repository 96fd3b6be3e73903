import { markdownTable } from '../table';
import type { Furniture } from './furniture';
import { captionOf, cellsByRow, gridOf, isLayout } from './table';
import {
  attribute,
  childrenOf,
  descendants,
  type HtmlElement,
  type HtmlNode,
  type HtmlParent,
  isElement,
  isText,
  textOf,
} from './tree';

const BLOCKS = new Set(
  (
    'address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption ' +
    'figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing main menu nav ol optgroup option p ' +
    'plaintext pre search section summary table tbody td tfoot th thead tr ul xmp'
  ).split(' '),
);
const PREFORMATTED = new Set(['pre', 'listing', 'xmp', 'plaintext']);
const STRONG = new Set(['b', 'strong']);
const EMPHASIS = new Set(['i', 'em']);
const SPACES = /[ \t\n\r\f]+/g;
/** What would be read as a heading or a fence at the beginning of a line. */
const MISLEADING = /^(?=#{1,6}(?:[ \t]|$)|```|~~~)/gm;

/** Cells up to this length may be parts of one line. */
const SHORT_CELL = 120;

/** Finished blocks, and the line that goes on after them. */
interface Flow {
  blocks: string[];
  line: string;
}

/** Writes what a page shows as Markdown. */
export class MarkdownWriter {
  constructor(private readonly furniture: Furniture) {}

  write(parent: HtmlParent): string {
    return this.blocksOf(parent).join('\n\n');
  }

  private blocksOf(parent: HtmlParent): string[] {
    const flow = this.flowOf(childrenOf(parent));
    flush(flow);
    return flow.blocks;
  }

  private flowOf(nodes: readonly HtmlNode[]): Flow {
    const flow: Flow = { blocks: [], line: '' };
    nodes.forEach((node, index) => {
      if (isText(node)) append(flow, node.value.replace(SPACES, ' '));
      else if (isElement(node) && !this.furniture.isLeftOut(node))
        this.element(node, flow, startsWithLetter(nodes[index + 1]));
    });
    return flow;
  }

  private element(element: HtmlElement, flow: Flow, isGlued: boolean): void {
    if (BLOCKS.has(element.tagName)) {
      flush(flow);
      const blocks = this.block(element).filter((block) => block.trim() !== '');
      // Not spread: there may be more of them than a call takes arguments.
      for (const block of blocks) flow.blocks.push(block);
      return;
    }
    const inline = this.inline(element, flow.line, isGlued);
    if (typeof inline === 'string') return append(flow, inline);
    if (inline.blocks.length > 0) {
      // What stood before the first block of an inline element goes on in it only by its place.
      flush(flow);
      for (const block of inline.blocks) flow.blocks.push(block);
    }
    append(flow, inline.line);
  }

  private block(element: HtmlElement): string[] {
    const { tagName } = element;
    if (tagName === 'table') return this.table(element);
    if (tagName === 'dl') return this.definitions(element);
    if (PREFORMATTED.has(tagName)) return this.preformatted(element);
    if (/^h[1-6]$/.test(tagName)) return this.heading(element, Number(tagName[1]));
    if (tagName === 'hr') return ['* * *'];
    if (['ul', 'ol', 'menu', 'dir'].includes(tagName)) return [this.list(element)];
    if (tagName === 'blockquote')
      return [this.write(element).replace(/^/gm, '> ').replace(/^> $/gm, '>')].filter(
        (quote) => quote !== '>',
      );
    return this.blocksOf(element);
  }

  private heading(element: HtmlElement, level: number): string[] {
    const title = this.blocksOf(element)
      .join(' ')
      .replace(SPACES, ' ')
      .replace(/^\\(?=[#`~])/, '')
      .trim();
    return title === '' ? [] : [`${'#'.repeat(level)} ${title}`];
  }

  /** @param isGlued whether a letter follows at once: marks inside of a word would tear it for whoever searches for it */
  private inline(element: HtmlElement, before: string, isGlued = false): string | Flow {
    const { tagName } = element;
    const isApart = !isGlued && !/[\p{L}\p{N}]$/u.test(before.slice(-2));
    if (tagName === 'br') return '\n';
    if (tagName === 'img') return attribute(element, 'alt')?.replace(SPACES, ' ') ?? '';
    if (tagName === 'svg') return this.drawing(element);
    if (tagName === 'math') return formula(element);
    if (tagName === 'ruby') return this.ruby(element);
    if (tagName === 'code' || tagName === 'kbd' || tagName === 'samp' || tagName === 'tt') {
      const code = textOf(element).replace(SPACES, ' ');
      return tagName === 'code' && code.trim() !== '' && isApart ? fenced(code) : code;
    }
    const flow = this.flowOf(childrenOf(element));
    if (flow.blocks.length > 0) return flow;
    if (tagName === 'sup') return raised(flow.line, before);
    if (tagName === 'a') return linked(flow.line, attribute(element, 'href'));
    if (!isApart) return flow;
    if (STRONG.has(tagName)) return marked(flow.line, '**');
    if (EMPHASIS.has(tagName)) return marked(flow.line, '_');
    return flow;
  }

  /** The labels of a chart. */
  private drawing(element: HtmlElement): string {
    const labels = [...descendants(element)].filter(({ tagName }) => tagName === 'text');
    return labels.map((label) => ` ${textOf(label).replace(SPACES, ' ')} `).join('');
  }

  /** The reading stands behind the word, which would be torn by it. */
  private ruby(element: HtmlElement): string {
    const base: string[] = [];
    const reading: string[] = [];
    for (const node of childrenOf(element)) {
      if (isElement(node) && (node.tagName === 'rp' || this.furniture.isLeftOut(node))) continue;
      const isReading = isElement(node) && /^rtc?$/.test(node.tagName);
      (isReading ? reading : base).push(textOf(node).replace(SPACES, ' ').trim());
    }
    return base.join('') + (reading.some(Boolean) ? ` (${reading.join('')})` : '');
  }

  private preformatted(element: HtmlElement): string[] {
    const code = textOf(element).replace(/^\n/, '').trimEnd();
    if (code.trim() === '') return [];
    const longest = Math.max(2, ...[...code.matchAll(/`{3,}/g)].map(([marks]) => marks.length));
    const fence = '`'.repeat(longest + 1);
    return [`${fence}${languageOf(element)}\n${code}\n${fence}`];
  }

  private list(element: HtmlElement): string {
    let number = Number.parseInt(attribute(element, 'start') ?? '1', 10) || 1;
    const items: string[] = [];
    for (const child of childrenOf(element)) {
      if (isText(child) ? child.value.trim() === '' : !isElement(child) || this.furniture.isLeftOut(child))
        continue;
      const isItem = isElement(child) && child.tagName === 'li';
      const flow: Flow = isItem ? { blocks: this.blocksOf(child), line: '' } : this.flowOf([child]);
      flush(flow);
      if (flow.blocks.length === 0) continue;
      if (isItem) number = Number.parseInt(attribute(child, 'value') ?? '', 10) || number;
      const marker = !isItem ? '' : element.tagName === 'ol' ? `${number++}. ` : '- ';
      const indent = ' '.repeat(marker === '' ? 2 : marker.length);
      const text = flow.blocks.map(asItemPart).join('\n');
      items.push(marker + (marker === '' ? indent : '') + text.replace(/\n(?=[^\n])/g, `\n${indent}`));
    }
    return items.join('\n');
  }

  /** A term and what it means stay together. */
  private definitions(element: HtmlElement): string[] {
    const groups: string[] = [];
    let last = '';
    for (const part of partsOfDefinitions(element)) {
      if (isElement(part) && this.furniture.isLeftOut(part)) continue;
      const tag = isElement(part) ? part.tagName : '';
      const flow =
        tag === 'dt' || tag === 'dd' ? this.flowOf(childrenOf(part as HtmlElement)) : this.flowOf([part]);
      flush(flow);
      const text = flow.blocks.join('\n');
      if (text === '') continue;
      if (tag === 'dd' && groups.length > 0)
        groups[groups.length - 1] += `\n: ${text.replace(/\n(?=[^\n])/g, '\n  ')}`;
      else if (tag === 'dt' && last === 'dt') groups[groups.length - 1] += `\n${text}`;
      else groups.push(text);
      last = tag;
    }
    return groups;
  }

  private table(table: HtmlElement): string[] {
    const caption = captionOf(table);
    const title = caption && !this.furniture.isLeftOut(caption) ? this.blocksOf(caption) : [];
    if (isLayout(table)) return [...title, ...this.layout(table)];
    const grid = gridOf(table, (cell) => (this.furniture.isLeftOut(cell) ? '' : this.cellText(cell)));
    return [...title, markdownTable(grid)];
  }

  private layout(table: HtmlElement): string[] {
    const blocks: string[] = [];
    for (const row of cellsByRow(table)) {
      const cells = row
        .filter((cell) => !this.furniture.isLeftOut(cell))
        .map((cell) => this.blocksOf(cell))
        .filter((cell) => cell.length > 0);
      // A name and its value stand in one line; whole columns of a page follow each other.
      const isLine = cells.every(
        (cell) => cell.length === 1 && cell[0]!.length <= SHORT_CELL && !/^[#|>-]|\n/.test(cell[0]!),
      );
      if (isLine && cells.length > 1) blocks.push(cells.map(([text]) => text).join(' '));
      else for (const cell of cells) for (const block of cell) blocks.push(block);
    }
    return blocks;
  }

  /** One line: blocks, breaks and the cells of tables inside are parted by blanks. */
  private cellText(parent: HtmlParent): string {
    let text = '';
    for (const node of childrenOf(parent)) {
      if (isText(node)) text += node.value;
      if (!isElement(node) || this.furniture.isLeftOut(node)) continue;
      if (BLOCKS.has(node.tagName)) text += ` ${this.cellText(node)} `;
      else if (/^(?:br|img|svg|math|ruby|sup)$/.test(node.tagName)) {
        const inline = this.inline(node, text);
        text += typeof inline === 'string' ? inline : inline.line;
      } else text += this.cellText(node);
    }
    return text;
  }
}

function append(flow: Flow, text: string): void {
  const last = flow.line.at(-1);
  const next = last === undefined || last === ' ' || last === '\n' ? text.replace(/^ +/, '') : text;
  const isBreak = next.startsWith('\n') && last === ' ';
  flow.line = (isBreak ? flow.line.slice(0, -1) : flow.line) + next;
}

function flush(flow: Flow): void {
  const text = flow.line.trim();
  if (text !== '') flow.blocks.push(text.replace(MISLEADING, '\\'));
  flow.line = '';
}

const startsWithLetter = (node: HtmlNode | undefined): boolean =>
  node !== undefined &&
  /^[\p{L}\p{N}]/u.test(isText(node) ? node.value.slice(0, 2) : textOf(node).slice(0, 2));

/** White space stays outside of the marks. */
function around(text: string, mark: (inner: string) => string): string {
  const inner = text.trim();
  if (inner === '') return text;
  const start = text.length - text.trimStart().length;
  return text.slice(0, start) + mark(inner) + text.slice(start + inner.length);
}

const marked = (text: string, mark: string): string => around(text, (inner) => mark + inner + mark);

function linked(text: string, href: string | null): string {
  const isAddress = href !== null && /^(?!#|javascript:|data:)\S+$/i.test(href.trim());
  return isAddress ? around(text, (inner) => `[${inner}](${href.trim()})`) : text;
}

const fenced = (code: string): string => (code.includes('`') ? `\`\` ${code} \`\`` : `\`${code}\``);

/** 10 to the power of 6 is not 106. */
const raised = (text: string, before: string): string =>
  /\d/.test(before.slice(-1)) && /^[-+]?\d/.test(text) ? `^${text}` : text;

const languageOf = (pre: HtmlElement): string => {
  for (const element of [pre, ...descendants(pre)]) {
    const name = /\b(?:language|lang|highlight-source)-([\w+#-]{1,20})/.exec(
      attribute(element, 'class') ?? '',
    );
    if (name) return name[1]!;
  }
  return '';
};

/** What its author wrote, where that is kept. */
function formula(math: HtmlElement): string {
  for (const element of descendants(math))
    if (element.tagName === 'annotation' && /tex/i.test(attribute(element, 'encoding') ?? ''))
      return textOf(element).trim();
  const signs = [...descendants(math)].filter(({ tagName }) => /^m(?:i|n|o|text)$/.test(tagName));
  return signs.map((sign) => textOf(sign).trim()).join(' ');
}

/** Blocks of an entry follow each other without blank lines, so that it stays one. */
const asItemPart = (block: string): string => block.replace(/\n{2,}/g, '\n');

/** Terms and meanings, also where a `div` holds each pair. */
function partsOfDefinitions(list: HtmlElement): HtmlNode[] {
  return childrenOf(list).flatMap((child) => {
    if (isText(child)) return child.value.trim() === '' ? [] : [child];
    return isElement(child) && child.tagName === 'div' ? partsOfDefinitions(child) : [child];
  });
}
