import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_EVERY_MS = 500;
/** Share of the time between two looks that the event loop may have worked in a quiet one. */
const QUIET_UTILIZATION = 0.05;
const QUIET_LOOKS = 2;
/** A collection is worth its pause when the process has grown by so much since the last one. */
const WORTH_BYTES = 24 * 1024 * 1024;

type Collect = (how?: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Gives memory back when the server is idle. V8 keeps garbage and half-empty pages of busy times (the start, a wave of
 * connections) for as long as nothing presses it: up to 100 MB that other programs of the machine could use. One
 * collection that also returns pages ("last resort") takes a few dozen milliseconds, in which an idle server has nothing
 * to do.
 * @returns stops it
 */
export function keepIdleMemorySmall(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  let last = performance.eventLoopUtilization();
  let quiet = 0;
  let settled = 0;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    quiet = utilization < QUIET_UTILIZATION ? quiet + 1 : 0;
    if (quiet !== QUIET_LOOKS || process.memoryUsage.rss() - settled < WORTH_BYTES) return;
    // The first is all that Node 20 knows; the second also returns pages.
    collect();
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    settled = process.memoryUsage.rss();
    last = performance.eventLoopUtilization();
  }, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}
