/**
 * The embedded MongoDB-compatible server: the official driver connects to its URL as to a standalone mongod.
 * It runs in a worker thread, so that a long scan there does not hold up this thread.
 *
 * Durability: an acknowledged write survives a kill of the process at any moment. A power cut or a crash of the
 * operating system may undo the last commit (as with MongoDB's default write concern, which may lose 100 ms), but never
 * tears the database; a command with writeConcern `j: true` or `w: 'majority'` is answered only when it survives that
 * as well.
 */
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../ports/clock';
import type { EngineStats } from './engine';
import type { ListenOptions } from './listener';
import { lockDataFolder } from './lock-file';
import type { WorkerReply, WorkerRequest } from './worker';

export interface EmbeddedMongoOptions {
  /** Folder of the database files; created if absent, locked for this process. */
  dataDir: string;
  /** Default: a unix socket in the data folder; loopback TCP on a free port where its path would be too long. */
  listen?: { socketPath?: string } | { host?: string; port: number };
  /** Decides TTL expiry and time-outs. Only with `inProcess`, since functions do not cross threads. */
  clock?: Clock;
  /** Run in this thread instead of a worker (tests). */
  inProcess?: boolean;
  /** Told when the worker dies unexpectedly; without it the error is thrown in this thread, uncaught. */
  onError?: (error: Error) => void;
}

export interface EmbeddedMongo {
  /** mongodb:// URL for the official driver. */
  url: string;
  stats(): Promise<EngineStats>;
  /** Removes expired TTL documents now instead of within a minute. @returns how many */
  sweepNow(): Promise<number>;
  /** Ends connections and open transactions, finishes queued writes, releases the folder. Safe to call twice. */
  close(): Promise<void>;
}

/** sun_path holds 104 bytes on macOS and 108 on Linux, the final zero included. */
const MAX_SOCKET_PATH_BYTES = 103;
const SOCKET_NAME = 'mongo.sock';
const LOOPBACK = '127.0.0.1';

/**
 * Starts the server and resolves once it accepts connections.
 * @throws DataFolderInUse when another process has the folder; the system's error when the address is taken
 */
export async function startEmbeddedMongo(options: EmbeddedMongoOptions): Promise<EmbeddedMongo> {
  if (options.clock !== undefined && options.inProcess !== true) {
    throw new TypeError('startEmbeddedMongo: `clock` needs `inProcess: true`');
  }
  const unlock = lockDataFolder(options.dataDir);
  try {
    const where = { dataDir: path.resolve(options.dataDir), listen: addressOf(options) };
    return options.inProcess === true
      ? await startHere({ ...where, now: options.clock && (() => options.clock!.now()) }, unlock)
      : await startWorker(where, unlock, options.onError ?? throwUncaught);
  } catch (error) {
    unlock();
    throw error;
  }
}

function addressOf({ dataDir, listen: wanted = {} }: EmbeddedMongoOptions): ListenOptions['listen'] {
  if ('port' in wanted) return { host: wanted.host ?? LOOPBACK, port: wanted.port };
  const explicit = 'socketPath' in wanted ? wanted.socketPath : undefined;
  const socketPath = explicit ?? path.resolve(dataDir, SOCKET_NAME);
  const fits = process.platform !== 'win32' && Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH_BYTES;
  return fits ? { socketPath } : { host: LOOPBACK, port: 0 };
}

/** Runs `close` once however often it is asked for. */
function once(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | null = null;
  return () => (closing ??= close());
}

async function startHere(options: ListenOptions, unlock: () => void): Promise<EmbeddedMongo> {
  // Loaded here: the engine of a worker is not needed in this thread.
  const { listen } = await import('./listener.js');
  const running = await listen(options);
  return {
    url: running.url,
    stats: () => Promise.resolve(running.engine.stats()),
    sweepNow: () => running.engine.sweepNow(),
    close: once(async () => {
      await running.close();
      unlock();
    }),
  };
}

async function startWorker(
  options: Omit<ListenOptions, 'now'>,
  unlock: () => void,
  onError: (error: Error) => void,
): Promise<EmbeddedMongo> {
  const worker = createWorker(options);
  const calls = new WorkerCalls(worker);
  const url = await calls.ready;
  let isClosing = false;
  worker.on('error', (error: Error) => {
    unlock();
    onError(error);
  });
  worker.on('exit', (code) => {
    calls.fail(new Error(`The embedded database's thread has ended (exit code ${code}).`));
    if (!isClosing) unlock();
  });
  return {
    url,
    stats: () => calls.call('stats') as Promise<EngineStats>,
    sweepNow: () => calls.call('sweepNow') as Promise<number>,
    close: once(async () => {
      isClosing = true;
      await calls.call('close');
      await worker.terminate();
      unlock();
    }),
  };
}

function throwUncaught(error: Error): void {
  process.nextTick(() => {
    throw error;
  });
}

/** Requests to the worker and their replies, by number. */
class WorkerCalls {
  readonly ready: Promise<string>;
  private readonly pending = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  private nextId = 1;

  constructor(private readonly worker: Worker) {
    const READY_ID = 0;
    this.ready = new Promise<unknown>((resolve, reject) =>
      this.pending.set(READY_ID, { resolve, reject }),
    ) as Promise<string>;
    worker.on('message', ({ id, error, value }: WorkerReply) => {
      const call = this.pending.get(id);
      this.pending.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(Object.assign(new Error(error.message), error));
    });
    worker.once('error', (error: Error) => this.fail(error));
  }

  call(action: WorkerRequest['action']): Promise<unknown> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.postMessage({ id, action } satisfies WorkerRequest);
    });
  }

  fail(error: Error): void {
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }
}

function createWorker(workerData: Omit<ListenOptions, 'now'>): Worker {
  if (!__filename.endsWith('.ts')) return new Worker(path.join(__dirname, 'worker.js'), { workerData });
  return new Worker(bundleFromSources(), { eval: true, workerData });
}

let bundled: string | null = null;

/**
 * Running from TypeScript (tests, tsx): a worker thread gets no loader hooks, so the sources are bundled for it.
 * Packages stay outside of the bundle and resolve as they would from this file.
 */
function bundleFromSources(): string {
  if (bundled !== null) return bundled;
  // Loaded here, since the built program needs no bundler.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { buildSync } = require('esbuild') as typeof import('esbuild');
  const { outputFiles } = buildSync({
    entryPoints: [path.join(__dirname, 'worker.ts')],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    write: false,
  });
  const code = outputFiles[0]!.text;
  bundled = `(function (require) {\n${code}\n})(require('node:module').createRequire(${JSON.stringify(__filename)}));`;
  return bundled;
}
