import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { SafeFetch } from '../../src/net/safe-fetch';
import { translateOperation } from '../../src/adapters/http-tool/openapi';
import { solve } from '../../src/arithmetic';
import { schemaExcess } from '../../src/json-schema/bounds';
import { checkCost } from '../../src/json-schema/cost';
import { createValidator } from '../../src/json-schema/validators';
import type { JsonSchema } from '../../src/ports/models';
import { ThreadPool } from '../../src/threads/pool';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';

/** Generous: the machine may be busy with other tests. What is tested took from five seconds to for ever. */
const LONGEST_PAUSE_MS = 3_000;
const NANOSECONDS = 1e6;

const string = { type: 'string' };

/** 2.9 KB that unfold to 2^41 comparisons. */
const chain = (depth = 41): JsonSchema => ({
  type: 'object',
  allOf: [{ $ref: '#/$defs/d0' }],
  $defs: Object.fromEntries(
    Array.from({ length: depth }, (_, index) => [
      `d${index}`,
      index + 1 === depth
        ? { type: 'object' }
        : { allOf: [{ $ref: `#/$defs/d${index + 1}` }, { $ref: `#/$defs/d${index + 1}` }] },
    ]),
  ),
});

const threefold: JsonSchema = {
  type: 'object',
  properties: { a: { $ref: '#' }, b: { $ref: '#' }, c: { $ref: '#' } },
  required: ['a', 'b', 'c'],
};

let server: TestServer;
let stub: StubProvider;
let mallory: Client;
let bob: Client;

beforeAll(async () => {
  stub = await startStubProvider();
  server = await startTestServer({ OPENAI_BASE_URL: stub.url, OPENAI_API_KEY: 'sk-test' });
  mallory = await server.as({ tenant: 'evil', user: 'mallory' });
  bob = await server.as({ tenant: 'other', user: 'bob' });
  await ask(bob, { message: 'Warm up.' });
}, 90_000);

afterAll(async () => {
  await server.close();
  await stub.close();
});

let turn = 0;

const ask = (client: Client, body: object, model = 'agentflow/local'): Promise<Json> =>
  client.rest('POST', '/api/v1/agent/MainAgent/chat', {
    conversation_id: `c-${++turn}`,
    message_id: `m-${turn}`,
    stream: false,
    verbose: true,
    model,
    ...body,
  });

const format = (schema: object) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
});

/** Does what is to be harmless, while another tenant chats. @returns the answer, and the longest pause of the event loop */
async function besides<T>(attack: () => Promise<T>): Promise<{ answer: T; pauseMs: number }> {
  const delays = monitorEventLoopDelay({ resolution: 20 });
  delays.enable();
  const attacked = attack();
  const { status } = await ask(bob, { message: 'hello' });
  expect(status).toBe(200);
  const answer = await attacked;
  delays.disable();
  return { answer, pauseMs: delays.max / NANOSECONDS };
}

describe('a response_format that would take for ever', () => {
  it.each<[string, object, string]>([
    ['a chain of definitions that refer twice to the next', chain(), ''],
    ['a definition that is its own part', { allOf: [{ $ref: '#' }] }, '.allOf.0'],
    ['a billion items', { type: 'array', minItems: 1e9 }, '.minItems'],
    [
      'half a billion characters',
      { type: 'object', properties: { a: { type: 'string', minLength: 5e8 } } },
      '.properties.a.minLength',
    ],
    ['options without number', { enum: Array.from({ length: 30_000 }, (_, index) => index) }, ''],
    ['a hundred levels', Array.from({ length: 100 }).reduce<object>((inner) => ({ not: inner }), {}), ''],
  ])('is refused, naming the field: %s', async (_name, schema, place) => {
    const { answer, pauseMs } = await besides(() => ask(mallory, { message: 'x', ...format(schema) }));
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toContain(`response_format.json_schema.schema${place}`);
    expect(pauseMs).toBeLessThan(LONGEST_PAUSE_MS);
  });

  it.each<[string, object]>([
    ['three required properties that are the schema itself', threefold],
    [
      'lists in lists in lists',
      {
        type: 'array',
        minItems: 5_000,
        items: { type: 'array', minItems: 5_000, items: { type: 'array', minItems: 5_000, items: string } },
      },
    ],
  ])('ends the run with a clear error: %s', async (_name, schema) => {
    const { answer, pauseMs } = await besides(() => ask(mallory, { message: 'x', ...format(schema) }));
    expect(JSON.stringify(answer.body)).toMatch(/cannot fill the response schema/);
    expect(pauseMs).toBeLessThan(LONGEST_PAUSE_MS);
  });

  it("does not hold up anybody through a provider's large answer either", async () => {
    const nested = (depth: number): string => (depth === 0 ? '{}' : `{"a":${nested(depth - 1)}}`);
    const schema = {
      type: 'object',
      properties: { a: { allOf: [{ $ref: '#' }, { $ref: '#' }] } },
    };
    stub.default({ text: nested(90) });
    const { answer, pauseMs } = await besides(() =>
      ask(mallory, { message: 'x', ...format(schema) }, 'openai/gpt-4.1-mini'),
    );
    expect(JSON.stringify(answer.body)).toContain('cannot be checked against its schema');
    expect(pauseMs).toBeLessThan(LONGEST_PAUSE_MS);
  }, 60_000);

  it('is still served when it is merely large', async () => {
    const names = Array.from({ length: 400 }, (_, index) => `p${index}`);
    const properties = Object.fromEntries(names.map((name) => [name, { type: 'string', maxLength: 5 }]));
    const { status, body } = await ask(mallory, {
      message: 'p7: abc.',
      ...format({ type: 'object', properties, required: ['p7'], additionalProperties: false }),
    });
    expect(status).toBe(200);
    expect(body.output).toEqual({ p7: 'abc' });
  });
});

