/** Entry of the worker thread: starts the listener and answers the owner's requests. */
import { parentPort, workerData } from 'node:worker_threads';
import { listen, type ListenOptions, type RunningListener } from './listener';

/** This thread makes a small buffer per document it reads; a pool of node's default 8 KB is used up in no time. */
Buffer.poolSize = 64 * 1024;

export interface WorkerRequest {
  id: number;
  action: 'stats' | 'sweepNow' | 'close';
}

/** `id` 0 is the answer to starting: the URL. */
export interface WorkerReply {
  id: number;
  value?: unknown;
  error?: { message: string; code?: string };
}

async function perform(running: RunningListener, action: WorkerRequest['action']): Promise<unknown> {
  switch (action) {
    case 'stats':
      return running.engine.stats();
    case 'sweepNow':
      return running.engine.sweepNow();
    case 'close':
      return running.close();
  }
}

async function serve(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('embedded-mongo/worker must be started as a worker thread');
  const reply = (id: number, work: Promise<unknown>): Promise<void> =>
    work.then(
      (value) => port.postMessage({ id, value } satisfies WorkerReply),
      (error: unknown) => {
        const { message, code } = error as NodeJS.ErrnoException;
        port.postMessage({
          id,
          error: { message, ...(code === undefined ? {} : { code }) },
        } satisfies WorkerReply);
      },
    );
  const starting = listen(workerData as ListenOptions);
  await reply(
    0,
    starting.then(({ url }) => url),
  );
  const running = await starting.catch(() => null);
  // A failed start was reported above; without a message listener the thread ends by itself.
  if (running === null) return;
  port.on('message', ({ id, action }: WorkerRequest) => void reply(id, perform(running, action)));
}

void serve();
