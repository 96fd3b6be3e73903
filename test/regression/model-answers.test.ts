import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FAMILIES, refusal } from '../models/endpoint-rules';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubBehaviour, type StubProvider, startStubProvider } from '../testkit/stub-provider';

const JAVASCRIPT = {
  add: 'function add(a, b) { return a + b; }',
  echo: 'function echo(text) { return text; }',
  noargs: 'function noargs() { return "none"; }',
};

let server: TestServer;
let client: Client;
let stub: StubProvider;
let agent: string;
let conversations = 0;

const input = (name: string): string =>
  readFileSync(path.join(__dirname, 'inputs', 'model-answers', `${name}.sse`), 'utf8');

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer({
    OPENAI_BASE_URL: stub.url,
    OPENAI_API_KEY: 'test',
    OPENAI_MODEL: 'stub',
    AGENTFLOW_LLM_MAX_RETRIES: '1',
  });
  client = server.dev;
  agent = await client.agentId('ResearchAgent');
  for (const [name, code] of Object.entries(JAVASCRIPT))
    await client.rest('POST', `/api/v1/agent/${agent}/tools`, {
      name,
      description: `The tool ${name}.`,
      function_code: code,
    });
});
afterAll(async () => {
  await server?.close();
  await stub.close();
});

/** Answers each user with `first`, results with a text that repeats them, and refuses what one of the families refuses. */
function serve(first: StubBehaviour): void {
  stub.decide((body) => {
    const wrong = FAMILIES.map((family) => refusal(family, body)).find(Boolean);
    if (wrong) return { status: 400, error: { message: wrong, type: 'invalid_request_error' } };
    const messages = body.messages as Json[];
    const last = messages.at(-1);
    if (last.role === 'tool') {
      const results = messages.slice(messages.findLastIndex(({ role }) => role === 'user'));
      return {
        text: `results: ${results.flatMap((m) => (m.role === 'tool' ? [m.content] : [])).join(' | ')}`,
      };
    }
    return /plain/.test(last.content) ? { text: 'ok' } : first;
  });
}

const newConversation = (): string => `answers-${++conversations}`;

const chat = (message = 'go', conversation = newConversation(), more: object = {}) =>
  client.rest('POST', `/api/v1/agent/${agent}/chat`, {
    message,
    conversation_id: conversation,
    message_id: `m-${++conversations}`,
    stream: false,
    ...more,
  });

const sent = (): Json[] => stub.requests.at(-1)!.body.messages;
const sse = (...chunks: unknown[]): string =>
  `${chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`;
const delta = (fields: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta: fields, finish_reason: finish }],
});
const call = (name: string, args: unknown, more: object = {}) => ({
  type: 'function',
  function: { name, arguments: args },
  ...more,
});

