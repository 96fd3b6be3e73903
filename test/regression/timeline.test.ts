import { type Client, eventually, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubBehaviour, type StubProvider, startStubProvider } from '../testkit/stub-provider';

const TOOLS = [
  { name: 'add', function_code: 'function add(a, b) { return a + b; }' },
  { name: 'broken', function_code: 'function broken() { throw new Error("no such street"); }' },
  { name: 'pay', function_code: 'function pay(amount) { return `paid ${amount}`; }', require_approval: true },
];

let server: TestServer;
let client: Client;
let stub: StubProvider;
let main: string;
let research: string;
let turn = 0;

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer({ OPENAI_BASE_URL: stub.url, OPENAI_API_KEY: 'test' });
  client = server.dev;
  main = await client.agentId('MainAgent');
  research = await client.agentId('ResearchAgent');
  for (const agent of [main, research])
    for (const tool of TOOLS)
      await client.rest('POST', `/api/v1/agent/${agent}/tools`, {
        ...tool,
        name: agent === main ? tool.name : `${tool.name}_there`,
        function_code: tool.function_code.replace(
          tool.name,
          agent === main ? tool.name : `${tool.name}_there`,
        ),
        description: `The tool ${tool.name}.`,
      });
}, 60_000);

afterAll(async () => {
  await server?.close();
  await stub.close();
});

type Call = [name: string, args: object];
const calls = (...wanted: Call[]): StubBehaviour => ({
  toolCalls: wanted.map(([name, args], at) => ({
    id: `call_${turn}_${at}`,
    name,
    arguments: JSON.stringify(args),
  })),
});

async function chat(...answers: StubBehaviour[]): Promise<Json> {
  for (const answer of answers) stub.next(answer);
  turn += 1;
  const { body } = await client.rest('POST', `/api/v1/agent/${main}/chat`, {
    message: 'Go.',
    conversation_id: `c-${turn}`,
    message_id: `m-${turn}`,
    stream: false,
  });
  return body;
}

const itemsOf = async (conversation = `c-${turn}`): Promise<Json[]> =>
  (await client.rest('GET', `/api/v1/conversations/${conversation}/timeline`)).body.items;

/** A tree in few words: `kind name status [children]`. */
const drawn = (items: Json[]): Json[] =>
  items.map(({ kind, name, status, children }) => {
    const title = [kind, name, status].filter((word) => word !== null).join(' ');
    return children.length > 0 ? [title, drawn(children)] : title;
  });

const every = (items: Json[]): Json[] => items.flatMap((item) => [item, ...every(item.children)]);
const find = (items: Json[], kind: string, name?: string): Json =>
  every(items).find((item) => item.kind === kind && (name === undefined || item.name === name));

const settled = (conversation = `c-${turn}`): Promise<Json> =>
  eventually(async () => {
    const { runs } = (await client.rest('GET', `/api/v1/conversations/${conversation}/runs`)).body;
    return runs.every((run: Json) => run.finished_at !== null) && runs;
  }, `the runs of ${conversation} end`);

const respond = (id: string, status: string) =>
  client.rest('POST', `/api/v1/approvals/${id}/respond`, { status });

it('shows parallel calls each under the agent, with arguments, result and status', async () => {
  await chat(calls(['add', { a: 1, b: 2 }], ['broken', {}], ['nowhere', { x: 1 }]), { text: 'Done.' });
  const items = await itemsOf();
  expect(items.map(({ kind }) => kind)).toEqual(['user', 'agent']);
  expect(find(items, 'tool', 'add')).toMatchObject({
    status: 'completed',
    arguments: { a: 1, b: 2 },
    result: 3,
    content: { arguments: { a: 1, b: 2 } },
    children: [{ kind: 'tool_request' }, { kind: 'tool_response' }],
  });
  expect(find(items, 'tool', 'broken')).toMatchObject({
    status: 'failed',
    arguments: {},
    result: null,
    content: { message: expect.stringContaining('no such street') },
  });
  expect(find(items, 'tool', 'nowhere')).toMatchObject({ status: 'failed', arguments: { x: 1 } });
  for (const { children, call_id: callId } of items)
    for (const child of children) if (child.kind === 'tool') expect(child.parent_call_id).toBe(callId);
});

it('shows an agent that waits for an approval as waiting, and what became of it', async () => {
  const paused = await chat(calls(['pay', { amount: 5 }]));
  expect(drawn(await itemsOf())).toEqual([
    'user',
    ['agent MainAgent waiting_approval', [['tool pay waiting_approval', ['approval_required pay pending']]]],
  ]);
  expect(find(await itemsOf(), 'tool').arguments).toEqual({ amount: 5 });
  stub.next({ text: 'Paid.' });
  await respond(paused.approval.id, 'approved');
  await settled();
  expect(drawn(await itemsOf())).toEqual([
    'user',
    [
      'agent MainAgent completed',
      [
        [
          'tool pay completed',
          [
            'approval_required pay approved',
            'approval_approved pay',
            'tool_request pay',
            'tool_response pay',
          ],
        ],
        'agent_text',
      ],
    ],
  ]);
  expect(find(await itemsOf(), 'tool')).toMatchObject({ arguments: { amount: 5 }, result: 'paid 5' });
});

