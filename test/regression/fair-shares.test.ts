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

it('the places of runs that were ended are free again', async () => {
  stub.default({ text: 'done' });
  const { status, body } = await chat(mallory, {
    message: 'hello',
    model: 'openai/gpt-4.1-mini',
    verbose: true,
  });
  expect({ status, text: body.text }).toEqual({ status: 200, text: 'done' });
}, 60_000);