describe('a tool call of a model', () => {
  it.each<[string, string | RegExp]>([
    ['args-empty', 'results: none'],
    ['args-long', /^results: Lorem ipsum/],
    ['args-object', 'results: 3'],
    ['dup-id', 'results: 3 | 7'],
    ['parallel-index0', 'results: 3 | 30'],
    ['thought-signature', 'results: 3'],
    ['tool-name-dot', /there is no tool multi_tool_use\.parallel/],
  ])('is executed, and the conversation goes on at strict endpoints: %s', async (name, text) => {
    serve({ bytes: input(name) });
    const conversation = newConversation();
    const first = await chat('go', conversation);
    expect(first).toMatchObject({ status: 200, body: { text: expect.stringMatching(text) } });
    expect(await chat('plain', conversation)).toMatchObject({ status: 200, body: { text: 'ok' } });
    expect(await chat('plain again', conversation)).toMatchObject({ status: 200, body: { text: 'ok' } });
    const { body } = await client.rest('GET', `/api/v1/conversations/${conversation}/messages`);
    expect(JSON.stringify(body)).not.toContain('[object Object]');
    const { body: format } = await client.rest('GET', `/api/v1/conversations/${conversation}/llm-format`);
    expect(refusal('openai', format)).toBeUndefined();
  });

  it.each<[string, string, string]>([
    [
      'ids without a number',
      sse(
        delta({ tool_calls: [call('add', '{"a":1,"b":2}', { id: 'x' })] }),
        delta({ tool_calls: [call('add', '{"a":2,"b":2}', { id: 'y' })] }),
      ),
      'results: 3 | 4',
    ],
    [
      'neither ids nor numbers',
      sse(delta({ tool_calls: [call('add', '{"a":1,"b":2}'), call('echo', '{"text":"hi"}')] })),
      'results: 3 | hi',
    ],
    [
      'one name twice without ids',
      sse(
        delta({ tool_calls: [call('add', '{"a":1,"b":2}', { index: 0 })] }),
        delta({ tool_calls: [call('add', '{"a":5,"b":5}', { index: 0 })] }),
      ),
      'results: 3 | 10',
    ],
    [
      'numbers as ids',
      sse(delta({ tool_calls: [call('add', '{"a":1,"b":2}', { id: 7, index: '0' })] })),
      'results: 3',
    ],
    [
      'an id and name in each fragment',
      sse(
        delta({ tool_calls: [call('add', '{"a":1,', { id: 'x', index: 0 })] }),
        delta({ tool_calls: [call('add', '"b":2}', { id: 'x', index: 0 })] }),
      ),
      'results: 3',
    ],
    [
      'fragments without a number',
      sse(
        delta({ tool_calls: [call('add', '{"a":1,', { id: 'x' })] }),
        delta({ tool_calls: [{ function: { arguments: '"b":2}' } }] }),
      ),
      'results: 3',
    ],
    [
      'the old form',
      sse(
        delta({ function_call: { name: 'add', arguments: '{"a":1,' } }),
        delta({ function_call: { arguments: '"b":2}' } }, 'function_call'),
      ),
      'results: 3',
    ],
    [
      'a whole message',
      sse({
        choices: [
          {
            message: { content: null, tool_calls: [call('add', { a: 1, b: 2 }, { id: 'z' })] },
            finish_reason: 'tool_calls',
          },
        ],
      }),
      'results: 3',
    ],
    ['an empty name', sse(delta({ tool_calls: [call('', '{}', { id: 'e' })] })), 'there is no tool'],
    [
      'arguments cut off',
      sse(delta({ tool_calls: [call('add', '{"a":1,"b"', { id: 'e' })] }, 'length')),
      'no JSON object',
    ],
    [
      'an id of 100 characters',
      sse(delta({ tool_calls: [call('add', '{"a":1,"b":2}', { id: 'i'.repeat(100) })] })),
      'results: 3',
    ],
  ])('is understood with %s', async (_what, bytes, text) => {
    serve({ bytes });
    const conversation = newConversation();
    expect(await chat('go', conversation)).toMatchObject({
      status: 200,
      body: { text: expect.stringContaining(text) },
    });
    expect(await chat('plain', conversation)).toMatchObject({ status: 200, body: { text: 'ok' } });
  });

  it('with an id that every step repeats goes back with ids of their own', async () => {
    let steps = 0;
    serve({});
    const strict = { bytes: input('dup-id') };
    stub.decide((body) => {
      const wrong = FAMILIES.map((family) => refusal(family, body)).find(Boolean);
      if (wrong) return { status: 400, error: { message: wrong } };
      return ++steps <= 3 ? strict : { text: 'done' };
    });
    expect(await chat()).toMatchObject({ status: 200, body: { text: 'done' } });
    const ids = sent().flatMap((message) => (message.tool_calls ?? []).map(({ id }: Json) => id));
    expect(ids).toHaveLength(6);
    expect(new Set(ids).size).toBe(6);
  });

  it('keeps the shape of its long arguments for later turns', async () => {
    serve({ bytes: input('args-long') });
    const conversation = newConversation();
    await chat('go', conversation);
    await chat('plain', conversation);
    const [replayed] = sent().flatMap((message) => message.tool_calls ?? []);
    const { text } = JSON.parse(replayed.function.arguments);
    expect(text).toMatch(/^Lorem ipsum .*… \(shortened\)$/);
  });

  it('gets back what its endpoint gave with it, in this run and in later turns, and no other endpoint does', async () => {
    serve({
      bytes: sse(
        delta({ reasoning_content: 'Let me ' }),
        delta({ reasoning_content: 'add.' }),
        delta({
          tool_calls: [
            call('add', '{"a":1,"b":2}', {
              id: 's1',
              index: 0,
              extra_content: { google: { thought_signature: 'SIGNATURE' } },
            }),
          ],
        }),
      ),
    });
    const conversation = newConversation();
    await chat('go', conversation);
    const step = {
      role: 'assistant',
      reasoning_content: 'Let me add.',
      tool_calls: [{ extra_content: { google: { thought_signature: 'SIGNATURE' } } }],
    };
    expect(sent()).toContainEqual(expect.objectContaining({ reasoning_content: 'Let me add.' }));
    expect(sent().at(-2)).toMatchObject(step);
    await chat('plain', conversation);
    expect(sent().find((message) => message.tool_calls)).toMatchObject(step);
    await chat('plain', conversation, { model: 'openai/another' });
    expect(JSON.stringify(sent())).not.toMatch(/SIGNATURE|reasoning_content/);
  });
});

