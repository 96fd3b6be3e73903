import { dataOf, expectGraphQLError, expectProblem, itRefuses, stubEnvironment } from '../testkit/contract';
import { type Client, type Json, type SseEvent, startTestServer, type TestServer } from '../testkit/server';
import { startStubProvider, type StubProvider } from '../testkit/stub-provider';

const CANCEL = 'mutation ($id: ID!) { cancelRun(id: $id) { callId runId status alreadyFinished } }';
const CANCEL_ALL =
  'mutation ($input: CancelRunsInput) { cancelRuns(input: $input) { total results { callId status } } }';

let stub: StubProvider;
let server: TestServer;
let ada: Client;
let bob: Client;
let main: string;
let emails: string;
let used = 0;

beforeAll(async () => {
  stub = await startStubProvider();
  stub.default({ tokens: Array.from({ length: 2_000 }, (_, index) => `w${index} `), delayMs: 15 });
  server = await startTestServer(stubEnvironment(stub.url));
  ada = await server.as({ user: 'ada' });
  bob = await server.as({ user: 'bob' });
  main = await ada.agentId();
  emails = await ada.agentId('EmailsAgent');
});
afterAll(async () => {
  await server.close();
  await stub.close();
});

interface Running {
  conversation: string;
  callId: string;
  runId: string;
  /** Every event, once the run has ended. */
  rest(): Promise<SseEvent[]>;
}

/** A run that has begun to answer and would go on for long. */
async function running(client = ada, agent = main, conversation = `x-${++used}`): Promise<Running> {
  const stream = await client.stream('POST', `/api/v1/agent/${agent}/chat`, {
    message: 'Tell me all',
    conversation_id: conversation,
    message_id: 'm1',
  });
  const iterator = stream[Symbol.asyncIterator]();
  const seen: SseEvent[] = [];
  const step = async (): Promise<boolean> => {
    const next = await iterator.next();
    if (!next.done) seen.push(next.value);
    return !next.done;
  };
  while ((await step()) && seen.at(-1)!.data.type !== 'delta');
  const start = seen[0]!.data;
  return {
    conversation,
    callId: start.call_id,
    runId: start.content.run_id,
    async rest() {
      while (await step());
      return seen;
    },
  };
}

const active = async (client = ada, query = ''): Promise<Json> =>
  (await client.rest('GET', `/api/v1/cancel/active-calls${query}`)).body;

