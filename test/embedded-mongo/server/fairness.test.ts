import type { Document } from 'mongodb';
import { useServer } from './harness';

const rig = useServer();

interface Row extends Document {
  _id: number;
}

const rows = () => rig.db.collection<Row>('rows');

async function fill(count: number): Promise<void> {
  const docs = Array.from({ length: count }, (_, i) => ({ _id: i, group: i % 7, text: 'x'.repeat(200) }));
  await rows().insertMany(docs);
}

/** How many pings are answered before `work` is. */
async function pingsDuring(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const finished = work.finally(() => (isDone = true));
  let pings = 0;
  while (!isDone) {
    await rig.db.command({ ping: 1 });
    pings += 1;
  }
  await finished;
  return pings;
}

describe('a scan of a whole collection', () => {
  const SCANS: [string, () => Promise<unknown>][] = [
    ['count without an index', () => rows().countDocuments({ text: 'absent' })],
    ['find that matches nothing', () => rows().find({ text: 'absent' }).toArray()],
    ['distinct', () => rows().distinct('group')],
    ['sort without an index', () => rows().find({ text: 'absent' }).sort({ group: 1 }).toArray()],
    [
      '$group',
      () =>
        rows()
          .aggregate([{ $group: { _id: '$group', n: { $sum: 1 } } }])
          .toArray(),
    ],
  ];

  it.each(SCANS)('lets other commands through: %s', async (_name, scan) => {
    // So many that other work of the machine, which also takes time slices from the scan, cannot make it too short.
    await fill(40_000);
    // One would be the ping that was on its way before the scan began.
    expect(await pingsDuring(scan())).toBeGreaterThan(2);
  });

  it('ends when its maxTimeMS is over', async () => {
    await fill(15_000);
    await expect(
      rig.db.command({ count: 'rows', query: { text: 'absent' }, maxTimeMS: 1 }),
    ).rejects.toMatchObject({ code: 50 });
  });
});

describe('a pattern that backtracks without end', () => {
  it('is given up on with an error that names it', async () => {
    await rows().insertOne({ _id: 1, text: `${'a'.repeat(40)}!` });
    await expect(rows().findOne({ text: { $regex: '^(a+)+$' } })).rejects.toMatchObject({
      code: 51156,
      message: expect.stringContaining('/^(a+)+$/') as string,
    });
  });

  it('works on texts it is quick on', async () => {
    await rows().insertMany([
      { _id: 1, text: 'aaa' },
      { _id: 2, text: 'ab' },
    ]);
    expect(
      await rows()
        .find({ text: { $regex: '^(a+)+$' } })
        .toArray(),
    ).toEqual([{ _id: 1, text: 'aaa' }]);
    expect(
      await rows()
        .find({ text: /^(a|b)+$/ })
        .toArray(),
    ).toHaveLength(2);
  });
});

describe('the variables of an aggregate', () => {
  it('are constants that stages and $match may use', async () => {
    await fill(10);
    const pipeline = [
      { $match: { group: { $lt: 6 } } },
      { $match: { $expr: { $gte: ['$_id', '$$least'] } } },
      { $project: { sum: { $add: ['$_id', '$$least'] } } },
      { $sort: { _id: 1 } },
    ];
    expect(
      await rows()
        .aggregate(pipeline, { let: { least: { $add: [3, 4] } } })
        .toArray(),
    ).toEqual([
      { _id: 7, sum: 14 },
      { _id: 8, sum: 15 },
      { _id: 9, sum: 16 },
    ]);
  });

  it('are refused under a name that is none', async () => {
    await expect(
      rows()
        .aggregate([], { let: { Least: 1 } })
        .toArray(),
    ).rejects.toThrow(/variable name/);
  });
});

describe('creating a collection that exists', () => {
  it('succeeds and keeps its documents, as since MongoDB 7.0 with the same options', async () => {
    await rows().insertOne({ _id: 1 });
    expect(await rig.db.command({ create: 'rows' })).toMatchObject({ ok: 1 });
    expect(await rows().countDocuments()).toBe(1);
  });
});

describe('a write that asks for the journal', () => {
  it.each([{ j: true }, { w: 'majority' as const }])('is acknowledged with %j', async (writeConcern) => {
    expect(await rows().insertOne({ _id: 1 }, { writeConcern })).toMatchObject({ acknowledged: true });
    expect(await rows().countDocuments()).toBe(1);
  });
});
