import { type Client as SseClient, createClient } from 'graphql-sse';
import type { ApprovalRecord } from '../../src/ports/tools';
import type { TenantStore } from '../../src/ports/stores';
import { eventually, type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { ask, put, storeOf } from './rows';

const subscription = (field: string): string =>
  `subscription ($after: DateTime, $scope: HumanScope) { ${field}(after: $after, scope: $scope) { id status createdAt } }`;
const REQUESTED = subscription('approvalRequested');
const RESOLVED = subscription('approvalResolved');
const ASKED = subscription('questionAsked');

/** A subscription as a client sees it. */
interface Followed {
  /** What came so far: `status id`. */
  readonly seen: string[];
  readonly errors: Json[];
  has(...entries: string[]): Promise<void>;
  end(): void;
}

describe('subscriptions', () => {
  let server: TestServer;
  let store: TenantStore;
  let ada: Client;
  const clients: SseClient[] = [];

  beforeAll(async () => {
    server = await startTestServer();
    store = await storeOf(server);
    ada = await server.as({ user: 'ada' });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.dispose();
  });
  afterAll(() => server.close());

  async function follow(
    query: string,
    variables: Record<string, unknown> = {},
    user: { user?: string; tenant?: string; scopes?: string } = { user: 'ada' },
  ): Promise<Followed> {
    const token = await server.token(user);
    let connected!: () => void;
    const connection = new Promise<void>((resolve) => (connected = resolve));
    const client = createClient({
      url: `${server.url}/graphql`,
      retryAttempts: 0,
      headers: { authorization: `Bearer ${token}` },
      on: { connected: () => connected() },
    });
    clients.push(client);
    const seen: string[] = [];
    const errors: Json[] = [];
    const end = client.subscribe<Record<string, Json>>(
      { query, variables },
      {
        next: ({ data, errors: found }) => {
          if (found) errors.push(...found);
          for (const row of Object.values(data ?? {}))
            if (row) seen.push(`${row.status as string} ${row.id as string}`);
        },
        error: (error) => errors.push(error),
        complete: () => undefined,
      },
    );
    await connection;
    return {
      seen,
      errors,
      end,
      has: async (...entries) => {
        await eventually(
          async () => entries.every((entry) => seen.includes(entry)),
          `${entries.join(', ')} to come; came: ${seen.join(', ')}`,
          8_000,
        );
      },
    };
  }

  const publish = (approval: ApprovalRecord): void =>
    (server.application as Json).services.humanFeed.dependencies.bus.publish('agentflow', {
      kind: 'requested',
      approval,
    });
  const respond = (id: string, status: string, client = ada) =>
    client.rest('POST', `/api/v1/approvals/${id}/respond`, { status });

  it('show what this process asks for, once, though the database is watched as well', async () => {
    const followed = await follow(REQUESTED);
    const rows = [await ask(store), await ask(store)];
    for (const row of rows) publish(row);
    await followed.has(...rows.map(({ id }) => `PENDING ${id}`));
    // What another process stores comes with a later look at the database, which would show the first ones again.
    const last = await ask(store);
    await followed.has(`PENDING ${last.id}`);
    expect(followed.seen).toEqual([...rows, last].map(({ id }) => `PENDING ${id}`));
  });

  it('show what other processes ask for and decide, within seconds', async () => {
    const requested = await follow(REQUESTED);
    const asked = await follow(ASKED);
    const resolved = await follow(RESOLVED);
    const approval = await ask(store);
    const question = await put(store);
    await requested.has(`PENDING ${approval.id}`);
    await asked.has(`PENDING ${question.id}`);
    // As the cancelling of a run does it: no service is told.
    await store.approvals.decide(approval.id, { status: 'cancelled', decidedAt: new Date() });
    await resolved.has(`CANCELLED ${approval.id}`);
  });

  it('show every end of an approval, once', async () => {
    const resolved = await follow(RESOLVED);
    const [approved, denied, cancelled, expired] = await Promise.all([
      ask(store),
      ask(store),
      ask(store),
      ask(store, { expiresAt: new Date() }),
    ]);
    await respond(approved.id, 'approved');
    await respond(denied.id, 'denied');
    await ada.rest('DELETE', `/api/v1/approvals/${cancelled.id}`);
    const policy = await ask(store, { status: 'approved', policyId: 'p', decidedAt: new Date() });
    await resolved.has(
      `APPROVED ${approved.id}`,
      `DENIED ${denied.id}`,
      `CANCELLED ${cancelled.id}`,
      `EXPIRED ${expired.id}`,
      `APPROVED ${policy.id}`,
    );
    expect(new Set(resolved.seen).size).toBe(resolved.seen.length);
  });

  it('show nothing of others, but to admins who ask for the tenant', async () => {
    const bob = await follow(REQUESTED, {}, { user: 'bob' });
    const root = { user: 'root', scopes: 'agentflow:admin' };
    const own = await follow(REQUESTED, {}, root);
    const tenant = await follow(REQUESTED, { scope: 'TENANT' }, root);
    const elsewhere = await follow(REQUESTED, { scope: 'TENANT' }, { ...root, tenant: 'elsewhere' });
    const hers = await ask(store);
    const his = await ask(store, { requestedBy: 'bob' });
    for (const row of [hers, his]) publish(row);
    await bob.has(`PENDING ${his.id}`);
    await tenant.has(`PENDING ${hers.id}`, `PENDING ${his.id}`);
    expect(bob.seen).toEqual([`PENDING ${his.id}`]);
    expect(own.seen).toEqual([]);
    expect(elsewhere.seen).toEqual([]);
  });

  it('refuse the tenant to anybody else', async () => {
    const followed = await follow(REQUESTED, { scope: 'TENANT' }, { user: 'bob' });
    await eventually(async () => followed.errors.length > 0, 'the refusal');
    expect(JSON.stringify(followed.errors)).toContain('forbidden');
  });

  it('go on after a break where the client stopped, by the time of its last event', async () => {
    const user = { user: 'ida' };
    const base = { requestedBy: 'ida' };
    const old = await ask(store, { ...base, createdAt: new Date(Date.now() - 60_000) });
    const followed = await follow(REQUESTED, {}, user);
    const first = await ask(store, base);
    publish(first);
    await followed.has(`PENDING ${first.id}`);
    followed.end();
    const [missed, decided] = [await ask(store, base), await ask(store, base)];
    await store.approvals.decide(decided.id, { status: 'denied', decidedAt: new Date() });
    const again = await follow(REQUESTED, { after: first.createdAt.toISOString() }, user);
    await again.has(`PENDING ${missed.id}`, `DENIED ${decided.id}`);
    const live = await ask(store, base);
    publish(live);
    await again.has(`PENDING ${live.id}`);
    expect(again.seen.join()).not.toContain(old.id);
    expect(new Set(again.seen).size).toBe(again.seen.length);
    const questions = await put(store, base);
    const asked = await follow(ASKED, { after: questions.createdAt.toISOString() }, user);
    await asked.has(`PENDING ${questions.id}`);
  });

  it('serve a reader that falls behind from the database, and lose nothing', async () => {
    const feed = server.application.services.humanFeed;
    const principal = {
      type: 'human',
      userId: 'kim',
      tenant: 'agentflow',
      scopes: [],
      isAdmin: false,
    } as const;
    const stream = await feed.requested(principal, {});
    const rows = await Promise.all(Array.from({ length: 1_200 }, () => ask(store, { requestedBy: 'kim' })));
    for (const row of rows) publish(row);
    const seen = new Set<string>();
    while (seen.size < rows.length) {
      const { value } = (await stream.next()) as { value: ApprovalRecord };
      expect(seen.has(value.id)).toBe(false);
      seen.add(value.id);
    }
    expect(seen).toEqual(new Set(rows.map(({ id }) => id)));
    await stream.return!();
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
  });
});
