import type { Principal } from '../../src/ports/identity';
import { dataOf } from '../testkit/contract';
import { eventually, type EventStream, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';

const REQUESTED = 'subscription { approvalRequested { id status toolName arguments } }';
const RESOLVED = 'subscription { approvalResolved { id status reason decidedBy } }';
const ASKED = 'subscription { questionAsked { id questions { id kind } } }';
const RESPOND = `mutation ($input: RespondToApprovalInput!) {
  respondToApproval(input: $input) { status modifiedArguments }
}`;

const principal: Principal = {
  type: 'local_dev',
  userId: 'local-dev',
  tenant: 'agentflow',
  scopes: [],
  isAdmin: true,
};

describe('a run that waits for a human', () => {
  let server: TestServer;
  let stub: StubProvider;
  let agentId: string;
  let used = 0;

  beforeAll(async () => {
    stub = await startStubProvider();
    stub.default({ text: 'Done.' });
    server = await startTestServer({ OPENAI_BASE_URL: stub.url, OPENAI_API_KEY: 'test' });
    agentId = await server.dev.agentId('ResearchAgent');
    await register('pay', 300);
  }, 60_000);
  afterAll(async () => {
    await server?.close();
    await stub.close();
  });

  const register = (name: string, approvalTimeoutSeconds: number) =>
    server.application.services.tools.register(principal, agentId, {
      name,
      description: 'Pays an amount.',
      functionCode: `function ${name}(amount) { return { paid: amount }; }`,
      argsSchema: { type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'] },
      requireApproval: true,
      approvalTimeoutSeconds,
    });

  /** A chat whose model calls a tool, paused for the human. */
  async function pause(name = 'pay', args: object = { amount: 10 }): Promise<Json> {
    stub.next({ toolCalls: [{ id: `call_${++used}`, name, arguments: JSON.stringify(args) }] });
    const { status, body } = await server.dev.rest('POST', `/api/v1/agent/${agentId}/chat`, {
      message: 'Do it.',
      conversation_id: `w-${used}`,
      message_id: `m-${used}`,
      stream: false,
    });
    expect(status).toBe(202);
    return body;
  }

  const ended = (id: string) =>
    eventually(async () => {
      const { run } = await dataOf(
        server.dev.graphql('query ($id: ID!) { run(id: $id) { status text } }', { id }),
      );
      return ['COMPLETED', 'FAILED', 'CANCELLED'].includes(run.status) && run;
    }, `the end of run ${id}`);

  /** The first event that fits, from a subscription over server-sent events. */
  async function next(stream: EventStream, fits: (row: Json) => boolean): Promise<Json> {
    const rowOf = (data: Json): Json => Object.values<Json>(data?.data ?? {})[0];
    const events = await stream.until(({ data }) => fits(rowOf(data) ?? {}));
    return rowOf(events.at(-1)!.data);
  }

  const toldModel = (): Json => stub.requests.at(-1)!.body.messages.at(-1).content;

  it('is announced, decided over GraphQL with other arguments, and goes on with them', async () => {
    const requested = await server.dev.subscribe(REQUESTED);
    const resolved = await server.dev.subscribe(RESOLVED);
    const { run_id: runId, approval } = await pause();
    expect(await next(requested, ({ id }) => id === approval.id)).toEqual({
      id: approval.id,
      status: 'PENDING',
      toolName: 'pay',
      arguments: { amount: 10 },
    });
    const input = { id: approval.id, status: 'APPROVED', modifiedArguments: { amount: 7 } };
    await dataOf(server.dev.graphql(RESPOND, { input }));
    expect(await next(resolved, ({ id }) => id === approval.id)).toMatchObject({
      status: 'APPROVED',
      decidedBy: 'local-dev',
    });
    expect(await ended(runId)).toEqual({ status: 'COMPLETED', text: 'Done.' });
    expect(toldModel()).toBe('{"paid":7}');
  });

  it('that is cancelled withdraws its approval, and says so to subscribers', async () => {
    const resolved = await server.dev.subscribe(RESOLVED);
    const { run_id: runId, approval } = await pause();
    await server.dev.rest('POST', `/api/v1/cancel/${runId}`);
    expect(await next(resolved, ({ id }) => id === approval.id)).toMatchObject({ status: 'CANCELLED' });
    const late = await server.dev.rest('POST', `/api/v1/approvals/${approval.id}/respond`, {
      status: 'approved',
    });
    expect(late.status).toBe(409);
  });

  it('goes on without the call when its approval is taken back', async () => {
    const { run_id: runId, approval } = await pause();
    expect((await server.dev.rest('DELETE', `/api/v1/approvals/${approval.id}`)).status).toBe(200);
    expect((await ended(runId)).status).toBe('COMPLETED');
    expect(toldModel()).not.toContain('"paid"');
  });

  it('goes on without the call soon after the time has run out', async () => {
    await register('pay_quickly', 1);
    const { run_id: runId, approval } = await pause('pay_quickly');
    expect((await ended(runId)).status).toBe('COMPLETED');
    expect(toldModel()).not.toContain('"paid"');
    const { body } = await server.dev.rest('GET', `/api/v1/approvals/${approval.id}`);
    expect(body).toMatchObject({ status: 'expired', decided_by: null });
  });

  it('gets a failed call when the tool was removed meanwhile', async () => {
    await register('pay_once', 300);
    const { run_id: runId, approval } = await pause('pay_once');
    const tool = await server.application.database.store('agentflow').tools.findByName('pay_once');
    await server.application.services.tools.remove(principal, { agentId }, tool!.id);
    const answer = await server.dev.rest('POST', `/api/v1/approvals/${approval.id}/respond`, {
      status: 'approved',
      modified_arguments: { amount: 1 },
    });
    expect(answer.status).toBe(200);
    expect((await ended(runId)).status).toBe('COMPLETED');
    expect(toldModel()).not.toContain('"paid"');
  });

  it('announces its questions', async () => {
    const asked = await server.dev.subscribe(ASKED);
    const { question } = await pause('ask_user', { question: 'Which colour?' });
    expect(await next(asked, ({ id }) => id === question.id)).toMatchObject({
      questions: [{ kind: 'TEXT' }],
    });
  });
});
