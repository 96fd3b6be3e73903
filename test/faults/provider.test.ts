import { startTestServer, type Json, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { deltasOf } from './kit';

const KEY = 'sk-very-secret-key';

describe('a model provider that fails', () => {
  let stub: StubProvider;
  let server: TestServer;
  let agent: string;
  let messages = 0;

  beforeAll(async () => {
    stub = await startStubProvider();
    server = await startTestServer({
      OPENAI_BASE_URL: stub.url,
      OPENAI_API_KEY: KEY,
      OPENAI_MODEL: 'stub',
      AGENTFLOW_LLM_MAX_RETRIES: '1',
      AGENTFLOW_LLM_TIMEOUT_MS: '300',
    });
    agent = await server.dev.agentId();
  });
  afterAll(async () => {
    await server.close();
    await stub.close();
  });
  beforeEach(() => stub.default({}));

  const request = (more: object = {}): Json => ({
    message: 'Say something.',
    conversation_id: `provider-${++messages}`,
    message_id: 'm1',
    ...more,
  });
  const stream = async (body: Json = request()) =>
    (await server.dev.stream('POST', `/api/v1/agent/${agent}/chat`, body)).all();
  const whole = (body: Json = request({ stream: false })) =>
    server.dev.rest('POST', `/api/v1/agent/${agent}/chat`, body);

  it('is asked again after the pause it names with 429', async () => {
    stub.next({ status: 429, headers: { 'retry-after-ms': '250' } });
    stub.default({ text: 'Fine now.' });
    const started = performance.now();
    const events = await stream();
    expect(performance.now() - started).toBeGreaterThanOrEqual(250);
    expect(events.at(-1)!.data).toMatchObject({ type: 'end', content: { text: 'Fine now.' } });
  });

  it('is asked again after a 500', async () => {
    stub.next({ status: 500 });
    stub.default({ text: 'Fine now.' });
    expect((await stream()).at(-1)!.data).toMatchObject({ type: 'end', content: { text: 'Fine now.' } });
  });

  it.each([
    ['answers 429 for good', { status: 429, headers: { 'retry-after-ms': '10' } }, 'rate_limited', 429, true],
    ['answers 500 for good', { status: 500 }, 'provider_error', 502, true],
    ['refuses the key', { status: 401 }, 'provider_error', 502, false],
    ['never answers', { hang: 'headers' as const }, 'provider_timeout', 504, true],
    ['sends no first byte', { hang: 'body' as const }, 'provider_timeout', 504, true],
    ['is no stream of events', { garbage: '{not json' }, 'provider_error', 502, true],
  ])(
    'that %s ends the run with an error that says so',
    async (_what, behaviour, code, status, retryable) => {
      stub.default(behaviour);
      const body = request();
      const events = await stream(body);
      const last = events.at(-1)!.data;
      expect(last).toMatchObject({ type: 'error', content: { code, retryable } });
      expect(last.content.message).toEqual(expect.any(String));
      expect(JSON.stringify(events)).not.toContain(KEY);

      const answer = await whole();
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body).toMatchObject({ code, status, retryable, run_id: expect.any(String) });
      expect(JSON.stringify(answer.body)).not.toContain(KEY);
      const { data } = await server.dev.graphql(
        'query ($id: ID!) { run(id: $id) { status error { code message retryable } } }',
        { id: answer.body.run_id },
      );
      expect(data.run).toMatchObject({ status: 'FAILED', error: { code, retryable } });
      expect(JSON.stringify(server.logs)).not.toContain(KEY);
    },
    20_000,
  );

  it('answers the same failure when the message is sent again', async () => {
    stub.default({ status: 500 });
    const body = request({ stream: false });
    const first = await whole(body);
    stub.default({ text: 'Fine now.' });
    const second = await whole(body);
    expect(second.status).toBe(502);
    expect(second.body.run_id).toBe(first.body.run_id);
  });

  it('whose stream is cut half-way is asked to go on, and the reader sees one whole text', async () => {
    stub.next({ text: 'one two three four five six', cutAfter: 3 });
    stub.default({ text: 'one two three four five six', continues: true });
    const before = stub.requests.length;
    const events = await stream();
    expect(events.at(-1)!.data).toMatchObject({
      type: 'end',
      content: { text: 'one two three four five six' },
    });
    expect(deltasOf(events)).toBe('one two three four five six');
    const [, second] = stub.requests.slice(before);
    const sent = second!.body.messages as { role: string; content: string }[];
    expect(sent.at(-2)).toEqual({ role: 'assistant', content: 'one two three' });
    expect(sent.at(-1)).toMatchObject({ role: 'user', content: expect.stringContaining('Continue') });
  });

  it('whose stream falls silent half-way is asked to go on', async () => {
    stub.next({ text: 'one two three', hang: 'idle' });
    stub.default({ text: 'one two three', continues: true });
    const events = await stream();
    expect(deltasOf(events)).toBe('one two three');
    expect(events.at(-1)!.data.type).toBe('end');
  });

  it('whose stream is cut every time leaves an error, and the text so far as a partial message', async () => {
    stub.default({ text: 'one two three four', cutAfter: 2 });
    const body = request();
    const events = await stream(body);
    expect(events.at(-1)!.data).toMatchObject({ type: 'error', content: { code: 'provider_error' } });
    expect(deltasOf(events)).toBe('one two');
    const { body: page } = await server.dev.rest(
      'GET',
      `/api/v1/conversations/${body.conversation_id}/messages`,
    );
    const list = Object.values(page as Record<string, Json>).find(Array.isArray) as Json[];
    expect(list.at(-1)).toMatchObject({ role: 'assistant', content: 'one two', metadata: { partial: true } });
  }, 20_000);

  it('that cannot be reached at all ends the run as retryable', async () => {
    const gone = await startStubProvider();
    const other = await startTestServer({
      OPENAI_BASE_URL: gone.url,
      OPENAI_MODEL: 'stub',
      AGENTFLOW_LLM_MAX_RETRIES: '0',
    });
    try {
      await gone.close();
      const answer = await other.dev.rest('POST', `/api/v1/agent/${await other.dev.agentId()}/chat`, {
        ...request(),
        stream: false,
      });
      expect(answer).toMatchObject({ status: 502, body: { code: 'provider_error', retryable: true } });
    } finally {
      await other.close();
    }
  });

  it('that writes without end is stopped where the answer can still be stored', async () => {
    const megabyte = 'x'.repeat(1_000_000);
    stub.default({ tokens: Array.from({ length: 6 }, () => megabyte), usage: null });
    const events = await stream();
    const end = events.at(-1)!.data;
    expect(end).toMatchObject({ type: 'end', content: { finish_reason: 'length' } });
    expect(end.content.text).toHaveLength(4_000_000);
    expect(deltasOf(events) === end.content.text).toBe(true);
  }, 60_000);
});
