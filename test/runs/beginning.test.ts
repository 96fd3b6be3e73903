import { type Client, startTestServer, type TestServer } from '../testkit/server';

let server: TestServer;
let client: Client;

beforeAll(async () => {
  server = await startTestServer();
  client = server.dev;
});

afterAll(() => server?.close());

const chat = (conversation: string, message: string, more: object = {}) =>
  client.rest('POST', '/api/v1/agent/MainAgent/chat', {
    message: 'What is 6 * 7?',
    conversation_id: conversation,
    message_id: message,
    stream: false,
    ...more,
  });

const messages = async (conversation: string): Promise<string[]> => {
  const { body } = await client.rest('GET', `/api/v1/conversations/${conversation}/messages`);
  return body.messages.map(({ role }: { role: string }) => role);
};

it('makes one run of the same first message sent many times at once', async () => {
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(Array.from({ length: 6 }, () => chat(`same-${round}`, 'm')));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(new Set(answers.map(({ body }) => body.run_id)).size).toBe(1);
    expect(await messages(`same-${round}`)).toEqual(['user', 'assistant']);
  }
}, 60_000);

it('lets one of two different first messages win, and refuses the other or runs it after', async () => {
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(['a', 'b'].map((message) => chat(`two-${round}`, message)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toContain(200);
    expect(statuses.every((status) => status === 200 || status === 409)).toBe(true);
    const answered = statuses.filter((status) => status === 200).length;
    expect(await messages(`two-${round}`)).toHaveLength(2 * answered);
  }
}, 60_000);

describe('a conversation that is held by a run that was never made', () => {
  const orphan = async (id: string): Promise<void> => {
    const at = new Date(Date.now() - 10_000);
    const [main] = (await client.rest('GET', '/api/v1/agents')).body;
    await server.application.database.store('agentflow').conversations.create({
      id,
      userId: 'local-dev',
      agentId: main.id,
      title: null,
      titleSource: null,
      isActive: true,
      metadata: {},
      source: null,
      sourceRefId: null,
      nextSeq: 2,
      messageCount: 1,
      activeRunId: 'never-made',
      activeOwner: 'somebody',
      activeMessageId: 'm',
      queuedRuns: 0,
      compactedBefore: 0,
      summary: null,
      createdAt: at,
      updatedAt: at,
      deletedAt: null,
    });
  };

  it('is taken by the next message, without a gap in its log', async () => {
    await orphan('orphan-1');
    const { status, body } = await chat('orphan-1', 'next');
    expect(status).toBe(200);
    expect(body.events[0].seq).toBe(1);
    expect(await messages('orphan-1')).toEqual(['user', 'assistant']);
  });

  it('is taken by the next message when somebody has appended to it since', async () => {
    await orphan('orphan-3');
    const said = await client.rest('POST', '/api/v1/conversations/orphan-3/messages', { content: 'Hello?' });
    expect(said.status).toBe(201);
    expect((await chat('orphan-3', 'next')).status).toBe(200);
    expect(await messages('orphan-3')).toEqual(['user', 'user', 'assistant']);
    const { body } = await client.rest('GET', '/api/v1/conversations/orphan-3');
    expect(body.has_active_generation).toBe(false);
  });

  it('can be deleted', async () => {
    await orphan('orphan-2');
    expect((await client.rest('DELETE', '/api/v1/conversations/orphan-2')).status).toBe(200);
    expect((await client.rest('GET', '/api/v1/conversations/orphan-2')).status).toBe(404);
  });
});

describe('a conversation that this process never saw', () => {
  const elsewhere = async (id: string, userId: string): Promise<void> => {
    const at = new Date();
    const [main] = (await client.rest('GET', '/api/v1/agents')).body;
    const data = {
      id,
      userId,
      agentId: main.id,
      title: 'Made elsewhere',
      titleSource: 'user',
      isActive: true,
      metadata: {},
      nextSeq: 0,
      messageCount: 0,
      queuedRuns: 0,
      compactedBefore: 0,
      createdAt: at,
      updatedAt: at,
    };
    await server.application.database.prisma('agentflow').conversation.create({ data: data as never });
  };

  it("goes on when it is the user's own", async () => {
    await elsewhere('elsewhere-1', 'local-dev');
    const { status, body } = await chat('elsewhere-1', 'm');
    expect(status).toBe(200);
    expect(body.events[0].seq).toBe(1);
    const conversation = await server.application.database
      .store('agentflow')
      .conversations.find('elsewhere-1');
    expect(conversation).toMatchObject({ title: 'Made elsewhere', activeRunId: null, messageCount: 2 });
  });

  it("is not found when it is somebody else's, and nothing is stored", async () => {
    await elsewhere('elsewhere-2', 'somebody');
    expect((await chat('elsewhere-2', 'm')).status).toBe(404);
    const store = server.application.database.store('agentflow');
    expect(await store.runs.count({ conversationId: 'elsewhere-2' })).toBe(0);
    expect(await store.parts.after('elsewhere-2', -1, 10)).toEqual([]);
    expect(await store.conversations.find('elsewhere-2')).toMatchObject({ nextSeq: 0, userId: 'somebody' });
  });
});
