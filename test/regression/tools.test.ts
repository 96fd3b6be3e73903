import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createMcpExecutor, type McpExecutor, type McpServer } from '../../src/adapters/mcp';
import type { ProcessSandbox } from '../../src/adapters/sandbox';
import { createSafeFetch } from '../../src/net/safe-fetch';
import type { Logger } from '../../src/ports/logger';
import type { JsonObject } from '../../src/ports/records';
import type { ToolCallContext, ToolOutcome, ToolRecord } from '../../src/ports/tools';
import { argumentSchema, checkToolInput, type ToolInput } from '../../src/tools/definition';
import { schemaComplaints } from '../../src/tools/schema';
import { testSandbox } from '../sandbox/testkit';

const input = (name: string): string => path.join(__dirname, 'inputs', 'tools', name);

let sandbox: ProcessSandbox;
beforeAll(() => {
  sandbox = testSandbox();
});
afterAll(() => sandbox.close());

/** The schema with which a source is registered. */
async function schemaOf(source: string): Promise<JsonObject> {
  const { parameters } = await sandbox.inspect(source);
  return argumentSchema({}, parameters, 'function_code');
}

const parameter = async (annotation: string, lines = ''): Promise<unknown> =>
  (
    (await schemaOf(`from typing import *\n${lines}\ndef f(x: ${annotation}):\n    return 1\n`))
      .properties as JsonObject
  ).x;

describe('the schema of a tool of Python', () => {
  it('of a union of three types has one list of types', async () => {
    const schema = await schemaOf(readFileSync(input('union_hint.py'), 'utf8'));
    expect(schema.properties).toEqual({ x: { type: ['integer', 'string', 'null'] } });
  });

  it.each<[string, unknown]>([
    ['Optional[int | str]', { type: ['integer', 'string', 'null'] }],
    ['Optional[Union[int, Optional[str]]]', { type: ['integer', 'string', 'null'] }],
    ['"int | None"', { type: ['integer', 'null'] }],
    ['Optional["list[str]"]', { type: ['array', 'null'], items: { type: 'string' } }],
    ['list', { type: 'array', items: {} }],
    ['List[Any]', { type: 'array', items: {} }],
    ['list[list[int]]', { type: 'array', items: { type: 'array', items: { type: 'integer' } } }],
    ['list[int] | str', { anyOf: [{ type: 'array', items: { type: 'integer' } }, { type: 'string' }] }],
    [
      'dict[str, list[float]]',
      { type: 'object', additionalProperties: { type: 'array', items: { type: 'number' } } },
    ],
    ['tuple[int, str]', { type: 'array', items: { type: ['integer', 'string'] } }],
    ['tuple[int, ...]', { type: 'array', items: { type: 'integer' } }],
    ['set[str]', { type: 'array', items: { type: 'string' } }],
    ['Literal["a", 1, None, "a"]', { enum: ['a', 1, null] }],
    ['Literal[Color.RED]', {}],
    ['Optional[Literal["a", "b"]]', { enum: ['a', 'b', null] }],
    ['Annotated[int, Field(description="how many")]', { type: 'integer', description: 'how many' }],
    ['Callable[[int], str]', {}],
    ['Something[int]', {}],
  ])('of %s is one that models take', async (annotation, expected) => {
    expect(await parameter(annotation)).toEqual(expected);
  });

  it.each<[string, string, unknown]>([
    [
      'a TypedDict',
      'class P(TypedDict):\n    a: int\n    b: NotRequired[str]\n',
      {
        type: 'object',
        properties: { a: { type: 'integer' }, b: { type: 'string' } },
        required: ['a'],
      },
    ],
    [
      'one that holds itself',
      'class P(TypedDict):\n    next: "P | None"\n',
      {
        type: 'object',
        properties: { next: {} },
        required: ['next'],
      },
    ],
    ['an alias', 'P = list[int | str]\n', { type: 'array', items: { type: ['integer', 'string'] } }],
    ['a class', 'class P:\n    a: int\n', {}],
  ])('of %s is read without running the source', async (_what, lines, expected) => {
    expect(await parameter('P', lines)).toEqual(expected);
  });

  it('of types that double with every level stays small', async () => {
    const classes = Array.from(
      { length: 40 },
      (_, index) => `class T${index}(TypedDict):\n    a: "T${index + 1}"\n    b: "T${index + 1}"\n`,
    );
    const schema = await parameter('T0', classes.join('\n'));
    expect(JSON.stringify(schema).length).toBeLessThan(60_000);
  });

  it('names defaults that JSON has, and no others', async () => {
    const source = `
def f(a: int = 3, b=(1, 2), c=b"x", d: float = 1e999, e: set[str] = {"a"}, g=10**30, h: int = 99999999999999999999, i=[1], j: "int" = None):
    return 1
`;
    const { properties } = await schemaOf(source);
    expect(properties).toEqual({
      a: { type: 'integer', default: 3 },
      b: { type: 'array', items: {}, default: [1, 2] },
      c: {},
      d: { type: 'number' },
      e: { type: 'array', items: { type: 'string' } },
      g: {},
      h: { type: 'integer' },
      i: { type: 'array', items: {}, default: [1] },
      j: { type: ['integer', 'null'] },
    });
  });
});

