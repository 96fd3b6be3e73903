import { dataOf, expectGraphQLError, expectProblem } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';

const UPDATE =
  'mutation ($input: UpdateToolInput!) { updateTool(input: $input) { id requireApproval version } }';
const REGISTER =
  'mutation ($input: RegisterToolInput!) { registerTool(input: $input) { id requireApproval } }';
const GATE =
  'mutation ($input: ConfigureToolApprovalInput!) { configureToolApproval(input: $input) { id requireApproval } }';
const GOLDEN =
  'mutation ($input: SetGoldenQueriesInput!) { setGoldenQueries(input: $input) { goldenQueries { query } } }';

let server: TestServer;
let admin: Client;
let maker: Client;
let other: Client;
let machine: Client;
let main: string;
let used = 0;

beforeAll(async () => {
  server = await startTestServer({ AGENTFLOW_ALLOW_PRIVATE_URLS: 'true' });
  [admin, maker, other, machine] = await Promise.all([
    server.as({ user: 'root', scopes: 'agentflow:admin' }),
    server.as({ user: 'ada' }),
    server.as({ user: 'bob' }),
    server.as({ user: 'robot', scopes: 'agentflow:admin', type: 'machine' }),
  ]);
  main = await maker.agentId();
});
afterAll(() => server.close());

const at = (rest = '', agent = main): string => `/api/v1/agent/${agent}/tools${rest}`;
const CODE = (): string => `function pay(amount) { return amount + ${++used}; }`;

async function tool(more: Json = {}, client = maker): Promise<{ id: string; name: string; code: string }> {
  const code = CODE();
  const name = `pay_${used}`;
  const { status, body } = await client.rest('POST', at(), {
    name,
    description: 'Pays.',
    function_code: code,
    require_approval: true,
    ...more,
  });
  expect({ status, body }).toMatchObject({ status: 200 });
  return { id: body.id, name, code };
}

/** What is done to a gated tool, over both protocols, and who may. */
type Change = [what: string, changes: Json];
const loosening: Change[] = [
  ['takes its approval off', { require_approval: false }],
  ['changes how long it waits', { approval_timeout_seconds: 5 }],
  ['changes its code', { function_code: 'function pay(amount) { return -amount; }' }],
  ['changes its language and code', { language: 'python', function_code: 'def pay(amount): return 2' }],
  ['changes its arguments', { args_schema: { type: 'object', properties: { amount: { type: 'string' } } } }],
  ['describes other parameters', { parameters: { amount: { type: 'string' } } }],
  ['says that it may be repeated', { idempotent: true }],
  ['says that it can be tried without effect', { supports_preview: true }],
  ['gives it other credentials', { credentials: { KEY: 'x' } }],
  ['gives it another name', { name: 'renamed' }],
];
const harmless: Change[] = [
  ['describes it better', { description: 'Pays an invoice.' }],
  ['tags it', { tags: ['money'], group: 'finance', icon: 'coin' }],
  ['asks for the approval that it has', { require_approval: true }],
];

const camel = (changes: Json): Json =>
  Object.fromEntries(
    Object.entries(changes as object).map(([key, value]) => [
      key.replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase()),
      key === 'language' ? String(value).toUpperCase() : value,
    ]),
  );
const patch = (client: Client, name: string, changes: Json) => client.rest('PATCH', at(`/${name}`), changes);
const mutate = (client: Client, name: string, changes: Json) =>
  client.graphql(UPDATE, { input: { ...camel(changes), agentId: main, tool: name } });

