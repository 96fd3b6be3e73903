import { startTestServer, type TestServer } from '../testkit/server';

describe("an agent's name in place of its id", () => {
  let server: TestServer;
  let id: string;
  beforeAll(async () => {
    server = await startTestServer();
    id = await server.dev.agentId('MainAgent');
  });
  afterAll(() => server.close());

  it('starts a chat over GraphQL, whose run and conversation carry the id', async () => {
    const { data, errors } = await server.dev.graphql(
      `mutation { chat(input: { agentId: "MainAgent", conversationId: "by-name", messageId: "m1", message: "Hi" }) { runId } }`,
    );
    expect(errors).toBeUndefined();
    const read = await server.dev.graphql(
      'query Read($run: ID!) { run(id: $run) { agentId } conversation(id: "by-name") { agentId } }',
      { run: data.chat.runId },
    );
    expect(read.data).toEqual({ run: { agentId: id }, conversation: { agentId: id } });
  });

  it('is taken by REST, too, also to read and to list by', async () => {
    expect((await server.dev.rest('GET', '/api/v1/agent/MainAgent')).body.id).toBe(id);
    const made = await server.dev.rest('POST', '/api/v1/conversations', {
      agent_id: 'MainAgent',
      id: 'made',
    });
    expect(made.status).toBe(201);
    const { data } = await server.dev.graphql(
      '{ conversations(agentId: "MainAgent") { conversations { id agentId } } }',
    );
    expect(data.conversations.conversations).toContainEqual({ id: 'made', agentId: id });
  });

  it('sees a change at once', async () => {
    const say = (messageId: string) =>
      server.dev.graphql(
        `mutation { chat(input: { agentId: "Renamed", conversationId: "${messageId}", messageId: "${messageId}", message: "Hi" }) { status } }`,
      );
    const made = await server.dev.rest('POST', `/api/v1/agent/MainAgent/subagents`, {
      name: 'First',
      description: 'One that is renamed.',
      system_prompt: 'Be brief.',
    });
    expect(made.status).toBe(201);
    expect((await say('before')).errors![0]!.extensions.code).toBe('not_found');
    await server.dev.graphql(
      'mutation Rename($id: ID!) { updateAgentConfig(input: { agentId: $id, name: "Renamed" }) { id } }',
      { id: made.body.id },
    );
    expect((await say('after')).data.chat.status).toBe('COMPLETED');
    await server.dev.graphql(
      'mutation Rename($id: ID!) { updateAgentConfig(input: { agentId: $id, name: "Other" }) { id } }',
      { id: made.body.id },
    );
    expect((await say('again')).errors![0]!.extensions.code).toBe('not_found');
  });

  it('is answered with not_found when nobody has it', async () => {
    const { errors } = await server.dev.graphql('{ agent(id: "Nobody") { id } }');
    expect(errors![0]!.message).toBe('Agent Nobody does not exist.');
  });
});