it('gives lists of JavaScript their items', async () => {
  const { properties } = await schemaOf(
    '/** @param {array|null} b */\nfunction f(a = [], b, ...rest) { return a; }',
  );
  expect(properties).toEqual({
    a: { type: 'array', items: {}, default: [] },
    b: { type: ['array', 'null'], items: {} },
    rest: { type: 'array', items: {} },
  });
});

describe('time zones of Python', () => {
  it('are there without a network', async () => {
    const source = readFileSync(input('zone.py'), 'utf8');
    const outcome = await sandbox.run({ language: 'python', source, arguments: {} });
    expect(outcome).toMatchObject({ ok: true, result: '2024-01-01T00:00:00+01:00' });
  });

  const SOURCE = `
from datetime import datetime
from zoneinfo import ZoneInfo

def at(zone: str, month: int, year: int = 2024):
    time = datetime(year, month, 1, 12, tzinfo=ZoneInfo(zone))
    return [time.isoformat(), time.tzname(), int(time.dst().total_seconds())]
`;
  it.each([
    ['Europe/Berlin', 7, 2024, ['2024-07-01T12:00:00+02:00', 'CEST', 3600]],
    ['America/New_York', 1, 2024, ['2024-01-01T12:00:00-05:00', 'EST', 0]],
    ['America/New_York', 7, 2024, ['2024-07-01T12:00:00-04:00', 'EDT', 3600]],
    ['Asia/Kolkata', 7, 2024, ['2024-07-01T12:00:00+05:30', 'IST', 0]],
    ['Asia/Calcutta', 1, 2024, ['2024-01-01T12:00:00+05:30', 'IST', 0]],
    ['Australia/Lord_Howe', 1, 2024, ['2024-01-01T12:00:00+11:00', '+11', 1800]],
    ['America/Sao_Paulo', 1, 2010, ['2010-01-01T12:00:00-02:00', '-02', 3600]],
    ['Europe/Paris', 7, 2080, ['2080-07-01T12:00:00+02:00', 'CEST', 3600]],
    ['UTC', 7, 2024, ['2024-07-01T12:00:00+00:00', 'UTC', 0]],
  ])('%s in month %i of %i', async (zone, month, year, expected) => {
    const outcome = await sandbox.run({
      language: 'python',
      source: SOURCE,
      arguments: { zone, month, year },
    });
    expect(outcome).toMatchObject({ ok: true, result: expected });
  });

  it('that do not exist are named', async () => {
    const args = { zone: 'Europe/Atlantis', month: 1 };
    const outcome = await sandbox.run({ language: 'python', source: SOURCE, arguments: args });
    expect(outcome.error).toMatchObject({
      type: 'ZoneInfoNotFoundError',
      message: expect.stringContaining('Europe/Atlantis'),
    });
  });
});

