import { dataOf, expectGraphQLError, expectProblem, itRefuses } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';

const UNKNOWN = '00000000-0000-7000-8000-000000000000';
const UPDATE =
  'mutation ($input: UpdateAgentConfigInput!) { updateAgentConfig(input: $input) { version description llmConfig { model temperature maxTokens } } }';
const NAMES = ['MainAgent', 'EmailsAgent', 'TasksAgent', 'MeetingsAgent', 'ResearchAgent', 'RecordsAgent'];

let server: TestServer;
let main: string;
let emails: string;
let member: Client;

beforeAll(async () => {
  server = await startTestServer();
  main = await server.dev.agentId();
  emails = await server.dev.agentId('EmailsAgent');
  member = await server.as({ user: 'ada' });
});
afterAll(() => server.close());

const config = (id: string): string => `/api/v1/agent/${id}/config`;

describe('the list of agents', () => {
  it('is a bare array of the built-in agents with X-Total-Count, without the hidden one', async () => {
    const { status, body, headers } = await member.rest('GET', '/api/v1/agents');
    expect(status).toBe(200);
    expect(body.map((agent: Json) => agent.name)).toEqual([...NAMES, 'SnowflakeAgent']);
    expect(headers.get('x-total-count')).toBe('7');
  });

  it('says which of them cannot work here, and why', async () => {
    const { body } = await member.rest('GET', '/api/v1/agents');
    expect(
      body.filter((agent: Json) => !agent.enabled).map((agent: Json) => [agent.name, agent.disabled_reason]),
    ).toEqual([
      ['RecordsAgent', expect.stringContaining('no connection')],
      ['SnowflakeAgent', expect.stringContaining('no connection')],
    ]);
  });

  it('shows the same agents over GraphQL', async () => {
    const { agents } = await dataOf(member.graphql('{ agents { id name kind } }'));
    const { body } = await member.rest('GET', '/api/v1/agents');
    expect(agents.map((agent: Json) => agent.id)).toEqual(body.map((agent: Json) => agent.id));
    expect(agents[0].kind).toBe('BUILT_IN');
    expect(body[0].kind).toBe('built_in');
  });

  it('shows the hidden agent to an admin who asks', async () => {
    const { body } = await server.dev.rest('GET', '/api/v1/agents?include_hidden=true');
    expect(body.filter((agent: Json) => agent.hidden).map((agent: Json) => agent.name)).toEqual([
      'JediAgent',
    ]);
    const { agents } = await dataOf(server.dev.graphql('{ agents(includeHidden: true) { name } }'));
    expect(agents).toHaveLength(8);
  });

  it('names the specialists that the orchestrator may call, and keeps JediAgent from it', async () => {
    const { body } = await member.rest('GET', `/api/v1/agent/${main}`);
    expect(body).toMatchObject({
      sub_agents: [...NAMES.slice(1), 'SnowflakeAgent'],
      max_turns: 10,
      enable_planning: true,
      enable_reflection: false,
      enable_retrieval: false,
      max_conversation_messages: 50,
      target_conversation_messages: 30,
      preserve_recent_turns: 10,
    });
  });

  it('says why an agent without its connector is disabled, and refuses to run it', async () => {
    const snowflake = await member.agentId('SnowflakeAgent');
    const { body } = await member.rest('GET', `/api/v1/agent/${snowflake}`);
    expect(body).toMatchObject({ enabled: false, disabled_reason: expect.stringContaining('warehouse') });
    const chat = { message: 'hi', conversation_id: 'snow', message_id: 'm', stream: false };
    expectProblem(await member.rest('POST', `/api/v1/agent/${snowflake}/chat`, chat), 409, 'conflict');
  });
});

