import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newId } from '../../src/ids';
import { readStalls, writeStalls } from '../../src/watchdog/stalls';
import { Standstill } from '../../src/watchdog/standstill';
import { WatchdogMemory } from '../../src/watchdog/watchdog-memory';
import { eventually, startTestServer, type TestServer } from '../testkit/server';

describe('the watchdog of a process', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'af-watchdog-'));
    const { buildSync } = createRequire(__filename)('esbuild') as typeof import('esbuild');
    const sources = path.resolve(__dirname, '../../src/watchdog');
    buildSync({
      entryPoints: [path.join(sources, 'index.ts'), path.join(sources, 'worker.ts')],
      outdir: folder,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
    });
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A program with a watchdog. @param rest what it does when it is told to */
  function program(data: string, limitMs: number, rest: string): ChildProcess {
    const file = path.join(folder, `${newId()}.cjs`);
    writeFileSync(
      file,
      `const { Watchdog } = require('./index.js');
       const watchdog = new Watchdog(${JSON.stringify(data)}, ${limitMs});
       watchdog.start();
       watchdog.enter('run-1'); watchdog.enter('run-2'); watchdog.leave('run-2');
       console.log('ready');
       process.stdin.once('data', () => { ${rest} });`,
    );
    return spawn(process.execPath, [file], { stdio: 'pipe' });
  }

  it('ends it when its event loop stands still, and remembers the runs that were under way', async () => {
    const data = mkdtempSync(path.join(folder, 'data-'));
    for (const stalls of [1, 2]) {
      const child = program(data, 1_500, 'for (;;);');
      let told = '';
      child.stderr!.on('data', (chunk: Buffer) => (told += chunk.toString()));
      const exited = once(child, 'exit');
      await once(child.stdout!, 'data');
      child.stdin!.write('\n');
      expect(await exited).toEqual([null, 'SIGKILL']);
      expect(JSON.parse(told)).toMatchObject({ level: 'fatal', runs: ['run-1'] });
      expect(readStalls(path.join(data, 'stalls.json'))).toEqual({ 'run-1': stalls });
    }
  }, 60_000);

  it('leaves it alone when it was stopped as a whole, and when it is told not to look', async () => {
    const data = mkdtempSync(path.join(folder, 'data-'));
    const stopped = program(
      data,
      2_000,
      "setTimeout(() => { console.log('alive'); process.exit(0); }, 1500)",
    );
    const blind = program(
      data,
      0,
      'const end = Date.now() + 2500; while (Date.now() < end); process.exit(0);',
    );
    const ends = Promise.all([once(stopped, 'exit'), once(blind, 'exit')]);
    await Promise.all([once(stopped.stdout!, 'data'), once(blind.stdout!, 'data')]);
    stopped.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    stopped.kill('SIGCONT');
    stopped.stdin!.write('\n');
    blind.stdin!.write('\n');
    expect((await ends).map(([code]) => code as number)).toEqual([0, 0]);
  }, 60_000);
});

describe('a standstill', () => {
  const watch = () => new Standstill({ limitMs: 30_000, lookEveryMs: 500 });

  it('is suspicious first, and over at the limit', () => {
    const standstill = watch();
    const verdicts = Array.from({ length: 70 }, (_, index) => standstill.look(index * 500, 1, false));
    expect(verdicts.indexOf('suspicious')).toBe(10);
    expect(verdicts.indexOf('over')).toBe(60);
    expect(verdicts.slice(0, 60).filter((verdict) => verdict !== 'quiet')).toEqual(['suspicious']);
    expect(standstill.look(35_500, 2, false)).toBe('moving again');
  });

  it('is none while the watchdog itself slept, and in a debugger', () => {
    const standstill = watch();
    const slept = Array.from({ length: 10 }, (_, index) => standstill.look(index * 60_000, 1, false));
    expect(new Set(slept)).toEqual(new Set(['quiet']));
    const debugged = Array.from({ length: 100 }, (_, index) => watch().look(index * 500, 1, true));
    expect(new Set(debugged)).toEqual(new Set(['quiet']));
  });

  it('names more runs than there is room for by the first', () => {
    const memory = new WatchdogMemory();
    for (let index = 0; index < 600; index++) memory.enter(`run-${index}`);
    expect(new WatchdogMemory(memory.buffer).list()).toHaveLength(512);
    for (let index = 0; index < 600; index++) memory.leave(`run-${index}`);
    expect(memory.list()).toEqual([]);
  });

  it('is forgotten of runs that came to their end', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'af-stalls-')), 'stalls.json');
    writeStalls(file, { a: 1 });
    writeStalls(file, {});
    expect(readStalls(file)).toEqual({});
    writeFileSync(file, '{"a":');
    expect(readStalls(file)).toEqual({});
    rmSync(path.dirname(file), { recursive: true });
  });
});

describe('a run with which the server stood still', () => {
  const stalls = new Map<string, number>();
  let server: TestServer;

  beforeAll(async () => {
    const watch = {
      enter: () => undefined,
      leave: () => undefined,
      forget: (id: string) => void stalls.delete(id),
      stalls: (id: string) => stalls.get(id) ?? 0,
    };
    server = await startTestServer({ AGENTFLOW_RUN_LEASE_MS: '1000' }, { watch });
  }, 90_000);

  afterAll(() => server.close());

  /** What a process leaves that died with the run. @returns the run when it is settled */
  async function abandoned(times: number) {
    const { body } = await server.dev.rest('POST', '/api/v1/agent/MainAgent/chat', {
      conversation_id: `model-${times}`,
      message_id: 'm',
      message: 'What is 2 + 3?',
      stream: false,
    });
    const store = server.application.database.store('agentflow');
    const run = (await store.runs.find(body.run_id))!;
    const id = newId();
    stalls.set(id, times);
    await store.runs.create({
      ...run,
      id,
      conversationId: `stalled-${times}`,
      messageId: 'lost',
      callId: newId(),
      rootCallId: id,
      status: 'running',
      startSeq: null,
      endSeq: null,
      text: null,
      finishReason: null,
      leaseOwner: 'dead',
      leaseExpiresAt: new Date(0),
      finishedAt: null,
    });
    return eventually(async () => {
      const now = await store.runs.find(id);
      return now?.finishedAt ? now : undefined;
    }, 'the run is settled');
  }

  it('is tried once more', async () => {
    expect(await abandoned(1)).toMatchObject({ status: 'completed', text: '2 + 3 = 5' });
  }, 60_000);

  it('is given up after the second time, and says why', async () => {
    const run = await abandoned(2);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'internal_error', retryable: false } });
    expect((run.error as { message: string }).message).toMatch(
      /given up: the server stood still with it 2 times/,
    );
    expect(stalls.size).toBe(0);
  }, 60_000);
});
