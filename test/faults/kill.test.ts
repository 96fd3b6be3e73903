import {
  type Client,
  type EventStream,
  eventually,
  type Json,
  type ServerProcess,
  type SseEvent,
} from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import {
  buildProgram,
  deltasOf,
  embeddedServer,
  isDelta,
  isEnd,
  isHangUp,
  seededRandom,
  temporaryFolder,
} from './kit';

const TEXT = Array.from({ length: 60 }, (_, index) => `word${index}${index % 7 === 3 ? ',\n' : ''}`).join(
  ' ',
);
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
/** From accepting the message to the end of the answer, generously. Milliseconds. */
const WHOLE_MS = 900;

interface Way {
  open(client: Client, chat: Chat, after: number | null): Promise<EventStream>;
  /** The log entries inside a frame of the stream. */
  entries(event: SseEvent): SseEvent[];
  /** True when the stream needs a run that is known already. */
  needsRun: boolean;
}

interface Input {
  message: string;
  model?: string;
}

interface Chat {
  agent: string;
  conversation: string;
  input: Input;
  run?: string;
}

const WORDS: Input = { message: 'Tell me the words.' };

const FIELDS = '{ type seq runId content metadata }';

const overGraphQL =
  (name: string): Way['entries'] =>
  ({ data }) => {
    const event = data?.data?.[name];
    return event ? [{ id: String(event.seq), data: event }] : [];
  };

const WAYS: Record<string, Way> = {
  'the chat stream': {
    needsRun: false,
    open: (client, { agent, conversation, input }, after) =>
      client.stream(
        'POST',
        `/api/v1/agent/${agent}/chat`,
        { conversation_id: conversation, message_id: 'm1', ...input },
        after === null ? {} : { 'Last-Event-ID': String(after) },
      ),
    entries: (event) => [event],
  },
  'the conversation stream': {
    needsRun: true,
    open: (client, { conversation }, after) =>
      client.stream('GET', `/api/v1/conversations/${conversation}/stream`, undefined, {
        ...(after === null ? {} : { 'Last-Event-ID': String(after) }),
      }),
    entries: ({ data }) =>
      (data?.content?.parts ?? []).map((part: { seq: number }) => ({ id: String(part.seq), data: part })),
  },
  'the subscription runEvents': {
    needsRun: true,
    open: (client, { run }, afterSeq) =>
      client.subscribe(
        `subscription ($run: ID!, $afterSeq: Int) { runEvents(runId: $run, afterSeq: $afterSeq) ${FIELDS} }`,
        { run, afterSeq },
      ),
    entries: overGraphQL('runEvents'),
  },
  'the subscription conversationEvents': {
    needsRun: true,
    open: (client, { conversation }, afterSeq) =>
      client.subscribe(
        `subscription ($id: ID!, $afterSeq: Int) { conversationEvents(conversationId: $id, afterSeq: $afterSeq) ${FIELDS} }`,
        { id: conversation, afterSeq },
      ),
    entries: overGraphQL('conversationEvents'),
  },
};

