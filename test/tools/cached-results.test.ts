import { dataOf, expectProblem, itRefuses, stubEnvironment } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { startStubProvider, type StubProvider } from '../testkit/stub-provider';

const ITEMS =
  'query ($c: ID!, $r: ID!, $limit: Int, $offset: Int, $cursor: String) { cachedResultItems(conversationId: $c, cacheId: $r, limit: $limit, offset: $offset, cursor: $cursor) { items total limit offset nextCursor } }';
const WHOLE =
  'query ($c: ID!, $r: ID!) { cachedResult(conversationId: $c, cacheId: $r) { id toolName toolCallId itemCount bytes value } }';
const CONVERSATION = 'large-results';

let stub: StubProvider;
let server: TestServer;
let member: Client;
let main: string;
let turn = 0;

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer(stubEnvironment(stub.url));
  member = await server.as({ user: 'ada' });
  main = await member.agentId();
  for (const [name, code] of [
    [
      'rows',
      'function rows(n) { return Array.from({ length: n }, (_, i) => ({ id: i, text: "x".repeat(90) })); }',
    ],
    [
      'wrapped',
      'function wrapped(n) { return { ok: true, few: [1], rows: Array.from({ length: n }, (_, i) => i) }; }',
    ],
    ['lines', 'function lines(n) { return Array.from({ length: n }, (_, i) => "line " + i).join("\\n"); }'],
    ['blob', 'function blob(n) { return { text: "y".repeat(n) }; }'],
  ])
    await member.rest('POST', `/api/v1/agent/${main}/tools`, { name, description: 'd', function_code: code });
});
afterAll(async () => {
  await server?.close();
  await stub.close();
});

const at = (cacheId: string, rest = '', conversation = CONVERSATION): string =>
  `/api/v1/conversations/${conversation}/cached-results/${cacheId}${rest}`;

/** Lets the model call a tool and answers what it was told. */
async function call(name: string, args: Json): Promise<string> {
  stub.next({ toolCalls: [{ id: `call_${++turn}`, name, arguments: JSON.stringify(args) }] });
  stub.next({ text: 'Done.' });
  const { body } = await member.rest('POST', `/api/v1/agent/${main}/chat`, {
    message: 'Go.',
    conversation_id: CONVERSATION,
    message_id: `m-${turn}`,
    stream: false,
  });
  expect(body).toMatchObject({ status: 'completed' });
  return stub.requests.at(-1)!.body.messages.at(-1).content as string;
}

it('shows the model small results whole and large ones in short, with how to read on', async () => {
  expect(JSON.parse(await call('rows', { n: 2 }))).toHaveLength(2);
  const summary = JSON.parse(await call('rows', { n: 500 }));
  expect(summary).toMatchObject({
    cached: true,
    cache_id: expect.any(String),
    type: 'array',
    item_count: 500,
    how_to_read_more: expect.stringContaining('read_cached_result'),
  });
  expect(summary.bytes).toBeGreaterThan(50_000);
  expect(JSON.stringify(summary).length).toBeLessThan(4_000);
});

it('gives its owner the whole payload and its items page by page', async () => {
  const { cache_id } = JSON.parse(await call('rows', { n: 120 }));
  const whole = await member.rest('GET', at(cache_id));
  expect(whole.status).toBe(200);
  expect(whole.body).toHaveLength(120);
  const first = await member.rest('GET', at(cache_id, '/items'));
  expect(first.body).toMatchObject({ total: 120, limit: 50, offset: 0, next_cursor: expect.any(String) });
  expect(first.body.items).toHaveLength(50);
  const second = await member.rest('GET', at(cache_id, `/items?cursor=${first.body.next_cursor}&limit=100`));
  expect(second.body).toMatchObject({ offset: 50, next_cursor: null });
  expect([...first.body.items, ...second.body.items]).toEqual(whole.body);
  const some = await member.rest('GET', at(cache_id, '/items?limit=2&offset=7'));
  expect(some.body.items.map((item: Json) => item.id)).toEqual([7, 8]);
  expect((await member.rest('GET', at(cache_id, '/items?offset=500'))).body).toMatchObject({
    items: [],
    next_cursor: null,
  });
});

