import { dataOf, expectGraphQLError, expectProblem, itRefuses } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';

const UNKNOWN = '00000000-0000-7000-8000-000000000000';
const ASSIGN = 'mutation ($input: AssignToolInput!) { assignTool(input: $input) { id name } }';
const REMOVE = 'mutation ($input: RemoveToolInput!) { removeTool(input: $input) { id message } }';
const LIST =
  'query ($agentId: ID!, $parentId: ID) { agentTools(agentId: $agentId, parentId: $parentId) { name } availableTools(agentId: $agentId, parentId: $parentId) { name } }';

let server: TestServer;
let member: Client;
let main: string;
let emails: string;
let sub: string;
let toolId: string;

const at = (rest: string, parent = main, child = sub): string =>
  `/api/v1/agent/${parent}/subagents/${child}${rest}`;
const names = (tools: Json): string[] => tools.map((tool: Json) => tool.name);
const makeSubAgent = (name: string, more: Json = {}) =>
  member.rest('POST', `/api/v1/agent/${main}/subagents`, {
    name,
    description: 'd',
    system_prompt: 'p',
    ...more,
  });

beforeAll(async () => {
  server = await startTestServer();
  member = await server.as({ user: 'ada' });
  main = await member.agentId();
  emails = await member.agentId('EmailsAgent');
  sub = (await makeSubAgent('Helper')).body.id;
  const tool = await member.rest('POST', `/api/v1/agent/${main}/tools`, {
    name: 'add',
    description: 'Adds.',
    function_code: 'function add(a, b) { return a + b; }',
  });
  toolId = tool.body.id;
});
afterAll(() => server.close());

it('gives a sub-agent a tool by id or name, once, and takes it away again', async () => {
  expect((await member.rest('GET', at('/tools'))).body).toEqual([]);
  expect(names((await member.rest('GET', at('/available-tools'))).body)).toContain('add');
  for (const tool_id of [toolId, 'add']) {
    const { status, body } = await member.rest('POST', at('/tools'), { tool_id });
    expect({ status, id: body.tool_id }).toEqual({ status: 200, id: toolId });
  }
  const { body, headers } = await member.rest('GET', at('/tools'));
  expect(names(body)).toEqual(['add']);
  expect(headers.get('x-total-count')).toBe('1');
  expect(names((await member.rest('GET', at('/available-tools'))).body)).not.toContain('add');
  const gone = await member.rest('DELETE', at('/tools/add'));
  expect(gone.body).toEqual({ id: toolId, message: 'Tool add was removed from agent Helper.' });
  expect((await member.rest('GET', at('/tools'))).body).toEqual([]);
  expect((await member.rest('GET', `/api/v1/agent/${main}/tools/add`)).status).toBe(200);
});

it('does the same over GraphQL', async () => {
  const path = { parentId: main, agentId: sub };
  const { assignTool } = await dataOf(member.graphql(ASSIGN, { input: { ...path, toolId } }));
  expect(assignTool).toEqual({ id: toolId, name: 'add' });
  const lists = await dataOf(member.graphql(LIST, path));
  expect(names(lists.agentTools)).toEqual(['add']);
  expect(names(lists.availableTools)).not.toContain('add');
  const { removeTool } = await dataOf(member.graphql(REMOVE, { input: { ...path, tool: 'add' } }));
  expect(removeTool.id).toBe(toolId);
});

it('stores tool_assignments with the sub-agent, by name or id, and shows them as its tools', async () => {
  const { status, body } = await makeSubAgent('Equipped', { tool_assignments: ['add', 'current_time'] });
  expect(status).toBe(201);
  expect(body.tools.sort()).toEqual(['add', 'current_time']);
  const changed = await member.rest('PATCH', at('', main, body.id), { tool_assignments: [toolId] });
  expect(changed.body.tools).toEqual(['add']);
  expect(names((await member.rest('GET', at('/tools', main, body.id))).body)).toEqual(['add']);
  const untouched = await member.rest('PATCH', at('', main, body.id), { description: 'other' });
  expect(untouched.body.tools).toEqual(['add']);
  const config = await member.rest('PATCH', `/api/v1/agent/${body.id}/config`, { tool_assignments: [] });
  expect(config.body.tool_assignments).toEqual([]);
});

it('names no sub-agent like a tool of its parent, which models could not tell apart', async () => {
  expectProblem(await makeSubAgent('add'), 409, 'conflict', 'name');
  expectProblem(await member.rest('PATCH', at(''), { name: 'add' }), 409, 'conflict', 'name');
  expect(names((await member.rest('GET', '/api/v1/agents')).body)).not.toContain('add');
});

it('makes no sub-agent and changes none when a tool is unknown', async () => {
  expectProblem(
    await makeSubAgent('Never', { tool_assignments: ['add', 'nothing'] }),
    422,
    'validation_failed',
    'tool_assignments.1',
  );
  expect(names((await member.rest('GET', '/api/v1/agents')).body)).not.toContain('Never');
  const before = await member.rest('GET', at(''));
  expectProblem(
    await member.rest('PATCH', at(''), { description: 'changed', tool_assignments: ['nothing'] }),
    422,
    'validation_failed',
    'tool_assignments.0',
  );
  expect((await member.rest('GET', at(''))).body).toEqual(before.body);
  expectGraphQLError(
    await member.graphql('mutation ($input: UpdateSubAgentInput!) { updateSubAgent(input: $input) { id } }', {
      input: { parentId: main, subAgentId: sub, toolAssignments: ['nothing'] },
    }),
    'validation_failed',
    'tool_assignments.0',
  );
});

itRefuses(
  () => server,
  [
    {
      name: 'to list the tools of an agent that is no sub-agent of this one',
      rest: () => ['GET', at('/tools', emails)],
      graphql: () => [LIST, { agentId: sub, parentId: emails }],
      status: 404,
      code: 'not_found',
    },
    {
      name: 'to list what an unknown sub-agent could get',
      rest: () => ['GET', at('/available-tools', main, UNKNOWN)],
      graphql: () => [LIST, { agentId: UNKNOWN, parentId: main }],
      status: 404,
      code: 'not_found',
    },
    {
      name: 'to assign under an unknown parent',
      rest: () => ['POST', at('/tools', UNKNOWN), { tool_id: toolId }],
      graphql: () => [ASSIGN, { input: { parentId: UNKNOWN, agentId: sub, toolId } }],
      status: 404,
      code: 'not_found',
    },
    {
      name: 'to assign an unknown tool',
      rest: () => ['POST', at('/tools'), { tool_id: UNKNOWN }],
      graphql: () => [ASSIGN, { input: { agentId: sub, toolId: UNKNOWN } }],
      status: 404,
      code: 'not_found',
    },
    {
      name: 'to assign nothing',
      rest: () => ['POST', at('/tools'), {}],
      status: 422,
      code: 'validation_failed',
      field: 'tool_id',
    },
    {
      name: 'to assign what is no id',
      rest: () => ['POST', at('/tools'), { tool_id: 5 }],
      status: 422,
      code: 'validation_failed',
      field: 'tool_id',
    },
    {
      name: 'to take away a tool that it does not have',
      rest: () => ['DELETE', at('/tools/search_emails')],
      graphql: () => [REMOVE, { input: { parentId: main, agentId: sub, tool: 'search_emails' } }],
      status: 404,
      code: 'not_found',
    },
  ],
);