it('shows a denied call as denied, and a cancelled one with its agent as cancelled', async () => {
  const denied = await chat(calls(['pay', { amount: 6 }]));
  stub.next({ text: 'I did not.' });
  await respond(denied.approval.id, 'denied');
  await settled();
  expect(find(await itemsOf(), 'tool')).toMatchObject({ status: 'denied', arguments: { amount: 6 } });
  expect(find(await itemsOf(), 'agent').status).toBe('completed');
  const paused = await chat(calls(['pay', { amount: 7 }]));
  await client.rest('POST', `/api/v1/cancel/${paused.run_id}`);
  await settled();
  const items = await itemsOf();
  expect(find(items, 'agent').status).toBe('cancelled');
  expect(find(items, 'tool').status).toBe('cancelled');
  expect(items.map(({ kind }) => kind)).toEqual(['user', 'agent']);
});

it('shows a question under the agent that asks and waits', async () => {
  const ask: Call = ['ask_user', { questions: [{ id: 'size', text: 'How big?', kind: 'text' }] }];
  const paused = await chat(calls(ask));
  expect(drawn(await itemsOf())).toEqual([
    'user',
    ['agent MainAgent waiting_question', ['question_required pending']],
  ]);
  stub.next({ text: 'I see.' });
  await client.rest('POST', `/api/v1/questions/${paused.question.id}/respond`, { answers: { size: 'M' } });
  await settled();
  expect(drawn(await itemsOf())).toEqual([
    'user',
    ['agent MainAgent completed', ['question_required answered', 'question_answered', 'agent_text']],
  ]);
  const again = await chat(calls(ask));
  await client.rest('POST', `/api/v1/cancel/${again.run_id}`);
  await settled();
  expect(find(await itemsOf(), 'question_required').status).toBe('cancelled');
});

it('shows a sub-agent and its calls within the call that asked for it, and who waits for them', async () => {
  const paused = await chat(
    calls(['ResearchAgent', { message: 'Pay.' }]),
    calls(['add_there', { a: 1, b: 1 }], ['pay_there', { amount: 1 }]),
  );
  const waiting = await itemsOf();
  expect(waiting).toHaveLength(2);
  expect(find(waiting, 'agent').status).toBe('waiting_approval');
  expect(find(waiting, 'sub_agent')).toMatchObject({
    name: 'ResearchAgent',
    status: 'waiting_approval',
    parent_call_id: waiting[1].call_id,
  });
  expect(find(waiting, 'sub_agent').children.map(({ kind }: Json) => kind)).toEqual([
    'sub_agent_request',
    'tool',
    'tool',
  ]);
  expect(find(waiting, 'tool', 'add_there').status).toBe('completed');
  stub.next({ text: 'Paid there.' });
  stub.next({ text: 'Done.' });
  await respond(paused.approval.id, 'approved');
  await settled();
  const items = await itemsOf();
  expect(
    every(items)
      .filter(({ kind }) => /agent$/.test(kind))
      .map(({ status }) => status),
  ).toEqual(['completed', 'completed']);
  expect(find(items, 'sub_agent').children.at(-1).kind).toBe('sub_agent_response');
  expect(items[1].children.map(({ kind }: Json) => kind)).toEqual(['sub_agent', 'agent_text']);
});

it('shows background work under the agent that began it, and does not end or hold that agent', async () => {
  stub.decide((request) => {
    const { role, content } = (request.messages as Json[]).at(-1);
    if (role === 'tool') return { text: 'Begun.' };
    return content.includes('Later.')
      ? calls(['pay_there', { amount: 2 }])
      : calls(['ResearchAgent', { message: 'Later.', background: true }]);
  });
  await chat();
  const items = await eventually(async () => {
    const found = await itemsOf();
    return find(found, 'sub_agent')?.status === 'waiting_approval' && found;
  }, 'the background work waits');
  expect(items).toHaveLength(2);
  expect(find(items, 'agent')).toMatchObject({ status: 'completed' });
  expect(find(items, 'sub_agent').parent_call_id).toBe(find(items, 'agent').call_id);
  expect(find(items, 'tool', 'pay_there').status).toBe('waiting_approval');
});

it('shows a tool that is run directly as one node, waiting, denied and done', async () => {
  turn += 1;
  const run = async (name: string, args: object): Promise<Json> =>
    (
      await client.rest('POST', `/api/v1/agent/${main}/tools/${name}/run`, {
        arguments: args,
        conversation_id: `c-${turn}`,
        message_id: `m-${turn}-${name}`,
        stream: false,
      })
    ).body;
  await run('add', { a: 2, b: 2 });
  const paused = await run('pay', { amount: 8 });
  const items = await itemsOf();
  expect(items.map(({ name, status }) => [name, status])).toEqual([
    ['add', 'completed'],
    ['pay', 'waiting_approval'],
  ]);
  expect(items[0]).toMatchObject({ kind: 'tool', arguments: { a: 2, b: 2 }, result: 4 });
  await respond(paused.approval.id, 'denied');
  await settled();
  expect(drawn(await itemsOf()).at(-1)[0]).toBe('tool pay denied');
});
