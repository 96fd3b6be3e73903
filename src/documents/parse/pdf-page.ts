import { fieldsOf, notesOf, type Annotation, type FormField } from './pdf-fields';

/** Text drawn in one go, as the reader of PDF gives it. */
export interface TextItem {
  str: string;
  hasEOL: boolean;
  /** Scale, skew and place. */
  transform: number[];
  /** In units of the page, as `height`. */
  width: number;
  height: number;
}

/** A page of pdf.js, as far as it is used. */
export interface Page {
  getTextContent(): Promise<{ items: unknown[] }>;
  getAnnotations(): Promise<unknown[]>;
  cleanup(): unknown;
}

export interface PageRead {
  text: string;
  isDamaged: boolean;
  hasDamagedFields: boolean;
}

/** Letters that are drawn again within these shares of their height make them bold or give them a shadow. */
const SAME_LETTER = 0.1;
const SAME_WORD = 0.25;
/** Of that many letters, a text cannot follow itself so closely. */
const WORD_LETTERS = 3;
/** Of a character's width: less is kerning. */
const OVERLAP_FROM = 0.4;

export async function readPage(
  pdf: { getPage(number: number): Promise<unknown> },
  number: number,
): Promise<PageRead> {
  try {
    const page = (await pdf.getPage(number)) as Page;
    const content = await page.getTextContent();
    const annotations = await annotationsOf(page);
    const items = drawnOnce((content.items as TextItem[]).filter(({ str }) => typeof str === 'string'));
    const text = textWithFields(items, fieldsOf(annotations ?? []));
    const notes = notesOf(annotations ?? []);
    page.cleanup();
    return {
      text: [ordinaryLetters(text), ...notes].filter((part) => part.trim() !== '').join('\n\n'),
      isDamaged: false,
      hasDamagedFields: annotations === undefined,
    };
  } catch {
    // Other pages do not depend on this one; the caller says which it was.
    return { text: '', isDamaged: true, hasDamagedFields: false };
  }
}

/** Old-style figures and small capitals, which Adobe's fonts keep where Unicode has none: their Latin-1 code from U+F700 on. */
const ordinaryLetters = (text: string): string =>
  text.replace(/[\uf721-\uf77e\uf7a1-\uf7ff]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) & 0xff));

async function annotationsOf(page: Page): Promise<Annotation[] | undefined> {
  try {
    return (await page.getAnnotations()) as Annotation[];
  } catch {
    // The text of the page is read all the same; the caller says what is missing.
    return undefined;
  }
}

const heightOf = ({ height, transform }: TextItem): number =>
  height || Math.hypot(transform[2] ?? 0, transform[3] ?? 0);

const xOf = ({ transform }: TextItem): number => transform[4] ?? 0;
const yOf = ({ transform }: TextItem): number => transform[5] ?? 0;

/** Text without what was drawn twice at the same place. */
function drawnOnce(items: TextItem[]): TextItem[] {
  const drawn = new Map<string, TextItem[]>();
  let last: TextItem | undefined;
  return items.map((item) => {
    if (item.str.trim() === '' || !Array.isArray(item.transform)) return item;
    const places = placesAround(item);
    if (places.some((place) => drawn.get(place)?.some((other) => isSamePlace(other, item))))
      return { ...item, str: '', width: 0 };
    const here = drawn.get(places[0]!);
    if (here) here.push(item);
    else drawn.set(places[0]!, [item]);
    const repeated = last ? repeatedLetters(last, item) : 0;
    last = item;
    return repeated === 0 ? item : { ...item, str: item.str.slice(repeated) };
  });
}

/** Keys of a text in the square of the page where it stands, and in those around: a page may repeat a text very often. */
function placesAround(item: TextItem): string[] {
  const size = Math.max(heightOf(item) * SAME_WORD, 0.1);
  const column = Math.floor(xOf(item) / size);
  const row = Math.floor(yOf(item) / size);
  return [0, -1, 1].flatMap((dx) => [0, -1, 1].map((dy) => `${column + dx} ${row + dy} ${item.str}`));
}

function isSamePlace(a: TextItem, b: TextItem): boolean {
  const height = heightOf(b);
  const within = height * (b.str.trim().length < WORD_LETTERS ? SAME_LETTER : SAME_WORD);
  return (
    Math.abs(xOf(a) - xOf(b)) <= within &&
    Math.abs(yOf(a) - yOf(b)) <= within &&
    Math.abs(heightOf(a) - height) <= height * SAME_LETTER
  );
}

/** How many letters at the beginning of `next` lie on the same ones at the end of `last`. */
function repeatedLetters(last: TextItem, next: TextItem): number {
  const height = heightOf(next);
  const overlap = xOf(last) + last.width - xOf(next);
  const isOnLine = Math.abs(yOf(last) - yOf(next)) <= height * SAME_WORD;
  if (!isOnLine || overlap <= 0 || xOf(next) < xOf(last) || next.str.length === 0) return 0;
  const letter = next.width / next.str.length;
  if (overlap < letter * OVERLAP_FROM) return 0;
  const most = Math.min(last.str.length, next.str.length, Math.ceil(overlap / letter) + 1);
  for (let count = most; count > 0; count--)
    if (last.str.endsWith(next.str.slice(0, count)) && Math.abs(count * letter - overlap) <= letter)
      return count;
  return 0;
}

