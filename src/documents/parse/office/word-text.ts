/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { childNamed, childrenNamed, descendants, textOf, type XmlElement } from '../xml';
import { chosenChildren } from './alternatives';
import { described, drawingBlocks } from './drawing';
import { mathText } from './math';
import type { OfficePackage } from './package';

/** What the runs of a part need, and what they leave for after the paragraph. */
export interface TextContext {
  file: OfficePackage;
  /** The part that the runs stand in. */
  part: string;
  /** The mark of a note: `[^1]`. */
  noteMark: (kind: 'footnote' | 'endnote', id: string) => string;
  /** Reads a text box. */
  textBox: (content: XmlElement) => string;
  fields: FieldState;
}

/**
 * Fields have a code, which is not shown, and a result, which is: `begin` code `separate` result `end`, over runs and paragraphs and
 * within one another.
 */
export class FieldState {
  private readonly open: ('code' | 'result')[] = [];
  private readonly isSound: boolean;

  constructor(root: XmlElement) {
    const types = descendants(root, 'w:fldChar').map(({ attributes }) => attributes['w:fldCharType']);
    // A code without an end would hide the rest of the document.
    this.isSound =
      types.filter((type) => type === 'begin').length === types.filter((type) => type === 'end').length;
  }

  mark(type: string | undefined): void {
    if (type === 'begin') this.open.push('code');
    else if (type === 'separate' && this.open.length > 0) this.open[this.open.length - 1] = 'result';
    else if (type === 'end') this.open.pop();
  }

  get hides(): boolean {
    return this.isSound && this.open.includes('code');
  }
}

const SYMBOL_FONT = /^(?:symbol|wingdings(?: [23])?|webdings|zapf dingbats)$/i;
/** Symbol fonts keep their signs where Unicode has none: U+F020 to U+F0FF. */
const PRIVATE_FROM = 0xf000;

function symbol(font: string, code: number): string {
  const { codePoint } = require('dingbat-to-unicode') as typeof import('dingbat-to-unicode');
  const known = codePoint(font, code >= PRIVATE_FROM ? code - PRIVATE_FROM : code);
  if (known) return known.string;
  return code >= PRIVATE_FROM && code <= PRIVATE_FROM + 0xff ? '' : String.fromCodePoint(code);
}

function symbolRun(text: string, run: XmlElement): string {
  if (!/[\uf020-\uf0ff]/.test(text)) return text;
  const { attributes = {} } = childNamed(childNamed(run, 'w:rPr'), 'w:rFonts') ?? {};
  const font = attributes['w:ascii'] ?? attributes['w:hAnsi'] ?? '';
  if (!SYMBOL_FONT.test(font)) return text;
  return text.replace(/[\uf020-\uf0ff]/g, (sign) => symbol(font, sign.charCodeAt(0)));
}

/** What was ticked or chosen in a form's field. */
function formField(mark: XmlElement): string {
  const data = childNamed(mark, 'w:ffData');
  const box = childNamed(data, 'w:checkBox');
  if (box) {
    const state = childNamed(box, 'w:checked') ?? childNamed(box, 'w:default');
    const value = state && (state.attributes['w:val'] ?? '1');
    return value !== undefined && !/^(?:0|false|off)$/.test(value) ? '☒' : '☐';
  }
  const choice = childNamed(data, 'w:ddList');
  if (!choice) return '';
  const entries = childrenNamed(choice, 'w:listEntry').map(({ attributes }) => attributes['w:val'] ?? '');
  const chosen = childNamed(choice, 'w:result') ?? childNamed(choice, 'w:default');
  return entries[Number(chosen?.attributes['w:val'] ?? 0)] ?? '';
}

const NOT_SHOWN: ReadonlySet<string> = new Set([
  'w:del',
  'w:moveFrom',
  'w:delText',
  'w:instrText',
  'w:delInstrText',
  'w:rt',
  'w:pPr',
  'w:rPr',
  'w:sdtPr',
  'w:sdtEndPr',
  'w:rubyPr',
  'w:fldData',
  'w:ffData',
]);

