import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { startTestServer, type Json, type TestServer } from '../testkit/server';
import { makeBase } from '../knowledge/kit';

const FOLDER = path.join(__dirname, '../../rest-facade/openapi');
const EXAMPLES = parse(readFileSync(path.join(FOLDER, '_examples.yaml'), 'utf8')) as Record<string, Json>;

/** What no stranger can send as it stands, and why: the test below says what a request for them is answered. */
const NEED_SOMETHING_OF_THEIR_OWN = {
  respondToApproval: 'the id of an approval',
  respondToApprovals: 'the id of an approval',
  respondToQuestion: 'the id of a question',
  createKnowledgeBaseFromUrl: 'the network',
  generateTool: 'a language model',
};

interface Operation {
  method: string;
  route: string;
  id: string;
}

describe('what Swagger UI fills in', () => {
  let server: TestServer;
  let openapi: Json;
  beforeAll(async () => {
    server = await startTestServer();
    openapi = (await server.dev.rest('GET', '/openapi.json')).body;
  });
  afterAll(() => server.close());

  const operations = (): Operation[] =>
    Object.entries<Json>(openapi.paths).flatMap(([route, item]) =>
      Object.entries<Json>(item)
        .filter(([, operation]) => operation.requestBody?.content?.['application/json'])
        .map(([method, operation]) => ({ method: method.toUpperCase(), route, id: operation.operationId })),
    );

  it('is an example for every JSON body', () => {
    const shown = operations().map(({ method, route, id }) => [
      id,
      openapi.paths[route][method.toLowerCase()].requestBody.content['application/json'].example,
    ]);
    expect(Object.fromEntries(shown)).toEqual(EXAMPLES);
  });

  it('is accepted as it stands', async () => {
    const send = async (id: string, values: Record<string, string> = {}) => {
      const { method, route } = operations().find((operation) => operation.id === id)!;
      const filled = route.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'MainAgent');
      const { status, body } = await server.dev.rest(method, filled, EXAMPLES[id]);
      answered[id] = status < 300 ? 'accepted' : JSON.stringify(body);
      return body;
    };
    const answered: Record<string, string> = {};
    const { id: base } = await makeBase(
      server.dev,
      [{ name: 'lamp.md', content: 'The lamp has a battery that lasts nine hours.' }],
      { name: 'manuals' },
    );

    await send('registerTool');
    await send('persistTool');
    await send('runTool', { tool_id: 'pay' });
    await send('dryRunTool');
    await send('updateTool', { tool: 'pay' });
    await send('configureToolApproval', { tool: 'pay' });
    const subAgent = (await send('createSubAgent')).id as string;
    for (const id of ['updateSubAgent', 'assignToolToSubAgent', 'runSubAgent'])
      await send(id, { sub_id: subAgent });
    for (const id of ['chat', 'updateAgentConfig', 'cancelAll', 'previewChunking']) await send(id);
    const conversation = (await send('createConversation')).conversation.id as string;
    for (const id of ['updateConversation', 'appendMessage', 'setTitle', 'compressConversation'])
      await send(id, {
        id: id === 'compressConversation' ? 'MainAgent' : conversation,
        conv_id: conversation,
      });
    await server.dev.rest('POST', `/api/v1/agents/MainAgent/knowledge-bases/${base}`);
    await send('searchAgentKnowledgeBase', { kb_id: base });
    for (const id of ['retrieve', 'searchKnowledgeBases']) await send(id);
    for (const id of [
      'updateKnowledgeBase',
      'searchKnowledgeBase',
      'filterKnowledgeDocuments',
      'refreshKnowledgeBase',
    ])
      await send(id, { id: base });

    expect(answered).toEqual(
      Object.fromEntries(
        Object.keys(EXAMPLES)
          .filter((id) => !(id in NEED_SOMETHING_OF_THEIR_OWN))
          .map((id) => [id, 'accepted']),
      ),
    );
  }, 120_000);

  it('fits the description where it needs something that only its sender has', async () => {
    for (const id of ['respondToApproval', 'respondToQuestion']) {
      const { method, route } = operations().find((operation) => operation.id === id)!;
      const { status } = await server.dev.rest(method, route.replace(/\{\w+\}/, 'unknown'), EXAMPLES[id]);
      expect({ id, status }).toEqual({ id, status: 404 });
    }
    const bulk = await server.dev.rest('POST', '/api/v1/approvals/bulk-respond', EXAMPLES.respondToApprovals);
    expect(bulk.body).toMatchObject({ results: [{ ok: false, error: { code: 'not_found' } }], failed: 1 });
  });

  it('leaves optional fields optional for generators of clients, and says their defaults', () => {
    const { if_active: ifActive, stream } = openapi.components.schemas.ChatRequest.properties;
    expect(ifActive).not.toHaveProperty('default');
    expect(ifActive.description).toContain('Default: `reject`.');
    expect(stream.description).toContain('Default: `true`.');
  });
});

describe('lists whose answer is an object', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
    for (let index = 0; index < 5; index += 1)
      await server.dev.rest('POST', '/api/v1/agent/MainAgent/chat', {
        message: 'What is the harbour?',
        conversation_id: `talk-${index}`,
        message_id: 'm1',
        stream: false,
      });
  });
  afterAll(() => server.close());

  it.each([
    ['/api/v1/conversations/search?query=harbour', 'conversations', 5],
    ['/api/v1/conversations/talk-0/markers?', 'markers', 2],
  ])('%s is walked through by cursor', async (route, key, count) => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const next: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { status, body } = await server.dev.rest('GET', `${route}&limit=2${next}`);
      expect({ status, total: body.total }).toEqual({ status: 200, total: count });
      seen.push(...body[key].map((one: Json) => one.id));
      cursor = body.next_cursor;
    }
    expect(seen).toHaveLength(count);
    expect(new Set(seen).size).toBe(count);
  });

  it('names the cursor that is none', async () => {
    for (const route of [
      'conversations/search?query=x',
      'conversations/talk-0/markers?',
      'cancel/active-calls?',
    ]) {
      const { status, body } = await server.dev.rest('GET', `/api/v1/${route}&cursor=nonsense`);
      expect({ route, status, path: body.errors?.[0].path }).toEqual({ route, status: 422, path: 'cursor' });
    }
  });
});
