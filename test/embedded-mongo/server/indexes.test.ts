import type { Document } from 'mongodb';
import type { Clock } from '../../../src/ports/clock';
import { useServer } from './harness';

const clock = { at: new Date('2026-01-01T00:00:00Z') };
const testClock: Clock = { now: () => clock.at };
const rig = useServer({ clock: testClock });

interface Item extends Document {
  _id: string | number;
}

const items = () => rig.db.collection<Item>('items');

interface Explained {
  stages: string[];
  index: string | undefined;
  keys: number;
  docs: number;
  returned: number;
}

function stagesOf(plan: Document): Document[] {
  const inputs: Document[] = plan['inputStage'] ? [plan['inputStage']] : (plan['inputStages'] ?? []);
  return [plan, ...inputs.flatMap(stagesOf)];
}

async function explain(filter: Document, sort: Document = {}, limit = 0): Promise<Explained> {
  const explained: Document = await items().find(filter).sort(sort).limit(limit).explain('executionStats');
  const stages = stagesOf(explained['queryPlanner'].winningPlan);
  const stats = explained['executionStats'];
  return {
    stages: stages.map((stage) => stage['stage']),
    index: stages.find((stage) => stage['stage'] === 'IXSCAN')?.['indexName'],
    keys: stats.totalKeysExamined,
    docs: stats.totalDocsExamined,
    returned: stats.nReturned,
  };
}

/** Index entries agree with the documents. */
async function expectConsistent(): Promise<void> {
  expect(await rig.db.command({ validate: 'items' })).toMatchObject({ valid: true, errors: [] });
}

describe('a unique index', () => {
  it('refuses a second document with the value, in the words of MongoDB', async () => {
    await items().createIndex({ email: 1 }, { unique: true });
    await items().insertOne({ _id: 1, email: 'a@b' });
    await expect(items().insertOne({ _id: 2, email: 'a@b' })).rejects.toMatchObject({
      code: 11000,
      message: `E11000 duplicate key error collection: ${rig.db.databaseName}.items index: email_1 dup key: { email: "a@b" }`,
      keyPattern: { email: 1 },
      keyValue: { email: 'a@b' },
    });
    await expect(
      items().updateOne({ _id: 3 }, { $set: { email: 'a@b' } }, { upsert: true }),
    ).rejects.toMatchObject({ code: 11000 });
    await expectConsistent();
  });

  it('treats missing as null, so only one document may lack the field', async () => {
    await items().createIndex({ email: 1 }, { unique: true });
    await items().insertOne({ _id: 1 });
    await expect(items().insertOne({ _id: 2 })).rejects.toMatchObject({
      code: 11000,
      keyValue: { email: null },
    });
  });

  it('allows many documents without the field when sparse', async () => {
    await items().createIndex({ email: 1 }, { unique: true, sparse: true });
    await items().insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3, email: null }]);
    await expect(items().insertOne({ _id: 4, email: null })).rejects.toMatchObject({ code: 11000 });
  });

  it('holds only for the documents of its partial filter', async () => {
    await items().createIndex({ slot: 1 }, { unique: true, partialFilterExpression: { active: true } });
    await items().insertMany([
      { _id: 1, slot: 1, active: false },
      { _id: 2, slot: 1, active: true },
      { _id: 3, slot: 1, active: false },
    ]);
    await expect(items().updateOne({ _id: 3 }, { $set: { active: true } })).rejects.toMatchObject({
      code: 11000,
    });
    await items().updateOne({ _id: 2 }, { $set: { active: false } });
    await items().updateOne({ _id: 3 }, { $set: { active: true } });
    await expectConsistent();
  });

  it('sees equal numbers of different types as the same value', async () => {
    await items().createIndex({ n: 1 }, { unique: true });
    await items().insertOne({ _id: 1, n: 1 });
    await expect(items().insertOne({ _id: 2, n: 1n })).rejects.toMatchObject({ code: 11000 });
  });

  it('is not built over documents that already break it, and leaves nothing behind', async () => {
    await items().insertMany([
      { _id: 1, a: 1 },
      { _id: 2, a: 1 },
    ]);
    await expect(items().createIndex({ a: 1 }, { unique: true })).rejects.toMatchObject({ code: 11000 });
    expect((await items().indexes()).map(({ name }) => name)).toEqual(['_id_']);
    await items().deleteOne({ _id: 2 });
    await items().createIndex({ a: 1 }, { unique: true });
    await expectConsistent();
  });

  it('over array elements refuses an element another document has', async () => {
    await items().createIndex({ tags: 1 }, { unique: true });
    await items().insertOne({ _id: 1, tags: ['a', 'b', 'a'] });
    await expect(items().insertOne({ _id: 2, tags: ['c', 'b'] })).rejects.toMatchObject({ code: 11000 });
  });
});

