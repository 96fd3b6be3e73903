import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { checkChunkOptions } from '../chunk';
import type { Chunk, ChunkOptions, FileInput, FileOnDisk, ParsedDocument } from '../types';
import { ParseFailure } from './failure';
import type { ReadDocument, WorkerAnswer, WorkerTask } from './worker';

export { ParseFailure } from './failure';
export type { ReadDocument } from './worker';

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MEMORY_MB = 512;
const DEFAULT_WORKERS = 2;
const DEFAULT_IDLE_MS = 30_000;

export interface DocumentParserOptions {
  /** Threads at most; 2. Each is started when it is first needed. */
  workers?: number;
  /** MiB of a thread's heap; 512. */
  memoryMb?: number;
  /** Milliseconds for one file; 60,000. */
  timeoutMs?: number;
  /** A thread that had nothing to do for so long ends. Milliseconds; 30,000. */
  idleMs?: number;
}

/** Reads files in threads of their own, so that no file can block or end the server. */
export interface DocumentParser {
  /**
   * @throws ParseFailure saying why there is no text
   * @throws the signal's reason when aborted
   */
  parse(input: FileInput | FileOnDisk, options?: { signal?: AbortSignal }): Promise<ParsedDocument>;
  /**
   * Reads a file and cuts it into chunks, both in the thread: a long document does not delay requests.
   * @throws as `parse`, and DomainError `validation_failed` for chunk options out of bounds
   */
  read(
    input: FileInput | FileOnDisk,
    chunking?: ChunkOptions,
    options?: { signal?: AbortSignal },
  ): Promise<ReadDocument>;
  /** Cuts what was parsed before. @throws DomainError `validation_failed` for chunk options out of bounds */
  chunk(
    document: ParsedDocument,
    chunking?: ChunkOptions,
    options?: { signal?: AbortSignal },
  ): Promise<Chunk[]>;
  /** Ends the threads; what is being read fails. */
  close(): Promise<void>;
}

interface Job {
  task: WorkerTask;
  signal?: AbortSignal;
  resolve: (read: ReadDocument) => void;
  reject: (error: unknown) => void;
}

export const createDocumentParser = (options: DocumentParserOptions = {}): DocumentParser =>
  new ParserPool(options);

class ParserPool implements DocumentParser {
  private readonly waiting: Job[] = [];
  private readonly idle: Thread[] = [];
  private readonly threads = new Set<Thread>();
  private closed = false;

  constructor(private readonly options: DocumentParserOptions) {}

  async parse(file: FileInput | FileOnDisk, options: { signal?: AbortSignal } = {}): Promise<ParsedDocument> {
    return (await this.perform({ source: { file: copied(file) } }, options)).document;
  }

  async read(
    file: FileInput | FileOnDisk,
    chunking: ChunkOptions = {},
    options: { signal?: AbortSignal } = {},
  ): Promise<ReadDocument> {
    return this.perform({ source: { file: copied(file) }, chunking: checkChunkOptions(chunking) }, options);
  }

  async chunk(
    document: ParsedDocument,
    chunking: ChunkOptions = {},
    options: { signal?: AbortSignal } = {},
  ): Promise<Chunk[]> {
    return (await this.perform({ source: { document }, chunking: checkChunkOptions(chunking) }, options))
      .chunks;
  }

  private perform(task: WorkerTask, { signal }: { signal?: AbortSignal }): Promise<ReadDocument> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(new Error('The document parser is closed.'));
      if (signal?.aborted) return reject(signal.reason as Error);
      this.waiting.push({ task, signal, resolve, reject });
      this.next();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const job of this.waiting.splice(0)) job.reject(new Error('The document parser is closed.'));
    await Promise.all([...this.threads].map((thread) => thread.end()));
  }

  private next(): void {
    while (this.waiting.length > 0) {
      const thread = this.idle.pop() ?? this.start();
      if (!thread) return;
      const job = this.waiting.shift()!;
      void thread.run(job).then((usable) => {
        if (usable && !this.closed) this.rest(thread);
        else this.threads.delete(thread);
        this.next();
      });
    }
  }

  private start(): Thread | undefined {
    if (this.threads.size >= (this.options.workers ?? DEFAULT_WORKERS)) return undefined;
    const thread = new Thread(this.options);
    this.threads.add(thread);
    return thread;
  }

  private rest(thread: Thread): void {
    this.idle.push(thread);
    thread.endWhenIdle(this.options.idleMs ?? DEFAULT_IDLE_MS, () => {
      this.idle.splice(this.idle.indexOf(thread), 1);
      this.threads.delete(thread);
    });
  }
}

