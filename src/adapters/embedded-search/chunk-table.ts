import type { JsonObject } from '../../ports/records';
import { Uint32List } from './growable';
import { VectorMemory } from './vector-memory';

/** A chunk after analysis: what the index keeps of it, and what goes to disk. */
export interface AnalysedChunk {
  id: string;
  documentId: string;
  revision: number;
  generation: number;
  position: number;
  metadata: JsonObject;
  /** Number of terms in content, title and headings. */
  lengths: [number, number, number];
  /** Pairs of term number and packed frequencies (`packFrequencies`), in rising order of the term. */
  terms: Uint32Array;
  /** Of unit length. */
  vector: Float32Array;
}

/** Frequencies in content (16 bits), title and headings (8 bits each); more than fits counts as the most that does. */
export const packFrequencies = (content: number, title: number, headings: number): number =>
  ((Math.min(content, 0xffff) << 16) | (Math.min(title, 0xff) << 8) | Math.min(headings, 0xff)) >>> 0;

/** Rows of vectors are allocated together: growing must not copy hundreds of megabytes. */
const ROWS_PER_BLOCK = 2_048;
const FIRST_ROWS = 32;

/** Vectors of all tables of this thread, made with the first one: a thread without a base needs none. */
let vectorMemory: VectorMemory | undefined;

interface Row {
  id: string;
  documentId: string;
  revision: number;
  generation: number;
  position: number;
  /** Number of its metadata among `metadata`. */
  metadata: number;
}

/** Postings of one term. Dead slots stay until the base is compacted. */
export interface Postings {
  /** Pairs of slot and packed frequencies, in rising order of the slot. */
  pairs: Uint32List;
  /** Living slots. */
  documents: number;
}

/** One base in memory: rows by slot, vectors, words. A replaced or removed chunk leaves a dead slot behind. */
export class ChunkTable {
  readonly rows: (Row | undefined)[] = [];
  readonly metadata: JsonObject[] = [];
  readonly vocabulary: string[] = [];
  readonly lengths = [new Uint32List(), new Uint32List(), new Uint32List()] as const;
  /** Sums of `lengths` over living slots. */
  readonly totals: [number, number, number] = [0, 0, 0];
  /** Living slots that have a word in the field. */
  readonly filled: [number, number, number] = [0, 0, 0];
  living = 0;
  dimension: number | null = null;

  private readonly slotById = new Map<string, number>();
  private readonly metadataByText = new Map<string, number>();
  private readonly termByText = new Map<string, number>();
  private readonly postings: Postings[] = [];
  private readonly blocks: Float32Array[] = [];
  private readonly termsFrom = new Uint32List();
  private readonly termPairs = new Uint32List(1_024);

  get dead(): number {
    return this.rows.length - this.living;
  }

  slotOf(id: string): number | undefined {
    return this.slotById.get(id);
  }

  postingsOf(term: string): Postings | undefined {
    const number = this.termByText.get(term);
    return number === undefined ? undefined : this.postings[number];
  }

  /** The number of a term, which is new when it is not below `knownTerms`. */
  termNumber(term: string): number {
    let number = this.termByText.get(term);
    if (number === undefined) {
      number = this.vocabulary.length;
      this.termByText.set(term, number);
      this.vocabulary.push(term);
      this.postings.push({ pairs: new Uint32List(4), documents: 0 });
    }
    return number;
  }

  /** Vectors of block `index`: slots from `index * rowsPerBlock`, one after the other. */
  vectorBlock(index: number): Float32Array | undefined {
    return this.blocks[index];
  }

  /**
   * Dot products of the query with the first `rows` vectors of a block, valid until the next call; undefined where they
   * have to be computed one by one.
   */
  compareBlock(index: number, query: Float32Array, rows: number): Float32Array | undefined {
    return vectorMemory?.compare(query, this.blocks[index]!, rows);
  }

  /** Gives the memory of the vectors back; the table must not be used any more. */
  release(): void {
    for (const block of this.blocks) vectorMemory?.release(block);
    this.blocks.length = 0;
  }