describe('cancelling one run', () => {
  it('by its call id keeps the partial text and ends the stream', async () => {
    const run = await running();
    const provider = stub.requests.at(-1)!;
    const { status, body } = await ada.rest('POST', `/api/v1/cancel/${run.callId}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      call_id: run.callId,
      run_id: run.runId,
      status: 'cancelled',
      already_finished: false,
    });
    const events = await run.rest();
    const text = events
      .filter(({ data }) => data.type === 'delta')
      .map(({ data }) => data.content)
      .join('');
    expect(events.slice(-2).map(({ data }) => data.type)).toEqual(['run_cancelled', 'end']);
    expect(events.at(-1)!.data.content).toMatchObject({ finish_reason: 'cancelled', text });
    expect(text).toMatch(/^w0 /);
    expect((await provider.closed).aborted).toBe(true);
    const { body: page } = await ada.rest('GET', `/api/v1/conversations/${run.conversation}/messages`);
    expect(page.messages[1]).toMatchObject({ role: 'assistant', content: text, metadata: { partial: true } });
    const { body: runs } = await ada.rest('GET', `/api/v1/conversations/${run.conversation}/runs`);
    expect(runs.runs[0]).toMatchObject({ status: 'cancelled', finish_reason: 'cancelled', error: null });
    const { body: timeline } = await ada.rest('GET', `/api/v1/conversations/${run.conversation}/timeline`);
    expect(timeline.items[1]).toMatchObject({ kind: 'agent', status: 'cancelled' });
  });

  it('by its run id works too, and again changes nothing', async () => {
    const run = await running();
    expect((await ada.rest('POST', `/api/v1/cancel/${run.runId}`)).body.status).toBe('cancelled');
    await run.rest();
    for (const id of [run.runId, run.callId])
      expect((await ada.rest('POST', `/api/v1/cancel/${id}`)).body).toEqual({
        call_id: run.callId,
        run_id: run.runId,
        status: 'cancelled',
        already_finished: true,
      });
  });

  it('works over GraphQL, and frees the conversation', async () => {
    const run = await running();
    const { cancelRun } = await dataOf(ada.graphql(CANCEL, { id: run.callId }));
    expect(cancelRun).toEqual({
      callId: run.callId,
      runId: run.runId,
      status: 'CANCELLED',
      alreadyFinished: false,
    });
    await run.rest();
    stub.next({ text: 'Short.' });
    const next = await ada.rest('POST', `/api/v1/agent/${main}/chat`, {
      message: 'Again',
      conversation_id: run.conversation,
      message_id: 'm2',
      stream: false,
    });
    expect(next.body).toMatchObject({ status: 'completed', text: 'Short.' });
  });

  it('that has ended already says so', async () => {
    stub.next({ text: 'Done.' });
    const { body } = await ada.rest('POST', `/api/v1/agent/${main}/chat`, {
      message: 'Quick',
      conversation_id: `x-${++used}`,
      message_id: 'm1',
      stream: false,
    });
    expect((await ada.rest('POST', `/api/v1/cancel/${body.call_id}`)).body).toMatchObject({
      status: 'completed',
      already_finished: true,
    });
  });

  it('that waits in the queue keeps its message and ends its stream', async () => {
    const run = await running();
    const queued = await ada.stream('POST', `/api/v1/agent/${main}/chat`, {
      message: 'Waiting',
      conversation_id: run.conversation,
      message_id: 'm2',
      if_active: 'enqueue',
    });
    const { calls } = await active();
    const waiting = calls.find(({ message_id }: Json) => message_id === 'm2');
    expect(waiting.status).toBe('queued');
    expect((await ada.rest('POST', `/api/v1/cancel/${waiting.call_id}`)).body.status).toBe('cancelled');
    const events = await queued.all();
    expect(events.at(-1)!.data).toMatchObject({
      type: 'end',
      content: { finish_reason: 'cancelled', text: '' },
    });
    await ada.rest('POST', `/api/v1/cancel/${run.callId}`);
    await run.rest();
    expect((await active()).total).toBe(0);
  });

  it('at once by several requests cancels it once', async () => {
    const run = await running();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => ada.rest('POST', `/api/v1/cancel/${run.callId}`)),
    );
    expect(answers.map(({ body }) => body.status)).toEqual(Array(5).fill('cancelled'));
    const events = await run.rest();
    expect(events.filter(({ data }) => data.type === 'run_cancelled')).toHaveLength(1);
  });

  itRefuses(
    () => ({ ...server, dev: ada }),
    [
      {
        name: 'an unknown call',
        rest: () => ['POST', '/api/v1/cancel/nobody'],
        graphql: () => [CANCEL, { id: 'nobody' }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'an unknown background task',
        rest: () => ['POST', '/api/v1/cancel/background-task/nobody'],
        graphql: () => ['mutation { cancelBackgroundTask(taskId: "nobody") { runId } }'],
        status: 404,
        code: 'not_found',
      },
    ],
  );

  it('of another user is unknown to a member, and open to an admin', async () => {
    const run = await running();
    expectProblem(await bob.rest('POST', `/api/v1/cancel/${run.callId}`), 404, 'not_found');
    expectGraphQLError(await bob.graphql(CANCEL, { id: run.runId }), 'not_found');
    expect((await server.dev.rest('POST', `/api/v1/cancel/${run.callId}`)).body.status).toBe('cancelled');
    await run.rest();
  });
});

describe('active calls', () => {
  it('are the caller’s, and the tenant’s for an admin who asks', async () => {
    const [mine, other] = [await running(ada), await running(bob)];
    expect(await active()).toMatchObject({
      total: 1,
      calls: [
        {
          call_id: mine.callId,
          root_call_id: mine.callId,
          parent_call_id: null,
          run_id: mine.runId,
          agent_id: main,
          conversation_id: mine.conversation,
          message_id: 'm1',
          status: 'running',
          started_at: expect.stringMatching(/Z$/),
        },
      ],
    });
    const all = await active(server.dev, '?scope=tenant');
    expect(all.calls.map(({ call_id }: Json) => call_id).sort()).toEqual([mine.callId, other.callId].sort());
    expect((await active(server.dev)).total).toBe(0);
    const { activeCalls } = await dataOf(ada.graphql('{ activeCalls { total calls { callId status } } }'));
    expect(activeCalls).toEqual({ total: 1, calls: [{ callId: mine.callId, status: 'RUNNING' }] });
    await server.dev.rest('POST', '/api/v1/cancel/all?scope=tenant');
    await Promise.all([mine.rest(), other.rest()]);
    expect((await active(server.dev, '?scope=tenant')).total).toBe(0);
  });
});

describe('cancelling all', () => {
  it('without a body ends the caller’s runs and nobody else’s', async () => {
    const runs = [await running(), await running(), await running(bob)];
    const { status, body } = await ada.rest('POST', '/api/v1/cancel/all');
    expect(status).toBe(200);
    expect(body.total).toBe(2);
    expect(body.results.map(({ call_id }: Json) => call_id).sort()).toEqual(
      [runs[0]!.callId, runs[1]!.callId].sort(),
    );
    expect((await active(bob)).total).toBe(1);
    const { cancelRuns } = await dataOf(bob.graphql(CANCEL_ALL));
    expect(cancelRuns).toEqual({ total: 1, results: [{ callId: runs[2]!.callId, status: 'CANCELLED' }] });
    await Promise.all(runs.map((run) => run.rest()));
    expect((await ada.rest('POST', '/api/v1/cancel/all')).body).toEqual({ results: [], total: 0 });
  });

  it('can be narrowed to a conversation and message, or to an agent', async () => {
    const [first, second, third] = [await running(), await running(), await running(ada, emails)];
    const narrowed = (body: object) => ada.rest('POST', '/api/v1/cancel/all', body);
    const calls = ({ body }: { body: Json }): string[] => body.results.map(({ call_id }: Json) => call_id);
    expect(calls(await narrowed({ conversation_id: first.conversation, message_id: 'other' }))).toEqual([]);
    expect(calls(await narrowed({ conversation_id: first.conversation, message_id: 'm1' }))).toEqual([
      first.callId,
    ]);
    expect(calls(await narrowed({ agent_id: emails }))).toEqual([third.callId]);
    const { cancelRuns } = await dataOf(
      ada.graphql(CANCEL_ALL, { input: { conversationId: second.conversation } }),
    );
    expect(cancelRuns.results).toEqual([{ callId: second.callId, status: 'CANCELLED' }]);
    await Promise.all([first.rest(), second.rest(), third.rest()]);
  });

  itRefuses(
    () => server,
    [
      {
        name: 'the scope tenant for a member',
        rest: () => ['POST', '/api/v1/cancel/all?scope=tenant'],
        graphql: () => [CANCEL_ALL, { input: { scope: 'TENANT' } }],
        client: () => bob,
        status: 403,
        code: 'forbidden',
      },
      {
        name: 'reading the scope tenant for a member',
        rest: () => ['GET', '/api/v1/cancel/active-calls?scope=tenant'],
        graphql: () => ['{ activeCalls(scope: TENANT) { total } }'],
        client: () => bob,
        status: 403,
        code: 'forbidden',
      },
      {
        name: 'an unknown scope',
        rest: () => ['POST', '/api/v1/cancel/all?scope=world'],
        status: 422,
        code: 'validation_failed',
        field: 'query.scope',
      },
      {
        name: 'a conversation_id that is no text',
        rest: () => ['POST', '/api/v1/cancel/all', { conversation_id: 5 }],
        status: 422,
        code: 'validation_failed',
        field: 'conversation_id',
      },
    ],
  );
});