describe(`a server that is killed in mid-answer (FAULT_SEED=${SEED})`, () => {
  const folder = temporaryFolder();
  const random = seededRandom(SEED);
  let stub: StubProvider;
  let server: ServerProcess;
  let agent: string;
  let rounds = 0;

  const start = (): Promise<ServerProcess> =>
    embeddedServer(folder.path, {
      OPENAI_BASE_URL: stub.url,
      OPENAI_MODEL: 'stub',
      AGENTFLOW_LOCAL_TOKENS_PER_SECOND: '60',
    });

  beforeAll(async () => {
    buildProgram();
    stub = await startStubProvider();
    server = await start();
    agent = await server.client.agentId();
  }, 120_000);

  afterAll(async () => {
    await server?.stop();
    await stub.close();
    folder.remove();
  });

  /** Follows a chat to its end, or until the server is gone. */
  async function follow(way: Way, chat: Chat, received: SseEvent[]): Promise<void> {
    try {
      if (way.needsRun && !chat.run) chat.run = await startChat(chat);
      const last = received.at(-1);
      const stream = await way.open(server.client, chat, last ? Number(last.id) : null);
      for await (const frame of stream) {
        const entries = way.entries(frame);
        received.push(...entries);
        if (entries.some(isEnd)) break;
      }
      stream.close();
    } catch (error) {
      if (!isHangUp(error)) throw error;
    }
  }

  async function startChat(chat: Chat): Promise<string> {
    const { data, errors } = await server.client.graphql(
      'mutation ($input: ChatInput!) { startChat(input: $input) { runId } }',
      { input: { agentId: agent, conversationId: chat.conversation, messageId: 'm1', ...chat.input } },
    );
    if (errors) throw new Error(JSON.stringify(errors));
    return data.startChat.runId as string;
  }

  /**
   * Starts a chat, kills the server when `moment` has come, starts it again on the same folder and follows to the end.
   * @returns what was received, how much of it before the kill, and the finished conversation
   */
  async function round(way: Way, moment: (received: SseEvent[]) => Promise<unknown>, input: Input = WORDS) {
    const chat: Chat = { agent, conversation: `kill-${rounds++}`, input };
    const received: SseEvent[] = [];
    const first = follow(way, chat, received);
    await moment(received);
    await server.stop('SIGKILL');
    await first;
    const before = received.length;
    server = await start();
    if (!received.some(isEnd)) await follow(way, chat, received);
    const conversation = await finished(chat.conversation);
    return { received, before, conversation };
  }

  async function finished(id: string): Promise<Json> {
    return eventually(async () => {
      const { data } = await server.client.graphql(
        `query ($id: ID!) { conversation(id: $id) {
           messageCount hasActiveGeneration runs(first: 5) { edges { node { status attempts } } }
         } }`,
        { id },
      );
      if (!data.conversation || data.conversation.hasActiveGeneration) return undefined;
      // After a kill between the run's end in the log and in the run itself, recovery writes the latter.
      const { edges } = data.conversation.runs;
      return edges.every(({ node }: Json) => node.status !== 'RUNNING') && data.conversation;
    }, `conversation ${id} is idle and its runs have ended`);
  }

  async function expectWhole(
    { received, conversation }: Awaited<ReturnType<typeof round>>,
    id: string,
    text: string | undefined,
  ): Promise<void> {
    const seqs = received.map((event) => Number(event.id));
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    const end = received.find(isEnd)!;
    expect(end.data.type).toBe('end');
    if (text !== undefined) expect(end.data.content.text).toBe(text);
    expect(deltasOf(received)).toBe(end.data.content.text);
    expect(conversation.messageCount).toBe(2);
    expect(conversation.runs.edges.map(({ node }: Json) => node.status)).toEqual(['COMPLETED']);
    const { body: page } = await server.client.rest('GET', `/api/v1/conversations/${id}/messages`);
    const messages = Object.values(page as Record<string, Json>).find(Array.isArray) as Json[];
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(messages[1].content).toBe(end.data.content.text);
  }

  const afterDeltas =
    (count: number) =>
    (received: SseEvent[]): Promise<unknown> =>
      eventually(async () => received.filter(isDelta).length >= count, `${count} deltas`);

  const attempts = (conversation: Json): number => conversation.runs.edges[0].node.attempts as number;

  describe.each([
    ['a model that goes on where it was cut', true],
    ['a model that starts its answer over', false],
  ])('with %s', (_model, continues) => {
    beforeAll(() => stub.default({ text: TEXT, delayMs: 10, continues }));

    it.each(Object.keys(WAYS))(
      'loses nothing and repeats nothing on %s',
      async (name) => {
        const result = await round(WAYS[name]!, afterDeltas(1 + Math.floor(random() * 8)));
        await expectWhole(result, `kill-${rounds - 1}`, TEXT);
        expect(result.before).toBeGreaterThan(0);
        expect(attempts(result.conversation)).toBe(2);
      },
      60_000,
    );

    it.each([0, 0.01, 0.03, 0.06, 0.5, 0.8, 0.9, 1])(
      'survives a kill at a random instant around %d of the way',
      async (share) => {
        const names = Object.keys(WAYS);
        const way = WAYS[names[Math.floor(random() * names.length)]!]!;
        const delayMs = share * WHOLE_MS + random() * 40;
        const result = await round(way, () => new Promise((resolve) => setTimeout(resolve, delayMs)));
        await expectWhole(result, `kill-${rounds - 1}`, TEXT);
      },
      60_000,
    );
  });

  it('loses nothing of the embedded model', async () => {
    const result = await round(WAYS['the chat stream']!, afterDeltas(3), {
      message: 'Who are you?',
      model: 'agentflow/local',
    });
    await expectWhole(result, `kill-${rounds - 1}`, undefined);
    expect(attempts(result.conversation)).toBe(2);
  }, 60_000);
});