/** Shares of a letter's height: a step across begins a line, a step along a word. Back to where text is, a word too. */
const LINE_FROM = 0.5;
const WORD_FROM = 0.25;
const WORD_BACK_FROM = 1;

/** What parts two texts that are not written next to each other, where the reader of PDF says nothing. */
function gapBetween(last: TextItem, next: TextItem): string {
  const [a = 1, b = 0] = last.transform;
  const scale = Math.hypot(a, b) || 1;
  const dx = xOf(next) - xOf(last);
  const dy = yOf(next) - yOf(last);
  const along = (dx * a + dy * b) / scale - last.width;
  const across = Math.abs(dy * a - dx * b) / scale;
  const height = Math.max(heightOf(last), heightOf(next));
  if (height === 0) return '';
  if (across > height * LINE_FROM) return '\n';
  return along > height * WORD_FROM || along < -height * WORD_BACK_FROM ? ' ' : '';
}

/** What was filled into a field stands after its label. */
function textWithFields(items: TextItem[], fields: FormField[]): string {
  const after = new Map<TextItem, string[]>();
  const unplaced: string[] = [];
  fields.forEach((field, index) => {
    const label = index < MAX_PLACED ? labelOf(field, items) : undefined;
    if (label) after.set(label, [...(after.get(label) ?? []), field.value]);
    else unplaced.push(field.name ? `${field.name}: ${field.value}` : field.value);
  });
  let text = '';
  let last: TextItem | undefined;
  for (const item of items) {
    if (last && item.str.trim() !== '' && !/\s$/.test(text)) text += gapBetween(last, item);
    const values = after.get(item);
    text += values ? `${item.str.trimEnd()} ${values.join(' ')}${item.hasEOL ? '' : ' '}` : item.str;
    if (item.hasEOL) text += '\n';
    if (item.str.trim() !== '') last = item;
  }
  return [text.trimEnd(), ...unplaced].filter((part) => part.trim() !== '').join('\n');
}

/** Fields of a page whose labels are looked for; the others stand below with their names. */
const MAX_PLACED = 2_000;
/** Labels are further from their fields only by mistake. Units of the page: 1/72 inch. */
const LABEL_WITHIN = 250;
const LABEL_ABOVE_WITHIN = 24;

function labelOf({ rect, isBox }: FormField, items: TextItem[]): TextItem | undefined {
  const [left, bottom, right, top] = rect;
  let best: TextItem | undefined;
  let least = Infinity;
  for (const item of items) {
    if (item.str.trim() === '' || item.width === 0) continue;
    const x = xOf(item);
    const y = yOf(item);
    const height = heightOf(item);
    const isBeside = y + height * 0.7 >= bottom && y <= top;
    const isOver =
      y > top - height * 0.3 && y <= top + LABEL_ABOVE_WITHIN && x < right && x + item.width > left;
    // A box to be ticked stands before its text.
    const distance = isBeside
      ? isBox && x >= right - 2
        ? x - right
        : x + item.width <= left + height
          ? left - (x + item.width) + (isBox ? LABEL_WITHIN : 0)
          : Infinity
      : isOver && !isBox
        ? LABEL_WITHIN + (y - top)
        : Infinity;
    if (distance < least && distance <= LABEL_WITHIN * 2) {
      least = distance;
      best = item;
    }
  }
  return best;
}

/** Of a text's characters: fewer are a sign or two, such as the bullets of a list. */
const MANY_UNKNOWN = 0.02;

/** Whether a good part of a text are signs that nobody can read, because a font does not say which letters its shapes are. */
export function hasUnknownLetters(text: string): boolean {
  const written = text.replace(/\s/g, '').length;
  // Symbol fonts have their bullets and arrows from U+F000 to U+F0FF.
  const unknown = text.match(/[\ufffd\ue000-\uefff\uf100-\uf8ff]|(?!\s)\p{Cc}/gu)?.length ?? 0;
  return unknown > written * MANY_UNKNOWN;
}

/** A word that was parted at the end of a line, and what follows it there. */
const PARTED = /(\p{L}{0,40}\p{Ll})[-\u00ad\u2010]\n(\p{Ll}+[^\s\p{L}]*)[ \t]*\n?/gu;

/** Puts words together that the ends of lines part; one that has its hyphen elsewhere in the text keeps it. */
export function joinHyphenated(text: string): string {
  if (!/[-\u00ad\u2010]\n/.test(text)) return text;
  const hyphenated = new Set(
    [...text.matchAll(/\p{L}{1,40}-\p{L}{1,40}/gu)].map(([word]) => word.toLowerCase()),
  );
  return text.replace(PARTED, (_, before: string, after: string) => {
    const word = /^\p{L}+/u.exec(after)![0];
    const kept = hyphenated.has(`${before}-${word}`.toLowerCase());
    return `${before}${kept ? '-' : ''}${after}\n`;
  });
}
