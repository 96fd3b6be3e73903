import { ApprovalPolicies } from '../../src/approvals/policies';
import type { Principal } from '../../src/ports/identity';
import { systemClock } from '../../src/ports/clock';
import type { ApprovalRecord } from '../../src/ports/tools';
import type { TenantStore } from '../../src/ports/stores';
import { dataOf, expectGraphQLError, itRefuses, type Refusal } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { ask, gate, storeOf } from './rows';

const FIELDS = 'id name description enabled toolNames agentIds conditions { path operator value } createdBy';
const CREATE = `mutation ($input: CreateApprovalPolicyInput!) { createApprovalPolicy(input: $input) { ${FIELDS} } }`;
const UPDATE = `mutation ($input: UpdateApprovalPolicyInput!) { updateApprovalPolicy(input: $input) { ${FIELDS} } }`;
const DELETE = 'mutation ($id: ID!) { deleteApprovalPolicy(id: $id) { id message } }';
const LIST = 'query { approvalPolicies { id name } }';
const GET = `query ($id: ID!) { approvalPolicy(id: $id) { ${FIELDS} } }`;
const BACK_TEST = `query ($input: BackTestApprovalPolicyInput!) {
  backTestApprovalPolicy(input: $input) {
    since considered truncated wouldApprove agreedWithHuman
    wouldHaveApprovedDeniedCount wouldHaveApprovedDenied { id }
    wouldHaveApprovedModifiedCount wouldHaveApprovedModified { id }
    missedCount missed { id }
  }
}`;

let server: TestServer;
let store: TenantStore;
let ada: Client;
let admin: Client;
let agentId: string;
let used = 0;

beforeAll(async () => {
  server = await startTestServer();
  store = await storeOf(server);
  await gate(store, 'pay');
  await gate(store, 'send_mail');
  ada = await server.as({ user: 'ada' });
  admin = await server.as({ user: 'root', scopes: 'agentflow:admin' });
  agentId = await admin.agentId();
});
afterAll(() => server.close());

const create = async (input: object): Promise<Json> =>
  (await dataOf(admin.graphql(CREATE, { input: { name: `policy ${++used}`, toolNames: ['pay'], ...input } })))
    .createApprovalPolicy;
const remove = (id: string) => dataOf(admin.graphql(DELETE, { id }));
const small = { path: 'amount', operator: 'LTE', value: 100 };

