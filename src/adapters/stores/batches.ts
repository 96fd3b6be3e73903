import {
  type AnyClientBulkWriteModel,
  type Collection,
  type Document,
  MongoBulkWriteError,
  type MongoClient,
  MongoClientBulkWriteError,
} from 'mongodb';
import { failedBeforeSending } from '../prisma-mongodb';

/** Entries of one command at most. */
const MOST_AT_ONCE = 500;
export const DUPLICATE_KEY = 11000;
/** Unauthorized, CommandNotFound, CommandNotSupported, AtlasError (some of its tiers lack commands): nothing was done. */
const NO_SUCH_COMMAND: ReadonlySet<unknown> = new Set([13, 59, 115, 8000]);
/**
 * Entries that arrived during a command mean load: for so long after it the next commands wait `LINGER_MS` for company.
 * Measured: 12 % more chats a second at 16 clients, and none lost at 64.
 */
const BUSY_MS = 8;
const LINGER_MS = 1;

interface Waiting<In, Out> {
  input: In;
  resolve: (output: Out) => void;
  reject: (error: unknown) => void;
}

/**
 * Sends entries to the database one command at a time; what arrives while a command is under way shares the next one.
 * Alone, an entry costs one round trip as ever; under load, many share it.
 */
abstract class Batch<In, Out> {
  constructor(private readonly mostAtOnce = MOST_AT_ONCE) {}

  private waiting: Waiting<In, Out>[] = [];
  private sending = false;
  private busyUntil = 0;

