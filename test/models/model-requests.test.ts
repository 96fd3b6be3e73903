import fc from 'fast-check';
import { Accumulator, type DeltaChunk } from '../../src/adapters/openai/accumulator';
import { toWireRequest } from '../../src/adapters/openai/request';
import { modelRegistry as registry } from '../../src/models/registry';
import type { ChatRequest, ModelMessage, ModelToolCall } from '../../src/ports/models';
import type { AgentRecord, ConversationRecord, JsonValue, PartRecord } from '../../src/ports/records';
import type { TenantStore } from '../../src/ports/stores';
import type { ToolCallRecord } from '../../src/ports/tools';
import { buildPrompt } from '../../src/runs/prompt';
import { digestOf, groupSteps, transcriptOf } from '../../src/runs/transcript';
import { FAMILIES, refusal } from './endpoint-rules';

/** Logs and answers that are tried; with the seed they are the same in every run. */
const LOGS = 10_000;
const SEED = 20_261_130;

const MODEL = 'openai/stub';
const facts = { model: 'stub', info: registry.describe('openai', 'stub'), official: false };

const LONG_TEXT = 'Lorem ipsum "dolor" \\ sit\n'.repeat(120);

const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 12 }) },
  fc.constantFrom(
    '',
    ' \n',
    'Hello.',
    '\ud83d',
    'cut \udc4d in half',
    '<think>',
    LONG_TEXT,
    '[object]',
    '\u0000',
  ),
);

const hostileArguments = fc.oneof(
  fc.constantFrom<unknown>(
    '',
    '  ',
    '{}',
    '{"a":1}',
    '{"n":2512292042121000001}',
    '{"a":1}{"b":2}',
    '{"a":1e999}',
    '{"a":[1,{"b":-1E+9999}]}',
    '{"text": "cut of',
    '[1,2]',
    '"text"',
    'null',
    'NaN',
    '```json\n{"a":1}\n```',
    '{"a":"\\ud83d"}',
    null,
    undefined,
    7,
    { a: 1, b: { c: 'text' } },
    ['a'],
  ),
  fc.constant(JSON.stringify({ text: LONG_TEXT, again: { more: [LONG_TEXT] } })),
  fc.constant(JSON.stringify({ numbers: Array.from({ length: 900 }, (_, index) => index) })),
  fc.constant(JSON.stringify({ [LONG_TEXT]: LONG_TEXT })),
  fc.constant(`{"text":"${'x'.repeat(3_000)}`),
  fc.string({ maxLength: 20 }),
);

const hostileCall = fc.record(
  {
    index: fc.constantFrom<unknown>(0, 0, 1, '1', null, 'x', -1),
    id: fc.constantFrom<unknown>('same', 'functions.add:0', 'Abc123xyz', '', null, 7, 'i'.repeat(90), {}),
    type: fc.constant('function'),
    function: fc.oneof(
      fc.record({
        name: fc.constantFrom<unknown>(
          'add',
          'add',
          'echo',
          '',
          'multi_tool_use.parallel',
          'ü'.repeat(80),
          null,
          5,
        ),
        arguments: hostileArguments,
      }),
      fc.constantFrom<unknown>(null, 'add', []),
    ),
    extra_content: fc.constantFrom<unknown>({ google: { thought_signature: 'S' } }, null, 'text'),
  },
  { requiredKeys: [] },
);

const hostileContent = fc.oneof(
  text,
  fc.constantFrom<unknown>(
    null,
    5,
    {},
    [{ type: 'text', text: 'part' }, { type: 'image_url' }, null],
    [{ type: 'thinking', thinking: [{ type: 'text', text: 'Hm.' }] }],
  ),
);

const hostileChunk = fc.oneof(
  fc.record(
    {
      content: hostileContent,
      reasoning_content: fc.constantFrom<unknown>('', 'Hm.', null, 5),
      tool_calls: fc.oneof(fc.array(hostileCall, { maxLength: 3 }), fc.constantFrom<unknown>(null, {}, 'x')),
      function_call: fc.constantFrom<unknown>(undefined, null, { name: 'add', arguments: '{}' }),
    },
    { requiredKeys: [] },
  ),
);

interface Answer {
  text: string;
  calls: ModelToolCall[];
  giveBack: Accumulator['giveBack'];
}

const hostileAnswer: fc.Arbitrary<Answer> = fc
  .tuple(fc.array(hostileChunk, { maxLength: 4 }), fc.constantFrom(MODEL, 'other/model'))
  .map(([chunks, model]) => {
    const accumulator = new Accumulator(noted, model);
    for (const delta of chunks) accumulator.add(JSON.stringify({ choices: [{ delta }] }));
    return { text: accumulator.text, calls: accumulator.toolCalls, giveBack: accumulator.giveBack };
  });

/** A delta is text, whatever the endpoint sent. */
function noted(delta: DeltaChunk): void {
  const parts = delta.type === 'tool_call' ? [delta.id, delta.name, delta.arguments] : [delta.text];
  for (const part of parts) if (part !== undefined && typeof part !== 'string') throw new Error('no text');
}

