/**
 * The LMDB environment and the single writer in front of it.
 *
 * Group commit: write jobs that arrive while the previous commit was on its way run together in one LMDB transaction
 * and share one fsync, which LMDB's own thread waits for: reads go on meanwhile, on the last committed state.
 *
 * Durability: a job resolves once its pages are synced and its commit is visible; only LMDB's pointer to that commit is
 * left to the operating system (LMDB's MDB_NOMETASYNC), which spares every commit a second fsync. So an acknowledged
 * write survives a kill of the process at any moment, and the database is never torn; a power cut or a crash of the
 * operating system may undo the last commit before it. (MongoDB's own default, a journal flush every 100 ms, may lose
 * more.) `sync` closes that gap; commands with writeConcern `j: true` or `w: 'majority'` wait for it.
 */
import { open, type Database, type RootDatabase, type Transaction } from 'lmdb';
import { MongoCommandError, faultOf, isCodedError, isOutOfSpace, outOfDiskSpace } from './errors';

type Table = Database<Buffer, Buffer>;

/** Part of lmdb's documented interface, but missing in its types. */
interface FastReads {
  /** The value in a buffer that the next read overwrites; `lastSize` is its length. */
  getBinaryFast(key: Buffer, options?: { transaction: Transaction }): Buffer | undefined;
  lastSize: number;
}

/** Longest run of jobs in one commit; bounds how long a single reply can wait for its neighbours. */
const MAX_JOBS_PER_COMMIT = 512;
const MAX_READERS = 512;

/** Thrown by a job that must wait for something before any of its own changes are made. */
export class Parked extends Error {
  constructor(readonly until: Promise<void>) {
    super('waiting for another transaction');
  }
}

interface Job<T = unknown> {
  run: () => T;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
  /** Commits by itself and holds the thread until done: no reader may meet its change of the catalog half-way. */
  alone: boolean;
  outcome: { ok: true; value: T } | { ok: false; error: unknown } | null;
}

export interface StorageHooks {
  /** Called inside the LMDB transaction, before it commits. */
  beforeCommit(): void;
  /** The LMDB transaction was rolled back: in-memory state derived from it must be read again. */
  afterRollback(): void;
}

export interface KeyRange {
  start: Buffer;
  end: Buffer;
  reverse?: boolean;
  exclusiveStart?: boolean;
  inclusiveEnd?: boolean;
  limit?: number;
  transaction?: Transaction;
}

export class Storage {
  readonly documents: Table;
  readonly entries: Table;
  readonly catalog: Table;
  commits = 0;
  private readonly root: RootDatabase<Buffer, Buffer>;
  private queue: Job[] = [];
  private scheduled = false;
  private committing = false;
  private closing = false;
  private idle: (() => void)[] = [];

  /** Set by the engine once its catalog exists. */
  hooks: StorageHooks = { beforeCommit: () => undefined, afterRollback: () => undefined };
  /** Test seam: called just before each commit; what it throws fails the commit as a full disk would. */
  commitFault: (() => void) | null = null;

