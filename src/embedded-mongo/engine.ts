/** The database behind the wire: storage, catalog, cursors, transactions and the periodic work, as one object. */
import { randomUUID } from 'node:crypto';
import type { Document } from 'bson';
import { Catalog, type Collection } from './catalog';
import { CollectionStore, type Change } from './collection-store';
import { CursorManager } from './cursors';
import { MongoCommandError } from './errors';
import { prefixKey, successor } from './keys';
import { Parked, Storage } from './storage';
import type { View } from './scan';
import { TransactionManager, type MongoTransaction } from './transactions';
import { sweepExpired } from './ttl';

/** How often expired documents, idle cursors and overlong transactions are looked for (MongoDB's TTL monitor). */
const SWEEP_INTERVAL_MS = 60_000;
const HOUSEKEEPING_INTERVAL_MS = 1_000;
/** Keys of dropped collections erased per commit. */
const GARBAGE_BATCH = 2_000;

/** Where a statement reads and writes: straight to storage, or into a transaction. */
export interface Target {
  view(collection: Collection): View;
  get(collection: Collection, idKey: Buffer): Buffer | undefined;
  apply(collection: Collection, change: Change): void;
}

export interface EngineOptions {
  dataDir: string;
  now?: (() => Date) | undefined;
}

export interface EngineStats {
  collections: number;
  documents: number;
  openCursors: number;
  openTransactions: number;
  connections: number;
  /** Durable commits since start; group commit makes them fewer than write commands. */
  commits: number;
}

export class Engine {
  readonly storage: Storage;
  readonly catalog: Catalog;
  readonly store: CollectionStore;
  readonly cursors: CursorManager;
  readonly transactions: TransactionManager;
  readonly startedAt: Date;
  readonly now: () => Date;
  readonly counters: Record<string, number> = {};
  private readonly timers: NodeJS.Timeout[] = [];
  private erasing: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(readonly options: EngineOptions) {
    this.now = options.now ?? (() => new Date());
    this.startedAt = this.now();
    const nowMs = (): number => this.now().getTime();
    this.storage = new Storage(options.dataDir);
    this.catalog = new Catalog(this.storage);
    this.store = new CollectionStore(this.storage, this.catalog);
    this.cursors = new CursorManager(nowMs);
    this.transactions = new TransactionManager(this.storage, this.catalog, this.store, {
      nowMs,
      onEnd: (transaction) => this.cursors.killTransaction(transaction),
    });
    this.storage.hooks = {
      beforeCommit: () => this.catalog.flush(),
      afterRollback: () => this.catalog.load(),
    };
    this.every(SWEEP_INTERVAL_MS, () => void this.sweepNow().catch(reportSweepFailure));
    this.every(HOUSEKEEPING_INTERVAL_MS, () => {
      this.transactions.expire();
      this.cursors.expireIdle();
    });
    this.eraseGarbage();
  }

  /** Writes of a single command outside any transaction. Only inside `write`. */
  readonly direct: Target = {
    view: () => ({}),
    get: (collection, idKey) => this.store.get(collection, idKey),
    apply: (collection, change) => {
      const holder = this.transactions.lockOn(collection, change.idKey);
      if (holder !== undefined) throw new Parked(holder.ended);
      this.store.apply(collection, change);
    },
  };

  inTransaction(transaction: MongoTransaction): Target {
    return {
      view: (collection) => transaction.view(collection),
      get: (collection, idKey) => this.transactions.read(transaction, collection, idKey),
      apply: (collection, change) => this.transactions.change(transaction, collection, change),
    };
  }

  /** Runs a whole write command as one job; if it meets a locked document it leaves no trace and runs again later. */
  write<T>(run: () => T): Promise<T> {
    return this.storage.write(() => (this.transactions.hasLocks ? this.atomically(run) : run()));
  }

  /** `write` for commands that create, change or drop collections and indexes. */
  writeAlone<T>(run: () => T): Promise<T> {
    return this.storage.writeAlone(run);
  }

  /** All or nothing, including the catalog's counters. Only inside a write job. */
  atomically<T>(run: () => T): T {
    const restore = this.catalog.savepoint();
    try {
      return this.storage.atomically(run);
    } catch (error) {
      restore();
      throw error;
    }
  }

  /** The collection, created with defaults if absent. Only inside a write job. */
  ensureCollection(db: string, name: string): Collection {
    return this.catalog.find(db, name) ?? this.createCollection(db, name, {});
  }

  createCollection(db: string, name: string, options: Document): Collection {
    return this.catalog.create(db, name, options, Buffer.from(randomUUID().replaceAll('-', ''), 'hex'));
  }

  dropCollection(collection: Collection): void {
    this.catalog.drop(collection);
    setImmediate(() => this.eraseGarbage());
  }

  /** Removes expired documents of TTL indexes now. @returns how many */
  sweepNow(): Promise<number> {
    return sweepExpired(this);
  }

  stats(): EngineStats {
    const collections = this.catalog.list();
    return {
      collections: collections.length,
      documents: collections.reduce((sum, { count }) => sum + count, 0),
      openCursors: this.cursors.size,
      openTransactions: this.transactions.openCount,
      connections: this.counters['connections'] ?? 0,
      commits: this.storage.commits,
    };
  }

  count(name: string): void {
    this.counters[name] = (this.counters[name] ?? 0) + 1;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.timers) clearInterval(timer);
    this.transactions.endAll();
    await this.erasing;
    await this.storage.close();
  }

  /** Erases dropped ranges in small commits, going on where an earlier process stopped. */
  eraseGarbage(): void {
    this.erasing = this.erasing
      .then(async () => {
        if (this.closed) return;
        for (const id of this.catalog.garbage()) {
          while (await this.storage.write(() => this.eraseSome(id)))
            await new Promise((r) => setImmediate(r));
        }
      })
      .catch((error: unknown) => {
        const isShutdown = error instanceof MongoCommandError && error.code === 11600;
        if (!isShutdown) reportSweepFailure(error);
      });
  }

  private eraseSome(id: number): boolean {
    const range = { start: prefixKey(id), end: successor(prefixKey(id)), limit: GARBAGE_BATCH };
    let erased = 0;
    for (const table of [this.storage.documents, this.storage.entries]) {
      for (const key of [...table.getKeys(range)]) {
        table.removeSync(key);
        erased += 1;
      }
    }
    if (erased > 0) return true;
    this.catalog.forgetGarbage(id);
    return false;
  }

  private every(intervalMs: number, action: () => void): void {
    const timer = setInterval(action, intervalMs);
    timer.unref();
    this.timers.push(timer);
  }
}

/** Background work has no client to tell; the process's warning channel is where operators look. */
function reportSweepFailure(error: unknown): void {
  const { message } = error as Partial<Error>;
  process.emitWarning(`embedded database, background work: ${message ?? String(error)}`, {
    code: 'AGENTFLOW_EMBEDDED_MONGO',
  });
}
