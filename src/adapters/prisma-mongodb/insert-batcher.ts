import {
  MongoAPIError,
  MongoBulkWriteError,
  type BulkWriteOptions,
  type Collection,
  type Document,
} from 'mongodb';
import { BSONError } from 'bson';
import type { ExecutionContext } from './context';
import type { Model } from './datamodel';

interface Waiting {
  document: Document;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** The most documents in one insert; more wait for the next. */
const MAX_BATCH = 1000;

/**
 * Joins the single inserts of one turn of the event loop into one unordered `insertMany` for each collection: a busy
 * server sends a few commands instead of hundreds. Each insert still succeeds or fails by itself. Outside transactions
 * only.
 */
export class InsertBatcher {
  private readonly waiting = new Map<Model, Waiting[]>();

  constructor(private readonly context: ExecutionContext) {}

  insert(model: Model, document: Document): Promise<void> {
    return new Promise((resolve, reject) => {
      const item = { document, resolve, reject };
      const queue = this.waiting.get(model);
      if (queue) {
        queue.push(item);
        return;
      }
      this.waiting.set(model, [item]);
      setImmediate(() => this.flush(model));
    });
  }

  private flush(model: Model): void {
    const items = this.waiting.get(model) ?? [];
    this.waiting.delete(model);
    for (let start = 0; start < items.length; start += MAX_BATCH) {
      void this.send(model, items.slice(start, start + MAX_BATCH));
    }
  }

  /** Settles every item; never rejects. */
  private async send(model: Model, items: Waiting[]): Promise<void> {
    if (items.length === 1) return this.sendOne(model, items[0]!);
    try {
      const documents = items.map((item) => item.document);
      await this.context.run(model, 'insert', (collection) => insertUnordered(collection, documents));
      for (const item of items) item.resolve();
    } catch (error) {
      if (error instanceof MongoBulkWriteError) settle(items, error);
      // One document that cannot be sent (too large, say) fails the whole command before it leaves: send each alone.
      else if (failedBeforeSending(error)) {
        await Promise.all(items.map((item) => this.sendOne(model, item)));
      } else for (const item of items) item.reject(error);
    }
  }

  private async sendOne(model: Model, item: Waiting): Promise<void> {
    try {
      await this.context.run(model, 'insert', (collection) => collection.insertOne(item.document));
      item.resolve();
    } catch (error) {
      item.reject(error);
    }
  }
}

export function insertUnordered(
  collection: Collection,
  documents: Document[],
  options: BulkWriteOptions = {},
): Promise<unknown> {
  return collection.insertMany(documents, { ...options, ordered: false });
}

/** The driver's refusals, and what serialising a document throws: a RangeError beyond its buffer. */
export const failedBeforeSending = (error: unknown): boolean =>
  error instanceof MongoAPIError ||
  error instanceof BSONError ||
  (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_OUT_OF_RANGE';

/** Maps the errors of a bulk insert back to its items. */
function settle(items: Waiting[], error: MongoBulkWriteError): void {
  const failures = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  const byIndex = new Map(failures.map((failure) => [failure.index, failure]));
  // Without errors of its own items the write concern failed: no item is safe.
  if (byIndex.size === 0) for (const item of items) item.reject(error);
  items.forEach((item, index) => {
    const failure = byIndex.get(index);
    if (failure) item.reject(failure);
    else item.resolve();
  });
}
