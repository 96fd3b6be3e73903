import fc from 'fast-check';
import { stubEnvironment } from '../testkit/contract';
import { type Client, startTestServer, type TestServer } from '../testkit/server';
import { startStubProvider, type StubProvider } from '../testkit/stub-provider';
import { JsonNumber, JsonProblem, readExactJson } from '../../src/json';

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
  const echo = 'import json\n\ndef echo(text):\n    return json.loads(text)\n';
  const tool = { name: 'echo', description: 'd', function_code: echo };
  expect((await ada.rest('POST', `/api/v1/agent/${main}/tools`, tool)).status).toBe(200);
}, 60_000);
afterAll(async () => {
  await server?.close();
  await stub.close();
});

async function text(method: string, route: string, body?: string): Promise<{ status: number; text: string }> {
  const response = await fetch(ada.url + route, {
    method,
    headers: { authorization: `Bearer ${ada.token}`, 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, text: await response.text() };
}

const keys = fc.oneof(
  fc.constantFrom(
    '_bsontype',
    '$ref',
    '$id',
    '$db',
    '$set',
    '',
    '.',
    'a.b',
    '__proto__',
    'constructor',
    'toJSON',
  ),
  fc.constantFrom(
    'toBSON',
    'length',
    '\ud800',
    'prisma__value',
    'set',
    'type',
    '0',
    '$date',
    '$binary',
    '\u0000',
  ),
  fc.string({ maxLength: 4, unit: 'binary' }),
);
const numbers = fc.oneof(
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String),
  fc.constantFrom('10.0', '-0', '-0.0', '1e5', '1E+2', '1e999', '-1E400', '1e-999', '0.10000000000000001'),
  fc.constantFrom(
    '9007199254740993',
    '18446744073709551616',
    '7'.repeat(330),
    `0.${'3'.repeat(200)}`,
    '5e-324',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
);
const strings = fc.oneof(
  fc.string({ maxLength: 8, unit: 'binary' }),
  fc.constantFrom('\ud800', 'a\udfffb', '\u0000', 'Long', 'ObjectId', 'Binary', '1e999', '10.0'),
);

/** Texts of JSON; keys may come twice. */
const { value: jsonTexts } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      numbers,
      strings.map((one) => JSON.stringify(one)),
      fc.constantFrom('null', 'true', 'false'),
    ),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(' , ')}]`),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(keys, tie('value')), { maxLength: 4 })
    .map((entries) => `{${entries.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(',')}}`),
}));
const nested = fc
  .integer({ min: 1, max: 300 })
  .map((depth) => `${'[{"a":'.repeat(depth)}1${'}]'.repeat(depth)}`);
const hostile = fc.oneof({ weight: 9, arbitrary: jsonTexts }, { weight: 1, arbitrary: nested });

/** One form of all texts of a value: numbers by their decimal value. */
function meaning(json: string): unknown {
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== 'object' || value === null)
      return typeof value === 'number' ? decimal(String(value)) : value;
    if (value instanceof JsonNumber) return decimal(value.text);
    return Object.entries(value).map(([key, item]) => [key, plain(item)]);
  };
  return plain(readExactJson(json));
}

/** Digits and exponent of a number without what says nothing. */
function decimal(number: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(
    number,
  )!;
  let digits = BigInt(whole + fraction);
  let scale = Number(exponent) - fraction.length;
  if (digits === 0n) return 'number 0';
  for (; digits % 10n === 0n; digits /= 10n) scale++;
  return `number ${sign}${digits}e${scale}`;
}

function isReadable(json: string): boolean {
  try {
    readExactJson(json);
    return true;
  } catch (error) {
    if (error instanceof JsonProblem) return false;
    throw error;
  }
}

/** The part of an answer's text that stands behind a key, up to a key that follows it. */
function between(answer: string, from: string, to: string): string {
  const start = answer.indexOf(from) + from.length;
  return answer.slice(start, answer.indexOf(to, start));
}

it('metadata come back as they were sent or are refused by their path, over REST and GraphQL', async () => {
  const id = 'hostile';
  await text('POST', '/api/v1/conversations', `{"id":"${id}","agent_id":"${main}"}`);
  const update =
    'mutation ($input: UpdateConversationInput!) { updateConversation(input: $input) { metadata id } }';
  await fc.assert(
    fc.asyncProperty(hostile, async (json) => {
      const metadata = `{"x": ${json}}`;
      const rest = await text('PUT', `/api/v1/conversations/${id}`, `{"metadata": ${metadata}}`);
      if (rest.status === 200) {
        const read = await text('GET', `/api/v1/conversations/${id}`);
        expect(meaning(between(read.text, '"metadata":', ',"message_count"'))).toEqual(meaning(metadata));
      } else {
        expect(rest.status).toBe(422);
        expect(JSON.parse(rest.text).errors).toEqual([
          { path: expect.stringMatching(/^metadata/), message: expect.any(String) },
        ]);
        expect(isReadable(metadata) && !metadata.includes('\\u0000')).toBe(false);
      }
      const body = `{"query": ${JSON.stringify(update)}, "variables": {"input": {"id": "${id}", "metadata": ${metadata}}}}`;
      const graphql = await text('POST', '/graphql', body);
      if (rest.status === 200)
        expect(meaning(between(graphql.text, '"metadata":', ',"id":"hostile"'))).toEqual(meaning(metadata));
      else
        expect(JSON.parse(graphql.text).errors[0].extensions.code).toMatch(/validation_failed|bad_request/);
    }),
    { numRuns: 150 },
  );
}, 120_000);

it('a tool may give anything: it is kept as it is, goes on as text, or fails the call', async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async (json) => {
      const answer = await text(
        'POST',
        `/api/v1/agent/${main}/tools/echo/run`,
        `{"arguments": {"text": ${JSON.stringify(json)}}, "conversation_id": "given-${++count}", "message_id": "m"}`,
      );
      expect(answer).toMatchObject({ status: 200 });
      expect(JSON.parse(answer.text).status).toMatch(/^(completed|failed)$/);
      const events = await text('GET', `/api/v1/conversations/given-${count}/timeline`);
      expect(events).toMatchObject({ status: 200 });
    }),
    { numRuns: 60 },
  );
}, 120_000);

it.each([
  ['_bsontype', '{"_bsontype":"ObjectId","id":"x"}'],
  ['the names of a reference', '{"$ref":"a","$id":"b"}'],
  ['half a surrogate pair', '{"\\ud800":"\\udfff"}'],
  ['names of the language', '{"__proto__":{"a":1},"constructor":1,"toJSON":2,"toBSON":3,"length":4}'],
  ['names of the database', '{"":{"$set":{"a.b":1}},".":2}'],
])('a user may store and append %s', async (_what, json) => {
  const id = `names-${++count}`;
  const made = await text(
    'POST',
    '/api/v1/conversations',
    `{"id":"${id}","agent_id":"${main}","metadata":${json}}`,
  );
  expect(made.status).toBe(201);
  expect((await text('GET', `/api/v1/conversations/${id}`)).text).toContain(`"metadata":${json}`);
  const appended = await text(
    'POST',
    `/api/v1/conversations/${id}/messages`,
    `{"content":"hi","metadata":${json}}`,
  );
  expect(appended.status).toBe(201);
  expect((await text('GET', `/api/v1/conversations/${id}/messages`)).text).toContain(`"metadata":${json}`);
});

it.each([
  '/api/v1/conversations/search?query=a%00b',
  '/api/v1/conversations/search?query=%ED%A0%80',
  '/api/v1/conversations/a%00b',
  '/api/v1/conversations?source=%00&agent_id=%00',
  '/api/v1/agent/%00',
  '/api/v1/approvals/%00',
  '/api/v1/approvals/pending?agent_id=%00&conversation_id=%00',
  '/api/v1/conversations?cursor=%00',
])('U+0000 in what is looked for is no internal error: %s', async (route) => {
  const { status } = await text('GET', route);
  expect(status).toBeLessThan(500);
});

it('U+0000 in a search over GraphQL is no internal error', async () => {
  const query = 'query ($q: String!) { conversationSearch(query: $q) { conversations { id } } }';
  const answer = JSON.parse(
    (await text('POST', '/graphql', `{"query":"${query}","variables":{"q":"a\\u0000b"}}`)).text,
  );
  expect(answer.errors?.[0].extensions.code).not.toBe('internal_error');
});
