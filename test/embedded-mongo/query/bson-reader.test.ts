import {
  BSONRegExp,
  BSONSymbol,
  Binary,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
  deserialize,
  serialize,
  type Document,
} from 'bson';
import { DECODE_OPTIONS, decodeDocument, decodeNamed } from '../../../src/embedded-mongo/bson-reader';

const EVERY_TYPE: Document = {
  double: new Double(1.5),
  minusZero: new Double(-0),
  string: 'grüße, 世界 🎉',
  empty: '',
  document: { a: new Int32(1), nested: { deep: [new Int32(2), { x: null }] } },
  array: [new Int32(1), 'two', [new Double(3)], {}],
  emptyArray: [],
  binary: new Binary(Buffer.from([1, 2, 3])),
  oldBinary: new Binary(Buffer.from([9, 8]), 2),
  uuid: new UUID('0b7c8a2e-6b1f-4c8a-9a67-2f2f5a0e6b11'),
  objectId: new ObjectId('0123456789abcdef01234567'),
  yes: true,
  no: false,
  date: new Date(1_700_000_000_123),
  dateBefore1970: new Date(-1),
  nothing: null,
  regex: new BSONRegExp('^a.b$', 'im'),
  code: new Code('return 1'),
  codeWithScope: new Code('return x', { x: new Int32(1) }),
  symbol: new BSONSymbol('sym'),
  int: new Int32(-7),
  timestamp: new Timestamp({ t: 4_000_000_000, i: 5 }),
  long: Long.fromString('-9007199254740993'),
  decimal: Decimal128.fromString('1.10'),
  lowest: new MinKey(),
  highest: new MaxKey(),
  reference: new DBRef('others', new ObjectId('0123456789abcdef01234567'), 'elsewhere'),
  '': 'an empty name',
  'naïve name': 1,
  constructor: 'not a function',
};

const bytesOf = (doc: Document): Buffer => Buffer.from(serialize(doc));

describe('the BSON decoder', () => {
  it('decodes every type as the bson package does', () => {
    const bytes = bytesOf(EVERY_TYPE);
    expect(decodeDocument(bytes)).toEqual(deserialize(bytes, DECODE_OPTIONS));
    expect(Object.keys(decodeDocument(bytes))).toEqual(Object.keys(EVERY_TYPE));
  });

  it.each(Object.keys(EVERY_TYPE))('keeps the class of the field "%s"', (name) => {
    const bytes = bytesOf({ [name]: EVERY_TYPE[name] as unknown });
    const expected: unknown = deserialize(bytes, DECODE_OPTIONS)[name];
    const actual: unknown = decodeDocument(bytes)[name];
    expect(actual).toStrictEqual(expected);
    expect(bytesOf({ v: actual })).toEqual(bytesOf({ v: expected }));
  });

  it('takes a field named __proto__ as data', () => {
    const doc = decodeDocument(bytesOf(JSON.parse('{"__proto__": {"polluted": 1}}') as Document));
    expect(Object.keys(doc)).toEqual(['__proto__']);
    expect((doc as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('tells names apart that share a slot of the name table', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `field_${i.toString(36)}`);
    const doc = Object.fromEntries(names.map((name, i) => [name, i]));
    const bytes = bytesOf(doc);
    expect(Object.keys(decodeDocument(bytes))).toEqual(names);
    expect(Object.keys(decodeDocument(bytes))).toEqual(names);
  });

  it('decodes only the named fields', () => {
    expect(decodeNamed(bytesOf(EVERY_TYPE), new Set(['no', 'int', 'absent']))).toEqual({
      no: false,
      int: new Int32(-7),
    });
  });

  it('refuses or decodes every corruption of one byte, and always ends', () => {
    const bytes = bytesOf(EVERY_TYPE);
    let refused = 0;
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0x00, 0x7f, 0xff]) {
        const corrupt = Buffer.from(bytes);
        corrupt[at] = value;
        try {
          decodeDocument(corrupt);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          refused += 1;
        }
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  it('refuses a document cut short anywhere', () => {
    const bytes = bytesOf(EVERY_TYPE);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeDocument(Buffer.from(bytes.subarray(0, length)))).toThrow(/corrupt BSON/);
    }
  });
});
