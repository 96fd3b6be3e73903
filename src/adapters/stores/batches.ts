import {
  type AnyBulkWriteOperation,
  type AnyClientBulkWriteModel,
  type Collection,
  type Document,
  MongoBulkWriteError,
  type MongoClient,
  MongoClientBulkWriteError,
} from 'mongodb';
import { failedBeforeSending, fromStoredRow, toStoredRow } from '../prisma-mongodb';

/** Entries of one command at most. */
const MOST_AT_ONCE = 500;
/** Commands that one kind of batch has under way: while the database works on one, the next is made. Measured: 3 are slower. */
const MOST_UNDER_WAY = 2;
export const DUPLICATE_KEY = 11000;
/** Unauthorized, CommandNotFound, CommandNotSupported, AtlasError (some of its tiers lack commands): nothing was done. */
const NO_SUCH_COMMAND: ReadonlySet<unknown> = new Set([13, 59, 115, 8000]);
interface Waiting<In, Out> {
  input: In;
  resolve: (output: Out) => void;
  reject: (error: unknown) => void;
}

/**
 * Sends entries to the database a few commands at a time; what arrives while they are under way shares the next one.
 * Alone, an entry costs one round trip as ever; under load, many share it.
 */
export abstract class Batch<In, Out> {
  constructor(private readonly mostAtOnce = MOST_AT_ONCE) {}

  private waiting: Waiting<In, Out>[] = [];
  private underWay = 0;
  private starting = false;

  protected add(input: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ input, resolve, reject });
      this.start();
    });
  }

  private start(): void {
    if (this.starting || this.underWay >= MOST_UNDER_WAY) return;
    this.starting = true;
    // Entries of the same turn travel together.
    process.nextTick(() => {
      this.starting = false;
      if (this.waiting.length === 0) return;
      this.underWay++;
      void this.sendNext(this.waiting.splice(0, this.mostAtOnce)).finally(() => {
        this.underWay--;
        if (this.waiting.length > 0) this.start();
      });
    });
  }

  /** One outcome for each input, in order; an Error rejects its entry alone. */
  protected abstract send(inputs: In[]): Promise<(Out | Error)[]>;

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
  const { _id, ...rest } = fromStoredRow(document);
  return { id: _id as string, ...rest } as R;
}

export interface ConditionalUpdate {
  /** Conditions, equality with an `_id` among them. */
  filter: Document & { _id: string };
  update: Document;
}

/** One write of one document. */
export type Write = { collection: Collection<Document> } & (
  { kind: 'insert'; document: Document } | ({ kind: 'update' } & ConditionalUpdate)
);

export const insertion = (collection: Collection<Document>, document: Document): Write => ({
  kind: 'insert',
  collection,
  document: toStoredRow(explicit(document)),
});

export const conditional = (
  collection: Collection<Document>,
  { filter, update }: ConditionalUpdate,
): Write => ({
  kind: 'update',
  collection,
  filter: explicit(filter),
  update: '$set' in update ? { ...update, $set: toStoredRow(explicit(update.$set as Document)) } : update,
});

/** Writes that depend on each other: a stage happens only if every write of the stage before it did. */
export type Stages = Write[][];

export interface StagesOutcome {
  /** Stages of which every write happened. */
  done: number;
  /** What stopped the next stage, where it was no taken place and no condition that was not met. */
  error?: Error;
}

interface Progress extends StagesOutcome {
  stages: Stages;
  stopped: boolean;
}

/**
 * Writes of single documents into any collection of a server. Those that travel together are one `bulkWrite` command where
 * the server has it (MongoDB 8, the embedded database), else one command for each stage, collection and kind.
 *
 * Writes that depend on each other travel together too: a command in order stops at the first write that fails, and what
 * stands behind it is sent again, stage by stage. For that an update whose conditions do not hold has to fail: it is an
 * upsert that can insert nothing, since the id it would insert is not the one it looks for.
 */
export class WriteBatch extends Batch<Stages, StagesOutcome> {
  private hasBulkWrite = true;

  constructor(private readonly client: () => MongoClient) {
    super();
  }

  /** @returns false when a unique index has the document's place already */
  insert(collection: Collection<Document>, document: Document): Promise<boolean> {
    return this.one(insertion(collection, document));
  }

  /** @returns false when the document did not meet the conditions */
  update(collection: Collection<Document>, change: ConditionalUpdate): Promise<boolean> {
    return this.one(conditional(collection, change));
  }

  /** @returns how far it came; rejects when a command failed as a whole, so that nothing is known */
  stages(stages: Stages): Promise<StagesOutcome> {
    return this.add(stages.filter((writes) => writes.length > 0));
  }

  private async one(write: Write): Promise<boolean> {
    const { done, error } = await this.add([[write]]);
    if (error) throw error;
    return done === 1;
  }

  protected async send(batch: Stages[]): Promise<StagesOutcome[]> {
    const all = batch.map((stages): Progress => ({ stages, done: 0, stopped: false }));
    let whole = all.filter(isUntouched);
    // Stage by stage a kill could come between two stages of one entry, in one command of the embedded database it cannot.
    for (let sent = 0; sent < MOST_IN_ORDER && whole.some(hasStages); whole = all.filter(isUntouched), sent++)
      if (!this.hasBulkWrite || !(await this.sendInOrder(whole))) break;
    for (let open = all.filter(isOpen); open.length > 0; open = open.filter(isOpen))
      await this.sendNextStages(open);
    return all;
  }

