import { url as debuggerUrl } from 'node:inspector';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../threads/start-thread';
import { readStalls, writeStalls, type Stalls } from './stalls';
import { WatchdogMemory } from './watchdog-memory';
import type { WatchdogData } from './worker';

const BEAT_EVERY_MS = 500;

/** Which runs are under way, and how often each has stood still with its process. */
export interface RunWatch {
  enter(runId: string): void;
  leave(runId: string): void;
  stalls(runId: string): number;
  /** The run came to its end: nothing about it need be remembered. */
  forget(runId: string): void;
}

/**
 * Ends a process whose event loop stands still, so that whoever supervises it starts another one, and remembers which runs
 * were under way. A process that is stopped as a whole, sleeps with its machine or is debugged does not stand still.
 */
export class Watchdog implements RunWatch {
  private readonly memory = new WatchdogMemory();
  private readonly known: Stalls;
  private readonly file: string;
  private worker: Worker | undefined;
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param folder the data folder; `stalls.json` in it
   * @param limitMs longest standstill, milliseconds; 0: none is noticed
   */
  constructor(
    folder: string,
    private readonly limitMs: number,
  ) {
    this.file = join(folder, 'stalls.json');
    this.known = readStalls(this.file);
  }

  start(): void {
    if (this.limitMs === 0) return;
    const { memory, file, limitMs } = this;
    const beat = (): void => memory.beat(debuggerUrl() !== undefined);
    beat();
    this.timer = setInterval(beat, BEAT_EVERY_MS).unref();
    const workerData: WatchdogData = { buffer: memory.buffer, file, limitMs };
    this.worker = startThread(join(__dirname, 'worker'), { workerData });
    this.worker.unref();
  }

  async stop(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    clearInterval(this.timer);
    await worker?.terminate();
  }

  enter(runId: string): void {
    this.memory.enter(runId);
  }

  leave(runId: string): void {
    this.memory.leave(runId);
  }

  stalls(runId: string): number {
    return Object.hasOwn(this.known, runId) ? (this.known[runId] ?? 0) : 0;
  }

  forget(runId: string): void {
    if (!Object.hasOwn(this.known, runId)) return;
    delete this.known[runId];
    writeStalls(this.file, this.known);
  }
}
