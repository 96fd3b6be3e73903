import { parentPort } from 'node:worker_threads';
import type { TaskAnswer } from './pool';

/** In a thread of a `ThreadPool`: does one task after the other. */
export function serveTasks<Task, Answer>(perform: (task: Task) => Answer | Promise<Answer>): void {
  // Warnings of packages about what they are given are not for the server's output.
  for (const stream of [process.stdout, process.stderr]) stream.write = () => true;
  parentPort!.on('message', (task: Task) => {
    void Promise.resolve()
      .then(() => perform(task))
      .then(
        (answer): TaskAnswer<Answer> => ({ ok: true, answer }),
        (error: unknown): TaskAnswer<Answer> => ({
          ok: false,
          message: error instanceof Error ? error.message : String(error),
        }),
      )
      .then((answer) => parentPort!.postMessage(answer));
  });
}