describe('an agent', () => {
  it('answers its version as ETag, and 304 to whoever has it', async () => {
    const { headers, body } = await member.rest('GET', `/api/v1/agent/${main}`);
    const etag = headers.get('etag')!;
    expect(etag).toBe(`"v${body.version}"`);
    const again = await member.rest('GET', `/api/v1/agent/${main}`, undefined, { 'if-none-match': etag });
    expect(again.status).toBe(304);
  });

  it('shows its editable part under /config', async () => {
    const { body, headers } = await member.rest('GET', config(main));
    expect(body).toMatchObject({ id: main, name: 'MainAgent', version: 1, llm_config: { model: null } });
    expect(body.updated_at).toMatch(/Z$/);
    expect(headers.get('etag')).toBe('"v1"');
    expect(body).not.toHaveProperty('sub_agents');
    const { agentConfig } = await dataOf(
      member.graphql('query ($id: ID!) { agentConfig(id: $id) { name version } }', { id: main }),
    );
    expect(agentConfig).toEqual({ name: 'MainAgent', version: 1 });
  });
});

describe('changing an agent', () => {
  it('merges llm_config key by key, answers the whole configuration and raises the version', async () => {
    const first = await member.rest('PATCH', config(emails), {
      llm_config: { model: 'agentflow/local', max_tokens: 4000 },
    });
    expect(first.body).toMatchObject({
      version: 2,
      llm_config: { model: 'agentflow/local', temperature: null, max_tokens: 4000 },
    });
    const second = await member.rest('PATCH', config(emails), { llm_config: { temperature: 1 } });
    expect(second.body.llm_config).toEqual({ model: 'agentflow/local', temperature: 1, max_tokens: 4000 });
    const third = await dataOf(
      member.graphql(UPDATE, { input: { agentId: emails, llmConfig: { maxTokens: null } } }),
    );
    expect(third.updateAgentConfig).toMatchObject({
      version: 4,
      llmConfig: { model: 'agentflow/local', temperature: 1, maxTokens: null },
    });
    expect((await member.rest('GET', config(emails))).headers.get('etag')).toBe('"v4"');
  });

  it('changes nothing but the fields sent', async () => {
    const before = (await member.rest('GET', config(emails))).body;
    const { body } = await member.rest('PATCH', config(emails), {
      description: 'Mail.',
      enable_planning: false,
    });
    expect(body).toEqual({
      ...before,
      description: 'Mail.',
      enable_planning: false,
      version: before.version + 1,
      updated_at: expect.any(String),
    });
  });

  it('refuses a change based on an older version with 412, and accepts the current one', async () => {
    const { headers, body } = await member.rest('GET', config(main));
    const { version } = body;
    const etag = headers.get('etag')!;
    const update = (description: string) =>
      member.rest('PATCH', config(main), { description }, { 'if-match': etag });
    expect((await update('one')).status).toBe(200);
    const problem = expectProblem(await update('two'), 412, 'precondition_failed');
    expect(problem.current_version).toBe(version + 1);
    expect((await member.rest('GET', config(main))).body.description).toBe('one');
    expectGraphQLError(
      await member.graphql(UPDATE, {
        input: { agentId: main, description: 'two', expectedVersion: version },
      }),
      'precondition_failed',
    );
    const any = await member.rest('PATCH', config(main), { description: 'three' }, { 'if-match': '*' });
    expect(any.status).toBe(200);
  });

  it('lets exactly one of several writers with the same version win', async () => {
    const { headers } = await member.rest('GET', config(main));
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        member.rest(
          'PATCH',
          config(main),
          { description: `w${index}` },
          { 'if-match': headers.get('etag')! },
        ),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(7).fill(412)]);
  });

  it('applies all of several writers that state no version', async () => {
    const before = (await member.rest('GET', config(main))).body.version;
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) => member.rest('PATCH', config(main), { max_turns: 10 + index })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(200));
    expect((await member.rest('GET', config(main))).body.version).toBe(before + 5);
  });

  it('ignores fields it does not know, and names them', async () => {
    const { status, headers } = await member.rest('PATCH', config(main), {
      descripton: 'x',
      kind: 'dynamic',
    });
    expect(status).toBe(200);
    expect(headers.get('agentflow-ignored-fields')!.split(/, ?/).sort()).toEqual(['descripton', 'kind']);
  });

  const numbers: [path: string, rest: object, graphql: object][] = [
    ['llm_config.temperature', { llm_config: { temperature: 2.1 } }, { llmConfig: { temperature: 2.1 } }],
    ['llm_config.temperature', { llm_config: { temperature: -1 } }, { llmConfig: { temperature: -1 } }],
    ['llm_config.max_tokens', { llm_config: { max_tokens: 0 } }, { llmConfig: { maxTokens: 0 } }],
    [
      'llm_config.max_tokens',
      { llm_config: { max_tokens: 1_000_001 } },
      { llmConfig: { maxTokens: 1_000_001 } },
    ],
    ['max_turns', { max_turns: 0 }, { maxTurns: 0 }],
    ['max_turns', { max_turns: 101 }, { maxTurns: 101 }],
    ['max_conversation_messages', { max_conversation_messages: 0 }, { maxConversationMessages: 0 }],
    ['preserve_recent_turns', { preserve_recent_turns: 1001 }, { preserveRecentTurns: 1001 }],
    ['system_prompt', { system_prompt: 'x'.repeat(100_001) }, { systemPrompt: 'x'.repeat(100_001) }],
    ['system_prompt', { system_prompt: '' }, { systemPrompt: '' }],
    ['description', { description: 'x'.repeat(2001) }, { description: 'x'.repeat(2001) }],
    ['reasoning_effort', { reasoning_effort: 'wild' }, { reasoningEffort: 'wild' }],
    ['tool_assignments', { tool_assignments: ['nosuch'] }, { toolAssignments: ['nosuch'] }],
    ['knowledge_bases', { knowledge_bases: ['nosuch'] }, { knowledgeBases: ['nosuch'] }],
    ['llm_config.model', { llm_config: { model: 'openai/nope' } }, { llmConfig: { model: 'nope/nope' } }],
  ];
  itRefuses(
    () => server,
    [
      ...numbers.map(([path, rest, graphql]) => ({
        name: `${path} of ${JSON.stringify(Object.values(rest)[0]).slice(0, 30)}`,
        rest: (): [string, string, unknown] => ['PATCH', config(main), rest],
        graphql: (): [string, Record<string, unknown>] => [UPDATE, { input: { agentId: main, ...graphql } }],
        status: 422,
        code: 'validation_failed',
        field: new RegExp(`^${path}(\\.0)?$`),
      })),
      {
        name: 'a temperature that is text',
        rest: () => ['PATCH', config(main), { llm_config: { temperature: 'hot' } }],
        status: 422,
        code: 'validation_failed',
        field: 'llm_config.temperature',
      },
      {
        name: 'a body that is no JSON',
        rest: () => ['PATCH', config(main), '{"description":'],
        status: 400,
        code: 'bad_request',
      },
      {
        name: 'a body that is an array',
        rest: () => ['PATCH', config(main), []],
        status: 422,
        code: 'validation_failed',
      },
      {
        name: 'a body of another type',
        rest: () => ['PATCH', config(main), 'a=b', { 'content-type': 'text/plain' }],
        status: 415,
        code: 'unsupported_media_type',
      },
      {
        name: 'an If-Match that is no version',
        rest: () => ['PATCH', config(main), { description: 'x' }, { 'if-match': '"abc"' }],
        status: 412,
        code: 'precondition_failed',
      },
      {
        name: 'a new name for a built-in agent',
        rest: () => ['PATCH', config(main), { name: 'Other' }],
        graphql: () => [UPDATE, { input: { agentId: main, name: 'Other' } }],
        status: 409,
        code: 'conflict',
      },
      {
        name: 'a change of an unknown agent',
        rest: () => ['PATCH', config(UNKNOWN), { description: 'x' }],
        graphql: () => [UPDATE, { input: { agentId: UNKNOWN, description: 'x' } }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'reading an unknown agent',
        rest: () => ['GET', `/api/v1/agent/${UNKNOWN}`],
        graphql: () => ['query ($id: ID!) { agent(id: $id) { id } }', { id: UNKNOWN }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'reading the configuration of an unknown agent',
        rest: () => ['GET', config(UNKNOWN)],
        graphql: () => ['query ($id: ID!) { agentConfig(id: $id) { id } }', { id: UNKNOWN }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'deleting a built-in agent',
        rest: () => ['DELETE', `/api/v1/agent/${main}`],
        graphql: () => ['mutation ($id: ID!) { deleteAgent(id: $id) { id } }', { id: main }],
        status: 409,
        code: 'conflict',
      },
      {
        name: 'deleting an unknown agent',
        rest: () => ['DELETE', `/api/v1/agent/${UNKNOWN}`],
        graphql: () => ['mutation ($id: ID!) { deleteAgent(id: $id) { id } }', { id: UNKNOWN }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'include_hidden for a member without the admin scope',
        rest: () => ['GET', '/api/v1/agents?include_hidden=true'],
        graphql: () => ['{ agents(includeHidden: true) { id } }'],
        client: () => member,
        status: 403,
        code: 'forbidden',
      },
      {
        name: 'include_hidden that is no boolean',
        rest: () => ['GET', '/api/v1/agents?include_hidden=perhaps'],
        status: 422,
        code: 'validation_failed',
        field: 'query.include_hidden',
      },
    ],
  );

  it('answers 405 with Allow to a method that the route does not have', async () => {
    const answer = await member.rest('PUT', config(main), {});
    expectProblem(answer, 405, 'method_not_allowed');
    expect(answer.headers.get('allow')!.split(/, ?/)).toEqual(expect.arrayContaining(['GET', 'PATCH']));
  });
});

describe('deleting a dynamic agent', () => {
  const create = async (name: string): Promise<string> => {
    const input = { name, description: 'd', system_prompt: 'p' };
    return (await member.rest('POST', `/api/v1/agent/${main}/subagents`, input)).body.id;
  };

  it('takes it from every list but leaves its conversations readable', async () => {
    const id = await create('Passing');
    const chat = { message: 'hello', conversation_id: 'kept', message_id: 'm1', stream: false };
    expect((await member.rest('POST', `/api/v1/agent/${id}/chat`, chat)).body.status).toBe('completed');
    const { status, body } = await member.rest('DELETE', `/api/v1/agent/${id}`);
    expect(status).toBe(200);
    expect(body).toEqual({ id, message: expect.stringContaining('Passing') });

    expectProblem(await member.rest('GET', `/api/v1/agent/${id}`), 404, 'not_found');
    expectProblem(await member.rest('DELETE', `/api/v1/agent/${id}`), 404, 'not_found');
    const again = { ...chat, message_id: 'm2' };
    expectProblem(await member.rest('POST', `/api/v1/agent/${id}/chat`, again), 404, 'not_found');
    const agents = (await member.rest('GET', '/api/v1/agents')).body;
    expect(agents.map((agent: Json) => agent.id)).not.toContain(id);
    expect(agents[0].sub_agents).not.toContain('Passing');

    expect((await member.rest('GET', '/api/v1/conversations/kept')).body.agent_id).toBe(id);
    expect((await member.rest('GET', '/api/v1/conversations/kept/messages')).body.total).toBe(2);
    expect((await member.rest('GET', '/api/v1/conversations/kept/llm-format')).status).toBe(200);
    expect((await member.rest('GET', '/api/v1/conversations/kept/timeline')).status).toBe(200);
  });

  it('frees its name, and works over GraphQL', async () => {
    const id = await create('Passing');
    const { deleteAgent } = await dataOf(
      member.graphql('mutation ($id: ID!) { deleteAgent(id: $id) { id message } }', { id }),
    );
    expect(deleteAgent.id).toBe(id);
    expect(await create('Passing')).not.toBe(id);
  });
});
