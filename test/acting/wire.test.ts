import { type Client, eventually, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';

let server: TestServer;
let client: Client;
let stub: StubProvider;
let turn = 0;

const agent = '/api/v1/agent/ResearchAgent';

const register = (name: string, code: string, more: object = {}) =>
  client.rest('POST', `${agent}/tools`, { name, description: name, function_code: code, ...more });

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer({ OPENAI_BASE_URL: stub.url, OPENAI_API_KEY: 'test' });
  client = server.dev;
  await register('spin', 'function spin() { for (;;); }');
  await register('fail', 'def fail():\n    raise ValueError("no luck")\n');
}, 60_000);

afterAll(async () => {
  await server?.close();
  await stub.close();
});

const ids = () => ({ conversation_id: `w-${++turn}`, message_id: `m-${turn}` });

const run = (tool: string, more: object = {}) =>
  client.rest('POST', `${agent}/tools/${tool}/run`, { arguments: {}, ...ids(), ...more });

describe('a tool that runs within a chat', () => {
  it('is cancelled by its call id, with its run, which says what it cost so far', async () => {
    const usage = { inputTokens: 70, outputTokens: 7 };
    stub.next({ toolCalls: [{ id: 'c', name: 'spin', arguments: '{}' }], usage });
    const stream = await client.stream('POST', `${agent}/chat`, {
      message: 'Spin.',
      verbose: true,
      ...ids(),
    });
    const events: Json[] = [];
    for await (const { data } of stream) {
      events.push(data);
      if (data.type !== 'start' || data.content.role !== 'tool') continue;
      const { status, body } = await client.rest('POST', `/api/v1/cancel/${data.call_id}`);
      expect({ status, body }).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    }
    expect(events.at(-1)).toMatchObject({
      type: 'end',
      call_id: events[0].call_id,
      content: {
        finish_reason: 'cancelled',
        usage: { input_tokens: 70, output_tokens: 7, total_tokens: 77 },
      },
    });
  });

  it('is unknown to other users', async () => {
    const bob = await server.as({ user: 'bob' });
    stub.next({ toolCalls: [{ id: 'c', name: 'spin', arguments: '{}' }] });
    const stream = await client.stream('POST', `${agent}/chat`, {
      message: 'Spin.',
      verbose: true,
      ...ids(),
    });
    for await (const { data } of stream) {
      if (data.type !== 'start' || data.content.role !== 'tool') continue;
      expect((await bob.rest('POST', `/api/v1/cancel/${data.call_id}`)).status).toBe(404);
      await client.rest('POST', `/api/v1/cancel/${data.root_call_id}`);
    }
  });
});

describe('what a direct run ends with', () => {
  it('is a stable code when the code threw, with the name of what it threw', async () => {
    const { status, body } = await run('fail');
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        status: 'failed',
        result: null,
        error: { code: 'tool_failed', message: 'ValueError: no luck', retryable: false },
      },
    });
    expect(body.events.at(-1)).toMatchObject({
      type: 'error',
      content: { code: 'tool_failed', type: 'ValueError', line: 2 },
    });
  });
});

describe('the message id of a direct run', () => {
  it('is the caller’s in the list of runs, among the active calls and for cancelling', async () => {
    const action = ids();
    const going = client.rest('POST', `${agent}/tools/spin/run`, { arguments: {}, ...action });
    const [active] = await eventually(async () => {
      const { body } = await client.rest('GET', '/api/v1/cancel/active-calls');
      const own = body.calls.filter(({ message_id }: Json) => message_id === action.message_id);
      return own.length > 0 && own;
    }, 'the run is active');
    expect(active).toMatchObject({ status: 'running', conversation_id: action.conversation_id });
    const cancelled = await client.rest('POST', '/api/v1/cancel/all', action);
    expect(cancelled.body).toMatchObject({ total: 1, results: [{ call_id: active.call_id }] });
    expect((await going).body.status).toBe('cancelled');
    const runs = await client.rest('GET', `/api/v1/conversations/${action.conversation_id}/runs`);
    expect(runs.body.runs).toMatchObject([{ message_id: action.message_id, call_id: active.call_id }]);
  });

  it('may be that of several runs', async () => {
    const action = ids();
    const first = await run('fail', action);
    const second = await run('fail', action);
    expect(second.body.run_id).not.toBe(first.body.run_id);
  });
});

describe('the active calls', () => {
  it('show a sub-agent below its parent, and nothing once the tree is cancelled', async () => {
    await client.rest('PUT', `${agent}/tools/fail/approval`, { enabled: true });
    stub.next({ toolCalls: [{ id: 'c', name: 'ResearchAgent', arguments: '{"message":"Fail."}' }] });
    stub.next({ toolCalls: [{ id: 'c', name: 'fail', arguments: '{}' }] });
    const paused = await client.rest('POST', '/api/v1/agent/MainAgent/chat', {
      message: 'Delegate.',
      stream: false,
      ...ids(),
    });
    const tree = async () =>
      (await client.rest('GET', '/api/v1/cancel/active-calls')).body.calls.filter(
        ({ root_call_id }: Json) => root_call_id === paused.body.call_id,
      );
    const calls = await tree();
    expect(calls.map(({ parent_call_id, status }: Json) => [parent_call_id, status])).toEqual(
      expect.arrayContaining([
        [null, 'waiting_approval'],
        [paused.body.call_id, expect.any(String)],
      ]),
    );
    expect(calls).toHaveLength(2);
    await client.rest('POST', `/api/v1/cancel/${paused.body.call_id}`);
    expect(await tree()).toEqual([]);
  });
});

it('names the argument that does not fit', async () => {
  const { status, body } = await client.rest('POST', `${agent}/tools/calculate/run`, {
    arguments: { expression: 5 },
    ...ids(),
  });
  expect({ status, body }).toMatchObject({
    status: 422,
    body: { errors: [{ path: 'arguments.expression' }] },
  });
});
