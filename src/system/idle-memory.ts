import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_EVERY_MS = 500;
/** Share of the time between two looks that the event loop may have worked in a quiet one. */
const QUIET_UTILIZATION = 0.05;
/** How long it has to be quiet. */
const SHORTEST_PATIENCE_MS = 1_000;
const LONGEST_PATIENCE_MS = 20_000;
/** So much work (the start, a wave of connections) optimises no code that is worth keeping; what comes on top does. */
const LITTLE_WORK_MS = 2_000;
const PATIENCE_PER_WORK = 3;
/** A collection is worth its pause when memory has grown by so much since the last one. */
const WORTH_BYTES = 24 * 1024 * 1024;

type Collect = (how?: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Gives memory back when the server is idle. V8 keeps garbage and half-empty pages of busy times (the start, a wave of
 * connections) for as long as nothing presses it: up to 100 MB that other programs of the machine could use. A collection
 * takes a few dozen milliseconds, in which an idle server has nothing to do.
 *
 * After a quiet second garbage is collected, so that the heap does not grow from one busy time to the next. A collection
 * that also returns pages ("last resort") throws optimised code away, too, which costs the next thousand chats a third more
 * work (measured): the longer the server has worked, the longer it has to be quiet before.
 * @returns stops it
 */
export function keepIdleMemorySmall(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  let last = performance.eventLoopUtilization();
  let workedMs = 0;
  let quietMs = 0;
  const settled = { heap: 0, resident: 0 };
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization, active } = performance.eventLoopUtilization(now, last);
    last = now;
    if (utilization < QUIET_UTILIZATION) quietMs += LOOK_EVERY_MS;
    else {
      quietMs = 0;
      workedMs += active;
    }
    const isDeep = quietMs >= patienceMs(workedMs);
    const isWorth = isDeep
      ? process.memoryUsage.rss() - settled.resident >= WORTH_BYTES
      : quietMs === SHORTEST_PATIENCE_MS && getHeapStatistics().used_heap_size - settled.heap >= WORTH_BYTES;
    if (!isWorth) return;
    collect();
    if (isDeep) {
      // Node 20 knows the first alone.
      collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
      workedMs = 0;
      settled.resident = process.memoryUsage.rss();
    }
    settled.heap = getHeapStatistics().used_heap_size;
    last = performance.eventLoopUtilization();
  }, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}

/** How long it has to be quiet after so much work. */
export const patienceMs = (workedMs: number): number =>
  Math.min(
    LONGEST_PATIENCE_MS,
    SHORTEST_PATIENCE_MS + PATIENCE_PER_WORK * Math.max(0, workedMs - LITTLE_WORK_MS),
  );
