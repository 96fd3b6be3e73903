/** Reads what a plan says, a chunk at a time, so that a cursor can stop anywhere and go on later. */
import type { Transaction } from 'lmdb';
import type { Document } from 'bson';
import type { Collection } from './catalog';
import type { Change } from './collection-store';
import { documentKey, idKeyOfDocumentKey, idKeyOfEntry } from './keys';
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

export class Scan {
  keysExamined = 0;
  docsExamined = 0;
  private accessIndex = 0;
  private rangeIndex = 0;
  private position: Buffer | null = null;
  private chunk: { idKey: Buffer; raw: Buffer | null }[] = [];
  private chunkAt = 0;
  private chunkSize: number;
  private rangeDone = false;
  private readonly seen: Set<string> | null;
  private overlay: Hit[] | null = null;
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
    for (;;) {
      const candidate = this.nextCandidate();
      if (candidate === null) return this.nextOverlay();
      const { idKey } = candidate;
      if (this.view.changes?.has(idKey.toString('latin1'))) continue;
      const raw = candidate.raw ?? this.fetch(idKey);
      if (raw === undefined) continue;
      this.docsExamined += 1;
      if (this.accepts(raw)) return { idKey, raw };
    }
  }

  private accepts(raw: Buffer): boolean {
    if (this.matches === null) return true;
    const { fields } = this.plan;
    return this.matches(fields === null ? decode(raw) : decodeFields(raw, fields));
  }

  private fetch(idKey: Buffer): Buffer | undefined {
    return this.storage.documents.get(documentKey(this.collection.id, idKey), this.readOptions());
  }

  private readOptions(): { transaction: Transaction } | undefined {
    return this.view.snapshot === undefined ? undefined : { transaction: this.view.snapshot };
  }

  private nextCandidate(): { idKey: Buffer; raw: Buffer | null } | null {
    for (;;) {
      while (this.chunkAt < this.chunk.length) {
        const candidate = this.chunk[this.chunkAt++]!;
        if (this.seen === null) return candidate;
        const id = candidate.idKey.toString('latin1');
        if (this.seen.has(id)) continue;
        this.seen.add(id);
        return candidate;
      }
      if (!this.readChunk()) return null;
    }
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
    const chunk: { idKey: Buffer; raw: Buffer | null }[] = [];
    let last: Buffer | null = null;
    if (access.index === null) {
      for (const { key, value } of this.storage.documents.getRange({ ...bounds, limit })) {
        last = key;
        chunk.push({ idKey: idKeyOfDocumentKey(key), raw: value });
      }
    } else {
      for (const key of this.storage.entries.getKeys({ ...bounds, limit })) {
        last = key;
        chunk.push({ idKey: idKeyOfEntry(key), raw: null });
      }
    }
    if (access.stage === 'IXSCAN') this.keysExamined += chunk.length;
    if (last !== null) this.position = last;
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
