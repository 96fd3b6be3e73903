import { dataOf, expectGraphQLError, expectProblem } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ LOG_LEVEL: 'info' });
});
afterAll(() => server.close());

const agentsOf = async (client: Client): Promise<Json[]> => (await client.rest('GET', '/api/v1/agents')).body;

describe('a tenant seen for the first time', () => {
  it('is provisioned once, however many requests come first together', async () => {
    const client = await server.as({ tenant: 'fresh', user: 'ada' });
    const lists = await Promise.all(Array.from({ length: 20 }, () => agentsOf(client)));
    const [first] = lists;
    expect(first).toHaveLength(7);
    for (const list of lists) expect(list).toEqual(first);
    const provisioned = server.logs.filter(
      ({ message, tenant }) => message === 'tenant provisioned' && tenant === 'fresh',
    );
    expect(provisioned).toHaveLength(1);
    expect((await agentsOf(client)).map(({ id }) => id)).toEqual(first!.map(({ id }) => id));
  });

  it('can chat with its first request', async () => {
    const client = await server.as({ tenant: 'chatty', user: 'ada' });
    const body = { message: 'Hi', conversation_id: 'c', message_id: 'm', stream: false };
    const main = await client.agentId();
    expect((await client.rest('POST', `/api/v1/agent/${main}/chat`, body)).body.status).toBe('completed');
  });
});

describe('two tenants', () => {
  let acme: Client;
  let globex: Client;
  let agent: string;
  let run: Json;
  beforeAll(async () => {
    // The same user name in both: only the tenant differs.
    acme = await server.as({ tenant: 'acme', user: 'ada', scopes: 'agentflow:admin' });
    globex = await server.as({ tenant: 'globex', user: 'ada', scopes: 'agentflow:admin' });
    const input = { name: 'Secret', description: 'd', system_prompt: 'p' };
    const main = await acme.agentId();
    agent = (await acme.rest('POST', `/api/v1/agent/${main}/subagents`, input)).body.id;
    const body = { message: 'Hi', conversation_id: 'shared-name', message_id: 'm', stream: false };
    run = (await acme.rest('POST', `/api/v1/agent/${agent}/chat`, body)).body;
  });

  it('have built-in agents of their own', async () => {
    const ids = (agents: Json[]): string[] => agents.map(({ id }) => id);
    const [ours, theirs] = [ids(await agentsOf(acme)), ids(await agentsOf(globex))];
    expect(ours.filter((id) => theirs.includes(id))).toEqual([]);
    const changed = await acme.rest('PATCH', `/api/v1/agent/${ours[0]!}/config`, { description: 'Ours' });
    expect(changed.status).toBe(200);
    expect((await agentsOf(globex))[0]!.description).not.toBe('Ours');
  });

  it('do not see each other’s agents, not even as admin', async () => {
    expectProblem(await globex.rest('GET', `/api/v1/agent/${agent}`), 404, 'not_found');
    expectProblem(await globex.rest('DELETE', `/api/v1/agent/${agent}`), 404, 'not_found');
    expectProblem(
      await globex.rest('PATCH', `/api/v1/agent/${agent}/config`, { description: 'x' }),
      404,
      'not_found',
    );
    const all = (await globex.rest('GET', '/api/v1/agents?include_hidden=true')).body;
    expect(all.map(({ name }: Json) => name)).not.toContain('Secret');
    expectGraphQLError(
      await globex.graphql('query ($id: ID!) { agent(id: $id) { id } }', { id: agent }),
      'not_found',
    );
  });

  it('do not see each other’s conversations and runs', async () => {
    for (const view of ['', '/messages', '/timeline', '/runs', '/stream'])
      expectProblem(await globex.rest('GET', `/api/v1/conversations/shared-name${view}`), 404, 'not_found');
    expect((await globex.rest('GET', '/api/v1/conversations')).body.total).toBe(0);
    expect((await globex.rest('GET', '/api/v1/conversations/search?query=Hi')).body.total).toBe(0);
    expectProblem(await globex.rest('POST', `/api/v1/cancel/${run.call_id}`), 404, 'not_found');
    expectGraphQLError(
      await globex.graphql('query ($id: ID!) { run(id: $id) { id } }', { id: run.run_id }),
      'not_found',
    );
    const { activeCalls } = await dataOf(globex.graphql('{ activeCalls(scope: TENANT) { total } }'));
    expect(activeCalls.total).toBe(0);
  });

  it('may use one conversation id each', async () => {
    const main = await globex.agentId();
    const body = { message: 'Other', conversation_id: 'shared-name', message_id: 'm', stream: false };
    expect((await globex.rest('POST', `/api/v1/agent/${main}/chat`, body)).body.status).toBe('completed');
    const messages = async (client: Client): Promise<string> =>
      (await client.rest('GET', '/api/v1/conversations/shared-name/messages')).body.messages[0].content;
    expect([await messages(acme), await messages(globex)]).toEqual(['Hi', 'Other']);
  });

  it('keep idempotency keys and statistics apart', async () => {
    const key = { 'idempotency-key': 'same-key' };
    const make = async (client: Client): Promise<Json> =>
      client.rest('POST', '/api/v1/conversations', { agent_id: await client.agentId() }, key);
    const [ours, theirs] = [await make(acme), await make(globex)];
    expect([ours.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.body.conversation.id).not.toBe(ours.body.conversation.id);
    const stats = (await globex.rest('GET', '/api/v1/agents/stats')).body;
    expect(stats).toMatchObject({ total: 8, dynamic: 0 });
  });

  it('cannot be chosen by a header, a query or a body', async () => {
    const { body } = await globex.rest('GET', '/api/v1/agents?tenant=acme', undefined, {
      'snc-tenant': 'acme',
      'snc-userid': 'ada',
    });
    expect(body.map(({ name }: Json) => name)).not.toContain('Secret');
  });
});

describe('two users of one tenant', () => {
  it('share agents, and keep idempotency keys and conversations to themselves', async () => {
    const [ada, bob] = [await server.as({ user: 'ada' }), await server.as({ user: 'bob' })];
    const main = await ada.agentId();
    expect(await bob.agentId()).toBe(main);
    const key = { 'idempotency-key': 'per-user' };
    const [ours, theirs] = [
      await ada.rest('POST', '/api/v1/conversations', { agent_id: main }, key),
      await bob.rest('POST', '/api/v1/conversations', { agent_id: main }, key),
    ];
    expect(theirs.body.conversation.id).not.toBe(ours.body.conversation.id);
    expectProblem(
      await bob.rest('GET', `/api/v1/conversations/${ours.body.conversation.id}`),
      404,
      'not_found',
    );
  });
});
