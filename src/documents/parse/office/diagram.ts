import { childNamed, childrenNamed, type XmlElement } from '../xml';
import { bodyText } from './text-body';

/** Points of SmartArt that are its layout and not its text. */
const LAYOUT_POINTS: ReadonlySet<string> = new Set(['pres', 'parTrans', 'sibTrans']);
const MAX_DEPTH = 20;

/** Text of SmartArt as nested lists, in the order in which its points hang on one another. */
export function diagramText(model: XmlElement): string {
  const points = new Map(
    childrenNamed(childNamed(model, 'dgm:ptLst') ?? model, 'dgm:pt')
      .filter(({ attributes }) => !LAYOUT_POINTS.has(attributes.type ?? ''))
      // Points without a name of their own are read all the same.
      .map((point, index) => [point.attributes.modelId ?? `point ${index}`, pointText(point)]),
  );
  const children = childrenOfPoints(model);
  const lines: string[] = [];
  const seen = new Set<string>();
  const write = (id: string, depth: number): void => {
    if (seen.has(id) || !points.has(id)) return;
    seen.add(id);
    const text = points.get(id)!;
    if (text !== '') lines.push(`${'  '.repeat(depth)}- ${text}`);
    for (const child of children.get(id) ?? [])
      write(child, Math.min(text === '' ? depth : depth + 1, MAX_DEPTH));
  };
  const below = new Set([...children.values()].flat());
  for (const id of points.keys()) if (!below.has(id)) write(id, 0);
  // Points that hang on each other in a ring.
  for (const id of points.keys()) write(id, 0);
  return lines.join('\n');
}

const pointText = (point: XmlElement): string => {
  const text = childNamed(point, 'dgm:t');
  return text ? bodyText(text).replace(/\s*\n\s*/g, ' ') : '';
};

function childrenOfPoints(model: XmlElement): Map<string, string[]> {
  const children = new Map<string, string[]>();
  const connections = childrenNamed(childNamed(model, 'dgm:cxnLst') ?? model, 'dgm:cxn')
    .filter(({ attributes }) => (attributes.type ?? 'parOf') === 'parOf')
    .sort((a, b) => Number(a.attributes.srcOrd ?? 0) - Number(b.attributes.srcOrd ?? 0));
  for (const { attributes } of connections) {
    const { srcId = '', destId = '' } = attributes;
    const siblings = children.get(srcId);
    if (siblings) siblings.push(destId);
    else children.set(srcId, [destId]);
  }
  return children;
}
