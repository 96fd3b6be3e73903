import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { removeDeadFolders } from '../../src/adapters/sandbox/temporary';
import { newId } from '../../src/ids';
import type { PartRecord, RunRecord } from '../../src/ports/records';
import type { ToolCallRecord } from '../../src/ports/tools';
import type { TenantStore } from '../../src/ports/stores';
import { systemClock } from '../../src/ports/clock';
import { ConversationBus } from '../../src/runs/bus';
import { BAKING, finished, freshName, PIRATES, sendForm } from '../knowledge/kit';
import { closeGaps, NOBODYS } from '../../src/runs/gaps';
import { ConversationLog } from '../../src/runs/log';
import { eventually, type Json, startTestServer, type TestServer } from '../testkit/server';

const BASES = '/api/v1/knowledge-bases';
const TENANT = 'agentflow';
const DEAD = { makingBy: 'dead' };

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ AGENTFLOW_RUN_LEASE_MS: '1000' });
});
afterAll(() => server.close());

const store = (): TenantStore => server.application.database.store(TENANT);

describe('a log in which a killed process left empty places', () => {
  const api = async (method: 'GET' | 'POST', path: string, body?: Json): Promise<Json> => {
    const answer = await server.dev.rest(method, `/api/v1${path}`, body);
    if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
    return answer.body;
  };

  async function conversationWith(...messages: string[]): Promise<string> {
    const id = `kills-${newId()}`;
    await api('POST', '/conversations', { id, agent_id: await server.dev.agentId() });
    for (const content of messages) await api('POST', `/conversations/${id}/messages`, { content });
    return id;
  }

  const seqs = async (id: string): Promise<number[]> =>
    (await store().parts.after(id, -1, 1_000)).map(({ seq }) => seq);

  async function withoutGap(id: string): Promise<void> {
    await eventually(async () => {
      const { nextSeq } = (await store().conversations.find(id))!;
      return (await seqs(id)).length === nextSeq;
    }, 'every place of the log is taken');
    const found = await seqs(id);
    expect(found).toEqual(found.map((_, index) => index));
  }

  const allocate = (id: string, parts: number, messages = 0) =>
    store().conversations.allocate(id, { parts, messages }, new Date());

  it('has none after the direct tool run of a dead worker was taken up', async () => {
    const id = await conversationWith('before');
    const started = await server.dev.rest('POST', '/api/v1/agent/MainAgent/chat', {
      conversation_id: 'model',
      message_id: 'm1',
      message: 'What is 2 + 3?',
      stream: false,
    });
    const model = (await store().runs.find(started.body.run_id))!;
    const callId = newId();
    const run: RunRecord = {
      ...model,
      id: newId(),
      conversationId: id,
      messageId: `tool:${callId}`,
      callId,
      rootCallId: callId,
      kind: 'tool',
      status: 'running',
      request: {
        message: '',
        hidden: [],
        systemBlocks: [],
        role: 'tool',
        call: { toolId: 'gone', toolName: 'gone', arguments: {} },
      },
      startSeq: 1,
      endSeq: null,
      text: null,
      finishReason: null,
      leaseOwner: 'dead',
      leaseExpiresAt: new Date(0),
      finishedAt: null,
    };
    await allocate(id, 3);
    await store().runs.create({ ...run, rootRunId: run.id });
    await eventually(
      async () => !['running', 'cancelling'].includes((await store().runs.find(run.id))!.status),
      'the run is ended by another worker',
    );
    await withoutGap(id);
  });

  it('has none once somebody followed a conversation whose append was cut off', async () => {
    const id = await conversationWith('before');
    await allocate(id, 1, 1);
    await api('POST', `/conversations/${id}/messages`, { content: 'after' });
    const stream = await server.dev.subscribe(
      'subscription ($id: ID!) { conversationEvents(conversationId: $id) { seq } }',
      { id },
    );
    for await (const { data } of stream) if (data?.data?.conversationEvents.seq === 2) break;
    stream.close();
    await withoutGap(id);
  });

  it('gives a writer that was only slow another place, and loses nothing of what it had in hand', async () => {
    const id = await conversationWith('before');
    const bus = new ConversationBus();
    const shown: PartRecord[] = [];
    bus.subscribe(TENANT, id, (signal) => signal.kind === 'parts' && shown.push(...signal.parts));
    const real = store();
    let held = false;
    // The slow one asks for its places step by step, as it does after a lost connection.
    const slow: TenantStore = Object.create(real, {
      runLog: { value: Object.create(real.runLog, { appendBehind: { value: async () => null } }) },
      parts: {
        value: Object.create(real.parts, {
          insert: {
            value: async (parts: PartRecord[]) => {
              if (!held) await closeGaps(real, { conversationId: id, ...NOBODYS }, systemClock);
              held = true;
              await real.parts.insert(parts);
            },
          },
        }),
      },
    }) as TenantStore;
    const drafts = ['a', 'b'].map((text) => ({ type: 'user' as const, text, messageId: text }));
    const parts = await new ConversationLog(bus, systemClock).append(slow, id, drafts);

    expect(held).toBe(true);
    expect(parts.map(({ seq, text }) => `${seq} ${text}`)).toEqual(['3 a', '4 b']);
    expect(shown).toEqual(parts);
    const { messages } = await api('GET', `/conversations/${id}/messages`);
    expect(messages.map(({ content }: Json) => content)).toEqual(['before', 'a', 'b']);
    await withoutGap(id);
  });
});

