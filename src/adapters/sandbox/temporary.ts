import { mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const KINDS = ['sandbox', 'snapshot'] as const;
const NAME = new RegExp(`^agentflow-(?:${KINDS.join('|')})-(\\d+)-`);

/** A new folder for temporary files, with the id of this process in its name, so that one can tell whose it was. */
export const temporaryFolder = (kind: (typeof KINDS)[number]): string =>
  mkdtempSync(join(tmpdir(), `agentflow-${kind}-${process.pid}-`));

/**
 * Removes the folders of processes that were killed: a process that ends in order removes its own.
 * @returns how many
 */
export async function removeDeadFolders(): Promise<number> {
  const names = await readdir(tmpdir());
  const dead = names.filter((name) => {
    const owner = NAME.exec(name)?.[1];
    return owner !== undefined && !isAlive(Number(owner));
  });
  for (const name of dead) await rm(join(tmpdir(), name), { recursive: true, force: true });
  return dead.length;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // One that belongs to somebody else lives as well.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
