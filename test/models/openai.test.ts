import type { DomainError } from '../../src/errors';
import { modelRegistry } from '../../src/models/registry';
import {
  createOpenAiProvider,
  type OpenAiProvider,
  type OpenAiProviderOptions,
} from '../../src/adapters/openai';
import type { ChatChunk, ChatRequest } from '../../src/ports/models';
import { startStubProvider, type StubBehaviour, type StubProvider } from '../testkit/stub-provider';

type Done = Extract<ChatChunk, { type: 'done' }>;

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const clock = { now: () => new Date() };
const ASK: ChatRequest = { model: 'openai/gpt-4.1-mini', messages: [{ role: 'user', content: 'Hi' }] };

let stub: StubProvider;
let provider: OpenAiProvider;
let delays: number[];

function makeProvider(options: Partial<OpenAiProviderOptions> = {}): OpenAiProvider {
  provider?.close();
  provider = createOpenAiProvider({
    name: 'openai',
    registry: modelRegistry,
    baseUrl: stub.url,
    apiKey: 'sk-test-key-1234567890',
    logger: silent,
    clock,
    random: () => 0.5,
    delay: async (ms) => void delays.push(ms),
    ...options,
  });
  return provider;
}

beforeEach(async () => {
  delays = [];
  stub = await startStubProvider();
  makeProvider();
});

afterEach(async () => {
  provider.close();
  await stub.close();
});

async function collect(request: ChatRequest = ASK): Promise<{ chunks: ChatChunk[]; done: Done }> {
  const chunks: ChatChunk[] = [];
  for await (const chunk of provider.chat(request)) chunks.push(chunk);
  const done = chunks.at(-1);
  if (done?.type !== 'done') throw new Error('The stream did not end with done.');
  return { chunks, done };
}

/** The error of a call, and the text that arrived before it. */
async function failure(request: ChatRequest = ASK): Promise<{ error: DomainError; text: string }> {
  let text = '';
  try {
    for await (const chunk of provider.chat(request)) if (chunk.type === 'text') text += chunk.text;
  } catch (error) {
    return { error: error as DomainError, text };
  }
  throw new Error('The call did not fail.');
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('The condition did not come true in time.');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a streamed answer', () => {
  it('arrives as reasoning, text, then one done with all of it', async () => {
    stub.next({ reasoning: ['Hm', 'm.'], tokens: ['Hel', 'lo', ' wörld'], delayMs: 2 });
    const { chunks, done } = await collect();
    const kinds = chunks.map((chunk) => chunk.type).filter((kind, i, all) => kind !== all[i - 1]);
    expect(kinds).toEqual(['reasoning', 'text', 'done']);
    expect(chunks.map((c) => (c.type === 'text' ? c.text : '')).join('')).toBe('Hello wörld');
    expect(chunks.map((c) => (c.type === 'reasoning' ? c.text : '')).join('')).toBe('Hmm.');
    expect(done).toMatchObject({ text: 'Hello wörld', toolCalls: [], finishReason: 'stop' });
  });

  it('comes in several deltas when the tokens come one by one', async () => {
    stub.next({ text: 'one two three four five', delayMs: 5 });
    const { chunks } = await collect();
    expect(chunks.filter((chunk) => chunk.type === 'text').length).toBeGreaterThan(1);
  });

  it('survives any place where the network cuts its bytes', async () => {
    stub.next({ text: 'äöü 日本語 🙂 '.repeat(4000) });
    expect((await collect()).done.text).toBe('äöü 日本語 🙂 '.repeat(4000));
  });

  it('costs what the catalogue says, cached input at its own price', async () => {
    stub.next({ text: 'x', usage: { inputTokens: 1000, outputTokens: 500, cachedTokens: 400 } });
    const { usage } = (await collect()).done;
    // gpt-4.1-mini: 0.40 in, 0.10 cached, 1.60 out per million.
    expect(usage).toEqual({
      inputTokens: 1000,
      outputTokens: 500,
      totalTokens: 1500,
      costUsd: expect.closeTo(0.00108, 10),
    });
  });

  it('is counted here when the endpoint counts nothing', async () => {
    stub.next({ text: 'hello world hello world', usage: null });
    expect((await collect()).done.usage).toMatchObject({ inputTokens: 7, outputTokens: 4 });
  });

  it.each<[string, StubBehaviour]>([
    ['without the end marker', { text: 'whole', noDone: true }],
    ['without a finish reason', { text: 'whole', finishReason: null }],
  ])('is whole %s', async (_name, behaviour) => {
    stub.next(behaviour);
    expect((await collect()).done).toMatchObject({ text: 'whole', finishReason: 'stop' });
  });

  it('says when it was cut at the token limit', async () => {
    stub.next({ text: 'cut', finishReason: 'length' });
    expect((await collect()).done.finishReason).toBe('length');
  });

  it('holds tool calls put together from their parts', async () => {
    const calls = [
      { id: 'a', name: 'one', arguments: '{"x": 1, "y": "zwei"}' },
      { id: 'b', name: 'two', arguments: '{}' },
    ];
    stub.next({ toolCalls: calls });
    const { chunks, done } = await collect();
    expect(done).toMatchObject({ toolCalls: calls, finishReason: 'tool_calls', text: '' });
    const parts = chunks.flatMap((c) => (c.type === 'tool_call' && c.index === 0 ? [c.arguments ?? ''] : []));
    expect(parts.join('')).toBe('{"x": 1, "y": "zwei"}');
  });
});