const idOf = (made: Json): unknown => made.conversation?.id ?? made.id;

describe('a request whose process was killed before it answered', () => {
  /** The state that a kill between the effect and the keeping of the answer leaves. */
  const forgetAnswer = (): Promise<unknown> =>
    server.application.database.prisma(TENANT).idempotencyRecord.updateMany({
      data: { state: 'in_flight', response: null, owner: 'dead', leaseExpiresAt: new Date(0) },
    });

  it.each([
    ['/api/v1/conversations', { agent_id: 'MainAgent', title: 'Once' }],
    ['/api/v1/conversations/once/messages', { content: 'Once' }],
  ])('is not in flight any more, and does again what it did at %s only once', async (path, body) => {
    await server.dev.rest('POST', '/api/v1/conversations', { id: 'once', agent_id: 'MainAgent' });
    const key = { 'idempotency-key': newId() };
    const first = await server.dev.rest('POST', path, body, key);
    expect(first.status).toBe(201);
    expect(idOf(first.body)).toEqual(expect.any(String));
    await forgetAnswer();
    const again = await server.dev.rest('POST', path, body, key);

    expect(again.status).toBeLessThan(300);
    expect(idOf(again.body)).toBe(idOf(first.body));
    expect((await server.dev.rest('POST', path, body, key)).headers.get('idempotent-replayed')).toBe('true');
  });

  it.each(['with a key', 'without a key'])(
    'makes the knowledge base that its first try left half-made, when it is repeated %s',
    async (how) => {
      const name = freshName('cut-off');
      const headers: Record<string, string> | undefined =
        how === 'with a key' ? { 'idempotency-key': newId() } : undefined;
      const send = () => sendForm(server.dev, BASES, { name }, [PIRATES], 'files', headers);
      const first = await send();
      expect(first.status).toBe(201);
      await forgetAnswer();
      if (!headers) {
        expect((await send()).status).toBe(409);
        await store().knowledge.updateBase(first.body.id, {
          ...DEAD,
          createdAt: new Date(Date.now() - 60_000),
        });
      }
      const again = await send();

      expect(again.body).toMatchObject({ id: first.body.id, status: 'completed' });
      expect(again.status).toBe(201);
      const { body } = await server.dev.rest('GET', `${BASES}/${first.body.id}/files`);
      expect(body).toMatchObject({ total: 1, files: [{ status: 'completed' }] });
      if (!headers) expect((await send()).status).toBe(409);
    },
  );

  it('keeps no name for a base of which nothing came', async () => {
    const name = freshName('empty');
    const { body: model } = await sendForm(server.dev, BASES, { name: freshName() }, [PIRATES]);
    const base = (await store().knowledge.findBase(model.id))!;
    const [job] = await store().knowledge.listJobs(model.id, 1);
    const id = newId();
    await store().knowledge.createBase({ ...base, ...DEAD, id, name, nameKey: name, status: 'processing' });
    const [file] = await store().knowledge.filesOf(job!.id);
    const jobId = `kb_ingest_${newId()}`;
    const unfinished = { status: 'queued' as const, finishedAt: null, completed: 0 };
    await store().knowledge.createJob(
      {
        ...job!,
        ...unfinished,
        id: jobId,
        knowledgeBaseId: id,
        leaseOwner: 'dead',
        leaseExpiresAt: new Date(0),
      },
      [{ ...file!, id: newId(), jobId, knowledgeBaseId: id, documentId: newId(), status: 'queued' }],
    );
    await eventually(
      async () => (await server.dev.rest('GET', `${BASES}/${name}`)).status === 404,
      'the empty base is gone',
    );
    expect((await sendForm(server.dev, BASES, { name }, [PIRATES])).status).toBe(201);
  });
});

