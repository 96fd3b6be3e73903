/** Open cursors: batches, idle expiry, ownership. */
import { randomBytes } from 'node:crypto';
import type { Document } from 'bson';
import { MongoCommandError } from './errors';
import { TIME_SLICE_MS, nextTurn, type FillState, type ResultStream } from './find-stream';
import { cursorReply, type RawReply } from './raw-bson';

/** MongoDB's default size of a first batch when the client names none. */
export const DEFAULT_FIRST_BATCH = 101;
/** A reply is one BSON document, so a batch stays under 16 MB with room for the envelope. */
export const MAX_BATCH_BYTES = 16 * 1024 * 1024 - 64 * 1024;
/** MongoDB's cursorTimeoutMillis default. */
export const IDLE_TIMEOUT_MS = 10 * 60 * 1000;

interface OpenCursor {
  id: bigint;
  ns: string;
  stream: ResultStream;
  lastUsedMs: number;
  noTimeout: boolean;
  busy: boolean;
  session: string | null;
  /** The transaction the cursor was opened in, so that it dies with it. */
  transaction: object | null;
}

export interface OpenRequest {
  ns: string;
  stream: ResultStream;
  /** undefined: MongoDB's default; 0: an empty first batch. */
  batchSize?: number | undefined;
  singleBatch?: boolean;
  noTimeout?: boolean;
  /** Milliseconds the whole command may take; 0: no limit. */
  maxTimeMs?: number;
  session?: string | null;
  transaction?: object | null;
  extra?: Document | undefined;
}

export class CursorManager {
  private readonly open = new Map<bigint, OpenCursor>();

  constructor(private readonly nowMs: () => number) {}

  get size(): number {
    return this.open.size;
  }

  /** Runs the first batch and keeps the rest for getMore. @returns the reply bytes, by a promise if they take long */
  start(request: OpenRequest): RawReply | Promise<RawReply> {
    const size = request.batchSize ?? DEFAULT_FIRST_BATCH;
    const filled = fillBatch(request.stream, size, request.maxTimeMs ?? 0);
    return filled instanceof Promise
      ? filled.then((batch) => this.firstReply(request, batch))
      : this.firstReply(request, filled);
  }

  private firstReply(request: OpenRequest, { batch, done }: Batch): RawReply {
    const { stream, ns } = request;
    const finished = done || request.singleBatch === true;
    const id = finished ? 0n : this.newId();
    if (!finished) {
      this.open.set(id, {
        id,
        ns,
        stream,
        lastUsedMs: this.nowMs(),
        noTimeout: request.noTimeout ?? false,
        busy: false,
        session: request.session ?? null,
        transaction: request.transaction ?? null,
      });
    }
    return cursorReply('firstBatch', batch, { id, ns }, request.extra);
  }

  /** @throws MongoCommandError CursorNotFound; Unauthorized when the namespace is not the cursor's own */
  async more(
    id: bigint,
    ns: string,
    options: { batchSize: number; maxTimeMs: number; transaction: object | null },
  ): Promise<RawReply> {
    const cursor = this.open.get(id);
    if (cursor === undefined || cursor.transaction !== options.transaction) {
      throw new MongoCommandError('CursorNotFound', `cursor id ${id} not found`);
    }
    if (cursor.ns !== ns) {
      throw new MongoCommandError(
        'Unauthorized',
        `Requested getMore on namespace '${ns}', but cursor belongs to a different namespace ${cursor.ns}`,
      );
    }
    if (cursor.busy) throw new MongoCommandError('OperationFailed', `cursor id ${id} is already in use`);
    cursor.busy = true;
    try {
      const size = options.batchSize > 0 ? options.batchSize : Number.POSITIVE_INFINITY;
      const { batch, done } = await fillBatch(cursor.stream, size, options.maxTimeMs);
      if (done) this.open.delete(id);
      return cursorReply('nextBatch', batch, { id: done ? 0n : id, ns });
    } catch (error) {
      this.open.delete(id);
      throw error;
    } finally {
      cursor.busy = false;
      cursor.lastUsedMs = this.nowMs();
    }
  }

  kill(ids: bigint[]): { killed: bigint[]; notFound: bigint[] } {
    const killed = ids.filter((id) => this.open.delete(id));
    return { killed, notFound: ids.filter((id) => !killed.includes(id)) };
  }

  killSession(session: string): void {
    for (const cursor of this.open.values()) if (cursor.session === session) this.open.delete(cursor.id);
  }

  killTransaction(transaction: object): void {
    for (const cursor of this.open.values())
      if (cursor.transaction === transaction) this.open.delete(cursor.id);
  }

  expireIdle(): void {
    const oldest = this.nowMs() - IDLE_TIMEOUT_MS;
    for (const cursor of this.open.values()) {
      if (!cursor.noTimeout && !cursor.busy && cursor.lastUsedMs < oldest) this.open.delete(cursor.id);
    }
  }

  private newId(): bigint {
    for (;;) {
      const id = randomBytes(8).readBigInt64BE() & 0x7fffffffffffffffn;
      if (id !== 0n && !this.open.has(id)) return id;
    }
  }
}

interface Batch {
  batch: Buffer[];
  done: boolean;
}

/** Fills one batch, giving other work a turn after each time slice. @throws MaxTimeMSExpired */
export function fillBatch(
  stream: ResultStream,
  maxDocuments: number,
  maxTimeMs: number,
): Batch | Promise<Batch> {
  const batch: Buffer[] = [];
  if (maxDocuments === 0) return { batch, done: false };
  const started = performance.now();
  const fill = (): FillState =>
    stream.fill(batch, {
      maxDocuments,
      maxBytes: MAX_BATCH_BYTES,
      deadline: performance.now() + TIME_SLICE_MS,
    });
  const state = fill();
  if (state !== 'pending') return { batch, done: state === 'done' };
  return fillOn(batch, fill, maxTimeMs > 0 ? started + maxTimeMs : Number.POSITIVE_INFINITY);
}

async function fillOn(batch: Buffer[], fill: () => FillState, deadline: number): Promise<Batch> {
  for (;;) {
    if (performance.now() > deadline) {
      throw new MongoCommandError('MaxTimeMSExpired', 'operation exceeded time limit');
    }
    await nextTurn();
    const state = fill();
    if (state !== 'pending') return { batch, done: state === 'done' };
  }
}