it('gives back what its endpoint gave after a pause, too, when the run goes on from its ledger', async () => {
  const { body: tool } = await client.rest('POST', `/api/v1/agent/${agent}/tools`, {
    name: 'gated',
    description: 'Waits for a human.',
    function_code: 'function gated() { return "done"; }',
    require_approval: true,
  });
  expect(tool.id).toEqual(expect.any(String));
  serve({
    bytes: sse(
      delta({ reasoning_content: 'A human decides.' }),
      delta({
        tool_calls: [
          call('gated', '{}', { id: 's1', extra_content: { google: { thought_signature: 'SIGNATURE' } } }),
        ],
      }),
    ),
  });
  const waiting = await chat();
  expect(waiting.body).toMatchObject({ status: 'waiting_approval', approval: { tool_name: 'gated' } });
  const before = stub.requests.length;
  await client.rest('POST', `/api/v1/approvals/${waiting.body.approval.id}/respond`, { status: 'approved' });
  await stub.arrived(before + 1);
  expect(sent().at(-2)).toMatchObject({
    reasoning_content: 'A human decides.',
    tool_calls: [{ extra_content: { google: { thought_signature: 'SIGNATURE' } } }],
  });
});

describe('the text of a model', () => {
  it.each<[string, string, string]>([
    ['a list of parts with thoughts', input('content-array'), 'Hello there.'],
    ['a sign of life without data', input('empty-data'), 'Hello world'],
    ['a whole message in one event', input('message'), 'Whole answer'],
    ['no stream but JSON', '{"choices":[{"message":{"content":"Whole"}}],"usage":null}', 'Whole'],
    [
      'events of other types',
      'event: ping\ndata: alive\n\nevent: status\ndata: {"type":"x"}\n\n' + sse(delta({ content: 'Hi' })),
      'Hi',
    ],
    ['a byte order mark', `\uFEFF${sse(delta({ content: 'Hi' }))}`, 'Hi'],
    [
      'parts that are no text',
      sse(
        delta({
          content: [{ type: 'image_url', image_url: { url: 'x' } }, { type: 'text', text: 'Hi' }, 5, null],
        }),
      ),
      'Hi',
    ],
    [
      'an object as content',
      sse(delta({ content: { type: 'text', text: 'Hi' } }), delta({ content: { a: 1 } })),
      'Hi',
    ],
    [
      'deltas and the whole message behind them',
      sse(delta({ content: 'Whole ' }), {
        choices: [{ message: { content: 'Whole answer' }, finish_reason: 'stop' }],
      }),
      'Whole answer',
    ],
  ])('arrives from %s', async (_what, bytes, text) => {
    serve({ bytes });
    expect(await chat()).toMatchObject({ status: 200, body: { status: 'completed', text } });
  });

  it.each<[string, string]>([
    ['is empty', input('usage-empty')],
    [
      'has no numbers',
      sse(delta({ content: 'Hi there everybody' }), {
        choices: [],
        usage: { prompt_tokens: null, completion_tokens: '7' },
      }),
    ],
    [
      'says zero',
      sse(delta({ content: 'Hi there everybody' }), {
        choices: [],
        usage: { prompt_tokens: 0, completion_tokens: 0 },
      }),
    ],
  ])('is counted here when the usage %s', async (_what, bytes) => {
    serve({ bytes });
    const { body } = await chat();
    expect(body.usage.output_tokens).toBe(3);
    expect(body.usage.input_tokens).toBeGreaterThan(10);
  });
});