describe('a policy', () => {
  it('is made, read by any member, changed and deleted', async () => {
    const made = await create({
      name: 'small sums',
      description: 'Nobody wants to see these.',
      agentIds: ['MainAgent'],
      conditions: [small],
    });
    expect(made).toEqual({
      id: expect.any(String),
      name: 'small sums',
      description: 'Nobody wants to see these.',
      enabled: true,
      toolNames: ['pay'],
      agentIds: [agentId],
      conditions: [small],
      createdBy: 'root',
    });
    const { id } = made;
    expect((await dataOf(ada.graphql(GET, { id }))).approvalPolicy).toEqual(made);
    const input = { id, description: null, enabled: false, conditions: [] };
    const { updateApprovalPolicy } = await dataOf(admin.graphql(UPDATE, { input }));
    expect(updateApprovalPolicy).toEqual({ ...made, description: null, enabled: false, conditions: [] });
    const { approvalPolicies } = await dataOf(ada.graphql(LIST));
    expect(approvalPolicies).toContainEqual({ id, name: 'small sums' });
    expect((await remove(id)).deleteApprovalPolicy.id).toBe(id);
    expectGraphQLError(await admin.graphql(GET, { id }), 'not_found');
    expectGraphQLError(await admin.graphql(DELETE, { id }), 'not_found');
  });

  it('keeps its name to itself', async () => {
    const one = await create({});
    const two = await create({});
    const taken = { name: one.name, toolNames: ['pay'] };
    expectGraphQLError(await admin.graphql(CREATE, { input: taken }), 'conflict');
    expectGraphQLError(await admin.graphql(UPDATE, { input: { id: two.id, name: one.name } }), 'conflict');
    expect((await store.policies.find(two.id))?.name).toBe(two.name);
    await Promise.all([remove(one.id), remove(two.id)]);
  });

  it('can be changed after its tool and agent are gone', async () => {
    const gone = await gate(store, 'gone');
    const { id } = await create({ toolNames: ['gone'] });
    await store.tools.update(gone.id, 1, { deletedAt: new Date(), nameKey: `gone ${gone.id}` });
    const { updateApprovalPolicy } = await dataOf(admin.graphql(UPDATE, { input: { id, enabled: false } }));
    expect(updateApprovalPolicy).toMatchObject({ enabled: false, toolNames: ['gone'] });
    await remove(id);
  });

  const PRINCIPAL: Principal = {
    type: 'human',
    userId: 'root',
    tenant: 'agentflow',
    scopes: [],
    isAdmin: true,
  };
  const policies = (): ApprovalPolicies =>
    new ApprovalPolicies({ open: () => Promise.resolve(store), clock: systemClock });
  const call = (fields: object) => ({ toolName: 'pay', agentId: 'a', arguments: { amount: 50 }, ...fields });

  it('approves the calls of its tools and agents whose arguments fit, and no others', async () => {
    const { id } = await create({ agentIds: [agentId], conditions: [small] });
    const decide = async (fields: object) =>
      (await policies().decide(store, call({ agentId, ...fields })))?.id;
    expect(await decide({})).toBe(id);
    expect(await decide({ arguments: { amount: 101 } })).toBeUndefined();
    expect(await decide({ arguments: { amount: '50' } })).toBeUndefined();
    expect(await decide({ arguments: {} })).toBeUndefined();
    expect(await decide({ toolName: 'send_mail' })).toBeUndefined();
    expect(await decide({ agentId: 'another' })).toBeUndefined();
    await admin.graphql(UPDATE, { input: { id, enabled: false } });
    expect(await decide({})).toBeUndefined();
    await remove(id);
  });

  it('takes effect, and loses it, at once in the process that changes it', async () => {
    const one = policies();
    expect(await one.decide(store, call({}))).toBeNull();
    const made = await one.create(PRINCIPAL, { name: `policy ${++used}`, toolNames: ['pay'] });
    expect((await one.decide(store, call({})))?.id).toBe(made.id);
    await one.update(PRINCIPAL, made.id, { conditions: [{ path: 'amount', operator: 'gt', value: 60 }] });
    expect(await one.decide(store, call({}))).toBeNull();
    await one.update(PRINCIPAL, made.id, { conditions: [] });
    expect((await one.decide(store, call({})))?.id).toBe(made.id);
    await one.remove(PRINCIPAL, made.id);
    expect(await one.decide(store, call({}))).toBeNull();
  });

  it('of another process is known within two seconds', async () => {
    let now = 1_700_000_000_000;
    const one = new ApprovalPolicies({
      open: () => Promise.resolve(store),
      clock: { ...systemClock, now: () => new Date(now) },
    });
    expect(await one.decide(store, call({}))).toBeNull();
    const { id } = await create({});
    expect(await one.decide(store, call({}))).toBeNull();
    now += 2_000;
    expect((await one.decide(store, call({})))?.id).toBe(id);
    await remove(id);
  });

  it('is asked again after a read that failed', async () => {
    const one = policies();
    const broken = {
      ...store,
      tenant: store.tenant,
      policies: { list: () => Promise.reject(new Error('away')) },
    } as unknown as TenantStore;
    await expect(one.decide(broken, call({}))).rejects.toThrow('away');
    await expect(one.decide(store, call({}))).resolves.toBeNull();
  });
});

