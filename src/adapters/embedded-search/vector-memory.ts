/**
 * The compiled form of the module below: `dots` writes the dot products of one query with `rows` vectors that lie one after
 * the other, in 32-bit floats, eight numbers at a step. JavaScript has no such instructions; this is several times faster.
 *
 *     (module
 *       (import "m" "memory" (memory 1 65536 shared))
 *       (func (export "dots") (param $query i32) (param $vectors i32) (param $rows i32) (param $bytes i32) (param $out i32)
 *         (local $at i32) (local $a v128) (local $b v128)
 *         (block $done (loop $row
 *           (br_if $done (i32.eqz (local.get $rows)))
 *           ;; a = b = 0; for (at = 0; at < bytes; at += 32) {
 *           ;;   a += load(query + at) * load(vectors + at); b += load(query + at + 16) * load(vectors + at + 16) }
 *           ;; out[0] = sum of the lanes of a + b; vectors += bytes; out += 4; rows -= 1
 *           (br $row)))))
 */
const MODULE =
  'AGFzbQEAAAABCQFgBX9/f39/AAIQAQFtBm1lbW9yeQIDAYCABAMCAQAHCAEEZG90cwAACsUBAcIBAgF/AnsCQANAIAJFDQH9DAAAAAAAAAAAAAAA' +
  'AAAAAAAhBv0MAAAAAAAAAAAAAAAAAAAAACEHQQAhBQNAIAYgACAFav0ABAAgASAFav0ABAD95gH95AEhBiAHIAAgBWr9AAQQIAEgBWr9AAQQ/eYB' +
  '/eQBIQcgBUEgaiEFIAUgA0kNAAsgBiAH/eQBIQYgBCAG/R8AIAb9HwGSIAb9HwKSIAb9HwOSOAIAIAEgA2ohASAEQQRqIQQgAkEBayECDAALCws=';

const PAGE = 65_536;
/** 4 GB: what an address of 32 bits reaches. */
const MOST_PAGES = 65_536;
/** Numbers that one step of the module takes. */
const STEP = 8;
const FLOAT = 4;
/** The query lies at the start, the results behind it, the vectors behind those. */
const MOST_DIMENSIONS = 8_192;
const QUERY_BYTES = MOST_DIMENSIONS * FLOAT;
const RESULTS_AT = QUERY_BYTES;

type Dots = (query: number, vectors: number, rows: number, bytes: number, out: number) => void;

/** Memory for vectors, with a fast way to compare a query with many of them. One for each thread. */
export class VectorMemory {
  // Shared memory grows in place: views that were given out stay valid.
  private readonly memory: WebAssembly.Memory;
  private readonly dots: Dots;
  private readonly free = new Map<number, number[]>();
  private readonly results: Float32Array;
  private next: number;

  /** @param mostRows how many vectors are compared in one call */
  constructor(private readonly mostRows: number) {
    this.next = Math.ceil((RESULTS_AT + mostRows * FLOAT) / PAGE) * PAGE;
    this.memory = new WebAssembly.Memory({ initial: this.next / PAGE, maximum: MOST_PAGES, shared: true });
    const compiled = new WebAssembly.Module(Buffer.from(MODULE, 'base64'));
    this.dots = new WebAssembly.Instance(compiled, { m: { memory: this.memory } }).exports.dots as Dots;
    this.results = new Float32Array(this.memory.buffer, RESULTS_AT, mostRows);
  }

  /** Room for so many numbers, all 0; outside this memory when it is full, where `compare` does not reach. */
  allocate(length: number): Float32Array {
    const bytes = Math.ceil((length * FLOAT) / (STEP * FLOAT)) * STEP * FLOAT;
    const reused = this.free.get(bytes)?.pop();
    if (reused !== undefined) return new Float32Array(this.memory.buffer, reused, length).fill(0);
    const at = this.next;
    const missing = Math.ceil((at + bytes) / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0 && !this.grow(missing)) return new Float32Array(length);
    this.next = at + bytes;
    return new Float32Array(this.memory.buffer, at, length);
  }

  /** Gives room back; its vectors must not be used any more. */
  release(vectors: Float32Array): void {
    if (!this.holds(vectors)) return;
    const bytes = Math.ceil(vectors.byteLength / (STEP * FLOAT)) * STEP * FLOAT;
    const list = this.free.get(bytes);
    if (list) list.push(vectors.byteOffset);
    else this.free.set(bytes, [vectors.byteOffset]);
  }

  /**
   * Dot products of the query with the first `rows` vectors; valid until the next call.
   * @returns undefined where this memory cannot tell: vectors outside of it, or of a length that is no multiple of 8
   */
  compare(query: Float32Array, vectors: Float32Array, rows: number): Float32Array | undefined {
    const { length } = query;
    if (length % STEP !== 0 || length > MOST_DIMENSIONS || rows > this.mostRows || !this.holds(vectors))
      return undefined;
    new Float32Array(this.memory.buffer, 0, length).set(query);
    this.dots(0, vectors.byteOffset, rows, length * FLOAT, RESULTS_AT);
    return this.results;
  }

  private holds(vectors: Float32Array): boolean {
    // Each growth makes another object for the same memory; all begin at its start.
    return vectors.buffer instanceof SharedArrayBuffer;
  }

  private grow(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  }
}
