import { newId } from '../../src/ids';
import { eventually, startTestServer, type TestServer } from '../testkit/server';

const TENANT = 'agentflow';

describe('a worker that died between allocating the places of a run and storing its first parts', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ AGENTFLOW_RUN_LEASE_MS: '1000' });
  });
  afterAll(() => server.close());

  const chat = (conversationId: string, messageId: string) =>
    server.dev.rest('POST', '/api/v1/agent/MainAgent/chat', {
      conversation_id: conversationId,
      message_id: messageId,
      message: 'What is 2 + 3?',
      stream: false,
    });

  /** The state that such a worker leaves: the run, and a conversation that counts parts and a message nobody has. */
  async function leaveRun(model: { runId: string; conversationId: string }, conversationId: string) {
    const store = server.application.database.store(TENANT);
    const run = (await store.runs.find(model.runId))!;
    const conversation = (await store.conversations.find(model.conversationId))!;
    const id = newId();
    const left = { ...run, id, conversationId, messageId: 'lost', callId: newId(), rootCallId: id };
    const existing = await store.conversations.find(conversationId);
    const held = { activeRunId: id, activeOwner: 'dead', activeMessageId: 'lost' };
    if (existing) {
      const allocated = { nextSeq: existing.nextSeq + 2, messageCount: existing.messageCount + 1 };
      await store.conversations.update(conversationId, { ...held, ...allocated });
    } else
      await store.conversations.create({
        ...conversation,
        ...held,
        id: conversationId,
        nextSeq: 2,
        messageCount: 1,
      });
    await store.runs.create({
      ...left,
      status: 'running',
      startSeq: null,
      endSeq: null,
      text: null,
      finishReason: null,
      leaseOwner: 'dead',
      leaseExpiresAt: new Date(0),
      finishedAt: null,
    });
    await eventually(
      async () => (await store.runs.find(id))?.status === 'completed',
      'the run is finished by another worker',
    );
    return store.conversations.find(conversationId);
  }

  it('leaves no message that is counted and not there, in a new conversation', async () => {
    const { body } = await chat('model', 'm1');
    const conversation = await leaveRun({ runId: body.run_id, conversationId: 'model' }, 'fresh');
    const { body: page } = await server.dev.rest('GET', '/api/v1/conversations/fresh/messages');

    expect(conversation?.messageCount).toBe(2);
    expect(
      page.messages.map(({ role, content }: { role: string; content: string }) => [role, content]),
    ).toEqual([
      ['user', 'What is 2 + 3?'],
      ['assistant', '2 + 3 = 5'],
    ]);
    expect(page.total).toBe(2);
  });

  it('leaves no message that is counted and not there, after other messages', async () => {
    const { body } = await chat('long', 'm1');
    const conversation = await leaveRun({ runId: body.run_id, conversationId: 'long' }, 'long');

    expect(conversation?.messageCount).toBe(4);
  });
});