describe('a schema that a client gives', () => {
  const paths = (tool: ToolInput): string[] => {
    try {
      checkToolInput(tool);
      argumentSchema(tool, undefined, 'function_code');
      return [];
    } catch (error) {
      return (error as { details: { errors: { path: string }[] } }).details.errors.map(({ path: at }) => at);
    }
  };
  const withProperty = (schema: unknown): ToolInput =>
    ({ argsSchema: { type: 'object', properties: { x: schema } } }) as ToolInput;

  it.each<[string, unknown, string]>([
    ['an unknown type', { type: 'str' }, 'type'],
    ['a type twice', { type: ['string', 'string', 'any'] }, 'type'],
    ['a type of null', { type: null }, 'type'],
    ['an empty enum', { enum: [] }, 'enum'],
    ['a reference to nowhere', { $ref: '#/$defs/none' }, '$ref'],
    ['a reference to elsewhere', { $ref: 'https://example.com/x' }, '$ref'],
    ['a pattern that is none', { type: 'string', pattern: '(' }, 'pattern'],
    ['a text for a number', { type: 'string', minLength: '3' }, 'minLength'],
    ['required as a flag', { type: 'string', required: true }, 'required'],
    ['wrong items', { type: 'array', items: { type: 'int' } }, 'items.type'],
    ['a wrong alternative', { anyOf: [{ type: 'string' }, { type: 'date' }] }, 'anyOf.1.type'],
    ['no alternatives', { anyOf: [] }, 'anyOf'],
  ])('with %s is refused at its place', (_what, schema, at) => {
    expect(paths(withProperty(schema))).toContain(`args_schema.properties.x.${at}`);
  });

  it('is refused when it is a choice as a whole, which models do not take', () => {
    const argsSchema = { type: 'object', properties: {}, anyOf: [{ required: ['a'] }] };
    expect(paths({ argsSchema })).toContain('args_schema.anyOf');
  });

  it('is checked as `parameters` too, in both forms', () => {
    const wrong = { type: 'whole' };
    expect(paths({ parameters: { type: 'object', properties: { x: wrong } } })).toEqual([
      'parameters.properties.x.type',
    ]);
    expect(paths({ parameters: { x: wrong } })).toEqual(['parameters.x.type']);
    expect(
      argumentSchema({ parameters: { x: { type: 'str', required: true } } }, undefined, 'config').properties,
    ).toEqual({ x: { type: 'string' } });
  });

  it.each<[unknown, unknown]>([
    [{ type: 'array' }, { type: 'array', items: {} }],
    [{ type: ['array', 'null'] }, { type: ['array', 'null'], items: {} }],
    [{ type: [['integer', 'string'], 'null'] }, { type: ['integer', 'string', 'null'] }],
    [{ type: ['string'] }, { type: 'string' }],
    [
      { type: 'array', items: [{ type: 'string' }, { type: 'integer' }] },
      { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'integer' }] } },
    ],
    [{ type: 'string', nullable: true }, { type: ['string', 'null'] }],
    [
      { type: 'integer', minimum: 1, exclusiveMinimum: true },
      { type: 'integer', exclusiveMinimum: 1 },
    ],
    [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/a' }],
  ])('%j is mended to %j where the meaning is plain', (schema, mended) => {
    const argsSchema = {
      type: 'object',
      properties: { x: schema },
      $defs: { a: { type: 'string' } },
    } as JsonObject;
    const { properties } = argumentSchema({ argsSchema }, undefined, 'function_code');
    expect(properties).toEqual({ x: mended });
    expect(schemaComplaints(argumentSchema({ argsSchema }, undefined, 'config'), '')).toEqual([]);
  });

  it('of a foreign tool that is a choice as a whole becomes the parameters of all its cases', () => {
    const inferred = {
      type: 'object',
      oneOf: [
        { properties: { a: { type: 'string' } }, required: ['a'] },
        { properties: { b: { type: 'array' } } },
      ],
    } as JsonObject;
    expect(argumentSchema({}, inferred, 'config')).toEqual({
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'array', items: {} } },
    });
  });
});

const logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => logger,
} as Logger;
const executors: McpExecutor[] = [];
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(executors.splice(0).map((executor) => executor.close()));
  for (const server of servers.splice(0)) server.close();
});

function executorOf(server: McpServer): McpExecutor {
  const fetch = createSafeFetch({ allowPrivate: true, userAgent: 'test' });
  const executor = createMcpExecutor({ servers: { x: server }, fetch, logger, version: '0.0.0' });
  executors.push(executor);
  return executor;
}

const program = (name: string): McpExecutor => executorOf({ command: process.execPath, args: [input(name)] });

