import type { ApprovalRecord, ToolRecord } from '../../src/ports/tools';
import type { TenantStore } from '../../src/ports/stores';
import { dataOf, expectGraphQLError, expectProblem, itRefuses } from '../testkit/contract';
import { Client, eventually, type Json, startTestServer, type TestServer } from '../testkit/server';
import { ask, gate, put, storeOf } from './rows';

const RESPOND = `mutation ($input: RespondToApprovalInput!) {
  respondToApproval(input: $input) { id status reason modifiedArguments decidedBy decidedAt }
}`;
const BULK = `mutation ($input: RespondToApprovalsInput!) {
  respondToApprovals(input: $input) { results { id ok approval { status } error { code status } } succeeded failed }
}`;
const CANCEL = 'mutation ($id: ID!) { cancelApproval(id: $id) { id message } }';
const PENDING = `query ($page: Int, $pageSize: Int, $toolName: String, $scope: HumanScope) {
  pendingApprovals(page: $page, pageSize: $pageSize, toolName: $toolName, scope: $scope) {
    total page pageSize nextCursor approvals { id }
  }
}`;

let server: TestServer;
let store: TenantStore;
let tool: ToolRecord;
let ada: Client;
let bob: Client;
let admin: Client;

beforeAll(async () => {
  server = await startTestServer();
  store = await storeOf(server);
  tool = await gate(store);
  ada = await server.as({ user: 'ada' });
  bob = await server.as({ user: 'bob' });
  admin = await server.as({ user: 'root', scopes: 'agentflow:admin' });
});
afterAll(() => server.close());

const respond = (id: string, body: unknown, client = ada) =>
  client.rest('POST', `/api/v1/approvals/${id}/respond`, body);
const ids = (body: Json): string[] => body.approvals.map(({ id }: Json) => id);
const past = (): Date => new Date(Date.now() - 1_000);

