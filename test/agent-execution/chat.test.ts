import { dataOf, expectGraphQLError, expectProblem, itRefuses, stubEnvironment } from '../testkit/contract';
import {
  type Client,
  eventually,
  type Json,
  type SseEvent,
  startTestServer,
  type TestServer,
} from '../testkit/server';
import { startStubProvider, type StubProvider } from '../testkit/stub-provider';

const CHAT =
  'mutation ($input: ChatInput!) { chat(input: $input) { runId callId status text output finishReason error { code } usage { totalTokens } events { type seq } } }';
const START =
  'mutation ($input: ChatInput!) { startChat(input: $input) { runId callId started status cursor } }';
const EVENTS =
  'subscription ($runId: ID!, $afterSeq: Int) { runEvents(runId: $runId, afterSeq: $afterSeq) { type seq content } }';

let stub: StubProvider;
let server: TestServer;
let ada: Client;
let main: string;
let route: string;
let used = 0;

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer(stubEnvironment(stub.url));
  ada = await server.as({ user: 'ada' });
  main = await ada.agentId();
  route = `/api/v1/agent/${main}/chat`;
});
afterAll(async () => {
  await server.close();
  await stub.close();
});

/** A request for a conversation of its own. */
const request = (fields: object = {}): Json => ({
  message: 'Hello',
  conversation_id: `chat-${++used}`,
  message_id: 'm1',
  ...fields,
});
const whole = (fields: object = {}): Json => request({ stream: false, ...fields });
const chat = (body: Json, headers?: Record<string, string>) => ada.rest('POST', route, body, headers);
const stream = (body: Json, headers?: Record<string, string>, query = '') =>
  ada.stream('POST', route + query, body, headers);
const textOf = (events: SseEvent[]): string =>
  events
    .filter(({ data }) => data.type === 'delta' && data.metadata?.kind === 'text')
    .map(({ data }) => data.content)
    .join('');
const lastModelRequest = (): Json => stub.requests.at(-1)!.body;

/** Starts a run that is in the middle of its answer; `finish` reads the rest. */
async function slowRun(fields: object = {}) {
  stub.next({ tokens: Array.from({ length: 40 }, (_, index) => `w${index} `), delayMs: 15 });
  const body = request(fields);
  const events = await stream(body);
  const iterator = events[Symbol.asyncIterator]();
  const seen: SseEvent[] = [];
  for (;;) {
    const { value } = await iterator.next();
    seen.push(value as SseEvent);
    if (value.data.type === 'delta') break;
  }
  return {
    body,
    seen,
    async finish(): Promise<SseEvent[]> {
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) seen.push(next.value);
      return seen;
    },
  };
}

