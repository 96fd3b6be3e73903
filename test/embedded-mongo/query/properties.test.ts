import { Binary, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp } from 'bson';
import type { Document } from 'bson';
import fc from 'fast-check';
import { applyUpdate, compareBson, encodeKey, hashKey } from '../../../src/embedded-mongo/query';
import { canonical } from './canonical';

const fieldName = fc.stringMatching(/^[a-c]{1,2}$/);

const numeric = fc.oneof(
  fc.integer().map((n) => new Int32(n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => Long.fromBigInt(n)),
  fc.double().map((n) => new Double(n)),
  fc
    .tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -40, max: 40 }))
    .map(([c, e]) => Decimal128.fromString(`${c}E${e}`)),
  fc
    .bigInt({ min: 2n ** 53n - 4n, max: 2n ** 53n + 4n })
    .chain((n) =>
      fc.constantFrom<unknown>(Long.fromBigInt(n), new Double(Number(n)), Decimal128.fromString(`${n}.5`)),
    ),
);

const scalar = fc.oneof(
  numeric,
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('', '\0', 'a\0', 'a', 'a\0b', '\uE000', '\u{1F600}'),
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes)),
  fc.uint8Array({ maxLength: 3 }).map((bytes) => new Binary(bytes)),
  fc.tuple(fc.nat(), fc.nat()).map(([t, i]) => new Timestamp({ t, i })),
  fc.constantFrom(new MinKey(), new MaxKey(), /a/, /a/i, /b/),
);

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fieldName, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));

const wellFormed = (text: unknown): boolean =>
  !JSON.stringify(text ?? null, (_k, v: unknown) => (typeof v === 'bigint' ? `${v}` : v)).includes('\\ud');

describe('encodeKey', () => {
  it('orders keys as compareBson orders values', () => {
    fc.assert(
      fc.property(value.filter(wellFormed), value.filter(wellFormed), (a, b) => {
        expect(Buffer.compare(encodeKey([a]), encodeKey([b]))).toBe(compareBson(a, b));
      }),
      { numRuns: 3000 },
    );
  });

  it('honours the direction of every component of a compound key', () => {
    const pair = fc.tuple(scalar.filter(wellFormed), scalar.filter(wellFormed));
    const direction = fc.constantFrom<1 | -1>(1, -1);
    fc.assert(
      fc.property(pair, pair, direction, direction, (a, b, first, second) => {
        const order = compareBson(a[0], b[0]) * first || compareBson(a[1], b[1]) * second;
        expect(Math.sign(Buffer.compare(encodeKey(a, [first, second]), encodeKey(b, [first, second])))).toBe(
          order === 0 ? 0 : order,
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('hashes values alike exactly when they are equal', () => {
    fc.assert(
      fc.property(value.filter(wellFormed), value.filter(wellFormed), (a, b) => {
        expect(Object.is(hashKey(a), hashKey(b))).toBe(compareBson(a, b) === 0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('applyUpdate', () => {
  const change = fc.oneof(
    fc.record({ op: fc.constantFrom('$set', '$push', '$addToSet', '$min', '$max', '$pull'), operand: value }),
    fc.record({ op: fc.constantFrom('$inc', '$mul'), operand: numeric }),
    fc.record({ op: fc.constantFrom('$unset', '$pop'), operand: fc.constant<unknown>(1) }),
  );
  const path = fc.array(fc.oneof(fieldName, fc.constantFrom('0', '1', '$[]')), {
    minLength: 0,
    maxLength: 2,
  });

  it('never alters the document it is given, whether it succeeds or refuses', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fieldName, value, { noNullPrototype: true }),
        change,
        fieldName,
        path,
        (doc, { op, operand }, head, tail) => {
          const input: Document = { _id: 1, ...doc };
          const before = canonical(input);
          try {
            applyUpdate(input, { [op]: { [[head, ...tail].join('.')]: operand } }, {});
          } catch (error) {
            expect(error).toHaveProperty('code', expect.any(Number));
          }
          expect(canonical(input)).toBe(before);
        },
      ),
      { numRuns: 1500 },
    );
  });
});