describe('creating indexes', () => {
  it('is idempotent for the same definition and refuses a conflicting one', async () => {
    await items().createIndex({ a: 1, b: -1 });
    await items().createIndex({ a: 1, b: -1 });
    await expect(items().createIndex({ a: 1 }, { name: 'a_1_b_-1' })).rejects.toMatchObject({ code: 86 });
    await expect(items().createIndex({ a: 1, b: -1 }, { name: 'other' })).rejects.toMatchObject({ code: 85 });
    expect(await items().indexes()).toHaveLength(2);
  });

  it.each([
    ['text', { a: 'text' }],
    ['2dsphere', { a: '2dsphere' }],
    ['hashed', { a: 'hashed' }],
    ['wildcard', { '$**': 1 }],
  ] as const)('refuses a %s index clearly', async (_kind, key) => {
    await expect(items().createIndex(key)).rejects.toMatchObject({
      code: 67,
      message: expect.stringContaining('not supported'),
    });
  });

  it('refuses documents with two arrays in one compound index', async () => {
    await items().createIndex({ a: 1, b: 1 });
    await expect(items().insertOne({ _id: 1, a: [1], b: [2] })).rejects.toMatchObject({ code: 171 });
    await items().insertOne({ _id: 2, a: [1, 2], b: 3 });
    await expectConsistent();
  });

  it('drops by name and by key', async () => {
    await items().createIndexes([{ key: { a: 1 } }, { key: { b: 1 } }]);
    await items().dropIndex('a_1');
    await rig.db.command({ dropIndexes: 'items', index: { b: 1 } });
    expect(await items().indexes()).toHaveLength(1);
    await expect(items().dropIndex('a_1')).rejects.toMatchObject({ code: 27 });
  });
});

