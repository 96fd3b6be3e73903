import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from './environment';

/** Keys and conversations are in it: nobody else on the machine has to read them. */
const OWNER_ONLY = 0o700;

/**
 * Makes the data folder, and checks that this user may write there, before anything is opened in it.
 * @param directory absolute path
 * @throws ConfigError naming the variable, the folder and what is in the way
 */
export function prepareDataFolder(directory: string): void {
  try {
    makeFolder(directory);
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError([
      {
        name: 'AGENTFLOW_DATA_DIR',
        message: `the folder ${directory} cannot be used: ${reasonOf(code) ?? (error as Error).message}. Name a folder that this user may write to.`,
      },
    ]);
  }
}

/** One folder at a time: `recursive` never returns where the system refuses to make anything, in /proc for instance. */
function makeFolder(directory: string): void {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  const parent = dirname(directory);
  if (found === undefined && parent !== directory) makeFolder(parent);
  try {
    mkdirSync(directory, { mode: OWNER_ONLY });
  } catch (error) {
    // Two servers that start at once make the same folder.
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

const REASONS: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EEXIST: 'a file is in its place',
  ENOTDIR: 'a file is in its path',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOENT: 'it cannot be made there',
};

const reasonOf = (code: string | undefined): string | undefined =>
  code === undefined ? undefined : REASONS[code];
