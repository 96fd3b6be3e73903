import { dataOf, expectGraphQLError, expectProblem, itRefuses, stubEnvironment } from '../testkit/contract';
import { type Client, eventually, type Json, startTestServer, type TestServer } from '../testkit/server';
import { startStubProvider, type StubProvider } from '../testkit/stub-provider';

const LIST = '/api/v1/conversations';
const CREATE =
  'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { created conversation { id title } } }';
const APPEND = 'mutation ($input: AppendMessageInput!) { appendMessage(input: $input) { id content seq } }';

let stub: StubProvider;
let server: TestServer;
let ada: Client;
let bob: Client;
let main: string;
let emails: string;
let used = 0;

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer(stubEnvironment(stub.url));
  ada = await server.as({ user: 'ada' });
  bob = await server.as({ user: 'bob' });
  main = await ada.agentId();
  emails = await ada.agentId('EmailsAgent');
});
afterAll(async () => {
  await server.close();
  await stub.close();
});

const at = (id: string, view = ''): string => `${LIST}/${id}${view}`;
const newId = (): string => `c-${++used}`;
async function conversation(fields: object = {}, client = ada): Promise<string> {
  const id = newId();
  const answer = await client.rest('POST', LIST, { id, agent_id: main, ...fields });
  expect(answer.status).toBe(201);
  return id;
}
const chat = (id: string, message: string, messageId: string, client = ada) =>
  client.rest('POST', `/api/v1/agent/${main}/chat`, {
    message,
    conversation_id: id,
    message_id: messageId,
    stream: false,
  });
async function withTurns(turns: number, client = ada): Promise<string> {
  const id = newId();
  for (let turn = 1; turn <= turns; turn++) {
    stub.next({ text: `Answer ${turn}` });
    expect((await chat(id, `Question ${turn}`, `m${turn}`, client)).body.status).toBe('completed');
  }
  return id;
}

describe('creating a conversation', () => {
  it('answers 201 with the conversation and its Location', async () => {
    const { status, headers, body } = await ada.rest('POST', LIST, { agent_id: main, title: 'Plans' });
    expect(status).toBe(201);
    expect(body).toEqual({
      created: true,
      conversation: {
        id: expect.any(String),
        agent_id: main,
        title: 'Plans',
        created_at: expect.stringMatching(/Z$/),
        updated_at: expect.stringMatching(/Z$/),
        is_active: true,
        metadata: {},
        message_count: 0,
        has_active_generation: false,
        source: null,
        source_ref_id: null,
      },
    });
    expect(headers.get('location')).toBe(at(body.conversation.id));
    expect((await ada.rest('GET', headers.get('location')!)).body).toEqual(body.conversation);
  });

  it('with an id of the caller answers 200 and created false the second time', async () => {
    const input = { id: newId(), agent_id: main, title: 'First' };
    expect((await ada.rest('POST', LIST, input)).status).toBe(201);
    const again = await ada.rest('POST', LIST, { ...input, title: 'Second' });
    expect([again.status, again.body.created, again.body.conversation.title]).toEqual([200, false, 'First']);
    const { createConversation } = await dataOf(
      ada.graphql(CREATE, { input: { id: input.id, agentId: main } }),
    );
    expect(createConversation).toEqual({ created: false, conversation: { id: input.id, title: 'First' } });
  });

  it('makes one of two requests with the same Idempotency-Key', async () => {
    const send = (title: string) =>
      ada.rest('POST', LIST, { agent_id: main, title }, { 'idempotency-key': 'conversation-1' });
    const [first, second] = [await send('Once'), await send('Once')];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expectProblem(await send('Twice'), 409, 'idempotency_mismatch');
  });

  itRefuses(
    () => server,
    [
      {
        name: 'an unknown agent',
        rest: () => ['POST', LIST, { agent_id: 'nobody' }],
        graphql: () => [CREATE, { input: { agentId: 'nobody' } }],
        status: 404,
        code: 'not_found',
      },
      {
        name: 'a missing agent_id',
        rest: () => ['POST', LIST, {}],
        status: 422,
        code: 'validation_failed',
        field: 'agent_id',
      },
      {
        name: 'an id with a space',
        rest: () => ['POST', LIST, { id: 'a b', agent_id: main }],
        graphql: () => [CREATE, { input: { id: 'a b', agentId: main } }],
        status: 422,
        code: 'validation_failed',
        field: 'id',
      },
      {
        name: 'a title over 200 characters',
        rest: () => ['POST', LIST, { agent_id: main, title: 'x'.repeat(201) }],
        graphql: () => [CREATE, { input: { agentId: main, title: 'x'.repeat(201) } }],
        status: 422,
        code: 'validation_failed',
        field: 'title',
      },
      {
        name: 'metadata that is no object',
        rest: () => ['POST', LIST, { agent_id: main, metadata: [1] }],
        graphql: () => [CREATE, { input: { agentId: main, metadata: [1] } }],
        status: 422,
        code: 'validation_failed',
        field: 'metadata',
      },
      {
        name: 'the id of another user’s conversation',
        rest: () => ['POST', LIST, { id: 'taken', agent_id: main }],
        graphql: () => [CREATE, { input: { id: 'taken', agentId: main } }],
        client: async () => {
          await ada.rest('POST', LIST, { id: 'taken', agent_id: main });
          return bob;
        },
        status: 404,
        code: 'not_found',
      },
    ],
  );
});

