import { join } from 'node:path';
import type { JsonValue } from '../../ports/records';
import { ThreadPool } from '../../threads/pool';

const READ_MS = 10_000;
const MEMORY_MB = 256;
const IDLE_MS = 10_000;
const MOST_WAITING = 100;

const threads = new ThreadPool<string, string | undefined>({
  file: join(__dirname, 'yaml-worker'),
  threads: 1,
  timeoutMs: READ_MS,
  memoryMb: MEMORY_MB,
  idleMs: IDLE_MS,
  mostWaiting: MOST_WAITING,
});

/**
 * Reads a document that is JSON or YAML; the latter in a thread with limits of time, memory and aliases.
 * @throws Error saying what is wrong with it
 */
export async function parseDocument(text: string): Promise<JsonValue | undefined> {
  if (/^\s*[{[]/.test(text))
    try {
      return JSON.parse(text) as JsonValue;
    } catch (error) {
      // Flow style of YAML begins like JSON.
      if (!(error instanceof SyntaxError)) throw error;
    }
  const json = await threads.run(text);
  return json === undefined ? undefined : (JSON.parse(json) as JsonValue);
}