describe('a streamed chat', () => {
  it('opens with retry, numbers its events by seq and closes after the end', async () => {
    stub.next({ text: 'One two three.', reasoning: ['hm'] });
    const body = request();
    const events = await stream(body);
    const all = await events.all();
    expect(events.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(events.retry).toBe(5000);
    expect(all.map(({ event }) => event)).toEqual(all.map(() => undefined));
    expect(all.map(({ id }) => id)).toEqual(all.map(({ data }) => String(data.seq)));
    const [start] = all;
    expect(start!.data).toMatchObject({
      type: 'start',
      parent_call_id: null,
      root_call_id: start!.data.call_id,
      timestamp: expect.stringMatching(/Z$/),
      content: {
        name: 'MainAgent',
        role: 'agent',
        agent_id: main,
        message_id: 'm1',
        run_id: expect.any(String),
      },
    });
    const end = all.at(-1)!.data;
    expect(end).toMatchObject({
      type: 'end',
      content: {
        text: 'One two three.',
        finish_reason: 'stop',
        usage: { input_tokens: 10, output_tokens: 3, total_tokens: 13, cost_usd: 0 },
        run_id: start!.data.content.run_id,
      },
    });
    expect(textOf(all)).toBe('One two three.');
    expect(
      all.filter(({ data }) => data.metadata?.kind === 'reasoning').map(({ data }) => data.content),
    ).toEqual(['hm']);
  });

  it('continues the numbers of the conversation over its runs', async () => {
    const body = request();
    const first = await (await stream(body)).all();
    const second = await (await stream({ ...body, message_id: 'm2' })).all();
    expect(second[0]!.data.seq).toBeGreaterThan(first.at(-1)!.data.seq);
  });

  it('shows the same events over GraphQL, from any cursor', async () => {
    const { startChat } = await dataOf(
      ada.graphql(START, {
        input: { agentId: main, message: 'Hi', conversationId: `chat-${++used}`, messageId: 'm1' },
      }),
    );
    expect(startChat.started).toBe(true);
    const follow = async (afterSeq?: number): Promise<Json[]> =>
      (await (await ada.subscribe(EVENTS, { runId: startChat.runId, afterSeq })).all())
        .filter(({ event }) => event === 'next')
        .map(({ data }) => data.data.runEvents);
    const all = await follow(startChat.cursor);
    expect(all[0]).toMatchObject({ type: 'start', content: { message_id: 'm1' } });
    expect(all.at(-1)).toMatchObject({ type: 'end', content: { text: 'Hello from the stub.' } });
    expect(await follow(all[0].seq)).toEqual(all.slice(1));
    expect(await follow(all.at(-1).seq)).toEqual([]);
  });
});

describe('a chat that is not streamed', () => {
  it('answers the result with the events that a stream would have shown', async () => {
    stub.next({ text: 'Fine, thanks.' });
    const body = whole();
    const { status, body: answer } = await chat(body);
    expect(status).toBe(200);
    expect(answer).toMatchObject({
      conversation_id: body.conversation_id,
      message_id: 'm1',
      status: 'completed',
      text: 'Fine, thanks.',
      finish_reason: 'stop',
      usage: { input_tokens: 10, output_tokens: 2, total_tokens: 12, cost_usd: 0 },
    });
    const replayed = await (await stream({ ...body, stream: true })).all();
    expect(answer.events).toEqual(replayed.map(({ data }) => data));
    expect(answer.call_id).toBe(replayed[0]!.data.call_id);
  });

  it('answers the same over GraphQL', async () => {
    const { chat: answer } = await dataOf(
      ada.graphql(CHAT, {
        input: { agentId: main, message: 'Hi', conversationId: `chat-${++used}`, messageId: 'm1' },
      }),
    );
    expect(answer).toMatchObject({
      status: 'COMPLETED',
      text: 'Hello from the stub.',
      usage: { totalTokens: 14 },
    });
  });

  it('says max_tokens was reached in finish_reason', async () => {
    stub.next({ text: 'cut', finishReason: 'length' });
    expect((await chat(whole())).body).toMatchObject({ status: 'completed', finish_reason: 'length' });
  });

  it('names fields that it does not know in a header', async () => {
    const { status, headers } = await chat(whole({ mesage: 'typo' }));
    expect([status, headers.get('agentflow-ignored-fields')]).toEqual([200, 'mesage']);
  });
});

describe('the same message_id again', () => {
  it('attaches to the run that is going on and shows its stream from the start', async () => {
    const run = await slowRun();
    const calls = stub.requests.length;
    const second = await (await stream(run.body)).all();
    const first = await run.finish();
    expect(second.map(({ data }) => data.seq)[0]).toBe(first[0]!.data.seq);
    expect(textOf(second)).toBe(textOf(first));
    expect(second.at(-1)!.data).toEqual(first.at(-1)!.data);
    expect(stub.requests.length).toBe(calls);
  });

  it('replays exactly the events once the run has ended', async () => {
    const body = request();
    const first = await (await stream(body)).all();
    const calls = stub.requests.length;
    expect(await (await stream(body)).all()).toEqual(first);
    expect((await chat({ ...body, stream: false })).body.events).toEqual(first.map(({ data }) => data));
    expect(stub.requests.length).toBe(calls);
  });

  it.each([
    ['another message', { message: 'Something else' }],
    ['another model', { model: 'agentflow/local' }],
    ['other hidden context', { session_context: { page: 2 } }],
    ['another temperature', { temperature: 0.3 }],
  ])('with %s is refused with 409 message_id_reused', async (_what, change) => {
    const body = whole();
    await chat(body);
    expectProblem(await chat({ ...body, ...change }), 409, 'message_id_reused');
    expectProblem(await chat({ ...body, ...change, stream: true }), 409, 'message_id_reused');
    expect((await ada.rest('GET', `/api/v1/conversations/${body.conversation_id}/messages`)).body.total).toBe(
      2,
    );
  });

  it('with another message is refused over GraphQL', async () => {
    const input = { agentId: main, message: 'Hi', conversationId: `chat-${++used}`, messageId: 'm1' };
    await dataOf(ada.graphql(CHAT, { input }));
    expectGraphQLError(await ada.graphql(CHAT, { input: { ...input, message: 'Ho' } }), 'message_id_reused');
  });

  it('runs once when two requests arrive together', async () => {
    const calls = stub.requests.length;
    const body = whole();
    const answers = await Promise.all(Array.from({ length: 6 }, () => chat(body)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(new Set(answers.map(({ body: { run_id } }) => run_id)).size).toBe(1);
    expect(stub.requests.length).toBe(calls + 1);
  });
});

describe('a second message while a run is active', () => {
  it('is refused with 409 conversation_busy', async () => {
    const run = await slowRun();
    const problem = expectProblem(
      await chat({ ...run.body, message_id: 'm2', stream: false }),
      409,
      'conversation_busy',
    );
    expect(problem.active_run_id).toBe(run.seen[0]!.data.content.run_id);
    expectProblem(await chat({ ...run.body, message_id: 'm2' }), 409, 'conversation_busy');
    expectGraphQLError(
      await ada.graphql(START, {
        input: { agentId: main, message: 'x', conversationId: run.body.conversation_id, messageId: 'm2' },
      }),
      'conversation_busy',
    );
    await run.finish();
    expect((await chat({ ...run.body, message_id: 'm2', stream: false })).body.status).toBe('completed');
  });

  it('waits its turn with if_active enqueue', async () => {
    const run = await slowRun();
    const second = await stream({ ...run.body, message_id: 'm2', message: 'Second', if_active: 'enqueue' });
    const third = chat({
      ...run.body,
      message_id: 'm3',
      message: 'Third',
      if_active: 'enqueue',
      stream: false,
    });
    const first = await run.finish();
    const events = await second.all();
    expect(first.at(-1)!.data.content.finish_reason).toBe('stop');
    expect(events[0]!.data).toMatchObject({ type: 'start', content: { message_id: 'm2' } });
    expect(events[0]!.data.seq).toBeGreaterThan(first.at(-1)!.data.seq);
    expect(events.at(-1)!.data.type).toBe('end');
    expect((await third).body.status).toBe('completed');
    const { body } = await ada.rest('GET', `/api/v1/conversations/${run.body.conversation_id}/messages`);
    expect(body.messages.map(({ role }: Json) => role)).toEqual(
      Array.from({ length: 6 }, (_, index) => (index % 2 ? 'assistant' : 'user')),
    );
  });

  it('ends the active run first with if_active interrupt, whose partial text is kept', async () => {
    const run = await slowRun();
    const answer = await chat({
      ...run.body,
      message_id: 'm2',
      message: 'Stop that',
      if_active: 'interrupt',
      stream: false,
    });
    expect(answer.body).toMatchObject({ status: 'completed', text: 'Hello from the stub.' });
    const first = await run.finish();
    expect(first.map(({ data }) => data.type)).toContain('run_cancelled');
    expect(first.at(-1)!.data.content).toMatchObject({ finish_reason: 'cancelled', text: textOf(first) });
    const { body } = await ada.rest('GET', `/api/v1/conversations/${run.body.conversation_id}/messages`);
    expect(body.messages.map(({ content }: Json) => content)).toEqual([
      'Hello',
      textOf(first),
      'Stop that',
      'Hello from the stub.',
    ]);
  });
});

describe('resuming a stream', () => {
  it.each([
    [
      'Last-Event-ID',
      (seq: number): [Record<string, string>, string] => [{ 'last-event-id': String(seq) }, ''],
    ],
    ['after_seq', (seq: number): [Record<string, string>, string] => [{}, `?after_seq=${seq}`]],
    ['both, of which the header wins', (seq) => [{ 'last-event-id': String(seq) }, '?after_seq=0']],
  ] as [string, (seq: number) => [Record<string, string>, string]][])(
    'shows only what comes after %s',
    async (_name, cursor) => {
      stub.next({ tokens: ['a', 'b', 'c'], delayMs: 60 });
      const body = request();
      const all = await (await stream(body)).all();
      for (const at of [0, 1, all.length - 2]) {
        const rest = await (await stream(body, ...cursor(all[at]!.data.seq))).all();
        expect(rest).toEqual(all.slice(at + 1));
      }
    },
  );

  it('in the middle of the run loses nothing and repeats nothing', async () => {
    const run = await slowRun();
    const cursor = run.seen.at(-1)!.data.seq;
    const head = textOf(run.seen);
    const rest = await (await stream(run.body, { 'last-event-id': String(cursor) })).all();
    expect(head + textOf(rest)).toBe(rest.at(-1)!.data.content.text);
    expect(rest[0]!.data.seq).toBeGreaterThan(cursor);
    await run.finish();
  });

  it('ends at once when the cursor is the last event', async () => {
    const body = request();
    const all = await (await stream(body)).all();
    expect(await (await stream(body, { 'last-event-id': all.at(-1)!.id! })).all()).toEqual([]);
  });

  it('refuses a cursor that is no number with 422', async () => {
    const body = request();
    await (await stream(body)).all();
    expectProblem(
      await chat(body, { 'last-event-id': 'garbage' }),
      422,
      'validation_failed',
      /last-event-id/i,
    );
    const bad = await ada.rest('POST', `${route}?after_seq=x`, body);
    expectProblem(bad, 422, 'validation_failed', 'query.after_seq');
  });

  it('goes on after the client left in the middle', async () => {
    stub.next({ tokens: ['left ', 'but ', 'finished'], delayMs: 30 });
    const body = request();
    const events = await stream(body);
    await events.until(({ data }) => data.type === 'delta');
    const all = await (await stream(body)).all();
    expect(all.at(-1)!.data.content).toMatchObject({ text: 'left but finished', finish_reason: 'stop' });
  });
});

describe('the model of a run', () => {
  const ask = async (fields: object, agent = main): Promise<string> => {
    const answer = await ada.rest('POST', `/api/v1/agent/${agent}/chat`, whole(fields));
    expect(answer.body.status).toBe('completed');
    return lastModelRequest().model;
  };

  it('is the request’s before the agent’s before the user’s before the default', async () => {
    const emails = await ada.agentId('EmailsAgent');
    const prefer = (selectedModel: string | null) =>
      dataOf(
        ada.graphql(
          'mutation ($input: UpdateModelPreferencesInput!) { updateModelPreferences(input: $input) { selectedModel } }',
          { input: { selectedModel } },
        ),
      );
    expect(await ask({}, emails)).toBe('stub');
    await prefer('openai/of-user');
    expect(await ask({}, emails)).toBe('of-user');
    await ada.rest('PATCH', `/api/v1/agent/${emails}/config`, { llm_config: { model: 'openai/of-agent' } });
    expect(await ask({}, emails)).toBe('of-agent');
    expect(await ask({ model: 'openai/of-request' }, emails)).toBe('of-request');
    await ada.rest('PATCH', `/api/v1/agent/${emails}/config`, { llm_config: { model: null } });
    expect(await ask({}, emails)).toBe('of-user');
    await prefer(null);
    expect(await ask({}, emails)).toBe('stub');
  });

  it('gets the request’s settings before the agent’s', async () => {
    const tasks = await ada.agentId('TasksAgent');
    await ada.rest('PATCH', `/api/v1/agent/${tasks}/config`, {
      llm_config: { temperature: 0.2, max_tokens: 111 },
    });
    await ask({ temperature: 0.9, top_p: 0.5, frequency_penalty: 1, presence_penalty: -1 }, tasks);
    expect(lastModelRequest()).toMatchObject({
      temperature: 0.9,
      top_p: 0.5,
      frequency_penalty: 1,
      presence_penalty: -1,
    });
    expect(JSON.stringify(lastModelRequest())).toContain('111');
    await ask({}, tasks);
    expect(lastModelRequest().temperature).toBe(0.2);
  });

  it('that the agent was just given is used by the next message', async () => {
    const meetings = await ada.agentId('MeetingsAgent');
    await ask({}, meetings);
    await ada.rest('PATCH', `/api/v1/agent/${meetings}/config`, { system_prompt: 'Changed prompt.' });
    await ask({}, meetings);
    expect(lastModelRequest().messages[0].content).toContain('Changed prompt.');
  });
});

describe('structured output', () => {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' }, people: { type: 'integer' } },
    required: ['city', 'people'],
    additionalProperties: false,
  };
  const format = { response_format: { type: 'json_schema', json_schema: { name: 'place', schema } } };

  it('is validated and answered in the end and in the JSON answer', async () => {
    stub.next({ text: '{"city":"Bern","people":140000}' });
    const body = whole(format);
    const { body: answer } = await chat(body);
    expect(answer.output).toEqual({ city: 'Bern', people: 140_000 });
    expect(answer.events.at(-1).content.output).toEqual(answer.output);
    expect(answer.text).toBe('{"city":"Bern","people":140000}');
    expect(lastModelRequest().response_format).toMatchObject({
      type: 'json_schema',
      json_schema: { name: 'place' },
    });
  });

  it('is repaired once, and only the repaired answer is shown', async () => {
    stub.next({ text: '{"city":"Bern"}' });
    stub.next({ text: '{"city":"Bern","people":1}' });
    const all = await (await stream(request(format))).all();
    expect(all.at(-1)!.data.content.output).toEqual({ city: 'Bern', people: 1 });
    expect(textOf(all)).toBe('{"city":"Bern","people":1}');
    expect(lastModelRequest().messages.at(-1).content).toContain('people');
  });

  it('fails with output_invalid when the repair does not fit either', async () => {
    stub.next({ text: 'no json' });
    stub.next({ text: '{"city":1}' });
    const body = request(format);
    const all = await (await stream(body)).all();
    expect(all.at(-1)!.data).toMatchObject({
      type: 'error',
      content: { code: 'output_invalid', message: expect.stringContaining('city'), retryable: true },
    });
    const { body: runs } = await ada.rest('GET', `/api/v1/conversations/${body.conversation_id}/runs`);
    expect(runs.runs[0]).toMatchObject({ status: 'failed', error: { code: 'output_invalid' } });
  });

  it('works over GraphQL', async () => {
    stub.next({ text: '{"city":"Bern","people":2}' });
    const { chat: answer } = await dataOf(
      ada.graphql(CHAT, {
        input: {
          agentId: main,
          message: 'Where?',
          conversationId: `chat-${++used}`,
          messageId: 'm1',
          responseFormat: { type: 'json_schema', jsonSchema: { name: 'place', schema } },
        },
      }),
    );
    expect(answer.output).toEqual({ city: 'Bern', people: 2 });
  });
});

describe('hidden context', () => {
  it('reaches the model now and in later turns, and is never shown as a message', async () => {
    const body = whole({
      prompt_blocks: [
        { name: 'rules', body: 'SYSTEM-SECRET', message: 'system' },
        { name: 'now', body: 'BLOCK-SECRET', message: 'user' },
        { name: 'off', body: 'DISABLED-SECRET', message: 'user', enabled: false },
      ],
      session_context: { page: 'SESSION-SECRET' },
      context_refs: [{ type: 'selection', text: 'SELECTION-SECRET', label: 'Marked' }],
      client_timezone: 'Europe/Zurich',
    });
    await chat(body);
    const [system, user] = lastModelRequest().messages;
    expect(system.content).toContain('SYSTEM-SECRET');
    for (const secret of ['BLOCK-SECRET', 'SESSION-SECRET', 'SELECTION-SECRET', 'Europe/Zurich'])
      expect(user.content).toContain(secret);
    expect(user.content.endsWith('Hello')).toBe(true);
    expect(JSON.stringify(lastModelRequest())).not.toContain('DISABLED-SECRET');

    await chat(whole({ conversation_id: body.conversation_id, message_id: 'm2', message: 'Next' }));
    const replayed = lastModelRequest().messages;
    expect(replayed.map(({ role }: Json) => role)).toEqual(['system', 'user', 'assistant', 'user']);
    expect(replayed[1].content).toBe(user.content);
    expect(replayed[3].content).toBe('Next');

    const base = `/api/v1/conversations/${body.conversation_id}`;
    for (const view of ['', '/messages', '/timeline', '/runs', '/markers', '/stream?follow=false']) {
      const { status, body: shown } = await ada.rest('GET', base + view);
      expect(status).toBe(200);
      expect(JSON.stringify(shown)).not.toMatch(/(BLOCK|SESSION|SELECTION)-SECRET/);
    }
    const events = await (await stream({ ...body, stream: true })).all();
    expect(JSON.stringify(events)).not.toContain('SECRET');
    const log = await ada.subscribe(
      'subscription ($id: ID!) { conversationEvents(conversationId: $id) { type content } }',
      { id: body.conversation_id },
    );
    const shown = await log.until(({ data }) => data.data?.conversationEvents.type === 'end');
    expect(JSON.stringify(shown)).not.toContain('SECRET');
    expect((await ada.rest('GET', `${base}/llm-format`)).body.messages[1].content).toBe(user.content);
  });
});

describe('the source of a conversation', () => {
  it('is kept when a chat starts it', async () => {
    const body = whole({ source: 'crm', source_id: 'deal-7', source_metadata: { stage: 2 } });
    await chat(body);
    const { body: conversation } = await ada.rest('GET', `/api/v1/conversations/${body.conversation_id}`);
    expect(conversation).toMatchObject({ source: 'crm', source_ref_id: 'deal-7', metadata: { stage: 2 } });
  });
});

describe('a provider that fails', () => {
  it('ends the stream with an error that says whether to try again, and keeps the run', async () => {
    stub.next({ status: 401, error: { message: 'bad key sk-secret' } });
    const body = request();
    const all = await (await stream(body)).all();
    expect(all.at(-1)!.data).toMatchObject({
      type: 'error',
      content: { code: 'provider_error', message: expect.any(String), retryable: false },
    });
    expect(JSON.stringify(all)).not.toContain('sk-secret');
    const { body: runs } = await ada.rest('GET', `/api/v1/conversations/${body.conversation_id}/runs`);
    expect(runs.runs[0]).toMatchObject({ status: 'failed', finish_reason: 'error' });
  });
});

describe('bad chats', () => {
  const gql = (fields: object = {}): [string, Record<string, unknown>] => [
    CHAT,
    { input: { agentId: main, message: 'Hi', conversationId: 'bad', messageId: 'm1', ...fields } },
  ];
  const bad = (fields: object) => (): [string, string, unknown] => [
    'POST',
    route,
    { message: 'Hi', conversation_id: 'bad', message_id: 'm1', stream: false, ...fields },
  ];
  const field = (name: string, path: string | RegExp, rest: object, graphql?: object) => ({
    name,
    rest: bad(rest),
    ...(graphql ? { graphql: () => gql(graphql) } : {}),
    status: 422,
    code: 'validation_failed',
    field: path,
  });

  itRefuses(
    () => server,
    [
      field('a missing message', 'message', { message: undefined }),
      field('an empty message', 'message', { message: '' }, { message: '  ' }),
      field('a missing conversation_id', 'conversation_id', { conversation_id: undefined }),
      field('a missing message_id', 'message_id', { message_id: undefined }),
      field(
        'a conversation_id with a slash',
        'conversation_id',
        { conversation_id: 'a/b' },
        { conversationId: 'a/b' },
      ),
      field('an empty message_id', 'message_id', { message_id: '' }, { messageId: '' }),
      field('stream of "yes"', 'stream', { stream: 'yes' }),
      field('a number as message', 'message', { message: 5 }),
      field('if_active of "maybe"', 'if_active', { if_active: 'maybe' }),
      field('a temperature of 3', 'temperature', { temperature: 3 }, { temperature: 3 }),
      field('a top_p of 2', 'top_p', { top_p: 2 }, { topP: 2 }),
      field('max_tokens of 0', 'max_tokens', { max_tokens: 0 }, { maxTokens: 0 }),
      field('max_turns of 101', 'max_turns', { max_turns: 101 }, { maxTurns: 101 }),
      field(
        'a frequency_penalty of 3',
        'frequency_penalty',
        { frequency_penalty: 3 },
        { frequencyPenalty: 3 },
      ),
      field(
        'an unknown reasoning_effort',
        'reasoning_effort',
        { reasoning_effort: 'wild' },
        { reasoningEffort: 'wild' },
      ),
      field('an unknown model', 'model', { model: 'agentflow/nope' }, { model: 'agentflow/nope' }),
      field(
        'an unknown attachment',
        'attachment_ids.0',
        { attachment_ids: ['a1'] },
        { attachmentIds: ['a1'] },
      ),
      field('an unknown skill', 'skills.0', { skills: ['s1'] }, { skills: ['s1'] }),
      field('an unknown tool', 'selected_tools.0', { selected_tools: ['t1'] }, { selectedTools: ['t1'] }),
      field(
        'an unknown knowledge base',
        'knowledge_bases.0',
        { knowledge_bases: ['k1'] },
        { knowledgeBases: ['k1'] },
      ),
      field('an unknown artifact', 'artifacts.0', { artifacts: ['x1'] }, { artifacts: ['x1'] }),
      field(
        'a context reference of an unknown type',
        'context_refs.0.type',
        { context_refs: [{ type: 'planet', text: 'x' }] },
        { contextRefs: [{ type: 'planet', text: 'x' }] },
      ),
      field(
        'a reference to an unknown document',
        'context_refs.0',
        { context_refs: [{ type: 'document', id: 'd1' }] },
        { contextRefs: [{ type: 'document', id: 'd1' }] },
      ),
      field(
        'a prompt block with a bad name',
        'prompt_blocks.0.name',
        { prompt_blocks: [{ name: 'Not Good', body: 'x' }] },
        { promptBlocks: [{ name: 'Not Good', body: 'x' }] },
      ),
      field('a prompt block without body', /^prompt_blocks\.0/, { prompt_blocks: [{ name: 'good' }] }),
      field('a prompt block with an unknown field', /^prompt_blocks\.0/, {
        prompt_blocks: [{ name: 'good', body: 'x', mesage: 'user' }],
      }),
      field(
        'a session_context over 20,000 characters',
        'session_context',
        { session_context: { text: 'x'.repeat(20_001) } },
        { sessionContext: { text: 'x'.repeat(20_001) } },
      ),
      field(
        'an unknown time zone',
        'client_timezone',
        { client_timezone: 'Mars/Base' },
        { clientTimezone: 'Mars/Base' },
      ),
      field(
        'source_metadata that is no object',
        'source_metadata',
        { source_metadata: [1] },
        { sourceMetadata: [1] },
      ),
      field(
        'an unknown response_format',
        'response_format.type',
        { response_format: { type: 'xml' } },
        { responseFormat: { type: 'xml' } },
      ),
      field(
        'json_schema without a schema',
        /^response_format\.json_schema/,
        { response_format: { type: 'json_schema' } },
        { responseFormat: { type: 'json_schema' } },
      ),
      field(
        'a schema that is none',
        'response_format.json_schema.schema',
        {
          response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'nonsense' } } },
        },
        { responseFormat: { type: 'json_schema', jsonSchema: { name: 'x', schema: { type: 'nonsense' } } } },
      ),
      {
        name: 'an unknown agent',
        rest: () => [
          'POST',
          '/api/v1/agent/nobody/chat',
          { message: 'x', conversation_id: 'bad', message_id: 'm1', stream: false },
        ],
        graphql: () => gql({ agentId: 'nobody' }),
        status: 404,
        code: 'not_found',
      },
      {
        name: 'a message of 2 MB',
        rest: bad({ message: 'x'.repeat(2_000_000) }),
        status: 413,
        code: 'payload_too_large',
      },
      { name: 'a body that is no JSON', rest: () => ['POST', route, '{'], status: 400, code: 'bad_request' },
      {
        name: 'another user’s conversation',
        rest: bad({ conversation_id: 'of-ada' }),
        graphql: () => gql({ conversationId: 'of-ada' }),
        status: 404,
        code: 'not_found',
        client: async () => {
          await ada.rest('POST', '/api/v1/conversations', { id: 'of-ada', agent_id: main });
          return server.as({ user: 'bob' });
        },
      },
    ],
  );

  it('are problems also when a stream was asked for', async () => {
    expectProblem(await chat(request({ model: 'agentflow/nope' })), 422, 'validation_failed', 'model');
    expectProblem(await chat(request({ message: '' })), 422, 'validation_failed', 'message');
  });

  it('leave no conversation behind', async () => {
    expectProblem(await ada.rest('GET', '/api/v1/conversations/bad'), 404, 'not_found');
  });
});

describe('a call id of the caller', () => {
  it('names the run', async () => {
    const body = whole({ call_id: 'my-call-1' });
    expect((await chat(body)).body.call_id).toBe('my-call-1');
  });

  it('that another run has is refused with 409', async () => {
    await chat(whole({ call_id: 'my-call-2' }));
    expectProblem(await chat(whole({ call_id: 'my-call-2' })), 409, 'conflict');
  });
});

describe('the events of a run', () => {
  it('are not shown to another user', async () => {
    const { body } = await chat(whole());
    const bob = await server.as({ user: 'bob' });
    const answer = await bob.subscribe(EVENTS, { runId: body.run_id });
    expect(JSON.stringify(await answer.all())).toContain('not_found');
    expectGraphQLError(
      await bob.graphql('query ($id: ID!) { run(id: $id) { id } }', { id: body.run_id }),
      'not_found',
    );
  });

  it('are in the statistics of the registry', async () => {
    const stats = await eventually(async () => {
      const { body } = await ada.rest('GET', '/api/v1/agents/stats');
      return body.runs_24h > 0 && body;
    }, 'runs are counted');
    expect(stats.by_agent.find(({ id }: Json) => id === main).runs_24h).toBeGreaterThan(0);
  });
});