describe('the list of conversations', () => {
  let carl: Client;
  const ids: string[] = [];
  beforeAll(async () => {
    carl = await server.as({ user: 'carl' });
    for (const fields of [
      { source: 'crm', source_ref_id: 'deal-1' },
      { source: 'web' },
      { agent_id: emails, metadata: { source: 'crm', source_ref_id: 'deal-2' } },
      {},
      {},
    ])
      ids.unshift(await conversation(fields, carl));
  });
  const list = async (query: string, client = carl): Promise<Json> =>
    (await client.rest('GET', `${LIST}?${query}`)).body;
  const idsOf = (page: Json): string[] => page.conversations.map(({ id }: Json) => id);

  it('is newest first, with total and the page', async () => {
    const page = await list('');
    expect(idsOf(page)).toEqual(ids);
    expect(page).toMatchObject({ total: 5, limit: 50, offset: 0, next_cursor: null });
  });

  it('puts first what was touched last', async () => {
    const [, , third] = ids;
    await carl.rest('PUT', at(third!), { title: 'Touched' });
    ids.splice(2, 1);
    ids.unshift(third!);
    expect(idsOf(await list(''))).toEqual(ids);
  });

  it('pages by offset and by cursor, with total of all that match', async () => {
    const first = await list('limit=2');
    expect(idsOf(first)).toEqual(ids.slice(0, 2));
    expect(first.total).toBe(5);
    expect(idsOf(await list('limit=2&offset=2'))).toEqual(ids.slice(2, 4));
    const second = await list(`limit=2&cursor=${first.next_cursor}`);
    expect(idsOf(second)).toEqual(ids.slice(2, 4));
    const third = await list(`limit=2&cursor=${second.next_cursor}`);
    expect([idsOf(third), third.next_cursor]).toEqual([ids.slice(4), null]);
  });

  it('has no next cursor after a last page that is full', async () => {
    expect((await list('limit=5')).next_cursor).toBeNull();
  });

  it.each([
    ['source=crm', 2],
    ['exclude_source=crm', 3],
    ['source_ref_id=deal-1', 1],
    ['source_ref_id=deal-2', 1],
    ['source=crm&source_ref_id=deal-9', 0],
  ])('filters by %s', async (query, count) => {
    const page = await list(query);
    expect([page.conversations.length, page.total]).toEqual([count, count]);
  });

  it('filters by agent_id', async () => {
    expect(await list(`agent_id=${emails}`)).toMatchObject({
      total: 1,
      conversations: [{ agent_id: emails }],
    });
  });

  it('is the same over GraphQL', async () => {
    const { conversations } = await dataOf(
      carl.graphql(
        '{ conversations(limit: 3, excludeSource: "none") { total nextCursor conversations { id } } }',
      ),
    );
    expect(conversations.total).toBe(5);
    expect(idsOf(conversations)).toEqual(ids.slice(0, 3));
    const rest = await dataOf(
      carl.graphql('query ($cursor: String) { conversations(cursor: $cursor) { conversations { id } } }', {
        cursor: conversations.nextCursor,
      }),
    );
    expect(idsOf(rest.conversations)).toEqual(ids.slice(3));
  });

  it('shows an admin the whole tenant’s for one source_ref_id, and nobody else', async () => {
    const page = await list('all_users=true&source_ref_id=deal-1', server.dev);
    expect(page).toMatchObject({ total: 1, conversations: [{ source_ref_id: 'deal-1' }] });
    expect((await list('source_ref_id=deal-1', server.dev)).total).toBe(0);
  });

  const query = (args: string): [string] => [`{ conversations(${args}) { total } }`];
  itRefuses(
    () => server,
    [
      {
        name: 'all_users without source_ref_id',
        rest: () => ['GET', `${LIST}?all_users=true`],
        graphql: () => query('allUsers: true'),
        status: 422,
        code: 'validation_failed',
        field: /all_users/,
      },
      {
        name: 'all_users for a member',
        rest: () => ['GET', `${LIST}?all_users=true&source_ref_id=deal-1`],
        graphql: () => query('allUsers: true, sourceRefId: "deal-1"'),
        client: () => bob,
        status: 403,
        code: 'forbidden',
      },
      {
        name: 'a limit of 101',
        rest: () => ['GET', `${LIST}?limit=101`],
        graphql: () => query('limit: 101'),
        status: 422,
        code: 'validation_failed',
        field: /limit$/,
      },
      {
        name: 'a limit of 0',
        rest: () => ['GET', `${LIST}?limit=0`],
        graphql: () => query('limit: 0'),
        status: 422,
        code: 'validation_failed',
        field: /limit$/,
      },
      {
        name: 'a negative offset',
        rest: () => ['GET', `${LIST}?offset=-1`],
        graphql: () => query('offset: -1'),
        status: 422,
        code: 'validation_failed',
        field: /offset$/,
      },
      {
        name: 'a cursor that is none',
        rest: () => ['GET', `${LIST}?cursor=abc`],
        graphql: () => query('cursor: "abc"'),
        status: 422,
        code: 'validation_failed',
        field: /cursor$/,
      },
    ],
  );
});

