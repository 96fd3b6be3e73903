/** One process per data folder. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

interface Holder {
  pid: number;
  /** Kernel start time of the process, where it can be known: a pid alone may have been given out again. */
  processStart: string | null;
}

const LOCK_FILE = 'agentflow-db.lock';

/** A process that was told to end, or was killed, may hold the folder a moment longer than whoever waits for its end believes. */
const PATIENCE_MS = 2_000;
const LOOK_EVERY_MS = 50;

/** Folders locked by this very process; a lock file with our own pid that is not listed was left by an earlier life. */
const heldHere = new Set<string>();

export class DataFolderInUse extends Error {
  constructor(
    readonly dataDir: string,
    readonly pid: number,
  ) {
    super(
      `The data folder ${dataDir} is in use by the process ${pid}; stop that process first, or choose another folder.`,
    );
    this.name = 'DataFolderInUse';
  }
}

/**
 * Takes the folder for this process and returns the function that gives it back.
 * The lock of a process that no longer runs is taken over.
 * @throws DataFolderInUse naming the folder and the process that holds it
 */
export function lockDataFolder(dataDir: string): () => void {
  const folder = path.resolve(dataDir);
  const file = path.join(folder, LOCK_FILE);
  if (heldHere.has(folder)) throw new DataFolderInUse(folder, process.pid);
  mkdirSync(folder, { recursive: true });
  const own: Holder = { pid: process.pid, processStart: startOf(process.pid) };
  const content = JSON.stringify(own);
  const patientUntil = Date.now() + PATIENCE_MS;
  while (!createExclusively(file, content)) clearOrWait(folder, file, patientUntil);
  heldHere.add(folder);
  return () => {
    heldHere.delete(folder);
    if (readIfThere(file) === content) rmSync(file, { force: true });
  };
}

function createExclusively(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** @throws DataFolderInUse when its holder lives and the time is over */
function clearOrWait(folder: string, file: string, patientUntil: number): void {
  try {
    clearStale(folder, file);
  } catch (error) {
    if (!(error instanceof DataFolderInUse) || Date.now() > patientUntil) throw error;
    // Nothing else can be done in this thread before the folder is there.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_EVERY_MS);
  }
}

/** Removes the lock of a dead process. @throws DataFolderInUse when its holder lives */
function clearStale(folder: string, file: string): void {
  const seen = readIfThere(file);
  if (seen === null) return;
  const holder = parseHolder(seen);
  if (holder !== null && isAlive(holder)) throw new DataFolderInUse(folder, holder.pid);
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    // Another starter was faster; look again.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  // Between reading and renaming another starter may have put its fresh lock there: give that back.
  if (readIfThere(aside) !== seen) {
    try {
      linkSync(aside, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  rmSync(aside, { force: true });
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** null for a lock file cut short by a crash while it was written. */
function parseHolder(content: string): Holder | null {
  try {
    const holder = JSON.parse(content) as Partial<Holder>;
    return typeof holder.pid === 'number'
      ? { pid: holder.pid, processStart: holder.processStart ?? null }
      : null;
  } catch {
    return null;
  }
}

function isAlive({ pid, processStart }: Holder): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const fields = fieldsOf(pid);
  // Ended between the two looks, where there is a /proc to look into.
  if (fields === undefined && fieldsOf(process.pid) !== undefined) return false;
  // Killed, and its parent has not asked how it ended: it holds nothing any more.
  if (fields?.[0] === 'Z' || fields?.[0] === 'X') return false;
  const start = startOf(pid);
  return processStart === null || start === null || start === processStart;
}

/** Field 22 of /proc/<pid>/stat; null where there is no /proc. */
function startOf(pid: number): string | null {
  const FIELDS_AFTER_NAME = 19;
  return fieldsOf(pid)?.[FIELDS_AFTER_NAME] ?? null;
}

/** The fields of /proc/<pid>/stat from the third on, the state first; the name before them may hold spaces. */
function fieldsOf(pid: number): string[] | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}
