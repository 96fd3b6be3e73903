import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compileFilter } from '../../src/adapters/embedded-search/metadata';
import { parseJson } from '../../src/documents/parse/json';
import { parseMarkdown } from '../../src/documents/parse/markdown';
import { type JsonNumber, numbersAsTexts, readExactJson } from '../../src/json';
import { matchesMetadata, parseMetadataFilter } from '../../src/knowledge/metadata-filter';
import type { JsonObject } from '../../src/ports/records';
import { stubEnvironment } from '../testkit/contract';
import { type Client, eventually, startTestServer, type TestServer } from '../testkit/server';
import { startStubProvider, type StubBehaviour, type StubProvider } from '../testkit/stub-provider';

const BIG = '2512292042121000001';

let stub: StubProvider;
let server: TestServer;
let ada: Client;
let main: string;
let count = 0;

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer(stubEnvironment(stub.url));
  ada = await server.as({ user: 'ada' });
  main = await ada.agentId();
  for (const [name, code] of [
    ['echo_int', 'def echo_int(n):\n    return {"n": n, "text": repr(n), "type": type(n).__name__}\n'],
    ['double_it', 'function double_it(n) { return { twice: n + n, type: typeof n }; }'],
    ['add', 'def add(a, b):\n    return a + b\n'],
    ['power', 'def power():\n    return [2 ** 70, 10.0, 1e20, -0.0, 1e-7]\n'],
    ['factorial', 'import math\n\ndef factorial():\n    return math.factorial(200)\n'],
    ['not_a_number', 'def not_a_number():\n    return float("nan")\n'],
    ['guarded', 'def guarded(n):\n    return repr(n)\n'],
  ] as const) {
    const tool = { name, description: 'd', function_code: code, require_approval: name === 'guarded' };
    expect((await ada.rest('POST', `/api/v1/agent/${main}/tools`, tool)).status).toBe(200);
  }
});
afterAll(async () => {
  await server?.close();
  await stub.close();
});

