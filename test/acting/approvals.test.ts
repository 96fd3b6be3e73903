import type { Principal } from '../../src/ports/identity';
import { type Client, eventually, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';

let server: TestServer;
let client: Client;
let stub: StubProvider;
let agentId: string;
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
  agentId = await client.agentId('ResearchAgent');
  await server.application.services.tools.register(principal, agentId, {
    name: 'pay',
    description: 'Pays an amount.',
    functionCode: 'function pay(amount, to = "Bob") { return { paid: amount, to }; }',
    argsSchema: {
      type: 'object',
      properties: { amount: { type: 'number', maximum: 100 }, to: { type: 'string' } },
      required: ['amount'],
    },
    requireApproval: true,
  });
}, 60_000);

afterAll(async () => {
  await server?.close();
  await stub.close();
});

const call = (args: object, id = 'call_1') => ({
  toolCalls: [{ id, name: 'pay', arguments: JSON.stringify(args) }],
});

const body = (message: string, more: object = {}) => ({
  message,
  conversation_id: `c-${++turn}`,
  message_id: `m-${turn}`,
  ...more,
});

const chat = (message: string, more: object = {}) =>
  client.rest('POST', `/api/v1/agent/${agentId}/chat`, body(message, { stream: false, ...more }));

const respond = (id: string, response: object) =>
  client.rest('POST', `/api/v1/approvals/${id}/respond`, response);

const runOf = async (id: string): Promise<Json> =>
  (await client.graphql('query($id: ID!) { run(id: $id) { status text } }', { id })).data.run;

const finished = (id: string, status = 'COMPLETED') =>
  eventually(async () => {
    const run = await runOf(id);
    return run.status === status && run;
  }, `run ${id} is ${status}`);

it('pauses for a gated tool, and goes on with the modified arguments of the human', async () => {
  stub.next(call({ amount: 10 }));
  stub.next({ text: 'Paid 5.' });
  const paused = await chat('Pay 10.');
  expect(paused.status).toBe(202);
  expect(paused.body).toMatchObject({
    status: 'waiting_approval',
    approval: { status: 'pending', tool_name: 'pay', arguments: { amount: 10 } },
  });
  const answer = await respond(paused.body.approval.id, {
    status: 'approved',
    modified_arguments: { amount: 5 },
  });
  expect(answer.status).toBe(200);
  const run = await finished(paused.body.run_id);
  expect(run.text).toBe('Paid 5.');
  expect(stub.requests.at(-1)!.body.messages.at(-1).content).toBe('{"paid":5,"to":"Bob"}');
});

it('refuses modified arguments that fail the schema, and waits on', async () => {
  stub.next(call({ amount: 10 }));
  const paused = await chat('Pay 10.');
  const { id } = paused.body.approval;
  const refused = await respond(id, { status: 'approved', modified_arguments: { amount: 1000 } });
  expect(refused.status).toBe(422);
  expect((await client.rest('GET', `/api/v1/approvals/${id}`)).body.status).toBe('pending');
  await client.rest('POST', `/api/v1/cancel/${paused.body.run_id}`);
  await finished(paused.body.run_id, 'CANCELLED');
  expect((await client.rest('GET', `/api/v1/approvals/${id}`)).body.status).toBe('cancelled');
});

it('tells the model of a denial, and asks nobody again for the very same call', async () => {
  stub.next(call({ amount: 7 }));
  stub.next(call({ amount: 7 }, 'call_2'));
  stub.next({ text: 'I will not.' });
  const paused = await chat('Pay 7.');
  await respond(paused.body.approval.id, { status: 'denied', reason: 'too much' });
  const run = await finished(paused.body.run_id);
  expect(run.text).toBe('I will not.');
  const told = stub.requests.at(-1)!.body.messages.filter(({ role }: Json) => role === 'tool');
  expect(told[0].content).toMatch(/denied.*too much/);
  expect(told[1].content).toMatch(/already denied/);
});

it('shows the whole story in the stream, approvals even when it is not verbose', async () => {
  stub.next({ ...call({ amount: 3 }) });
  stub.next({ text: 'Done.' });
  const stream = await client.stream('POST', `/api/v1/agent/${agentId}/chat`, body('Pay 3.'));
  const types: string[] = [];
  for await (const { data } of stream) {
    types.push(data.type);
    if (data.type === 'approval_required') await respond(data.content.id, { decision: 'approved' });
  }
  expect(types).toEqual(['start', 'approval_required', 'approval_approved', 'delta', 'end']);
});

