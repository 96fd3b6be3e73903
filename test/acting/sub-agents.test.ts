import type { Principal } from '../../src/ports/identity';
import { type Client, eventually, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';

let server: TestServer;
let client: Client;
let stub: StubProvider;
let main: string;
let turn = 0;

const principal: Principal = {
  type: 'local_dev',
  userId: 'local-dev',
  tenant: 'agentflow',
  scopes: [],
  isAdmin: true,
};

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer({ OPENAI_BASE_URL: stub.url, OPENAI_API_KEY: 'test' });
  client = server.dev;
  main = await client.agentId('MainAgent');
  await server.application.services.tools.register(principal, 'ResearchAgent', {
    name: 'publish',
    description: 'Publishes a text.',
    functionCode: 'function publish(text) { return `published ${text}`; }',
    requireApproval: true,
  });
}, 60_000);

afterAll(async () => {
  await server?.close();
  await stub.close();
});

const request = (message: string, more: object = {}) => ({
  message,
  conversation_id: `c-${++turn}`,
  message_id: `m-${turn}`,
  ...more,
});

const delegate = (args: object, name = 'ResearchAgent') => ({
  toolCalls: [{ id: `call_${turn}`, name, arguments: JSON.stringify(args) }],
});

/** The text of a run once it is completed. */
const completed = (id: string): Promise<string> =>
  eventually(async () => {
    const { data } = await client.graphql('query($id: ID!) { run(id: $id) { status text } }', { id });
    return data.run.status === 'COMPLETED' && data.run.text;
  }, `run ${id} is completed`);

it('nests the events of a sub-agent under the call of its parent', async () => {
  stub.next(delegate({ message: 'Find it.' }));
  stub.next({ text: 'Found.' });
  stub.next({ text: 'Here you are.' });
  const stream = await client.stream(
    'POST',
    `/api/v1/agent/${main}/chat`,
    request('Find', { verbose: true }),
  );
  const events: Json[] = [];
  for await (const { data } of stream) events.push(data);
  const starts = events.filter(({ type }) => type === 'start');
  expect(starts.map(({ content }) => [content.name, content.role])).toEqual([
    ['MainAgent', 'agent'],
    ['ResearchAgent', 'sub_agent'],
  ]);
  expect(starts[1].parent_call_id).toBe(starts[0].call_id);
  expect(new Set(events.map(({ root_call_id }) => root_call_id)).size).toBe(1);
  expect(events.at(-1)).toMatchObject({ type: 'end', content: { text: 'Here you are.' } });
  expect(stub.requests.at(-1)!.body.messages.at(-1)).toMatchObject({ role: 'tool', content: 'Found.' });
});

it('pauses the whole tree for an approval inside a sub-agent, and goes on there', async () => {
  stub.next(delegate({ message: 'Publish it.' }));
  stub.next({ toolCalls: [{ id: 'p', name: 'publish', arguments: '{"text":"news"}' }] });
  const paused = await client.rest(
    'POST',
    `/api/v1/agent/${main}/chat`,
    request('Publish', { stream: false }),
  );
  expect(paused.status).toBe(202);
  stub.next({ text: 'It is out.' });
  stub.next({ text: 'All done.' });
  await client.rest('POST', `/api/v1/approvals/${paused.body.approval.id}/respond`, { status: 'approved' });
  expect(await completed(paused.body.run_id)).toBe('All done.');
  const told = stub.requests.at(-2)!.body.messages.at(-1);
  expect(told.content).toBe('published news');
});

it('cancels a sub-agent with its root', async () => {
  stub.next(delegate({ message: 'Publish it.' }));
  stub.next({ toolCalls: [{ id: 'p', name: 'publish', arguments: '{"text":"news"}' }] });
  const paused = await client.rest(
    'POST',
    `/api/v1/agent/${main}/chat`,
    request('Publish', { stream: false }),
  );
  const cancelled = await client.rest('POST', `/api/v1/cancel/${paused.body.call_id}`);
  expect(cancelled.body.status).toBe('cancelled');
  const approval = await client.rest('GET', `/api/v1/approvals/${paused.body.approval.id}`);
  expect(approval.body.status).toBe('cancelled');
  const { body } = await client.rest('GET', '/api/v1/cancel/active-calls');
  expect(JSON.stringify(body)).not.toContain(paused.body.call_id);
});

it('runs a sub-agent in the background and reads its result', async () => {
  stub.next(delegate({ message: 'Dig deep.', background: true }));
  stub.default({ text: 'Dug.' });
  const { body } = await client.rest('POST', `/api/v1/agent/${main}/chat`, request('Dig', { stream: false }));
  expect(body.status).toBe('completed');
  const toolMessages = stub.requests
    .flatMap(({ body: sent }) => sent.messages)
    .filter(({ role, content }: Json) => role === 'tool' && content.includes('task_id'));
  const { task_id: taskId } = JSON.parse(toolMessages.at(-1).content);
  expect(await completed(taskId)).toBe('Dug.');
  stub.next({
    toolCalls: [
      { id: 'r', name: 'get_background_sub_agent_result', arguments: JSON.stringify({ task_id: taskId }) },
    ],
  });
  await client.rest('POST', `/api/v1/agent/${main}/chat`, {
    message: 'And?',
    conversation_id: body.conversation_id,
    message_id: 'again',
    stream: false,
  });
  expect(JSON.parse(stub.requests.at(-1)!.body.messages.at(-1).content)).toMatchObject({
    status: 'completed',
    text: 'Dug.',
  });
});
