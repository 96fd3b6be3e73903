import type { ClientSession, Document } from 'mongodb';
import type { Clock } from '../../../src/ports/clock';
import { eventually, useServer } from './harness';

const clock = { at: new Date('2026-01-01T00:00:00Z') };
const testClock: Clock = { now: () => clock.at };
const rig = useServer({ clock: testClock });

interface Item extends Document {
  _id: string | number;
}

const items = () => rig.db.collection<Item>('items');
let session: ClientSession;

beforeEach(async () => {
  session = rig.client.startSession();
  await items().insertMany([
    { _id: 'a', n: 1 },
    { _id: 'b', n: 2 },
  ]);
  await items().createIndex({ n: 1 });
});

afterEach(async () => {
  if (session.inTransaction()) await session.abortTransaction();
  await session.endSession();
});

it('shows a transaction its own writes and nobody else until commit', async () => {
  session.startTransaction();
  await items().insertOne({ _id: 'c', n: 3 }, { session });
  await items().updateOne({ _id: 'a' }, { $set: { n: 10 } }, { session });
  await items().deleteOne({ _id: 'b' }, { session });
  const inside = await items().find({}, { session }).sort({ n: 1 }).toArray();
  expect(inside).toEqual([
    { _id: 'c', n: 3 },
    { _id: 'a', n: 10 },
  ]);
  expect(await items().countDocuments({ n: { $gte: 3 } }, { session })).toBe(2);
  expect(await items().find().sort({ n: 1 }).toArray()).toEqual([
    { _id: 'a', n: 1 },
    { _id: 'b', n: 2 },
  ]);
  await session.commitTransaction();
  expect(await items().find().sort({ n: 1 }).toArray()).toEqual(inside);
  expect(await rig.db.command({ validate: 'items' })).toMatchObject({ valid: true });
});

it('leaves no trace after an abort', async () => {
  session.startTransaction();
  await items().insertOne({ _id: 'c' }, { session });
  await items().updateMany({}, { $inc: { n: 1 } }, { session });
  await session.abortTransaction();
  expect(await items().find().sort({ _id: 1 }).toArray()).toEqual([
    { _id: 'a', n: 1 },
    { _id: 'b', n: 2 },
  ]);
  expect(await rig.db.command({ validate: 'items' })).toMatchObject({ valid: true });
});

it('reads one snapshot however much is committed meanwhile', async () => {
  session.startTransaction();
  expect(await items().findOne({ _id: 'a' }, { session })).toEqual({ _id: 'a', n: 1 });
  await items().updateMany({}, { $inc: { n: 100 } });
  expect(await items().find({}, { session }).sort({ _id: 1 }).toArray()).toEqual([
    { _id: 'a', n: 1 },
    { _id: 'b', n: 2 },
  ]);
  await session.commitTransaction();
});

it('refuses a document that changed since the snapshot with a transient WriteConflict', async () => {
  session.startTransaction();
  await items().findOne({ _id: 'a' }, { session });
  await items().updateOne({ _id: 'a' }, { $set: { n: 50 } });
  const error = await items()
    .updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session })
    .catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 112 });
  expect(
    (error as { hasErrorLabel(label: string): boolean }).hasErrorLabel('TransientTransactionError'),
  ).toBe(true);
});

it('refuses the second of two transactions that change one document at once', async () => {
  const other = rig.client.startSession();
  try {
    session.startTransaction();
    other.startTransaction();
    await items().updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session });
    await expect(
      items().updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session: other }),
    ).rejects.toMatchObject({ code: 112 });
    await session.commitTransaction();
    expect((await items().findOne({ _id: 'a' }))?.['n']).toBe(2);
  } finally {
    await other.endSession();
  }
});

it('makes a single write wait for the transaction that holds its document', async () => {
  session.startTransaction();
  await items().updateOne({ _id: 'a' }, { $set: { n: 5 } }, { session });
  let isDone = false;
  const waiting = items()
    .updateMany({}, { $inc: { n: 1 } })
    .then(() => (isDone = true));
  await items().insertOne({ _id: 'unrelated' });
  expect(isDone).toBe(false);
  expect(await items().findOne({ _id: 'b' })).toEqual({ _id: 'b', n: 2 });
  await session.commitTransaction();
  await waiting;
  expect(await items().findOne({ _id: 'a' })).toEqual({ _id: 'a', n: 6 });
  expect(await items().findOne({ _id: 'b' })).toEqual({ _id: 'b', n: 3 });
  expect(await items().countDocuments()).toBe(3);
});

it('sums up right when many withTransaction loops contend', async () => {
  const add = async (): Promise<void> => {
    const own = rig.client.startSession();
    try {
      await own.withTransaction(async () => {
        const seen = await items().findOne({ _id: 'a' }, { session: own });
        await items().updateOne({ _id: 'a' }, { $set: { n: seen!['n'] + 1 } }, { session: own });
      });
    } finally {
      await own.endSession();
    }
  };
  await Promise.all(Array.from({ length: 8 }, add));
  expect((await items().findOne({ _id: 'a' }))?.['n']).toBe(9);
}, 60_000);

