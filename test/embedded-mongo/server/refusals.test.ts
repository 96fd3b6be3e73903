import { Long, type ClientSession, type Document } from 'mongodb';
import { useServer } from './harness';

const rig = useServer();

const codeOf = (command: Document, db = rig.db, session?: ClientSession): Promise<unknown> =>
  db.command(command, { session }).then(
    (reply) => (reply['writeErrors'] as { code: number }[] | undefined)?.[0]?.code ?? 'ok',
    (error: unknown) => (error as { code?: number }).code,
  );

describe('distinct', () => {
  it.each([
    ['elements that are arrays', 'a', [{ a: [[1, 2], 3, [1, 2]] }, { a: 3 }], [3, [1, 2]]],
    ['elements of arrays on the way', 'a.b', [{ a: [{ b: [1, [2]] }, { b: 3 }, 4] }], [1, 3, [2]]],
    ['an element at a position, one level deep', 'a.0', [{ a: [[1, 2], 9] }, { a: [7] }], [1, 2, 7]],
    ['nothing of empty arrays and of missing fields', 'a', [{ a: [] }, {}, { a: null }], [null]],
    ['nothing of arrays within arrays on the way', 'a.b', [{ a: [[{ b: 1 }], { b: 2 }] }], [2]],
  ])('counts %s', async (_name, key, docs: Document[], expected) => {
    await rig.db.collection('d').insertMany(docs);
    expect(await rig.db.collection('d').distinct(key)).toEqual(expected);
  });
});

describe('a sort over two arrays of one document', () => {
  beforeEach(async () => {
    await rig.db.collection('s').insertMany([
      {
        _id: 1 as never,
        a: [1, 2],
        b: [3],
        c: [
          { x: 1, y: 5 },
          { x: 2, y: 1 },
        ],
      },
      { _id: 2 as never, a: 1, b: [1], c: [{ x: 1, y: 3 }] },
    ]);
  });

  it('is refused by find and by $sort, also for a single document', async () => {
    const sort = { a: 1, b: 1 };
    for (const filter of [{}, { b: 3 }]) {
      expect(await codeOf({ find: 's', filter, sort })).toBe(2);
      expect(
        await codeOf({
          aggregate: 's',
          pipeline: [{ $match: filter }, { $set: { z: 1 } }, { $sort: sort }],
          cursor: {},
        }),
      ).toBe(2);
    }
    expect(await codeOf({ find: 's', filter: { _id: 2 }, sort })).toBe('ok');
    const index = { createIndexes: 's', indexes: [{ key: sort, name: 'i' }] };
    expect(await codeOf(index)).toBe(171);
  });

  it('goes by the first combination when both fields are in one array, as an index would', async () => {
    const rows = rig.db.collection('s').find().sort({ 'c.x': 1, 'c.y': 1 });
    expect((await rows.toArray()).map(({ _id }) => _id)).toEqual([2, 1]);
  });

  it('is no error where elements of an array are sorted', async () => {
    const push = {
      $push: {
        list: {
          $each: [
            { a: [2], b: [2] },
            { a: [1], b: [1] },
          ],
          $sort: { a: 1, b: 1 },
        },
      },
    };
    await rig.db.collection('s').updateOne({ _id: 1 as never }, push as never);
    expect((await rig.db.collection('s').findOne({ _id: 1 as never }))?.['list'][0]).toEqual({
      a: [1],
      b: [1],
    });
  });
});

describe('an _id', () => {
  it.each([
    ['a field with a dollar', { $a: 1 }, 52],
    ['a field with a dollar further down', { a: [{ $b: 1 }] }, 52],
    ['an array', [1], 53],
    ['a regular expression', /x/, 53],
    ['a document', { a: 1 }, 'ok'],
    ['a reference', { $ref: 'c', $id: 1 }, 'ok'],
  ])('that is %s is answered as MongoDB answers it', async (_name, _id, expected) => {
    expect(await codeOf({ insert: 'i', documents: [{ _id }] })).toBe(expected);
    const upsert = { q: { n: 1 }, u: { $set: { _id } }, upsert: true };
    if (expected !== 'ok') expect(await codeOf({ update: 'u', updates: [upsert] })).toBe(expected);
  });

  it('is never changed', async () => {
    await rig.db.collection('i').insertOne({ _id: 1 as never });
    for (const u of [{ $set: { _id: 2 } }, { $unset: { _id: 1 } }, { _id: 2 }])
      expect(await codeOf({ update: 'i', updates: [{ q: { _id: 1 }, u }] })).toBe(66);
  });
});

