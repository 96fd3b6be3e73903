import { ApprovalStatistics } from '../../src/approvals/statistics';
import { Approvals } from '../../src/approvals/approvals';
import { HumanBus } from '../../src/approvals/bus';
import { expireEverywhere } from '../../src/approvals/expiry';
import { systemClock } from '../../src/ports/clock';
import type { Principal } from '../../src/ports/identity';
import type { TenantStore } from '../../src/ports/stores';
import { Questions } from '../../src/questions/questions';
import { type Json, startTestServer, type TestServer } from '../testkit/server';
import { ask, put, storeOf } from './rows';

const ADA: Principal = { type: 'human', userId: 'ada', tenant: 'agentflow', scopes: [], isAdmin: false };
const ANSWERS = { name: 'Sun', size: 'M', sure: true };

describe('the run that waits', () => {
  let server: TestServer;
  let store: TenantStore;
  let told: string[];
  let logs: Json[];
  let fail: boolean;
  let approvals: Approvals;
  let questions: Questions;

  beforeAll(async () => {
    server = await startTestServer();
    store = await storeOf(server);
  });
  afterAll(() => server.close());
  beforeEach(() => {
    told = [];
    logs = [];
    fail = false;
    const log = (fields: object, message: string) => void logs.push({ ...fields, message });
    const logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
    const common = {
      open: () => Promise.resolve(store),
      clock: systemClock,
      logger,
      onDecided: (_store: TenantStore, rootRunId: string) => {
        told.push(rootRunId);
        return fail ? Promise.reject(new Error('no worker')) : Promise.resolve();
      },
    };
    approvals = new Approvals({ ...common, bus: new HumanBus(), tools: { problems: () => [] } });
    questions = new Questions(common);
  });

  it('is told of each decision once: approved, denied, cancelled, answered', async () => {
    const rows = await Promise.all(
      ['r1', 'r2', 'r3'].map((rootRunId) => ask(store, { rootRunId, runId: 'child' })),
    );
    const question = await put(store, { rootRunId: 'r4' });
    await approvals.respond(ADA, rows[0]!.id, { status: 'approved' });
    await approvals.respond(ADA, rows[0]!.id, { status: 'approved' });
    await approvals.respond(ADA, rows[1]!.id, { status: 'denied' });
    await approvals.cancel(ADA, rows[2]!.id);
    await approvals.cancel(ADA, rows[2]!.id);
    await questions.respond(ADA, { id: question.id, answers: ANSWERS });
    await questions.respond(ADA, { id: question.id, answers: ANSWERS });
    expect(told).toEqual(['r1', 'r2', 'r3', 'r4']);
  });

  it('is told of what has run out, by whoever notices it first', async () => {
    // The end of time comes when this test says so: the server's workers, on their own clock, see nothing run out.
    const late = { ...systemClock, now: () => new Date(Date.now() + 3_600_000) };
    const dependencies = (approvals as Json).dependencies;
    dependencies.clock = late;
    (questions as Json).dependencies.clock = late;
    const read = await ask(store, { rootRunId: 'read' });
    const swept = await ask(store, { rootRunId: 'swept' });
    const question = await put(store, { rootRunId: 'asked' });
    expect((await approvals.get(ADA, read.id)).status).toBe('expired');
    expect(told).toEqual(['read']);
    await expireEverywhere({
      tenants: () => Promise.resolve(['broken', 'agentflow']),
      open: (tenant) => (tenant === 'broken' ? Promise.reject(new Error('away')) : Promise.resolve(store)),
      expire: [(one) => approvals.expireOverdue(one), (one) => questions.expireOverdue(one)],
      logger: dependencies.logger,
    });
    expect(told).toEqual(expect.arrayContaining(['read', 'swept', 'asked']));
    expect(new Set(told).size).toBe(told.length);
    expect((await store.approvals.find(swept.id))?.status).toBe('expired');
    expect((await store.questions.find(question.id))?.status).toBe('expired');
    expect(logs).toContainEqual(expect.objectContaining({ tenant: 'broken' }));
  });

  it('that cannot go on at once does not undo the decision', async () => {
    fail = true;
    const { id } = await ask(store, { rootRunId: 'stuck' });
    await expect(approvals.respond(ADA, id, { status: 'approved' })).resolves.toMatchObject({
      status: 'approved',
    });
    expect(logs).toContainEqual(
      expect.objectContaining({ runId: 'stuck', message: expect.stringContaining('recovery') }),
    );
  });

  it('is expired by one of many workers, and told once', async () => {
    const late = { ...systemClock, now: () => new Date(Date.now() + 7_200_000) };
    (approvals as Json).dependencies.clock = late;
    await Promise.all(Array.from({ length: 150 }, (_, index) => ask(store, { rootRunId: `many-${index}` })));
    const counts = await Promise.all([
      approvals.expireOverdue(store),
      approvals.expireOverdue(store),
      approvals.expireOverdue(store),
    ]);
    const mine = told.filter((id) => id.startsWith('many-'));
    expect(mine).toHaveLength(150);
    expect(new Set(mine).size).toBe(150);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(told.length);
  });

  it('counts the decisions of its user alone', async () => {
    const statistics = new ApprovalStatistics({ open: () => Promise.resolve(store), clock: systemClock });
    const lea: Principal = { ...ADA, userId: 'lea' };
    const { id } = await ask(store, { requestedBy: 'lea', createdAt: new Date(Date.now() - 2_000) });
    await approvals.respond(lea, id, { status: 'approved' });
    const summary = await statistics.summary(lea);
    expect(summary).toMatchObject({ total: 1, approved: 1, approvalRate: 1, oldestPendingAt: null });
    expect(summary.medianDecisionSeconds).toBeGreaterThanOrEqual(2);
  });
});