describe('an approval', () => {
  it('is read whole by its user, over REST and GraphQL', async () => {
    const asked = await ask(store, {
      toolId: tool.id,
      explanation: 'why',
      preview: { before: { count: 0 }, after: { count: 1 } },
    });
    const { status, body } = await ada.rest('GET', `/api/v1/approvals/${asked.id}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: asked.id,
      kind: 'tool',
      status: 'pending',
      tool_id: tool.id,
      tool_name: 'send_mail',
      arguments: { to: 'bob@example.com', count: 1 },
      modified_arguments: null,
      explanation: 'why',
      preview: { before: { count: 0 }, after: { count: 1 } },
      reason: null,
      agent_id: 'agent-1',
      run_id: 'run-1',
      call_id: 'call-1',
      conversation_id: 'conversation-1',
      requested_by: 'ada',
      decided_by: null,
      policy_id: null,
      created_at: asked.createdAt.toISOString(),
      expires_at: asked.expiresAt!.toISOString(),
      decided_at: null,
    });
    const { approval } = await dataOf(
      ada.graphql('query ($id: ID!) { approval(id: $id) { status preview arguments } }', { id: asked.id }),
    );
    expect(approval).toEqual({
      status: 'PENDING',
      preview: { before: { count: 0 }, after: { count: 1 } },
      arguments: { to: 'bob@example.com', count: 1 },
    });
  });

  it('is private to its user, and open to admins of its tenant alone', async () => {
    const { id } = await ask(store);
    expectProblem(await bob.rest('GET', `/api/v1/approvals/${id}`), 404, 'not_found');
    expectProblem(await respond(id, { status: 'approved' }, bob), 404, 'not_found');
    expectProblem(await bob.rest('DELETE', `/api/v1/approvals/${id}`), 404, 'not_found');
    const stranger = await server.as({ tenant: 'other', user: 'root', scopes: 'agentflow:admin' });
    expectProblem(await stranger.rest('GET', `/api/v1/approvals/${id}`), 404, 'not_found');
    const { body } = await respond(id, { status: 'approved' }, admin);
    expect(body).toMatchObject({ status: 'approved', decided_by: 'root', requested_by: 'ada' });
  });

  it('that has run out is expired when it is read', async () => {
    const { id } = await ask(store, { expiresAt: past() });
    const { body } = await ada.rest('GET', `/api/v1/approvals/${id}`);
    expect(body).toMatchObject({ status: 'expired', decided_by: null, decided_at: expect.any(String) });
  });

  it('that nobody reads expires by itself within a few seconds', async () => {
    const { id } = await ask(store, { expiresAt: past() });
    const question = await put(store, { expiresAt: past() });
    await eventually(
      async () => (await store.approvals.find(id))?.status === 'expired',
      'the approval to expire',
      6_000,
    );
    await eventually(
      async () => (await store.questions.find(question.id))?.status === 'expired',
      'the question to expire',
      6_000,
    );
  });
});

describe('the pending list', () => {
  it('shows own approvals that can still be decided, newest first, by pages and by cursor', async () => {
    const cleo = await server.as({ user: 'cleo' });
    const own: ApprovalRecord[] = [];
    for (let index = 0; index < 5; index++)
      own.unshift(await ask(store, { requestedBy: 'cleo', createdAt: new Date(1_700_000_000_000 + index) }));
    await ask(store, { requestedBy: 'cleo', expiresAt: past() });
    await ask(store, { requestedBy: 'cleo', status: 'denied' });
    const all = (await cleo.rest('GET', '/api/v1/approvals/pending')).body;
    expect(all).toMatchObject({ total: 5, page: 1, page_size: 20, next_cursor: null });
    expect(ids(all)).toEqual(own.map(({ id }) => id));
    const first = (await cleo.rest('GET', '/api/v1/approvals/pending?page_size=2')).body;
    const second = (await cleo.rest('GET', '/api/v1/approvals/pending?page_size=2&page=2')).body;
    const after = (
      await cleo.rest('GET', `/api/v1/approvals/pending?page_size=2&cursor=${first.next_cursor}`)
    ).body;
    expect(ids(after)).toEqual(ids(second));
    expect(ids(second)).toEqual([own[2]!.id, own[3]!.id]);
    const { pendingApprovals } = await dataOf(cleo.graphql(PENDING, { page: 3, pageSize: 2 }));
    expect(pendingApprovals).toEqual({
      total: 5,
      page: 3,
      pageSize: 2,
      nextCursor: null,
      approvals: [{ id: own[4]!.id }],
    });
  });

  it('keeps to one tool when asked to', async () => {
    const dora = await server.as({ user: 'dora' });
    await ask(store, { requestedBy: 'dora' });
    const { id } = await ask(store, { requestedBy: 'dora', toolName: 'delete_file' });
    const { body } = await dora.rest('GET', '/api/v1/approvals/pending?tool_name=delete_file');
    expect(ids(body)).toEqual([id]);
    expect(body.total).toBe(1);
  });

  it("shows the tenant's to admins who ask for it", async () => {
    const { id } = await ask(store, { requestedBy: 'eve' });
    const tenant = (await admin.rest('GET', '/api/v1/approvals/pending?scope=tenant')).body;
    expect(ids(tenant)).toContain(id);
    expect(ids((await admin.rest('GET', '/api/v1/approvals/pending')).body)).toEqual([]);
  });
});

describe('responding', () => {
  it.each(['approved', 'denied'])('with %s decides once and for all', async (status) => {
    const { id } = await ask(store);
    const first = await respond(id, { status, reason: 'because' });
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      id,
      status,
      reason: 'because',
      decided_by: 'ada',
      decided_at: expect.any(String),
    });
    const again = await respond(id, { status, reason: 'another reason' });
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first.body);
    const other = status === 'approved' ? 'denied' : 'approved';
    const refused = expectProblem(await respond(id, { status: other }), 409, 'conflict');
    expect(refused.approval).toMatchObject({ id, status, reason: 'because', decided_by: 'ada' });
    expect(refused.detail).toContain(`already ${status}`);
  });

  it('takes `decision` in place of `status`', async () => {
    const { id } = await ask(store);
    expect((await respond(id, { decision: 'denied' })).body.status).toBe('denied');
  });

  it('works over GraphQL, with the first decision in the error of the second', async () => {
    const { id } = await ask(store, { toolId: tool.id });
    const modifiedArguments = { to: 'eve@example.com', count: 3 };
    const { respondToApproval } = await dataOf(
      ada.graphql(RESPOND, { input: { id, status: 'APPROVED', modifiedArguments } }),
    );
    expect(respondToApproval).toMatchObject({ id, status: 'APPROVED', modifiedArguments, decidedBy: 'ada' });
    const extensions = expectGraphQLError(
      await ada.graphql(RESPOND, { input: { id, status: 'DENIED' } }),
      'conflict',
    );
    expect(JSON.stringify(extensions)).toContain('"status":"approved"');
  });

  it('keeps modified arguments, and counts other ones as another decision', async () => {
    const { id } = await ask(store, { toolId: tool.id });
    const body = { status: 'approved', modified_arguments: { to: 'eve@example.com', snake_case: undefined } };
    expect((await respond(id, body)).body.modified_arguments).toEqual({ to: 'eve@example.com' });
    expect((await respond(id, body)).status).toBe(200);
    expectProblem(await respond(id, { status: 'approved' }), 409, 'conflict');
    const other = { status: 'approved', modified_arguments: { to: 'other@example.com' } };
    expectProblem(await respond(id, other), 409, 'conflict');
    expect((await store.approvals.find(id))?.arguments).toEqual({ to: 'bob@example.com', count: 1 });
  });

  it('refuses modified arguments that fail the schema, each by its path, and stays undecided', async () => {
    const { id } = await ask(store, { toolId: tool.id });
    const body = { status: 'approved', modified_arguments: { count: 'many', extra: 1 } };
    const { errors } = expectProblem(await respond(id, body), 422, 'validation_failed');
    expect(errors.map(({ path }: Json) => path).sort()).toEqual([
      'modified_arguments.count',
      'modified_arguments.extra',
      'modified_arguments.to',
    ]);
    expect((await store.approvals.find(id))?.status).toBe('pending');
  });

  it('takes any modified arguments once the tool is removed: the run is told of its absence', async () => {
    const removed = await gate(store, 'short_lived');
    const { id } = await ask(store, { toolId: removed.id });
    await store.tools.update(removed.id, 1, { deletedAt: new Date() });
    const body = { status: 'approved', modified_arguments: { anything: true } };
    expect((await respond(id, body)).body.status).toBe('approved');
  });

  it('after the end is refused with what became of it', async () => {
    const { id } = await ask(store, { expiresAt: past() });
    for (const status of ['approved', 'denied']) {
      const refused = expectProblem(await respond(id, { status }), 409, 'conflict');
      expect(refused.approval).toMatchObject({ status: 'expired', decided_by: null });
    }
  });

  it('lets exactly one of two different decisions win, twenty times', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await ask(store);
      const answers = await Promise.all([
        respond(id, { status: 'approved' }, ada),
        respond(id, { status: 'denied' }, admin),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      const winner = answers.find(({ status }) => status === 200)!.body;
      const loser = answers.find(({ status }) => status === 409)!.body;
      expect(loser.approval).toMatchObject({ status: winner.status, decided_by: winner.decided_by });
      expect((await store.approvals.find(id))?.status).toBe(winner.status);
    }
  });

  it('lets two equal decisions at once both succeed with one result', async () => {
    const { id } = await ask(store);
    const [one, two] = await Promise.all([
      respond(id, { status: 'approved' }, ada),
      respond(id, { status: 'approved' }, admin),
    ]);
    expect([one.status, two.status]).toEqual([200, 200]);
    expect(one.body).toEqual(two.body);
  });
});

describe('cancelling', () => {
  it('takes the request back; repeating it changes nothing', async () => {
    const { id } = await ask(store);
    const first = await ada.rest('DELETE', `/api/v1/approvals/${id}`);
    expect(first.status).toBe(200);
    expect(first.body).toEqual({ id, message: expect.any(String) });
    const stored = await store.approvals.find(id);
    expect(stored).toMatchObject({ status: 'cancelled', decidedBy: 'ada' });
    expect((await ada.rest('DELETE', `/api/v1/approvals/${id}`)).body).toEqual(first.body);
    const { cancelApproval } = await dataOf(ada.graphql(CANCEL, { id }));
    expect(cancelApproval.id).toBe(id);
    expect(await store.approvals.find(id)).toEqual(stored);
    expectProblem(await respond(id, { status: 'approved' }), 409, 'conflict');
  });

  it('is refused once it was decided', async () => {
    const { id } = await ask(store);
    await respond(id, { status: 'denied' });
    const refused = expectProblem(await ada.rest('DELETE', `/api/v1/approvals/${id}`), 409, 'conflict');
    expect(refused.approval.status).toBe('denied');
  });
});

describe('several responses at once', () => {
  it('are decided each for itself, in order', async () => {
    const [one, two, three] = [await ask(store), await ask(store), await ask(store, { requestedBy: 'bob' })];
    const { status, body } = await ada.rest('POST', '/api/v1/approvals/bulk-respond', {
      responses: [
        { id: one.id, status: 'approved', reason: 'fine' },
        { id: two.id, action: 'deny' },
        { id: two.id, action: 'approve' },
        { id: three.id, status: 'approved' },
        { id: one.id },
      ],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ succeeded: 2, failed: 3 });
    expect(body.results).toMatchObject([
      { id: one.id, ok: true, approval: { status: 'approved', reason: 'fine' }, error: null },
      { id: two.id, ok: true, approval: { status: 'denied' }, error: null },
      { id: two.id, ok: false, approval: null, error: { code: 'conflict', status: 409 } },
      { id: three.id, ok: false, approval: null, error: { code: 'not_found', status: 404 } },
      { id: one.id, ok: false, error: { code: 'validation_failed', status: 422 } },
    ]);
  });

  it('work over GraphQL, a hundred of them', async () => {
    const rows = await Promise.all(Array.from({ length: 100 }, () => ask(store)));
    const responses = rows.map(({ id }) => ({ id, action: 'APPROVE' }));
    const { respondToApprovals } = await dataOf(ada.graphql(BULK, { input: { responses } }));
    expect(respondToApprovals).toMatchObject({ succeeded: 100, failed: 0 });
    expect(respondToApprovals.results.map(({ id }: Json) => id)).toEqual(rows.map(({ id }) => id));
  });

  it('are refused as a whole when one does not fit the schema, and nothing is decided', async () => {
    const { id } = await ask(store);
    const responses = [
      { id, status: 'approved' },
      { id: 'x', status: 'maybe' },
    ];
    const answer = await ada.rest('POST', '/api/v1/approvals/bulk-respond', { responses });
    expectProblem(answer, 422, 'validation_failed', 'responses.1.status');
    expect((await store.approvals.find(id))?.status).toBe('pending');
  });
});

describe('counts', () => {
  it('tell of one tool how it was decided and how long that took', async () => {
    const counted = await gate(store, 'counted');
    const fay = await server.as({ user: 'fay' });
    const at = (seconds: number): Date => new Date(1_700_000_000_000 + seconds * 1_000);
    const base = { toolId: counted.id, toolName: 'counted', requestedBy: 'fay', createdAt: at(0) };
    const human = { ...base, decidedBy: 'fay' };
    await ask(store, { ...human, status: 'approved', decidedAt: at(1) });
    await ask(store, { ...human, status: 'approved', decidedAt: at(3) });
    await ask(store, { ...human, status: 'denied', decidedAt: at(8) });
    await ask(store, { ...human, status: 'denied', decidedAt: at(100) });
    await ask(store, { ...human, status: 'cancelled', decidedAt: at(500) });
    await ask(store, { ...base, status: 'approved', policyId: 'p', decidedAt: at(0) });
    await ask(store, { ...base, status: 'expired', decidedAt: at(300) });
    const waiting = await ask(store, base);
    await ask(store, { ...base, requestedBy: 'gus' });
    const expected = {
      tool_id: counted.id,
      tool_name: 'counted',
      total: 8,
      pending: 1,
      approved: 3,
      denied: 2,
      expired: 1,
      cancelled: 1,
      approval_rate: 0.6,
      median_decision_seconds: 5.5,
    };
    for (const reference of [counted.id, 'counted'])
      expect((await fay.rest('GET', `/api/v1/approvals/tools/${reference}/stats`)).body).toEqual(expected);
    const all = (await admin.rest('GET', '/api/v1/approvals/tools/counted/stats?scope=tenant')).body;
    expect(all).toMatchObject({ total: 9, pending: 2 });
    const summary = (await fay.rest('GET', '/api/v1/approvals/dashboard/summary')).body;
    const { tool_id, tool_name, median_decision_seconds, ...rest } = expected;
    const { median_decision_seconds: _median, ...byTool } = expected;
    expect(summary).toEqual({
      ...rest,
      median_decision_seconds,
      by_tool: [byTool],
      oldest_pending_at: waiting.createdAt.toISOString(),
    });
    expect({ tool_id, tool_name }).toEqual({ tool_id: counted.id, tool_name: 'counted' });
  });

  it('are empty, not missing, where nothing was asked', async () => {
    const hal = await server.as({ user: 'hal' });
    expect((await hal.rest('GET', '/api/v1/approvals/dashboard/summary')).body).toEqual({
      total: 0,
      pending: 0,
      approved: 0,
      denied: 0,
      expired: 0,
      cancelled: 0,
      approval_rate: null,
      median_decision_seconds: null,
      by_tool: [],
      oldest_pending_at: null,
    });
    const stats = (await hal.rest('GET', `/api/v1/approvals/tools/${tool.id}/stats`)).body;
    expect(stats).toMatchObject({ total: 0, approval_rate: null, median_decision_seconds: null });
  });
});

describe('cleaning up', () => {
  it('expires at once whatever has run out in the tenant, and says how much', async () => {
    const clean = await storeOf(server, 'cleaned');
    const boss = await server.as({ tenant: 'cleaned', user: 'root', scopes: 'agentflow:admin' });
    const rows = await Promise.all(Array.from({ length: 3 }, () => ask(clean, { expiresAt: past() })));
    const living = await ask(clean);
    const forever = await ask(clean, { expiresAt: null });
    await put(clean, { expiresAt: past() });
    // The workers expire by themselves as well, so that fewer may be left for this request.
    const { status, body } = await boss.rest('POST', '/api/v1/approvals/cleanup-expired');
    expect(status).toBe(200);
    expect(body.expired).toBeLessThanOrEqual(3);
    expect(body.questions_expired).toBeLessThanOrEqual(1);
    for (const { id } of rows) expect((await clean.approvals.find(id))?.status).toBe('expired');
    for (const { id } of [living, forever]) expect((await clean.approvals.find(id))?.status).toBe('pending');
    const again = (await boss.rest('POST', '/api/v1/approvals/cleanup-expired')).body;
    expect(again).toEqual({ expired: 0, questions_expired: 0 });
  });
});

describe('refusals', () => {
  let id: string;
  beforeAll(async () => ({ id } = await ask(store)));
  const route = (): string => `/api/v1/approvals/${id}/respond`;
  const response = (body: object) => (): [string, string, object] => ['POST', route(), body];
  const mutation = (input: object) => (): [string, Record<string, unknown>] => [
    RESPOND,
    { input: { id, ...input } },
  ];
  const asAda = (): Client => ada;
  const bad = { status: 422, code: 'validation_failed', client: asAda };
  const unprocessable = (query: string) => ({
    ...bad,
    rest: (): [string, string] => ['GET', `/api/v1/approvals/pending?${query}`],
  });

  itRefuses(
    () => server,
    [
      { ...bad, name: 'no decision', rest: response({}), field: 'status' },
      { ...bad, name: 'no decision', graphql: mutation({}), field: 'status' },
      { ...bad, name: 'an unknown status', rest: response({ status: 'pending' }), field: 'status' },
      { ...bad, name: 'a status that is no text', rest: response({ status: 1 }), field: 'status' },
      { ...bad, name: 'an unknown decision', rest: response({ decision: 'yes' }), field: 'decision' },
      {
        ...bad,
        name: 'a decision that contradicts the status',
        rest: response({ status: 'approved', decision: 'denied' }),
        graphql: mutation({ status: 'APPROVED', decision: 'DENIED' }),
        field: 'decision',
      },
      {
        ...bad,
        name: 'a reason that is no text',
        rest: response({ status: 'denied', reason: {} }),
        field: 'reason',
      },
      {
        ...bad,
        name: 'an endless reason',
        rest: response({ status: 'denied', reason: 'x'.repeat(2_001) }),
        graphql: mutation({ status: 'DENIED', reason: 'x'.repeat(2_001) }),
        field: 'reason',
      },
      {
        ...bad,
        name: 'modified arguments with a denial',
        rest: response({ status: 'denied', modified_arguments: {} }),
        graphql: mutation({ status: 'DENIED', modifiedArguments: {} }),
        field: 'modified_arguments',
      },
      {
        ...bad,
        name: 'modified arguments that are a list',
        rest: response({ status: 'approved', modified_arguments: [] }),
        graphql: mutation({ status: 'APPROVED', modifiedArguments: [] }),
        field: 'modified_arguments',
      },
      {
        name: 'a body that is no JSON',
        rest: () => ['POST', route(), '{'],
        status: 400,
        code: 'bad_request',
        client: asAda,
      },
      {
        name: 'an unknown approval',
        rest: () => ['POST', '/api/v1/approvals/nothing/respond', { status: 'approved' }],
        graphql: () => [RESPOND, { input: { id: 'nothing', status: 'APPROVED' } }],
        status: 404,
        code: 'not_found',
        client: asAda,
      },
      {
        name: 'cancelling an unknown approval',
        rest: () => ['DELETE', '/api/v1/approvals/nothing'],
        graphql: () => [CANCEL, { id: 'nothing' }],
        status: 404,
        code: 'not_found',
        client: asAda,
      },
      {
        name: 'the counts of an unknown tool',
        rest: () => ['GET', '/api/v1/approvals/tools/nothing/stats'],
        graphql: () => ['query { toolApprovalStats(toolId: "nothing") { total } }'],
        status: 404,
        code: 'not_found',
        client: asAda,
      },
      { ...unprocessable('page=0'), name: 'page 0', field: /page$/ },
      { ...unprocessable('page=x'), name: 'a page that is no number', field: /page$/ },
      { ...unprocessable('page_size=101'), name: 'a page of 101', field: /page_size$/ },
      { ...unprocessable('cursor=nonsense'), name: 'a made-up cursor', field: /cursor$/ },
      { ...unprocessable('scope=all'), name: 'an unknown scope', field: /scope$/ },
      {
        ...bad,
        name: 'page 0',
        graphql: () => [PENDING, { page: 0 }],
        field: 'page',
      },
      {
        ...bad,
        name: 'a page of 101',
        graphql: () => [PENDING, { pageSize: 101 }],
        field: 'page_size',
      },
      {
        ...bad,
        name: 'no responses',
        rest: () => ['POST', '/api/v1/approvals/bulk-respond', { responses: [] }],
        graphql: () => [BULK, { input: { responses: [] } }],
        field: 'responses',
      },
      {
        ...bad,
        name: '101 responses',
        rest: () => [
          'POST',
          '/api/v1/approvals/bulk-respond',
          { responses: Array.from({ length: 101 }, () => ({ id: 'x', status: 'denied' })) },
        ],
        graphql: () => [
          BULK,
          { input: { responses: Array.from({ length: 101 }, () => ({ id: 'x', status: 'DENIED' })) } },
        ],
        field: 'responses',
      },
      ...(
        [
          ['GET', '/api/v1/approvals/pending?scope=tenant'],
          ['GET', '/api/v1/approvals/dashboard/summary?scope=tenant'],
          ['GET', '/api/v1/approvals/tools/send_mail/stats?scope=tenant'],
          ['POST', '/api/v1/approvals/cleanup-expired'],
        ] as [string, string][]
      ).map(([method, path]) => ({
        name: `${method} ${path} without the admin scope`,
        rest: (): [string, string] => [method, path],
        status: 403,
        code: 'forbidden',
        client: asAda,
      })),
      ...(
        [
          ['GET', '/api/v1/approvals/pending'],
          ['GET', '/api/v1/approvals/x'],
          ['DELETE', '/api/v1/approvals/x'],
          ['POST', '/api/v1/approvals/x/respond', { status: 'approved' }],
          ['POST', '/api/v1/approvals/bulk-respond', { responses: [{ id: 'x', status: 'approved' }] }],
          ['GET', '/api/v1/approvals/tools/x/stats'],
          ['GET', '/api/v1/approvals/dashboard/summary'],
          ['POST', '/api/v1/approvals/cleanup-expired'],
        ] as [string, string, object?][]
      ).map(([method, path, body]) => ({
        name: `${method} ${path} with a broken token`,
        rest: (): [string, string, object?] => [method, path, body],
        status: 401,
        code: 'unauthenticated',
        client: () => new Client(server.url, 'broken'),
      })),
    ],
  );
});