describe('the planner', () => {
  it('looks _id up directly', async () => {
    await items().insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
    expect(await explain({ _id: 2 })).toMatchObject({ stages: ['IDHACK'], docs: 1, returned: 1 });
    expect(await explain({ _id: { $in: [1, 3, 9] } })).toMatchObject({ docs: 2, returned: 2 });
  });

  it('reads only the returned documents for equality, range and order of one index', async () => {
    const docs = Array.from({ length: 5_000 }, (_, i) => ({ _id: i, a: i % 10, b: i }));
    await items().insertMany(docs);
    await items().createIndex({ a: 1, b: 1 });
    const plan = await explain({ a: 3, b: { $gte: 1_000, $lt: 4_000 } }, { b: 1 }, 20);
    expect(plan).toMatchObject({ index: 'a_1_b_1', keys: 20, docs: 20, returned: 20 });
    expect(plan.stages).not.toContain('SORT');
    const backward = await items()
      .find({ a: 3, b: { $gte: 1_000, $lt: 4_000 } })
      .sort({ b: -1 })
      .limit(3)
      .toArray();
    expect(backward.map(({ _id }) => _id)).toEqual([3_993, 3_983, 3_973]);
  });

  it('scans and sorts in memory without an index', async () => {
    await items().insertMany([
      { _id: 1, a: 2 },
      { _id: 2, a: 1 },
    ]);
    expect(await explain({ a: { $gt: 0 } }, { a: 1 })).toMatchObject({
      stages: ['SORT', 'COLLSCAN'],
      docs: 2,
    });
  });

  it('orders by an index with mixed directions, both ways round', async () => {
    await items().insertMany(Array.from({ length: 30 }, (_, i) => ({ _id: i, a: i % 3, b: i })));
    await items().createIndex({ a: 1, b: -1 });
    for (const sort of [{ a: 1, b: -1 } as const, { a: -1, b: 1 } as const]) {
      expect((await explain({}, sort)).stages).not.toContain('SORT');
      const found = await items().find().sort(sort).toArray();
      const expected = Array.from({ length: 30 }, (_, i) => ({ _id: i, a: i % 3, b: i })).sort(
        (x, y) => sort.a * (x.a - y.a) || sort.b * (x.b - y.b),
      );
      expect(found).toEqual(expected);
    }
    expect((await explain({}, { a: 1, b: 1 })).stages).toContain('SORT');
  });

  it('unites the indexes of all branches of $or without repeats', async () => {
    await items().insertMany(Array.from({ length: 100 }, (_, i) => ({ _id: i, a: i, b: i % 50 })));
    await items().createIndexes([{ key: { a: 1 } }, { key: { b: 1 } }]);
    const plan = await explain({ $or: [{ a: 7 }, { b: 7 }] });
    expect(plan).toMatchObject({ returned: 2, docs: 2 });
    expect(plan.stages).toContain('OR');
  });

  it('matches arrays by element and never intersects two limits over one', async () => {
    await items().createIndex({ n: 1 });
    await items().insertMany([
      { _id: 1, n: [2, 6] },
      { _id: 2, n: 4 },
      { _id: 3, n: [10] },
    ]);
    expect(
      (
        await items()
          .find({ n: { $gt: 5, $lt: 3 } })
          .toArray()
      ).map(({ _id }) => _id),
    ).toEqual([1]);
    expect((await items().find({ n: 6 }).toArray()).map(({ _id }) => _id)).toEqual([1]);
    expect(
      await items()
        .find({ n: { $gt: 1 } })
        .toArray(),
    ).toHaveLength(3);
    expect(await items().countDocuments({ n: { $gt: 1 } })).toBe(3);
  });

  it('finds pairs of different elements through a compound index over one array', async () => {
    await items().createIndex({ 'l.a': 1, 'l.b': 1 });
    await items().insertOne({
      _id: 1,
      l: [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ],
    });
    expect(await items().countDocuments({ 'l.a': 1, 'l.b': 4 })).toBe(1);
    expect(await items().countDocuments({ 'l.a': 1, 'l.b': 5 })).toBe(0);
  });

  it('uses a sparse or partial index only where it holds every match', async () => {
    await items().insertMany([{ _id: 1, a: 1, on: true }, { _id: 2 }, { _id: 3, a: 5, on: false }]);
    await items().createIndex({ a: 1 }, { sparse: true });
    expect(await items().find().sort({ a: 1 }).toArray()).toHaveLength(3);
    expect(await items().countDocuments({ a: null })).toBe(1);
    expect((await explain({ a: 1 })).index).toBe('a_1');
    await items().dropIndex('a_1');
    await items().createIndex({ a: 1 }, { partialFilterExpression: { on: true } });
    expect((await explain({ a: 1 })).index).toBeUndefined();
    expect((await explain({ a: 1, on: true })).index).toBe('a_1');
    expect(await items().countDocuments({ a: 5 })).toBe(1);
  });

  it('matches null and missing through an index', async () => {
    await items().createIndex({ a: 1 });
    await items().insertMany([
      { _id: 1 },
      { _id: 2, a: null },
      { _id: 3, a: 0 },
      { _id: 4, a: [] },
      { _id: 5, a: [null] },
    ]);
    expect((await items().find({ a: null }).toArray()).map(({ _id }) => _id)).toEqual([1, 2, 5]);
  });

  it('keeps values too long for a key apart and in order', async () => {
    const long = 'x'.repeat(5_000);
    await items().createIndex({ s: 1 }, { unique: true });
    await items().insertMany([`${long}c`, `${long}a`, `${long}b`].map((s, i) => ({ _id: i, s })));
    await expect(items().insertOne({ _id: 9, s: `${long}a` })).rejects.toMatchObject({ code: 11000 });
    expect((await items().findOne({ s: `${long}b` }))?._id).toBe(2);
    expect((await items().find().sort({ s: 1 }).toArray()).map(({ _id }) => _id)).toEqual([1, 2, 0]);
    expect(await items().countDocuments({ s: { $gt: `${long}a` } })).toBe(2);
    await expectConsistent();
  });

  it('takes a hint, and refuses one that names no index', async () => {
    await items().insertMany([{ _id: 1, a: 1 }]);
    await items().createIndex({ a: 1 });
    const explained = await items().find({ _id: 1, a: 1 }).hint('a_1').explain('queryPlanner');
    expect(JSON.stringify(explained)).toContain('a_1');
    await expect(items().find().hint('nope').toArray()).rejects.toMatchObject({ code: 2 });
  });

  it('agrees with a scan on random documents, filters and orders', async () => {
    let seed = 42;
    const random = (n: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n;
    const value = (): unknown =>
      [random(6), String(random(4)), null, [random(6), random(6)], undefined][random(5)];
    const docs = Array.from({ length: 300 }, (_, i) => ({
      _id: i,
      a: value(),
      b: value(),
      c: random(10),
    })).filter((doc) => !(Array.isArray(doc.a) && Array.isArray(doc.b)));
    await items().insertMany(docs, { ignoreUndefined: true });
    const scanned = rig.db.collection<Item>('scanned');
    await scanned.insertMany(docs, { ignoreUndefined: true });
    await items().createIndexes([{ key: { a: 1, b: -1 } }, { key: { c: 1, a: 1 } }, { key: { b: 1 } }]);
    const condition = (): unknown =>
      [
        random(6),
        String(random(4)),
        null,
        { $gt: random(6) },
        { $lte: random(6), $gt: 0 },
        { $in: [random(6), '1', null] },
        { $exists: true },
        { $ne: 2 },
      ][random(8)];
    for (let round = 0; round < 150; round++) {
      const filter: Document = {};
      for (const field of ['a', 'b', 'c']) if (random(2) === 1) filter[field] = condition();
      const query = random(4) === 0 ? { $or: [filter, { c: random(10) }] } : filter;
      const sort: Document = { [['a', 'b', 'c'][random(3)]!]: random(2) === 0 ? 1 : -1, _id: 1 };
      const [indexed, plain] = await Promise.all(
        [items(), scanned].map((c) =>
          c
            .find(query)
            .sort(sort as never)
            .toArray(),
        ),
      );
      expect({ query, sort, ids: indexed!.map(({ _id }) => _id) }).toEqual({
        query,
        sort,
        ids: plain!.map(({ _id }) => _id),
      });
      expect(await items().countDocuments(query)).toBe(plain!.length);
    }
  }, 60_000);
});

describe('a TTL index', () => {
  it('removes documents once their date is past, and only those', async () => {
    await items().createIndex({ at: 1 }, { expireAfterSeconds: 60 });
    await items().insertMany([
      { _id: 'old', at: new Date(clock.at.getTime() - 61_000) },
      { _id: 'fresh', at: new Date(clock.at.getTime() - 59_000) },
      { _id: 'no date', at: 'never' },
      { _id: 'earliest counts', at: [new Date(clock.at.getTime() - 90_000), new Date(clock.at.getTime())] },
    ]);
    expect(await rig.server.sweepNow()).toBe(2);
    expect((await items().distinct('_id')).sort()).toEqual(['fresh', 'no date']);
    clock.at = new Date(clock.at.getTime() + 2_000);
    expect(await rig.server.sweepNow()).toBe(1);
    await expectConsistent();
  });

  it('refuses to be compound', async () => {
    await expect(items().createIndex({ a: 1, b: 1 }, { expireAfterSeconds: 1 })).rejects.toMatchObject({
      code: 67,
    });
  });
});
