// Cost of the sandbox, both languages: cold start, what a warm call costs over its code, throughput, memory, and how
// free the server's event loop is while attacks run. Run it with: npx tsx bench/sandbox.ts, or bundle it into
// dist/src/adapters/sandbox with esbuild, beside the entry of the processes.
// Prints figures, asserts nothing.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { createSandbox, type ProcessSandbox } from '../src/adapters/sandbox';
import type { SandboxLanguage } from '../src/ports/sandbox';

const CALLS = Number(process.env.CALLS ?? 200);
const CONCURRENCY = Number(process.env.CONCURRENCY ?? 8);
const SECONDS = Number(process.env.SECONDS ?? 5);
const directory = process.env.SNAPSHOTS;
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

const HONEST: Record<SandboxLanguage, (mark: number) => string> = {
  python: (mark) => `def add(a, b):\n    return a + b + ${mark} * 0\n`,
  javascript: (mark) => `function add(a, b) { return a + b + ${mark} * 0; }`,
};
const ENDLESS: Record<SandboxLanguage, string> = {
  python: 'def f():\n    while True: pass\n',
  javascript: 'function f() { for (;;) {} }',
};

function percentile(values: number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1);
}
const print = (what: string, figures: string): void =>
  void process.stdout.write(`${what.padEnd(44)}${figures}\n`);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const add = (sandbox: ProcessSandbox, language: SandboxLanguage, mark = 0) =>
  sandbox.run({ language, source: HONEST[language](mark), arguments: { a: 1, b: 2 } });

/** Calls in a second, `CONCURRENCY` at a time, over so many different sources. */
async function throughput(
  sandbox: ProcessSandbox,
  language: SandboxLanguage,
  sources: number,
): Promise<string> {
  const until = performance.now() + SECONDS * 1000;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) await add(sandbox, language, done++ % sources);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  return `${(done / SECONDS).toFixed(1)} calls/s`;
}

function memoryOf(sandbox: ProcessSandbox): string {
  const sizes = sandbox
    .pids()
    .map((pid) => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096);
  return sizes.map((size) => `${Math.round(size / 1e6)} MB`).join(', ');
}

async function measure(language: SandboxLanguage): Promise<void> {
  const sandbox = createSandbox({ logger: silent, directory });
  print(
    `${language}: first call, nothing there`,
    `${(await timed(() => add(sandbox, language))).toFixed(0)} ms`,
  );
  const warm: number[] = [];
  for (let call = 0; call < CALLS; call++) warm.push(await timed(() => add(sandbox, language)));
  print(`${language}: warm call`, `p50 ${percentile(warm, 0.5)} ms, p99 ${percentile(warm, 0.99)} ms`);
  const spaced: number[] = [];
  for (let call = 0; call < 50; call++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    spaced.push(await timed(() => add(sandbox, language)));
  }
  print(
    `${language}: warm call, 20 ms after the last`,
    `p50 ${percentile(spaced, 0.5)} ms, p99 ${percentile(spaced, 0.99)} ms`,
  );
  print(`${language}: memory of processes`, process.platform === 'linux' ? memoryOf(sandbox) : 'unknown');
  print(`${language}: one source`, await throughput(sandbox, language, 1));
  print(`${language}: three sources`, await throughput(sandbox, language, 3));
  print(`${language}: more sources than processes`, await throughput(sandbox, language, 50));
  await sandbox.close();
}

async function underAttack(): Promise<void> {
  const sandbox = createSandbox({ logger: silent, directory });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const languages = Object.keys(ENDLESS) as SandboxLanguage[];
  const attacks = Array.from({ length: 8 }, (_, at) => {
    const language = languages[at % 2]!;
    return sandbox.run({
      language,
      source: ENDLESS[language],
      arguments: {},
      limits: { timeoutMs: SECONDS * 1000 },
    });
  });
  await Promise.all(attacks);
  delay.disable();
  const ms = (nanoseconds: number): string => (nanoseconds / 1e6).toFixed(1);
  print(
    'event loop while 8 attacks run',
    `p50 ${ms(delay.percentile(50))} ms, p99 ${ms(delay.percentile(99))} ms, worst ${ms(delay.max)} ms`,
  );
  await sandbox.close();
}

async function main(): Promise<void> {
  await measure('python');
  await measure('javascript');
  await underAttack();
}

void main();
