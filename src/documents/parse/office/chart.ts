import { markdownTable } from '../table';
import { childNamed, descendants, textOf, type XmlElement } from '../xml';
import { numberFormat } from './number-format';
import { bodyText } from './text-body';

/** A chart of more points is a table of measurements, which its workbook has. */
const MAX_POINTS = 5_000;

/** Title, axes, series and values of a chart: what it shows, as a table. */
export function chartText(space: XmlElement): string {
  const title = childNamed(childNamed(space, 'c:chart'), 'c:title');
  const axes = ['c:catAx', 'c:valAx', 'c:dateAx', 'c:serAx']
    .flatMap((name) => descendants(space, name))
    .map((axis) => titleText(childNamed(axis, 'c:title')));
  const series = descendants(space, 'c:ser').map(seriesOf);
  const labels = descendants(space, 'c:dLbl').map((label) => richText(label));
  return [titleText(title), axes.filter(Boolean).join(' / '), ...tables(series), ...labels]
    .filter(Boolean)
    .join('\n\n');
}

/** Charts of newer kinds (waterfall, treemap, ...), whose values stand apart from their series. */
export function extendedChartText(space: XmlElement): string {
  const titles = descendants(space, 'cx:title').map(
    (title) => bodyText(title) || descendants(title, 'cx:v').map(textOf).join(' '),
  );
  const names = descendants(space, 'cx:series').map((series) =>
    descendants(childNamed(series, 'cx:tx') ?? series, 'cx:v')
      .map(textOf)
      .join(' '),
  );
  const data = descendants(space, 'cx:data').map((set) => {
    const columns = [...descendants(set, 'cx:strDim'), ...descendants(set, 'cx:numDim')].map((dimension) =>
      descendants(dimension, 'cx:pt').slice(0, MAX_POINTS).map(textOf),
    );
    const length = columns.reduce((longest, column) => Math.max(longest, column.length), 0);
    return markdownTable([
      columns.map(() => ''),
      ...Array.from({ length }, (_, row) => columns.map((column) => column[row] ?? '')),
    ]);
  });
  return [...titles, ...names, ...data].filter(Boolean).join('\n\n');
}

function titleText(title: XmlElement | undefined): string {
  return title ? richText(title) || cached(title).join(' ') : '';
}

const richText = (parent: XmlElement): string =>
  descendants(parent, 'c:rich')
    .map((body) => bodyText(body).replace(/\s*\n\s*/g, ' '))
    .join(' ');

/** Values that the chart keeps of the cells that it shows, in the order of their numbers. */
function cached(reference: XmlElement): string[] {
  const levels = descendants(reference, 'c:lvl');
  if (levels.length > 0) {
    const columns = levels.map(points).reverse();
    const length = columns.reduce((longest, column) => Math.max(longest, column.length), 0);
    return Array.from({ length }, (_, row) =>
      columns
        .map((column) => column[row] ?? '')
        .filter(Boolean)
        .join(' '),
    );
  }
  const found = points(reference);
  return found.length > 0 ? found : descendants(reference, 'c:v').map(textOf);
}

function points(parent: XmlElement): string[] {
  const [code] = descendants(parent, 'c:formatCode');
  const isNumber = descendants(parent, 'c:numCache').length + descendants(parent, 'c:numLit').length > 0;
  const format = numberFormat(code && textOf(code), { from1904: false });
  const values: string[] = [];
  for (const point of descendants(parent, 'c:pt')) {
    const index = Number(point.attributes.idx ?? values.length);
    if (!(index >= 0 && index < MAX_POINTS)) continue;
    while (values.length < index) values.push('');
    const text = descendants(point, 'c:v').map(textOf).join('').trim();
    const value = Number(text);
    values[index] = isNumber && text !== '' && Number.isFinite(value) ? format(value) : text;
  }
  return values;
}

interface Series {
  name: string;
  categories: string[];
  values: string[];
}

function seriesOf(series: XmlElement): Series {
  const of = (...names: string[]): string[] => {
    const found = names.map((name) => childNamed(series, name)).find(Boolean);
    return found ? cached(found) : [];
  };
  return {
    name: of('c:tx').join(' '),
    categories: of('c:cat', 'c:xVal'),
    values: of('c:val', 'c:yVal'),
  };
}

/** One table for all series that have the same categories. */
function tables(series: Series[]): string[] {
  const groups = new Map<string, Series[]>();
  const shared = series.find(({ categories }) => categories.length > 0)?.categories ?? [];
  for (const one of series) {
    const categories = one.categories.length > 0 ? one.categories : shared;
    const key = categories.join('\n');
    const group = groups.get(key);
    if (group) group.push({ ...one, categories });
    else groups.set(key, [{ ...one, categories }]);
  }
  return [...groups.values()].map((group) => {
    const { categories } = group[0]!;
    const length = group.reduce((longest, { values }) => Math.max(longest, values.length), categories.length);
    return markdownTable([
      ['', ...group.map(({ name }) => name)],
      ...Array.from({ length }, (_, row) => [
        categories[row] ?? '',
        ...group.map(({ values }) => values[row] ?? ''),
      ]),
    ]);
  });
}
