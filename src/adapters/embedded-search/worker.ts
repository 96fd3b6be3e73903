import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from './engine';
import type { Request, Response } from './messages';

const engine = new Engine((workerData as { folder: string }).folder);

/** How often bases that nobody uses are looked for. Milliseconds. */
const LOOK_EVERY_MS = 60_000;
setInterval(() => engine.releaseUnused(), LOOK_EVERY_MS).unref();

parentPort!.on('message', (request: Request) => parentPort!.postMessage(answer(request)));

function answer({ id, name, input }: Request): Response {
  try {
    return { id, output: engine[name](input as never) };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { id, error: { message, code } };
  }
}
