import { DomainError } from '../errors';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1_000;

export const isUnavailable = (error: unknown): boolean =>
  error instanceof DomainError && error.code === 'database_unavailable';

export const isFull = (error: unknown): boolean =>
  error instanceof DomainError && error.code === 'storage_full';

/** Resolves after `ms`, or at once when `signal` aborts. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/**
 * Repeats `attempt` while the database is unavailable, with growing pauses, for `patienceMs` at most; then throws the last
 * error. Any other error is thrown at once. `attempt` must be safe to repeat.
 * @param options.orFull also waits for a database without disk space: for a run, whose text must not be lost
 * @param options.signal ends the waiting with the last error
 */
export async function whileUnavailable<T>(
  patienceMs: number,
  attempt: () => Promise<T>,
  { orFull = false, signal }: { orFull?: boolean; signal?: AbortSignal } = {},
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await attempt();
    } catch (error) {
      const passing = isUnavailable(error) || (orFull && isFull(error));
      if (!passing || signal?.aborted || Date.now() + wait > deadline) throw error;
      await delay(wait, signal);
    }
  }
}
