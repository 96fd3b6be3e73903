import type { Document } from 'mongodb';
import { useServer } from './harness';

const rig = useServer();

interface Row extends Document {
  _id: number;
}

const rows = () => rig.db.collection<Row>('rows');

const fill = (count: number) =>
  rows().insertMany(Array.from({ length: count }, (_, i) => ({ _id: i, group: i % 7, next: i + 1 })));

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

/** Every document with every other one. */
const product = { $lookup: { from: 'rows', pipeline: [{ $match: { absent: 1 } }], as: 'others' } };

const PIPELINES: [string, Document[]][] = [
  ['$lookup with a pipeline', [{ $limit: 400 }, product, { $count: 'n' }]],
  [
    '$lookup by a field that all have',
    [
      { $match: { _id: { $lt: 300 } } },
      { $lookup: { from: 'rows', localField: 'group', foreignField: 'group', as: 'same' } },
      { $unwind: '$same' },
      { $group: { _id: '$same.group', n: { $sum: 1 } } },
    ],
  ],
  [
    '$graphLookup',
    [
      { $match: { _id: { $lt: 30 } } },
      {
        $graphLookup: {
          from: 'rows',
          startWith: '$next',
          connectFromField: 'next',
          connectToField: '_id',
          as: 'chain',
        },
      },
      { $project: { n: { $size: '$chain' } } },
    ],
  ],
  ['$facet', [{ $limit: 300 }, { $facet: { a: [product, { $count: 'n' }], b: [{ $sort: { _id: -1 } }] } }]],
  [
    '$unionWith',
    [{ $limit: 1 }, { $unionWith: { coll: 'rows', pipeline: [{ $limit: 300 }, product] } }, { $count: 'n' }],
  ],
];

describe('a pipeline that takes long', () => {
  beforeEach(() => fill(4_000));

  it.each(PIPELINES)('lets other commands through: %s', async (_name, pipeline) => {
    expect(await pingsDuring(rows().aggregate(pipeline).toArray())).toBeGreaterThan(2);
  });

  it('ends when its maxTimeMS is over', async () => {
    const endless = [product, { $unwind: '$others' }, product];
    await expect(rows().aggregate(endless, { maxTimeMS: 100 }).toArray()).rejects.toMatchObject({ code: 50 });
    await expect(
      rig.db
        .aggregate([{ $documents: Array.from({ length: 2_000 }, (_, n) => ({ n })) }, product], {
          maxTimeMS: 50,
        })
        .toArray(),
    ).rejects.toMatchObject({ code: 50 });
  });

  it('answers the same as one that is quick', async () => {
    const [facet] = await rows()
      .aggregate([
        { $limit: 2_000 },
        { $facet: { sum: [{ $group: { _id: null, n: { $sum: '$_id' } } }], skipped: [{ $skip: 1_999 }] } },
      ])
      .toArray();
    expect(facet).toEqual({
      sum: [{ _id: null, n: 1_999_000 }],
      skipped: [{ _id: 1_999, group: 4, next: 2_000 }],
    });
    const joined = await rows()
      .aggregate([
        { $match: { _id: { $lt: 2 } } },
        { $lookup: { from: 'rows', localField: 'group', foreignField: 'group', as: 'same' } },
        { $project: { n: { $size: '$same' } } },
        { $sort: { _id: -1 } },
      ])
      .toArray();
    expect(joined).toEqual([
      { _id: 1, n: 572 },
      { _id: 0, n: 572 },
    ]);
  });
});