class Thread {
  private readonly worker: Worker;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(private readonly options: DocumentParserOptions) {
    this.worker = startWorker(options.memoryMb ?? DEFAULT_MEMORY_MB);
    this.worker.unref();
    // Every job listens for itself; between jobs an error must not end the process.
    this.worker.on('error', () => undefined);
  }

  end(): Promise<unknown> {
    clearTimeout(this.idleTimer);
    return this.worker.terminate();
  }

  endWhenIdle(afterMs: number, onEnd: () => void): void {
    this.idleTimer = setTimeout(() => {
      onEnd();
      void this.end();
    }, afterMs).unref();
  }

  /** Settles the job. @returns whether the thread can take another one */
  run({ task, signal, resolve, reject }: Job): Promise<boolean> {
    clearTimeout(this.idleTimer);
    if (signal?.aborted) {
      reject(signal.reason);
      return Promise.resolve(true);
    }
    this.worker.ref();
    const timeoutMs = this.options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return new Promise((done) => {
      const finish = (settle: () => void, usable: boolean): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        this.worker.unref();
        settle();
        if (usable) done(true);
        else void this.end().then(() => done(false));
      };
      const onMessage = (answer: WorkerAnswer): void =>
        finish(() => {
          if (answer.ok) resolve(answer.read);
          else reject(new ParseFailure(answer.reason, answer.message, answer.contentType));
        }, true);
      const onError = (error: NodeJS.ErrnoException): void =>
        finish(() => reject(threadFailure(error)), false);
      const onExit = (): void => finish(() => reject(threadFailure()), false);
      const onAbort = (): void => finish(() => reject(signal!.reason), false);
      const timer = setTimeout(
        () =>
          finish(
            () =>
              reject(
                new ParseFailure('time_limit', `Reading the file took longer than ${timeoutMs / 1000} s.`),
              ),
            false,
          ),
        timeoutMs,
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      this.worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      this.worker.postMessage(task);
    });
  }
}

/** A small buffer is a view on a pool, all of which would be sent along. */
const copied = (file: FileInput | FileOnDisk): FileInput | FileOnDisk =>
  'path' in file ? file : { ...file, bytes: Uint8Array.from(file.bytes) };

function threadFailure(error?: NodeJS.ErrnoException): ParseFailure {
  if (error?.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new ParseFailure(
      'memory_limit',
      'Reading the file takes more memory than is allowed.',
      null,
      error,
    );
  return new ParseFailure('broken', 'The file cannot be read: it broke the reader.', null, error);
}

function startWorker(memoryMb: number): Worker {
  const limits = { resourceLimits: { maxOldGenerationSizeMb: memoryMb, stackSizeMb: 4 } };
  // Warnings of parsers about damaged files are not for the server's output.
  const quiet = { stdout: true, stderr: true };
  if (!__filename.endsWith('.ts'))
    return drained(new Worker(join(__dirname, 'worker.js'), { ...limits, ...quiet, env: {}, execArgv: [] }));
  return drained(new Worker(bundleFromSources(), { ...limits, ...quiet, env: {}, execArgv: [], eval: true }));
}

function drained(worker: Worker): Worker {
  worker.stdout.resume();
  worker.stderr.resume();
  return worker;
}

let bundle: string | undefined;

/** Tests run from sources, which a thread cannot load: there the thread gets one bundled text. */
function bundleFromSources(): string {
  if (bundle === undefined) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a development dependency, needed only here
    const { buildSync } = require('esbuild') as typeof import('esbuild');
    const { outputFiles } = buildSync({
      entryPoints: [join(__dirname, 'worker.ts')],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      packages: 'external',
    });
    // Packages resolve as they would from this file.
    const load = `require('node:module').createRequire(${JSON.stringify(__filename)})`;
    bundle = `(function (require) {\n${outputFiles[0]!.text}\n})(${load});`;
  }
  return bundle;
}
