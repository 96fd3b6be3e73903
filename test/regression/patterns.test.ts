import { startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';

/** Twice as much takes twice as long where a pattern is linear; where it is not, these sizes take minutes. */
const LARGE = 900_000;

describe('patterns meet texts of strangers', () => {
  let server: TestServer;
  let stub: StubProvider;
  beforeAll(async () => {
    stub = await startStubProvider();
    server = await startTestServer({
      OPENAI_BASE_URL: stub.url,
      OPENAI_MODEL: 'stub',
      AGENTFLOW_BACKGROUND_MODEL: 'openai/stub',
    });
  });
  afterAll(async () => {
    await server.close();
    await stub.close();
  });

  it.each(['-', '_', '-_'])('a field whose name is %s without end', async (sign) => {
    const name = sign.repeat(LARGE / sign.length);
    const { status, headers } = await server.dev.rest('POST', '/api/v1/conversations', {
      agent_id: 'MainAgent',
      [name]: 1,
    });
    expect(status).toBe(201);
    // Named in short: no client reads headers without end.
    expect(headers.get('agentflow-ignored-fields')!.length).toBeLessThan(100);
  });

  it('source that is nothing but lines', async () => {
    const { status } = await server.dev.rest('POST', '/api/v1/agent/MainAgent/tools', {
      name: 'blank',
      description: 'Nothing.',
      function_code: `${'\n'.repeat(190_000)}x`,
    });
    expect(status).toBe(422);
  });

  it('a version of blanks', async () => {
    const { status } = await server.dev.rest(
      'PATCH',
      '/api/v1/agent/MainAgent/config',
      { description: 'x' },
      { 'if-match': `"x${' '.repeat(12_000)}"x` },
    );
    expect(status).toBe(422);
  });

  it('an address of signs', async () => {
    const { status, body } = await server.dev.rest('POST', '/api/v1/agent/MainAgent/tools', {
      name: 'far',
      description: 'Asks far away.',
      kind: 'http',
      config: { method: 'GET', url: `https://example.com/${'#'.repeat(LARGE)}` },
    });
    expect({ status, path: body.errors[0].path }).toEqual({ status: 422, path: 'config.url' });
  });

  it("a title of a model's that is nothing but stops", async () => {
    stub.default({ text: `Title${'.'.repeat(LARGE)}x` });
    await server.dev.rest('POST', '/api/v1/agent/MainAgent/chat', {
      conversation_id: 'titled',
      message_id: 'm1',
      message: 'Hello',
      stream: false,
    });
    const { status, body } = await server.dev.rest(
      'POST',
      '/api/v1/agent/conversations/titled/title/generate',
    );
    expect({ status, title: typeof body.title }).toEqual({ status: 200, title: 'string' });
  });
});
