import { eventually, type Json, type ServerProcess } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { buildProgram, embeddedServer, temporaryFolder } from './kit';

let stub: StubProvider;
let server: ServerProcess;
const folder = temporaryFolder();

const start = (): Promise<ServerProcess> =>
  embeddedServer(folder.path, { OPENAI_BASE_URL: stub.url, OPENAI_API_KEY: 'test' });

beforeAll(async () => {
  buildProgram();
  stub = await startStubProvider();
  server = await start();
  const { status } = await server.client.rest('POST', '/api/v1/agent/ResearchAgent/tools', {
    name: 'pay',
    description: 'Pays.',
    function_code: 'function pay(amount = 0) { return `paid ${amount}`; }',
    require_approval: true,
  });
  expect(status).toBe(200);
}, 120_000);

afterAll(async () => {
  await server?.stop('SIGKILL');
  await stub?.close();
  folder.remove();
});

async function killAndRestart(): Promise<void> {
  await server.stop('SIGKILL');
  server = await start();
}

const rest = (method: string, route: string, body?: unknown) => server.client.rest(method, route, body);

const chat = (agent: string, conversation: string): Promise<{ status: number; body: Json }> =>
  rest('POST', `/api/v1/agent/${agent}/chat`, {
    message: 'Go.',
    conversation_id: conversation,
    message_id: 'm',
    stream: false,
  });

const ended = (id: string): Promise<Json> =>
  eventually(async () => {
    const query = 'query($id: ID!) { run(id: $id) { status text output error { code } } }';
    const { run } = (await server.client.graphql(query, { id })).data;
    return !/RUNNING|WAITING|CANCELLING/.test(run.status) && run;
  }, `run ${id} ends`);

const call = (name: string, args: object) => ({
  toolCalls: [{ id: `call-${name}`, name, arguments: JSON.stringify(args) }],
});

describe('a server that was killed while a run waited', () => {
  it('goes on after an approval with changed arguments', async () => {
    stub.next(call('pay', { amount: 5 }));
    const waiting = await chat('ResearchAgent', 'plain');
    expect(waiting.status).toBe(202);
    await killAndRestart();
    stub.next({ text: 'Paid.' });
    const { id } = waiting.body.approval;
    await rest('POST', `/api/v1/approvals/${id}/respond`, {
      status: 'approved',
      modified_arguments: { amount: 4 },
    });
    expect(await ended(waiting.body.run_id)).toMatchObject({ status: 'COMPLETED', text: 'Paid.' });
    expect(stub.requests.at(-1)!.body.messages.at(-1).content).toBe('paid 4');
  });

  it('goes on inside a sub-agent', async () => {
    stub.next(call('ResearchAgent', { message: 'Pay 7.' }));
    stub.next(call('pay', { amount: 7 }));
    const waiting = await chat('MainAgent', 'nested');
    expect(waiting.status).toBe(202);
    await killAndRestart();
    stub.next({ text: 'I paid 7.' });
    stub.next({ text: 'It is paid.' });
    await rest('POST', `/api/v1/approvals/${waiting.body.approval.id}/respond`, { status: 'approved' });
    expect(await ended(waiting.body.run_id)).toMatchObject({ status: 'COMPLETED', text: 'It is paid.' });
    expect(stub.requests.at(-1)!.body.messages.at(-1).content).toBe('I paid 7.');
  });

  it('goes on with the answer to a question', async () => {
    stub.next(call('ask_user', { question: 'Which colour?' }));
    const waiting = await chat('ResearchAgent', 'question');
    expect(waiting.status).toBe(202);
    await killAndRestart();
    stub.next({ text: 'Blue, then.' });
    const { id } = waiting.body.question;
    const answer = await rest('POST', `/api/v1/questions/${id}/respond`, { answers: { q1: 'blue' } });
    expect(answer.status).toBe(200);
    expect(await ended(waiting.body.run_id)).toMatchObject({ status: 'COMPLETED', text: 'Blue, then.' });
  });

  it('runs a tool directly once it is approved, and not when it is denied', async () => {
    const run = (conversation: string) =>
      rest('POST', '/api/v1/agent/ResearchAgent/tools/pay/run', {
        arguments: { amount: 1 },
        conversation_id: conversation,
        message_id: 'm',
      });
    const [approved, denied] = [await run('direct-1'), await run('direct-2')];
    await killAndRestart();
    await rest('POST', '/api/v1/approvals/bulk-respond', {
      responses: [
        { id: approved.body.approval.id, status: 'approved' },
        { id: denied.body.approval.id, status: 'denied' },
      ],
    });
    expect(await ended(approved.body.run_id)).toMatchObject({ status: 'COMPLETED', output: 'paid 1' });
    expect(await ended(denied.body.run_id)).toMatchObject({
      status: 'FAILED',
      error: { code: 'approval_denied' },
    });
  });

  it('cancels, and deletes the conversation', async () => {
    stub.next(call('pay', { amount: 9 }));
    const cancelled = await chat('ResearchAgent', 'cancelled');
    stub.next(call('pay', { amount: 9 }));
    const deleted = await chat('ResearchAgent', 'deleted');
    await killAndRestart();
    await rest('POST', `/api/v1/cancel/${cancelled.body.call_id}`);
    expect(await ended(cancelled.body.run_id)).toMatchObject({ status: 'CANCELLED' });
    const approval = await rest('GET', `/api/v1/approvals/${cancelled.body.approval.id}`);
    expect(approval.body.status).toBe('cancelled');
    expect((await rest('DELETE', '/api/v1/conversations/deleted')).status).toBe(200);
    expect((await rest('GET', `/api/v1/approvals/${deleted.body.approval.id}`)).status).toBe(404);
  });

  it('tells the model that the time ran out while the server was down', async () => {
    await rest('PUT', '/api/v1/agent/ResearchAgent/tools/pay/approval', {
      enabled: true,
      timeout_seconds: 1,
    });
    stub.next(call('pay', { amount: 3 }));
    const waiting = await chat('ResearchAgent', 'late');
    stub.next({ text: 'Nobody answered.' });
    await killAndRestart();
    expect(await ended(waiting.body.run_id)).toMatchObject({ status: 'COMPLETED', text: 'Nobody answered.' });
    expect(stub.requests.at(-1)!.body.messages.at(-1).content).toMatch(/in time/);
  });
});