it('does the same over GraphQL, and names the result in the ledger of the run', async () => {
  const { cache_id } = JSON.parse(await call('rows', { n: 120 }));
  const variables = { c: CONVERSATION, r: cache_id };
  const { cachedResult } = await dataOf(member.graphql(WHOLE, variables));
  expect(cachedResult).toMatchObject({ id: cache_id, toolName: 'rows', itemCount: 120 });
  expect(cachedResult.value).toHaveLength(120);
  const { cachedResultItems } = await dataOf(member.graphql(ITEMS, { ...variables, limit: 3, offset: 1 }));
  expect(cachedResultItems).toMatchObject({ total: 120, limit: 3, offset: 1, nextCursor: '4' });
  const { body } = await member.rest('GET', `/api/v1/conversations/${CONVERSATION}/runs`);
  const run = body.runs.find((one: Json) => one.message_id === `m-${turn}`);
  const { toolCalls } = await dataOf(
    member.graphql(
      'query ($runId: ID!) { toolCalls(runId: $runId) { id toolName kind status arguments cacheId } }',
      { runId: run.id },
    ),
  );
  expect(toolCalls).toEqual([
    {
      id: cachedResult.toolCallId,
      toolName: 'rows',
      kind: 'javascript',
      status: 'SUCCEEDED',
      arguments: { n: 120 },
      cacheId: cache_id,
    },
  ]);
  const other = await server.as({ user: 'bob' });
  const answer = await other.graphql('query ($runId: ID!) { toolCalls(runId: $runId) { id } }', {
    runId: run.id,
  });
  expect(answer.errors![0]!.extensions.code).toBe('not_found');
});

it.each([
  ['the longest list of an object', 'wrapped', 3_000, 3_000],
  ['the lines of a text', 'lines', 2_000, 2_000],
  ['anything else as one item', 'blob', 20_000, 1],
])('pages through %s', async (_what, tool, n, total) => {
  const { cache_id, item_count } = JSON.parse(await call(tool, { n }));
  expect(item_count).toBe(total);
  const { body } = await member.rest('GET', at(cache_id, '/items?limit=1'));
  expect(body).toMatchObject({ total, items: [expect.anything()] });
});

it('lets the model read on, in answers small enough to be shown whole', async () => {
  const { cache_id } = JSON.parse(await call('rows', { n: 300 }));
  const page = JSON.parse(await call('read_cached_result', { cache_id, limit: 100, offset: 10 }));
  expect(page.total).toBe(300);
  expect(page.items[0]).toMatchObject({ id: 10 });
  expect(page.next_offset).toBe(10 + page.items.length);
  const blob = JSON.parse(await call('blob', { n: 20_000 }));
  const cut = JSON.parse(await call('read_cached_result', { cache_id: blob.cache_id }));
  expect(cut.items).toEqual([
    expect.objectContaining({ cut: true, beginning: expect.stringContaining('yyy') }),
  ]);
});

it('tells the model when there is no such result in this conversation', async () => {
  expect(await call('read_cached_result', { cache_id: 'none' })).toMatch(/none does not exist/);
});

describe('other callers', () => {
  let cacheId: string;
  beforeAll(async () => {
    cacheId = JSON.parse(await call('rows', { n: 200 })).cache_id;
  });

  it('cannot read it: another user, another conversation, another tenant', async () => {
    const bob = await server.as({ user: 'bob' });
    const eve = await server.as({ tenant: 'other', user: 'ada' });
    for (const client of [bob, eve])
      for (const rest of ['', '/items'])
        expectProblem(await client.rest('GET', at(cacheId, rest)), 404, 'not_found');
    await member.rest('POST', '/api/v1/conversations', { id: 'empty', agent_id: main });
    expectProblem(await member.rest('GET', at(cacheId, '', 'empty')), 404, 'not_found');
  });

  itRefuses(
    () => server,
    [
      ...(
        [
          ['a limit of 0', 'limit=0', { limit: 0 }, 'limit'],
          ['a limit above 100', 'limit=101', { limit: 101 }, 'limit'],
          ['a negative offset', 'offset=-1', { offset: -1 }, 'offset'],
        ] as const
      ).map(([name, query, variables, field]) => ({
        name,
        rest: (): [string, string] => ['GET', at(cacheId, `/items?${query}`)],
        graphql: (): [string, Json] => [ITEMS, { c: CONVERSATION, r: cacheId, ...variables }],
        client: () => member,
        status: 422,
        code: 'validation_failed',
        field: new RegExp(`${field}$`),
      })),
      {
        name: 'a cursor of something else',
        rest: () => ['GET', at(cacheId, '/items?cursor=abc')],
        graphql: () => [ITEMS, { c: CONVERSATION, r: cacheId, cursor: 'abc' }],
        client: () => member,
        status: 422,
        code: 'validation_failed',
        field: /cursor$/,
      },
    ],
  );
});
