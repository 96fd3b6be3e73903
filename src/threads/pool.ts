import type { Worker } from 'node:worker_threads';
import { FairSemaphore, type Turn } from '../fair-semaphore';
import { startThread } from './start-thread';

export interface ThreadPoolOptions {
  /** The absolute path of the threads' program without extension; it calls `serveTasks`. */
  file: string;
  /** Threads at most. Each is started when it is first needed. */
  threads: number;
  /** Milliseconds for one task, the wait for a thread not counted. */
  timeoutMs: number;
  /** MiB of a thread's heap. */
  memoryMb: number;
  /** A thread that had nothing to do for so long ends. Milliseconds. */
  idleMs: number;
  /** Tasks that wait at once at most; no bound when absent. */
  mostWaiting?: number;
  /** Tasks of one tenant that wait at once at most; no bound when absent. */
  mostWaitingOfOne?: number;
  /** Longest wait for a thread in milliseconds; no bound when absent. */
  maxWaitMs?: number;
  /** Further threads for tenants that have none, half of them for such users; none when absent. */
  reserve?: number;
}

/** Why there is no answer: the task took too long or too much memory, its thread broke, or too many tasks wait. */
export class TaskFailure extends Error {
  constructor(
    readonly reason: 'time_limit' | 'memory_limit' | 'broken' | 'too_many',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'TaskFailure';
  }
}

/** What a thread answers; an error travels as its message. */
export type TaskAnswer<Answer> = { ok: true; answer: Answer } | { ok: false; message: string };

/**
 * Work that may take long or never end, in threads of its own: what does not end in time is ended with its thread, and the
 * next task gets another one. Tenants take turns.
 */
export class ThreadPool<Task, Answer> {
  private readonly idle: Thread<Task, Answer>[] = [];
  private readonly threads = new Set<Thread<Task, Answer>>();
  private readonly places: FairSemaphore;
  private readonly closing = new AbortController();

  constructor(private readonly options: ThreadPoolOptions) {
    const { threads, mostWaiting, mostWaitingOfOne, maxWaitMs, reserve } = options;
    const refusal = (): Error => new TaskFailure('too_many', 'Too many tasks wait for a thread.');
    this.places = new FairSemaphore(threads, { mostWaiting, mostWaitingOfOne, maxWaitMs, reserve, refusal });
  }

  /**
   * @throws TaskFailure; Error with the task's own message; the signal's reason when aborted, which ends the work
   */
  async run(task: Task, { turn, signal }: { turn?: Turn; signal?: AbortSignal } = {}): Promise<Answer> {
    const ended = signal ? AbortSignal.any([signal, this.closing.signal]) : this.closing.signal;
    const release = await this.places.acquire({ turn, signal: ended });
    const thread = this.rested() ?? this.start();
    try {
      return await thread.run(task, ended);
    } finally {
      if (thread.usable && !this.closing.signal.aborted) this.rest(thread);
      else this.threads.delete(thread);
      release();
    }
  }

  /** Ends the threads; what is under way fails. */
  async close(): Promise<void> {
    this.closing.abort(new Error('The threads are closed.'));
    await Promise.all([...this.threads].map((thread) => thread.end()));
  }

  private rested(): Thread<Task, Answer> | undefined {
    for (let thread = this.idle.pop(); thread; thread = this.idle.pop()) {
      if (thread.usable) return thread;
      this.threads.delete(thread);
    }
    return undefined;
  }

  private start(): Thread<Task, Answer> {
    const thread = new Thread<Task, Answer>(this.options);
    this.threads.add(thread);
    return thread;
  }

  private rest(thread: Thread<Task, Answer>): void {
    this.idle.push(thread);
    thread.endWhenIdle(this.options.idleMs, () => {
      const at = this.idle.indexOf(thread);
      if (at >= 0) this.idle.splice(at, 1);
      this.threads.delete(thread);
    });
  }
}

class Thread<Task, Answer> {
  usable = true;
  private readonly worker: Worker;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ThreadPoolOptions) {
    this.worker = startThread(options.file, {
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMb, stackSizeMb: 4 },
      // `serveTasks` discards it: reading the streams here would keep the program alive.
      stdout: true,
      stderr: true,
      env: {},
      execArgv: [],
    });
    this.worker.unref();
    // Every task listens for itself; between tasks an error must not end the process.
    this.worker.on('error', () => void (this.usable = false));
    this.worker.on('exit', () => void (this.usable = false));
  }

  end(): Promise<unknown> {
    this.usable = false;
    clearTimeout(this.idleTimer);
    return this.worker.terminate();
  }

  endWhenIdle(afterMs: number, onEnd: () => void): void {
    this.idleTimer = setTimeout(() => {
      onEnd();
      void this.end();
    }, afterMs).unref();
  }

  run(task: Task, signal: AbortSignal): Promise<Answer> {
    clearTimeout(this.idleTimer);
    signal.throwIfAborted();
    this.worker.ref();
    const { timeoutMs } = this.options;
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        this.worker.unref();
        settle();
      };
      /** The place becomes free when the thread has really ended: its memory counts until then. */
      const endWith = (error: unknown): void =>
        finish(() => void this.end().then(() => reject(error as Error), reject));
      const onMessage = (answer: TaskAnswer<Answer>): void =>
        finish(() => (answer.ok ? resolve(answer.answer) : reject(new Error(answer.message))));
      const onError = (error: NodeJS.ErrnoException): void => endWith(failureOf(error));
      const onExit = (): void => endWith(new TaskFailure('broken', 'The thread ended.'));
      const onAbort = (): void => endWith(signal.reason);
      const timer = setTimeout(
        () => endWith(new TaskFailure('time_limit', `It took longer than ${timeoutMs / 1000} s.`)),
        timeoutMs,
      );
      signal.addEventListener('abort', onAbort, { once: true });
      this.worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      this.worker.postMessage(task);
    });
  }
}

function failureOf(error: NodeJS.ErrnoException): TaskFailure {
  return error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new TaskFailure('memory_limit', 'It takes more memory than is allowed.', { cause: error })
    : new TaskFailure('broken', 'The thread broke.', { cause: error });
}