/** Text of an answer: a parser of the test would hide what it is about. */
async function text(
  method: string,
  route: string,
  body?: string,
  client = ada,
): Promise<{ status: number; text: string }> {
  const response = await fetch(client.url + route, {
    method,
    headers: { authorization: `Bearer ${client.token}`, 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, text: await response.text() };
}

const conversation = (id: string): string => `/api/v1/conversations/${id}`;

async function newConversation(metadata = '{}'): Promise<string> {
  const id = `numbers-${++count}`;
  const made = await text(
    'POST',
    '/api/v1/conversations',
    `{"id":"${id}","agent_id":"${main}","metadata":${metadata}}`,
  );
  expect(made).toMatchObject({ status: 201 });
  return id;
}

/** Lets the model call a tool. @returns what the model was told, and the run */
const call = (name: string, args: string) =>
  callBy({ toolCalls: [{ id: `call_${++count}`, name, arguments: args }] });

/** The same by an answer in the endpoint's own bytes. */
async function callBy(answer: StubBehaviour) {
  count++;
  stub.next(answer);
  stub.next({ text: 'Done.' });
  const id = `calls-${count}`;
  const run = await ada.rest('POST', `/api/v1/agent/${main}/chat`, {
    message: 'Go.',
    conversation_id: id,
    message_id: `m-${count}`,
    stream: false,
  });
  const messages = stub.requests.at(-1)!.body.messages as { role: string; content: string }[];
  return { id, run, told: messages.at(-1)!.content };
}

describe('numbers that a model writes', () => {
  it('reach a Python tool digit by digit, and its results the model', async () => {
    const { run, told } = await call('echo_int', `{"n": ${BIG}}`);
    expect(run.body).toMatchObject({ status: 'completed' });
    expect(told).toBe(`{"n":${BIG},"text":"${BIG}","type":"int"}`);
  });

  it('stay floats where they are written as floats', async () => {
    expect((await call('echo_int', '{"n": 10.0}')).told).toBe('{"n":10.0,"text":"10.0","type":"float"}');
    expect((await call('echo_int', '{"n": -0.0}')).told).toBe('{"n":-0.0,"text":"-0.0","type":"float"}');
  });

  it('reach a JavaScript tool as BigInt', async () => {
    expect((await call('double_it', `{"n": ${BIG}}`)).told).toBe(
      '{"twice":5024584084242000002,"type":"bigint"}',
    );
    expect((await call('double_it', '{"n": 2}')).told).toBe('{"twice":4,"type":"number"}');
  });

  it.each([
    ['1e999', '{"a":1e999,"b":2}', 'a: must be a number below 1.8e308, is 1e999'],
    [
      'too many digits',
      `{"a":0.${'3'.repeat(2_000)},"b":2}`,
      'a: must be a number of at most 1000 characters',
    ],
    ['an argument given twice', '{"a":1,"a":2,"b":2}', 'a: is given twice in one object'],
    [
      'lists in lists',
      `{"a":${'['.repeat(150)}${']'.repeat(150)},"b":2}`,
      'must not be nested deeper than 100 levels',
    ],
  ])(
    'that cannot be taken fail the call with the reason, and the run goes on: %s',
    async (_what, args, reason) => {
      const { run, told } = await call('add', args);
      expect(run).toMatchObject({ status: 200, body: { status: 'completed' } });
      expect(told).toContain(reason);
    },
  );
});

describe('answers of endpoints as they were recorded', () => {
  const input = (name: string): string =>
    readFileSync(path.join(__dirname, 'inputs', 'models', `${name}.sse`), 'utf8');

  it('keep big integers', async () => {
    expect((await callBy({ bytes: input('big-int') })).told).toBe(
      `{"n":${BIG},"text":"${BIG}","type":"int"}`,
    );
  });

  it('fail the call whose number is beyond doubles, and the conversation goes on', async () => {
    const { id, run, told } = await callBy({ bytes: input('infinity') });
    expect(run).toMatchObject({ status: 200, body: { status: 'completed', text: 'Done.' } });
    expect(told).toContain('a: must be a number below 1.8e308, is 1e999');
    stub.next({ text: 'Again.' });
    const again = { message: 'And now?', conversation_id: id, message_id: `m-again-${count}`, stream: false };
    expect((await ada.rest('POST', `/api/v1/agent/${main}/chat`, again)).body.text).toBe('Again.');
  });
});

describe('arguments that an endpoint sends as an object', () => {
  const called = (fields: string): string =>
    `data: {"choices": [{"index": 0, "delta": ${fields}, "finish_reason": "tool_calls"}]}\n\ndata: [DONE]\n\n`;
  const fn = (name: string, args: string): string => `{"arguments": ${args}, "name": "${name}"}`;

  it.each([
    ['a call', (f: string) => called(`{"tool_calls": [{"index": 0, "id": "a", "function": ${f}}]}`)],
    ['a function call', (f: string) => called(`{"content": "{\\"}", "function_call": ${f}}`)],
    [
      'a whole message',
      (f: string) =>
        `{"choices": [{"message": {"role": "assistant", "tool_calls": [{"id": "a", "function": ${f}}]}, "finish_reason": "tool_calls"}]}`,
    ],
  ])('keep their numbers: %s', async (_what, answer) => {
    expect((await callBy({ bytes: answer(fn('echo_int', `{"n": ${BIG}}`)) })).told).toBe(
      `{"n":${BIG},"text":"${BIG}","type":"int"}`,
    );
    expect((await callBy({ bytes: answer(fn('echo_int', '{"n": 10.0}')) })).told).toContain('"float"');
    const { run, told } = await callBy({ bytes: answer(fn('add', '{"a": 1e999, "b": 2}')) });
    expect(run).toMatchObject({ status: 200, body: { status: 'completed' } });
    expect(told).toContain('a: must be a number below 1.8e308, is 1e999');
    expect((await callBy({ bytes: answer(fn('add', '{"a": 1, "a": 2, "b": 2}')) })).told).toContain(
      'a: is given twice in one object',
    );
  });

  it('keep the numbers of both of two calls', async () => {
    const calls = ['9007199254740993', '9007199254740995']
      .map(
        (n, index) => `{"index": ${index}, "id": "p${index}", "function": ${fn('echo_int', `{"n": ${n}}`)}}`,
      )
      .join(', ');
    const { told } = await callBy({ bytes: called(`{"tool_calls": [${calls}]}`) });
    expect(told).toContain('9007199254740995');
    expect(JSON.stringify(stub.requests.at(-1)!.body.messages)).toContain('9007199254740993');
  });
});

describe('numbers that a tool gives', () => {
  it('are shown and stored as they are', async () => {
    const { id, told } = await call('power', '{}');
    const exact = '[1180591620717411303424,10.0,1e+20,-0.0,1e-07]';
    expect(told).toBe(exact);
    expect((await text('GET', `${conversation(id)}/timeline`)).text).toContain(exact);
  });

  it.each(['factorial', 'not_a_number'])('beyond doubles fail the call with the reason: %s', async (tool) => {
    const { run, told } = await call(tool, '{}');
    expect(run).toMatchObject({ status: 200, body: { status: 'completed' } });
    expect(told).toMatch(/The call failed.*(below 1.8e308|not JSON compliant)/);
  });
});

describe('a direct run', () => {
  const run = (tool: string, args: string, rest = '') =>
    text(
      'POST',
      `/api/v1/agent/${main}/tools/${tool}/run`,
      `{"arguments":${args},"conversation_id":"direct-${++count}","message_id":"m"${rest}}`,
    );

  it('passes numbers on and gives them back', async () => {
    const { status, text: answer } = await run('echo_int', `{"n":${BIG}}`);
    expect(status).toBe(200);
    expect(answer).toContain(`{"n":${BIG},"text":"${BIG}","type":"int"}`);
    expect((await run('echo_int', '{"n":10.0}')).text).toContain('"type":"float"');
  });

  it('refuses what is no number here', async () => {
    const { status, text: answer } = await run('echo_int', '{"n":1e999}');
    expect(status).toBe(422);
    expect(JSON.parse(answer).errors).toEqual([
      { path: 'arguments.n', message: 'must be a number below 1.8e308, is 1e999' },
    ]);
  });
});

describe('an approval', () => {
  it('shows the exact number, and runs with the exact number that it was changed to', async () => {
    stub.next({ toolCalls: [{ id: 'g', name: 'guarded', arguments: `{"n": ${BIG}}` }] });
    const waiting = await ada.rest('POST', `/api/v1/agent/${main}/chat`, {
      message: 'Go.',
      conversation_id: 'gated',
      message_id: 'm',
      stream: false,
    });
    expect(waiting.body.status).toBe('waiting_approval');
    const pending = await text('GET', '/api/v1/approvals/pending');
    expect(pending.text).toContain(`"n":${BIG}`);
    const [approval] = JSON.parse(pending.text).approvals;
    stub.next({ text: 'Done.' });
    const decided = await text(
      'POST',
      `/api/v1/approvals/${approval.id}/respond`,
      `{"status":"approved","modified_arguments":{"n":9007199254740993}}`,
    );
    expect(decided).toMatchObject({ status: 200 });
    const told = (): unknown => stub.requests.at(-1)!.body.messages.at(-1).content;
    await eventually(
      () => Promise.resolve(told() === '9007199254740993'),
      'the model is told what the changed call gave',
    );
  });
});

describe('metadata of a conversation', () => {
  it.each([
    '{"id":2512292042121000001}',
    '{"a":[-9223372036854775808,9223372036854775807,18446744073709551616,1180591620717411303424]}',
    '{"digits":0.1234567890123456789012345678901234567890}',
    `{"long":${'7'.repeat(300)}}`,
    '{"tiny":1e-400}',
  ])('come back as they were sent: %s', async (metadata) => {
    const id = await newConversation(metadata);
    expect((await text('GET', conversation(id))).text).toContain(`"metadata":${metadata}`);
    expect((await text('PUT', conversation(id), `{"metadata":${metadata}}`)).text).toContain(
      `"metadata":${metadata}`,
    );
    expect((await text('GET', '/api/v1/conversations')).text).toContain(metadata);
  });

  it.each(['1e999', '-1E400', '7'.repeat(400)])(
    'is refused with the path where a number is beyond doubles: %s',
    async (number) => {
      const id = await newConversation();
      for (const [method, route, body] of [
        ['PUT', conversation(id), `{"metadata":{"x":{"y":[1,${number}]}}}`],
        ['POST', `${conversation(id)}/messages`, `{"content":"x","metadata":{"x":{"y":[1,${number}]}}}`],
      ] as const) {
        const { status, text: answer } = await text(method, route, body);
        expect(status).toBe(422);
        expect(JSON.parse(answer).errors).toEqual([
          { path: 'metadata.x.y.1', message: expect.stringContaining('below 1.8e308') },
        ]);
      }
    },
  );

  it('keeps numbers of one value one number: 10.0 is 10', async () => {
    const id = await newConversation('{"a":10.0,"b":1e3,"c":-0}');
    expect(JSON.parse((await text('GET', conversation(id))).text).metadata).toEqual({ a: 10, b: 1000, c: 0 });
  });
});

describe('what a tool is made with', () => {
  it.each([
    [
      '"args_schema":{"type":"object","properties":{"n":{"maximum":1e999}}}',
      'args_schema.properties.n.maximum',
    ],
    ['"llm_usage":{"a":[1e999]}', 'llm_usage.a.0'],
  ])('is refused by the path of a number beyond doubles: %s', async (field, place) => {
    const code = 'def bad(n):\\n    return n\\n';
    const body = `{"name":"bad","description":"d","function_code":"${code}",${field}}`;
    const answer = await text('POST', `/api/v1/agent/${main}/tools`, body);
    expect(answer.status).toBe(422);
    expect(JSON.parse(answer.text).errors).toEqual([
      { path: place, message: 'must be a number below 1.8e308, is 1e999' },
    ]);
  });
});

describe('ranges of metadata', () => {
  const numbers = ['2512292042121000000', BIG, '2512292042121000002', '7', '0.12345678901234567890'];
  const texts = ['abc', '7'].map((value) => ({ id: value }));
  const all = [...numbers.map((n) => readExactJson(`{"id":${n}}`)), ...texts] as JsonObject[];

  it.each([
    [`{"gt":${BIG}}`, ['2512292042121000002']],
    [`{"gte":${BIG}}`, [BIG, '2512292042121000002']],
    [`{"lt":${BIG},"gt":7}`, ['2512292042121000000']],
    ['{"gt":7}', ['2512292042121000000', BIG, '2512292042121000002']],
    ['{"lt":1}', ['0.12345678901234567890']],
    ['{"gte":"a"}', ['abc']],
  ])('order big integers by their value: %s', (condition, expected) => {
    const filter = parseMetadataFilter(readExactJson(`{"id":${condition}}`), 'filters')!;
    const found = (fits: (metadata: JsonObject) => boolean): string[] =>
      all.filter(fits).map(({ id }) => (id as string | number | JsonNumber).toString());
    expect(found((metadata) => matchesMetadata(filter, metadata))).toEqual(expected);
    const indexed = compileFilter(filter);
    expect(found((metadata) => indexed(numbersAsTexts(metadata)))).toEqual(expected);
  });
});

describe('a JSON document', () => {
  it('is kept digit by digit, key by key', () => {
    const file = `{"id": ${BIG}, "f": 10.0, "e": 1e999, "a": 1, "a": 2}`;
    for (const text of [file, `{"n":[${Array.from({ length: 400 }, () => BIG).join(',')}]}`])
      expect(parseJson(Buffer.from(text)).text.replaceAll(/\s/g, '')).toBe(text.replaceAll(' ', ''));
  });
});

describe('front matter of Markdown', () => {
  it('keeps the digits of its integers', () => {
    const file = `---\nid: ${BIG}\nyear: 2026\nids: [1, ${BIG}]\nweight: 0.5\n---\nText.\n`;
    expect(parseMarkdown(Buffer.from(file)).metadata).toMatchObject({
      id: BIG,
      year: 2026,
      ids: ['1', BIG],
      weight: 0.5,
    });
  });
});

describe('over GraphQL', () => {
  const update =
    'mutation ($input: UpdateConversationInput!) { updateConversation(input: $input) { metadata } }';
  const graphql = (query: string, variables: string) =>
    text('POST', '/graphql', `{"query":${JSON.stringify(query)},"variables":${variables}}`);

  it('variables and literals keep their numbers, compiled or not', async () => {
    const id = await newConversation();
    const literal = `mutation { updateConversation(input: {id: "${id}", metadata: {n: ${BIG}, f: 10.0}}) { metadata } }`;
    for (let again = 0; again < 3; again++) {
      expect((await graphql(update, `{"input":{"id":"${id}","metadata":{"n":${BIG}}}}`)).text).toContain(
        `{"n":${BIG}}`,
      );
      expect((await graphql(literal, '{}')).text).toContain(`{"n":${BIG},"f":10}`);
    }
  });

  const replace =
    'mutation ($id: ID!, $metadata: JSON) { updateConversation(input: {id: $id, metadata: $metadata}) { metadata } }';

  it('a number that is a whole variable, item or field of one keeps its text', async () => {
    const admin = await server.as({ user: 'root', scopes: 'agentflow:admin' });
    const create = async (type: string, input: string, variables: string): Promise<string> => {
      const query = `mutation (${type}) { createApprovalPolicy(input: ${input}) { conditions { value } } }`;
      const body = `{"query":${JSON.stringify(query)},"variables":${variables}}`;
      return (await text('POST', '/graphql', body, admin)).text;
    };
    const compared = `{"path":"n","operator":"EQ","value":${BIG}}`;
    for (let again = 0; again < 3; again++) {
      for (const [type, input, variables] of [
        [
          '$name: String!, $value: JSON!',
          '{name: $name, toolNames: ["add"], conditions: [{path: "n", operator: EQ, value: $value}]}',
          `"value":${BIG}`,
        ],
        [
          '$name: String!, $conditions: [PolicyConditionInput!]',
          '{name: $name, toolNames: ["add"], conditions: $conditions}',
          // One value stands for a list of one.
          `"conditions":${again === 0 ? compared : `[${compared}]`}`,
        ],
      ] as const)
        expect(await create(type, input, `{"name":"policy ${++count}",${variables}}`)).toContain(
          `"conditions":[{"value":${BIG}}]`,
        );
    }
  });

  it.each(['GET', 'POST'])('a single connection keeps numbers, or refuses them: %s', async (method) => {
    const id = await newConversation();
    const operate = async (number: string): Promise<string> => {
      const query = method === 'POST' ? replace : 'query ($id: ID!) { conversation(id: $id) { id } }';
      const variables = `{"id":"${id}","metadata":{"n":${number}}}`;
      const search = `query=${encodeURIComponent(query)}&variables=${encodeURIComponent(variables)}`;
      const response = await fetch(`${ada.url}/graphql/stream${method === 'GET' ? `?${search}` : ''}`, {
        method,
        headers: {
          authorization: `Bearer ${ada.token}`,
          'content-type': 'application/json',
          accept: 'text/event-stream',
        },
        ...(method === 'POST' ? { body: `{"query":${JSON.stringify(query)},"variables":${variables}}` } : {}),
      });
      return response.text();
    };
    expect(await operate(BIG)).toContain(method === 'POST' ? `{"n":${BIG}}` : `"id":"${id}"`);
    const refused = await operate('1e999');
    expect(refused).toContain('"code":"validation_failed"');
    expect(refused).toContain('metadata.n');
  });

  it('what is no number is refused by its path', async () => {
    const id = await newConversation();
    for (let again = 0; again < 3; again++) {
      const answer = await graphql(update, `{"input":{"id":"${id}","metadata":{"n":[1e999]}}}`);
      expect(JSON.parse(answer.text).errors[0].extensions).toMatchObject({
        code: 'validation_failed',
        errors: [{ path: 'variables.input.metadata.n.0' }],
      });
      const literal = await graphql(
        `mutation { updateConversation(input: {id: "${id}", metadata: {n: 1e999}}) { metadata } }`,
        '{}',
      );
      expect(JSON.parse(literal.text).errors[0].extensions).toMatchObject({
        code: 'validation_failed',
        errors: [{ path: 'n' }],
      });
    }
  });
});
