/** Runs in a thread of its own: looks whether the program's event loop still turns, and ends the process when it does not. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { readStalls, type Stalls, writeStalls } from './stalls';
import { Standstill } from './standstill';
import { WatchdogMemory } from './watchdog-memory';

export interface WatchdogData {
  buffer: SharedArrayBuffer;
  /** Where runs that were under way are noted. */
  file: string;
  /** Milliseconds after which the process is ended. */
  limitMs: number;
}

const LOOK_EVERY_MS = 500;
const STDERR = 2;

const { buffer, file, limitMs } = workerData as WatchdogData;
const memory = new WatchdogMemory(buffer);
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const standstill = new Standstill({ limitMs, lookEveryMs: LOOK_EVERY_MS });
let before: Stalls = {};
let runs: string[] = [];

for (;;) {
  Atomics.wait(sleeper, 0, 0, LOOK_EVERY_MS);
  const verdict = standstill.look(performance.now(), memory.beats, memory.isDebugged);
  if (verdict === 'suspicious') {
    // Noted before the end: whoever kills the process first, its successor knows which runs were under way.
    runs = memory.list();
    before = readStalls(file);
    const after = { ...before };
    for (const run of runs) after[run] = (before[run] ?? 0) + 1;
    note(after);
  } else if (verdict === 'moving again') note(before);
  else if (verdict === 'over') {
    writeSync(
      STDERR,
      `${JSON.stringify({ level: 'fatal', time: new Date().toISOString(), msg: 'the event loop stood still; the process ends itself', standstillMs: limitMs, runs })}\n`,
    );
    process.kill(process.pid, 'SIGKILL');
  }
}

function note(stalls: Stalls): void {
  try {
    writeStalls(file, stalls);
  } catch (error) {
    writeSync(STDERR, `The watchdog could not write ${file}: ${(error as Error).message}\n`);
  }
}
