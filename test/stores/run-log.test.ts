import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { type Db, MongoClient, MongoNetworkError } from 'mongodb';
import { WriteBatch } from '../../src/adapters/stores/batches';
import { PrismaConversationStore } from '../../src/adapters/stores/conversations';
import { MongoDatabase } from '../../src/adapters/stores/database';
import { guarded } from '../../src/adapters/stores/guard';
import { HeldConversations } from '../../src/adapters/stores/held-conversations';
import { tenantDatabase } from '../../src/adapters/stores/names';
import { PrismaRunLogStore } from '../../src/adapters/stores/run-log';
import { type EmbeddedMongo, startEmbeddedMongo } from '../../src/embedded-mongo/server';
import { systemClock } from '../../src/ports/clock';
import type { ConversationRecord, PartRecord, RunRecord } from '../../src/ports/records';
import type { TenantStore } from '../../src/ports/stores';
import { ConversationBus } from '../../src/runs/bus';
import { ConversationLog, FencedError, type PartDraft, type Writer } from '../../src/runs/log';

const AT = new Date('2026-01-01T00:00:00Z');
/** Answers of `bulkWrite` are lost here, which other servers may not have. */
const onEmbedded = process.env.MONGODB_URL ? it.skip : it;
const PREFIX = `t${randomUUID().slice(0, 6)}`;

