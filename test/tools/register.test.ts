import { dataOf, expectGraphQLError, expectProblem, itRefuses } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';

const UNKNOWN = '00000000-0000-7000-8000-000000000000';
const PYTHON =
  'def shout(text: str, times: int = 1) -> str:\n    """Shouts."""\n    return text.upper() * times\n';
const JAVASCRIPT = 'function add(a, b) { return a + b; }';
const REGISTER =
  'mutation ($input: RegisterToolInput!) { registerTool(input: $input) { id name kind language version parameters requireApproval hasCredentials } }';
const UPDATE =
  'mutation ($input: UpdateToolInput!) { updateTool(input: $input) { id name description version } }';
const GATE =
  'mutation ($input: ConfigureToolApprovalInput!) { configureToolApproval(input: $input) { requireApproval approvalTimeoutSeconds } }';
const REMOVE = 'mutation ($input: RemoveToolInput!) { removeTool(input: $input) { id message } }';

let server: TestServer;
let member: Client;
let main: string;
let emails: string;

beforeAll(async () => {
  server = await startTestServer();
  member = await server.as({ user: 'ada' });
  main = await member.agentId();
  emails = await member.agentId('EmailsAgent');
});
afterAll(() => server.close());

const at = (agent: string, rest = ''): string => `/api/v1/agent/${agent}/tools${rest}`;
const register = (name: string, more: Json = {}, agent = main) =>
  member.rest('POST', at(agent), { name, description: 'Adds.', function_code: JAVASCRIPT, ...more });

