import { type Json, startTestServer, type TestServer } from '../testkit/server';
import { BAKING, freshName, makeBase, PIRATES, SPACE } from './kit';

let server: TestServer;
let agentId: string;

beforeAll(async () => {
  server = await startTestServer();
  agentId = await server.dev.agentId();
});
afterAll(() => server.close());

async function chat(message: string, fields: object = {}): Promise<Json[]> {
  const stream = await server.dev.stream('POST', `/api/v1/agent/${agentId}/chat`, {
    conversation_id: freshName('chat'),
    message_id: freshName('message'),
    message,
    ...fields,
  });
  return (await stream.all()).map(({ data }) => data);
}

describe('the tool search_knowledge in a chat', () => {
  let bases: Json[];

  beforeAll(async () => {
    bases = [await makeBase(server.dev, [PIRATES, BAKING]), await makeBase(server.dev, [SPACE])];
    for (const { id } of bases)
      await server.dev.rest('POST', `/api/v1/agents/${agentId}/knowledge-bases/${id}`);
  });

  it('searches the bases of the agent, and the end of the chat cites what it found', async () => {
    const end = (await chat('Use search_knowledge with query="Where is gold buried?" limit=2')).at(-1);
    expect(end).toMatchObject({ type: 'end' });
    expect(end.content.text).toContain('gold buried on remote islands');
    const [first, second] = end.content.citations;
    expect(end.content.citations).toHaveLength(2);
    expect(first).toEqual({
      index: 1,
      knowledge_base_id: bases[0]!.id,
      document_id: expect.any(String),
      chunk_id: expect.any(String),
      source_file: 'pirates.md',
      title: 'Pirates',
      quote: expect.stringContaining('Blackbeard'),
      start: expect.any(Number),
      end: expect.any(Number),
      score: expect.any(Number),
    });
    expect(second).toMatchObject({ index: 2 });
    const chunk = await server.dev.rest(
      'GET',
      `/api/v1/knowledge-bases/${bases[0]!.id}/chunks/${first.chunk_id}`,
    );
    expect(chunk.body.content.slice(0, 300)).toBe(first.quote);
  });

  it('cites a passage once that the chat was given and that the tool found as well', async () => {
    const end = (
      await chat('Use search_knowledge with query="gold buried on islands" limit=1', {
        knowledge_bases: [bases[0]!.id],
        retrieval_options: { limit: 1 },
      })
    ).at(-1);
    expect(end.content.citations.map((one: Json) => [one.index, one.source_file])).toEqual([
      [1, 'pirates.md'],
    ]);
  });

  it('cites nothing where nothing was searched', async () => {
    expect((await chat('Who are you?')).at(-1).content).not.toHaveProperty('citations');
  });
});