describe('searching conversations', () => {
  it('finds titles and messages in any case, only the caller’s', async () => {
    const titled = await conversation({ title: 'Quarterly Zebra report' });
    const said = await conversation();
    await ada.rest('POST', at(said, '/messages'), { content: 'I saw a ZEBRA.' });
    const { body } = await ada.rest('GET', `${LIST}/search?query=zebra`);
    expect(body.conversations.map(({ id }: Json) => id).sort()).toEqual([said, titled].sort());
    expect(body.total).toBe(2);
    expect((await ada.rest('GET', `${LIST}/search?q=zebra&limit=1`)).body).toMatchObject({ total: 2 });
    expect((await bob.rest('GET', `${LIST}/search?query=zebra`)).body.total).toBe(0);
    const { conversationSearch } = await dataOf(
      ada.graphql('{ conversationSearch(query: "Zebra") { total conversations { id } } }'),
    );
    expect(conversationSearch.total).toBe(2);
  });

  it('takes special characters as they are', async () => {
    expect((await ada.rest('GET', `${LIST}/search?query=${encodeURIComponent('.*(')}`)).body.total).toBe(0);
  });

  itRefuses(
    () => server,
    [
      {
        name: 'an empty query',
        rest: () => ['GET', `${LIST}/search?query=`],
        graphql: () => ['{ conversationSearch(query: " ") { total } }'],
        status: 422,
        code: 'validation_failed',
        field: /query$/,
      },
      {
        name: 'no query at all',
        rest: () => ['GET', `${LIST}/search`],
        status: 422,
        code: 'validation_failed',
        field: /query$/,
      },
    ],
  );
});

