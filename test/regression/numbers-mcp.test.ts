import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createMcpExecutor, type McpExecutor, type McpServer } from '../../src/adapters/mcp';
import { createSafeFetch } from '../../src/net/safe-fetch';
import type { Logger } from '../../src/ports/logger';
import type { ToolCallContext, ToolRecord } from '../../src/ports/tools';

const PROGRAM = path.join(__dirname, 'inputs', 'numbers', 'mcp-numbers.mjs');
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent } as unknown as Logger;

const started: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of started.splice(0).reverse()) await end();
});

async function serverOf(kind: string): Promise<McpServer> {
  if (kind === 'a program') return { command: process.execPath, args: [PROGRAM] };
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, '--http', kind], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(() => child.kill('SIGKILL'));
  const [port] = (await once(child.stdout!, 'data')) as [Buffer];
  return { url: `http://127.0.0.1:${String(port).trim()}/mcp` };
}

async function executorOf(kind: string): Promise<McpExecutor> {
  const fetch = createSafeFetch({ allowPrivate: true, userAgent: 'test' });
  const servers = { s: await serverOf(kind) };
  const executor = createMcpExecutor({ servers, fetch, logger: silent, version: '0', connectMs: 30_000 });
  started.push(() => executor.close());
  return executor;
}

describe.each(['a program', 'json', 'events'])('an MCP server that answers by %s', (kind) => {
  it('gives numbers as it wrote them', async () => {
    const executor = await executorOf(kind);
    const call = async (tool: string) => {
      const record = { config: { server: 's', tool }, executionTimeout: 30 } as unknown as ToolRecord;
      const context = { signal: new AbortController().signal } as ToolCallContext;
      return JSON.stringify(await executor.execute(record, {}, context));
    };
    expect(await call('structured')).toBe('{"ok":true,"result":{"id":2512292042121000001,"f":10.0}}');
    expect(await call('blocks')).toBe('{"ok":true,"result":[{"type":"hologram","depth":9007199254740993}]}');
    expect(await call('twice')).toBe(JSON.stringify({ ok: true, result: '{"a":1,"a":2}' }));
    expect(await call('plain')).toBe('{"ok":true,"result":{"a":1.5}}');
    expect(JSON.parse(await call('infinite'))).toEqual({
      ok: false,
      error: {
        type: 'result_out_of_range',
        message: 'the result cannot be kept: a.0: must be a number below 1.8e308, is 1e999',
      },
    });
  });
});
