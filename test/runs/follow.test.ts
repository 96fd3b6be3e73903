import { ConversationBus } from '../../src/runs/bus';
import { followConversation } from '../../src/runs/follow';
import { MemoryStore, part } from './memory-store';

type Followed = ReturnType<typeof followConversation>;

/** Seqs as they are yielded, until `last` came. */
async function readUntil(followed: Followed, last: number): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { parts } of followed) {
    seqs.push(...parts.map(({ seq }) => seq));
    if (seqs.includes(last)) break;
  }
  return seqs;
}

const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);

describe('following a conversation', () => {
  let bus: ConversationBus;
  let memory: MemoryStore;
  const follow = (afterSeq = -1): Followed => followConversation(bus, memory.store, 'c', afterSeq);
  const publish = (...seqs: number[]): void => {
    const parts = seqs.map((seq) => part(seq));
    memory.put(...parts);
    bus.publish('t', 'c', { kind: 'parts', parts });
  };

  beforeEach(() => {
    bus = new ConversationBus();
    memory = new MemoryStore();
  });

  it('shows what is stored, then what is appended, in order and once', async () => {
    memory.put(...upTo(450).map((seq) => part(seq)));
    const followed = follow();
    const first = await followed.next();
    publish(450, 451);
    publish(452);
    const shown = first.value.parts.map(({ seq }: { seq: number }) => seq);
    expect([...shown, ...(await readUntil(followed, 452))]).toEqual(upTo(453));
  });

  it('begins behind the cursor', async () => {
    memory.put(...upTo(10).map((seq) => part(seq)));
    expect(await readUntil(follow(6), 9)).toEqual([7, 8, 9]);
  });

  it('serves a reader that fell far behind from the store, without loss', async () => {
    const followed = follow();
    publish(0);
    await followed.next();
    for (let seq = 1; seq <= 2_000; seq++) publish(seq);
    expect(await readUntil(followed, 2_000)).toEqual(upTo(2_000, 1));
  });

  it('waits for a seq that its writer is just storing', async () => {
    memory.put(part(0), part(2, new Date()));
    const followed = follow();
    expect((await followed.next()).value.parts.map(({ seq }: { seq: number }) => seq)).toEqual([0]);
    const rest = readUntil(followed, 2);
    memory.put(part(1));
    expect(await rest).toEqual([1, 2]);
  });

  it('passes a gap that has been there for long: a crash left it', async () => {
    memory.put(part(0), part(3));
    expect(await readUntil(follow(), 3)).toEqual([0, 3]);
  });

  it('reads the store when appended parts do not join what it has shown', async () => {
    const followed = follow();
    publish(0);
    await followed.next();
    memory.put(part(1));
    publish(2);
    expect(await readUntil(followed, 2)).toEqual([1, 2]);
  });

  it('serves a follower that comes a moment later from memory', async () => {
    bus.keep('t', 'c');
    publish(0, 1, 2);
    expect(await readUntil(follow(), 2)).toEqual([0, 1, 2]);
    expect(memory.reads).toBe(0);
  });

  it('ends at once when the consumer returns while it waits', async () => {
    const followed = follow();
    const waiting = followed.next();
    await followed.return!();
    expect((await waiting).done).toBe(true);
    expect(bus.hasListeners('t', 'c')).toBe(false);
  });

  it('ends when the conversation is deleted', async () => {
    const followed = follow();
    const waiting = followed.next();
    bus.publish('t', 'c', { kind: 'deleted' });
    expect((await waiting).done).toBe(true);
  });

  it('says that something changed, without parts', async () => {
    const followed = follow();
    const waiting = followed.next();
    bus.publish('t', 'c', { kind: 'changed' });
    expect((await waiting).value).toEqual({ parts: [], changed: true });
    await followed.return!();
  });
});
