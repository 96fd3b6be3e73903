import { Binary, Decimal128, Double, Int32, Long, MongoServerError, ObjectId, type Document } from 'mongodb';
import { useServer } from './harness';

const rig = useServer({ external: true });

interface Item extends Document {
  _id: string | number;
}

const items = () => rig.db.collection<Item>('items');

describe('documents', () => {
  it('come back with the number types they were stored with', async () => {
    const stored = {
      _id: 'a',
      int: new Int32(1),
      double: new Double(1),
      long: Long.fromString('9007199254740993'),
      decimal: Decimal128.fromString('1.10'),
      binary: new Binary(Buffer.from([1, 2])),
      date: new Date(5),
      id: new ObjectId(),
      nested: { list: [null, true, 'x'] },
    };
    await items().insertOne(stored);
    const found = await items().findOne({ _id: 'a' }, { promoteValues: false });
    expect(found).toEqual(stored);
  });

  it('keep _id first even when the client sends it last', async () => {
    await items().insertOne({ a: 1, _id: 5 });
    expect(Object.keys((await items().findOne({}))!)).toEqual(['_id', 'a']);
  });

  it('are found by filter, order, skip, limit and projection together', async () => {
    await items().insertMany(
      Array.from({ length: 20 }, (_, i) => ({ _id: i, even: i % 2 === 0, rank: 100 - i })),
    );
    const found = await items()
      .find({ even: true }, { projection: { rank: 1, _id: 0 } })
      .sort({ rank: 1 })
      .skip(1)
      .limit(2)
      .toArray();
    expect(found).toEqual([{ rank: 84 }, { rank: 86 }]);
  });

  it('report matched and modified separately', async () => {
    await items().insertMany([
      { _id: 1, a: 1 },
      { _id: 2, a: 2 },
    ]);
    const result = await items().updateMany({}, { $set: { a: 2 } });
    expect(result).toMatchObject({ matchedCount: 2, modifiedCount: 1 });
  });

  it('are created by an upsert from the filter and the update', async () => {
    const result = await items().updateOne(
      { _id: 'k', kind: 'x' },
      { $inc: { n: 2 }, $setOnInsert: { first: true } },
      { upsert: true },
    );
    expect(result).toMatchObject({ upsertedCount: 1, upsertedId: 'k', matchedCount: 0 });
    expect(await items().findOne({ _id: 'k' })).toEqual({ _id: 'k', kind: 'x', n: 2, first: true });
  });

  it('are replaced as a whole, keeping the id', async () => {
    await items().insertOne({ _id: 1, a: 1, b: 2 });
    await items().replaceOne({ a: 1 }, { c: 3 });
    expect(await items().find().toArray()).toEqual([{ _id: 1, c: 3 }]);
  });

  it('are changed and returned by findOneAndUpdate, before or after', async () => {
    await items().insertOne({ _id: 1, n: 1 });
    expect(await items().findOneAndUpdate({ _id: 1 }, { $inc: { n: 1 } })).toEqual({ _id: 1, n: 1 });
    const after = await items().findOneAndUpdate(
      { _id: 1 },
      { $inc: { n: 1 } },
      { returnDocument: 'after', projection: { _id: 0 } },
    );
    expect(after).toEqual({ n: 3 });
    expect(await items().findOneAndUpdate({ _id: 9 }, { $inc: { n: 1 } })).toBeNull();
    expect(await items().findOneAndDelete({ _id: 1 })).toEqual({ _id: 1, n: 3 });
    expect(await items().countDocuments()).toBe(0);
  });

  it('pick the first in order when findOneAndUpdate sorts', async () => {
    await items().insertMany([
      { _id: 1, at: 5 },
      { _id: 2, at: 3 },
    ]);
    const taken = await items().findOneAndUpdate(
      {},
      { $set: { taken: true } },
      { sort: { at: 1 }, returnDocument: 'after' },
    );
    expect(taken?._id).toBe(2);
  });

  it('lose no increment when many clients increment at once', async () => {
    await items().insertOne({ _id: 'n', n: 0 });
    await Promise.all(Array.from({ length: 100 }, () => items().updateOne({ _id: 'n' }, { $inc: { n: 1 } })));
    expect((await items().findOne({ _id: 'n' }))?.['n']).toBe(100);
  });
});

