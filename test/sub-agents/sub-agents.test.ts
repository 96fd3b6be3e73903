import { assertMayLink } from '../../src/agents/hierarchy';
import type { AgentStore } from '../../src/ports/stores';
import { dataOf, expectGraphQLError, expectProblem, itRefuses } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';

const UNKNOWN = '00000000-0000-7000-8000-000000000000';
const CREATE =
  'mutation ($input: CreateSubAgentInput!) { createSubAgent(input: $input) { id name parentIds version } }';
const UPDATE =
  'mutation ($input: UpdateSubAgentInput!) { updateSubAgent(input: $input) { version description } }';
const INPUT = { name: 'Draft', description: 'd', system_prompt: 'p' };

let server: TestServer;
let member: Client;
let main: string;
let emails: string;
let sub: string;

const under = (parent: string, rest = ''): string => `/api/v1/agent/${parent}/subagents${rest}`;

beforeAll(async () => {
  server = await startTestServer();
  member = await server.as({ user: 'ada' });
  main = await member.agentId();
  emails = await member.agentId('EmailsAgent');
  sub = (await member.rest('POST', under(main), { ...INPUT, name: 'Standing' })).body.id;
});
afterAll(() => server.close());

describe('creating a sub-agent', () => {
  it('answers 201 with Location and the whole agent, ready to be called by its parent', async () => {
    const { status, headers, body } = await member.rest('POST', under(main), {
      name: 'Translator',
      description: 'Translates.',
      system_prompt: 'Translate.',
      llm_config: { model: 'agentflow/local', temperature: 0.5 },
      enable_planning: false,
      knowledge_bases: [],
      tool_assignments: [],
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/api/v1/agent/${body.id}`);
    expect(body).toMatchObject({
      kind: 'dynamic',
      parent_ids: [main],
      version: 1,
      enable_planning: false,
      max_turns: 10,
      llm_config: { model: 'agentflow/local', temperature: 0.5, max_tokens: null },
    });
    expect((await member.rest('GET', headers.get('location')!)).body.id).toBe(body.id);
    expect((await member.rest('GET', `/api/v1/agent/${main}`)).body.sub_agents).toContain('Translator');
    expect((await member.rest('GET', '/api/v1/agents')).body.map((one: Json) => one.name)).toContain(
      'Translator',
    );
  });

  it('does the same over GraphQL', async () => {
    const { createSubAgent } = await dataOf(
      member.graphql(CREATE, {
        input: { parentId: emails, name: 'Sorter', description: 'd', systemPrompt: 'p' },
      }),
    );
    expect(createSubAgent).toMatchObject({ name: 'Sorter', parentIds: [emails], version: 1 });
  });

  it('makes one agent of two requests with the same Idempotency-Key', async () => {
    const send = (name: string) =>
      member.rest('POST', under(main), { ...INPUT, name }, { 'idempotency-key': 'make-once' });
    const first = await send('Once');
    const second = await send('Once');
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body.id).toBe(first.body.id);
    expectProblem(await send('Twice'), 409, 'idempotency_mismatch');
  });

  it('lets one of several requests have a name', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => member.rest('POST', under(main), { ...INPUT, name: 'Contested' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
    const agents = (await member.rest('GET', '/api/v1/agents')).body as Json[];
    expect(agents.filter((agent) => agent.name === 'Contested')).toHaveLength(1);
  });

  it('refuses a sub-agent below the fifth level', async () => {
    let parent = main;
    for (let level = 1; level <= 5; level++)
      parent = (await member.rest('POST', under(parent), { ...INPUT, name: `Level ${level}` })).body.id;
    const below = { ...INPUT, name: 'Level 6' };
    expect(parent).toEqual(expect.any(String));
    const problem = expectProblem(await member.rest('POST', under(parent), below), 422, 'validation_failed');
    expect(problem.detail).toContain('5 levels');
    expectGraphQLError(
      await member.graphql(CREATE, {
        input: { parentId: parent, name: 'Level 6', description: 'd', systemPrompt: 'p' },
      }),
      'validation_failed',
      'parent_id',
    );
    const agents = (await member.rest('GET', '/api/v1/agents')).body as Json[];
    expect(agents.map((agent) => agent.name)).not.toContain('Level 6');
  });

  it('refuses a link that closes a cycle', async () => {
    const links = [
      { parentId: 'a', childId: 'b' },
      { parentId: 'b', childId: 'c' },
    ];
    const agents = { links: () => Promise.resolve(links) } as unknown as AgentStore;
    const refusal = { code: 'validation_failed', message: expect.stringContaining('cycle') };
    await expect(assertMayLink(agents, 'c', 'a')).rejects.toMatchObject(refusal);
    await expect(assertMayLink(agents, 'a', 'a')).rejects.toMatchObject(refusal);
    await expect(assertMayLink(agents, 'a', 'c')).resolves.toBeUndefined();
  });

  itRefuses(
    () => server,
    [
      ...(['name', 'description', 'system_prompt'] as const).map((field) => ({
        name: `a sub-agent without ${field}`,
        rest: (): [string, string, unknown] => ['POST', under(main), { ...INPUT, [field]: undefined }],
        status: 422,
        code: 'validation_failed',
        field,
      })),
      {
        name: 'an empty name',
        rest: () => ['POST', under(main), { ...INPUT, name: '' }],
        graphql: () => [
          CREATE,
          { input: { parentId: main, name: ' ', description: 'd', systemPrompt: 'p' } },
        ],
        status: 422,
        code: 'validation_failed',
        field: 'name',
      },
      {
        name: 'a name with a slash',
        rest: () => ['POST', under(main), { ...INPUT, name: 'a/b' }],
        graphql: () => [
          CREATE,
          { input: { parentId: main, name: 'a/b', description: 'd', systemPrompt: 'p' } },
        ],
        status: 422,
        code: 'validation_failed',
        field: 'name',
      },
      {
        name: 'a temperature out of range',
        rest: () => ['POST', under(main), { ...INPUT, llm_config: { temperature: 3 } }],
        graphql: () => [
          CREATE,
          {
            input: {
              parentId: main,
              name: 'Hot',
              description: 'd',
              systemPrompt: 'p',
              llmConfig: { temperature: 3 },
            },
          },
        ],
        status: 422,
        code: 'validation_failed',
        field: 'llm_config.temperature',
      },
      {
        name: 'an unknown tool',
        rest: () => ['POST', under(main), { ...INPUT, tool_assignments: ['hammer'] }],
        status: 422,
        code: 'validation_failed',
        field: /^tool_assignments/,
      },
      {
        name: 'the name of a built-in agent',
        rest: () => ['POST', under(main), { ...INPUT, name: 'EmailsAgent' }],
        graphql: () => [
          CREATE,
          { input: { parentId: main, name: 'EmailsAgent', description: 'd', systemPrompt: 'p' } },
        ],
        status: 409,
        code: 'conflict',
      },
      {
        name: 'a sub-agent of an unknown parent',
        rest: () => ['POST', under(UNKNOWN), INPUT],
        graphql: () => [
          CREATE,
          { input: { parentId: UNKNOWN, name: 'X', description: 'd', systemPrompt: 'p' } },
        ],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'the list of an unknown parent',
        rest: () => ['GET', under(UNKNOWN)],
        graphql: () => ['query ($id: ID!) { subAgents(parentId: $id) { id } }', { id: UNKNOWN }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'reading a sub-agent under another parent',
        rest: () => ['GET', under(emails, `/${sub}`)],
        graphql: () => [
          'query ($p: ID!, $id: ID!) { subAgent(parentId: $p, id: $id) { id } }',
          { p: emails, id: sub },
        ],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'reading the configuration of an unknown sub-agent',
        rest: () => ['GET', under(main, `/${UNKNOWN}/config`)],
        graphql: () => [
          'query ($p: ID!, $id: ID!) { subAgentConfig(parentId: $p, id: $id) { id } }',
          { p: main, id: UNKNOWN },
        ],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'a change under another parent',
        rest: () => ['PATCH', under(emails, `/${sub}`), { description: 'x' }],
        graphql: () => [UPDATE, { input: { parentId: emails, subAgentId: sub, description: 'x' } }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'a change to a name that is taken',
        rest: () => ['PATCH', under(main, `/${sub}`), { name: 'EmailsAgent' }],
        graphql: () => [UPDATE, { input: { parentId: main, subAgentId: sub, name: 'EmailsAgent' } }],
        status: 409,
        code: 'conflict',
      },
      {
        name: 'max_turns out of range',
        rest: () => ['PATCH', under(main, `/${sub}`), { max_turns: 0 }],
        graphql: () => [UPDATE, { input: { parentId: main, subAgentId: sub, maxTurns: 0 } }],
        status: 422,
        code: 'validation_failed',
        field: 'max_turns',
      },
      {
        name: 'deleting a built-in sub-agent',
        rest: () => ['DELETE', under(main, `/${emails}`)],
        graphql: () => [
          'mutation ($p: ID!, $id: ID!) { deleteSubAgent(parentId: $p, id: $id) { id } }',
          { p: main, id: emails },
        ],
        status: 409,
        code: 'conflict',
      },
      {
        name: 'deleting a sub-agent of another parent',
        rest: () => ['DELETE', under(emails, `/${sub}`)],
        status: 404,
        code: 'not_found',
      },
    ],
  );
});

describe('a sub-agent', () => {
  it('is listed under its parent alone', async () => {
    const ofMain = await member.rest('GET', under(main));
    expect(ofMain.body.map((one: Json) => one.id)).toContain(sub);
    expect(ofMain.headers.get('x-total-count')).toBe(String(ofMain.body.length));
    expect((await member.rest('GET', under(emails))).body.map((one: Json) => one.id)).not.toContain(sub);
    const { subAgents } = await dataOf(
      member.graphql('query ($id: ID!) { subAgents(parentId: $id) { id } }', { id: main }),
    );
    expect(subAgents.map((one: Json) => one.id)).toEqual(ofMain.body.map((one: Json) => one.id));
  });

  it('is read with an ETag and changed with If-Match', async () => {
    const read = await member.rest('GET', under(main, `/${sub}`));
    const etag = read.headers.get('etag')!;
    expect(etag).toBe(`"v${read.body.version}"`);
    const change = () =>
      member.rest('PATCH', under(main, `/${sub}`), { description: 'changed' }, { 'if-match': etag });
    const changed = await change();
    expect(changed.body).toMatchObject({ description: 'changed', version: read.body.version + 1 });
    expect(changed.headers.get('etag')).toBe(`"v${read.body.version + 1}"`);
    expectProblem(await change(), 412, 'precondition_failed');
    const configured = await member.rest('GET', under(main, `/${sub}/config`));
    expect(configured.body).toMatchObject({ id: sub, description: 'changed', tool_assignments: [] });
    expect(configured.headers.get('etag')).toBe(changed.headers.get('etag'));
  });

  it('merges llm_config when it is changed', async () => {
    const path = under(main, `/${sub}`);
    await member.rest('PATCH', path, { llm_config: { model: 'agentflow/local' } });
    const { body } = await member.rest('PATCH', path, { llm_config: { max_tokens: 100 } });
    expect(body.llm_config).toEqual({ model: 'agentflow/local', temperature: null, max_tokens: 100 });
  });

  it('is deleted with its last parent', async () => {
    const { id } = (await member.rest('POST', under(main), { ...INPUT, name: 'Brief' })).body;
    const { status, body } = await member.rest('DELETE', under(main, `/${id}`));
    expect([status, body.id]).toEqual([200, id]);
    expectProblem(await member.rest('GET', `/api/v1/agent/${id}`), 404, 'not_found');
    expectProblem(await member.rest('DELETE', under(main, `/${id}`)), 404, 'not_found');
  });

  it('runs itself as the root of the run, streaming or not', async () => {
    const route = under(main, `/${sub}/run`);
    const body = { message: 'Hello', conversation_id: 'sub-run', message_id: 'm1' };
    const events = await (await member.stream('POST', route, body)).all();
    const [start] = events;
    expect(start!.data.content).toMatchObject({
      name: 'Standing',
      role: 'sub_agent',
      agent_id: sub,
      message_id: 'm1',
    });
    expect(start!.data).toMatchObject({ parent_call_id: null, root_call_id: start!.data.call_id });
    expect(events.at(-1)!.data.type).toBe('end');
    const whole = await member.rest('POST', route, { ...body, stream: false });
    expect(whole.body.events).toEqual(events.map(({ data }) => data));
  });

  it('runs over GraphQL too', async () => {
    const { runSubAgent } = await dataOf(
      member.graphql(
        'mutation ($p: ID!, $input: ChatInput!) { runSubAgent(parentId: $p, input: $input) { status text events { type } } }',
        { p: main, input: { agentId: sub, message: 'Hi', conversationId: 'sub-gql', messageId: 'm1' } },
      ),
    );
    expect(runSubAgent.status).toBe('COMPLETED');
    expect(runSubAgent.events[0].type).toBe('start');
  });

  it('does not run under an agent that is not its parent', async () => {
    const body = { message: 'Hello', conversation_id: 'sub-none', message_id: 'm1', stream: false };
    expectProblem(await member.rest('POST', under(emails, `/${sub}/run`), body), 404, 'not_found');
    expectProblem(await member.rest('GET', '/api/v1/conversations/sub-none'), 404, 'not_found');
  });
});