describe('a message that would take for ever', () => {
  const sentences = Array.from({ length: 20_000 }, (_, index) => `Alpha${index} is beta.`).join(' ');
  const words = Array.from({ length: 60_000 }, (_, index) => `w${index}`).join(' ');
  it.each<[string, string]>([
    ['a number of 100,000 digits', '1'.repeat(100_000)],
    ['a percentage of 100,000 digits', `what is ${'1'.repeat(100_000)} percent`],
    ['quotes after a word', `calculate ${'“'.repeat(300_000)}`],
    ["a tool's name and blanks", `calculator${' '.repeat(900_000)}x`],
    ['a word and blanks', `calculate${' '.repeat(900_000)}1+1!`],
    ['directives that do not end', '[[tool:calculator {'.repeat(20_000)],
  ])(
    'is answered: %s',
    async (_name, message) => {
      const { answer, pauseMs } = await besides(() => ask(mallory, { message }));
      expect(answer.status).toBe(200);
      expect(pauseMs).toBeLessThan(LONGEST_PAUSE_MS);
    },
    60_000,
  );

  it('is answered: sentences and as many words', async () => {
    const conversation_id = 'conv-sentences';
    await ask(mallory, { message: sentences, conversation_id });
    const { answer, pauseMs } = await besides(() => ask(mallory, { message: words, conversation_id }));
    expect(answer.status).toBe(200);
    expect(pauseMs).toBeLessThan(LONGEST_PAUSE_MS);
  }, 60_000);
});

describe('schemas of tools', () => {
  const register = (argsSchema: object): Promise<Json> =>
    mallory.rest('POST', '/api/v1/agent/MainAgent/tools', {
      name: `t${Math.random().toString(36).slice(2)}`,
      description: 'Gives back what it gets.',
      function_code: 'function echo(value) { return 1; }',
      language: 'javascript',
      args_schema: argsSchema,
    });

  it.each<[string, object]>([
    ['a chain', { ...chain(), type: 'object' }],
    ['a least length', { type: 'object', properties: { a: { type: 'string', minLength: 5e8 } } }],
  ])('are refused, naming the field: %s', async (_name, schema) => {
    const { answer, pauseMs } = await besides(() => register(schema));
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).toContain('args_schema');
    expect(pauseMs).toBeLessThan(LONGEST_PAUSE_MS);
  });
});

