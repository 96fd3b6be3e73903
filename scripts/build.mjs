/**
 * Transpiles the program file by file into dist/ (CommonJS for Node 20) and copies what it reads at run time.
 * Only what changed since the last build is touched; `--force` builds everything. Types are `npm run typecheck`'s.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesUnder, generateIfStale, modifiedAt, root, tell } from './steps.mjs';

const dist = join(root, 'dist');
const SOURCES = ['src', 'schema', 'resolvers', 'rest-facade', 'generated', 'skills'];
/** Changes here can change every output, so they restart the build from nothing. */
const RECIPE = ['scripts/build.mjs', 'node_modules/esbuild/package.json', 'tsconfig.json'];
const stampFile = join(dist, '.build-stamp');

const isSource = (path) => path.endsWith('.ts') && !path.endsWith('.d.ts');
const isAsset = (path) => !/\.(ts|tsx|mts|cts|map)$/.test(path);
const outputOf = (path) => join(dist, relative(root, path)).replace(/\.ts$/, '.js');

/** A file is fresh when its output is at least as new; copies and transpiled files both get a new time stamp. */
const isStale = (input) => modifiedAt(outputOf(input)) < statSync(input).mtimeMs;

const recipeStamp = () => RECIPE.map((path) => `${path} ${modifiedAt(join(root, path))}`).join('\n');

/** Parsing the REST description as YAML takes a third of a second of every start; as JSON it takes a few milliseconds. */
const isDescription = (path) => /^rest-facade\/openapi\/.*\.yaml$/.test(relative(root, path));
const jsonOf = (path) => `${outputOf(path)}.json`;

function removeOrphans(inputs) {
  const wanted = new Set([...inputs.map(outputOf), ...inputs.filter(isDescription).map(jsonOf)]);
  for (const output of [...filesUnder(dist)]) {
    if (output === stampFile || wanted.has(output.replace(/\.js\.map$/, '.js'))) continue;
    rmSync(output);
  }
}

async function transpile(inputs) {
  const { build: esbuild, stop } = await import('esbuild');
  await esbuild({
    entryPoints: inputs,
    outdir: dist,
    outbase: root,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // `import('./x')` becomes a lazy require, which also finds CommonJS neighbours without an extension.
    supported: { 'dynamic-import': false },
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  });
  // The compiler's process would stay beside the server, with 200 MB.
  await stop();
}

async function writeAsJson(path) {
  const { parse } = await import('yaml');
  writeFileSync(jsonOf(path), JSON.stringify(parse(readFileSync(path, 'utf8'))));
}

/** Loads the whole program once, so that even the first start finds it compiled (see bin/agentflow.cjs). */
function compileAhead() {
  const kept = join(root, 'node_modules/.cache/agentflow/compiled');
  // What was kept of older code is of no use any more.
  rmSync(kept, { recursive: true, force: true });
  const entries = ['dist/src/cli/index.js', 'dist/src/main.js'].map((path) => join(root, path));
  const program = `
    const { enableCompileCache } = require('node:module');
    if (enableCompileCache) {
      enableCompileCache(${JSON.stringify(kept)});
      for (const entry of ${JSON.stringify(entries)}) require(entry);
    }`;
  const { status } = spawnSync(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error('The program was built, but cannot be loaded.');
}

/** @returns {Promise<number>} how many files were transpiled or copied */
export async function build({ force = false } = {}) {
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';
  if (force || stamp !== recipeStamp()) rmSync(dist, { recursive: true, force: true });

  const files = SOURCES.flatMap((folder) => [...filesUnder(join(root, folder))]);
  const sources = files.filter(isSource);
  const assets = files.filter(isAsset);
  const staleSources = sources.filter(isStale);
  const staleAssets = assets.filter(isStale);

  if (existsSync(dist)) removeOrphans([...sources, ...assets]);
  if (staleSources.length > 0) {
    tell(`compiling ${staleSources.length} source files`);
    await transpile(staleSources);
  }
  for (const asset of staleAssets) {
    mkdirSync(dirname(outputOf(asset)), { recursive: true });
    copyFileSync(asset, outputOf(asset));
    if (isDescription(asset)) await writeAsJson(asset);
  }
  mkdirSync(dist, { recursive: true });
  if (staleSources.length === sources.length) {
    tell('preparing the compiled code for fast starts');
    compileAhead();
  }
  // Written last: a build that was cut short is not taken for a complete one of a newer recipe.
  if (stamp !== recipeStamp() || force) writeFileSync(stampFile, recipeStamp());
  return staleSources.length + staleAssets.length;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const started = performance.now();
  generateIfStale();
  const count = await build({ force: process.argv.includes('--force') });
  console.error(`built ${count} files in ${Math.round(performance.now() - started)} ms`);
}
