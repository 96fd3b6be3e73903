import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  fstatSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { JsonObject } from '../../ports/records';
import { ANALYSIS_VERSION } from './analysis';
import { type AnalysedChunk, ChunkTable } from './chunk-table';

/**
 * A table on disk: a file of batches, each with its length and checksum, that is only ever appended to. Loading replays
 * it. A batch that a kill cut short fails its checksum and is cut off: a batch is there whole or not at all.
 *
 *     file    = magic (16 bytes) batch*
 *     batch   = payload length (u32) crc32 of the payload (u32) payload
 *     payload = header length (u32) header (JSON, padded to 4 bytes with blanks) term pairs (u32*) vectors (f32*)
 */
const MAGIC = Buffer.from(`AGENTFLOW1-${String(ANALYSIS_VERSION).padStart(5, '0')}`, 'latin1');
const PREFIX = 8;
/** Larger than any batch: a damaged length must not allocate gigabytes. */
const MAX_PAYLOAD = 512 * 1024 * 1024;
/** Chunks of one batch when a table is written anew. */
const COMPACTED_BATCH = 500;

interface ChunkHeader {
  id: string;
  documentId: string;
  revision: number;
  generation: number;
  position: number;
  metadata: JsonObject;
  lengths: [number, number, number];
  /** Length of its term pairs. */
  terms: number;
}

interface BatchHeader {
  dimension: number;
  /** Terms that no earlier batch has, numbered on from where those ended. */
  newTerms: string[];
  removed: string[];
  chunks: ChunkHeader[];
}

export class ChunkLog {
  private size = 0;
  private persistedTerms = 0;

  private constructor(
    private readonly path: string,
    public table: ChunkTable,
  ) {}

  /** Reads what is there; a file of another format or analysis is an empty table, to be filled again. */
  static open(path: string): ChunkLog {
    const log = new ChunkLog(path, new ChunkTable());
    // What a kill left of a rewrite.
    rmSync(`${path}.new`, { force: true });
    if (existsSync(path)) log.load();
    return log;
  }

  put(chunks: AnalysedChunk[]): void {
    this.append({ chunks, removed: [] });
    for (const chunk of chunks) this.table.put(chunk);
    this.compactIfWorthwhile();
  }

  remove(ids: string[]): void {
    const removed = ids.filter((id) => this.table.slotOf(id) !== undefined);
    if (removed.length === 0) return;
    this.append({ chunks: [], removed });
    for (const id of removed) this.table.remove(id);
    this.compactIfWorthwhile();
  }

  private append(change: { chunks: AnalysedChunk[]; removed: string[] }): void {
    const { vocabulary } = this.table;
    const payload = encode(change, vocabulary.slice(this.persistedTerms));
    mkdirSync(dirname(this.path), { recursive: true });
    const file = openSync(this.path, this.size === 0 ? 'w' : 'r+');
    try {
      if (this.size === 0) this.size = writeAll(file, [MAGIC], 0);
      this.size += writeAll(file, framed(payload), this.size);
      this.persistedTerms = vocabulary.length;
    } catch (error) {
      // Half a batch would hide the ones behind it.
      ftruncateSync(file, this.size);
      throw error;
    } finally {
      closeSync(file);
    }
  }

  private load(): void {
    const file = openSync(this.path, 'r+');
    try {
      const { size } = fstatSync(file);
      const magic = readAt(file, 0, MAGIC.length);
      if (!magic.equals(MAGIC)) return;
      this.size = MAGIC.length;
      for (;;) {
        const payload = readBatch(file, this.size, size);
        if (!payload) break;
        this.replay(payload);
        this.size += PREFIX + payload.length;
      }
      if (this.size < size) ftruncateSync(file, this.size);
      this.persistedTerms = this.table.vocabulary.length;
    } finally {
      closeSync(file);
    }
  }

  private replay(payload: Buffer): void {
    const headerLength = payload.readUInt32LE(0);
    const header = JSON.parse(payload.toString('utf8', 4, 4 + headerLength)) as BatchHeader;
    for (const term of header.newTerms) this.table.termNumber(term);
    for (const id of header.removed) this.table.remove(id);
    let at = 4 + headerLength;
    const words = (length: number): Uint32Array => {
      const from = payload.byteOffset + at;
      at += length * 4;
      return new Uint32Array(payload.buffer, from, length);
    };
    const terms = header.chunks.map((chunk) => words(chunk.terms));
    header.chunks.forEach((chunk, index) => {
      const raw = words(header.dimension);
      const vector = new Float32Array(raw.buffer, raw.byteOffset, raw.length);
      this.table.put({ ...chunk, terms: terms[index]!, vector });
    });
  }