describe('what runs add to their conversations', () => {
  const directory = mkdtempSync(join(tmpdir(), 'af-'));
  let embedded: EmbeddedMongo | undefined;
  let database: MongoDatabase;
  let client: MongoClient;
  let db: Db;
  let store: TenantStore;
  let log: ConversationLog;
  let bulkWrites: number;
  /** Set, the next commands are carried out, and their answers lost. */
  let answersLost: boolean;

  beforeAll(async () => {
    embedded = process.env.MONGODB_URL ? undefined : await startEmbeddedMongo({ dataDir: directory });
    const url = process.env.MONGODB_URL ?? embedded!.url;
    database = new MongoDatabase({ url, prefix: PREFIX, poolSize: 4 });
    await database.connect();
    await database.ensureIndexes('one');
    client = await new MongoClient(url, { ignoreUndefined: false }).connect();
    db = client.db(tenantDatabase(PREFIX, 'one'));
  }, 60_000);

  beforeEach(() => {
    bulkWrites = 0;
    answersLost = false;
    const writes = new WriteBatch(() => losing(client));
    const held = new HeldConversations();
    const [conversations, parts, runs] = ['conversations', 'conversation_parts', 'runs'].map(
      (name) => () => db.collection(name),
    ) as [() => never, () => never, () => never];
    const met = new LRUCache<string, true>({ max: 10 });
    const prisma = database.prisma('one');
    store = {
      ...database.store('one'),
      conversations: guarded(new PrismaConversationStore(prisma, conversations, writes, held, met)),
      runLog: guarded(new PrismaRunLogStore({ conversations, parts, runs }, writes, held)),
    };
    log = new ConversationLog(new ConversationBus(), systemClock);
  });

  afterAll(async () => {
    await db.dropDatabase();
    await client.close();
    await database.close();
    await embedded?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Counts commands, and loses answers on demand; where the server has no such command, it says so as ever. */
  const losing = (real: MongoClient): MongoClient =>
    ({
      bulkWrite: async (...args: Parameters<MongoClient['bulkWrite']>) => {
        bulkWrites++;
        const answer = await real.bulkWrite(...args);
        if (answersLost) throw new MongoNetworkError('the connection broke');
        return answer;
      },
    }) as unknown as MongoClient;

  const draft = (text: string): PartDraft => ({ type: 'delta', text });
  const holder = (id: string, owner = 'worker') => ({ runId: `run ${id}`, owner });
  const writer = (id: string, owner = 'worker', release = false): Writer => ({
    kind: 'run',
    ...holder(id, owner),
    release,
  });

  const conversation = (id: string, more: Partial<ConversationRecord> = {}): ConversationRecord => ({
    id,
    userId: 'user',
    agentId: 'agent',
    title: 'Title',
    titleSource: 'message',
    isActive: true,
    metadata: {},
    source: null,
    sourceRefId: null,
    nextSeq: 1,
    messageCount: 0,
    activeRunId: `run ${id}`,
    activeOwner: 'worker',
    activeMessageId: 'm',
    queuedRuns: 0,
    compactedBefore: 0,
    summary: null,
    createdAt: AT,
    updatedAt: AT,
    deletedAt: null,
    ...more,
  });

  const run = (id: string, more: Partial<RunRecord> = {}): RunRecord =>
    ({
      id: `run ${id}`,
      conversationId: id,
      agentId: 'agent',
      userId: 'user',
      messageId: 'm',
      callId: id,
      rootCallId: id,
      rootRunId: `run ${id}`,
      kind: 'chat',
      status: 'running',
      request: {},
      requestHash: 'hash',
      model: 'model',
      step: 0,
      attempts: 1,
      inputTokens: 0,
      outputTokens: 0,
      totalTokens: 0,
      costUsd: 0,
      leaseOwner: 'worker',
      createdAt: AT,
      startedAt: AT,
      ...more,
    }) as RunRecord;

  const first = (id: string, seq = 0): PartRecord[] =>
    log.place(id, [{ type: 'start', runId: `run ${id}` }])({ seq, messageSeq: 0 });

  const begin = (id: string) =>
    store.runLog.beginNew({ conversation: conversation(id), run: run(id), parts: first(id) });

  const texts = async (id: string) =>
    (await store.parts.after(id, 0, 100)).map(({ seq, text }) => `${seq} ${text}`);

  describe('the first message of a conversation', () => {
    it('makes all three', async () => {
      expect(await begin('new')).toBe('stored');
      expect(await store.conversations.find('new')).toMatchObject({ activeRunId: 'run new', nextSeq: 1 });
      expect(await store.runs.find('run new')).toMatchObject({ status: 'running' });
      expect((await store.parts.after('new', -1, 10)).map(({ type }) => type)).toEqual(['start']);
    });

    it('makes nothing of a conversation that exists, not even the run', async () => {
      await begin('taken');
      const other = { ...run('taken'), id: 'run other', callId: 'other', messageId: 'other' };
      const parts = first('taken');
      const made = { ...conversation('taken'), activeRunId: 'run other' };
      expect(await store.runLog.beginNew({ conversation: made, run: other, parts })).toBe(
        'conversation_exists',
      );
      expect(await store.runs.find('run other')).toBeNull();
      expect(await store.conversations.find('taken')).toMatchObject({ activeRunId: 'run taken' });
    });

    it('stores no part for a run that exists', async () => {
      await database.store('one').runs.create(run('ran'));
      expect(await begin('ran')).toBe('run_exists');
      expect(await store.parts.after('ran', -1, 10)).toEqual([]);
    });
  });

  describe('a message in a conversation that exists', () => {
    const idle = async (id: string): Promise<ConversationRecord> => {
      const known = conversation(id, { activeRunId: null, activeOwner: null, activeMessageId: null });
      await store.conversations.create(known);
      return known;
    };
    const beginIn = (known: ConversationRecord) =>
      store.runLog.beginIn(known, {
        conversation: { ...known, ...conversation(known.id, { nextSeq: known.nextSeq + 1, title: 'New' }) },
        run: run(known.id),
        parts: first(known.id, known.nextSeq),
      });

    it('takes it as it was found', async () => {
      expect(await beginIn(await idle('idle'))).toBe('stored');
      expect(await store.conversations.find('idle')).toMatchObject({
        activeRunId: 'run idle',
        activeOwner: 'worker',
        nextSeq: 2,
        title: 'New',
      });
      expect((await store.parts.after('idle', -1, 10)).map(({ seq }) => seq)).toEqual([1]);
    });

    it.each([
      ['was written to meanwhile', { nextSeq: 5 }],
      ['was taken meanwhile', { activeRunId: 'another' }],
      ['is being deleted', { deletedAt: AT }],
      ['was compacted meanwhile', { compactedBefore: 3 }],
    ])('stores only the run when it %s', async (what, change) => {
      const known = await idle(what);
      await db.collection('conversations').updateOne({ _id: what as never }, { $set: change });
      expect(await beginIn(known)).toBe('not_claimed');
      expect(await store.runs.find(`run ${what}`)).not.toBeNull();
      expect(await store.parts.after(what, -1, 10)).toEqual([]);
      expect((await db.collection('conversations').findOne({ _id: what as never }))!.title).toBe('Title');
    });

    it('changes nothing for a message that has its run', async () => {
      const known = await idle('again');
      await database.store('one').runs.create(run('again', { id: 'first run' }));
      expect(await beginIn(known)).toBe('run_exists');
      expect(await store.conversations.find('again')).toMatchObject({ activeRunId: null, nextSeq: 1 });
    });
  });

  describe('an entry of a run', () => {
    it('is one command, with the end of the run and of its hold', async () => {
      await begin('whole');
      bulkWrites = 0;
      const end = { holder: holder('whole'), changes: () => ({ status: 'completed' as const }) };
      const parts = await log.append(
        store,
        'whole',
        [draft('a'), draft('b')],
        writer('whole', 'worker', true),
        end,
      );
      expect(parts.map(({ seq }) => seq)).toEqual([1, 2]);
      if (!process.env.MONGODB_URL) expect(bulkWrites).toBe(1);
      expect(await texts('whole')).toEqual(['1 a', '2 b']);
      expect(await store.runs.find('run whole')).toMatchObject({ status: 'completed' });
      expect(await store.conversations.find('whole')).toMatchObject({ activeRunId: null, nextSeq: 3 });
    });

    it('goes step by step behind what somebody else appended', async () => {
      await begin('mixed');
      await database.store('one').conversations.allocate('mixed', { parts: 3, messages: 0 }, AT);
      expect((await log.append(store, 'mixed', [draft('a')], writer('mixed'))).map(({ seq }) => seq)).toEqual(
        [4],
      );
      expect((await log.append(store, 'mixed', [draft('b')], writer('mixed'))).map(({ seq }) => seq)).toEqual(
        [5],
      );
      expect(await texts('mixed')).toEqual(['4 a', '5 b']);
    });

    it('is refused whole when another worker has the conversation', async () => {
      await begin('fenced');
      await database.store('one').conversations.reown('fenced', 'run fenced', 'another worker');
      const end = { holder: holder('fenced'), changes: () => ({ status: 'completed' as const }) };
      await expect(
        log.append(store, 'fenced', [draft('a')], writer('fenced', 'worker', true), end),
      ).rejects.toThrow(FencedError);
      expect(await texts('fenced')).toEqual([]);
      expect(await store.runs.find('run fenced')).toMatchObject({ status: 'running' });
      expect(await store.conversations.find('fenced')).toMatchObject({ nextSeq: 1 });
    });

    onEmbedded('is stored once when the answer of the database is lost', async () => {
      await begin('lost');
      answersLost = true;
      const end = { holder: holder('lost'), changes: () => ({ status: 'completed' as const }) };
      const parts = await log.append(
        store,
        'lost',
        [draft('a'), draft('b')],
        writer('lost', 'worker', true),
        end,
      );
      expect(parts.map(({ seq, text }) => `${seq} ${text}`)).toEqual(['1 a', '2 b']);
      expect(await texts('lost')).toEqual(['1 a', '2 b']);
      expect(await store.conversations.find('lost')).toMatchObject({ activeRunId: null, nextSeq: 3 });
      expect(await store.runs.find('run lost')).toMatchObject({ status: 'completed' });
    });

    onEmbedded('does not take places that another entry allocated when an answer was lost', async () => {
      await begin('doubt');
      answersLost = true;
      const entry = {
        conversationId: 'doubt',
        holder: holder('doubt'),
        allocation: { parts: 2, messages: 0 },
        place: log.place('doubt', [draft('a'), draft('b')]),
      };
      await expect(store.runLog.append(entry)).rejects.toMatchObject({ code: 'database_unavailable' });
      answersLost = false;
      const [other] = await log.append(store, 'doubt', [draft('c')], writer('doubt'));
      expect(other!.seq).toBe(3);
      expect(await texts('doubt')).toEqual(['1 a', '2 b', '3 c']);
    });
  });

  describe('what a user appends', () => {
    const idle = async (id: string): Promise<ConversationRecord> => {
      const known = conversation(id, { activeRunId: null, activeOwner: null, activeMessageId: null });
      await store.conversations.create(known);
      return known;
    };
    const message = (text: string): PartDraft => ({ type: 'user', text, messageId: text });
    const append = (end: ConversationRecord, text: string) =>
      log.append(store, end.id, [message(text)], { kind: 'anyone', end });
    const again = (id: string, text: string, user = 'user') =>
      log.appendAgain(store, id, user, [message(text)]);

    it('is one command behind the end that was read, and behind its own', async () => {
      const end = await idle('user');
      bulkWrites = 0;
      expect(await append(end, 'a')).toMatchObject([{ seq: 1, messageSeq: 0, text: 'a' }]);
      expect(await again('user', 'b')).toMatchObject([{ seq: 2, messageSeq: 1, text: 'b' }]);
      if (!process.env.MONGODB_URL) expect(bulkWrites).toBe(2);
      expect(await texts('user')).toEqual(['1 a', '2 b']);
      expect(await store.conversations.find('user')).toMatchObject({ nextSeq: 3, messageCount: 2 });
    });

    it('keeps the order of appends at once, each with its own part', async () => {
      const end = await idle('at once');
      await append(end, 'first');
      const parts = await Promise.all(['a', 'b', 'c', 'd'].map((text) => again('at once', text)));
      expect(parts.map((one) => one![0]!.text)).toEqual(['a', 'b', 'c', 'd']);
      expect(await texts('at once')).toEqual(['1 first', '2 a', '3 b', '4 c', '5 d']);
    });

    it('asks for its places where something else was written meanwhile', async () => {
      const end = await idle('overtaken');
      await database.store('one').conversations.allocate('overtaken', { parts: 3, messages: 1 }, AT);
      expect(await append(end, 'a')).toMatchObject([{ seq: 4, messageSeq: 1 }]);
      expect(await texts('overtaken')).toEqual(['4 a']);
    });

    it.each([
      ['was written to meanwhile', { nextSeq: 9 }],
      ['is being deleted', { deletedAt: AT }],
      ["became another user's", { userId: 'another' }],
    ])('stores nothing without a look when the conversation %s', async (what, change) => {
      const id = `again: ${what}`;
      await append(await idle(id), 'a');
      await db.collection('conversations').updateOne({ _id: id as never }, { $set: change });
      expect(await again(id, 'b')).toBeNull();
      expect(await texts(id)).toEqual(['1 a']);
    });

    it('stores nothing without a look for another user, or before this process wrote', async () => {
      await append(await idle('mine'), 'a');
      expect(await again('mine', 'b', 'another')).toBeNull();
      await idle('new to us');
      expect(await again('new to us', 'b')).toBeNull();
      expect(await texts('mine')).toEqual(['1 a']);
      expect(await texts('new to us')).toEqual([]);
    });

    it('is a failure of its own when the conversation is gone', async () => {
      const end = await idle('gone');
      await database.store('one').conversations.remove('gone');
      await expect(append(end, 'a')).rejects.toMatchObject({ code: 'not_found' });
      expect(await texts('gone')).toEqual([]);
    });

    it('does not reach a conversation that another user made under the id meanwhile', async () => {
      const end = await idle('reused');
      await database.store('one').conversations.remove('reused');
      const others = { ...end, userId: 'another' };
      await store.conversations.create(others);
      const outcomes = await Promise.allSettled([append(end, 'mine'), append(others, 'theirs')]);
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
      expect((outcomes[0] as PromiseRejectedResult).reason).toMatchObject({ code: 'not_found' });
      expect((await texts('reused')).map((text) => text.split(' ')[1])).toEqual(['theirs']);
    });

    it('leaves a run that holds the conversation its hold', async () => {
      await begin('beside');
      const end = (await store.conversations.find('beside'))!;
      bulkWrites = 0;
      await append(end, 'question');
      await log.append(store, 'beside', [draft('answer')], writer('beside'));
      expect(await texts('beside')).toEqual(['1 question', '2 answer']);
      // The run knows of the append: its own write is one command, too.
      if (!process.env.MONGODB_URL) expect(bulkWrites).toBe(2);
    });

    onEmbedded('is stored once when the answer of the database is lost', async () => {
      const end = await idle('unanswered');
      answersLost = true;
      setTimeout(() => (answersLost = false), 120);
      expect(await append(end, 'a')).toMatchObject([{ seq: 1, messageSeq: 0 }]);
      expect(await texts('unanswered')).toEqual(['1 a']);
      expect(await store.conversations.find('unanswered')).toMatchObject({ nextSeq: 2, messageCount: 1 });
    });

    onEmbedded('is stored once when others wrote after the answer was lost', async () => {
      const end = await idle('overtaken in doubt');
      answersLost = true;
      const lost = append(end, 'a');
      await new Promise((resolve) => setTimeout(resolve, 20));
      await database.store('one').conversations.allocate(end.id, { parts: 1, messages: 0 }, AT);
      answersLost = false;
      expect(await lost).toMatchObject([{ seq: 1 }]);
      expect(await texts(end.id)).toEqual(['1 a']);
    });
  });
});
