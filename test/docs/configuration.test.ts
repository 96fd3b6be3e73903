import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VARIABLES, type Variable } from '../../src/config/variables';

const ROOT = join(__dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const variables = Object.entries(VARIABLES as Record<string, Variable>).map(
  ([name, { fallback, shownDefault, meaning }]) => ({
    name,
    default: shownDefault ?? fallback ?? '',
    meaning,
  }),
);

/** Cells of a Markdown table's row as a reader sees them. */
const cells = (row: string): string[] =>
  row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1'))
    .map((cell) => cell.replace(/\\(.)/g, '$1'));

describe('the documentation of the variables', () => {
  it('in README.md holds each with its default and meaning, and no other: npm run docs:config writes it', () => {
    const [, section = ''] =
      /<!-- configuration: [^>]*-->([^]*)<!-- \/configuration -->/.exec(read('README.md')) ?? [];
    const rows = section
      .trim()
      .split('\n')
      .slice(2)
      .map(cells)
      .map(([name, defaultValue, meaning]) => ({ name, default: defaultValue, meaning }));

    expect(rows).toEqual(variables);
  });

  it('in .env.example holds each with its default and meaning, and no other', () => {
    const entries = [
      ...read('.env.example').matchAll(
        /^# (?!Default: |---)(.+)\n(?:# Default: (.+)\n)?#([A-Z0-9_]+)=(.*)$/gm,
      ),
    ].map(([, meaning, shown, name, value]) => ({ name, default: shown ?? value, meaning }));

    expect(entries).toEqual(variables);
  });
});