describe('messages', () => {
  it('are flat, in order, and page both ways by offset and cursor', async () => {
    const id = await withTurns(3);
    const all = ['Question 1', 'Answer 1', 'Question 2', 'Answer 2', 'Question 3', 'Answer 3'];
    const page = async (query: string): Promise<Json> =>
      (await ada.rest('GET', at(id, `/messages?${query}`))).body;
    const texts = ({ messages }: Json): string[] => messages.map(({ content }: Json) => content);
    const whole = await page('');
    expect(texts(whole)).toEqual(all);
    expect(whole).toMatchObject({ total: 6, limit: 50, offset: 0, next_cursor: null });
    expect(whole.messages[1]).toMatchObject({
      id: expect.any(String),
      conversation_id: id,
      role: 'assistant',
      timestamp: expect.stringMatching(/Z$/),
      agent_id: main,
    });
    expect(texts(await page('order=desc'))).toEqual([...all].reverse());
    expect(texts(await page('limit=2&offset=1'))).toEqual(all.slice(1, 3));
    expect(texts(await page('limit=2&offset=1&order=desc'))).toEqual([...all].reverse().slice(1, 3));
    for (const order of ['asc', 'desc']) {
      const seen: string[] = [];
      for (let cursor = ''; ;) {
        const next: Json = await page(`limit=4&order=${order}${cursor && `&cursor=${cursor}`}`);
        seen.push(...texts(next));
        if (!next.next_cursor) break;
        cursor = next.next_cursor;
      }
      expect(seen).toEqual(order === 'asc' ? all : [...all].reverse());
    }
    expect(texts(await page('offset=99'))).toEqual([]);
    const { messages } = await dataOf(
      ada.graphql(
        'query ($id: ID!) { messages(conversationId: $id, order: DESC, limit: 1) { total messages { role content } } }',
        { id },
      ),
    );
    expect(messages).toEqual({ total: 6, messages: [{ role: 'assistant', content: 'Answer 3' }] });
  });

  it('can be appended by hand, once for each message_id', async () => {
    const id = await conversation();
    const input = { content: 'By hand', message_id: 'a1', metadata: { mood: 'good' } };
    const first = await ada.rest('POST', at(id, '/messages'), input);
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      content: 'By hand',
      role: 'user',
      conversation_id: id,
      metadata: { mood: 'good' },
    });
    const second = await ada.rest('POST', at(id, '/messages'), input);
    expect(second.body.id).toBe(first.body.id);
    expectProblem(
      await ada.rest('POST', at(id, '/messages'), { ...input, content: 'Other' }),
      409,
      'message_id_reused',
    );
    const { appendMessage } = await dataOf(
      ada.graphql(APPEND, { input: { conversationId: id, content: 'By hand', messageId: 'a1' } }),
    );
    expect(appendMessage.id).toBe(first.body.id);
    expect((await ada.rest('GET', at(id))).body.message_count).toBe(1);
  });

  it('of half a character are stored, told and known again alike', async () => {
    const id = await conversation();
    const input = { content: 'half \ud800 one', message_id: 'a1' };
    const [first, second] = [
      await ada.rest('POST', at(id, '/messages'), input),
      await ada.rest('POST', at(id, '/messages'), input),
    ];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(first.body.content).toBe('half \ufffd one');
    expect(second.body).toEqual(first.body);
    expect((await ada.rest('GET', at(id, '/messages'))).body.messages).toEqual([first.body]);
  });

  it('with a key that cannot be stored are refused, and take none of the others along', async () => {
    const id = await conversation();
    const append = (content: string, metadata: Json = {}) =>
      ada.rest('POST', at(id, '/messages'), { content, metadata });
    const answers = await Promise.all([
      append('a'),
      append('b', { deep: [{ 'x\u0000y': 1 }] }),
      append('c'),
      append('d'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([201, 422, 201, 201]);
    expect(answers[1].body.errors).toEqual([
      { path: 'metadata', message: 'must be JSON without the character U+0000 in its keys' },
    ]);
    const { body } = await ada.rest('GET', at(id, '/messages'));
    expect(body.messages).toHaveLength(3);
    expect(body.total).toBe(3);
    expectGraphQLError(
      await ada.graphql(APPEND, { input: { conversationId: id, content: 'x', metadata: { 'a\u0000': 1 } } }),
      'bad_request',
    );
  });

  it('of more than one answer of the database are whole', async () => {
    const id = await conversation();
    const content = 'x'.repeat(900_000);
    for (let index = 0; index < 20; index++)
      expect((await ada.rest('POST', at(id, '/messages'), { content })).status).toBe(201);
    const { body } = await ada.rest('GET', at(id, '/messages?limit=100'));
    expect(body.messages).toHaveLength(20);
    expect(body.next_cursor).toBeNull();
    expect((await ada.rest('GET', at(id, '/timeline'))).body.items).toHaveLength(20);
  }, 60_000);

  it('that were appended start no run under the same message_id', async () => {
    const id = await conversation();
    await ada.rest('POST', at(id, '/messages'), { content: 'Hello', message_id: 'a1' });
    for (const message of ['Hello', 'Other'])
      expectProblem(await chat(id, message, 'a1'), 409, 'message_id_reused');
    expect((await ada.rest('GET', at(id, '/messages'))).body.total).toBe(1);
    expect((await ada.rest('GET', at(id, '/runs'))).body.total).toBe(0);
  });

  it('are appended once by requests that arrive together with one message_id', async () => {
    const id = await conversation();
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        ada.rest('POST', at(id, '/messages'), { content: 'Once', message_id: 'a1' }),
      ),
    );
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect((await ada.rest('GET', at(id, '/messages'))).body.total).toBe(1);
  });

  it('keep their order when many are appended at once', async () => {
    const id = await conversation();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        ada.rest('POST', at(id, '/messages'), { content: `n${index}` }),
      ),
    );
    expect(new Set(answers.map(({ body }) => body.seq)).size).toBe(20);
    const { body } = await ada.rest('GET', at(id, '/messages'));
    const seqs = body.messages.map(({ seq }: Json) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(body.total).toBe(20);
  });

  it('appended by hand reach the model with the next chat', async () => {
    const id = await conversation();
    await ada.rest('POST', at(id, '/messages'), { content: 'Remember 42.' });
    await chat(id, 'What?', 'm1');
    expect(JSON.stringify(stub.requests.at(-1)!.body.messages)).toContain('Remember 42.');
  });

  const target = { id: '' };
  beforeAll(async () => void (target.id = await conversation()));
  const input = (fields: object): [string, Record<string, unknown>] => [
    APPEND,
    { input: { conversationId: target.id, content: 'x', ...fields } },
  ];
  itRefuses(
    () => ({ ...server, dev: ada }),
    [
      {
        name: 'an empty content',
        rest: () => ['POST', at(target.id, '/messages'), { content: '' }],
        graphql: () => input({ content: ' ' }),
        status: 422,
        code: 'validation_failed',
        field: 'content',
      },
      {
        name: 'a missing content',
        rest: () => ['POST', at(target.id, '/messages'), {}],
        status: 422,
        code: 'validation_failed',
        field: 'content',
      },
      {
        name: 'the role assistant',
        rest: () => ['POST', at(target.id, '/messages'), { content: 'x', role: 'assistant' }],
        graphql: () => input({ role: 'assistant' }),
        status: 422,
        code: 'validation_failed',
        field: 'role',
      },
      {
        name: 'a bad message_id',
        rest: () => ['POST', at(target.id, '/messages'), { content: 'x', message_id: 'a b' }],
        graphql: () => input({ messageId: 'a b' }),
        status: 422,
        code: 'validation_failed',
        field: 'message_id',
      },
      {
        name: 'an unknown order',
        rest: () => ['GET', at(target.id, '/messages?order=up')],
        status: 422,
        code: 'validation_failed',
        field: 'query.order',
      },
      {
        name: 'a cursor of another list',
        rest: () => ['GET', at(target.id, '/messages?cursor=abc')],
        graphql: () => [
          'query ($id: ID!) { messages(conversationId: $id, cursor: "abc") { total } }',
          { id: target.id },
        ],
        status: 422,
        code: 'validation_failed',
        field: /cursor$/,
      },
    ],
  );
});

