import fc from 'fast-check';
import { VectorMemory } from '../../src/adapters/embedded-search/vector-memory';

const ROWS = 64;
const numbers = (length: number): fc.Arbitrary<Float32Array> =>
  fc.float32Array({
    minLength: length,
    maxLength: length,
    noNaN: true,
    noDefaultInfinity: true,
    min: -1,
    max: 1,
  });

const plainDot = (one: Float32Array, other: Float32Array): number =>
  one.reduce((sum, value, index) => sum + value * other[index]!, 0);

describe('memory for vectors', () => {
  it('compares as plain multiplication does', () => {
    const memory = new VectorMemory(ROWS);
    const cases = fc
      .record({ steps: fc.integer({ min: 1, max: 12 }), rows: fc.integer({ min: 1, max: ROWS }) })
      .chain(({ steps, rows }) => fc.tuple(numbers(steps * 8), numbers(steps * 8 * rows), fc.constant(rows)));
    fc.assert(
      fc.property(cases, ([query, vectors, rows]) => {
        const { length } = query;
        const block = memory.allocate(length * rows);
        block.set(vectors);
        const products = memory.compare(query, block, rows)!.slice(0, rows);
        products.forEach((product, row) =>
          expect(product).toBeCloseTo(plainDot(query, block.subarray(row * length, (row + 1) * length)), 4),
        );
        memory.release(block);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps views valid while it grows, and gives released room out again, cleared', () => {
    const memory = new VectorMemory(ROWS);
    const first = memory.allocate(1_024).fill(7);
    const others = Array.from({ length: 50 }, () => memory.allocate(100_000));
    expect(first.every((value) => value === 7)).toBe(true);
    expect(others.every((block) => block.byteOffset >= first.byteOffset + first.byteLength)).toBe(true);
    memory.release(first);
    const again = memory.allocate(1_024);
    expect(again.byteOffset).toBe(first.byteOffset);
    expect(again.every((value) => value === 0)).toBe(true);
  });

  it('says where it cannot compare', () => {
    const memory = new VectorMemory(ROWS);
    expect(memory.compare(new Float32Array(4), memory.allocate(4), 1)).toBeUndefined();
    expect(memory.compare(new Float32Array(8), new Float32Array(8), 1)).toBeUndefined();
    expect(memory.compare(new Float32Array(8), memory.allocate(8), ROWS + 1)).toBeUndefined();
  });
});
