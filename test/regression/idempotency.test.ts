import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { dataOf, expectProblem } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';

const OPENAPI = path.resolve(__dirname, '..', '..', 'rest-facade', 'openapi');
/** POSTs that change nothing, or that may be repeated as they are. */
const READING = [
  /\/search$/,
  /\/capability\/retrieve$/,
  /\/documents\/filter$/,
  /\/knowledge-bases\/preview$/,
  /^\/api\/v1\/cancel\//,
  /\/approvals\/cleanup-expired$/,
];

let server: TestServer;
let ada: Client;
let bob: Client;
let main: string;
let used = 0;

beforeAll(async () => {
  server = await startTestServer();
  [ada, bob] = await Promise.all([server.as({ user: 'ada' }), server.as({ user: 'bob' })]);
  main = await ada.agentId();
  await ada.rest('POST', `/api/v1/agent/${main}/tools`, {
    name: 'draw',
    description: 'Draws a number.',
    function_code: 'function draw(n) { return [n, Math.random()]; }',
  });
  await ada.rest('POST', `/api/v1/agent/${main}/tools`, {
    name: 'gated',
    description: 'Waits.',
    function_code: 'function gated(n) { return n; }',
    require_approval: true,
  });
});
afterAll(() => server.close());

it('every POST that creates, runs or sends takes the header Idempotency-Key', () => {
  const lacking: string[] = [];
  for (const file of readdirSync(OPENAPI)) {
    const { paths = {} } = parse(readFileSync(path.join(OPENAPI, file), 'utf8')) as { paths?: Json };
    for (const [route, { post }] of Object.entries(paths as Record<string, Json>)) {
      if (!post || READING.some((pattern) => pattern.test(route))) continue;
      const isNamed = JSON.stringify(post.parameters ?? []).includes('IdempotencyKey');
      if (post['x-agentflow']?.idempotent !== true || !isNamed) lacking.push(route);
    }
  }
  expect(lacking).toEqual([]);
});

const key = (): Record<string, string> => ({ 'idempotency-key': randomUUID() });
const runTool = (client: Client, body: Json, headers = {}, tool = 'draw') =>
  client.rest(
    'POST',
    `/api/v1/agent/${main}/tools/${tool}/run`,
    { arguments: { n: 1 }, conversation_id: `c-${++used}`, message_id: `m-${used}`, ...body },
    headers,
  );

describe('the header Idempotency-Key', () => {
  it('of a chat answers the retry what the first one got, and another body 409', async () => {
    const headers = key();
    const body = { message: 'hello', conversation_id: `c-${++used}`, message_id: 'm', stream: false };
    const route = `/api/v1/agent/${main}/chat`;
    const first = await ada.rest('POST', route, body, headers);
    const again = await ada.rest('POST', route, body, headers);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    const other = { ...body, message_id: 'm2' };
    expectProblem(await ada.rest('POST', route, other, headers), 409, 'idempotency_mismatch');
  });

  it('of a streamed tool run gets the stream of the same run again', async () => {
    const headers = key();
    const body = { arguments: { n: 1 }, conversation_id: `c-${++used}`, message_id: 'm', stream: true };
    const events = async (): Promise<[Json[], string | null]> => {
      const stream = await ada.stream('POST', `/api/v1/agent/${main}/tools/draw/run`, body, headers);
      const seen: Json[] = [];
      for await (const { id, data } of stream) seen.push([id, data]);
      return [seen, stream.response.headers.get('idempotent-replayed')];
    };
    const [first, replayed] = await events();
    const [second, replayedThen] = await events();
    expect(first.length).toBeGreaterThan(1);
    expect(second).toEqual(first);
    expect([replayed, replayedThen]).toEqual([null, 'true']);
  });

  it('of a tool run, a trial and a sub-agent run does the work once', async () => {
    const body = { conversation_id: `c-${++used}`, message_id: 'm' };
    const headers = key();
    const [one, two] = [await runTool(ada, body, headers), await runTool(ada, body, headers)];
    expect(two.body).toEqual(one.body);
    expect((await runTool(ada, body)).body.result).not.toEqual(one.body.result);
    const trial = { function_code: 'function f() { return Math.random(); }' };
    const dry = key();
    const route = `/api/v1/agent/${main}/tools/dry-run`;
    const tried = await ada.rest('POST', route, trial, dry);
    expect((await ada.rest('POST', route, trial, dry)).body).toEqual(tried.body);
    const emails = await ada.agentId('EmailsAgent');
    const sub = { message: 'hello', conversation_id: `c-${++used}`, message_id: 'm', stream: false };
    const subKey = key();
    const subRoute = `/api/v1/agent/${main}/subagents/${emails}/run`;
    const answered = await ada.rest('POST', subRoute, sub, subKey);
    expect((await ada.rest('POST', subRoute, sub, subKey)).body).toEqual(answered.body);
  });
});

