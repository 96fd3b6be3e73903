import { setTimeout } from 'node:timers/promises';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';

/** Generous for a busy machine; what is tested waited for more than half a minute. */
const ANSWER_MS = 15_000;

let server: TestServer;
let stub: StubProvider;
let mallory: Client;
let bob: Client;
let turn = 0;

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer({
    OPENAI_BASE_URL: stub.url,
    OPENAI_API_KEY: 'sk-test',
    AGENTFLOW_MAX_CONCURRENT_RUNS: '4',
  });
  mallory = await server.as({ tenant: 'evil', user: 'mallory' });
  bob = await server.as({ tenant: 'other', user: 'bob' });
  await chat(bob, { message: 'Warm up.', model: 'agentflow/local' });
}, 90_000);

afterAll(async () => {
  await server.close();
  await stub.close();
});

const chat = (client: Client, body: object): Promise<Json> =>
  client.rest('POST', '/api/v1/agent/MainAgent/chat', {
    conversation_id: `c-${++turn}`,
    message_id: `m-${turn}`,
    stream: false,
    ...body,
  });

it("another tenant's chat is answered while one tenant's chats wait for their models for ever", async () => {
  stub.default({ hang: 'body' });
  const ids = Array.from({ length: 12 }, (_, index) => `hang-${index}`);
  const waiting = ids.map((conversation_id) =>
    chat(mallory, { message: 'x', model: 'openai/gpt-4.1-mini', conversation_id }),
  );
  await stub.arrived(4);
  const begun = performance.now();
  const { status } = await chat(bob, { message: 'hello', model: 'agentflow/local' });
  expect(status).toBe(200);
  expect(performance.now() - begun).toBeLessThan(ANSWER_MS);
  for (const id of ids) await mallory.rest('DELETE', `/api/v1/conversations/${id}`);
  stub.default({});
  await Promise.all(waiting);
}, 60_000);

const ENDLESS = 'function forever() { for (;;) {} }';

it("another tenant's code runs while one tenant's endless dry runs are under way, which end with their caller", async () => {
  const hangUp = new AbortController();
  const token = await server.token({ tenant: 'evil', user: 'mallory' });
  const dryRuns = Array.from({ length: 10 }, () =>
    fetch(`${server.url}/api/v1/agent/MainAgent/tools/dry-run`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ function_code: ENDLESS, language: 'javascript', arguments: {} }),
      signal: hangUp.signal,
    }).then(
      ({ status }) => status,
      (error: unknown) => (error as Error).name,
    ),
  );
  const dryRun = () =>
    bob.rest('POST', '/api/v1/agent/MainAgent/tools/dry-run', {
      function_code: 'function add(a, b) { return a + b; }',
      language: 'javascript',
      arguments: { a: 1, b: 2 },
    });
  const begun = performance.now();
  const { status, body } = await dryRun();
  expect({ status, result: body.result }).toEqual({ status: 200, result: 3 });
  expect(performance.now() - begun).toBeLessThan(ANSWER_MS);
  hangUp.abort();
  expect(new Set(await Promise.all(dryRuns))).toEqual(new Set(['AbortError']));
  const after = performance.now();
  // More than are kept for others: the processes of the first caller are free again.
  expect((await Promise.all(Array.from({ length: 6 }, dryRun))).map((answer) => answer.body.result)).toEqual(
    Array(6).fill(3),
  );
  expect(performance.now() - after).toBeLessThan(ANSWER_MS);
}, 90_000);

it('the places of runs that were ended are free again', async () => {
  stub.default({ text: 'done' });
  const { status, body } = await chat(mallory, {
    message: 'hello',
    model: 'openai/gpt-4.1-mini',
    verbose: true,
  });
  expect({ status, text: body.text }).toEqual({ status: 200, text: 'done' });
}, 60_000);

/** Links in a row, whose main part is searched for: seconds of work. */
const SLOW_PAGE = '<a href=x>word word</a> '.repeat(15_000);

const upload = async (client: Client, content: string, fileName: string, signal?: AbortSignal) => {
  const form = new FormData();
  form.set('file', new Blob([content]), fileName);
  const response = await fetch(`${client.url}/api/v1/attachments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.token}` },
    body: form,
    signal,
  });
  return { status: response.status, body: await response.json() };
};

it("another tenant's upload is read while one tenant's hostile pages hold the readers, which end with their caller", async () => {
  const hangUp = new AbortController();
  let answered = 0;
  const hostile = Array.from({ length: 8 }, (_, index) =>
    upload(mallory, SLOW_PAGE, `page-${index}.html`, hangUp.signal).then(
      () => answered++,
      (error: unknown) => expect((error as Error).name).toBe('AbortError'),
    ),
  );
  await setTimeout(1_000);
  const { status, body } = await upload(bob, 'A page of words.', 'page.txt');
  expect({ status, text: body.text_status }).toEqual({ status: 201, text: 'parsed' });
  // Those whose turn it was already; the others wait.
  expect(answered).toBeLessThanOrEqual(2);
  hangUp.abort();
  await Promise.all(hostile);
  expect((await upload(mallory, 'Read at once.', 'next.txt')).body.text_status).toBe('parsed');
  const { body: kept } = await mallory.rest('GET', '/api/v1/attachments');
  expect(kept.total).toBeLessThanOrEqual(answered + 1);
}, 90_000);
