/** Steps that several scripts share. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Everything that `scripts/generate.mjs` reads, and what it leaves behind; the stamp is written last. */
const GENERATOR_INPUTS = ['prisma', 'scripts/generate.mjs', 'prisma.config.ts', 'package-lock.json'];
const GENERATED = ['generated/datamodel.json', 'generated/prisma-client/index.js'];
const STAMP = join(root, 'generated/.generate-stamp.json');

/** Progress for whoever waits; on stderr, since stdout belongs to commands whose output is used. */
export const tell = (what) => process.stderr.write(`AgentFlow: ${what} ...\n`);

/** @returns {Generator<string>} every file below `path` (or `path` itself when it is a file), absolute */
export function* filesUnder(path) {
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) yield* filesUnder(child);
    else if (entry.isFile()) yield child;
  }
}

export const modifiedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** Generates the Prisma client and its companions when they are missing or older than what they come from. */
export function generateIfStale() {
  const generatedAt = modifiedAt(STAMP);
  const isComplete = generatedAt > 0 && GENERATED.every((path) => existsSync(join(root, path)));
  const inputs = GENERATOR_INPUTS.flatMap((input) => [...filesUnder(join(root, input))]);
  if (isComplete && inputs.every((path) => modifiedAt(path) <= generatedAt)) return;
  tell('generating the database client');
  run(process.execPath, ['scripts/generate.mjs']);
  // The generator leaves the stamp alone when only times have changed; the next start then need not ask it again.
  const now = new Date();
  if (existsSync(STAMP)) utimesSync(STAMP, now, now);
}

/** Runs a command in the project's folder with its output on stderr, and ends this process when it fails. */
export function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.error) throw result.error;
  if (result.status !== 0) {
    console.error(`${command} ${args.join(' ')} failed with status ${result.status ?? result.signal}`);
    process.exit(result.status ?? 1);
  }
}
