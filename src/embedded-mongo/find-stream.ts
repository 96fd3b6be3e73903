/** A query in progress: plan, scan, order, skip, limit and projection, handing out stored bytes in slices of time. */
import type { Document } from 'bson';
import { compileProjection, compileSorter, type Sorter } from './query';
import type { Collection, Direction } from './catalog';
import { MongoCommandError } from './errors';
import { planQuery, type Plan } from './planner';
import { MAX_DOCUMENT_BYTES, decode, decodeFields, encode, omitElements, pickElements } from './raw-bson';
import { Scan, type Hit, type View } from './scan';
import type { Storage } from './storage';

export interface FindRequest {
  filter: Document;
  sort: Document;
  /** undefined or empty: whole documents. */
  projection?: Document | undefined;
  skip: number;
  /** 0: no limit. */
  limit: number;
  hint?: string | Document | undefined;
  /** How many documents the first batch wants; sizes the first read. */
  expected?: number | undefined;
}

/** `pending`: the time slice is over and there is more to do. `full`: the batch is complete. `done`: no more. */
export type FillState = 'pending' | 'full' | 'done';

export interface BatchLimits {
  maxDocuments: number;
  /** Bytes after which a batch is complete; one document always fits. */
  maxBytes: number;
  /** `performance.now()` value at which to hand control back. */
  deadline: number;
}

/** Anything a cursor can be opened over. */
export interface ResultStream {
  fill(into: Buffer[], limits: BatchLimits): FillState;
}

/** Longest stretch one query keeps the thread before others get a turn. */
export const TIME_SLICE_MS = 15;

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Documents between two looks at the clock. */
const CLOCK_STRIDE = 64;

export class FindStream implements ResultStream {
  readonly plan: Plan;
  readonly scan: Scan;
  private readonly project: ((raw: Buffer) => Buffer) | null;
  private readonly sorter: Sorter | null;
  private readonly sortFields: ReadonlySet<string>;
  private toSkip: number;
  private left: number;
  private sorted: Hit[] | null = null;
  private sortedAt = 0;
  private collecting: { hit: Hit; keys: unknown[] }[] = [];
  private held: Buffer | null = null;

  constructor(
    storage: Storage,
    private readonly collection: Collection,
    private readonly request: FindRequest,
    view: View,
  ) {
    const sort = sortPattern(request.sort);
    const isNatural = sort.length === 1 && sort[0]![0] === '$natural';
    this.plan = planQuery(collection, {
      filter: request.filter,
      sort: isNatural ? [] : sort,
      hint: isNatural ? { $natural: sort[0]![1] } : request.hint,
      ignoreIndexOrder: (view.changes?.size ?? 0) > 0,
    });
    const sortsInMemory =
      !isNatural && sort.length > 0 && (!this.plan.providesSort || (view.changes?.size ?? 0) > 0);
    this.sorter = sortsInMemory ? compileSorter(request.sort) : null;
    this.sortFields = new Set(sort.map(([path]) => path.split('.')[0]!));
    this.project = compileRawProjection(request.projection, request.filter);
    this.toSkip = request.skip;
    this.left = request.limit === 0 ? Number.POSITIVE_INFINITY : request.limit;
    const wanted = this.sorter === null ? Math.min(request.expected ?? 101, this.left + request.skip) : 512;
    this.scan = new Scan(storage, collection, this.plan, view, wanted);
  }

  get sortsInMemory(): boolean {
    return this.sorter !== null;
  }

  /**
   * Calls `visit` for every document, giving other work a turn after each slice of time.
   * @param visit returns false to stop early
   * @param maxTimeMs 0: no limit
   * @throws MongoCommandError MaxTimeMSExpired
   */
  async eachHit(visit: (hit: Hit) => boolean | void, maxTimeMs = 0): Promise<void> {
    const end = maxTimeMs > 0 ? performance.now() + maxTimeMs : Number.POSITIVE_INFINITY;
    while (!this.visitUntil(performance.now() + TIME_SLICE_MS, visit)) {
      if (performance.now() > end)
        throw new MongoCommandError('MaxTimeMSExpired', 'operation exceeded time limit');
      await nextTurn();
    }
  }

  /** @returns whether it is done, else the time is over */
  private visitUntil(deadline: number, visit: (hit: Hit) => boolean | void): boolean {
    this.scan.deadline = deadline;
    if (this.sorter !== null && this.sorted === null && !this.collect(deadline)) return false;
    for (let steps = 1; ; steps++) {
      const hit = this.advance();
      if (hit === null) return !this.scan.paused;
      if (visit(hit) === false) return true;
      if (steps % CLOCK_STRIDE === 0 && performance.now() > deadline) return false;
    }
  }

  /** The next document as stored, with its id, before projection; null at the end. Runs to completion. */
  nextHit(): Hit | null {
    this.scan.deadline = Number.POSITIVE_INFINITY;
    while (this.sorter !== null && this.sorted === null) this.collect(Number.POSITIVE_INFINITY);
    return this.advance();
  }

  fill(into: Buffer[], { maxDocuments, maxBytes, deadline }: BatchLimits): FillState {
    this.scan.deadline = deadline;
    if (this.sorter !== null && this.sorted === null && !this.collect(deadline)) return 'pending';
    let bytes = into.reduce((sum, raw) => sum + raw.length, 0);
    for (let steps = 1; into.length < maxDocuments; steps++) {
      if (steps % CLOCK_STRIDE === 0 && performance.now() > deadline) return 'pending';
      const raw = this.held ?? this.nextProjected();
      this.held = null;
      if (raw === null) return this.scan.paused ? 'pending' : 'done';
      if (into.length > 0 && bytes + raw.length > maxBytes) {
        this.held = raw;
        return 'full';
      }
      bytes += raw.length;
      into.push(raw);
    }
    return this.left === 0 ? 'done' : 'full';
  }

