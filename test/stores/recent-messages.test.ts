import { RecentMessages } from '../../src/adapters/stores/recent-messages';
import type { PartRecord } from '../../src/ports/records';
import { part } from '../runs/memory-store';

const conversation = { id: 'c', createdAt: new Date(1) };

describe('messages that were read lately', () => {
  let stored: PartRecord[];
  let reads: [number, number][];
  let recent: RecentMessages;

  beforeEach(() => {
    stored = Array.from({ length: 10 }, (_, ordinal) => ({ ...part(ordinal), messageSeq: ordinal }));
    reads = [];
    recent = new RecentMessages();
  });

  const read = async (from: number, to: number): Promise<PartRecord[]> => {
    reads.push([from, to]);
    return stored.filter(({ messageSeq }) => messageSeq! >= from && messageSeq! < to);
  };
  const find = async (from: number, to: number, where = conversation, namespace = 'one.parts') =>
    (await recent.find(namespace, where, [from, to], read)).map(({ messageSeq }) => messageSeq);

  it('are read once', async () => {
    expect(await find(2, 5)).toEqual([2, 3, 4]);
    expect(await find(2, 5)).toEqual([2, 3, 4]);
    expect(reads).toEqual([[2, 5]]);
  });

  it.each([
    ['behind', [2, 8], [5, 8]],
    ['before', [0, 4], [0, 2]],
    ['on both sides', [0, 8], [0, 8]],
  ] as const)('join what is missing %s', async (_, [from, to], missing) => {
    await find(2, 5);
    expect(await find(from, to)).toEqual(Array.from({ length: to - from }, (__, index) => from + index));
    expect(reads).toEqual([[2, 5], missing]);
  });

  it('are looked for again where none was stored yet', async () => {
    const [late] = stored.splice(3, 1);
    expect(await find(2, 6)).toEqual([2, 4, 5]);
    expect(await find(2, 6)).toEqual([2, 4, 5]);
    stored.splice(3, 0, late!);
    expect(await find(2, 6)).toEqual([2, 3, 4, 5]);
    expect(reads).toEqual([
      [2, 6],
      [3, 4],
      [3, 4],
    ]);
  });

  it.each([
    ['another conversation', { ...conversation, id: 'd' }, 'one.parts'],
    ['a conversation made again under the id', { id: 'c', createdAt: new Date(2) }, 'one.parts'],
    ['another tenant', conversation, 'two.parts'],
  ])('are not those of %s', async (_, where, namespace) => {
    await find(0, 2);
    stored = [];
    expect(await find(0, 2, where, namespace)).toEqual([]);
  });

  it('take no more memory than they may', async () => {
    recent = new RecentMessages(3_000);
    stored.forEach((one) => (one.text = 'x'.repeat(400)));
    await find(0, 10);
    expect(await find(0, 10)).toHaveLength(10);
    expect(reads).toHaveLength(2);
  });
});