describe('changing a conversation', () => {
  it('sets title, metadata and archive state, and nothing that is absent', async () => {
    const id = await conversation({ title: 'Old', metadata: { a: 1 } });
    const first = await ada.rest('PUT', at(id), { title: 'New', is_active: false });
    expect(first.body).toMatchObject({ title: 'New', is_active: false, metadata: { a: 1 } });
    const second = await ada.rest('PUT', at(id), { metadata: { source: 'crm', source_ref_id: 'deal-5' } });
    expect(second.body).toMatchObject({ title: 'New', source: 'crm', source_ref_id: 'deal-5' });
    const { updateConversation } = await dataOf(
      ada.graphql(
        'mutation ($input: UpdateConversationInput!) { updateConversation(input: $input) { title isActive } }',
        { input: { id, isActive: true } },
      ),
    );
    expect(updateConversation).toEqual({ title: 'New', isActive: true });
  });

  it('keeps the source of a conversation when its metadata does not speak of it', async () => {
    const id = await conversation({ source: 'crm', source_ref_id: 'deal-6' });
    const { body } = await ada.rest('PUT', at(id), { metadata: { note: 'x' } });
    expect(body).toMatchObject({ source: 'crm', source_ref_id: 'deal-6', metadata: { note: 'x' } });
  });

  it('sets and reads the title alone', async () => {
    const id = await conversation();
    const title = `/api/v1/agent/conversations/${id}/title`;
    expect((await ada.rest('GET', title)).body).toMatchObject({ title: null });
    expect((await ada.rest('PUT', title, { title: 'Mine' })).body).toMatchObject({ title: 'Mine' });
    expect((await ada.rest('GET', title)).body.title).toBe('Mine');
    const { setConversationTitle } = await dataOf(
      ada.graphql('mutation ($id: ID!) { setConversationTitle(id: $id, title: "Yours") { title } }', { id }),
    );
    expect(setConversationTitle.title).toBe('Yours');
  });

  it('makes a title from the messages', async () => {
    const id = await withTurns(1);
    stub.default({ text: '"Questions and Answers."' });
    const generated = await ada.rest('POST', `/api/v1/agent/conversations/${id}/title/generate`);
    stub.default({});
    expect(generated.status).toBe(200);
    expect(generated.body.title).toEqual(expect.any(String));
    expect((await ada.rest('GET', at(id))).body.title).toBe(generated.body.title);
  });

  it('has no title to make without messages', async () => {
    const id = await conversation();
    expectProblem(
      await ada.rest('POST', `/api/v1/agent/conversations/${id}/title/generate`),
      409,
      'conflict',
    );
    expectGraphQLError(
      await ada.graphql('mutation ($id: ID!) { generateConversationTitle(id: $id) { title } }', { id }),
      'conflict',
    );
  });

  const title = (id: string): string => `/api/v1/agent/conversations/${id}/title`;
  const target = { id: '' };
  beforeAll(async () => void (target.id = await conversation()));
  itRefuses(
    () => ({ ...server, dev: ada }),
    [
      {
        name: 'a title over 200 characters',
        rest: () => ['PUT', title(target.id), { title: 'x'.repeat(201) }],
        graphql: () => [
          'mutation ($id: ID!, $title: String!) { setConversationTitle(id: $id, title: $title) { title } }',
          { id: target.id, title: 'x'.repeat(201) },
        ],
        status: 422,
        code: 'validation_failed',
        field: 'title',
      },
      {
        name: 'an empty title',
        rest: () => ['PUT', title(target.id), { title: '' }],
        status: 422,
        code: 'validation_failed',
        field: 'title',
      },
      {
        name: 'is_active of "no"',
        rest: () => ['PUT', at(target.id), { is_active: 'no' }],
        status: 422,
        code: 'validation_failed',
        field: 'is_active',
      },
    ],
  );
});