  private nextProjected(): Buffer | null {
    const raw = this.toSkip === 0 && this.sorted === null ? this.advanceRaw() : (this.advance()?.raw ?? null);
    return raw === null || this.project === null ? raw : this.project(raw);
  }

  /** `advance` without the id, when nothing is to be skipped or was sorted. */
  private advanceRaw(): Buffer | null {
    if (this.left === 0) return null;
    const raw = this.scan.nextRaw();
    if (raw !== null) this.left -= 1;
    else if (!this.scan.paused) this.refuseDropped();
    return raw;
  }

  private refuseDropped(): void {
    if (!this.collection.dropped) return;
    throw new MongoCommandError('OperationFailed', `collection dropped: ${this.collection.ns}`);
  }

  private advance(): Hit | null {
    if (this.left === 0) return null;
    for (;;) {
      const hit = this.sorted === null ? this.scan.next() : (this.sorted[this.sortedAt++] ?? null);
      if (hit === null) {
        if (!this.scan.paused) this.refuseDropped();
        return null;
      }
      if (this.toSkip > 0) {
        this.toSkip -= 1;
        continue;
      }
      this.left -= 1;
      return hit;
    }
  }

  /** Gathers for the sort until done (true) or out of time (false). */
  private collect(deadline: number): boolean {
    const sorter = this.sorter!;
    for (let steps = 1; ; steps++) {
      const hit = this.scan.next();
      if (hit === null && this.scan.paused) return false;
      if (hit === null) break;
      this.collecting.push({ hit, keys: sorter.keysOf(decodeFields(hit.raw, this.sortFields)) });
      if (steps % CLOCK_STRIDE === 0) {
        this.dropBeyondLimit();
        if (performance.now() > deadline) return false;
      }
    }
    this.collecting.sort((a, b) => sorter.compare(a.keys, b.keys));
    this.sorted = this.collecting.map(({ hit }) => hit);
    this.collecting = [];
    return true;
  }

  /** With a limit only the best few can matter; the rest is let go from time to time. */
  private dropBeyondLimit(): void {
    const keep = this.left + this.toSkip;
    if (this.collecting.length < keep * 2 + 1_000) return;
    const { compare } = this.sorter!;
    this.collecting.sort((a, b) => compare(a.keys, b.keys));
    this.collecting.length = keep;
  }
}

/** @throws MongoCommandError (BadValue) naming the field whose direction is not 1, -1 or a supported $meta */
export function sortPattern(sort: Document): [path: string, direction: Direction][] {
  return Object.entries(sort).map(([path, direction]) => {
    const value = Number(direction);
    if (value !== 1 && value !== -1) {
      throw new MongoCommandError('BadValue', `Illegal sort direction for '${path}': it must be 1 or -1`);
    }
    return [path, value];
  });
}

/** A projection over stored bytes, or null when there is nothing to project. */
export function compileRawProjection(
  projection: Document | undefined,
  filter: Document,
): ((raw: Buffer) => Buffer) | null {
  if (projection === undefined || Object.keys(projection).length === 0) return null;
  return plainProjection(projection) ?? decodedProjection(projection, filter);
}

function decodedProjection(projection: Document, filter: Document): (raw: Buffer) => Buffer {
  const project = compileProjection(projection, filter);
  return (raw) => encode(project(decode(raw)));
}

/** `{ a: 1, b: 1, _id: 0 }` and `{ a: 0 }` on top-level names need no decoding. */
function plainProjection(projection: Document): ((raw: Buffer) => Buffer) | null {
  const flags = Object.entries(projection).map(([path, value]) => [path, flagOf(value)] as const);
  if (flags.some(([path, flag]) => flag === null || path.includes('.') || path.startsWith('$'))) return null;
  const idFlag = flags.find(([path]) => path === '_id')?.[1];
  const others = flags.filter(([path]) => path !== '_id');
  if (others.length === 0) {
    return idFlag === true
      ? (raw) => pickElements(raw, new Set(['_id']))
      : (raw) => omitElements(raw, new Set(['_id']));
  }
  const including = others[0]![1];
  if (others.some(([, flag]) => flag !== including)) return null;
  const names = new Set(others.map(([path]) => path));
  if (including === true) {
    if (idFlag !== false) names.add('_id');
    return (raw) => pickElements(raw, names);
  }
  if (idFlag === true) return null;
  if (idFlag === false) names.add('_id');
  return (raw) => omitElements(raw, names);
}

function flagOf(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  const type = (value as { _bsontype?: string } | null)?._bsontype;
  return type === 'Int32' || type === 'Double' || type === 'Long' ? Number(value) !== 0 : null;
}

/** A stream over documents that are already there (aggregation results, listings). */
export class ArrayStream implements ResultStream {
  private at = 0;

  constructor(private readonly documents: readonly (Document | Buffer)[]) {}

  fill(into: Buffer[], { maxDocuments, maxBytes }: BatchLimits): FillState {
    let bytes = into.reduce((sum, raw) => sum + raw.length, 0);
    while (into.length < maxDocuments) {
      const next = this.documents[this.at];
      if (next === undefined) return 'done';
      const raw = Buffer.isBuffer(next) ? next : encode(next);
      if (raw.length > MAX_DOCUMENT_BYTES) {
        throw new MongoCommandError(
          'BSONObjectTooLarge',
          `A result document has ${raw.length} bytes; the limit is 16 MB.`,
        );
      }
      if (into.length > 0 && bytes + raw.length > maxBytes) return 'full';
      bytes += raw.length;
      into.push(raw);
      this.at += 1;
    }
    return this.at >= this.documents.length ? 'done' : 'full';
  }
}