describe('the request', () => {
  it('carries messages, tools, sampling and schema in the wire format, and the key', async () => {
    await collect({
      ...ASK,
      model: 'openai/my/model',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Go' },
        { role: 'assistant', content: '', toolCalls: [{ id: 'call00001', name: 'f', arguments: '{}' }] },
        { role: 'tool', content: 'done', toolCallId: 'call00001' },
      ],
      tools: [{ name: 'f', description: 'F.', parameters: { type: 'object' } }],
      temperature: 0.2,
      topP: 0.9,
      maxTokens: 50,
      responseFormat: { name: 'my format', schema: { type: 'object' }, strict: true },
    });
    const [request] = stub.requests;
    expect(request?.headers.authorization).toBe('Bearer sk-test-key-1234567890');
    expect(request?.body).toEqual({
      model: 'my/model',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Go' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call00001', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', content: 'done', tool_call_id: 'call00001' },
      ],
      stream: true,
      stream_options: { include_usage: true },
      tools: [
        { type: 'function', function: { name: 'f', description: 'F.', parameters: { type: 'object' } } },
      ],
      temperature: 0.2,
      top_p: 0.9,
      max_tokens: 50,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'my_format', schema: { type: 'object' }, strict: true },
      },
    });
  });

  it('goes without a key to an endpoint that needs none', async () => {
    makeProvider({ apiKey: undefined });
    await collect();
    expect(stub.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('is not sent to OpenAI without a key', async () => {
    makeProvider({ apiKey: undefined, baseUrl: undefined });
    expect((await failure()).error).toMatchObject({
      code: 'provider_error',
      message: expect.stringContaining('no API key'),
    });
    expect(provider.status().status).toBe('down');
  });
});

describe('a failed attempt', () => {
  it('is repeated after pauses that double, halved by the jitter', async () => {
    stub.next({ status: 500 });
    stub.next({ status: 503 });
    stub.next({ text: 'at last' });
    expect((await collect()).done.text).toBe('at last');
    expect(delays).toEqual([250, 500]);
  });

  it.each<[string, Record<string, string>, number]>([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['milliseconds', { 'retry-after-ms': '1234', 'retry-after': '9' }, 1234],
    ['a date', { 'retry-after': 'Tue, 01 Jan 2030 00:00:10 GMT' }, 10_000],
  ])('is repeated after the pause that the provider asks for in %s', async (_name, headers, pause) => {
    makeProvider({ clock: { now: () => new Date('2030-01-01T00:00:00Z') } });
    stub.next({ status: 429, headers });
    expect((await collect()).done.text).not.toBe('');
    expect(delays).toEqual([pause]);
  });

  it('is final after three attempts, and says how long to wait', async () => {
    stub.default({ status: 429, headers: { 'retry-after': '3' } });
    const { error } = await failure();
    expect(error).toMatchObject({
      code: 'rate_limited',
      details: { retryAfterMs: 3000, extra: { retryable: true } },
    });
    expect(stub.requests).toHaveLength(3);
  });

  it('is final when the pause asked for would pass the total time', async () => {
    stub.default({ status: 429, headers: { 'retry-after': '3600' } });
    expect((await failure()).error).toMatchObject({
      code: 'rate_limited',
      details: { retryAfterMs: 3_600_000 },
    });
    expect(stub.requests).toHaveLength(1);
  });

  it.each<[string, StubBehaviour, object]>([
    [
      '401',
      { status: 401, error: { message: 'Incorrect API key provided: sk-test-key-1234567890' } },
      { code: 'provider_error', message: expect.stringContaining('refused the API key') },
    ],
    [
      '403',
      { status: 403 },
      { code: 'provider_error', message: expect.stringContaining('refused the API key') },
    ],
    [
      '400',
      { status: 400, error: { message: 'Bad temperature for sk-test-key-1234567890.' } },
      { code: 'validation_failed', message: expect.stringContaining('Bad temperature') },
    ],
    ['422', { status: 422 }, { code: 'validation_failed' }],
    [
      '404',
      { status: 404, error: { code: 'model_not_found' } },
      { code: 'validation_failed', details: { errors: [{ path: 'model' }] } },
    ],
    [
      'an empty account',
      { status: 429, error: { code: 'insufficient_quota' } },
      { code: 'rate_limited', message: expect.stringContaining('quota') },
    ],
    [
      '500 that asks for no retry',
      { status: 500, headers: { 'x-should-retry': 'false' } },
      { code: 'provider_error' },
    ],
  ])('is final at once for %s, and repeats no key', async (_name, behaviour, expected) => {
    stub.default(behaviour);
    const { error } = await failure();
    expect(error).toMatchObject(expected);
    expect(error.details.extra?.retryable).toBe(false);
    expect(JSON.stringify([error.message, error.details])).not.toContain('sk-test-key');
    expect(stub.requests).toHaveLength(1);
  });

  it('is repeated when the stream breaks before its first delta', async () => {
    stub.next({ cutAfter: 0 });
    expect((await collect()).done.text).toBe('Hello from the stub.');
    expect(stub.requests).toHaveLength(2);
  });

  it('is a retryable provider_error when nothing listens', async () => {
    await stub.close();
    expect((await failure()).error).toMatchObject({
      code: 'provider_error',
      message: expect.stringContaining('ECONNREFUSED'),
      details: { extra: { retryable: true } },
    });
    expect(delays).toHaveLength(2);
    expect(provider.status().status).toBe('ok');
    await failure();
    await failure();
    expect(provider.status().status).toBe('degraded');
    stub = await startStubProvider();
  });
});

describe('an answer that breaks after its first delta', () => {
  it.each<[string, StubBehaviour]>([
    ['cut off', { text: 'one two three', cutAfter: 2 }],
    ['malformed', { text: 'one two three', garbage: '{"choices": [' }],
    ['an error event', { text: 'one two three', garbage: '{"error": {"message": "engine died"}}' }],
  ])('fails as retryable and is not repeated: %s', async (_name, behaviour) => {
    stub.next(behaviour);
    const { error, text } = await failure();
    expect(text).toMatch(/^one/);
    expect(error).toMatchObject({ code: 'provider_error', details: { extra: { retryable: true } } });
    expect(stub.requests).toHaveLength(1);
  });
});

describe('an answer that is no stream', () => {
  it.each([
    ['a stream that calls itself JSON', { text: 'whole', headers: { 'content-type': 'application/json' } }],
    ['one object', { bytes: '{"choices":[{"message":{"content":"whole"}}]}' }],
    [
      'lines of JSON',
      { bytes: '{"choices":[{"delta":{"content":"who"}}]}\n{"choices":[{"delta":{"content":"le"}}]}' },
    ],
  ])('is read all the same: %s', async (_name, behaviour) => {
    stub.default(behaviour);
    expect((await collect()).done.text).toBe('whole');
  });

  it.each([
    ['a page', '<html><body>Welcome</body></html>', 'is not a stream'],
    ['an object that is no answer', '{"hello":"world"}', 'is no chat completion'],
    ['a list', '[1,2]', 'is not a stream'],
  ])('is a provider_error, not an empty text: %s', async (_name, bytes, message) => {
    stub.default({ bytes });
    expect((await failure()).error).toMatchObject({
      code: 'provider_error',
      message: expect.stringContaining(message),
    });
  });

  it('is a provider_error when it ends without saying anything', async () => {
    stub.default({ tokens: [], finishReason: null, usage: null, noDone: true });
    expect((await failure()).error).toMatchObject({
      code: 'provider_error',
      message: expect.stringContaining('cut off'),
    });
  });
});

describe('a slow reader', () => {
  it('pauses the connection, and gets all of the text without a time-out', async () => {
    makeProvider({ limits: { idleTimeoutMs: 50 } });
    const text = 'word '.repeat(400_000).trim();
    stub.next({ tokens: text.match(/.{1,1000}/gs) ?? [] });
    let got = '';
    for await (const chunk of provider.chat(ASK)) {
      if (chunk.type !== 'text') continue;
      // Longer than the idle time-out, once: the silence is the reader's, not the provider's.
      if (got === '') await new Promise((resolve) => setTimeout(resolve, 150));
      got += chunk.text;
    }
    expect(got === text).toBe(true);
  });
});

describe('silence', () => {
  it.each<['headers' | 'body']>([['headers'], ['body']])(
    'before the first byte is a provider_timeout: %s',
    async (hang) => {
      // Long enough for a busy machine to send the request at all.
      makeProvider({ limits: { firstByteTimeoutMs: 400, maxAttempts: 2 } });
      stub.default({ hang });
      expect((await failure()).error).toMatchObject({
        code: 'provider_timeout',
        details: { extra: { retryable: true } },
      });
      expect(stub.requests).toHaveLength(2);
      for (const request of stub.requests) expect((await request.closed).aborted).toBe(true);
    },
  );

  it('between two chunks is a provider_timeout', async () => {
    makeProvider({ limits: { idleTimeoutMs: 50 } });
    stub.next({ text: 'one two', hang: 'idle' });
    const { error, text } = await failure();
    expect(text).toBe('one');
    expect(error).toMatchObject({ code: 'provider_timeout' });
    expect((await stub.requests[0]!.closed).aborted).toBe(true);
  });
});

describe('an abort', () => {
  it.each<['headers' | 'body' | 'idle']>([['headers'], ['body'], ['idle']])(
    'throws its reason, closes the socket and frees the place: %s',
    async (hang) => {
      const controller = new AbortController();
      const reason = new Error('user went away');
      stub.next({ text: 'one two', hang });
      const running = failure({ ...ASK, signal: controller.signal });
      await stub.arrived(1);
      controller.abort(reason);
      expect((await running).error).toBe(reason);
      expect((await stub.requests[0]!.closed).aborted).toBe(true);
      expect(provider.load()).toMatchObject({ active: 0, queued: 0 });
    },
  );

  it('works while the caller does not read', async () => {
    const controller = new AbortController();
    stub.next({ text: 'one two', hang: 'idle' });
    const iterator = provider.chat({ ...ASK, signal: controller.signal })[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ type: 'text' });
    controller.abort(new Error('stop'));
    expect((await stub.requests[0]!.closed).aborted).toBe(true);
    expect(provider.load().active).toBe(0);
    await expect(iterator.next()).rejects.toThrow('stop');
  });

  it('ends a pause between attempts', async () => {
    const controller = new AbortController();
    makeProvider({ delay: undefined });
    stub.default({ status: 429, headers: { 'retry-after': '60' } });
    const running = failure({ ...ASK, signal: controller.signal });
    await stub.arrived(1);
    await stub.requests[0]!.closed;
    controller.abort(new Error('stop'));
    expect((await running).error.message).toBe('stop');
  });

  it('sends nothing when it came before the call', async () => {
    expect((await failure({ ...ASK, signal: AbortSignal.abort(new Error('early')) })).error.message).toBe(
      'early',
    );
    expect(stub.requests).toHaveLength(0);
  });

  it('is not needed: a caller who leaves the loop closes the socket', async () => {
    stub.next({ text: 'one two', hang: 'idle' });
    for await (const chunk of provider.chat(ASK)) if (chunk.type === 'text') break;
    expect((await stub.requests[0]!.closed).aborted).toBe(true);
    expect(provider.load().active).toBe(0);
  });
});

