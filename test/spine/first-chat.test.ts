import { startTestServer, type TestServer } from '../testkit/server';

describe('the thinnest slice', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  it('streams an answer over REST whose deltas are the text of the end', async () => {
    const agent = await server.dev.agentId();
    const stream = await server.dev.stream('POST', `/api/v1/agent/${agent}/chat`, {
      message: 'Who are you?',
      conversation_id: 'slice-1',
      message_id: 'm1',
    });
    const events = await stream.all();
    const deltas = events.filter(({ data }) => data.type === 'delta').map(({ data }) => data.content);
    expect(events.at(-1)!.data.type).toBe('end');
    expect(deltas.join('')).toBe(events.at(-1)!.data.content.text);
    expect(stream.retry).toBe(5000);
    expect(events.map(({ id, data }) => id === String(data.seq))).not.toContain(false);
  });

  it('shows the same conversation over GraphQL', async () => {
    const { data, errors } = await server.dev.graphql(
      '{ conversation(id: "slice-1") { title messageCount hasActiveGeneration runs(first: 5) { totalCount edges { node { status } } } } }',
    );
    expect(errors).toBeUndefined();
    expect(data.conversation).toEqual({
      title: 'Who are you?',
      messageCount: 2,
      hasActiveGeneration: false,
      runs: { totalCount: 1, edges: [{ node: { status: 'COMPLETED' } }] },
    });
  });
});