describe('registering a tool', () => {
  it('answers 200 with the id, the language and a schema read from the source', async () => {
    const { status, body } = await member.rest('POST', at(main), {
      name: 'shout',
      description: 'Shouts.',
      function_code: PYTHON,
      param_descriptions: { text: 'What to shout.' },
      tags: ['text'],
      group: 'words',
      icon: 'megaphone',
      require_approval: true,
      execution_timeout: 10,
      llm_usage: { note: 'none' },
    });
    expect({ status, body }).toMatchObject({ status: 200 });
    expect(body).toMatchObject({
      tool_id: body.id,
      name: 'shout',
      kind: 'python',
      language: 'python',
      status: 'ready',
      function_code: PYTHON,
      parameters: {
        type: 'object',
        properties: {
          text: { type: 'string', description: 'What to shout.' },
          times: { type: 'integer', default: 1 },
        },
        required: ['text'],
      },
      tags: ['text'],
      group: 'words',
      icon: 'megaphone',
      icon_type: null,
      require_approval: true,
      approval_timeout_seconds: 300,
      secure_execution: true,
      execution_timeout: 10,
      idempotent: false,
      max_retries: 3,
      retry_delay: 1,
      backoff_factor: 2,
      llm_usage: { note: 'none' },
      has_credentials: false,
      version: 1,
      created_by: 'ada',
    });
    const byName = await member.rest('GET', at(main, '/shout'));
    expect(byName.body).toEqual(body);
    expect((await member.rest('GET', at(main, `/${body.id}`))).body).toEqual(body);
  });

  it('does the same over GraphQL and shows it in both lists', async () => {
    const { registerTool } = await dataOf(
      member.graphql(REGISTER, {
        input: { agentId: 'MainAgent', name: 'plus', description: 'd', functionCode: JAVASCRIPT },
      }),
    );
    expect(registerTool).toMatchObject({
      name: 'plus',
      kind: 'JAVASCRIPT',
      language: 'JAVASCRIPT',
      version: 1,
    });
    const { agentTools, tools } = await dataOf(
      member.graphql(`{ agentTools(agentId: "${main}") { name } tools { name id } }`),
    );
    const { body, headers } = await member.rest('GET', at(main));
    expect(agentTools.map((tool: Json) => tool.name)).toEqual(body.map((tool: Json) => tool.name));
    expect(headers.get('x-total-count')).toBe(String(body.length));
    expect(tools).toContainEqual({ name: 'plus', id: registerTool.id });
  });

  it('changes the tool of that name and keeps its id, what is absent and its other agents', async () => {
    const first = (await register('twice', { group: 'kept', execution_timeout: 7 })).body;
    const second = await register('twice', { description: 'New.', function_code: PYTHON }, emails);
    expect(second.body).toMatchObject({
      id: first.id,
      description: 'New.',
      kind: 'python',
      group: 'kept',
      execution_timeout: 7,
      version: 2,
    });
    expect((await member.rest('GET', at(main, '/twice'))).body).toEqual(second.body);
  });

  it('makes one tool of several requests at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => register('contested')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });

  it('assigns it to further agents', async () => {
    await register('shared', { target_sub_agent_id: emails, target_agent_ids: ['ResearchAgent'] });
    for (const agent of [main, emails, 'ResearchAgent'])
      expect((await member.rest('GET', at(agent, '/shared'))).status).toBe(200);
    expectProblem(await member.rest('GET', at('TasksAgent', '/shared')), 404, 'not_found');
    expect((await member.rest('GET', `/api/v1/agent/${emails}`)).body.tools).toContain('shared');
  });

  it('takes an own schema of the arguments, in a dialect and with an id too', async () => {
    const args_schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'https://example.com/args',
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
      required: ['a', 'b'],
    };
    for (const name of ['own_schema', 'own_schema_2']) {
      const { body } = await register(name, { args_schema });
      expect(body.parameters).toEqual(args_schema);
      const run = await member.rest('POST', at(main, '/dry-run'), { tool: name, arguments: { a: 1, b: 2 } });
      expect(run.body).toMatchObject({ ok: true, result: 3 });
    }
  });

  it('keeps a generated tool by /persist', async () => {
    const { status, body } = await member.rest('POST', at(main, '/persist'), {
      // As generate answers it: what wrote the source is no part of the tool.
      model: 'openai/some-model',
      name: 'kept',
      description: 'd',
      function_code: JAVASCRIPT,
    });
    expect(status).toBe(200);
    expect((await member.rest('GET', at(main, '/kept'))).body.id).toBe(body.id);
  });

  it('takes credentials and never answers them', async () => {
    const secret = 'sk-very-secret';
    const { body } = await register('with_secret', { credentials: { API_KEY: secret } });
    expect(body.has_credentials).toBe(true);
    expect(JSON.stringify(body)).not.toContain(secret);
    const list = await member.rest('GET', at(main));
    expect(JSON.stringify(list.body)).not.toContain(secret);
    const gone = await member.rest('PATCH', at(main, '/with_secret'), { credentials: null });
    expect(gone.body.has_credentials).toBe(false);
  });

  it('answers a repeated request with the same Idempotency-Key once', async () => {
    const send = () =>
      member.rest(
        'POST',
        at(main),
        { name: 'keyed', description: 'd', function_code: JAVASCRIPT },
        { 'idempotency-key': 'tool-once' },
      );
    const [first, second] = [await send(), await send()];
    expect(second.body).toEqual(first.body);
    expect(second.body.version).toBe(1);
  });

  it('shows another tenant nothing of it', async () => {
    const stranger = await server.as({ tenant: 'other', user: 'eve' });
    const names = (await stranger.rest('GET', at('MainAgent'))).body.map((tool: Json) => tool.name);
    expect(names).not.toContain('shout');
    expectProblem(await stranger.rest('GET', at('MainAgent', '/shout')), 404, 'not_found');
  });

  it('writes nothing when a target is unknown', async () => {
    expectProblem(
      await register('half', { target_agent_ids: [emails, UNKNOWN] }),
      422,
      'validation_failed',
      'target_agent_ids.1',
    );
    const { tools } = await dataOf(member.graphql('{ tools { name } }'));
    expect(tools.map((tool: Json) => tool.name)).not.toContain('half');
  });

  it('names the line of a source that does not compile', async () => {
    const { body } = await register('broken', { function_code: 'def f(a):\n    return (a\n' });
    expect(body).toMatchObject({ code: 'validation_failed', detail: expect.stringMatching(/line \d/) });
  });
});

