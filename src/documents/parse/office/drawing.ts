import { markdownTable } from '../table';
import { childrenNamed, descendants, type XmlElement } from '../xml';
import { chosenChildren } from './alternatives';
import { chartText, extendedChartText } from './chart';
import { diagramText } from './diagram';
import type { OfficePackage } from './package';
import { repeated } from './spans';
import { bodyText } from './text-body';

export interface DrawingContext {
  file: OfficePackage;
  /** The part that the drawing stands in: its relations are by this part. */
  part: string;
  /** Reads a text box of a Word document. */
  textBox?: (content: XmlElement) => string;
  /** Of the one picture that a drawing in a Word document holds. */
  description?: string;
}

type BlockReader = (element: XmlElement, context: DrawingContext) => string;

const MAX_SPAN = 100;

/** Cells that span rows or columns are repeated, so that each row can be read alone. */
function tableText(table: XmlElement): string {
  const rows: string[][] = [];
  for (const row of childrenNamed(table, 'a:tr'))
    rows.push(rowTexts(childrenNamed(row, 'a:tc'), rows.at(-1)));
  return markdownTable(rows);
}

function rowTexts(cells: XmlElement[], above: string[] | undefined): string[] {
  const texts: string[] = [];
  // A writer may leave out the cells that a span covers.
  const hasCovered = cells.some(({ attributes }) => isOn(attributes.hMerge));
  for (const cell of cells) {
    const { hMerge, vMerge, gridSpan } = cell.attributes;
    const left = isOn(hMerge) ? texts.at(-1) : undefined;
    const over = isOn(vMerge) ? above?.[texts.length] : undefined;
    texts.push(bodyText(cell) || repeated(left ?? over));
    const span = hasCovered ? 1 : Math.min(Number(gridSpan ?? 1) || 1, MAX_SPAN);
    for (let extra = 1; extra < span; extra++) texts.push(repeated(texts.at(-1)));
  }
  return texts;
}

const isOn = (value: string | undefined): boolean => value === '1' || value === 'true';

function linked(
  id: string | undefined,
  { file, part }: DrawingContext,
  read: (root: XmlElement, part: string) => string,
): string {
  const target = file.target(part, id);
  const root = file.xml(target);
  return root && target !== undefined ? read(root, target) : '';
}

/** Pictures are described where they stand or by themselves. */
function pictureText(picture: XmlElement, { file, description = '' }: DrawingContext): string {
  const [properties] = ['p:cNvPr', 'pic:cNvPr', 'xdr:cNvPr'].flatMap((name) => descendants(picture, name));
  const text = description || described(properties);
  if (text === '') file.report.picture();
  return text;
}

/** Names that programs give to pictures by themselves say nothing. */
export const described = (properties: XmlElement | undefined): string =>
  (properties?.attributes.descr ?? '').trim() || (properties?.attributes.title ?? '').trim();

const READERS: Readonly<Record<string, BlockReader>> = {
  'a:tbl': tableText,
  'p:txBody': bodyText,
  'xdr:txBody': bodyText,
  'a:txBody': bodyText,
  'dsp:txBody': bodyText,
  'c:chart': (element, context) =>
    linked(element.attributes['r:id'], context, (root, part) =>
      [chartText(root), ...userShapes(context.file, part)].filter(Boolean).join('\n\n'),
    ),
  'cx:chart': (element, context) => linked(element.attributes['r:id'], context, extendedChartText),
  'dgm:relIds': (element, context) => linked(element.attributes['r:dm'], context, diagramText),
  'pic:pic': pictureText,
  'p:pic': pictureText,
  'xdr:pic': pictureText,
  'p:oleObj': (_, { file }) => (file.report.object(), ''),
  'w:txbxContent': (element, { textBox }) => textBox?.(element) ?? '',
};

/** Text boxes that somebody drew over a chart. */
const userShapes = (file: OfficePackage, part: string): string[] =>
  file.targets(part, 'chartUserShapes').flatMap((target) => {
    const root = file.xml(target);
    return root ? drawingBlocks(root, { file, part: target }) : [];
  });

/** Text, tables, charts and SmartArt of a drawing, in the order in which they stand. */
export function drawingBlocks(root: XmlElement, context: DrawingContext): string[] {
  const blocks: string[] = [];
  const visit = (element: XmlElement): void => {
    const read = READERS[element.name];
    if (!read) return chosenChildren(element).forEach(visit);
    const text = read(element, context);
    if (text.trim() !== '') blocks.push(text);
  };
  visit(root);
  return blocks;
}
