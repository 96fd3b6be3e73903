import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createMcpExecutor, type McpExecutor, type McpServer } from '../../src/adapters/mcp';
import type { DomainError } from '../../src/errors';
import { createSafeFetch } from '../../src/net/safe-fetch';
import type { Logger } from '../../src/ports/logger';
import type { JsonObject } from '../../src/ports/records';
import type { ToolCallContext, ToolOutcome, ToolRecord } from '../../src/ports/tools';
import { eventually } from '../testkit/server';

const FIXTURE = path.join(__dirname, 'fixtures', 'server.cjs');
const logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => logger,
} as Logger;
const STDIO: McpServer = { command: process.execPath, args: [FIXTURE], env: { OWN: 'yes' } };

const children = new Set<ChildProcess>();
const executors: McpExecutor[] = [];

afterEach(async () => {
  await Promise.all(executors.splice(0).map((executor) => executor.close()));
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

async function httpServer(port = 0): Promise<{ url: string; port: number; child: ChildProcess }> {
  const child = spawn(process.execPath, [FIXTURE, '--http', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const actual = Number(String(line).trim());
  return { url: `http://127.0.0.1:${actual}/mcp`, port: actual, child };
}

function executorOf(
  servers: Record<string, McpServer>,
  hosts: string[] = [],
  allowPrivate = true,
): McpExecutor {
  const fetch = createSafeFetch({ allowPrivate, userAgent: 'test' });
  const executor = createMcpExecutor({ servers, hosts, fetch, logger, version: '0.0.0', connectMs: 10_000 });
  executors.push(executor);
  return executor;
}

interface CallOptions {
  timeout?: number;
  signal?: AbortSignal;
  onProgress?: (text: string) => void;
}

function call(
  executor: McpExecutor,
  tool: string,
  args: JsonObject = {},
  options: CallOptions = {},
): Promise<ToolOutcome> {
  const record = {
    config: { server: 's', tool },
    executionTimeout: options.timeout ?? 10,
  } as unknown as ToolRecord;
  const { signal = new AbortController().signal, onProgress } = options;
  return executor.execute(record, args, { signal, onProgress } as ToolCallContext);
}

const pidOf = async (executor: McpExecutor): Promise<number> => {
  const outcome = await call(executor, 'environment');
  if (!outcome.ok) throw new Error(outcome.error.message);
  return (JSON.parse(outcome.result as string) as { pid: number }).pid;
};

const complaint = async (promise: Promise<unknown>): Promise<DomainError> =>
  promise.then(
    () => Promise.reject(new Error('was accepted')),
    (error: unknown) => error as DomainError,
  );

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.each(['stdio', 'streamable HTTP'])('a server on %s', (kind) => {
  const start = async (): Promise<McpExecutor> =>
    executorOf({ s: kind === 'stdio' ? STDIO : { url: (await httpServer()).url } });

  it('answers structured content, text, other content and errors', async () => {
    const executor = await start();
    expect(await call(executor, 'add', { a: 1, b: 2 })).toEqual({ ok: true, result: { sum: 3 } });
    expect(await call(executor, 'steps')).toEqual({ ok: true, result: 'done' });
    expect(await call(executor, 'mixed')).toMatchObject({
      ok: true,
      result: [{ type: 'text' }, { type: 'image' }],
    });
    const failed = { ok: false, error: { type: 'tool_error', message: 'no such record', retryable: false } };
    expect(await call(executor, 'fail')).toEqual(failed);
    expect(await call(executor, 'add', { a: 'x' })).toMatchObject({ ok: false, error: { retryable: false } });
    expect(await call(executor, 'nothing')).toMatchObject({ ok: false, error: { retryable: false } });
  });

  it('shares one connection among concurrent calls', async () => {
    const executor = await start();
    const pids = await Promise.all([1, 2, 3, 4].map(() => pidOf(executor)));
    expect(new Set(pids).size).toBe(1);
    expect(executor.status().s?.state).toBe('connected');
  });

  it('lists its tools and compiles one', async () => {
    const executor = await start();
    const add = (await executor.list('s')).find(({ name }) => name === 'add');
    expect(add).toMatchObject({ description: 'Adds two numbers.', inputSchema: { required: ['a', 'b'] } });
    expect(await executor.compile({ server: 's', tool: 'add' })).toMatchObject({
      config: { server: 's', tool: 'add' },
      description: 'Adds two numbers.',
      parameters: { type: 'object', required: ['a', 'b'] },
      idempotent: true,
    });
    const error = await complaint(executor.compile({ server: 's', tool: 'nope' }));
    expect(error.details.errors?.[0]?.path).toBe('config.tool');
    expect(error.message).toContain('add');
  });

  it('passes progress on', async () => {
    const seen: string[] = [];
    await call(await start(), 'steps', {}, { onProgress: (text) => seen.push(text) });
    expect(seen).toEqual(['half way']);
  });

  it('gives a hanging call up, and keeps the connection when the server still answers', async () => {
    const executor = await start();
    const pid = await pidOf(executor);
    const outcome = await call(executor, 'hang', {}, { timeout: 0.2 });
    expect(outcome).toMatchObject({ ok: false, error: { type: 'timeout', retryable: true } });
    expect(await pidOf(executor)).toBe(pid);
  });

  it("rejects with the signal's reason when aborted", async () => {
    const executor = await start();
    await pidOf(executor);
    const controller = new AbortController();
    const pending = call(executor, 'hang', {}, { signal: controller.signal });
    controller.abort(new Error('cancelled'));
    await expect(pending).rejects.toThrow('cancelled');
  });

  it('tells at once when the server dies in the middle of a call', async () => {
    const executor = await start();
    await pidOf(executor);
    const outcome = await call(executor, 'die', {}, { timeout: 20 });
    expect(outcome).toMatchObject({ ok: false, error: { type: 'connection', retryable: true } });
  });
});

describe('a program', () => {
  it('gets its own environment and nothing of the server', async () => {
    process.env.AGENTFLOW_TEST_SECRET = 'secret';
    const outcome = await call(executorOf({ s: STDIO }), 'environment');
    delete process.env.AGENTFLOW_TEST_SECRET;
    const { env } = JSON.parse((outcome as { result: string }).result) as { env: Record<string, string> };
    expect(env.OWN).toBe('yes');
    expect(env.PATH).toBeDefined();
    expect(Object.keys(env)).not.toContain('AGENTFLOW_TEST_SECRET');
  });

  it('is started again after it died, and ends with the executor', async () => {
    const executor = executorOf({ s: STDIO });
    const first = await pidOf(executor);
    await call(executor, 'die');
    const second = await pidOf(executor);
    expect(second).not.toBe(first);
    await executor.close();
    await eventually(async () => !isAlive(second), 'the program ended');
  });

  it('is killed and replaced when it hangs altogether', async () => {
    const executor = executorOf({ s: STDIO });
    const first = await pidOf(executor);
    expect(await call(executor, 'block', {}, { timeout: 0.2 })).toMatchObject({ error: { type: 'timeout' } });
    await eventually(async () => !isAlive(first), 'the program was killed');
    expect(await pidOf(executor)).not.toBe(first);
  });

  it('that cannot be started is a retryable failure with a reason', async () => {
    const executor = executorOf({ s: { command: '/nonexistent/mcp-server' } });
    const outcome = await call(executor, 'add');
    expect(outcome).toMatchObject({
      ok: false,
      error: { retryable: true, message: expect.stringContaining('ENOENT') },
    });
    expect(executor.status().s?.state).toBe('failed');
    expect((await complaint(executor.list('s'))).code).toBe('provider_error');
  });
});

describe('an endpoint', () => {
  it('is asked in a new session when it forgot the old one', async () => {
    const { url } = await httpServer();
    const executor = executorOf({ s: { url } });
    await pidOf(executor);
    await fetch(new URL('/forget', url));
    expect(await call(executor, 'add', { a: 1, b: 1 })).toEqual({ ok: true, result: { sum: 2 } });
  });

  it('is reached again after a restart', async () => {
    const first = await httpServer();
    const executor = executorOf({ s: { url: first.url } });
    await pidOf(executor);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    expect(await call(executor, 'add', { a: 1, b: 1 })).toMatchObject({
      ok: false,
      error: { retryable: true },
    });
    await httpServer(first.port);
    await eventually(async () => (await call(executor, 'add', { a: 1, b: 1 })).ok, 'a call succeeds');
  });

  it('that a tool names itself must be on an allowed host, and is not private', async () => {
    const { url } = await httpServer();
    const open = executorOf({}, ['127.0.0.1']);
    expect((await open.compile({ url, tool: 'add' })).config).toEqual({ url, tool: 'add' });
    const config = { url, tool: 'add' };
    for (const executor of [
      executorOf({}),
      executorOf({}, ['*.example.com']),
      executorOf({}, ['127.0.0.1'], false),
    ]) {
      const error = await complaint(executor.compile(config));
      expect(error.code).toBe('validation_failed');
      expect(error.details.errors?.[0]?.path).toBe('config.url');
    }
  });

  it('cannot redirect elsewhere', async () => {
    const { url } = await httpServer();
    const executor = executorOf({ s: { url: new URL('/moved', url).href } });
    expect(await call(executor, 'add')).toMatchObject({ ok: false });
  });
});

it.each<[string, JsonObject]>([
  ['config.tool', { server: 's' }],
  ['config.server', { tool: 'a' }],
  ['config.server', { tool: 'a', server: 'toString' }],
  ['config.url', { tool: 'a', url: 'file:///x' }],
])('complains at %s', async (field, config) => {
  const error = await complaint(executorOf({ s: STDIO }).compile(config));
  expect(error.details.errors?.[0]?.path).toBe(field);
});