describe('an ingestion that meets one restart after another', () => {
  /** A job as a killed worker leaves it, with a document that waits for it. */
  async function interrupted(stalls: number): Promise<{ base: string; document: string; job: string }> {
    const { body } = await sendForm(server.dev, BASES, { name: freshName() }, [BAKING]);
    const base = body.id as string;
    const [document] = await store().knowledge.listDocuments({ knowledgeBaseId: base }, { limit: 1 });
    const waiting = { liveRevision: null, liveGeneration: null, status: 'queued' as const };
    await store().knowledge.updateDocument(document!.id, waiting);
    const [done] = await store().knowledge.listJobs(base, 1);
    const [file] = await store().knowledge.filesOf(done!.id);
    const job = `kb_ingest_${newId()}`;
    const dead = { leaseOwner: 'dead', leaseExpiresAt: new Date(0), status: 'processing' as const };
    await store().knowledge.createJob(
      { ...done!, ...dead, id: job, operation: 'add', attempts: 30, stalls, completed: 0, finishedAt: null },
      [{ ...file!, id: newId(), jobId: job, status: 'queued', revision: 1, finishedAt: null }],
    );
    await finished(server.dev, job);
    return { base, document: document!.id, job };
  }

  it('is given up when it gets nothing done, and says so of each document', async () => {
    const { base, job } = await interrupted(10);

    expect((await server.dev.rest('GET', `/api/v1/batches/${job}`)).body).toMatchObject({ status: 'failed' });
    expect((await server.dev.rest('GET', `${BASES}/${base}/files`)).body.files).toMatchObject([
      { status: 'failed', error: expect.stringContaining('interrupted 10 times') },
    ]);
  });

  it('goes on, however often, while it gets something done in between', async () => {
    const { base, job } = await interrupted(1);

    expect((await server.dev.rest('GET', `/api/v1/batches/${job}`)).body).toMatchObject({
      status: 'completed',
    });
    expect((await server.dev.rest('GET', `${BASES}/${base}/files`)).body.files).toMatchObject([
      { status: 'completed' },
    ]);
    const [ended] = await store().knowledge.listJobs(base, 1);
    expect(ended!.stalls).toBe(0);
  });
});