describe('a tool whose calls are approved', () => {
  it.each(loosening)('is left as it is when another member %s', async (_what, changes) => {
    const { name } = await tool();
    const change = changes.name ? { name: `renamed_${used}` } : changes;
    expect(expectProblem(await patch(other, name, change), 403, 'forbidden').detail).toContain(name);
    expectGraphQLError(await mutate(other, name, change), 'forbidden');
    expect((await maker.rest('GET', at(`/${name}`))).body).toMatchObject({
      version: 1,
      require_approval: true,
    });
  });

  it.each(loosening)('changes when its maker %s, or an admin', async (_what, changes) => {
    for (const client of [maker, admin]) {
      const { name } = await tool();
      const change = changes.name ? { name: `renamed_${used}` } : changes;
      expect(await patch(client, name, change)).toMatchObject({ status: 200 });
    }
  });

  it.each(harmless)('changes when anybody %s', async (_what, changes) => {
    const { name } = await tool();
    expect(await patch(other, name, changes)).toMatchObject({ status: 200 });
    await dataOf(mutate(other, name, changes));
  });

  it('cannot be registered again without its approval or with other code, but as it is', async () => {
    const { name, code } = await tool();
    const body = { name, description: 'Pays.', function_code: code };
    for (const more of [{ require_approval: false }, { function_code: CODE() }]) {
      expectProblem(await other.rest('POST', at(), { ...body, ...more }), 403, 'forbidden');
      expectProblem(await other.rest('POST', at('/persist'), { ...body, ...more }), 403, 'forbidden');
    }
    expectGraphQLError(
      await other.graphql(REGISTER, { input: { ...camel(body), requireApproval: false, agentId: main } }),
      'forbidden',
    );
    expect((await other.rest('POST', at(), body)).body).toMatchObject({ require_approval: true });
  });

  it('cannot be copied around its approval under another name', async () => {
    const { code } = await tool();
    const copy = (more: Json) =>
      other.rest('POST', at(), {
        name: `copy_${++used}`,
        description: 'Pays.',
        function_code: ` ${code}\n`,
        ...more,
      });
    expectProblem(await copy({}), 403, 'forbidden');
    expect((await copy({ require_approval: true })).status).toBe(200);
    const mine = await tool({ require_approval: false }, other);
    expectProblem(await patch(other, mine.name, { function_code: code }), 403, 'forbidden');
  });

  it('of HTTP cannot be copied with an argument in its path', async () => {
    const config = { method: 'POST', url: 'http://127.0.0.1:9/v1/payments' };
    await maker.rest('POST', at(), {
      name: 'post',
      description: 'x',
      kind: 'http',
      config,
      require_approval: true,
    });
    for (const url of ['http://127.0.0.1:9/v1/payments', 'http://127.0.0.1:9/v1/{what}'])
      expectProblem(
        await other.rest('POST', at(), {
          name: 'post_2',
          description: 'x',
          kind: 'http',
          config: { ...config, url },
        }),
        403,
        'forbidden',
      );
  });

  it('loses its approval by its own endpoint to its maker and admins alone', async () => {
    const { name } = await tool();
    const off = (client: Client) => client.rest('PUT', at(`/${name}/approval`), { enabled: false });
    const on = (client: Client) => client.rest('PUT', at(`/${name}/approval`), { enabled: true });
    expectProblem(await off(other), 403, 'forbidden');
    expectGraphQLError(
      await other.graphql(GATE, { input: { agentId: main, tool: name, enabled: false } }),
      'forbidden',
    );
    expect((await off(maker)).status).toBe(200);
    // Anybody may ask for more care.
    expect((await on(other)).status).toBe(200);
    expect((await off(admin)).status).toBe(200);
  });

  it('that comes with the product is the admins, also for somebody of the name of its maker', async () => {
    const impostor = await server.as({ user: 'system' });
    const { body } = await admin.rest('GET', at());
    const { name } = (body as Json[]).find((one) => one.kind === 'builtin');
    expect((await admin.rest('PUT', at(`/${name}/approval`), { enabled: true })).status).toBe(200);
    expectProblem(await impostor.rest('PUT', at(`/${name}/approval`), { enabled: false }), 403, 'forbidden');
    expect((await admin.rest('PUT', at(`/${name}/approval`), { enabled: false })).status).toBe(200);
  });
});

