/** Reads what a plan says, a chunk at a time, so that a cursor can stop anywhere and go on later. */
import type { Transaction } from 'lmdb';
import type { Document } from 'bson';
import type { Collection } from './catalog';
import type { Change } from './collection-store';
import { documentKeyOfEntry, idKeyOfDocumentKey, idKeyOfEntry } from './keys';
import type { Access, ByteRange, Plan } from './planner';
import { decode, decodeFields } from './raw-bson';
import type { Storage } from './storage';

export interface Hit {
  idKey: Buffer;
  raw: Buffer;
  /** `raw` decoded, where somebody had to already. */
  doc?: Document;
}

/** What a reader sees: the last commit, or a transaction's snapshot with its own changes on top. */
export interface View {
  snapshot?: Transaction | undefined;
  /** Uncommitted changes of this collection, by hex-free latin1 id key. */
  changes?: ReadonlyMap<string, Change> | undefined;
}

const FIRST_CHUNK = 16;
const LARGEST_CHUNK = 512;
/** Documents between two looks at the clock. */
const CLOCK_STRIDE = 64;

export class Scan {
  keysExamined = 0;
  docsExamined = 0;
  private accessIndex = 0;
  private rangeIndex = 0;
  private position: Buffer | null = null;
  /** Keys of the table that is read (index entries or documents), and the documents when it is theirs. */
  private chunk: Buffer[] = [];
  private chunkRaws: Buffer[] = [];
  private chunkAt = 0;
  private chunkSize: number;
  private rangeDone = false;
  private readsIndex = false;
  private readonly seen: Set<string> | null;
  private overlay: Hit[] | null = null;
  /** `performance.now()` value past which a scan stops between documents, even when none has matched. */
  deadline = Number.POSITIVE_INFINITY;
  /** The last null meant "out of time", not "no more". */
  paused = false;
  private readonly matches: ((doc: Document) => boolean) | null;

  constructor(
    private readonly storage: Storage,
    private readonly collection: Collection,
    private readonly plan: Plan,
    private readonly view: View,
    expected = FIRST_CHUNK,
  ) {
    this.chunkSize = Math.max(1, Math.min(expected, LARGEST_CHUNK));
    this.matches = plan.exact ? null : plan.matches();
    const repeats =
      plan.access.length > 1 || plan.access.some((access) => access.index?.multikey.includes(true) ?? false);
    this.seen = repeats ? new Set() : null;
  }

  /** The next matching document, or null at the end. */
  next(): Hit | null {
    const raw = this.nextCommitted();
    if (raw !== null) return { idKey: this.idKey, raw };
    return this.paused ? null : this.nextOverlay();
  }

  /** As `next`, for readers that do not care for the id. */
  nextRaw(): Buffer | null {
    const raw = this.nextCommitted();
    return raw !== null || this.paused ? raw : (this.nextOverlay()?.raw ?? null);
  }

  /** The id key of the document read last. */
  private get idKey(): Buffer {
    const key = this.chunk[this.chunkAt - 1]!;
    return this.readsIndex ? idKeyOfEntry(key) : idKeyOfDocumentKey(key);
  }

  private nextCommitted(): Buffer | null {
    this.paused = false;
    for (let steps = 1; this.chunkAt < this.chunk.length || this.readChunk(); steps++) {
      if (steps % CLOCK_STRIDE === 0 && performance.now() > this.deadline) {
        this.paused = true;
        return null;
      }
      const at = this.chunkAt++;
      if (this.isHidden()) continue;
      const raw = this.readsIndex ? this.fetch(this.chunk[at]!) : this.chunkRaws[at];
      if (raw === undefined) continue;
      this.docsExamined += 1;
      if (this.accepts(raw)) return raw;
    }
    return null;
  }

  /** Whether the current key was read before, or is another's in this transaction's own changes. */
  private isHidden(): boolean {
    if (this.seen === null && this.view.changes === undefined) return false;
    const id = this.idKey.toString('latin1');
    if (this.seen !== null) {
      if (this.seen.has(id)) return true;
      this.seen.add(id);
    }
    return this.view.changes?.has(id) ?? false;
  }

  private accepts(raw: Buffer): boolean {
    if (this.matches === null) return true;
    const { fields } = this.plan;
    return this.matches(fields === null ? decode(raw) : decodeFields(raw, fields));
  }

  private fetch(entry: Buffer): Buffer | undefined {
    return this.storage.readDocument(documentKeyOfEntry(this.collection.id, entry), this.view.snapshot);
  }

  private readOptions(): { transaction: Transaction } | undefined {
    return this.view.snapshot === undefined ? undefined : { transaction: this.view.snapshot };
  }

  /** Loads more keys; false when every range is exhausted. */
  private readChunk(): boolean {
    for (;;) {
      const access = this.plan.access[this.accessIndex];
      if (access === undefined || this.collection.dropped) return false;
      const order = access.reverse ? access.ranges.length - 1 - this.rangeIndex : this.rangeIndex;
      const range = access.ranges[order];
      if (range === undefined) {
        this.accessIndex += 1;
        this.rangeIndex = 0;
        continue;
      }
      if (!this.rangeDone) this.loadFrom(access, range);
      if (this.rangeDone && this.chunk.length === 0) {
        this.rangeDone = false;
        this.position = null;
        this.rangeIndex += 1;
        continue;
      }
      if (this.rangeDone) {
        this.rangeDone = false;
        this.position = null;
        this.rangeIndex += 1;
      }
      return true;
    }
  }

  private loadFrom(access: Access, range: ByteRange): void {
    const limit = this.chunkSize;
    this.chunkSize = Math.min(this.chunkSize * 2, LARGEST_CHUNK);
    const bounds = this.rangeOptions(access, range);
    const chunk: Buffer[] = [];
    this.readsIndex = access.index !== null;
    if (this.readsIndex) {
      for (const key of this.storage.entries.getKeys({ ...bounds, limit })) chunk.push(key);
    } else {
      this.chunkRaws = [];
      for (const { key, value } of this.storage.documents.getRange({ ...bounds, limit })) {
        chunk.push(key);
        this.chunkRaws.push(value);
      }
    }
    if (access.stage === 'IXSCAN') this.keysExamined += chunk.length;
    this.position = chunk.at(-1) ?? this.position;
    this.rangeDone = chunk.length < limit;
    this.chunk = chunk;
    this.chunkAt = 0;
  }

  private rangeOptions(
    access: Access,
    range: ByteRange,
  ): {
    start: Buffer;
    end: Buffer;
    reverse?: boolean;
    exclusiveStart?: boolean;
    inclusiveEnd?: boolean;
  } {
    const options = this.readOptions();
    if (!access.reverse) {
      return this.position === null
        ? { start: range.start, end: range.end, ...options }
        : { start: this.position, exclusiveStart: true, end: range.end, ...options };
    }
    // Reverse: LMDB starts at the upper bound, which our ranges exclude, and goes down to the lower, included.
    const start = this.position ?? range.end;
    return { start, exclusiveStart: true, end: range.start, inclusiveEnd: true, reverse: true, ...options };
  }

  private nextOverlay(): Hit | null {
    const { changes } = this.view;
    if (changes === undefined) return null;
    this.overlay ??= [...changes.values()].flatMap(({ idKey, after }) =>
      after === null ? [] : [{ idKey, raw: after }],
    );
    const matches = this.plan.matches();
    for (let hit = this.overlay.shift(); hit !== undefined; hit = this.overlay.shift()) {
      this.docsExamined += 1;
      if (matches(decode(hit.raw))) return hit;
    }
    return null;
  }
}
