import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Runs that are remembered; older ones are forgotten. */
const MOST_REMEMBERED = 1_000;

export type Stalls = Record<string, number>;

/** How often each run was under way when a process stood still and ended so; empty when it never happened. */
export function readStalls(file: string): Stalls {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Stalls) : {};
  } catch (error) {
    // What a killed process left half written tells nothing.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

export function writeStalls(file: string, stalls: Stalls): void {
  const entries = Object.entries(stalls).slice(-MOST_REMEMBERED);
  if (entries.length === 0) {
    rmSync(file, { force: true });
    return;
  }
  writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(entries)), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
