/**
 * The LMDB environment and the single writer in front of it.
 *
 * Group commit: write jobs that arrive while the previous commit was on its way run together in one LMDB transaction
 * and share one fsync. A job resolves only after that commit is on disk, so an acknowledged write survives a kill and
 * a power cut. Reads run at any time on the last committed state.
 */
import { open, type Database, type RootDatabase, type Transaction } from 'lmdb';
import { MongoCommandError, faultOf, isCodedError, isOutOfSpace, outOfDiskSpace } from './errors';

type Table = Database<Buffer, Buffer>;

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
    });
    const table = { encoding: 'binary', keyEncoding: 'binary' } as const;
    this.documents = this.root.openDB<Buffer, Buffer>('documents', table);
    this.entries = this.root.openDB<Buffer, Buffer>('entries', table);
    this.catalog = this.root.openDB<Buffer, Buffer>('catalog', table);
  }

  /**
   * Queues `run` for the next commit and resolves with its result once that commit is durable.
   * `run` must be synchronous, must check before it writes (a thrown error does not undo its own writes unless it used
   * `atomically`), and must not keep progress between calls: it is run again from the start if its commit fails.
   */
  write<T>(run: () => T): Promise<T> {
    if (this.closing) {
      return Promise.reject(
        new MongoCommandError('InterruptedAtShutdown', 'The embedded database is shutting down.'),
      );
    }
    return new Promise<T>((resolve, reject) => {
      this.queue.push({ run, resolve, reject, outcome: null } as unknown as Job);
      if (this.scheduled) return;
      this.scheduled = true;
      setImmediate(() => this.flush());
    });
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
    if (this.queue.length > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
    await this.root.close();
  }

  private flush(): void {
    this.scheduled = false;
    const jobs = this.queue.splice(0, MAX_JOBS_PER_COMMIT);
    this.commitTogether(jobs);
    if (this.queue.length > 0) {
      this.scheduled = true;
      setImmediate(() => this.flush());
    } else {
      for (const resolve of this.idle.splice(0)) resolve();
    }
  }

  private commitTogether(jobs: Job[]): void {
    try {
      this.root.transactionSync(() => {
        for (const job of jobs) this.runJob(job);
        this.hooks.beforeCommit();
        this.commitFault?.();
      });
      this.commits += 1;
    } catch (error) {
      this.hooks.afterRollback();
      if (jobs.length === 1) jobs[0]!.reject(isOutOfSpace(error) ? outOfDiskSpace(error) : error);
      // One job may have been too big for the space left; its neighbours deserve a try of their own.
      else for (const job of jobs) this.commitTogether([job]);
      return;
    }
    for (const job of jobs) this.settle(job);
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
      void outcome.error.until.then(() => this.write(job.run).then(job.resolve, job.reject));
    } else {
      job.reject(outcome.error);
    }
  }
}

/** LMDB and operating-system errors poison the whole LMDB transaction; everything else concerns one job only. */
function isStorageFailure(error: unknown): boolean {
  if (isCodedError(error) || error instanceof Parked) return false;
  if (isOutOfSpace(error)) return true;
  const { code, message } = faultOf(error);
  const LMDB_CODES_UPPER = -30600;
  return (typeof code === 'number' && code < LMDB_CODES_UPPER) || /MDB_/.test(message);
}
