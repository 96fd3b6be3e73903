import { BAKING, freshName, makeBase, PIRATES, SPACE } from '../knowledge/kit';
import { dataOf } from '../testkit/contract';
import { type Client, eventually, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubBehaviour, type StubProvider, startStubProvider } from '../testkit/stub-provider';

const FIELDS = 'citations { index sourceFile score } retrieved { index sourceFile score }';
const GRAPHQL = `query ($id: ID!, $run: ID!) {
  messages(conversationId: $id) { messages { role ${FIELDS} } }
  run(id: $run) { ${FIELDS} }
}`;

let server: TestServer;
let client: Client;
let stub: StubProvider;
let agent: string;
let base: Json;

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer({
    OPENAI_BASE_URL: stub.url,
    // Without a key documents are embedded here: a stub's vectors would rank by chance.
    OPENAI_MODEL: 'stub',
    AGENTFLOW_RUN_LEASE_MS: '1000',
  });
  client = server.dev;
  agent = await client.agentId();
  base = await makeBase(client, [PIRATES, BAKING, SPACE]);
  await client.rest('POST', `/api/v1/agents/${agent}/knowledge-bases/${base.id}`);
}, 60_000);

afterAll(async () => {
  await server?.close();
  await stub.close();
});

/** Answers chats; embeddings are asked for at the same endpoint. */
const answerWith = (choose: (messages: Json[]) => StubBehaviour): void =>
  stub.decide(({ messages }) => (messages ? choose(messages) : {}));

async function chat(message: string, fields: Json = {}): Promise<Json> {
  const { status, body } = await client.rest('POST', `/api/v1/agent/${agent}/chat`, {
    conversation_id: freshName('chat'),
    message_id: freshName('message'),
    stream: false,
    message,
    knowledge_bases: [base.id],
    ...fields,
  });
  expect({ status, body }).toMatchObject({ status: 200 });
  return body;
}

const names = (list: Json[]): string[] => list.map(({ source_file: file }) => file);
const files = ({ citations, retrieved }: Json): Json => [names(citations), names(retrieved)];

/** What a reader finds of an answer later, wherever they look. */
async function read({ conversation_id: id, run_id: run }: Json): Promise<Json[]> {
  const at = (rest: string) => client.rest('GET', `/api/v1/conversations/${id}${rest}`);
  const message = (await at('/messages')).body.messages.at(-1);
  const stored = (await at('/runs')).body.runs.find((one: Json) => one.id === run);
  const { items } = (await at('/timeline')).body;
  const answer = items.at(-1).children.find(({ kind }: Json) => kind === 'agent_text');
  const [{ data }] = (await (
    await client.stream('GET', `/api/v1/conversations/${id}/stream?follow=false`)
  ).all()) as [{ data: Json }];
  return [message, stored, items.at(-1), answer, data.content.runs[0], data.content.timeline.at(-1)];
}

const QUESTION = 'Where do legends say that gold is buried, and how hot is the oven?';

it('cites what the answer marks, keeps the rest with its scores, and gives both again after a reload', async () => {
  answerWith((messages) => {
    const [, number] = /index="(\d+)" source="[^"]*pirates\.md/.exec(
      JSON.stringify(messages).replaceAll('\\"', '"'),
    )!;
    return { text: `Gold lies on islands [${number}], as far as I know [77].` };
  });
  const answer = await chat(QUESTION);
  const asked = stub.requests.at(-1)!.body.messages;
  expect(asked[0]).toMatchObject({
    role: 'system',
    content: expect.stringContaining('square brackets, like [1]'),
  });
  expect(names(answer.citations)).toEqual(['pirates.md']);
  expect(names(answer.retrieved)).toContain('baking.md');
  for (const { score } of answer.retrieved) expect(score).toEqual(expect.any(Number));
  const end = answer.events.at(-1).content;
  expect(files(end)).toEqual(files(answer));
  expect(end.citations[0]).not.toHaveProperty('page');
  const views = await read(answer);
  for (const view of views)
    expect(view).toMatchObject({ citations: answer.citations, retrieved: answer.retrieved });
  expect(views[3].content).toBeNull();
  const { messages, run } = await dataOf(
    client.graphql(GRAPHQL, { id: answer.conversation_id, run: answer.run_id }),
  );
  expect(messages.messages[0]).toEqual({ role: 'user', citations: [], retrieved: [] });
  expect(messages.messages[1]).toMatchObject(run);
  expect(run.citations).toEqual([
    { index: answer.citations[0].index, sourceFile: 'pirates.md', score: answer.citations[0].score },
  ]);
});