  /**
   * Everything in one command. It ends at the first failure; what stands behind it stays open.
   * @returns false where the server has no such command, or could not be sent this one
   */
  private async sendInOrder(all: Progress[]): Promise<boolean> {
    const writes = all.flatMap(({ stages }) => stages.flat());
    const failures = await this.bulkWrite(writes, true);
    if (typeof failures === 'string') return false;
    const [failed = writes.length] = failures.keys();
    let next = 0;
    for (const progress of all) {
      const first = next;
      next += progress.stages.flat().length;
      if (next <= failed) progress.done = progress.stages.length;
      else if (first > failed) return true;
      else {
        progress.done = stageOf(progress.stages, failed - first);
        stop(progress, outcomeOf(writes[failed]!, failures.get(failed)));
      }
    }
    return true;
  }

  private async sendNextStages(open: Progress[]): Promise<void> {
    const outcomes = await this.sendApart(open.flatMap(({ stages, done }) => stages[done]!));
    let next = 0;
    for (const progress of open) {
      const own = outcomes.slice(next, (next += progress.stages[progress.done]!.length));
      if (own.every((outcome) => outcome === true)) progress.done++;
      else stop(progress, own.find((outcome) => outcome instanceof Error) ?? false);
    }
  }

  /** Writes that do not depend on each other. */
  private async sendApart(writes: Write[]): Promise<(boolean | Error)[]> {
    const groups = groupsOf(writes);
    const failures = groups.length > 1 && this.hasBulkWrite ? await this.bulkWrite(writes, false) : 'lacking';
    if (failures === 'unsent') return eachAlone(writes);
    if (failures !== 'lacking') return writes.map((write, index) => outcomeOf(write, failures.get(index)));
    const outcomes: (boolean | Error)[] = [];
    await Promise.all(
      groups.map(async (indexes) => {
        const group = await sendAlike(indexes.map((index) => writes[index]!));
        indexes.forEach((index, place) => (outcomes[index] = group[place]!));
      }),
    );
    return outcomes;
  }

  /** @returns what failed, by the place of the write; 'lacking' when the server has no such command for us */
  private async bulkWrite(
    writes: Write[],
    ordered: boolean,
  ): Promise<ReadonlyMap<number, WriteFailure> | 'lacking' | 'unsent'> {
    try {
      await this.client().bulkWrite(writes.map(toModel), { ordered });
      return new Map();
    } catch (error) {
      if (lacksCommand(error)) {
        this.hasBulkWrite = false;
        return 'lacking';
      }
      if (failedBeforeSending(error)) return 'unsent';
      // A failure of the whole command (a lost connection, a full disk) is not about single documents.
      if (!(error instanceof MongoClientBulkWriteError) || error.cause || error.writeErrors.size === 0)
        throw error;
      return error.writeErrors;
    }
  }
}

/** Entries of a batch that fail are few; where more do, the rest goes stage by stage, in three commands at most. */
const MOST_IN_ORDER = 4;

const isUntouched = ({ stages, done, stopped }: Progress): boolean =>
  !stopped && done === 0 && stages.length > 0;
const hasStages = ({ stages }: Progress): boolean => stages.length > 1;

const isOpen = ({ stages, done, stopped }: Progress): boolean => !stopped && done < stages.length;

function stop(progress: Progress, outcome: boolean | Error): void {
  progress.stopped = true;
  if (outcome instanceof Error) progress.error = outcome;
}

/** The stage in which the write at this place stands. */
function stageOf(stages: Stages, place: number): number {
  let end = 0;
  return stages.findIndex((writes) => place < (end += writes.length));
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
  const { collection } = writes[0]!;
  try {
    await collection.bulkWrite(writes.map(toOperation), { ordered: false });
    return writes.map(() => true);
  } catch (error) {
    if (failedBeforeSending(error) && writes.length > 1) return eachAlone(writes);
    if (!(error instanceof MongoBulkWriteError)) return writes.map(() => error as Error);
    const failures = new Map([error.writeErrors].flat().map((failure) => [failure.index, failure]));
    if (failures.size === 0) return writes.map(() => error);
    return writes.map((write, index) => outcomeOf(write, failures.get(index)));
  }
}

/** One document that cannot be sent must not take the others along. */
async function eachAlone(writes: Write[]): Promise<(boolean | Error)[]> {
  return (await Promise.all(writes.map((write) => sendAlike([write])))).flat();
}

/** No id of ours: an upsert that would insert it beside the id of its conditions is refused. */
const UPSERT_NOTHING = { $setOnInsert: { _id: '' } };
/** MongoDB's ImmutableField: so ends an upsert that met no document. */
const IMMUTABLE_FIELD = 66;

const failing = (update: Document): Document => ({ ...update, ...UPSERT_NOTHING });

function toOperation(write: Write): AnyBulkWriteOperation<Document> {
  if (write.kind === 'insert') return { insertOne: { document: write.document } };
  const filter: Document = write.filter;
  return { updateOne: { filter, update: failing(write.update), upsert: true } };
}

function toModel(write: Write): AnyClientBulkWriteModel<Document> {
  const { namespace } = write.collection;
  if (write.kind === 'insert') return { namespace, name: 'insertOne', document: write.document };
  const filter: Document = write.filter;
  return { namespace, name: 'updateOne', filter, update: failing(write.update), upsert: true };
}

interface WriteFailure {
  code: number;
  errmsg?: string;
  message?: string;
}

/** False for an insert whose place is taken and for an update whose conditions do not hold, an error for any other failure. */
function outcomeOf({ kind }: Write, failure: WriteFailure | undefined): boolean | Error {
  if (!failure) return true;
  if (failure.code === (kind === 'insert' ? DUPLICATE_KEY : IMMUTABLE_FIELD)) return false;
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
    // One more than can be found: the server sees the end, and only what is too big for one answer needs another.
    this.options = { batchSize: mostAtOnce + 1, ...(projection ? { projection } : {}) };
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