describe('a machine, whatever its scopes', () => {
  it('changes no approval of a tool, not even of its own', async () => {
    for (const client of [maker, machine]) {
      const { name } = await tool({}, client);
      for (const enabled of [true, false]) {
        const change = { enabled, timeout_seconds: 60 };
        expectProblem(await machine.rest('PUT', at(`/${name}/approval`), change), 403, 'forbidden');
      }
      expectProblem(await patch(machine, name, { require_approval: false }), 403, 'forbidden');
      expectGraphQLError(await mutate(machine, name, { require_approval: false }), 'forbidden');
    }
    const { name } = await tool({ require_approval: false }, machine);
    expectProblem(await patch(machine, name, { require_approval: true }), 403, 'forbidden');
  });

  it('decides no approval and answers no question', async () => {
    for (const [method, route, body] of [
      ['POST', '/api/v1/approvals/x/respond', { status: 'approved' }],
      ['POST', '/api/v1/approvals/bulk-respond', { responses: [{ id: 'x', status: 'approved' }] }],
      ['DELETE', '/api/v1/approvals/x', undefined],
      ['POST', '/api/v1/approvals/cleanup-expired', undefined],
      ['POST', '/api/v1/questions/x/respond', { answers: {} }],
    ] as const)
      expect(expectProblem(await machine.rest(method, route, body), 403, 'forbidden').detail).toMatch(
        /machine|admin/,
      );
    for (const mutation of [
      'respondToApproval(input: { id: "x", status: APPROVED }) { id }',
      'respondToApprovals(input: { responses: [{ id: "x", status: APPROVED }] }) { succeeded }',
      'cancelApproval(id: "x") { id }',
      'respondToQuestion(input: { id: "x", answers: {} }) { id }',
      'createApprovalPolicy(input: { name: "x", toolNames: ["x"] }) { id }',
      'updateApprovalPolicy(input: { id: "x", enabled: true }) { id }',
      'deleteApprovalPolicy(id: "x") { id }',
    ])
      expectGraphQLError(await machine.graphql(`mutation { ${mutation} }`), 'forbidden');
  });

  it('cannot approve the call that its own run waits for; an admin can', async () => {
    const { name } = await tool({}, machine);
    const waiting = await machine.rest('POST', at(`/${name}/run`), {
      arguments: { amount: 1 },
      conversation_id: 'robot',
      message_id: 'm',
    });
    expect(waiting.status).toBe(202);
    const { approvals } = (await machine.rest('GET', '/api/v1/approvals/pending')).body;
    const route = `/api/v1/approvals/${approvals[0].id}/respond`;
    expectProblem(await machine.rest('POST', route, { status: 'approved' }), 403, 'forbidden');
    expectProblem(await other.rest('POST', route, { status: 'approved' }), 404, 'not_found');
    expect((await admin.rest('POST', route, { status: 'approved' })).status).toBe(200);
  });
});

describe('a tool that its maker gave to a shared agent', () => {
  it('is not taken from it by others, by removal, configuration or a detour over an agent of theirs', async () => {
    const { name } = await tool();
    const { body: own } = await other.rest('POST', `/api/v1/agent/${main}/subagents`, {
      name: `Detour ${++used}`,
      description: 'Holds a tool for a moment.',
      system_prompt: 'Hold.',
      tool_assignments: [name],
    });
    for (const client of [other, machine]) {
      expectProblem(await client.rest('DELETE', at(`/${name}`)), 403, 'forbidden');
      expectProblem(
        await client.rest('PATCH', `/api/v1/agent/${main}/config`, { tool_assignments: [] }),
        403,
        'forbidden',
      );
    }
    expect((await maker.rest('GET', at(`/${name}`))).status).toBe(200);
    // From an agent of one's own everything may be taken.
    expect((await other.rest('DELETE', at(`/${name}`, own.id))).status).toBe(200);
    expect((await maker.rest('DELETE', at(`/${name}`))).status).toBe(200);
  });
});