it('cites what the embedded model quotes, and nothing where it found nothing', async () => {
  const model = 'agentflow/local';
  const quoted = await chat('Where is gold buried according to legends?', { model });
  expect(quoted.text).toContain('gold buried on remote islands');
  expect(names(quoted.citations)).toEqual(['pirates.md']);
  expect(quoted.retrieved.length).toBeGreaterThan(0);
  const greeted = await chat('Hello', { model });
  expect(greeted.citations).toEqual([]);
  expect(greeted.retrieved.length).toBeGreaterThan(0);
});

it('cites by its words what a model without markers, or in a schema, says', async () => {
  answerWith(() => ({ text: 'Legends tell of gold buried on remote islands. I know no more.' }));
  expect(names((await chat(QUESTION)).citations)).toEqual(['pirates.md']);
  answerWith(() => ({ text: 'Nothing of that is known to me.' }));
  expect((await chat(QUESTION)).citations).toEqual([]);
  answerWith(() => ({ text: '{"place":"gold buried on remote islands"}' }));
  const schema = { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] };
  const structured = await chat(QUESTION, {
    response_format: { type: 'json_schema', json_schema: { name: 'place', schema } },
  });
  expect(names(structured.citations)).toEqual(['pirates.md']);
  expect(stub.requests.at(-1)!.body.messages[0].content).not.toContain('square brackets');
});

it('numbers what the agent itself searches on from what it was given, and cites it alike', async () => {
  answerWith((messages) => {
    const last = messages.at(-1);
    if (last.role !== 'tool')
      return {
        toolCalls: [
          {
            id: 'search123',
            name: 'search_knowledge',
            arguments: JSON.stringify({ query: 'how hot is the oven for bread', limit: 1 }),
          },
        ],
      };
    const [{ index }] = JSON.parse(last.content);
    return { text: `As hot as it says [${index}].` };
  });
  const given = await chat('Where is gold buried?', { retrieval_options: { limit: 1 } });
  expect(given.citations).toMatchObject([{ index: 2, source_file: 'baking.md' }]);
  expect(given.retrieved).toMatchObject([{ index: 1, source_file: 'pirates.md' }]);
  for (const view of await read(given)) expect(files(view)).toEqual([['baking.md'], ['pirates.md']]);
  const alone = await chat('How hot?', { knowledge_bases: [] });
  expect([alone.citations, alone.retrieved]).toMatchObject([[{ index: 1, source_file: 'baking.md' }], []]);
});

it('cites what a sub-agent searched where its own answer stands', async () => {
  const research = await client.agentId('ResearchAgent');
  await client.rest('POST', `/api/v1/agents/${research}/knowledge-bases/${base.id}`);
  const call = (name: string, args: object) => ({
    toolCalls: [{ id: `call${name.slice(0, 5)}`, name, arguments: JSON.stringify(args) }],
  });
  answerWith((messages) => {
    const { role, content } = messages.at(-1);
    if (role !== 'tool')
      return content.includes('Find the gold')
        ? call('search_knowledge', { query: 'where is gold buried', limit: 1 })
        : call('ResearchAgent', { message: 'Find the gold.' });
    return { text: content.startsWith('[') ? 'On islands [1].' : 'Told.' };
  });
  const answer = await chat('Ask somebody.', { knowledge_bases: [] });
  expect(answer).toMatchObject({ text: 'Told.', citations: [], retrieved: [] });
  const { items } = (await client.rest('GET', `/api/v1/conversations/${answer.conversation_id}/timeline`))
    .body;
  const below = items.at(-1).children.find(({ kind }: Json) => kind === 'sub_agent');
  expect(files(below)).toEqual([['pirates.md'], []]);
});