describe('a chat that meets one kill after another', () => {
  const receipt = (run: RunRecord): ToolCallRecord => ({
    id: newId(),
    runId: run.id,
    rootRunId: run.id,
    conversationId: run.conversationId,
    agentId: run.agentId,
    userId: run.userId,
    step: 0,
    position: 0,
    stepText: null,
    modelCallId: 'c1',
    toolId: null,
    toolName: 'gone',
    kind: 'python',
    argumentsText: '{}',
    arguments: {},
    status: 'succeeded',
    idempotent: true,
    idempotencyKey: newId(),
    attempts: 1,
    approvalId: null,
    questionId: null,
    childRunId: null,
    result: 1,
    error: null,
    shown: '1',
    cacheId: null,
    createdAt: new Date(),
    startedAt: new Date(),
    finishedAt: new Date(),
  });

  /** The run as a killed worker leaves it after `changes.attempts` attempts; answers how another worker ended it. */
  async function ended(
    changes: Partial<RunRecord>,
    stored: { text?: string; receipt?: boolean } = {},
  ): Promise<RunRecord> {
    const conversation_id = newId();
    const message = 'What is 2 + 3?';
    const chat = { conversation_id, message_id: 'm1', message, stream: false };
    const { body } = await server.dev.rest('POST', '/api/v1/agent/MainAgent/chat', chat);
    const model = (await store().runs.find(body.run_id))!;
    const parts = await store().parts.after(conversation_id, -1, 100);
    const id = newId();
    const callId = newId();
    const conversationId = newId();
    const beginning = parts.filter(({ type }) => type === 'user' || type === 'start');
    const delta = { ...beginning.at(-1)!, id: newId(), type: 'delta' as const, content: null, metadata: {} };
    const own = [...beginning, ...(stored.text === undefined ? [] : [{ ...delta, text: stored.text }])].map(
      (part, seq) => ({
        ...part,
        conversationId,
        seq,
        runId: id,
        ...(part.callId !== null && { callId }),
        ...(part.rootCallId !== null && { rootCallId: callId }),
      }),
    );
    await store().conversations.create({
      ...(await store().conversations.find(conversation_id))!,
      id: conversationId,
      nextSeq: own.length,
      messageCount: 1,
      activeRunId: id,
      activeOwner: 'dead',
      activeMessageId: 'm1',
    });
    await store().parts.insert(own);
    const left: RunRecord = {
      ...model,
      ...{ id, rootRunId: id, callId, rootCallId: callId, conversationId, status: 'running' },
      ...{ startSeq: 0, endSeq: null, text: null, finishReason: null, finishedAt: null },
      ...{ leaseOwner: 'dead', leaseExpiresAt: new Date(0) },
      ...changes,
    };
    if (stored.receipt) await store().toolCalls.insert([receipt(left)]);
    await store().runs.create(left);
    await eventually(
      async () => (await store().runs.find(id))!.finishedAt !== null,
      'the run is ended by another worker',
    );
    return (await store().runs.find(id))!;
  }

  const OLD = new Date(Date.now() - 60_000);

  it('is given up after ten attempts in which it got nothing done', async () => {
    expect(await ended({ attempts: 10 })).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('after 10 attempts in which it got nothing done') },
    });
  });

  it('is tried once more after nine of them', async () => {
    expect((await ended({ attempts: 9 })).status).toBe('completed');
  });

  it.each([
    ['a part', { text: '2 + ' }],
    ['a receipt', { receipt: true }],
  ])('goes on, however often, while it stored %s in between', async (_, stored) => {
    const run = await ended({ attempts: 30, excusedAttempts: 19, createdAt: OLD, progressAt: OLD }, stored);
    expect(run).toMatchObject({ status: 'completed', attempts: 31, excusedAttempts: 30 });
  });

  it('is given up when what it stored is as old as the last look at it', async () => {
    const later = new Date(Date.now() + 60_000);
    const run = await ended({ attempts: 30, excusedAttempts: 20, progressAt: later }, { text: '2 + ' });
    expect(run.status).toBe('failed');
  });

  it('goes on after any number of orderly stops', async () => {
    expect((await ended({ attempts: 30, excusedAttempts: 25 })).status).toBe('completed');
  });

  it('ends for good after a thousand attempts, whatever it stores', async () => {
    expect(await ended({ attempts: 1_000, createdAt: OLD }, { text: '2 + ' })).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('after 1000 attempts') },
    });
  });
});

describe('what a kill leaves between two writes', () => {
  it('takes a base, whose deletion was cut off, from its agents at the next look', async () => {
    const { body: base } = await sendForm(server.dev, BASES, { name: freshName('cut') }, [PIRATES]);
    const bound = '/api/v1/agents/ResearchAgent/knowledge-bases';
    expect((await server.dev.rest('POST', `${bound}/${base.id}`)).status).toBeLessThan(300);
    const at = new Date(Date.now() - 1_000);
    await store().knowledge.updateBase(base.id, { deletedAt: at, nameKey: base.id, removalDueAt: at });
    const agent = await server.dev.agentId('ResearchAgent');
    await eventually(
      async () => !(await store().agents.find(agent))!.knowledgeBaseIds.includes(base.id),
      'the agent is free of the base',
    );
    await eventually(
      async () => (await store().knowledge.findBase(base.id))?.removalDueAt === null,
      'nothing of the base is left',
    );
  });

  it('leaves no sub-agent that holds its name without its parent', async () => {
    const parent = await server.dev.agentId('MainAgent');
    const input = {
      name: freshName('Helper').replace(/\W/g, ''),
      description: 'Helps.',
      system_prompt: 'Help.',
    };
    // The process dies at the write behind the first one.
    const { create } = store().agents;
    Object.assign(store().agents, { create: () => Promise.reject(new Error('killed')) });
    const route = `/api/v1/agent/${parent}/subagents`;
    expect((await server.dev.rest('POST', route, input)).status).toBe(500);
    Object.assign(store().agents, { create });
    const made = await server.dev.rest('POST', route, input);
    expect(made.status).toBe(201);
    const { body } = await server.dev.rest('GET', route);
    expect(JSON.stringify(body).split(input.name)).toHaveLength(2);
  });

  it('removes temporary folders of processes that are dead, and no others', async () => {
    const { pid: dead } = spawnSync(process.execPath, ['-e', '0']);
    const folders = [dead, process.pid].map((pid) => path.join(tmpdir(), `agentflow-sandbox-${pid}-kills`));
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    expect(await removeDeadFolders()).toBeGreaterThan(0);
    expect(folders.map((folder) => existsSync(folder))).toEqual([false, true]);
    rmSync(folders[1]!, { recursive: true });
  });
});