/** Text of runs, and what floats beside it. */
export interface ReadText {
  text: string;
  /** Text boxes, charts, SmartArt and descriptions of pictures. */
  floats: string[];
}

/** Reads what is in a paragraph. */
export function readText(paragraph: XmlElement, context: TextContext): ReadText {
  const floats: string[] = [];
  const { file, part, textBox, noteMark, fields } = context;

  const drawn = (element: XmlElement): string => {
    const isOne = descendants(element, 'pic:pic').length === 1;
    const description = isOne ? described(descendants(element, 'wp:docPr')[0]) : '';
    const blocks = drawingBlocks(element, { file, part, textBox, description });
    // A picture within a line is read within it.
    const inline = childNamed(element, 'wp:inline') && blocks.length === 1 && !/\n/.test(blocks[0]!);
    if (inline && isOne) return blocks[0]!;
    floats.push(...blocks);
    return '';
  };

  const vector = (element: XmlElement): string => {
    for (const content of descendants(element, 'w:txbxContent')) floats.push(textBox(content));
    for (const path of descendants(element, 'v:textpath')) floats.push(path.attributes.string ?? '');
    for (const shape of ['v:shape', 'v:rect'].flatMap((name) => descendants(element, name)))
      if (descendants(shape, 'v:imagedata').length > 0) {
        const description = (shape.attributes.alt ?? '').trim() || described(shape);
        if (description === '') file.report.picture();
        floats.push(description);
      }
    return '';
  };

  const link = (element: XmlElement): string => {
    const text = inside(element);
    const relation = file.relations(part).get(element.attributes['r:id'] ?? '');
    const address = relation?.external ? relation.target : '';
    return text.trim() === '' || !/^(?:https?|mailto):/i.test(address) || text.includes(address)
      ? text
      : `[${text}](${address})`;
  };

  const run = (element: XmlElement): string =>
    chosenChildren(element)
      .map((child) => (child.name === 'w:t' ? shown(symbolRun(textOf(child), element)) : inline(child)))
      .join('');
  const shown = (text: string): string => (fields.hides ? '' : text);
  const inside = (element: XmlElement): string => chosenChildren(element).map(inline).join('');

  const READERS: Readonly<Record<string, (element: XmlElement) => string>> = {
    'w:r': run,
    'w:t': (element) => shown(textOf(element)),
    'w:tab': () => shown('\t'),
    'w:ptab': () => shown('\t'),
    'w:br': ({ attributes }) => (attributes['w:type'] === 'page' ? ' ' : '\n'),
    'w:cr': () => '\n',
    'w:noBreakHyphen': () => '-',
    'w:softHyphen': () => '',
    'w:sym': ({ attributes }) =>
      shown(symbol(attributes['w:font'] ?? '', Number.parseInt(attributes['w:char'] ?? '20', 16) || 0x20)),
    'w:fldChar': (element) => {
      const before = shown(formField(element));
      fields.mark(element.attributes['w:fldCharType']);
      return before;
    },
    'w:footnoteReference': ({ attributes }) => noteMark('footnote', attributes['w:id'] ?? ''),
    'w:endnoteReference': ({ attributes }) => noteMark('endnote', attributes['w:id'] ?? ''),
    'w:hyperlink': link,
    'w:drawing': drawn,
    'w:pict': vector,
    'w:object': (element) => {
      file.report.object();
      for (const content of descendants(element, 'w:txbxContent')) floats.push(textBox(content));
      return '';
    },
    'm:oMath': (element) => mathText(element),
    'm:oMathPara': (element) => mathText(element),
  };

  function inline(element: XmlElement): string {
    if (NOT_SHOWN.has(element.name)) return '';
    return (READERS[element.name] ?? inside)(element);
  }

  const text = inside(paragraph);
  return { text, floats: floats.filter((float) => float.trim() !== '') };
}