describe('compressing a conversation', () => {
  const compress = (id: string, body?: object) =>
    ada.rest('POST', `/api/v1/agent/${main}/conversations/${id}/compress`, body);

  it('puts a summary in place of older turns for the model, while the messages stay readable', async () => {
    const id = await withTurns(4);
    stub.default({ text: 'They talked.' });
    const { status, body } = await compress(id, { keep_recent_turns: 1 });
    stub.default({});
    expect(status).toBe(200);
    expect(body).toMatchObject({
      compressed: true,
      messages_before: 8,
      messages_after: 2,
      summary: expect.any(String),
      tokens_saved: expect.any(Number),
    });
    expect((await ada.rest('GET', at(id, '/messages'))).body.total).toBe(8);
    await chat(id, 'And now?', 'm5');
    const sent = JSON.stringify(stub.requests.at(-1)!.body.messages);
    expect(sent).toContain(JSON.stringify(body.summary).slice(1, -1));
    expect(sent).toContain('Question 4');
    expect(sent).not.toContain('Question 3');
    const { markers } = (await ada.rest('GET', at(id, '/markers'))).body;
    expect(markers.map(({ kind }: Json) => kind)).toContain('compaction');
    const format = (await ada.rest('GET', at(id, '/llm-format'))).body;
    expect(JSON.stringify(format.messages)).not.toContain('Question 3');
  });

  it('does nothing when there is nothing old enough', async () => {
    const id = await withTurns(1);
    expect((await compress(id)).body).toMatchObject({
      compressed: false,
      messages_before: 2,
      messages_after: 2,
      summary: null,
      tokens_saved: 0,
    });
    const { compressConversation } = await dataOf(
      ada.graphql(
        'mutation ($agentId: ID!, $id: ID!) { compressConversation(agentId: $agentId, id: $id) { compressed } }',
        { agentId: main, id },
      ),
    );
    expect(compressConversation.compressed).toBe(false);
  });

  it('keeps whole turns when messages were appended by hand', async () => {
    const id = await withTurns(2);
    for (const content of ['extra 1', 'extra 2', 'extra 3'])
      await ada.rest('POST', at(id, '/messages'), { content });
    const { body } = await compress(id, { keep_recent_turns: 4 });
    expect(body).toMatchObject({ compressed: true, messages_before: 7, messages_after: 5 });
  });

  const target = { id: '' };
  beforeAll(async () => void (target.id = await conversation()));
  itRefuses(
    () => ({ ...server, dev: ada }),
    [
      {
        name: 'keep_recent_turns of -1',
        rest: () => [
          'POST',
          `/api/v1/agent/${main}/conversations/${target.id}/compress`,
          { keep_recent_turns: -1 },
        ],
        graphql: () => [
          'mutation ($a: ID!, $id: ID!) { compressConversation(agentId: $a, id: $id, keepRecentTurns: -1) { compressed } }',
          { a: main, id: target.id },
        ],
        status: 422,
        code: 'validation_failed',
        field: 'keep_recent_turns',
      },
      {
        name: 'an unknown agent',
        rest: () => ['POST', `/api/v1/agent/nobody/conversations/${target.id}/compress`],
        graphql: () => [
          'mutation ($id: ID!) { compressConversation(agentId: "nobody", id: $id) { compressed } }',
          { id: target.id },
        ],
        status: 404,
        code: 'not_found',
      },
    ],
  );
});

