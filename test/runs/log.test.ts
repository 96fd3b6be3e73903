import { systemClock } from '../../src/ports/clock';
import { ConversationBus } from '../../src/runs/bus';
import { ConversationLog, FencedError, type PartDraft, type Writer } from '../../src/runs/log';
import { MemoryStore } from './memory-store';

const draft = (text: string): PartDraft => ({ type: 'delta', text });

describe('the log of a conversation', () => {
  let memory: MemoryStore;
  let log: ConversationLog;
  let published: number[];

  beforeEach(() => {
    memory = new MemoryStore();
    const bus = new ConversationBus();
    published = [];
    bus.subscribe('t', 'c', (signal) => {
      if (signal.kind === 'parts') published.push(...signal.parts.map(({ seq }) => seq));
    });
    log = new ConversationLog(bus, systemClock);
  });

  const append = (text: string, writer?: Writer) => log.append(memory.store, 'c', [draft(text)], writer);
  const run = (owner: string): Writer => ({ kind: 'run', runId: 'r', owner });

  it('joins appends that wait into one allocation and one insert, each answered with its own part', async () => {
    const { store } = memory;
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((text) => log.append(store, 'c', [draft(text)])));
    expect(all.map(([one]) => `${one!.seq}${one!.text}`)).toEqual(['0a', '1b', '2c', '3d']);
    expect(memory.allocations).toBe(2);
    expect(memory.inserts).toBe(2);
    expect(published).toEqual([0, 1, 2, 3]);
  });

  it('shows nothing before it is stored', async () => {
    let seenAtInsert: number[] | undefined;
    memory.beforeInsert = async () => void (seenAtInsert = [...published]);
    await append('a');
    expect(seenAtInsert).toEqual([]);
    expect(published).toEqual([0]);
  });

  it('refuses a run that lost the conversation, and only that run', async () => {
    const outcomes = await Promise.allSettled([
      append('a', run('me')),
      append('b', run('other')),
      append('c'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((outcomes[1] as PromiseRejectedResult).reason).toBeInstanceOf(FencedError);
    expect(memory.parts.map(({ text }) => text)).toEqual(['a', 'c']);
  });

  it('goes on after a failed append', async () => {
    memory.beforeInsert = () => Promise.reject(new Error('broken'));
    await expect(append('a')).rejects.toThrow('broken');
    memory.beforeInsert = () => Promise.resolve();
    expect((await append('b'))[0]!.text).toBe('b');
    expect(published).toEqual([1]);
  });
});
