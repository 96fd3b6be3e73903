// Generates the Prisma client, Pothos' types and the data model, offline.
//
//   node scripts/generate.mjs [--schema prisma/schema.prisma] [--out generated] [--force]
//
// --schema  the Prisma schema; its generator blocks say what is written where
// --out     the folder its outputs land in, which also holds the stamp (paths are relative to the repository)
// --force   generate although nothing changed
//
// Nothing happens when the inputs (schema, generators, Prisma's and Pothos' versions) match the stamp of the last run.

import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(path.join(root, 'package.json'));
const INPUT_PACKAGES = ['prisma', '@prisma/client', '@prisma/generator-helper', '@pothos/plugin-prisma'];
/** How long another process may hold the lock before it counts as dead. */
const LOCK_TIMEOUT_MS = 120_000;

const { values: options } = parseArgs({
  options: {
    schema: { type: 'string', default: 'prisma/schema.prisma' },
    out: { type: 'string', default: 'generated' },
    force: { type: 'boolean', default: false },
  },
});
const schemaFile = path.resolve(root, options.schema);
const outFolder = path.resolve(root, options.out);
const stampFile = path.join(outFolder, '.generate-stamp.json');

function packageVersion(name) {
  return JSON.parse(readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

/** SHA-256 over everything that decides what generation writes. */
function inputHash() {
  const hash = createHash('sha256');
  const generators = path.join(root, 'prisma', 'generators');
  const files = readdirSync(generators)
    .filter((name) => name.endsWith('.cjs'))
    .sort();
  for (const file of [schemaFile, ...files.map((name) => path.join(generators, name))]) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  hash.update(JSON.stringify(INPUT_PACKAGES.map((name) => [name, packageVersion(name)])));
  return hash.digest('hex');
}

/** The files that the schema's generator blocks promise, to notice deleted output. */
function expectedOutputs() {
  const text = readFileSync(schemaFile, 'utf8');
  const outputs = [];
  for (const [, body] of text.matchAll(/^generator\s+\w+\s*\{([^}]*)\}/gm)) {
    const output = /^\s*output\s*=\s*"([^"]+)"/m.exec(body)?.[1];
    if (output) outputs.push(path.resolve(path.dirname(schemaFile), output));
  }
  return outputs;
}

function isFresh(hash) {
  if (options.force || !existsSync(stampFile)) return false;
  const stamp = JSON.parse(readFileSync(stampFile, 'utf8'));
  return stamp.hash === hash && expectedOutputs().every((file) => existsSync(file));
}

/** Runs `work` while this process alone holds the lock: parallel test workers may all ask for generation. */
async function withLock(work) {
  mkdirSync(outFolder, { recursive: true });
  const lock = path.join(outFolder, '.generate-lock');
  const deadline = Date.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (Date.now() > deadline) rmSync(lock, { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function generate() {
  const cli = require.resolve('prisma/build/index.js');
  const result = spawnSync(process.execPath, [cli, 'generate', '--schema', schemaFile, '--no-hints'], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      // The CLI insists on a schema engine for this provider and then never runs it: any executable will do.
      // Without the variable it would download one.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
      // The `prisma-pothos-types` generator is an executable of @pothos/plugin-prisma.
      PATH: `${path.join(root, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH ?? ''}`,
    },
  });
  if (result.error) throw result.error;
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout}${result.stderr}`);
    throw new Error(`prisma generate failed for ${path.relative(root, schemaFile)}`);
  }
}

try {
  if (!existsSync(schemaFile)) throw new Error(`--schema: ${options.schema} does not exist`);
  const hash = inputHash();
  if (!isFresh(hash)) {
    await withLock(() => {
      if (isFresh(hash)) return;
      generate();
      writeFileSync(stampFile, `${JSON.stringify({ hash })}\n`);
    });
  }
} catch (error) {
  process.stderr.write(`generate: ${error.message}\n`);
  process.exitCode = 1;
}