describe('a back-test', () => {
  it('says what the rule would have done with what humans decided, and changes nothing', async () => {
    const at = (days: number): Date => new Date(Date.now() - days * 86_400_000);
    const decided = (amount: number, status: 'approved' | 'denied', fields: Partial<ApprovalRecord> = {}) =>
      ask(store, {
        toolName: 'pay',
        arguments: { amount },
        status,
        decidedBy: 'ada',
        createdAt: at(1),
        decidedAt: at(1),
        ...fields,
      });
    await decided(10, 'approved');
    await decided(20, 'approved');
    const denied = await decided(30, 'denied');
    const modified = await decided(40, 'approved', { modifiedArguments: { amount: 4 } });
    const missed = await decided(500, 'approved');
    await decided(600, 'denied');
    await decided(10, 'approved', { toolName: 'send_mail' });
    await decided(10, 'approved', { decidedBy: null, policyId: 'p' });
    await decided(10, 'approved', { kind: 'outcome_unknown' });
    await ask(store, { toolName: 'pay', arguments: { amount: 10 } });
    await ask(store, {
      toolName: 'pay',
      arguments: { amount: 10 },
      status: 'cancelled',
      decidedBy: 'ada',
      decidedAt: at(1),
    });
    await decided(10, 'approved', { createdAt: at(60), decidedAt: at(60) });
    const input = { toolNames: ['pay'], conditions: [small] };
    const { backTestApprovalPolicy } = await dataOf(admin.graphql(BACK_TEST, { input }));
    expect(backTestApprovalPolicy).toEqual({
      since: expect.any(String),
      considered: 6,
      truncated: false,
      wouldApprove: 4,
      agreedWithHuman: 2,
      wouldHaveApprovedDeniedCount: 1,
      wouldHaveApprovedDenied: [{ id: denied.id }],
      wouldHaveApprovedModifiedCount: 1,
      wouldHaveApprovedModified: [{ id: modified.id }],
      missedCount: 1,
      missed: [{ id: missed.id }],
    });
    const older = await dataOf(
      admin.graphql(BACK_TEST, { input: { ...input, since: at(90).toISOString() } }),
    );
    expect(older.backTestApprovalPolicy).toMatchObject({ considered: 7, agreedWithHuman: 3 });
    const others = await dataOf(admin.graphql(BACK_TEST, { input: { ...input, agentIds: [agentId] } }));
    expect(others.backTestApprovalPolicy).toMatchObject({ considered: 0, wouldApprove: 0 });
    expect(await store.policies.list()).toEqual([]);
  });
});

describe('refusals', () => {
  const bad = (name: string, input: object, field: string): Refusal => ({
    name,
    graphql: () => [CREATE, { input: { name: 'bad', toolNames: ['pay'], ...input } }],
    status: 422,
    code: 'validation_failed',
    field,
    client: () => admin,
  });
  const condition = (name: string, fields: object, field: string): Refusal =>
    bad(
      name,
      { conditions: [small, { path: 'amount', operator: 'EQ', value: 1, ...fields }] },
      `conditions.1.${field}`,
    );

  itRefuses(
    () => server,
    [
      bad('an empty name', { name: ' ' }, 'name'),
      bad('an endless name', { name: 'x'.repeat(101) }, 'name'),
      bad('an endless description', { description: 'x'.repeat(2_001) }, 'description'),
      bad('no tools', { toolNames: [] }, 'tool_names'),
      bad('an unknown tool', { toolNames: ['pay', 'nothing'] }, 'tool_names.1'),
      bad('an unknown agent', { agentIds: ['nobody'] }, 'agent_ids.0'),
      bad('21 conditions', { conditions: Array.from({ length: 21 }, () => small) }, 'conditions'),
      condition('an empty path', { path: '' }, 'path'),
      condition('a path with a hole', { path: 'a..b' }, 'path'),
      condition('an endless path', { path: 'x'.repeat(201) }, 'path'),
      condition('IN without a list', { operator: 'IN' }, 'value'),
      condition('NIN with an empty list', { operator: 'NIN', value: [] }, 'value'),
      condition('GT with an object', { operator: 'GT', value: {} }, 'value'),
      condition('EXISTS with a text', { operator: 'EXISTS', value: 'yes' }, 'value'),
      condition('MATCHES with a number', { operator: 'MATCHES', value: 1 }, 'value'),
      condition('an endless pattern', { operator: 'MATCHES', value: '*'.repeat(201) }, 'value'),
      condition('an endless value', { value: 'x'.repeat(10_001) }, 'value'),
      {
        ...bad('a window in the future', {}, 'since'),
        graphql: () => [BACK_TEST, { input: { toolNames: ['pay'], since: '2999-01-01T00:00:00Z' } }],
      },
      {
        ...bad('a back-test of an unknown tool', {}, 'tool_names.0'),
        graphql: () => [BACK_TEST, { input: { toolNames: ['nothing'] } }],
      },
      ...(
        [
          ['making', CREATE, { input: { name: 'x', toolNames: ['pay'] } }],
          ['changing', UPDATE, { input: { id: 'x' } }],
          ['deleting', DELETE, { id: 'x' }],
          ['back-testing', BACK_TEST, { input: { toolNames: ['pay'] } }],
        ] as [string, string, Record<string, unknown>][]
      ).map(([name, query, variables]): Refusal => ({
        name: `${name} a policy without the admin scope`,
        graphql: () => [query, variables],
        status: 403,
        code: 'forbidden',
        client: () => ada,
      })),
    ],
  );

  it('leave nothing behind', async () => {
    expect(await store.policies.list()).toEqual([]);
  });
});
