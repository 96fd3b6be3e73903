/**
 * Ends the server with the process that launched it. npm answers a signal by ending its shell, which does not pass it on:
 * without this the server would go on alone, with the port and the data folder.
 */
import { readFileSync } from 'node:fs';

/** Pause between two looks: short against the patience of somebody who starts the server again. */
const LOOK_EVERY_MS = 500;

/** @returns {number | undefined} the parent of a process; undefined where there is no /proc, or no such process */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
    throw error;
  }
}

/** npm, and the shell between it and this process. */
const launchers = () => [process.ppid, parentOf(process.ppid)];

/**
 * Sends this process SIGTERM when the package manager that runs it as a script, or the shell between them, has gone.
 * A server that was started without one may outlive whoever started it.
 */
export function endWithLauncher(env = process.env) {
  if (!env.npm_lifecycle_event) return;
  const before = launchers().join();
  const timer = setInterval(() => {
    if (launchers().join() === before) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_EVERY_MS);
  timer.unref();
}