it('keeps the sources of an answer that is cut by a cancellation', async () => {
  const tokens = 'Gold lies on islands [1], it is said, and '.split(' ').map((word) => `${word} `);
  answerWith(() => ({ tokens: [...tokens, ...Array.from({ length: 200 }, () => 'so on ')], delayMs: 20 }));
  const id = freshName('chat');
  const stream = await client.stream('POST', `/api/v1/agent/${agent}/chat`, {
    conversation_id: id,
    message_id: freshName('message'),
    message: QUESTION,
    knowledge_bases: [base.id],
  });
  let last: Json;
  for await (const { data } of stream) {
    last = data;
    if (data.type === 'delta' && data.content.includes('said'))
      await client.rest('POST', `/api/v1/cancel/${data.call_id}`);
  }
  expect(last.content).toMatchObject({ finish_reason: 'cancelled', citations: [{ index: 1 }] });
  const [message, run] = await read({ conversation_id: id, run_id: last.content.run_id });
  expect([message.citations, run.citations]).toMatchObject([[{ index: 1 }], [{ index: 1 }]]);
});

it('keeps the sources of a run that a dead process left, between its steps and behind its end', async () => {
  answerWith((messages) =>
    messages.at(-1).role === 'tool'
      ? { text: 'Gold lies on islands [1].' }
      : {
          toolCalls: [
            {
              id: 'asking123',
              name: 'ask_user',
              arguments: '{"questions":[{"id":"size","text":"How big?","kind":"text"}]}',
            },
          ],
        },
  );
  const id = freshName('chat');
  const paused = await client.rest('POST', `/api/v1/agent/${agent}/chat`, {
    conversation_id: id,
    message_id: freshName('message'),
    message: QUESTION,
    knowledge_bases: [base.id],
    stream: false,
  });
  expect(paused.body).toMatchObject({ status: 'waiting_question' });
  const { run_id: run, question } = paused.body;
  const citedRun = () =>
    eventually(async () => {
      const [found] = (await client.rest('GET', `/api/v1/conversations/${id}/runs`)).body.runs;
      return found.status === 'completed' && found;
    }, 'the run is completed');
  await client.rest('POST', `/api/v1/questions/${question.id}/respond`, { answers: { size: 'M' } });
  const finished = await citedRun();
  expect(finished.citations).toMatchObject([{ index: 1 }]);
  await server.application.database.store('agentflow').runs.transition(run, ['completed'], {
    status: 'running',
    leaseOwner: 'dead',
    leaseExpiresAt: new Date(0),
    finishedAt: null,
    citations: null,
    retrieved: null,
  });
  expect(await citedRun()).toMatchObject({
    citations: finished.citations,
    retrieved: finished.retrieved,
  });
});

it('costs a chat without knowledge nothing', async () => {
  answerWith(() => ({ text: 'Hello [1].' }));
  const answer = await chat('Hello', { knowledge_bases: [] });
  expect([answer.citations, answer.retrieved]).toEqual([[], []]);
  const end = answer.events.at(-1).content;
  expect(end).not.toHaveProperty('citations');
  expect(end).not.toHaveProperty('retrieved');
  expect(stub.requests.at(-1)!.body.messages[0].content).not.toContain('square brackets');
  const store = server.application.database.store('agentflow');
  expect(
    (await store.parts.after(answer.conversation_id, -1, 100)).find(({ type }) => type === 'agent_text'),
  ).toMatchObject({ content: null });
});