describe('views of a conversation', () => {
  let id: string;
  beforeAll(async () => {
    id = await withTurns(3);
  });

  it('lists runs newest first and pages them', async () => {
    const { body } = await ada.rest('GET', at(id, '/runs'));
    expect(body.runs.map(({ message_id }: Json) => message_id)).toEqual(['m3', 'm2', 'm1']);
    expect(body.total).toBe(3);
    expect(body.runs[0]).toMatchObject({
      status: 'completed',
      agent_id: main,
      call_id: expect.any(String),
      started_at: expect.stringMatching(/Z$/),
      finished_at: expect.stringMatching(/Z$/),
      usage: { total_tokens: 12 },
      error: null,
    });
    const first = (await ada.rest('GET', at(id, '/runs?limit=2'))).body;
    const second = (await ada.rest('GET', at(id, `/runs?limit=2&cursor=${first.next_cursor}`))).body;
    expect([...first.runs, ...second.runs]).toEqual(body.runs);
    expect(second.next_cursor).toBeNull();
    const { conversationRuns } = await dataOf(
      ada.graphql('query ($id: ID!) { conversationRuns(conversationId: $id) { total runs { messageId } } }', {
        id,
      }),
    );
    expect(conversationRuns.runs.map(({ messageId }: Json) => messageId)).toEqual(['m3', 'm2', 'm1']);
  });

  it('shows the execution tree in order', async () => {
    const { body } = await ada.rest('GET', at(id, '/timeline'));
    expect(body.conversation.id).toBe(id);
    expect(body.items.map(({ kind }: Json) => kind)).toEqual([
      'user',
      'agent',
      'user',
      'agent',
      'user',
      'agent',
    ]);
    expect(body.items[1]).toMatchObject({
      kind: 'agent',
      name: 'MainAgent',
      status: 'completed',
      children: [{ kind: 'agent_text', text: 'Answer 1' }],
    });
    expect(body.items[1].end_seq).toBeGreaterThan(body.items[1].seq);
    const last = body.items.at(-1).end_seq;
    expect(body.seq).toBe(last);
  });

  it('marks starts and ends of runs, and what the user marked through metadata', async () => {
    await ada.rest('PUT', at(id), { metadata: { markers: [{ id: 'k1', seq: 1, label: 'Here' }] } });
    const { body } = await ada.rest('GET', at(id, '/markers'));
    expect(body.total).toBe(body.markers.length);
    const kinds = body.markers.map(({ kind }: Json) => kind);
    expect(kinds.filter((kind: string) => kind === 'run_started')).toHaveLength(3);
    expect(kinds.filter((kind: string) => kind === 'run_finished')).toHaveLength(3);
    expect(body.markers.find(({ kind }: Json) => kind === 'user')).toMatchObject({
      id: 'k1',
      seq: 1,
      label: 'Here',
    });
    const seqs = body.markers.map(({ seq }: Json) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });

  it('gives the history as OpenAI chat messages', async () => {
    const { body } = await ada.rest('GET', at(id, '/llm-format'));
    expect(body.messages.map(({ role }: Json) => role)).toEqual([
      'system',
      ...Array.from({ length: 6 }, (_, index) => (index % 2 ? 'assistant' : 'user')),
    ]);
    expect(body.messages.at(-1)).toEqual({ role: 'assistant', content: 'Answer 3' });
  });

  it('has no cached results that nobody made', async () => {
    expectProblem(await ada.rest('GET', at(id, '/cached-results/none')), 404, 'not_found');
    expectProblem(await ada.rest('GET', at(id, '/cached-results/none/items')), 404, 'not_found');
  });
});

describe('the stream of a conversation', () => {
  it('sends a snapshot first and ends with follow=false when nothing is active', async () => {
    const id = await withTurns(1);
    const stream = await ada.stream('GET', at(id, '/stream?follow=false'));
    const events = await stream.all();
    expect(stream.retry).toBe(5000);
    expect(events).toHaveLength(1);
    const [{ id: eventId, data }] = events as [{ id: string; data: Json }];
    expect(data.type).toBe('conversation_update');
    expect(eventId).toBe(String(data.seq));
    expect(data.content).toMatchObject({
      snapshot: true,
      conversation: { id, message_count: 2 },
      seq: data.seq,
    });
    expect(data.content.runs).toHaveLength(1);
    expect(data.content.timeline.map(({ kind }: Json) => kind)).toEqual(['user', 'agent']);
  });

  it('sends what changes, until the conversation is deleted', async () => {
    const id = await withTurns(1);
    const stream = await ada.stream('GET', at(id, '/stream'));
    const events: Json[] = [];
    const reading = (async () => {
      for await (const { data } of stream) {
        events.push(data.content);
        if (events.length === 1) await chat(id, 'More', 'm2');
        if (data.content.conversation.title === 'Renamed') await ada.rest('DELETE', at(id));
        else if (
          data.content.conversation.message_count === 4 &&
          !data.content.conversation.has_active_generation
        )
          await ada.rest('PUT', at(id), { title: 'Renamed' });
      }
    })();
    await reading;
    expect(events.map(({ snapshot }) => snapshot)).toEqual([
      true,
      ...Array<boolean>(events.length - 1).fill(false),
    ]);
    const parts = events.slice(1).flatMap((content) => content.parts);
    expect(parts.map(({ type }) => type)).toEqual(expect.arrayContaining(['user', 'start', 'delta', 'end']));
    expect(new Set(parts.map(({ seq }) => seq)).size).toBe(parts.length);
    expect(events.some((content) => content.conversation.title === 'Renamed')).toBe(true);
  });

  it('resumes after Last-Event-ID with the changes alone', async () => {
    const id = await withTurns(1);
    const [first] = await (await ada.stream('GET', at(id, '/stream?follow=false'))).all();
    await chat(id, 'More', 'm2');
    for (const [headers, query] of [
      [{ 'last-event-id': first!.id! }, ''],
      [{}, `&after_seq=${first!.id}`],
    ] as [Record<string, string>, string][]) {
      const events = await (
        await ada.stream('GET', at(id, `/stream?follow=false${query}`), undefined, headers)
      ).all();
      expect(events[0]!.data.content.snapshot).toBe(false);
      const parts = events.flatMap(({ data }) => data.content.parts);
      expect(parts[0]).toMatchObject({ type: 'user', seq: Number(first!.id) + 1 });
      expect(parts.at(-1).type).toBe('end');
    }
  });

  it('sends the whole state for a cursor that the conversation never had', async () => {
    const id = await withTurns(1);
    const headers = { 'last-event-id': '999999' };
    const events = await (await ada.stream('GET', at(id, '/stream?follow=false'), undefined, headers)).all();
    expect(events.map(({ data }) => data.content.snapshot)).toEqual([true]);
  });

  it('is the same over GraphQL', async () => {
    const id = await withTurns(1);
    const stream = await ada.subscribe(
      'subscription ($id: ID!) { conversationUpdates(conversationId: $id, follow: false) { type seq content { snapshot conversation { messageCount } } } }',
      { id },
    );
    const events = (await stream.all()).filter(({ event }) => event === 'next');
    expect(events.map(({ data }) => data.data.conversationUpdates)).toEqual([
      {
        type: 'conversation_update',
        seq: expect.any(Number),
        content: { snapshot: true, conversation: { messageCount: 2 } },
      },
    ]);
  });

  it('follows an active run to its end with follow=false', async () => {
    const id = newId();
    stub.next({ tokens: ['a ', 'b ', 'c'], delayMs: 40 });
    const run = await ada.stream('POST', `/api/v1/agent/${main}/chat`, {
      message: 'Slow',
      conversation_id: id,
      message_id: 'm1',
    });
    await run.until(({ data }) => data.type === 'start');
    const events = await (await ada.stream('GET', at(id, '/stream?follow=false'))).all();
    expect(events[0]!.data.content).toMatchObject({
      snapshot: true,
      conversation: { has_active_generation: true },
    });
    expect(events.at(-1)!.data.content).toMatchObject({ conversation: { has_active_generation: false } });
    expect(events.at(-1)!.data.content.runs[0].status).toBe('completed');
  });
});

describe('deleting a conversation', () => {
  const VIEWS = ['', '/messages', '/timeline', '/runs', '/markers', '/llm-format', '/stream'];

  it('makes it unknown everywhere', async () => {
    const id = await withTurns(1);
    const { status, body } = await ada.rest('DELETE', at(id));
    expect(status).toBe(200);
    expect(body).toEqual({ id, message: expect.any(String) });
    for (const view of VIEWS) expectProblem(await ada.rest('GET', at(id, view)), 404, 'not_found');
    expectProblem(await ada.rest('DELETE', at(id)), 404, 'not_found');
    expect(
      (await ada.rest('GET', `${LIST}?limit=100`)).body.conversations.map((one: Json) => one.id),
    ).not.toContain(id);
  });

  it('cancels an active run first', async () => {
    const id = newId();
    stub.next({ tokens: Array<string>(200).fill('x '), delayMs: 20 });
    const run = await ada.stream('POST', `/api/v1/agent/${main}/chat`, {
      message: 'Long',
      conversation_id: id,
      message_id: 'm1',
    });
    const iterator = run[Symbol.asyncIterator]();
    await iterator.next();
    const provider = stub.requests.at(-1);
    const { deleteConversation } = await dataOf(
      ada.graphql('mutation ($id: ID!) { deleteConversation(id: $id) { id } }', { id }),
    );
    expect(deleteConversation.id).toBe(id);
    for (let next = await iterator.next(); !next.done; next = await iterator.next());
    if (provider) expect((await provider.closed).aborted).toBe(true);
    for (const view of VIEWS) expectProblem(await ada.rest('GET', at(id, view)), 404, 'not_found');
    expect((await ada.rest('GET', '/api/v1/cancel/active-calls')).body.total).toBe(0);
  });

  it('takes messages along that wait for their turn', async () => {
    const id = newId();
    stub.next({ tokens: Array<string>(200).fill('x '), delayMs: 20 });
    const first = chat(id, 'Long', 'm1');
    await eventually(async () => (await ada.rest('GET', at(id))).body.has_active_generation, 'it has begun');
    const queued = await ada.stream('POST', `/api/v1/agent/${main}/chat`, {
      message: 'Next',
      conversation_id: id,
      message_id: 'm2',
      if_active: 'enqueue',
    });
    expect((await ada.rest('DELETE', at(id))).status).toBe(200);
    expect((await first).body.status).toBe('cancelled');
    await queued.all();
    expectProblem(await ada.rest('GET', at(id)), 404, 'not_found');
    expect((await ada.rest('POST', LIST, { id, agent_id: main })).status).toBe(201);
  });

  it('that was interrupted can be repeated, and frees the id', async () => {
    const id = await withTurns(1);
    const { conversations } = server.application.database.store('agentflow');
    await conversations.update(id, { deletedAt: new Date() });
    expectProblem(await ada.rest('GET', at(id)), 404, 'not_found');
    expectProblem(await ada.rest('POST', LIST, { id, agent_id: main }), 409, 'conflict');
    expectProblem(await bob.rest('DELETE', at(id)), 404, 'not_found');
    expect((await ada.rest('DELETE', at(id))).status).toBe(200);
    expect((await ada.rest('POST', LIST, { id, agent_id: main })).status).toBe(201);
  });

  it('leaves the id free for a new conversation', async () => {
    const id = await withTurns(1);
    await ada.rest('DELETE', at(id));
    expect((await chat(id, 'Again', 'm1')).body.status).toBe('completed');
    expect((await ada.rest('GET', at(id, '/messages'))).body.total).toBe(2);
  });
});

describe('another user’s conversation', () => {
  let id: string;
  beforeAll(async () => {
    id = await withTurns(1);
  });

  it.each([
    'GET ',
    'PUT ',
    'DELETE ',
    'GET /messages',
    'POST /messages',
    'GET /timeline',
    'GET /runs',
    'GET /markers',
    'GET /llm-format',
    'GET /stream',
    'GET /cached-results/x',
    'GET /cached-results/x/items',
  ])('does not exist for %s', async (name) => {
    const [method, view] = name.split(' ') as [string, string];
    const body = { PUT: { title: 'x' }, POST: { content: 'x' } }[method];
    for (const other of [bob, server.dev])
      expectProblem(await other.rest(method, at(id, view), body), 404, 'not_found');
  });

  it.each(['GET /title', 'PUT /title', 'POST /title/generate'])(
    'does not exist for %s under /agent',
    async (name) => {
      const [method, view] = name.split(' ') as [string, string];
      const body = method === 'PUT' ? { title: 'x' } : undefined;
      const route = `/api/v1/agent/conversations/${id}${view}`;
      expectProblem(await bob.rest(method, route, body), 404, 'not_found');
    },
  );

  it('is not compressed', async () => {
    const route = `/api/v1/agent/${main}/conversations/${id}/compress`;
    expectProblem(await bob.rest('POST', route), 404, 'not_found');
  });

  it.each([
    'conversation(id: $id) { id }',
    'messages(conversationId: $id) { total }',
    'conversationTimeline(id: $id) { seq }',
    'conversationRuns(conversationId: $id) { total }',
    'conversationTitle(id: $id) { title }',
    'conversationLlmFormat(id: $id) { model }',
    'cachedResult(conversationId: $id, cacheId: "x") { id }',
  ])('does not exist over GraphQL for %s', async (field) => {
    expectGraphQLError(await bob.graphql(`query ($id: ID!) { ${field} }`, { id }), 'not_found');
  });
});
