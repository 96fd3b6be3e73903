/**
 * Multi-document transactions.
 *
 * A transaction reads one LMDB snapshot, taken at its first statement, with its own changes laid over it, and keeps
 * those changes in memory until commit applies all of them in a single LMDB transaction. So nothing uncommitted is
 * ever on disk: the log of what an unfinished transaction would have to undo is empty by construction, and a kill at
 * any moment leaves either all of a transaction or none of it. (The alternative, writing in place behind an undo log
 * under one global lock, would stall every writer for as long as a client keeps a transaction open.)
 *
 * A changed document is locked from the change until the end: another transaction that touches it fails at once with
 * WriteConflict (as in MongoDB), a single write waits for the end, at most the life of a transaction.
 */
import type { Transaction as Snapshot } from 'lmdb';
import type { Catalog, Collection } from './catalog';
import { type Change, type CollectionStore, duplicateKey } from './collection-store';
import { MongoCommandError, transientError } from './errors';
import { extractKeys } from './index-keys';
import { documentKey } from './keys';
import { decodeFields, decodeId, MAX_DOCUMENT_BYTES } from './raw-bson';
import type { View } from './scan';
import type { Storage } from './storage';

/** MongoDB's transactionLifetimeLimitSeconds default. */
export const TRANSACTION_LIFETIME_MS = 60_000;
const MAX_OPEN_TRANSACTIONS = 200;
/** Finished transactions remembered so that a repeated commit is answered as the first was. */
const REMEMBERED_COMMITS = 2_000;

export class MongoTransaction {
  readonly snapshot: Snapshot;
  readonly changes = new Map<Collection, Map<string, Change>>();
  readonly ended: Promise<void>;
  finished = false;
  private settle!: () => void;

  constructor(
    readonly session: string,
    readonly number: bigint,
    storage: Storage,
    readonly expiresAtMs: number,
  ) {
    this.snapshot = storage.snapshot();
    this.ended = new Promise((resolve) => (this.settle = resolve));
  }

  changesOf(collection: Collection): Map<string, Change> {
    let changes = this.changes.get(collection);
    if (changes === undefined) this.changes.set(collection, (changes = new Map()));
    return changes;
  }

  view(collection: Collection): View {
    return { snapshot: this.snapshot, changes: this.changes.get(collection) };
  }

  finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.snapshot.done();
    this.settle();
  }
}

export interface TransactionOptions {
  session: string;
  number: bigint;
  start: boolean;
}

export class TransactionManager {
  private readonly open = new Map<string, MongoTransaction>();
  private readonly committed = new Map<string, bigint>();
  /** Changed documents of open transactions, by `<collection id>:<id key>`. */
  private readonly locks = new Map<string, MongoTransaction>();

  constructor(
    private readonly storage: Storage,
    private readonly catalog: Catalog,
    private readonly store: CollectionStore,
    private readonly hooks: { nowMs: () => number; onEnd: (transaction: MongoTransaction) => void },
  ) {}

  get openCount(): number {
    return this.open.size;
  }

  get hasLocks(): boolean {
    return this.locks.size > 0;
  }

  /** The transaction that holds this document, if any. */
  lockOn(collection: Collection, idKey: Buffer): MongoTransaction | undefined {
    return this.locks.size === 0 ? undefined : this.locks.get(lockName(collection, idKey));
  }

  /** The transaction a statement belongs to, begun if it says so. @throws NoSuchTransaction (transient) */
  enter({ session, number, start }: TransactionOptions): MongoTransaction {
    const current = this.open.get(session);
    if (!start) {
      if (current?.number === number) return current;
      throw noSuchTransaction(number);
    }
    if (current !== undefined) {
      if (current.number >= number) {
        throw new MongoCommandError(
          'TransactionTooOld',
          `Cannot start transaction ${number} on this session because transaction ${current.number} has already started.`,
        );
      }
      this.end(current);
    }
    if (this.open.size >= MAX_OPEN_TRANSACTIONS) {
      throw transientError(
        'WriteConflict',
        `Too many open transactions (${MAX_OPEN_TRANSACTIONS}); try again.`,
      );
    }
    const expiresAt = this.hooks.nowMs() + TRANSACTION_LIFETIME_MS;
    const transaction = new MongoTransaction(session, number, this.storage, expiresAt);
    this.open.set(session, transaction);
    return transaction;
  }

  /** Applies every change durably, or none. @throws NoSuchTransaction, WriteConflict (transient), DuplicateKey */
  async commit({ session, number }: TransactionOptions): Promise<void> {
    const transaction = this.open.get(session);
    if (transaction?.number !== number) {
      if (this.committed.get(session) === number) return;
      throw noSuchTransaction(number);
    }
    // From here on no other statement may join it, also while the commit is on its way to the disk.
    this.open.delete(session);
    try {
      if (transaction.changes.size > 0) await this.storage.write(() => this.applyChanges(transaction));
      this.rememberCommit(session, number);
    } finally {
      this.end(transaction);
    }
  }

  abort({ session, number }: TransactionOptions): void {
    const transaction = this.open.get(session);
    if (transaction?.number !== number) throw noSuchTransaction(number);
    this.end(transaction);
  }

