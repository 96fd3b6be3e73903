import { childNamed, childrenNamed, type XmlElement } from '../xml';
import type { ListPlace } from './numbering';

interface Style {
  name: string;
  basedOn?: string;
  outline?: number;
  list?: Partial<ListPlace>;
}

/** Styles are based on one another; a ring of them ends here. */
const MAX_BASES = 20;
const MAX_HEADING = 6;

const val = (parent: XmlElement | undefined, name: string): string | undefined =>
  childNamed(parent, name)?.attributes['w:val'];

const outlineOf = (properties: XmlElement | undefined): number | undefined => {
  const written = val(properties, 'w:outlineLvl');
  return written === undefined ? undefined : Number(written);
};

function listOf(properties: XmlElement | undefined): Partial<ListPlace> | undefined {
  const numbers = childNamed(properties, 'w:numPr');
  if (!numbers) return undefined;
  const numberId = val(numbers, 'w:numId');
  const level = val(numbers, 'w:ilvl');
  return {
    ...(numberId === undefined ? {} : { numberId }),
    ...(level === undefined ? {} : { level: Number(level) }),
  };
}

/** What paragraphs are by their styles. */
export class WordStyles {
  private readonly styles: ReadonlyMap<string, Style>;

  constructor(root: XmlElement | undefined) {
    this.styles = new Map(
      (root ? childrenNamed(root, 'w:style') : []).map((style) => {
        const properties = childNamed(style, 'w:pPr');
        return [
          style.attributes['w:styleId'] ?? '',
          {
            name: (val(style, 'w:name') ?? '').toLowerCase(),
            basedOn: val(style, 'w:basedOn'),
            outline: outlineOf(properties),
            list: listOf(properties),
          },
        ];
      }),
    );
  }

  /** 1 to 6; undefined for a paragraph that is no heading. */
  headingOf(properties: XmlElement | undefined): number | undefined {
    const own = outlineOf(properties);
    if (own !== undefined) return own < 9 ? Math.min(own + 1, MAX_HEADING) : undefined;
    const id = val(properties, 'w:pStyle');
    if (id === undefined) return undefined;
    const level = this.first(id, ({ name, outline }) => {
      const named = /^heading ?([1-9])$/.exec(name)?.[1];
      if (named !== undefined) return Number(named);
      if (name === 'title') return 1;
      return outline === undefined ? undefined : outline + 1;
    });
    const found = level ?? (this.styles.has(id) ? undefined : Number(/^heading([1-9])$/i.exec(id)?.[1]));
    return found !== undefined && found >= 1 && found <= 9 ? Math.min(found, MAX_HEADING) : undefined;
  }

  listOf(properties: XmlElement | undefined): ListPlace | undefined {
    const own = listOf(properties);
    const styled = this.first(val(properties, 'w:pStyle') ?? '', ({ list }) => list);
    const numberId = own?.numberId ?? styled?.numberId;
    return numberId === undefined || numberId === '0'
      ? undefined
      : { numberId, level: own?.level ?? styled?.level ?? 0 };
  }

  private first<T>(id: string, take: (style: Style) => T | undefined): T | undefined {
    let style = this.styles.get(id);
    for (let steps = 0; style && steps < MAX_BASES; steps++) {
      const taken = take(style);
      if (taken !== undefined) return taken;
      style = this.styles.get(style.basedOn ?? '');
    }
    return undefined;
  }
}