  /** Dead slots cost memory, disk and time in every search; writing anew costs once. */
  private compactIfWorthwhile(): void {
    const { table } = this;
    if (table.dead < 1_000 || table.dead < table.living) return;
    const fresh = new ChunkTable();
    const next = `${this.path}.new`;
    const log = new ChunkLog(next, fresh);
    rmSync(next, { force: true });
    let batch: AnalysedChunk[] = [];
    const flush = (): void => {
      if (batch.length > 0) log.append({ chunks: batch, removed: [] });
      for (const chunk of batch) fresh.put(chunk);
      batch = [];
    };
    for (let slot = 0; slot < table.rows.length; slot++) {
      if (!table.rows[slot]) continue;
      batch.push(renumbered(table, fresh, slot));
      if (batch.length === COMPACTED_BATCH) flush();
    }
    flush();
    if (log.size === 0) {
      rmSync(this.path, { force: true });
    } else {
      const file = openSync(next, 'r+');
      fsyncSync(file);
      closeSync(file);
      renameSync(next, this.path);
    }
    table.release();
    this.table = fresh;
    this.size = log.size;
    this.persistedTerms = log.persistedTerms;
  }
}

/** A chunk in the term numbers of another table. */
function renumbered(from: ChunkTable, to: ChunkTable, slot: number): AnalysedChunk {
  const chunk = from.chunkAt(slot);
  const terms = Uint32Array.from(chunk.terms, (value, index) =>
    index % 2 === 0 ? to.termNumber(from.vocabulary[value]!) : value,
  );
  return { ...chunk, terms };
}

function encode(change: { chunks: AnalysedChunk[]; removed: string[] }, newTerms: string[]): Buffer[] {
  const header: BatchHeader = {
    dimension: change.chunks[0]?.vector.length ?? 0,
    newTerms,
    removed: change.removed,
    chunks: change.chunks.map(({ vector: _vector, terms, ...chunk }) => ({
      id: chunk.id,
      documentId: chunk.documentId,
      revision: chunk.revision,
      generation: chunk.generation,
      position: chunk.position,
      metadata: chunk.metadata,
      lengths: chunk.lengths,
      terms: terms.length,
    })),
  };
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((4 - (json.length % 4)) % 4, ' ')]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(padded.length);
  return [
    length,
    padded,
    ...change.chunks.map(({ terms }) => bytesOf(terms)),
    ...change.chunks.map(({ vector }) => bytesOf(vector)),
  ];
}

/** Numbers are stored as the machine has them: a file does not move between machines, it is made again. */
const bytesOf = (view: Uint32Array | Float32Array): Buffer =>
  Buffer.from(view.buffer, view.byteOffset, view.byteLength);

/** One checksum over one buffer: zlib starts anew at an empty part, and a chunk without words has one. */
function framed(parts: Buffer[]): Buffer[] {
  const payload = Buffer.concat(parts);
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32LE(payload.length);
  prefix.writeUInt32LE(crc32(payload), 4);
  return [prefix, payload];
}

function writeAll(file: number, parts: Buffer[], position: number): number {
  const bytes = Buffer.concat(parts);
  let written = 0;
  while (written < bytes.length)
    written += writeSync(file, bytes, written, bytes.length - written, position + written);
  return written;
}

/** The payload of the batch at `from`; undefined at the end, and where the rest is damaged. */
function readBatch(file: number, from: number, size: number): Buffer | undefined {
  if (from + PREFIX > size) return undefined;
  const prefix = readAt(file, from, PREFIX);
  const length = prefix.readUInt32LE(0);
  if (length < 4 || length > MAX_PAYLOAD || from + PREFIX + length > size) return undefined;
  const payload = readAt(file, from + PREFIX, length);
  return crc32(payload) === prefix.readUInt32LE(4) ? payload : undefined;
}

function readAt(file: number, from: number, length: number): Buffer {
  // Not from the pool: views on 32-bit numbers need their own, aligned memory.
  const bytes = Buffer.from(new ArrayBuffer(length));
  let read = 0;
  while (read < length) {
    const count = readSync(file, bytes, read, length - read, from + read);
    if (count === 0) return bytes.subarray(0, read);
    read += count;
  }
  return bytes;
}