  constructor(directory: string) {
    this.root = open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      maxDbs: 4,
      maxReaders: MAX_READERS,
      overlappingSync: false,
      eventTurnBatching: false,
      noMetaSync: true,
    });
    const table = { encoding: 'binary', keyEncoding: 'binary' } as const;
    this.documents = this.root.openDB<Buffer, Buffer>('documents', table);
    this.entries = this.root.openDB<Buffer, Buffer>('entries', table);
    this.catalog = this.root.openDB<Buffer, Buffer>('catalog', table);
  }

  /**
   * Queues `run` for the next commit and resolves with its result once that commit is on disk.
   * `run` must be synchronous, must check before it writes (a thrown error does not undo its own writes unless it used
   * `atomically`), and must not keep progress between calls: it is run again from the start if its commit fails.
   */
  write<T>(run: () => T): Promise<T> {
    return this.enqueue(run, false);
  }

  /** `write` for changes of collections and indexes, which readers see in memory at once: they commit before any read. */
  writeAlone<T>(run: () => T): Promise<T> {
    return this.enqueue(run, true);
  }

  /** Resolves when every commit so far also survives a power cut. */
  sync(): Promise<void> {
    const root = this.root as unknown as { sync(done: (error?: Error) => void): void };
    return new Promise((resolve, reject) => {
      root.sync((error) => {
        if (error === undefined || error === null) resolve();
        else reject(error);
      });
    });
  }

  private enqueue<T>(run: () => T, alone: boolean): Promise<T> {
    if (this.closing) {
      return Promise.reject(
        new MongoCommandError('InterruptedAtShutdown', 'The embedded database is shutting down.'),
      );
    }
    return new Promise<T>((resolve, reject) => {
      this.queue.push({ run, resolve, reject, alone, outcome: null } as unknown as Job);
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.committing) return;
    this.scheduled = true;
    setImmediate(() => void this.flush());
  }

  /**
   * The stored document, copied out of LMDB's read buffer into node's pool: the package's own `get` makes an
   * allocation of its own for each, which is what a batch of small documents would mostly pay for.
   */
  readDocument(key: Buffer, transaction?: Transaction): Buffer | undefined {
    const table = this.documents as Table & FastReads;
    const shared = table.getBinaryFast(key, transaction === undefined ? undefined : { transaction });
    if (shared === undefined) return undefined;
    const size = table.lastSize;
    const raw = Buffer.allocUnsafe(size);
    // Not `copy`: the shared buffer's own length property hides its real one.
    raw.set(new Uint8Array(shared.buffer, shared.byteOffset, size));
    return raw;
  }

  /** Runs `action` so that either all or none of its writes remain. Only inside a write job. */
  atomically<T>(action: () => T): T {
    let result!: T;
    this.root.transactionSync(() => {
      result = action();
    });
    return result;
  }

  /** A stable view of the committed state; `done()` it, since it pins old pages. */
  snapshot(): Transaction {
    return this.root.useReadTransaction();
  }

  async close(): Promise<void> {
    this.closing = true;
    if (this.queue.length > 0 || this.committing)
      await new Promise<void>((resolve) => this.idle.push(resolve));
    try {
      await this.sync();
    } finally {
      await this.root.close();
    }
  }

  private async flush(): Promise<void> {
    this.scheduled = false;
    this.committing = true;
    const jobs = this.takeJobs();
    try {
      if (jobs[0]!.alone) this.commitHere(jobs);
      else await this.commitBehind(jobs);
    } catch (error) {
      // Whatever broke, nobody may wait for ever: these jobs fail, the next ones are tried.
      for (const job of jobs) job.reject(error);
    } finally {
      this.committing = false;
    }
    if (this.queue.length > 0) this.schedule();
    else for (const resolve of this.idle.splice(0)) resolve();
  }

  private takeJobs(): Job[] {
    if (this.queue[0]!.alone) return this.queue.splice(0, 1);
    const next = this.queue.findIndex((job) => job.alone);
    const end = next < 0 ? this.queue.length : next;
    return this.queue.splice(0, Math.min(end, MAX_JOBS_PER_COMMIT));
  }

  /** Commits while this thread goes on; never rejects. */
  private async commitBehind(jobs: Job[]): Promise<void> {
    try {
      // A child transaction, since LMDB commits what an asynchronous one has written even when its callback throws.
      await this.root.childTransaction(() => this.runJobs(jobs));
      this.commits += 1;
    } catch (error) {
      await ofFailedCommit(error);
      this.hooks.afterRollback();
      this.commitHere(jobs);
      return;
    }
    for (const job of jobs) this.settle(job);
  }

  /** Commits before anything else happens in this thread. */
  private commitHere(jobs: Job[]): void {
    try {
      this.root.transactionSync(() => this.runJobs(jobs));
      this.commits += 1;
    } catch (error) {
      this.hooks.afterRollback();
      if (jobs.length === 1) jobs[0]!.reject(isOutOfSpace(error) ? outOfDiskSpace(error) : error);
      // One job may have been too big for the space left; its neighbours deserve a try of their own.
      else for (const job of jobs) this.commitHere([job]);
      return;
    }
    for (const job of jobs) this.settle(job);
  }

  private runJobs(jobs: Job[]): void {
    for (const job of jobs) this.runJob(job);
    this.hooks.beforeCommit();
    this.commitFault?.();
  }

  private runJob(job: Job): void {
    try {
      job.outcome = { ok: true, value: job.run() };
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      job.outcome = { ok: false, error };
    }
  }

  private settle(job: Job): void {
    const outcome = job.outcome!;
    if (outcome.ok) {
      job.resolve(outcome.value);
    } else if (outcome.error instanceof Parked) {
      void outcome.error.until.then(() => this.enqueue(job.run, job.alone).then(job.resolve, job.reject));
    } else {
      job.reject(outcome.error);
    }
  }
}

/** LMDB reports why an asynchronous commit failed in a promise of its own, which must not be left unhandled. */
async function ofFailedCommit(error: unknown): Promise<void> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  await commitError?.catch(() => undefined);
}

/** LMDB and operating-system errors poison the whole LMDB transaction; everything else concerns one job only. */
function isStorageFailure(error: unknown): boolean {
  if (isCodedError(error) || error instanceof Parked) return false;
  if (isOutOfSpace(error)) return true;
  const { code, message } = faultOf(error);
  const LMDB_CODES_UPPER = -30600;
  return (typeof code === 'number' && code < LMDB_CODES_UPPER) || /MDB_/.test(message);
}