describe('a command', () => {
  it.each([
    ['aggregate without a cursor', { aggregate: 'c', pipeline: [] }, 9],
    ['aggregate without a pipeline', { aggregate: 'c', cursor: {} }, 40414],
    ['insert of nothing', { insert: 'c', documents: [] }, 16],
    ['update of nothing', { update: 'c', updates: [] }, 16],
    ['delete of nothing', { delete: 'c', deletes: [] }, 16],
    ['bulkWrite of nothing', { bulkWrite: 1, ops: [], nsInfo: [{ ns: 'd.c' }] }, 16],
    ['insert without documents', { insert: 'c' }, 40414],
    ['update without updates', { update: 'c' }, 40414],
    ['delete without deletes', { delete: 'c' }, 40414],
    ['delete without a limit', { delete: 'c', deletes: [{ q: {} }] }, 40414],
    [
      'delete of more than a batch',
      { delete: 'c', deletes: Array.from({ length: 100_001 }, () => ({})) },
      16,
    ],
  ])('%s is refused as MongoDB refuses it', async (_name, command, expected) => {
    const db = 'bulkWrite' in command ? rig.client.db('admin') : rig.db;
    expect(await codeOf(command, db)).toBe(expected);
  });

  it('that updates nothing makes no collection', async () => {
    expect(await codeOf({ update: 'none', updates: [{ q: {}, u: { $set: { a: 1 } } }] })).toBe('ok');
    expect(await codeOf({ findAndModify: 'none', query: {}, update: { $set: { a: 1 } } })).toBe('ok');
    expect(await rig.db.listCollections().toArray()).toEqual([]);
  });
});

describe('the number of a transaction', () => {
  // The driver numbers transactions itself, so the statements are written out; the session lends its id.
  let session: ClientSession;
  beforeEach(() => void (session = rig.client.startSession()));
  afterEach(() => session.endSession());
  const send = (command: Document, db = rig.db): Promise<unknown> => codeOf(command, db, session);
  const statement = (command: Document, txnNumber: number, rest: Document = {}): Document => ({
    ...command,
    txnNumber: Long.fromNumber(txnNumber),
    autocommit: false,
    ...rest,
  });
  const begin = (n: number): Promise<unknown> =>
    send(statement({ insert: 't', documents: [{ n }] }, n, { startTransaction: true }));
  const end = (command: string, n: number): Promise<unknown> => {
    // Of these two commands the driver overwrites the number with its own.
    (session.serverSession as { txnNumber: number }).txnNumber = n;
    return send(statement({ [command]: 1 }, n), rig.client.db('admin'));
  };
  const go = (n: number): Promise<unknown> => send(statement({ find: 't' }, n));

  it('begins once, ends once, and is old when there is a later one', async () => {
    expect(await begin(1)).toBe('ok');
    expect(await begin(1)).toBe(117);
    expect(await go(1)).toBe('ok');
    expect(await end('commitTransaction', 2)).toBe(251);
    expect(await end('commitTransaction', 1)).toBe('ok');
    expect(await end('commitTransaction', 1)).toBe('ok');
    expect(await go(1)).toBe(256);
    expect(await end('abortTransaction', 1)).toBe(256);
    expect(await begin(1)).toBe(117);
    expect(await begin(3)).toBe('ok');
    expect([await begin(2), await go(2), await end('commitTransaction', 1)]).toEqual([225, 225, 225]);
    expect(await end('abortTransaction', 3)).toBe('ok');
    expect(await go(3)).toBe(251);
    expect(await end('commitTransaction', 3)).toBe(251);
    expect(await begin(3)).toBe(117);
    expect(
      await rig.db
        .collection('t')
        .find({}, { projection: { _id: 0 } })
        .toArray(),
    ).toEqual([{ n: 1 }]);
  });

  it('comes with the fields that belong to it', async () => {
    expect(await send({ find: 't', startTransaction: true })).toBe(72);
    expect(await send({ find: 't', autocommit: false })).toBe(72);
    expect(await send(statement({ find: 't' }, 9, { startTransaction: false }))).toBe(72);
  });
});

describe('a pipeline that writes', () => {
  it.each([
    ['$out before the end', [{ $out: 'o' }, { $match: {} }], 40601],
    ['$merge before the end', [{ $merge: 'o' }, { $match: {} }], 40601],
    ['$out to a number', [{ $out: 5 }], 16990],
    ['$out without a collection', [{ $out: { db: 'd' } }], 40414],
    ['an unknown option of $out', [{ $out: { db: 'd', coll: 'c', foo: 1 } }], 40415],
    ['$out to an invalid name', [{ $out: '' }], 73],
    ['$out to a system collection', [{ $out: 'system.users' }], 17385],
    ['$merge to a number', [{ $merge: 5 }], 14],
    ['$merge without a target', [{ $merge: { on: '_id' } }], 40414],
    ['an unknown whenMatched', [{ $merge: { into: 'o', whenMatched: 'foo' } }], 2],
    ['an unknown whenNotMatched', [{ $merge: { into: 'o', whenNotMatched: 'foo' } }], 2],
    [
      'merge modes that do not go together',
      [{ $merge: { into: 'o', whenMatched: 'fail', whenNotMatched: 'discard' } }],
      51181,
    ],
    [
      'of a document that $merge cannot match',
      [{ $merge: { into: 'absent', whenNotMatched: 'fail' } }],
      13113,
    ],
  ])('%s is refused as MongoDB refuses it', async (_name, pipeline, expected) => {
    await rig.db.collection('c').insertOne({ a: 1 });
    expect(await codeOf({ aggregate: 'c', pipeline, cursor: {} })).toBe(expected);
  });
});
