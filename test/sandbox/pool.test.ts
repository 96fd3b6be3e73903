import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { ProcessSandbox } from '../../src/adapters/sandbox';
import { eventually } from '../testkit/server';
import { HONEST } from './attacks';
import { testSandbox } from './testkit';

const LANGUAGES = ['python', 'javascript'] as const;
const ENDLESS = { python: 'def f():\n    while True: pass\n', javascript: 'function f() { for (;;) {} }' };
const add = { arguments: { a: 1, b: 2 } };

let sandbox: ProcessSandbox;
beforeEach(() => {
  sandbox = testSandbox();
});
afterEach(() => sandbox.close());

function isAlive(pid: number): boolean {
  try {
    // A zombie still takes signals, but it runs nothing.
    if (existsSync(`/proc/${pid}/stat`)) return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const filesOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`)
    .map((fd) => readlinkSync(join(`/proc/${pid}/fd`, fd)))
    .filter((file) => file.startsWith('/') && !file.startsWith('/dev/'));

it('starts no process before it is asked for something', async () => {
  expect(sandbox.pids()).toEqual([]);
  await sandbox.inspect(HONEST.javascript);
  expect(sandbox.pids().length).toBeGreaterThan(0);
  expect(sandbox.status().status).toBe('ok');
});

it.each(LANGUAGES)(
  'ends a call of %s whose process is killed as lost, and serves the next',
  async (language) => {
    const single = testSandbox({ maxProcesses: 1 });
    const source = {
      python: 'def f(endless):\n    while endless: pass\n    return 3\n',
      javascript: 'function f(endless) { while (endless); return 3; }',
    }[language];
    await single.run({ language, source, arguments: { endless: false } });
    const [pid] = single.pids();
    const lost = single.run({ language, source, arguments: { endless: true } });
    await new Promise(setImmediate);
    process.kill(pid!, 'SIGKILL');
    expect((await lost).error?.type).toBe('sandbox_lost');
    expect(await single.run({ language, source, arguments: { endless: false } })).toMatchObject({
      result: 3,
    });
    expect(single.pids()).not.toContain(pid);
    await single.close();
  },
);

it.each(LANGUAGES)('survives the kill of every idle process of %s', async (language) => {
  await sandbox.warm(language);
  const killed = sandbox.pids();
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  await eventually(async () => killed.every((pid) => !sandbox.pids().includes(pid)), 'the pool noticed');
  expect(await sandbox.run({ language, source: HONEST[language], ...add })).toMatchObject({
    ok: true,
    result: 3,
  });
});

it.each(LANGUAGES)('kills an endless call of %s when its time is over, and close to it', async (language) => {
  await sandbox.run({ language, source: HONEST[language], ...add });
  const outcome = await sandbox.run({
    language,
    source: ENDLESS[language],
    arguments: {},
    limits: { timeoutMs: 300 },
  });
  expect(outcome.error?.type).toBe('timeout');
  expect(outcome.durationMs).toBeGreaterThanOrEqual(300);
});

it('throws the reason of a signal that aborts a call', async () => {
  await sandbox.warm('python');
  const abort = new AbortController();
  const running = sandbox.run({
    language: 'python',
    source: ENDLESS.python,
    arguments: {},
    signal: abort.signal,
  });
  const reason = new Error('the user went away');
  abort.abort(reason);
  await expect(running).rejects.toBe(reason);
});

it('queues calls when all processes are busy, and refuses none', async () => {
  const small = testSandbox({ maxProcesses: 2 });
  const calls = Array.from({ length: 12 }, (_, a) =>
    small.run({ language: LANGUAGES[a % 2]!, source: HONEST[LANGUAGES[a % 2]!], arguments: { a, b: 0 } }),
  );
  expect((await Promise.all(calls)).map(({ result }) => result)).toEqual(calls.map((_, a) => a));
  expect(small.pids().length).toBeLessThanOrEqual(2);
  await small.close();
}, 60_000);

it('serves many sources with few processes', async () => {
  const roomy = testSandbox({ maxProcesses: 1 });
  const source = (n: number) => `def f():\n    return ${n}\n`;
  const results: unknown[] = [];
  for (const n of [1, 2, 1, 2, 1])
    results.push((await roomy.run({ language: 'python', source: source(n), arguments: {} })).result);
  expect(results).toEqual([1, 2, 1, 2, 1]);
  await roomy.close();
}, 60_000);

const onLinux = process.platform === 'linux' ? it : it.skip;

onLinux('gives its processes no environment, no files of the server and an empty folder', async () => {
  await sandbox.warm('python');
  await sandbox.warm('javascript');
  for (const pid of sandbox.pids()) {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
    // The channel to the parent, and nothing else.
    expect(environment.filter((entry) => !entry.startsWith('NODE_CHANNEL_'))).toEqual([]);
    const folder = readlinkSync(`/proc/${pid}/cwd`);
    expect(readdirSync(folder)).toEqual([]);
    // A spare that is just starting still reads its own program.
    await eventually(
      async () => filesOf(pid).length === 0,
      `no file is open in ${pid}: ${filesOf(pid).join()}`,
    );
  }
});

it('ends its processes when it is closed', async () => {
  await sandbox.warm('javascript');
  const pids = sandbox.pids();
  void sandbox.run({ language: 'javascript', source: ENDLESS.javascript, arguments: {} });
  await sandbox.close();
  await eventually(async () => pids.every((pid) => !isAlive(pid)), 'all are gone');
});

it('leaves no process behind when the server is killed, not even a busy one', async () => {
  const root = join(__dirname, '..', '..');
  const entry = join(root, 'src', 'adapters', 'sandbox', `test-pool-child-${process.pid}.cjs`);
  // Beside the sources, so that it finds the entry of the sandbox processes where they do.
  buildSync({
    entryPoints: [join(__dirname, 'pool-child.ts')],
    outfile: entry,
    bundle: true,
    platform: 'node',
    packages: 'external',
  });
  const { rm } = await import('node:fs/promises');
  try {
    const server = fork(entry);
    const [pids] = (await once(server, 'message')) as [number[]];
    expect(pids.length).toBeGreaterThanOrEqual(2);
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
    await eventually(async () => pids.every((pid) => !isAlive(pid)), 'all sandbox processes are gone');
  } finally {
    await rm(entry, { force: true });
  }
}, 60_000);