describe('what a member made is deleted by that member and admins alone:', () => {
  const subAgent = async (): Promise<string> => {
    const { body } = await maker.rest('POST', `/api/v1/agent/${main}/subagents`, {
      name: `Helper ${++used}`,
      description: 'Helps.',
      system_prompt: 'Help.',
    });
    return body.id;
  };
  const made: [string, () => Promise<{ route: string; graphql: string }>][] = [
    [
      'an agent',
      async () => {
        const id = await subAgent();
        return { route: `/api/v1/agent/${id}`, graphql: `deleteAgent(id: "${id}") { id }` };
      },
    ],
    [
      'a sub-agent',
      async () => {
        const id = await subAgent();
        return {
          route: `/api/v1/agent/${main}/subagents/${id}`,
          graphql: `deleteSubAgent(parentId: "${main}", id: "${id}") { id }`,
        };
      },
    ],
    [
      'a tool that no other agent has',
      async () => {
        const { name } = await tool({ require_approval: false });
        return {
          route: at(`/${name}`),
          graphql: `removeTool(input: { agentId: "${main}", tool: "${name}" }) { id }`,
        };
      },
    ],
    [
      'a knowledge base',
      async () => {
        const id = await base();
        return { route: `/api/v1/knowledge-bases/${id}`, graphql: `deleteKnowledgeBase(id: "${id}") { id }` };
      },
    ],
    [
      'a document',
      async () => {
        const id = await base();
        const { body } = await maker.rest('GET', `/api/v1/knowledge-bases/${id}/documents`);
        const [{ document_id: document }] = body.documents;
        return {
          route: `/api/v1/knowledge-bases/${id}/documents/${document}`,
          graphql: `deleteKnowledgeDocument(knowledgeBaseId: "${id}", documentId: "${document}") { id }`,
        };
      },
    ],
  ];

  async function base(): Promise<string> {
    const form = new FormData();
    form.set('name', `base ${++used}`);
    form.append('files', new Blob(['The capital of France is Paris.']), 'a.txt');
    const response = await fetch(`${server.url}/api/v1/knowledge-bases`, {
      method: 'POST',
      body: form,
      headers: { authorization: `Bearer ${maker.token}` },
    });
    return (await response.json()).id;
  }

  it.each(made)('%s', async (_what, make) => {
    const one = await make();
    for (const client of [other, machine]) {
      expectProblem(await client.rest('DELETE', one.route), 403, 'forbidden');
      expectGraphQLError(await client.graphql(`mutation { ${one.graphql} }`), 'forbidden');
    }
    expect((await maker.rest('DELETE', one.route)).status).toBe(200);
    expect((await admin.rest('DELETE', (await make()).route)).status).toBe(200);
  });

  it('golden queries; anybody may add some', async () => {
    const id = await base();
    const set = (client: Client, ...queries: Json[]) =>
      client.graphql(GOLDEN, { input: { knowledgeBaseId: id, queries } });
    const [first, second] = [
      { query: 'capital', contains: 'Paris', within: 1 },
      { query: 'France', contains: 'Paris', within: 1 },
    ];
    await dataOf(set(maker, first));
    await dataOf(set(other, first, second));
    expectGraphQLError(await set(other, second), 'forbidden');
    expectGraphQLError(await set(other, { ...first, within: 50 }, second), 'forbidden');
    await dataOf(set(maker, second));
    await dataOf(set(admin));
  });

  it('a tool that other agents have is only taken from the agent', async () => {
    const emails = await maker.agentId('EmailsAgent');
    const { name } = await tool({ target_agent_ids: [emails] });
    for (const agent of [main, emails])
      expectProblem(await other.rest('DELETE', at(`/${name}`, agent)), 403, 'forbidden');
    expect((await maker.rest('DELETE', at(`/${name}`))).status).toBe(200);
    expect((await maker.rest('GET', at(`/${name}`, emails))).status).toBe(200);
  });
});
