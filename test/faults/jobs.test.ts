import { eventually, startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { AgendaQueue } from '../../src/adapters/agenda/agenda-queue';
import { cleanUpConversations } from '../../src/conversations/clean-up';

describe('background jobs', () => {
  let stub: StubProvider;
  let server: TestServer;

  beforeAll(async () => {
    stub = await startStubProvider();
    server = await startTestServer({
      OPENAI_BASE_URL: stub.url,
      OPENAI_MODEL: 'stub',
      AGENTFLOW_DEFAULT_MODEL: 'agentflow/local',
      AGENTFLOW_BACKGROUND_MODEL: 'openai/stub',
    });
    await eventually(
      async () => (await server.dev.rest('GET', '/health')).body.checks.jobs.status === 'ok',
      'the jobs are started',
    );
  });
  afterAll(async () => {
    await server.close();
    await stub.close();
  });

  const queueOf = (workerId: string): AgendaQueue =>
    new AgendaQueue({
      db: server.application.database.control,
      workerId,
      logger: { debug() {}, info() {}, warn() {}, error() {}, child: () => ({}) as never },
      lockMs: 1_000,
    });

  it('are named in /health', async () => {
    const { body } = await server.dev.rest('GET', '/health');
    expect(body.checks.jobs.names).toEqual(
      expect.arrayContaining(['runs.recover', 'conversations.title', 'conversations.clean-up']),
    );
  });

  it('write a title with the background model, once', async () => {
    stub.default({ text: '"A Fine Title."' });
    const chat = {
      message: 'Who are you, and who are you not, and how would one know the difference?',
      conversation_id: 'titled',
      message_id: 'm1',
    };
    await (await server.dev.stream('POST', `/api/v1/agent/${await server.dev.agentId()}/chat`, chat)).all();
    const title = async (): Promise<string> =>
      (await server.dev.graphql('{ conversation(id: "titled") { title } }')).data.conversation.title;
    await eventually(async () => (await title()) === 'A Fine Title', 'the title is set');
    const jobs = server.application.database.control.collection('jobs');
    await eventually(
      async () => (await jobs.countDocuments({ name: 'conversations.title' })) === 0,
      'the job is done',
    );
    const asked = stub.requests.length;
    expect(asked).toBe(1);

    await (
      await server.dev.stream('POST', `/api/v1/agent/${await server.dev.agentId()}/chat`, {
        ...chat,
        message: 'Who are you?',
        message_id: 'm2',
      })
    ).all();
    expect(await jobs.countDocuments({ name: 'conversations.title' })).toBe(0);
    expect(stub.requests).toHaveLength(asked);
  }, 30_000);

  it('finish a deletion that was interrupted', async () => {
    const agent = await server.dev.agentId();
    const chat = { message: 'Who are you?', conversation_id: 'half-deleted', message_id: 'm1' };
    await (await server.dev.stream('POST', `/api/v1/agent/${agent}/chat`, chat)).all();
    const store = server.application.database.store('agentflow');
    await store.conversations.update('half-deleted', { deletedAt: new Date(Date.now() - 3_600_000) });
    expect(await store.parts.after('half-deleted', -1, 10)).not.toHaveLength(0);

    await cleanUpConversations({
      tenants: async () => ['agentflow'],
      open: async () => store,
      clock: { now: () => new Date() },
      logger: { debug() {}, info() {}, warn() {}, error() {}, child: () => ({}) as never },
    });

    expect(await store.conversations.find('half-deleted')).toBeNull();
    expect(await store.parts.after('half-deleted', -1, 10)).toEqual([]);
    expect(await store.runs.findByMessage('half-deleted', 'm1')).toBeNull();
  });

  it('keep their lock as long as they work, and run once', async () => {
    const queue = queueOf('patient');
    let begun = 0;
    let ended = 0;
    queue.define('test.slow', async () => {
      begun++;
      await new Promise((resolve) => setTimeout(resolve, 5_500));
      ended++;
    });
    await queue.start();
    try {
      await queue.enqueue('test.slow', {});
      await eventually(async () => ended > 0, 'the job has ended');
      expect(await queue.status()).toEqual(expect.objectContaining({ status: 'ok' }));
      const jobs = server.application.database.control.collection('jobs');
      await eventually(async () => (await jobs.countDocuments({ name: 'test.slow' })) === 0, 'it is done');
      expect([begun, ended]).toEqual([1, 1]);
    } finally {
      await queue.stop();
    }
  }, 30_000);

  it('that are under way have a moment to end when the queue stops', async () => {
    const queue = queueOf('stopping');
    let begun = 0;
    let ended = 0;
    queue.define('test.short', async () => {
      begun++;
      await new Promise((resolve) => setTimeout(resolve, 500));
      ended++;
    });
    await queue.start();
    await queue.enqueue('test.short', {});
    await eventually(async () => begun > 0, 'the job has begun');
    await queue.stop();
    expect(ended).toBe(1);
    const jobs = server.application.database.control.collection('jobs');
    expect(await jobs.countDocuments({ name: 'test.short', nextRunAt: { $ne: null } })).toBe(0);
  }, 30_000);
});