  readonly rowsPerBlock = ROWS_PER_BLOCK;
  /** Rises with every change. */
  version = 0;

  vectorAt(slot: number): Float32Array {
    const dimension = this.dimension!;
    const from = (slot % ROWS_PER_BLOCK) * dimension;
    return this.blocks[Math.floor(slot / ROWS_PER_BLOCK)]!.subarray(from, from + dimension);
  }

  /** Pairs of term number and packed frequencies. */
  termsAt(slot: number): Uint32Array {
    const from = this.termsFrom.raw[slot]!;
    const to = slot + 1 < this.termsFrom.length ? this.termsFrom.raw[slot + 1]! : this.termPairs.length;
    return this.termPairs.raw.subarray(from, to);
  }

  put(chunk: AnalysedChunk): void {
    this.remove(chunk.id);
    this.version++;
    const slot = this.rows.length;
    const { id, documentId, revision, generation, position } = chunk;
    this.rows.push({
      id,
      documentId,
      revision,
      generation,
      position,
      metadata: this.metadataNumber(chunk.metadata),
    });
    this.slotById.set(id, slot);
    this.living++;
    chunk.lengths.forEach((length, field) => {
      this.lengths[field]!.push(length);
      this.totals[field]! += length;
      if (length > 0) this.filled[field]!++;
    });
    this.addTerms(slot, chunk.terms);
    this.addVector(slot, chunk.vector);
  }

  remove(id: string): boolean {
    const slot = this.slotById.get(id);
    if (slot === undefined) return false;
    this.version++;
    this.slotById.delete(id);
    this.rows[slot] = undefined;
    this.living--;
    this.lengths.forEach((lengths, field) => {
      const length = lengths.raw[slot]!;
      this.totals[field]! -= length;
      if (length > 0) this.filled[field]!--;
    });
    const pairs = this.termsAt(slot);
    for (let index = 0; index < pairs.length; index += 2) this.postings[pairs[index]!]!.documents--;
    return true;
  }

  /** The living chunk of a slot as it was put. */
  chunkAt(slot: number): AnalysedChunk {
    const row = this.rows[slot]!;
    return {
      ...row,
      metadata: this.metadata[row.metadata]!,
      lengths: this.lengths.map((lengths) => lengths.raw[slot]!) as [number, number, number],
      terms: this.termsAt(slot),
      vector: this.vectorAt(slot),
    };
  }

  private addTerms(slot: number, pairs: Uint32Array): void {
    this.termsFrom.push(this.termPairs.length);
    this.termPairs.pushAll(pairs);
    for (let index = 0; index < pairs.length; index += 2) {
      const postings = this.postings[pairs[index]!]!;
      postings.pairs.pushTwo(slot, pairs[index + 1]!);
      postings.documents++;
    }
  }

  private addVector(slot: number, vector: Float32Array): void {
    this.dimension ??= vector.length;
    const index = Math.floor(slot / ROWS_PER_BLOCK);
    const row = slot % ROWS_PER_BLOCK;
    let block = this.blocks[index];
    if (!block || block.length <= row * this.dimension) {
      // A base of three chunks must not pay for two thousand.
      const rows = Math.min(ROWS_PER_BLOCK, Math.max(FIRST_ROWS, row * 2));
      vectorMemory ??= new VectorMemory(ROWS_PER_BLOCK);
      const larger = vectorMemory.allocate(rows * this.dimension);
      if (block) {
        larger.set(block);
        vectorMemory.release(block);
      }
      this.blocks[index] = block = larger;
    }
    block.set(vector, row * this.dimension);
  }

  /** Chunks of a document share most of their metadata. */
  private metadataNumber(metadata: JsonObject): number {
    const text = JSON.stringify(metadata);
    let number = this.metadataByText.get(text);
    if (number === undefined) {
      number = this.metadata.length;
      this.metadata.push(metadata);
      this.metadataByText.set(text, number);
    }
    return number;
  }
}