describe('bad forms of a registration', () => {
  const good = { name: 'bad_form', description: 'd', function_code: JAVASCRIPT };
  const fields: [name: string, value: unknown, field?: string | RegExp][] = [
    ['name', ''],
    ['name', '1st'],
    ['name', 'has space'],
    ['name', 'x'.repeat(65)],
    ['name', 7],
    ['name', undefined],
    ['description', ''],
    ['description', '   '],
    ['description', 'x'.repeat(4001)],
    ['description', null],
    ['function_code', undefined],
    ['function_code', ''],
    ['function_code', 'const a = 1;'],
    ['function_code', 'function a() {} function b() {}'],
    ['function_code', 42],
    ['kind', 'builtin'],
    ['kind', 'ruby'],
    ['language', 'perl'],
    ['args_schema', { type: 'array' }, /^args_schema/],
    ['args_schema', { type: 'object', properties: { a: { type: 'nonsense' } } }],
    ['args_schema', { type: 'object', properties: { a: { $ref: 'https://example.com/x' } } }],
    ['args_schema', 'text'],
    ['parameters', []],
    ['param_descriptions', { c: 'no such parameter' }, 'param_descriptions.c'],
    ['param_descriptions', { a: 1 }, 'param_descriptions.a'],
    ['tags', 'text'],
    ['tags', [1], /^tags/],
    ['tags', Array.from({ length: 51 }, String)],
    ['group', 'x'.repeat(201)],
    ['icon', 5],
    ['icon_type', 'x'.repeat(201)],
    ['icon_color', false],
    ['icon_variant', {}],
    ['require_approval', 'yes'],
    ['approval_timeout_seconds', 0],
    ['approval_timeout_seconds', 604_801],
    ['secure_execution', false],
    ['execution_timeout', 0],
    ['execution_timeout', 301],
    ['execution_timeout', 'soon'],
    ['idempotent', 1],
    ['supports_preview', 'no'],
    ['max_retries', -1],
    ['max_retries', 11],
    ['retry_delay', 61],
    ['backoff_factor', 0.5],
    ['llm_usage', 'text'],
    ['credentials', { key: 1 }, /^credentials/],
    ['credentials', 'sk'],
    ['target_sub_agent_id', UNKNOWN],
    ['target_agent_ids', 'MainAgent'],
    ['functioncode', 'a typo'],
  ];
  it.each(fields)('are refused with 422: %s = %j', async (name, value, field = name) => {
    expectProblem(
      await member.rest('POST', at(main), { ...good, [name]: value }),
      422,
      'validation_failed',
      field,
    );
    const { tools } = await dataOf(member.graphql('{ tools { name } }'));
    expect(tools.map((tool: Json) => tool.name)).not.toContain('bad_form');
  });

  const graphql: [name: string, value: unknown, path: string | RegExp][] = [
    ['name', 'has space', 'name'],
    ['description', ' ', 'description'],
    ['functionCode', 'nothing here', 'function_code'],
    ['kind', 'BUILTIN', 'kind'],
    ['argsSchema', { type: 'array' }, 'args_schema.type'],
    ['paramDescriptions', { c: 'x' }, 'param_descriptions.c'],
    ['executionTimeout', 301, 'execution_timeout'],
    ['maxRetries', 11, 'max_retries'],
    ['retryDelay', -1, 'retry_delay'],
    ['backoffFactor', 11, 'backoff_factor'],
    ['approvalTimeoutSeconds', 0, 'approval_timeout_seconds'],
    ['secureExecution', false, 'secure_execution'],
    ['credentials', { key: 1 }, 'credentials.key'],
    ['llmUsage', 'text', 'llm_usage'],
    ['group', 'x'.repeat(201), 'group'],
    ['targetAgentIds', [UNKNOWN], 'target_agent_ids.0'],
  ];
  it.each(graphql)('are refused over GraphQL: %s = %j', async (name, value, path) => {
    const input = {
      agentId: main,
      name: 'bad_form',
      description: 'd',
      functionCode: JAVASCRIPT,
      [name]: value,
    };
    expectGraphQLError(await member.graphql(REGISTER, { input }), 'validation_failed', path);
  });

  itRefuses(
    () => server,
    [
      {
        name: 'an unknown agent',
        rest: () => ['POST', at(UNKNOWN), good],
        graphql: () => [
          REGISTER,
          { input: { agentId: UNKNOWN, name: 'x', description: 'd', functionCode: JAVASCRIPT } },
        ],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'the name of a built-in tool',
        rest: () => ['POST', at(main), { ...good, name: 'current_time' }],
        graphql: () => [
          REGISTER,
          { input: { agentId: main, name: 'current_time', description: 'd', functionCode: JAVASCRIPT } },
        ],
        status: 409,
        code: 'conflict',
        field: 'name',
      },
      ...[
        'ask_user',
        'jedi_council',
        'get_background_sub_agent_result',
        'fetch_sub_agent_progress',
        'message_sub_agent',
      ].map((name) => ({
        name: `the name ${name}, which the engine has`,
        rest: (): [string, string, Json] => ['POST', at(main), { ...good, name }],
        status: 409,
        code: 'conflict',
        field: 'name',
      })),
      {
        name: 'the name of a sub-agent of the agent',
        rest: () => ['POST', at(emails), { ...good, name: 'ResearchAgent', target_agent_ids: [main] }],
        graphql: () => [
          REGISTER,
          { input: { agentId: main, name: 'ResearchAgent', description: 'd', functionCode: JAVASCRIPT } },
        ],
        status: 409,
        code: 'conflict',
        field: 'name',
      },
      {
        name: 'a tool of kind http without config',
        rest: () => ['POST', at(main), { name: 'bad_form', description: 'd', kind: 'http' }],
        status: 422,
        code: 'validation_failed',
        field: 'config',
      },
      {
        name: 'a caller without a good token',
        rest: () => ['GET', at(main)],
        graphql: () => ['{ tools { name } }'],
        client: () =>
          new (member.constructor as new (url: string, token: string) => Client)(server.url, 'bad'),
        status: 401,
        code: 'unauthenticated',
      },
    ],
  );
});