describe('work that grows with its input', () => {
  /** The shortest of several measurements, so that a busy machine does not count. */
  function cost(work: () => void): number {
    let least = Infinity;
    for (let round = 0; round < 5; round++) {
      const begun = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(begun);
      least = Math.min(least, user + system);
    }
    return least;
  }

  /** Quadratic work takes 64 times as long for eight times the input, linear work eight times. */
  const GROWTH = 8;
  const MOST_GROWTH = 30;
  /** Shorter times are noise. */
  const NOISE_MICROSECONDS = 2_000;

  it.each<[string, (size: number) => string]>([
    ['digits', (size) => `what is ${'7'.repeat(size)}`],
    ['digits and a sign', (size) => `${'7'.repeat(size)} % of`],
    ['blanks', (size) => `calculate 1${' '.repeat(size)}!`],
    ['dots', (size) => `${'1.'.repeat(size / 2)}%`],
  ])('takes linear time to see that it is no sum: %s', (_name, text) => {
    const small = cost(() => void solve(text(10_000)));
    const large = cost(() => void solve(text(10_000 * GROWTH)));
    expect(large).toBeLessThan(Math.max(small, NOISE_MICROSECONDS) * MOST_GROWTH);
  });

  it('compares the items of a list with one another in linear time', () => {
    const validate = createValidator().compile({ type: 'array', uniqueItems: true });
    const items = (size: number) => Array.from({ length: size }, (_, index) => ({ index }));
    const small = cost(() => void validate(items(5_000)));
    const large = cost(() => void validate(items(5_000 * GROWTH)));
    expect(large).toBeLessThan(Math.max(small, NOISE_MICROSECONDS) * MOST_GROWTH);
    expect(
      validate([
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ]),
    ).toBe(false);
    expect(validate([1, '1', true, null, 'null', { a: 1 }, '{"a":1}'])).toBe(true);
  });

  it('counts the comparisons of a schema with a value before they are made', () => {
    expect(schemaExcess(chain(12), 'schema')).toBeUndefined();
    expect(checkCost(chain(12), {}, 100_000)).toBeGreaterThan(2 ** 12);
    expect(checkCost(chain(12), {}, 1_000)).toBe(Infinity);
    expect(checkCost({ type: 'array', items: string }, Array(100).fill('x'), 1_000)).toBeLessThan(250);
  });
});

describe('an imported OpenAPI document', () => {
  const importing = (text: string): Promise<unknown> => {
    const fetch = (async () => ({
      status: 200,
      url: 'http://api.test/openapi.yaml',
      headers: {},
      body: Buffer.from(text),
      truncated: false,
    })) as unknown as SafeFetch;
    return translateOperation({ openapi: 'http://api.test/openapi.yaml', operation_id: 'a' }, fetch);
  };
  const yaml = 'openapi: 3.0.0\npaths:\n  /a:\n    get: { operationId: a }\n';

  it('is read in another thread, with a limit of time', async () => {
    const delays = monitorEventLoopDelay({ resolution: 20 });
    delays.enable();
    const document = `${yaml}x: ${'['.repeat(3_000)}${']'.repeat(3_000)}\ny:\n${'  - {a: [b, c]}\n'.repeat(60_000)}`;
    await importing(document).then(
      (operation) => expect(operation).toMatchObject({ description: 'GET /a' }),
      (error: unknown) => expect((error as Error).message).toMatch(/neither JSON nor YAML/),
    );
    delays.disable();
    expect(delays.max / NANOSECONDS).toBeLessThan(LONGEST_PAUSE_MS);
  }, 60_000);

  it('is refused when its aliases unfold to more than fits', async () => {
    const levels = Array.from({ length: 12 }, (_, index) =>
      index === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x, x]'
        : `a${index}: &a${index} [${Array(9)
            .fill(`*a${index - 1}`)
            .join(', ')}]`,
    );
    await expect(importing(`${yaml}${levels.join('\n')}\n`)).rejects.toThrow(/neither JSON nor YAML/);
  }, 60_000);

  it('is read when it is ordinary YAML', async () => {
    await expect(importing(`${yaml}servers: [{ url: 'http://api.test///' }]\n`)).resolves.toMatchObject({
      template: { url: 'http://api.test/a', method: 'GET' },
    });
  });
});

describe('a thread that does not answer', () => {
  it('is ended, and the next task gets another one', async () => {
    const pool = new ThreadPool<string, string | undefined>({
      file: require.resolve('../../src/adapters/http-tool/yaml-worker').replace(/\.ts$/, ''),
      threads: 1,
      timeoutMs: 2_000,
      memoryMb: 2_000,
      idleMs: 1_000,
    });
    const endless = `x:\n${'  - {a: [b, c]}\n'.repeat(500_000)}`;
    await expect(pool.run(endless)).rejects.toMatchObject({ reason: 'time_limit' });
    await expect(pool.run('a: 1')).resolves.toBe('{"a":1}');
    await pool.close();
    await expect(pool.run('a: 1')).rejects.toThrow('closed');
  });
});
