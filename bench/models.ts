// Cost of one streamed model call through the OpenAI adapter: npx tsx bench/models.ts, or bundle it with esbuild.
// The stub runs in its own process, so that the figures are the adapter's alone. Prints figures, asserts nothing.
import { fork } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { modelRegistry } from '../src/models/registry';
import { createOpenAiProvider } from '../src/adapters/openai';
import { createLocalProvider } from '../src/adapters/local-model';
import { systemClock } from '../src/ports/clock';
import type { ModelProvider } from '../src/ports/models';

const TOKENS = 32;
const CALLS = Number(process.env.CALLS ?? 5000);
const CONCURRENCY = Number(process.env.CONCURRENCY ?? 32);
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** A stub as fast as can be: one canned answer in one write. */
function serve(): void {
  const chunk = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'stub', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const words = Array.from({ length: TOKENS }, (_, i) => chunk({ content: ` tok${i}` })).join('');
  const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 10, completion_tokens: TOKENS, total_tokens: 10 + TOKENS } })}\n\n`;
  const body =
    chunk({ role: 'assistant', content: '' }) + words + chunk({}, 'stop') + usage + 'data: [DONE]\n\n';
  const server = http.createServer((req, res) => {
    req.resume();
    req.on('end', () => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.end(body);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

async function measure(name: string, call: () => Promise<void>): Promise<void> {
  for (let i = 0; i < CALLS / 10; i++) await call();
  let left = CALLS;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const worker = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage(cpu);
  const perCall = (used.user + used.system) / CALLS;
  console.log(`${name}: ${perCall.toFixed(0)} us CPU a call, ${(CALLS / seconds).toFixed(0)} calls/s`);
}

const consume = (provider: ModelProvider, model: string, content: string) => async (): Promise<void> => {
  for await (const chunk of provider.chat({ model, messages: [{ role: 'user', content }] })) void chunk;
};

async function main(): Promise<void> {
  const child = fork(__filename, ['serve'], { execArgv: process.execArgv });
  const port = await new Promise<number>((resolve) =>
    child.once('message', (value) => resolve(Number(value))),
  );
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  try {
    const provider = createOpenAiProvider({
      name: 'openai',
      registry: modelRegistry,
      baseUrl,
      apiKey: 'sk-bench',
      logger: silent,
      clock: systemClock,
    });
    await measure(`openai adapter, ${TOKENS} tokens`, consume(provider, 'openai/stub', 'Say something.'));
    const { OpenAI } = await import('openai');
    const plain = new OpenAI({ baseURL: baseUrl, apiKey: 'sk-bench' });
    await measure(`openai package alone, ${TOKENS} tokens`, async () => {
      const stream = await plain.chat.completions.create({
        model: 'stub',
        messages: [{ role: 'user', content: 'Say something.' }],
        stream: true,
      });
      for await (const chunk of stream) void chunk;
    });
    const local = createLocalProvider({ registry: modelRegistry });
    await measure('embedded model, short question', consume(local, 'agentflow/local', 'What can you do?'));
    provider.close();
  } finally {
    child.kill();
  }
}

if (process.argv[2] === 'serve') serve();
else void main();
