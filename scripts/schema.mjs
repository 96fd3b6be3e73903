/**
 * `node scripts/schema.mjs print`: writes the GraphQL schema to schema/schema.graphql.
 * `node scripts/schema.mjs check`: fails when that file is not what the code makes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from './build.mjs';
import { generateIfStale, modifiedAt, root } from './steps.mjs';

const [command] = process.argv.slice(2);
if (command !== 'print' && command !== 'check') {
  console.error('Usage: node scripts/schema.mjs print|check');
  process.exit(2);
}

generateIfStale();
await build();
const require = createRequire(import.meta.url);
// The same copy of graphql that the schema was made with: its classes do not mix with another copy's.
const { lexicographicSortSchema, printSchema } = require('graphql');
const { schema } = require(join(root, 'dist/schema/index.js'));
const printed = `${printSchema(lexicographicSortSchema(schema))}\n`;

const file = join(root, 'schema/schema.graphql');
if (command === 'print') {
  writeFileSync(file, printed);
} else if (modifiedAt(file) === 0 || readFileSync(file, 'utf8') !== printed) {
  console.error(
    'schema/schema.graphql is not what the code makes; run `npm run schema:print` and commit it.',
  );
  process.exitCode = 1;
}