/** The rows of a ledger, as the engine writes what models asked for. */
const steps = fc
  .array(fc.tuple(hostileAnswer, fc.array(fc.constantFrom(null, '', '42', LONG_TEXT), { maxLength: 3 })), {
    maxLength: 3,
  })
  .map((answers) =>
    answers.flatMap(([answer, shown], step) =>
      answer.calls.map((call, position) => ({
        step,
        position,
        stepText: position === 0 ? answer.text : null,
        modelCallId: call.id,
        toolName: call.name,
        argumentsText: call.arguments,
        giveBack: {
          ...(call.giveBack && { call: call.giveBack }),
          ...(position === 0 && answer.giveBack && { step: answer.giveBack }),
        },
        shown: shown[position] ?? null,
      })),
    ),
  ) as unknown as fc.Arbitrary<ToolCallRecord[]>;

/** Digests of earlier versions cut arguments to text that is no JSON. */
const oldDigest = fc.constant<JsonValue>({
  tool_calls: [{ id: 'same', name: 'add', arguments: '{"text":"Lorem… (shortened)', result: '' }],
});

const part = fc.oneof(
  fc.record({
    type: fc.constant('user'),
    text,
    content: fc.constantFrom<JsonValue>(null, { hidden: ['context'] }, { hidden: 5 }),
  }),
  fc.record({
    type: fc.constant('agent_text'),
    text: fc.option(text),
    content: fc.oneof(
      steps.map((calls) => digestOf(calls) as JsonValue),
      oldDigest,
      fc.constant(null),
    ),
  }),
) as unknown as fc.Arbitrary<PartRecord>;

const tail: fc.Arbitrary<ModelMessage[]> = fc.array(
  fc.record({ role: fc.constantFrom('user', 'assistant'), content: text }),
  { maxLength: 2 },
);

const log = fc.record({
  systemPrompt: text,
  systemBlocks: fc.array(text, { maxLength: 2 }),
  summary: fc.option(text),
  parts: fc.array(part, { maxLength: 5 }),
  message: text,
  steps,
  tail,
  continueFrom: fc.option(text, { nil: undefined }),
  offered: fc.boolean(),
});

type Log = typeof log extends fc.Arbitrary<infer T> ? T : never;

async function requestOf(drawn: Log): Promise<ChatRequest> {
  const store = { parts: { messages: () => Promise.resolve(drawn.parts) } } as unknown as TenantStore;
  const agent = { systemPrompt: drawn.systemPrompt, maxConversationMessages: 100 } as AgentRecord;
  const conversation = { compactedBefore: 0, summary: drawn.summary } as ConversationRecord;
  const { message, systemBlocks } = drawn;
  const request = { message, systemBlocks, hidden: [], role: 'agent' as const };
  const turn = drawn.parts.length;
  const base = await buildPrompt(store, agent, request, { conversation, turn });
  return {
    model: MODEL,
    messages: [...base, ...transcriptOf(groupSteps(drawn.steps)), ...drawn.tail],
    continueFrom: drawn.continueFrom,
    ...(drawn.offered && { tools: [{ name: 'add', description: 'Adds.', parameters: { type: 'object' } }] }),
  };
}

/** What is well-formed and not blank stands somewhere in the request. */
function lost({ parts, message, steps: calls }: Log, wire: string): string | undefined {
  const said = [message, ...parts.map((one) => one.text ?? ''), ...calls.map((call) => call.shown ?? '')];
  return said.find((one) => one.trim() !== '' && one.isWellFormed() && !wire.includes(inJson(one)));
}

const inJson = (one: string): string => JSON.stringify(one).slice(1, -1);

/** The first complaint about what would be sent; no matcher of its own for each, which would take most of the time. */
async function complaint(drawn: Log): Promise<string | undefined> {
  const request = await requestOf(drawn);
  const body = toWireRequest(request, facts);
  for (const family of FAMILIES) {
    const refused = refusal(family, body);
    if (refused) return `${family}: ${refused}`;
  }
  // Fields of one model's endpoint go to that model alone.
  const refused = refusal('mistral', toWireRequest({ ...request, model: 'openai/third' }, facts), false);
  if (refused) return `another endpoint: ${refused}`;
  const wire = JSON.stringify(body);
  if (wire.includes('[object Object]')) return 'an object was taken for text';
  const gone = lost(drawn, wire);
  return gone === undefined ? undefined : `lost: ${gone}`;
}

it('a request of any log with any answers of models is taken by five families of endpoints, and nothing is lost', async () => {
  await fc.assert(
    fc.asyncProperty(log, async (drawn) => {
      const wrong = await complaint(drawn);
      if (wrong !== undefined) throw new Error(wrong);
    }),
    { numRuns: LOGS, seed: SEED },
  );
}, 120_000);

/** Without the reasoning that a step did not have: it is sent from where one has some. */
const bare = (message: object): object =>
  'reasoning_content' in message && message.reasoning_content === ''
    ? { ...message, reasoning_content: undefined }
    : message;

it('a request begins as the one before it did, so that a cache of prompts holds', async () => {
  await fc.assert(
    fc.asyncProperty(log, async (drawn) => {
      const shorter = { ...drawn, steps: [], tail: [], continueFrom: undefined, message: 'next' };
      const before = toWireRequest(await requestOf(shorter), facts).messages;
      const after = toWireRequest(await requestOf({ ...drawn, message: 'next' }), facts).messages;
      expect(after.slice(0, before.length - 1).map(bare)).toEqual(before.slice(0, -1).map(bare));
    }),
    { numRuns: 300, seed: SEED },
  );
});