describe('batches of writes', () => {
  it('stop at the first error when ordered and go on when not', async () => {
    const docs = [{ _id: 1 }, { _id: 1 }, { _id: 2 }];
    const ordered = await items()
      .insertMany(docs)
      .catch((error: unknown) => error);
    expect(ordered).toMatchObject({ code: 11000, insertedCount: 1 });
    await items().deleteMany({});
    const unordered = await items()
      .insertMany(docs, { ordered: false })
      .catch((error: unknown) => error);
    expect(unordered).toMatchObject({ code: 11000, insertedCount: 2 });
    expect(unordered).toMatchObject({ writeErrors: [{ err: { index: 1, code: 11000 } }] });
  });

  it('mix inserts, updates and deletes in collection.bulkWrite', async () => {
    const result = await items().bulkWrite([
      { insertOne: { document: { _id: 1, a: 1 } } },
      { insertOne: { document: { _id: 2, a: 1 } } },
      { updateMany: { filter: { a: 1 }, update: { $set: { a: 2 } } } },
      { deleteOne: { filter: { _id: 1 } } },
      { updateOne: { filter: { _id: 3 }, update: { $set: { a: 9 } }, upsert: true } },
    ]);
    expect(result).toMatchObject({
      insertedCount: 2,
      modifiedCount: 2,
      deletedCount: 1,
      upsertedIds: { 4: 3 },
    });
    expect(await items().find().sort({ _id: 1 }).toArray()).toEqual([
      { _id: 2, a: 2 },
      { _id: 3, a: 9 },
    ]);
  });
});

describe('duplicate ids', () => {
  it('are refused in the words of MongoDB', async () => {
    await items().insertOne({ _id: 'same' });
    const error = await items()
      .insertOne({ _id: 'same' })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(MongoServerError);
    expect(error).toMatchObject({ code: 11000, keyPattern: { _id: 1 }, keyValue: { _id: 'same' } });
    expect((error as Error).message).toBe(
      `E11000 duplicate key error collection: ${rig.db.databaseName}.items index: _id_ dup key: { _id: "same" }`,
    );
  });
});

describe('cursors', () => {
  beforeEach(async () => {
    await items().insertMany(Array.from({ length: 350 }, (_, i) => ({ _id: i })));
  });

  it('hand out everything once, in batches', async () => {
    const ids = (await items().find().sort({ _id: 1 }).batchSize(60).toArray()).map((doc) => doc._id);
    expect(ids).toEqual(Array.from({ length: 350 }, (_, i) => i));
  });

  it('go on after documents ahead of them were deleted', async () => {
    const cursor = items().find().sort({ _id: 1 }).batchSize(2);
    expect(await cursor.next()).toEqual({ _id: 0 });
    expect(await cursor.next()).toEqual({ _id: 1 });
    await items().deleteMany({ _id: { $lt: 340 } });
    const rest = await cursor.toArray();
    expect(rest.at(-1)).toEqual({ _id: 349 });
  });

  it('are gone after being killed', async () => {
    const first = await rig.db.command({ find: 'items', batchSize: 5 });
    await rig.db.command({ killCursors: 'items', cursors: [first['cursor'].id] });
    await expect(rig.db.command({ getMore: first['cursor'].id, collection: 'items' })).rejects.toMatchObject({
      code: 43,
    });
  });

  it('split a result over 16 MB into several batches', async () => {
    const big = 'x'.repeat(4_000_000);
    await items().insertMany(Array.from({ length: 6 }, (_, i) => ({ _id: `big${i}`, big })));
    expect(await items().find({ big }).toArray()).toHaveLength(6);
  }, 30_000);
});

describe('counting and distinct values', () => {
  it('count with a filter, skip and limit', async () => {
    await items().insertMany(Array.from({ length: 10 }, (_, i) => ({ _id: i, even: i % 2 === 0 })));
    expect(await items().countDocuments({ even: true })).toBe(5);
    expect(await items().countDocuments({}, { skip: 3, limit: 4 })).toBe(4);
    expect(await items().estimatedDocumentCount()).toBe(10);
  });

  it('list distinct values, looking into arrays', async () => {
    await items().insertMany([
      { _id: 1, tags: ['b', 'a'] },
      { _id: 2, tags: 'c' },
      { _id: 3, tags: ['a'] },
      { _id: 4 },
    ]);
    expect((await items().distinct('tags')).sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('collections', () => {
  it('are created, listed, renamed and dropped', async () => {
    await rig.db.createCollection('one');
    await rig.db.collection<Item>('one').insertOne({ _id: 1 });
    await rig.db.renameCollection('one', 'two');
    expect((await rig.db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name)).toEqual([
      'two',
    ]);
    expect(await rig.db.collection('two').countDocuments()).toBe(1);
    await rig.db.collection('two').drop();
    expect(await rig.db.listCollections().toArray()).toEqual([]);
  });

  it('forget their documents when dropped and made again', async () => {
    await items().insertOne({ _id: 1 });
    await items().drop();
    await items().insertOne({ _id: 2 });
    expect(await items().find().toArray()).toEqual([{ _id: 2 }]);
  });

  it('appear under their database in listDatabases', async () => {
    await items().insertOne({ _id: 1 });
    const { databases } = await rig.client.db().admin().listDatabases();
    expect(databases.map(({ name }) => name)).toContain(rig.db.databaseName);
  });
});