it('runs a gated tool directly once it is approved', async () => {
  const direct = await client.rest('POST', `/api/v1/agent/${agentId}/tools/pay/run`, {
    arguments: { amount: 2 },
    conversation_id: `c-${++turn}`,
    message_id: `m-${turn}`,
  });
  expect(direct.status).toBe(202);
  expect(direct.body).toMatchObject({ status: 'waiting_approval', approval: { tool_name: 'pay' } });
  await respond(direct.body.approval.id, { status: 'approved' });
  await finished(direct.body.run_id);
});

it('streams a direct run as start and end of the tool, its own root', async () => {
  const stream = await client.stream('POST', `/api/v1/agent/${agentId}/tools/calculate/run`, {
    arguments: { expression: '2+2' },
    conversation_id: `c-${++turn}`,
    message_id: `m-${turn}`,
    stream: true,
  });
  const events = [];
  for await (const { data } of stream) events.push(data);
  expect(events).toMatchObject([
    {
      type: 'start',
      parent_call_id: null,
      content: { name: 'calculate', role: 'tool', input: '{"expression":"2+2"}' },
    },
    { type: 'end', parent_call_id: null, content: { result: 4 } },
  ]);
  expect(events[0].call_id).toBe(events[0].root_call_id);
});

it('answers a direct run with an idempotency key once', async () => {
  const request = {
    arguments: { expression: '1+1' },
    conversation_id: `c-${++turn}`,
    message_id: `m-${turn}`,
    idempotency_key: 'k1',
  };
  const route = `/api/v1/agent/${agentId}/tools/calculate/run`;
  const first = await client.rest('POST', route, request);
  const second = await client.rest('POST', route, request);
  expect(first.body).toMatchObject({ status: 'completed', result: 2 });
  expect(second.body.call_id).toBe(first.body.call_id);
  const other = await client.rest('POST', route, { ...request, arguments: { expression: '1+2' } });
  expect([other.status, other.body.code]).toEqual([409, 'idempotency_mismatch']);
});

it('refuses arguments that do not fit, and tools that the agent does not have', async () => {
  const run = (tool: string, args: object) =>
    client.rest('POST', `/api/v1/agent/${agentId}/tools/${tool}/run`, {
      arguments: args,
      conversation_id: `c-${++turn}`,
      message_id: `m-${turn}`,
    });
  expect((await run('calculate', {})).status).toBe(422);
  expect((await run('send_email', { to: ['x'] })).status).toBe(404);
});

it('asks the user and goes on with the answer', async () => {
  stub.next({
    toolCalls: [
      {
        id: 'q',
        name: 'ask_user',
        arguments: JSON.stringify({
          questions: [{ id: 'color', text: 'Which?', kind: 'single_choice', options: ['red', 'blue'] }],
        }),
      },
    ],
  });
  stub.next({ text: 'Blue it is.' });
  const paused = await chat('Choose.');
  expect(paused.status).toBe(202);
  expect(paused.body).toMatchObject({
    status: 'waiting_question',
    question: { questions: [{ id: 'color' }] },
  });
  const { id } = paused.body.question;
  expect(
    (await client.rest('POST', `/api/v1/questions/${id}/respond`, { answers: { color: 'green' } })).status,
  ).toBe(422);
  expect(
    (await client.rest('POST', `/api/v1/questions/${id}/respond`, { answers: { color: 'blue' } })).status,
  ).toBe(200);
  await finished(paused.body.run_id);
  expect(stub.requests.at(-1)!.body.messages.at(-1).content).toBe('{"color":"blue"}');
});

it('lets a policy approve in place of a human', async () => {
  await client.graphql(
    'mutation($input: CreateApprovalPolicyInput!) { createApprovalPolicy(input: $input) { id } }',
    {
      input: {
        name: 'small',
        toolNames: ['pay'],
        conditions: [{ path: 'amount', operator: 'LTE', value: 1 }],
      },
    },
  );
  stub.next(call({ amount: 1 }));
  stub.next({ text: 'Paid.' });
  const { status, body: answer } = await chat('Pay 1.');
  expect([status, answer.status]).toEqual([200, 'completed']);
});
