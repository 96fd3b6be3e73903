import { newId } from '../../src/ids';
import type { PartRecord, RunRecord } from '../../src/ports/records';
import type { TenantStore } from '../../src/ports/stores';
import { systemClock } from '../../src/ports/clock';
import { ConversationBus } from '../../src/runs/bus';
import { closeGaps, NOBODYS } from '../../src/runs/gaps';
import { ConversationLog } from '../../src/runs/log';
import { eventually, type Json, startTestServer, type TestServer } from '../testkit/server';

const TENANT = 'agentflow';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ AGENTFLOW_RUN_LEASE_MS: '1000' });
});
afterAll(() => server.close());

describe('a log in which a killed process left empty places', () => {
  const store = (): TenantStore => server.application.database.store(TENANT);
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