describe('an answer that is none', () => {
  it.each<[string, string, number, string, RegExp, number]>([
    [
      'an object "error"',
      input('error-object'),
      422,
      'validation_failed',
      /maximum context length is 4096/,
      1,
    ],
    [
      'an error event',
      'event: error\ndata: {"message":"The engine died"}\n\n',
      502,
      'provider_error',
      /The engine died/,
      2,
    ],
    [
      'an error event in plain text',
      'event: error\ndata: no capacity\n\n',
      502,
      'provider_error',
      /no capacity/,
      2,
    ],
    [
      'a text as error',
      'data: {"error":"model is loading"}\n\n',
      502,
      'provider_error',
      /model is loading/,
      2,
    ],
    [
      'a list of complaints',
      'data: {"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error"}],"code":422}\n\n',
      422,
      'validation_failed',
      /body\.messages: field required/,
      1,
    ],
    [
      'a list with an error',
      '[{"error":{"code":400,"message":"Please use a valid role","status":"INVALID_ARGUMENT"}}]',
      422,
      'validation_failed',
      /Please use a valid role/,
      1,
    ],
    [
      'a JSON body with an error',
      '{"error":{"message":"bad schema","type":"invalid_request_error"}}',
      422,
      'validation_failed',
      /bad schema/,
      1,
    ],
    [
      'an error with a status',
      'data: {"error":{"code":402,"message":"Insufficient credits"}}\n\n',
      502,
      'provider_error',
      /Insufficient credits/,
      1,
    ],
    ['the finish reason "error"', sse(delta({}, 'error')), 502, 'provider_error', /error/, 2],
    ['no text at all', sse(delta({}, 'stop')), 502, 'provider_error', /is empty/, 2],
    ['blanks alone', sse(delta({ content: ' \n' }, 'stop')), 502, 'provider_error', /is empty/, 4],
    [
      'only thoughts up to the limit',
      sse(delta({ reasoning: 'Hm' }), delta({}, 'length')),
      502,
      'provider_error',
      /max_tokens/,
      1,
    ],
    [
      'choices that are no list',
      'data: {"choices":{"a":1}}\n\ndata: [DONE]\n\n',
      502,
      'provider_error',
      /is empty/,
      2,
    ],
  ])(
    '%s is told with its message, and repeated only where that helps',
    async (_what, bytes, status, code, message, attempts) => {
      serve({ bytes });
      const before = stub.requests.length;
      const answer = await chat();
      expect(answer).toMatchObject({ status, body: { code, detail: expect.stringMatching(message) } });
      expect(stub.requests.length - before).toBe(attempts);
    },
  );
});

describe('a structured answer', () => {
  const format = {
    type: 'json_schema',
    json_schema: {
      name: 'order',
      schema: {
        type: 'object',
        properties: { order: { type: 'integer' }, quantity: { type: 'integer' } },
        required: ['order', 'quantity'],
      },
    },
  };
  it.each<[string, string]>([
    ['in a code fence', input('fenced-json')],
    [
      'behind thoughts',
      sse(delta({ content: '<think>A {"order": 1}?</think>\n{"order": 7, "quantity": 2}' })),
    ],
    [
      'behind thoughts that a template opened',
      sse(delta({ content: 'Hm.\n</think>\n```\n{"order": 7, "quantity": 2}\n```' })),
    ],
    ['behind a byte order mark', sse(delta({ content: '\uFEFF{"order": 7, "quantity": 2}' }))],
    [
      'between words',
      sse(delta({ content: 'Here it is:\n\n```json\n{"order": 7, "quantity": 2}\n```\nAnything else?' })),
    ],
  ])('counts %s', async (_what, bytes) => {
    serve({ bytes });
    const { status, body } = await chat('go', newConversation(), { response_format: format });
    expect({ status, body }).toMatchObject({ status: 200, body: { output: { order: 7, quantity: 2 } } });
    expect(JSON.parse(body.text)).toEqual({ order: 7, quantity: 2 });
  });
});