describe('the idempotency_key of a tool run', () => {
  it('holds over conversations, and the retry leaves no conversation behind', async () => {
    const idempotency_key = randomUUID();
    const first = await runTool(ada, { idempotency_key });
    const again = await runTool(ada, { idempotency_key });
    expect(again.body).toEqual(first.body);
    expectProblem(await ada.rest('GET', `/api/v1/conversations/c-${used}`), 404, 'not_found');
    const graphql = await dataOf(
      ada.graphql('mutation ($input: ToolRunInput!) { runTool(input: $input) { callId } }', {
        input: {
          agentId: main,
          tool: 'draw',
          arguments: { n: 1 },
          conversationId: `c-${++used}`,
          messageId: 'm',
          idempotencyKey: idempotency_key,
        },
      }),
    );
    expect(graphql.runTool.callId).toBe(first.body.call_id);
  });

  it('is of one user and one tool', async () => {
    const idempotency_key = randomUUID();
    const first = await runTool(ada, { idempotency_key });
    const others = await runTool(bob, { idempotency_key });
    expect(others.status).toBe(200);
    expect(others.body.call_id).not.toBe(first.body.call_id);
    expect((await runTool(ada, { idempotency_key }, {}, 'gated')).status).toBe(202);
    expectProblem(await runTool(ada, { idempotency_key, arguments: { n: 2 } }), 409, 'idempotency_mismatch');
  });

  it('is in flight while the run waits, from any conversation', async () => {
    const idempotency_key = randomUUID();
    expect((await runTool(ada, { idempotency_key }, {}, 'gated')).status).toBe(202);
    expectProblem(await runTool(ada, { idempotency_key }, {}, 'gated'), 409, 'idempotency_in_flight');
  });

  it('runs once for requests at one time', async () => {
    const idempotency_key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 5 }, () => runTool(ada, { idempotency_key })));
    const ids = new Set(answers.flatMap(({ body }) => (body.call_id as string | undefined) ?? []));
    expect(ids.size).toBe(1);
    for (const { status, body } of answers)
      expect([200, 409]).toContain(body.code === 'idempotency_in_flight' ? 409 : status);
  });
});

describe('a call id that a client chose', () => {
  const chat = (client: Client, call_id: string) =>
    client.rest('POST', `/api/v1/agent/${main}/chat`, {
      message: 'hello',
      conversation_id: `c-${++used}`,
      message_id: 'm',
      call_id,
      stream: false,
    });

  it('is of one user: that somebody else used it neither shows nor keeps anybody from it', async () => {
    const id = `call-${randomUUID()}`;
    const first = await chat(ada, id);
    expect(first).toMatchObject({ status: 200, body: { call_id: id } });
    const second = await chat(bob, id);
    expect(second).toMatchObject({ status: 200, body: { call_id: id } });
    for (const [client, run] of [
      [ada, first],
      [bob, second],
    ] as const)
      expect((await client.rest('POST', `/api/v1/cancel/${id}`)).body).toMatchObject({
        run_id: run.body.run_id,
        already_finished: true,
      });
    const carol = await server.as({ user: 'carol' });
    expectProblem(await carol.rest('POST', `/api/v1/cancel/${id}`), 404, 'not_found');
    expectProblem(await chat(ada, id), 409, 'conflict', 'call_id');
  });
});
