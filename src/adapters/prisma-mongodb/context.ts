import { AsyncLocalStorage } from 'node:async_hooks';
import type { ClientSession, Collection, Db, Document, MongoClient } from 'mongodb';
import type { CompiledDatamodel, Model } from './datamodel';
import { ArgumentError, KnownError } from './errors';

/** One command sent to the database. */
export interface CommandEvent {
  model: string;
  collection: string;
  command: 'find' | 'aggregate' | 'insert' | 'update' | 'findAndModify' | 'delete' | 'other';
}

/** One finished Prisma operation. */
export interface OperationEvent {
  model: string;
  operation: string;
  durationMs: number;
  error?: unknown;
}

export interface ConnectorHooks {
  onCommand?(event: CommandEvent): void;
  onOperation?: (event: OperationEvent) => void;
}

/** An open transaction: the driver allows one command at a time in a session, so commands queue in `tail`. */
export interface TransactionScope {
  session: ClientSession;
  isOpen: boolean;
  tail: Promise<unknown>;
}

/** Transactions by async context. One store for all clients: a transaction spans databases of one cluster. */
export const transactions = new AsyncLocalStorage<TransactionScope>();

/** What the executor's functions share: one for each tenant's client. */
export class ExecutionContext {
  readonly models: Map<string, Model>;
  private readonly collections = new Map<string, Collection>();

  constructor(
    readonly datamodel: CompiledDatamodel,
    private readonly database: Db | (() => Db),
    readonly mongoClient: MongoClient,
    readonly hooks: ConnectorHooks,
  ) {
    this.models = datamodel.models;
  }

  get db(): Db {
    return typeof this.database === 'function' ? this.database() : this.database;
  }

  model(name: string): Model {
    const model = this.models.get(name);
    if (!model) throw new ArgumentError(`Model ${name} is not in the data model; run the generators again.`);
    return model;
  }

  collection(model: Model): Collection {
    if (typeof this.database === 'function') return this.database().collection(model.collection);
    let collection = this.collections.get(model.collection);
    if (!collection) {
      collection = this.database.collection(model.collection);
      this.collections.set(model.collection, collection);
    }
    return collection;
  }

  /** The transaction of the calling async context, or null. */
  get transaction(): TransactionScope | null {
    const scope = transactions.getStore();
    if (!scope) return null;
    if (scope.isOpen) return scope;
    throw new KnownError(
      'P2028',
      'Transaction API error: Transaction already closed: the operation came after its transaction was committed, rolled back or timed out.',
    );
  }

  /** Sends one command, inside the transaction if there is one. */
  run<T>(
    model: Model,
    command: CommandEvent['command'],
    work: (collection: Collection, session: { session?: ClientSession }) => Promise<T>,
  ): Promise<T> {
    const scope = this.transaction;
    const collection = this.collection(model);
    this.hooks.onCommand?.({ model: model.name, collection: model.collection, command });
    if (!scope) return work(collection, {});
    const result = scope.tail.then(() => work(collection, { session: scope.session }));
    // The next command waits for this one's end, good or bad; its caller handles the failure.
    scope.tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Reads all documents of a query in as few round trips as its size allows. */
  find(model: Model, filter: Document, options: FindOptions): Promise<Document[]> {
    return this.run(model, 'find', (collection, session) =>
      collection.find(filter, { ...options, ...session, batchSize: batchSizeOf(options.limit) }).toArray(),
    );
  }

  findOne(model: Model, filter: Document, options: FindOptions): Promise<Document | null> {
    return this.run(model, 'find', (collection, session) =>
      collection.findOne(filter, { ...options, ...session }),
    );
  }

  aggregate(model: Model, pipeline: Document[]): Promise<Document[]> {
    return this.run(model, 'aggregate', (collection, session) =>
      collection.aggregate(pipeline, { ...session, batchSize: MAX_BATCH_SIZE }).toArray(),
    );
  }
}

export interface FindOptions {
  projection?: Document;
  sort?: Document;
  skip?: number;
  limit?: number;
}

/** Documents in one reply; the server's own first batch of 101 would cost a second round trip. */
const MAX_BATCH_SIZE = 1000;

function batchSizeOf(limit: number | undefined): number {
  return limit === undefined || limit === 0 || limit > MAX_BATCH_SIZE ? MAX_BATCH_SIZE : limit + 1;
}
