import { childNamed, childrenNamed, type XmlElement } from '../xml';

/** Where a paragraph stands in which list. */
export interface ListPlace {
  numberId: string;
  /** From 0. */
  level: number;
}

interface Level {
  start: number;
  format: string;
  /** `%1.%2` */
  text: string;
  isDecimal: boolean;
}

interface List {
  /** Lists of one definition count on together. */
  definition: string;
  levels: Map<number, Level>;
  restarts: Map<number, number>;
}

export interface ListLabel {
  isBullet: boolean;
  /** `1.2`, `a)`, empty where the list shows none. */
  text: string;
}

/** Word has nine. */
const MAX_LEVELS = 9;

const val = (parent: XmlElement | undefined, name: string): string | undefined =>
  childNamed(parent, name)?.attributes['w:val'];

const levelOf = (level: XmlElement): [number, Level] => [
  Number(level.attributes['w:ilvl'] ?? 0),
  {
    start: Number(val(level, 'w:start') ?? 1),
    format: val(level, 'w:numFmt') ?? 'decimal',
    text: val(level, 'w:lvlText') ?? '',
    isDecimal: childNamed(level, 'w:isLgl') !== undefined,
  },
];

const LETTERS = 26;

function letters(count: number): string {
  // After z come aa, bb, and not ab.
  const letter = String.fromCharCode(97 + ((count - 1) % LETTERS));
  return letter.repeat(Math.min(Math.ceil(count / LETTERS), 10));
}

const ROMAN: readonly [number, string][] = [
  [1000, 'm'],
  [900, 'cm'],
  [500, 'd'],
  [400, 'cd'],
  [100, 'c'],
  [90, 'xc'],
  [50, 'l'],
  [40, 'xl'],
  [10, 'x'],
  [9, 'ix'],
  [5, 'v'],
  [4, 'iv'],
  [1, 'i'],
];

function roman(count: number): string {
  let rest = Math.min(count, 9_999);
  let text = '';
  for (const [value, sign] of ROMAN) for (; rest >= value; rest -= value) text += sign;
  return text;
}

function formatted(count: number, format: string): string {
  if (count < 1) return String(count);
  if (format === 'lowerLetter') return letters(count);
  if (format === 'upperLetter') return letters(count).toUpperCase();
  if (format === 'lowerRoman') return roman(count);
  if (format === 'upperRoman') return roman(count).toUpperCase();
  return format === 'decimalZero' ? String(count).padStart(2, '0') : String(count);
}

/** Counts the lists of a Word document, whose paragraphs say only where they stand. */
export class Numbering {
  private readonly lists = new Map<string, List>();
  private readonly counters = new Map<string, number[]>();
  private readonly begun = new Set<string>();

  constructor(root: XmlElement | undefined) {
    if (!root) return;
    const definitions = new Map(
      childrenNamed(root, 'w:abstractNum').map((definition) => [
        definition.attributes['w:abstractNumId'] ?? '',
        new Map(childrenNamed(definition, 'w:lvl').map(levelOf)),
      ]),
    );
    for (const list of childrenNamed(root, 'w:num')) {
      const definition = val(list, 'w:abstractNumId') ?? '';
      const overrides = childrenNamed(list, 'w:lvlOverride');
      this.lists.set(list.attributes['w:numId'] ?? '', {
        definition,
        levels: new Map([
          ...(definitions.get(definition) ?? []),
          ...overrides.flatMap((override) => childrenNamed(override, 'w:lvl').map(levelOf)),
        ]),
        restarts: new Map(
          overrides.flatMap((override): [number, number][] => {
            const start = val(override, 'w:startOverride');
            return start === undefined ? [] : [[Number(override.attributes['w:ilvl'] ?? 0), Number(start)]];
          }),
        ),
      });
    }
  }

  /** The next label of the list; undefined for no list. Counts on. */
  next({ numberId, level: written }: ListPlace): ListLabel | undefined {
    const list = this.lists.get(numberId);
    const level = Math.max(0, Math.min(written, MAX_LEVELS - 1));
    const shape = list?.levels.get(level);
    if (!list || !shape) return undefined;
    const counters = this.counters.get(list.definition) ?? [];
    this.counters.set(list.definition, counters);
    const first = !this.begun.has(`${numberId} ${level}`);
    this.begun.add(`${numberId} ${level}`);
    const restart = first ? list.restarts.get(level) : undefined;
    counters[level] = restart ?? (counters[level] === undefined ? shape.start : counters[level] + 1);
    counters.length = level + 1;
    for (let above = 0; above < level; above++) counters[above] ??= list.levels.get(above)?.start ?? 1;
    if (shape.format === 'bullet') return { isBullet: true, text: '-' };
    if (shape.format === 'none') return { isBullet: false, text: '' };
    const text = shape.text.replace(/%([1-9])/g, (_, digit: string) => {
      const at = Number(digit) - 1;
      return formatted(
        counters[at] ?? 1,
        shape.isDecimal ? 'decimal' : (list.levels.get(at)?.format ?? 'decimal'),
      );
    });
    return { isBullet: false, text: text.trim() };
  }
}