it('lets a unique value move between documents inside one transaction', async () => {
  await items().dropIndex('n_1');
  await items().createIndex({ n: 1 }, { unique: true });
  await session.withTransaction(async () => {
    await items().updateOne({ _id: 'a' }, { $set: { n: 99 } }, { session });
    await items().updateOne({ _id: 'b' }, { $set: { n: 1 } }, { session });
  });
  expect(await items().findOne({ n: 1 })).toEqual({ _id: 'b', n: 1 });
  expect(await rig.db.command({ validate: 'items' })).toMatchObject({ valid: true });
});

it('ends with the first failed statement, as in MongoDB', async () => {
  session.startTransaction();
  await items().insertOne({ _id: 'c' }, { session });
  await expect(items().insertOne({ _id: 'a' }, { session })).rejects.toMatchObject({ code: 11000 });
  await expect(items().findOne({}, { session })).rejects.toMatchObject({ code: 251 });
  expect(await items().countDocuments({ _id: 'c' })).toBe(0);
});

it('expires after its lifetime and frees what it held', async () => {
  session.startTransaction();
  await items().updateOne({ _id: 'a' }, { $set: { n: 5 } }, { session });
  const waiting = items().updateOne({ _id: 'a' }, { $inc: { n: 1 } });
  clock.at = new Date(clock.at.getTime() + 61_000);
  await waiting;
  expect((await items().findOne({ _id: 'a' }))?.['n']).toBe(2);
  const error = await session.commitTransaction().catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 251 });
  expect(
    (error as { hasErrorLabel(label: string): boolean }).hasErrorLabel('TransientTransactionError'),
  ).toBe(true);
});

it('answers a repeated commit as the first', async () => {
  session.startTransaction();
  await items().insertOne({ _id: 'z' }, { session });
  await session.commitTransaction();
  await expect(session.commitTransaction()).resolves.toBeUndefined();
  expect(await items().countDocuments({ _id: 'z' })).toBe(1);
});

it('is refused for commands that cannot be part of one', async () => {
  session.startTransaction();
  await expect(rig.db.command({ dropIndexes: 'items', index: '*' }, { session })).rejects.toMatchObject({
    code: 263,
  });
});

it('closes its cursors with it', async () => {
  session.startTransaction();
  const cursor = items().find({}, { session, batchSize: 1 });
  await cursor.next();
  await session.abortTransaction();
  await eventually(async () => (await rig.server.stats()).openCursors === 0);
  expect((await rig.server.stats()).openTransactions).toBe(0);
});

describe('a collection made in a transaction', () => {
  const made = () => rig.db.collection<Item>('made');
  const names = async (): Promise<string[]> =>
    (await rig.db.listCollections().toArray()).map(({ name }) => name).filter((name) => name !== 'items');

  it('is seen by nobody else before the commit, with its index', async () => {
    session.startTransaction();
    await rig.db.createCollection('empty', { session });
    await made().createIndex({ n: 1 }, { unique: true, session });
    await made().insertMany(
      [
        { _id: 'x', n: 2 },
        { _id: 'y', n: 1 },
      ],
      { session },
    );
    await made().updateOne({ _id: 'x' }, { $set: { n: 3 } }, { session });
    await rig.db
      .collection<Item>('upserted')
      .updateOne({ _id: 'u' }, { $set: { n: 1 } }, { upsert: true, session });
    const sorted = made()
      .find({ n: { $gte: 1 } }, { session })
      .sort({ n: 1 });
    expect((await sorted.toArray()).map(({ _id }) => _id)).toEqual(['y', 'x']);
    expect(
      await made()
        .aggregate([{ $count: 'n' }], { session })
        .toArray(),
    ).toEqual([{ n: 2 }]);
    expect(await names()).toEqual([]);
    expect(await made().find().toArray()).toEqual([]);
    await session.commitTransaction();
    expect((await names()).sort()).toEqual(['empty', 'made', 'upserted']);
    expect((await made().listIndexes().toArray()).map(({ name }) => name)).toEqual(['_id_', 'n_1']);
    expect(await made().find({ n: 3 }).toArray()).toEqual([{ _id: 'x', n: 3 }]);
    await expect(made().insertOne({ _id: 'z', n: 3 })).rejects.toMatchObject({ code: 11000 });
    expect(await rig.db.command({ validate: 'made' })).toMatchObject({ valid: true, nrecords: 2 });
  });

  it('leaves no trace after an abort and after a statement that failed', async () => {
    session.startTransaction();
    await made().insertOne({ _id: 'x' }, { session });
    await session.abortTransaction();
    session.startTransaction();
    await made().insertOne({ _id: 'x' }, { session });
    await expect(made().insertOne({ _id: 'x' }, { session })).rejects.toMatchObject({ code: 11000 });
    await session.abortTransaction();
    expect(await names()).toEqual([]);
  });

  it('gives way to one that somebody else made meanwhile, and the transaction is run again', async () => {
    session.startTransaction();
    await made().insertOne({ _id: 'x' }, { session });
    await made().insertOne({ _id: 'x', n: 1 });
    await expect(session.commitTransaction()).rejects.toMatchObject({ code: 112 });
    expect(await made().find().toArray()).toEqual([{ _id: 'x', n: 1 }]);
    await session.withTransaction(() => made().insertOne({ _id: 'y' }, { session }));
    expect(await made().countDocuments()).toBe(2);
  });

  it('is the only one that the transaction may index', async () => {
    session.startTransaction();
    await expect(items().createIndex({ other: 1 }, { session })).rejects.toMatchObject({ code: 263 });
  });
});