describe('changing a tool', () => {
  it('changes only what is named, for every agent that has it', async () => {
    const { body: tool } = await register('changing', { group: 'g', target_agent_ids: [emails] });
    const { status, body } = await member.rest('PATCH', at(main, '/changing'), {
      description: 'Other.',
      idempotent: true,
      max_retries: 0,
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...tool,
      description: 'Other.',
      idempotent: true,
      max_retries: 0,
      version: 2,
      updated_at: body.updated_at,
    });
    expect((await member.rest('GET', at(emails, '/changing'))).body).toEqual(body);
  });

  it('keeps an own schema when only texts of parameters change', async () => {
    const args_schema = {
      type: 'object',
      properties: { a: { type: 'number', minimum: 3 } },
      required: ['a'],
    };
    await register('texts', { args_schema });
    const { body } = await member.rest('PATCH', at(main, '/texts'), { param_descriptions: { a: 'First.' } });
    expect(body.parameters).toEqual({
      ...args_schema,
      properties: { a: { type: 'number', minimum: 3, description: 'First.' } },
    });
  });

  it('reads the schema again from a new source, whose language may be another', async () => {
    await register('rewritten');
    const { body } = await member.rest('PATCH', at(main, '/rewritten'), { function_code: PYTHON });
    expect(body).toMatchObject({ kind: 'python', parameters: { required: ['text'] } });
  });

  it('takes a new name and keeps the id', async () => {
    const { body: tool } = await register('old_name');
    const { updateTool } = await dataOf(
      member.graphql(UPDATE, { input: { agentId: main, tool: 'old_name', name: 'new_name' } }),
    );
    expect(updateTool).toMatchObject({ id: tool.id, name: 'new_name', version: 2 });
    expectProblem(await member.rest('GET', at(main, '/old_name')), 404, 'not_found');
  });

  it('gates its calls and frees them', async () => {
    await register('gated');
    const on = await member.rest('PUT', at(main, '/gated/approval'), { enabled: true, timeout_seconds: 60 });
    expect(on.body).toMatchObject({ require_approval: true, approval_timeout_seconds: 60 });
    const { configureToolApproval } = await dataOf(
      member.graphql(GATE, { input: { agentId: main, tool: 'gated', enabled: false } }),
    );
    expect(configureToolApproval).toEqual({ requireApproval: false, approvalTimeoutSeconds: 60 });
  });

  it('takes a change that is based on its version, and refuses one that is based on an older one', async () => {
    await register('versioned');
    const { headers } = await member.rest('GET', at(main, '/versioned'));
    const change = (description: string) =>
      member.rest('PATCH', at(main, '/versioned'), { description }, { 'if-match': headers.get('etag')! });
    const first = await change('First.');
    expect(first).toMatchObject({ status: 200, body: { description: 'First.' } });
    expect(first.headers.get('etag')).not.toBe(headers.get('etag'));
    expectProblem(await change('Second.'), 412, 'precondition_failed');
    const stale = { agentId: main, tool: 'versioned', expectedVersion: 1, description: 'Third.' };
    expectGraphQLError(await member.graphql(UPDATE, { input: stale }), 'precondition_failed');
    expect((await member.rest('GET', at(main, '/versioned'))).body.description).toBe('First.');
  });

  it('gates built-in tools too, which stay as they are otherwise', async () => {
    const gate = await member.rest('PUT', at(main, '/current_time/approval'), { enabled: true });
    expect(gate.body).toMatchObject({ kind: 'builtin', require_approval: true });
    await member.rest('PUT', at(main, '/current_time/approval'), { enabled: false });
    expectProblem(
      await member.rest('PATCH', at(main, '/current_time'), { description: 'Mine.' }),
      409,
      'conflict',
    );
  });

  itRefuses(
    () => server,
    [
      {
        name: 'a name that is taken',
        rest: () => ['PATCH', at(main, '/shout'), { name: 'plus' }],
        graphql: () => [UPDATE, { input: { agentId: main, tool: 'shout', name: 'plus' } }],
        status: 409,
        code: 'conflict',
        field: 'name',
      },
      {
        name: 'a tool that the agent does not have',
        rest: () => ['PATCH', at('TasksAgent', '/shout'), { group: 'g' }],
        graphql: () => [UPDATE, { input: { agentId: 'TasksAgent', tool: 'shout', group: 'g' } }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'another kind',
        rest: () => ['PATCH', at(main, '/shout'), { kind: 'http', config: {} }],
        status: 422,
        code: 'validation_failed',
        field: 'kind',
      },
      {
        name: 'an unknown field',
        rest: () => ['PATCH', at(main, '/shout'), { require_aproval: true }],
        status: 422,
        code: 'validation_failed',
      },
      {
        name: 'approval without enabled',
        rest: () => ['PUT', at(main, '/shout/approval'), {}],
        status: 422,
        code: 'validation_failed',
        field: 'enabled',
      },
      {
        name: 'approval with no time',
        rest: () => ['PUT', at(main, '/shout/approval'), { enabled: true, timeout_seconds: 0 }],
        graphql: () => [GATE, { input: { agentId: main, tool: 'shout', enabled: true, timeoutSeconds: 0 } }],
        status: 422,
        code: 'validation_failed',
        field: 'timeout_seconds',
      },
      {
        name: 'approval of a tool that the agent does not have',
        rest: () => ['PUT', at(main, '/nothing/approval'), { enabled: true }],
        graphql: () => [GATE, { input: { agentId: main, tool: 'nothing', enabled: true } }],
        status: 404,
        code: 'not_found',
      },
    ],
  );
});

describe('removing a tool', () => {
  it('takes it from one agent, and deletes it softly when no agent has it any more', async () => {
    const { body: tool } = await register('fading', { target_agent_ids: [emails] });
    const first = await member.rest('DELETE', at(main, '/fading'));
    expect(first.status).toBe(200);
    expect(first.body).toEqual({ id: tool.id, message: 'Tool fading was removed from agent MainAgent.' });
    expectProblem(await member.rest('GET', at(main, '/fading')), 404, 'not_found');
    expect((await member.rest('GET', at(emails, '/fading'))).status).toBe(200);
    const { removeTool } = await dataOf(
      member.graphql(REMOVE, { input: { agentId: emails, tool: tool.id } }),
    );
    expect(removeTool.message).toMatch(/fading was removed from agent EmailsAgent.*deleted/);
    const again = await register('fading');
    expect(again.body.id).not.toBe(tool.id);
    expect(again.body.version).toBe(1);
  });

  it('never deletes a built-in tool', async () => {
    await member.rest('DELETE', at('ResearchAgent', '/web_fetch'));
    await member.rest('DELETE', at(main, '/web_fetch'));
    const { tools } = await dataOf(member.graphql('{ tools { name } }'));
    expect(tools).toContainEqual({ name: 'web_fetch' });
    const { assignTool } = await dataOf(
      member.graphql('mutation ($input: AssignToolInput!) { assignTool(input: $input) { name } }', {
        input: { agentId: main, toolId: 'web_fetch' },
      }),
    );
    expect(assignTool).toEqual({ name: 'web_fetch' });
  });

  itRefuses(
    () => server,
    [
      {
        name: 'a tool that the agent does not have',
        rest: () => ['DELETE', at(main, '/nothing')],
        graphql: () => [REMOVE, { input: { agentId: main, tool: 'nothing' } }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'an unknown agent',
        rest: () => ['DELETE', at(UNKNOWN, '/shout')],
        graphql: () => [REMOVE, { input: { agentId: UNKNOWN, tool: 'shout' } }],
        status: 404,
        code: 'not_found',
      },
    ],
  );
});
