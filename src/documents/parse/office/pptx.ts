import { ParseFailure } from '../failure';
import { firstHeading, joinPages, requireText, type PageText, type ParsedBody } from '../result';
import { childNamed, descendants, textOf, type XmlElement } from '../xml';
import { chosenChildren } from './alternatives';
import { drawingBlocks } from './drawing';
import { OfficePackage } from './package';
import { coreProperties } from './properties';
import { bodyText } from './text-body';

const placeholder = (shape: XmlElement): string | undefined => {
  const [found] = descendants(shape, 'p:ph');
  return found && (found.attributes.type ?? 'obj');
};

const isTitle = (shape: XmlElement): boolean => ['title', 'ctrTitle'].includes(placeholder(shape) ?? '');

function shapeBlocks(shape: XmlElement, file: OfficePackage, part: string): string[] {
  if (shape.name === 'p:grpSp')
    return chosenChildren(shape).flatMap((child) => shapeBlocks(child, file, part));
  const blocks = drawingBlocks(shape, { file, part });
  return isTitle(shape) ? blocks.map((text) => `## ${text.replace(/\s*\n\s*/g, ' ')}`) : blocks;
}

const treeOf = (slide: XmlElement): XmlElement | undefined =>
  childNamed(childNamed(slide, 'p:cSld'), 'p:spTree');

function slideBlocks(slide: XmlElement, file: OfficePackage, part: string): string[] {
  const tree = treeOf(slide);
  return tree ? chosenChildren(tree).flatMap((shape) => shapeBlocks(shape, file, part)) : [];
}

/** What the slide shows of its layout and master: text that is no place for the slide's own. */
function backgroundBlocks(file: OfficePackage, slide: string, seen: Set<string>): string[] {
  const layouts = file.targets(slide, 'slideLayout');
  const masters = layouts.flatMap((layout) => file.targets(layout, 'slideMaster'));
  return [...layouts, ...masters].flatMap((part) => {
    // Once: slides repeat it.
    if (seen.has(part)) return [];
    seen.add(part);
    const tree = treeOf(file.xml(part) ?? EMPTY);
    return chosenChildren(tree ?? EMPTY)
      .filter((shape) => placeholder(shape) === undefined && !DECORATION.has(shape.name))
      .flatMap((shape) => shapeBlocks(shape, file, part));
  });
}

/** Pictures of a design say nothing of what is presented. */
const DECORATION: ReadonlySet<string> = new Set(['p:pic']);

/** What the speaker noted, without the picture of the slide and its number. */
function notesOf(file: OfficePackage, slide: string): string[] {
  return file.targets(slide, 'notesSlide').flatMap((part) => {
    const tree = treeOf(file.xml(part) ?? EMPTY);
    return chosenChildren(tree ?? EMPTY)
      .filter((shape) => !['sldNum', 'dt', 'hdr', 'ftr', 'sldImg'].includes(placeholder(shape) ?? ''))
      .flatMap((shape) => drawingBlocks(shape, { file, part }));
  });
}

/** Comments, of PowerPoint's older and newer kind. */
function commentsOf(file: OfficePackage, slide: string): string[] {
  return file.targets(slide, 'comments').flatMap((part) => {
    const root = file.xml(part) ?? EMPTY;
    return [
      ...descendants(root, 'p:text').map(textOf),
      ...descendants(root, 'p188:txBody').map(bodyText),
    ].filter((text) => text.trim() !== '');
  });
}

const EMPTY: XmlElement = { name: '', attributes: {}, children: [] };

function readSlide(file: OfficePackage, part: string, number: number, seen: Set<string>): PageText {
  const slide = file.xml(part);
  if (!slide) {
    file.report.say(`Slide ${number} cannot be read.`);
    return { text: '' };
  }
  if (['0', 'false'].includes(slide.attributes.show ?? ''))
    file.report.say(`Slide ${number} is hidden; it was read.`);
  const notes = notesOf(file, part);
  const comments = commentsOf(file, part);
  const blocks = [
    ...slideBlocks(slide, file, part),
    ...backgroundBlocks(file, part, seen),
    ...(notes.length > 0 ? [`Notes: ${notes.join('\n')}`] : []),
    ...comments.map((comment) => `Comment: ${comment}`),
  ];
  return { text: blocks.join('\n\n') };
}

/** Parts of the slides in the order in which they are shown. */
function slideOrder(file: OfficePackage, main: string, presentation: XmlElement): string[] {
  return descendants(presentation, 'p:sldId').flatMap(({ attributes }) => {
    const part = file.target(main, attributes['r:id']);
    return part === undefined ? [] : [part];
  });
}

/** @throws ParseFailure */
export function parsePptx(bytes: Uint8Array): ParsedBody {
  const file = OfficePackage.open(bytes).load();
  const presentation = file.mainXml();
  if (file.main === undefined || !presentation)
    throw new ParseFailure('broken', 'The presentation is damaged: its list of slides is missing.');
  const seen = new Set<string>();
  const slides = slideOrder(file, file.main, presentation).map((part, index) =>
    readSlide(file, part, index + 1, seen),
  );
  const { text, pages } = joinPages(slides);
  requireText(text, 'The presentation', file.report.warnings());
  const { title, metadata } = coreProperties(file);
  return {
    text,
    markup: 'markdown',
    title: title ?? firstHeading(text),
    pages,
    metadata: { ...metadata, page_count: pages.length },
    warnings: file.report.warnings(),
  };
}