  protected add(input: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ input, resolve, reject });
      if (this.sending) return;
      this.sending = true;
      // Entries of the same turn travel together.
      process.nextTick(() => void this.drain());
    });
  }

  /** One outcome for each input, in order; an Error rejects its entry alone. */
  protected abstract send(inputs: In[]): Promise<(Out | Error)[]>;

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      // Under load a moment's patience gathers more than it costs; a lone entry never waits.
      if (performance.now() < this.busyUntil) await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
      await this.sendNext(this.waiting.splice(0, this.mostAtOnce));
      if (this.waiting.length > 0) this.busyUntil = performance.now() + BUSY_MS;
    }
    this.sending = false;
  }

  private async sendNext(batch: Waiting<In, Out>[]): Promise<void> {
    try {
      const outcomes = await this.send(batch.map(({ input }) => input));
      batch.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index]!;
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

export interface Row {
  id: string;
}

/** A row as MongoDB stores it. */
export function toDocument<R extends Row>({ id, ...rest }: R): Document {
  return { _id: id, ...rest };
}

/** A stored document as a row; fields that were added later than the document are null. */
export function toRow<R>(document: Document): R {
  const { _id, ...rest } = document;
  return { id: _id as string, ...rest } as R;
}

export interface ConditionalUpdate {
  /** Equality conditions, `_id` among them. */
  filter: Document & { _id: string };
  update: Document;
}

type Write = { collection: Collection<Document> } & (
  { kind: 'insert'; document: Document } | ({ kind: 'update'; mark: string } & ConditionalUpdate)
);

/**
 * Writes of single documents into any collection of a server. Those that travel together are one `bulkWrite` command where
 * the server has it (MongoDB 8, the embedded database), else one command for each collection and kind.
 *
 * A command with many updates answers one total, though each writer must know whether its own conditions held. So each
 * update leaves a mark in its document (`lastWrite`); when the total is short, one query for the marks tells who failed.
 */
export class WriteBatch extends Batch<Write, boolean> {
  private hasBulkWrite = true;

  constructor(private readonly client: () => MongoClient) {
    super();
  }

  /** @returns false when a unique index has the document's place already */
  insert(collection: Collection<Document>, document: Document): Promise<boolean> {
    return this.add({ kind: 'insert', collection, document: explicit(document) });
  }

  /**
   * @param mark unique for this write
   * @returns false when the document did not meet the conditions
   */
  update(
    collection: Collection<Document>,
    { filter, update }: ConditionalUpdate,
    mark: string,
  ): Promise<boolean> {
    const $set = explicit({ ...(update.$set as Document), lastWrite: mark });
    return this.add({
      kind: 'update',
      collection,
      filter: explicit(filter),
      update: { ...update, $set },
      mark,
    });
  }

  protected async send(writes: Write[]): Promise<(boolean | Error)[]> {
    const groups = groupsOf(writes);
    if (groups.length > 1 && this.hasBulkWrite) {
      const outcomes = await this.sendTogether(writes);
      if (outcomes) return outcomes;
      this.hasBulkWrite = false;
    }
    const outcomes: (boolean | Error)[] = [];
    await Promise.all(
      groups.map(async (indexes) => {
        const group = await sendAlike(indexes.map((index) => writes[index]!));
        indexes.forEach((index, place) => (outcomes[index] = group[place]!));
      }),
    );
    return outcomes;
  }

  /** @returns undefined when the server has no such command for us */
  private async sendTogether(writes: Write[]): Promise<(boolean | Error)[] | undefined> {
    let failures: ReadonlyMap<number, WriteFailure> = new Map();
    let matched: number;
    try {
      ({ matchedCount: matched } = await this.client().bulkWrite(writes.map(toModel), { ordered: false }));
    } catch (error) {
      if (lacksCommand(error)) return undefined;
      if (failedBeforeSending(error)) return eachAlone(writes);
      // A failure of the whole command (a lost connection, a full disk) is not about single documents.
      if (!(error instanceof MongoClientBulkWriteError) || error.cause || error.writeErrors.size === 0)
        throw error;
      failures = error.writeErrors;
      matched = error.partialResult?.matchedCount ?? 0;
    }
    const updates = writes.filter(({ kind }) => kind === 'update').length;
    const met = matched === updates ? undefined : await metConditions(writes);
    return writes.map((write, index) => outcomeOf(write, failures.get(index)) ?? met?.has(write) ?? true);
  }
}

/** `bulkWrite` leaves undefined fields out: a missing condition would hold for everything. */
function explicit<D extends Document>(fields: D): D {
  for (const name in fields) if (fields[name] === undefined) fields[name] = null as never;
  return fields;
}

/** Indexes of writes of one kind into one collection. */
function groupsOf(writes: Write[]): number[][] {
  const groups = new Map<string, number[]>();
  writes.forEach(({ kind, collection }, index) => {
    const key = `${kind} ${collection.namespace}`;
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
  });
  return [...groups.values()];
}

/** Writes of one kind into one collection. */
async function sendAlike(writes: Write[]): Promise<(boolean | Error)[]> {
  const { collection, kind } = writes[0]!;
  try {
    if (kind === 'insert') {
      await collection.insertMany(
        writes.map((write) => (write as Extract<Write, { kind: 'insert' }>).document),
        { ordered: false },
      );
      return writes.map(() => true);
    }
    const operations = writes.map((write) => {
      const { filter, update } = write as Extract<Write, { kind: 'update' }>;
      const conditions: Document = filter;
      return { updateOne: { filter: conditions, update } };
    });
    const { matchedCount } = await collection.bulkWrite(operations, { ordered: false });
    if (matchedCount === writes.length) return writes.map(() => true);
    const met = await metConditions(writes);
    return writes.map((write) => met.has(write));
  } catch (error) {
    if (failedBeforeSending(error) && writes.length > 1) return eachAlone(writes);
    if (error instanceof MongoBulkWriteError) {
      const failures = new Map([error.writeErrors].flat().map((failure) => [failure.index, failure]));
      if (failures.size > 0) {
        const met = await metConditions(writes);
        return writes.map((write, index) => outcomeOf(write, failures.get(index)) ?? met.has(write));
      }
    }
    return writes.map(() => error as Error);
  }
}

/** One document that cannot be sent must not take the others along. */
async function eachAlone(writes: Write[]): Promise<(boolean | Error)[]> {
  return (await Promise.all(writes.map((write) => sendAlike([write])))).flat();
}

/** The writes without the updates that did not happen: those that did have left their marks. */
async function metConditions(writes: Write[]): Promise<Set<Write>> {
  const updates = writes.filter((write) => write.kind === 'update');
  const inserts = writes.filter(({ kind }) => kind === 'insert');
  const met = await Promise.all(
    groupsOf(updates).map(async (indexes) => {
      const group = indexes.map((index) => updates[index]!);
      const ids = group.map(({ filter }) => filter._id);
      const found = await group[0]!.collection
        .find({ _id: { $in: ids } } as Document, { projection: { lastWrite: 1 } })
        .toArray();
      const marks = new Map(found.map((document) => [String(document._id), document.lastWrite as unknown]));
      return group.filter(({ filter, mark }) => marks.get(filter._id) === mark);
    }),
  );
  return new Set([...inserts, ...met.flat()]);
}

function toModel(write: Write): AnyClientBulkWriteModel<Document> {
  const { namespace } = write.collection;
  return write.kind === 'insert'
    ? { namespace, name: 'insertOne', document: write.document }
    : { namespace, name: 'updateOne', filter: write.filter as Document, update: write.update };
}

interface WriteFailure {
  code: number;
  errmsg?: string;
  message?: string;
}

/** False for an insert whose place is taken, an error for any other failure. */
function outcomeOf({ kind }: Write, failure: WriteFailure | undefined): false | Error | undefined {
  if (!failure) return undefined;
  if (kind === 'insert' && failure.code === DUPLICATE_KEY) return false;
  const message = failure.errmsg ?? failure.message ?? 'The database refused a write.';
  return Object.assign(new Error(message), { code: failure.code });
}

const lacksCommand = (error: unknown): boolean =>
  NO_SUCH_COMMAND.has((error as { cause?: { code?: unknown } }).cause?.code);

export interface FindOptions {
  /** A field whose values are unique. */
  field?: string;
  projection?: Document;
  /** Documents of one command: all of them together must fit into one answer of 16 MiB. */
  mostAtOnce?: number;
}

/** Reads of documents by id, or by another unique field. Who asks for the same one gets the same object. */
export class FindBatch extends Batch<string, Document | null> {
  private readonly field: string;
  private readonly options: Document;

  constructor(
    private readonly collection: () => Collection<Document>,
    { field = '_id', projection, mostAtOnce = MOST_AT_ONCE }: FindOptions = {},
  ) {
    super(mostAtOnce);
    this.field = field;
    this.options = { batchSize: mostAtOnce, singleBatch: true, ...(projection ? { projection } : {}) };
  }

  find(key: string): Promise<Document | null> {
    return this.add(key);
  }

  /** Those that are there, in the order of the keys. */
  async findAll(keys: string[]): Promise<Document[]> {
    return (await Promise.all(keys.map((key) => this.add(key)))).filter((document) => document !== null);
  }

  protected async send(keys: string[]): Promise<(Document | null)[]> {
    const wanted = keys.length === 1 ? keys[0] : { $in: [...new Set(keys)] };
    const found = await this.collection()
      .find({ [this.field]: wanted }, this.options)
      .toArray();
    if (keys.length === 1) return [found[0] ?? null];
    const byKey = new Map(found.map((document) => [String(document[this.field]), document]));
    return keys.map((key) => byKey.get(key) ?? null);
  }
}
