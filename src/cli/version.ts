import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from './command';

/** The nearest package.json above: the depth differs between the sources and dist/. */
export function packageVersion(from = __dirname): string {
  const file = join(from, 'package.json');
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  const parent = dirname(from);
  if (parent === from) throw new Error(`No package.json above ${__dirname}.`);
  return packageVersion(parent);
}

export const versionCommand: Command = {
  name: 'version',
  summary: 'Print the version',
  help: 'Usage: agentflow version\n',
  run(_args, _env, io) {
    io.stdout.write(`${packageVersion()}\n`);
    return Promise.resolve(0);
  },
};
