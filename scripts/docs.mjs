/** Writes what `src/config/variables.ts` says of the environment variables into the README's table. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { build } from './build.mjs';
import { generateIfStale, root } from './steps.mjs';

const SECTION = /(<!-- configuration: [^>]*-->\n)[^]*(<!-- \/configuration -->)/;

generateIfStale();
await build();
const { VARIABLES } = createRequire(import.meta.url)(join(root, 'dist/src/config/variables'));

/** Text that Markdown shows as it is. */
const plain = (text) => text.replace(/[\\<>*|]/g, '\\$&');

const row = ([name, { fallback, shownDefault, meaning }]) => {
  const shown =
    shownDefault === undefined ? (fallback === undefined ? '' : `\`${fallback}\``) : plain(shownDefault);
  return `| \`${name}\` | ${shown} | ${plain(meaning)} |`;
};

const table = [
  '| variable | default | meaning |',
  '| --- | --- | --- |',
  ...Object.entries(VARIABLES).map(row),
];
const file = join(root, 'README.md');
const readme = readFileSync(file, 'utf8');
if (!SECTION.test(readme))
  throw new Error('README.md has no section between <!-- configuration: … --> and <!-- /configuration -->.');
const written = readme.replace(SECTION, (_, begin, end) => `${begin}\n${table.join('\n')}\n\n${end}`);
writeFileSync(file, await format(written, { ...(await resolveConfig(file)), filepath: file }));