describe('many calls', () => {
  it('run within the bound, wait in the queue, and are refused beyond it', async () => {
    makeProvider({ limits: { maxConcurrency: 2, maxQueue: 1 } });
    stub.default({ text: 'one two', hang: 'idle' });
    const controller = new AbortController();
    const running = [1, 2, 3].map(() => failure({ ...ASK, signal: controller.signal }));
    await stub.arrived(2);
    await until(() => provider.load().queued === 1);
    expect(provider.load()).toMatchObject({ active: 2, queued: 1 });
    expect((await failure()).error).toMatchObject({
      code: 'overloaded',
      details: { extra: { retryable: true } },
    });
    expect(stub.requests).toHaveLength(2);
    controller.abort(new Error('stop'));
    await Promise.all(running);
    expect(provider.load()).toMatchObject({ active: 0, queued: 0 });
  });

  it('pass the place on to the one that waits', async () => {
    makeProvider({ limits: { maxConcurrency: 1 } });
    stub.default({ text: 'a b c', delayMs: 1 });
    const answers = await Promise.all([collect(), collect(), collect()]);
    expect(answers.map(({ done }) => done.text)).toEqual(['a b c', 'a b c', 'a b c']);
    expect(provider.load().active).toBe(0);
  });

  it('one after another share a connection and leak none', async () => {
    const signal = new AbortController().signal;
    for (let i = 0; i < 1000; i += 1) await collect({ ...ASK, signal });
    expect(stub.requests).toHaveLength(1000);
    expect(stub.connections().accepted).toBeLessThanOrEqual(3);
    expect(provider.load()).toMatchObject({ active: 0, openSockets: expect.any(Number) });
    expect(provider.load().openSockets).toBeLessThanOrEqual(3);
  });
});

describe('embeddings', () => {
  it.each([false, true])('come back in the order of the inputs (plain numbers: %s)', async (raw) => {
    stub.next({
      vectors: [
        [0.5, 1],
        [2, -3],
      ],
      raw,
      usage: { inputTokens: 1_000_000, outputTokens: 0 },
    });
    const { vectors, usage } = await provider.embed({
      model: 'openai/text-embedding-3-small',
      input: ['a', 'b'],
    });
    expect(vectors.map((vector) => [...vector])).toEqual([
      [0.5, 1],
      [2, -3],
    ]);
    expect(usage.costUsd).toBeCloseTo(0.02, 10);
  });

  it('fail when a vector is missing', async () => {
    stub.default({ vectors: [[1, 2]] });
    await expect(provider.embed({ model: 'openai/e', input: ['a', 'b'] })).rejects.toMatchObject({
      code: 'provider_error',
    });
  });
});

describe('the options', () => {
  it('are refused with the name of the bad one', () => {
    expect(() => makeProvider({ limits: { maxAttempts: 0 } })).toThrow(/maxAttempts/);
    expect(() => makeProvider({ baseUrl: 'ftp://x' })).toThrow(/http or https/);
    makeProvider();
  });
});
