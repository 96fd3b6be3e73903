import type { Principal } from '../../src/ports/identity';
import { type Client, startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';

let server: TestServer;
let client: Client;
let stub: StubProvider;
let agentId: string;
let turn = 0;

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer({ OPENAI_BASE_URL: stub.url, OPENAI_API_KEY: 'test' });
  client = server.dev;
  agentId = await client.agentId('ResearchAgent');
});

afterAll(async () => {
  await server?.close();
  await stub.close();
});

/** A chat that waits for its end, in a conversation of its own. */
const chat = (message: string, more: object = {}) =>
  client.rest('POST', `/api/v1/agent/${agentId}/chat`, {
    message,
    conversation_id: `c-${++turn}`,
    message_id: `m-${turn}`,
    stream: false,
    verbose: true,
    ...more,
  });

it('runs the tool that the model calls and tells it the result', async () => {
  stub.next({ toolCalls: [{ id: 'call_1', name: 'calculate', arguments: '{"expression":"6*7"}' }] });
  stub.next({ text: 'It is 42.' });
  const { status, body } = await chat('What is 6*7?');
  expect(status).toBe(200);
  expect(body).toMatchObject({ status: 'completed', text: 'It is 42.' });
  const told = stub.requests.at(-1)!.body.messages;
  expect(told.slice(-2)).toEqual([
    expect.objectContaining({
      role: 'assistant',
      tool_calls: [expect.objectContaining({ type: 'function' })],
    }),
    { role: 'tool', tool_call_id: told.at(-2).tool_calls[0].id, content: '42' },
  ]);
});

it('tells the model what is wrong with its arguments and goes on', async () => {
  stub.next({ toolCalls: [{ id: 'call_1', name: 'calculate', arguments: '{"formula":1}' }] });
  stub.next({ text: 'Sorry.' });
  const { body } = await chat('Calculate.');
  expect(body.status).toBe('completed');
  const { content } = stub.requests.at(-1)!.body.messages.at(-1);
  expect(content).toMatch(/expression is required/);
});

it('goes on with keys that cannot be stored, of arguments, results and structured answers', async () => {
  const principal = {
    type: 'local_dev',
    userId: 'local-dev',
    tenant: 'agentflow',
    scopes: [],
    isAdmin: true,
  };
  await server.application.services.tools.register(principal as Principal, agentId, {
    name: 'mirror',
    description: 'Gives back what it gets.',
    functionCode: 'function mirror(value) { return { given: value, "b\\u0000d": 2 }; }',
    argsSchema: { type: 'object', properties: { value: { type: 'object' } }, required: ['value'] },
  });
  stub.next({ toolCalls: [{ id: 'call_1', name: 'mirror', arguments: '{"value":{"a\\u0000c":1}}' }] });
  stub.next({ text: '{"x\\u0000y":3}' });
  const schema = { type: 'object', additionalProperties: { type: 'number' } };
  const { status, body } = await chat('Mirror.', {
    response_format: { type: 'json_schema', json_schema: { name: 'any', schema } },
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({ status: 'completed', output: { 'x\ufffdy': 3 } });
  const { content } = stub.requests
    .at(-1)!
    .body.messages.find(({ role }: { role: string }) => role === 'tool');
  expect(JSON.parse(content)).toEqual({ given: { 'a\ufffdc': 1 }, 'b\ufffdd': 2 });
}, 60_000);