  end(transaction: MongoTransaction): void {
    if (this.open.get(transaction.session) === transaction) this.open.delete(transaction.session);
    for (const [name, holder] of this.locks) if (holder === transaction) this.locks.delete(name);
    this.hooks.onEnd(transaction);
    transaction.finish();
  }

  endSession(session: string): void {
    const transaction = this.open.get(session);
    if (transaction !== undefined) this.end(transaction);
    this.committed.delete(session);
  }

  /** Ends transactions past their lifetime. */
  expire(): void {
    const now = this.hooks.nowMs();
    for (const transaction of [...this.open.values()])
      if (transaction.expiresAtMs <= now) this.end(transaction);
  }

  endAll(): void {
    for (const transaction of [...this.open.values()]) this.end(transaction);
  }

  read(transaction: MongoTransaction, collection: Collection, idKey: Buffer): Buffer | undefined {
    const own = transaction.changes.get(collection)?.get(idKey.toString('latin1'));
    if (own !== undefined) return own.after ?? undefined;
    const options = { transaction: transaction.snapshot };
    return this.storage.documents.get(documentKey(collection.id, idKey), options);
  }

  /** Records a change. @throws WriteConflict (transient), DuplicateKey, BSONObjectTooLarge */
  change(transaction: MongoTransaction, collection: Collection, change: Change): void {
    const { idKey, after } = change;
    const name = lockName(collection, idKey);
    const holder = this.locks.get(name);
    if (holder !== undefined && holder !== transaction) throw writeConflict();
    const changes = transaction.changesOf(collection);
    const id = idKey.toString('latin1');
    const earlier = changes.get(id);
    const before =
      earlier === undefined ? this.currentUnlessChanged(transaction, collection, idKey) : earlier.before;
    const visible = earlier === undefined ? before : earlier.after;
    if (change.before === null && visible !== null) {
      throw duplicateKey(collection, '_id_', [['_id', 1]], [decodeId(visible)]);
    }
    if (after !== null) this.checkConstraints(transaction, collection, idKey, after);
    changes.set(id, { idKey, before, after });
    this.locks.set(name, transaction);
  }

  /** The committed document, which must still be the one in the snapshot. */
  private currentUnlessChanged(
    transaction: MongoTransaction,
    collection: Collection,
    idKey: Buffer,
  ): Buffer | null {
    const key = documentKey(collection.id, idKey);
    const seen = this.storage.documents.get(key, { transaction: transaction.snapshot }) ?? null;
    const current = this.storage.documents.get(key) ?? null;
    if (!sameBytes(seen, current)) throw writeConflict();
    return current;
  }

  private checkConstraints(
    transaction: MongoTransaction,
    collection: Collection,
    idKey: Buffer,
    after: Buffer,
  ): void {
    if (after.length > MAX_DOCUMENT_BYTES) {
      throw new MongoCommandError(
        'BSONObjectTooLarge',
        `BSONObj size: ${after.length} is over ${MAX_DOCUMENT_BYTES}`,
      );
    }
    const own = transaction.changes.get(collection) ?? new Map<string, Change>();
    for (const index of collection.indexes) {
      const extracted = extractKeys(index, decodeFields(after, index.fields));
      if (!index.unique) continue;
      extracted.keys.forEach((valueKey, i) => {
        const refuse = (): never => {
          throw duplicateKey(collection, index.name, index.key, extracted.values[i]!);
        };
        for (const holder of this.store.holders(index, valueKey)) {
          if (!holder.equals(idKey) && !own.has(holder.toString('latin1'))) refuse();
        }
        for (const other of own.values()) {
          if (other.after === null || other.idKey.equals(idKey)) continue;
          const keys = extractKeys(index, decodeFields(other.after, index.fields)).keys;
          if (keys.some((key) => key.equals(valueKey))) refuse();
        }
      });
    }
  }

  private applyChanges(transaction: MongoTransaction): void {
    const restore = this.catalog.savepoint();
    try {
      this.storage.atomically(() => {
        for (const [collection, changes] of transaction.changes) {
          if (collection.dropped) throw writeConflict();
          for (const { idKey, before } of changes.values()) {
            if (!sameBytes(this.store.get(collection, idKey) ?? null, before)) throw writeConflict();
          }
          const effective = [...changes.values()].filter(({ before, after }) => !sameBytes(before, after));
          this.store.applyAll(collection, effective);
        }
      });
    } catch (error) {
      restore();
      throw error;
    }
  }

  private rememberCommit(session: string, number: bigint): void {
    this.committed.delete(session);
    this.committed.set(session, number);
    if (this.committed.size > REMEMBERED_COMMITS) this.committed.delete(this.committed.keys().next().value!);
  }
}

function lockName(collection: Collection, idKey: Buffer): string {
  return `${collection.id}:${idKey.toString('latin1')}`;
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

function writeConflict(): MongoCommandError {
  return transientError(
    'WriteConflict',
    'WriteConflict error: this operation conflicted with another operation. Please retry your operation or multi-document transaction.',
  );
}

function noSuchTransaction(number: bigint): MongoCommandError {
  return transientError(
    'NoSuchTransaction',
    `Given transaction number ${number} does not match any in-progress transactions; it was never started, has ended, or ran longer than ${TRANSACTION_LIFETIME_MS / 1000} s.`,
  );
}