function call(executor: McpExecutor, tool: string): Promise<ToolOutcome> {
  const record = { config: { server: 'x', tool }, executionTimeout: 20 } as unknown as ToolRecord;
  return executor.execute(record, {}, { signal: new AbortController().signal } as ToolCallContext);
}

const noResult = {
  ok: false,
  error: {
    type: 'bad_result',
    message: 'MCP server x: the server answered what is no result',
    retryable: false,
  },
};

describe('an MCP server', () => {
  it('whose result is none fails that call alone', async () => {
    const executor = program('mcp-bad-result.mjs');
    const slow = call(executor, 'slow');
    expect(await call(executor, 'bad')).toEqual(noResult);
    expect(await slow).toEqual({ ok: true, result: 'done' });
  });

  it('that answers in every wrong way fails call by call, at once, on one connection', async () => {
    const executor = program('mcp-hostile.mjs');
    await call(executor, 'fine');
    const { pid } = executor.status().x!;
    const slow = call(executor, 'slow');
    for (const name of ['text', 'nothing', 'without_content', 'huge'])
      expect(await call(executor, name)).toEqual(noResult);
    for (const [name, words] of [
      ['error_text', 'out of paper'],
      ['error_32000', 'out of paper'],
      ['error_404', 'no such record'],
    ] as const)
      expect(await call(executor, name)).toMatchObject({
        ok: false,
        error: { type: 'mcp_error', retryable: false, message: expect.stringContaining(words) },
      });
    expect(await call(executor, 'both')).toEqual({ ok: true, result: 'fine' });
    expect(await call(executor, 'listed')).toEqual({ ok: true, result: [1, 2] });
    expect(await call(executor, 'other_block')).toEqual({
      ok: true,
      result: [{ type: 'hologram', depth: 3 }],
    });
    expect(await slow).toEqual({ ok: true, result: 'done' });
    // Each was executed once: none was taken for a lost connection and tried again.
    expect(await call(executor, 'calls')).toEqual({ ok: true, result: '13' });
    expect(executor.status().x!.pid).toBe(pid);
  });

  it('with wrong tools and pages offers the others, over more than 20 pages', async () => {
    const executor = program('mcp-hostile.mjs');
    const names = (await executor.list('x')).map(({ name }) => name);
    expect(names).toEqual(['fine', 'slow', ...Array.from({ length: 22 }, (_, index) => `page_${index + 4}`)]);
    await expect(executor.compile({ server: 'x', tool: 'shapeless' })).rejects.toThrow(
      /describes its tool shapeless wrongly/,
    );
  });

  it('whose list leads back to its beginning is read once', async () => {
    const tools = await program('mcp-one-loop.mjs').list('x');
    expect(tools.map(({ name }) => name)).toEqual(['a']);
  });

  it.each(['application/json', 'text/event-stream'])(
    'over HTTP answers %s that is no result: that call fails alone and at once',
    async (type) => {
      const server = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk) => (body += String(chunk)));
        request.on('end', () => {
          if (request.method !== 'POST') return response.writeHead(405).end();
          const { id, method, params } = JSON.parse(body) as {
            id?: number;
            method: string;
            params: JsonObject;
          };
          if (id === undefined) return response.writeHead(202).end();
          const { protocolVersion } = params;
          const serverInfo = { name: 'x', version: '1' };
          const result =
            method === 'initialize'
              ? { protocolVersion, capabilities: { tools: {} }, serverInfo }
              : params.name === 'bad'
                ? 'text'
                : { content: [{ type: 'text', text: 'fine' }] };
          const answer = JSON.stringify({ jsonrpc: '2.0', id, result });
          response.writeHead(200, { 'content-type': type });
          response.end(type === 'application/json' ? answer : `event: message\ndata: ${answer}\n\n`);
        });
      }).listen(0, '127.0.0.1');
      servers.push(server);
      await new Promise((resolve) => server.once('listening', resolve));
      const executor = executorOf({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp` });
      expect(await call(executor, 'good')).toEqual({ ok: true, result: 'fine' });
      expect(await call(executor, 'bad')).toEqual(noResult);
      expect(executor.status().x!.state).toBe('connected');
    },
  );
});
