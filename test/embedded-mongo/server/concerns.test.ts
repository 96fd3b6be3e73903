import type { Document } from 'mongodb';
import { useServer } from './harness';

const rig = useServer();

const codeOf = (command: Document): Promise<unknown> =>
  rig.db.command(command).then(
    () => 'ok',
    (error: unknown) => (error as { code?: number }).code,
  );

describe('a read concern', () => {
  it.each([
    ['nothing', {}, 'ok'],
    ['local', { level: 'local' }, 'ok'],
    ['available', { level: 'available' }, 'ok'],
    ['majority', { level: 'majority' }, 'ok'],
    ['linearizable', { level: 'linearizable' }, 'ok'],
    ['a snapshot without a transaction', { level: 'snapshot' }, 123],
    ['an unknown level', { level: 'serializable' }, 2],
    ['a level in capitals', { level: 'Local' }, 2],
    ['a level that is a number', { level: 5 }, 14],
    ['an unknown field', { level: 'local', until: 5 }, 40415],
    ['a time to read at without a snapshot', { level: 'local', atClusterTime: 1 }, 72],
    ['a time to read after', { level: 'local', afterClusterTime: 1 }, 20],
    ['a text', 'local', 14],
    ['null', null, 14],
  ])('of %s is answered as MongoDB answers it', async (_name, readConcern, expected) => {
    for (const command of [
      { find: 'c' },
      { count: 'c' },
      { distinct: 'c', key: 'a' },
      { aggregate: 'c', pipeline: [], cursor: {} },
    ])
      expect(await codeOf({ ...command, readConcern })).toBe(expected);
  });

  it('other than local is refused by commands that do not take one', async () => {
    const insert = { insert: 'c', documents: [{}] };
    expect(await codeOf({ ...insert, readConcern: { level: 'local' } })).toBe('ok');
    expect(await codeOf({ ...insert, readConcern: { level: 'majority' } })).toBe(72);
    expect(await codeOf({ ping: 1, readConcern: { level: 'linearizable' } })).toBe(72);
    expect(
      await codeOf({
        aggregate: 'c',
        pipeline: [{ $out: 'o' }],
        cursor: {},
        readConcern: { level: 'linearizable' },
      }),
    ).toBe(72);
  });

  it.each([
    ['local', 'ok'],
    ['majority', 'ok'],
    ['snapshot', 'ok'],
    ['available', 72],
    ['linearizable', 72],
  ] as const)('of %s begins a transaction or does not', async (level, expected) => {
    const session = rig.client.startSession({ causalConsistency: false });
    try {
      session.startTransaction({ readConcern: { level } });
      const read = rig.db.collection('c').findOne({}, { session });
      const outcome = await read.then(
        () => 'ok',
        (error: unknown) => (error as { code?: number }).code,
      );
      expect(outcome).toBe(expected);
    } finally {
      await session.endSession();
    }
  });
});

describe('a write concern', () => {
  it.each([
    ['nothing', {}, 'ok'],
    ['one node', { w: 1 }, 'ok'],
    ['no answer', { w: 0 }, 'ok'],
    ['the majority', { w: 'majority', wtimeout: 100 }, 'ok'],
    ['the journal', { j: true }, 'ok'],
    ['two nodes', { w: 2 }, 2],
    ['a tag', { w: 'datacenters' }, 2],
    ['minus one node', { w: -1 }, 9],
    ['more nodes than a set has', { w: 51 }, 9],
    ['a list of nodes', { w: [] }, 9],
    ['journal and fsync', { j: true, fsync: true }, 9],
    ['a text for the journal', { j: 'yes' }, 14],
    ['an unknown field', { nodes: 1 }, 40415],
    ['a text', 'majority', 14],
  ])('of %s is answered as MongoDB answers it', async (_name, writeConcern, expected) => {
    expect(await codeOf({ insert: 'c', documents: [{}], writeConcern })).toBe(expected);
    expect(await rig.db.collection('c').countDocuments()).toBe(expected === 'ok' ? 1 : 0);
  });

  it('is refused by a command that only reads and by a statement of a transaction', async () => {
    expect(await codeOf({ find: 'c', writeConcern: { w: 1 } })).toBe(72);
    const session = rig.client.startSession();
    try {
      session.startTransaction();
      const insert = { insert: 'c', documents: [{}], writeConcern: { w: 1 } };
      await expect(rig.db.command(insert, { session })).rejects.toMatchObject({ code: 72 });
    } finally {
      await session.endSession();
    }
  });
});
