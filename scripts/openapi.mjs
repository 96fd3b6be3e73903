/**
 * `node scripts/openapi.mjs lint`: bundles the REST description as clients get it and checks it with Redocly.
 * `node scripts/openapi.mjs print`: writes the bundle to standard output.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from './build.mjs';
import { generateIfStale, root, run } from './steps.mjs';

const [command] = process.argv.slice(2);
if (command !== 'lint' && command !== 'print') {
  console.error('Usage: node scripts/openapi.mjs lint|print');
  process.exit(2);
}

generateIfStale();
await build();
const require = createRequire(import.meta.url);
const { bundleOpenApi, publicDocument } = require(join(root, 'dist/rest-facade/bundle.js'));
const bundle = bundleOpenApi(join(root, 'rest-facade/openapi'));
const document = JSON.stringify(publicDocument(bundle.document), null, 2);

if (command === 'print') {
  process.stdout.write(`${document}\n`);
} else {
  const file = join(root, 'dist/openapi.json');
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(file, document);
  process.env.REDOCLY_TELEMETRY = 'off';
  process.env.REDOCLY_SUPPRESS_UPDATE_NOTICE = 'true';
  run(process.execPath, [
    join(root, 'node_modules/@redocly/cli/bin/cli.js'),
    'lint',
    file,
    '--format=stylish',
  ]);
}
