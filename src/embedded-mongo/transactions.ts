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
import { randomUUID } from 'node:crypto';
import { checkNamespace, emptyCollection, type Catalog, type Collection } from './catalog';
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
/** Sessions whose last transaction is remembered, so that its number is told as old, committed or aborted. */
const REMEMBERED_SESSIONS = 2_000;

/** A session's last transaction after its end. */
interface Ended {
  number: bigint;
  /** Settles as the commit did; null after an abort. */
  committed: Promise<void> | null;
}

export class MongoTransaction {
  readonly snapshot: Snapshot;
  readonly changes = new Map<Collection, Map<string, Change>>();
  readonly ended: Promise<void>;
  finished = false;
  /** Collections made here, by namespace; nobody else sees them before the commit, which stores them. */
  readonly made = new Map<string, Collection>();
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

  madeHere(db: string, name: string): Collection | undefined {
    return this.made.size === 0 ? undefined : this.made.get(`${db}.${name}`);
  }

  /** @throws MongoCommandError InvalidNamespace */
  make(db: string, name: string): Collection {
    checkNamespace(db, name);
    const collection = emptyCollection(db, name);
    collection.uuid = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
    this.made.set(collection.ns, collection);
    return collection;
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
  private readonly last = new Map<string, Ended>();
  /** Changed documents of open transactions, by `<collection id, or namespace of one not stored yet>:<id key>`. */
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

  /**
   * The transaction a statement belongs to, begun if it says so.
   * @throws TransactionTooOld, ConflictingOperationInProgress for a number begun before, TransactionCommitted,
   *   NoSuchTransaction (transient)
   */
  enter({ session, number, start }: TransactionOptions): MongoTransaction {
    this.refuseOld(session, number);
    const current = this.open.get(session);
    if (!start) {
      if (current?.number === number) return current;
      throw this.endedError(session, number);
    }
    if ((current?.number ?? this.last.get(session)?.number) === number) {
      throw new MongoCommandError(
        'ConflictingOperationInProgress',
        'Only servers in a sharded cluster can start a new transaction at the active transaction number',
      );
    }
    if (current !== undefined) this.end(current);
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
    this.refuseOld(session, number);
    const transaction = this.open.get(session);
    if (transaction?.number !== number) {
      const last = this.last.get(session);
      if (last?.number === number && last.committed !== null) return last.committed;
      throw noSuchTransaction(number);
    }
    // From here on no other statement may join it, also while the commit is on its way to the disk.
    this.open.delete(session);
    const committed = this.commitChanges(transaction);
    this.remember(session, { number, committed });
    try {
      await committed;
    } catch (error) {
      this.remember(session, { number, committed: null });
      throw error;
    } finally {
      this.end(transaction);
    }
  }

  private async commitChanges(transaction: MongoTransaction): Promise<void> {
    if (transaction.changes.size === 0 && transaction.made.size === 0) return;
    await this.storage.write(() => this.applyChanges(transaction));
  }

  abort({ session, number }: TransactionOptions): void {
    this.refuseOld(session, number);
    const transaction = this.open.get(session);
    if (transaction?.number !== number) throw this.endedError(session, number);
    this.end(transaction);
  }

  /** @throws TransactionTooOld when the session has begun a later transaction */
  private refuseOld(session: string, number: bigint): void {
    const latest = this.open.get(session)?.number ?? this.last.get(session)?.number;
    if (latest === undefined || number >= latest) return;
    throw new MongoCommandError(
      'TransactionTooOld',
      `Cannot start or go on with transaction ${number} on this session because transaction ${latest} has already started.`,
    );
  }

  private endedError(session: string, number: bigint): MongoCommandError {
    const last = this.last.get(session);
    return last?.number === number && last.committed !== null
      ? new MongoCommandError('TransactionCommitted', `Transaction ${number} has been committed.`)
      : noSuchTransaction(number);
  }

  end(transaction: MongoTransaction): void {
    const { session, number } = transaction;
    if (this.open.get(session) === transaction) {
      this.open.delete(session);
      this.remember(session, { number, committed: null });
    }
    for (const [name, holder] of this.locks) if (holder === transaction) this.locks.delete(name);
    this.hooks.onEnd(transaction);
    transaction.finish();
  }

  endSession(session: string): void {
    const transaction = this.open.get(session);
    if (transaction !== undefined) this.end(transaction);
    this.last.delete(session);
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
        const stored = new Map([...transaction.made.values()].map((draft) => [draft, this.storeMade(draft)]));
        for (const [draft, changes] of transaction.changes) {
          const collection = stored.get(draft) ?? draft;
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

  /** Makes a collection of a transaction a stored one. @throws WriteConflict (transient) when there is one by now */
  private storeMade(draft: Collection): Collection {
    if (this.catalog.find(draft.db, draft.name) !== undefined) throw writeConflict();
    const collection = this.catalog.create(draft.db, draft.name, draft.options, draft.uuid);
    for (const index of draft.indexes)
      this.catalog.addIndex(collection, { ...index, id: this.catalog.takeId() });
    return collection;
  }

  private remember(session: string, ended: Ended): void {
    this.last.delete(session);
    this.last.set(session, ended);
    if (this.last.size > REMEMBERED_SESSIONS) this.last.delete(this.last.keys().next().value!);
  }
}

function lockName(collection: Collection, idKey: Buffer): string {
  // Collections that transactions made share the id of what is not stored.
  return `${collection.id || collection.ns}:${idKey.toString('latin1')}`;
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
