import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = join(fileURLToPath(import.meta.url), '..', '..', '..');
const READY_MS = 180_000;
/** How long a request is repeated, over many kills. */
const PATIENCE_MS = 1_800_000;

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A connection that broke, or was refused, since the server was killed: whether the request was heard nobody knows. */
export class CutOff extends Error {}

/** The server under test: starts it, kills it, and speaks to whichever process there is. */
export class Supervisor {
  kills = 0;
  /** Milliseconds from the start of each process to its first answer. */
  starts = [];
  /** Answers that were waited for, by their code. */
  refusals = new Map();
  #child;
  #exited;
  #up = Promise.resolve();

  constructor(env, logFile) {
    this.env = env;
    this.log = createWriteStream(logFile, { flags: 'a' });
  }

  async start() {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const begun = performance.now();
    const child = spawn(process.execPath, [join(ROOT, 'bin', 'agentflow.cjs'), 'serve'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...this.env, PORT: String(this.port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#exited = once(child, 'exit');
    this.log.write(`--- start ${this.starts.length}\n`);
    child.stderr.pipe(this.log, { end: false });
    createInterface({ input: child.stdout }).on('line', (line) => this.log.write(`${line}\n`));
    this.#up = this.#answers(child, begun);
    this.#up.catch(() => undefined);
  }

  async #answers(child, begun) {
    for (const deadline = begun + READY_MS; ; await pause(10)) {
      if (child.exitCode !== null)
        throw new Error(`The server ended by itself with ${child.exitCode}; see its log.`);
      if (child.signalCode !== null) return;
      if (performance.now() > deadline) throw new Error('The server does not answer.');
      const answer = await this.once('GET', '/api/v1/conversations?limit=1').catch(() => undefined);
      if (answer?.status !== 200) continue;
      this.starts.push(performance.now() - begun);
      return;
    }
  }

  /** Resolves when the process of now answers. */
  ready() {
    return this.#up;
  }

  async kill() {
    this.#child.kill('SIGKILL');
    await this.#exited;
    this.kills++;
  }

  async stop() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    await this.#exited;
  }

  /** Leaves no server behind, whatever this program ends of. */
  abandon() {
    this.#child?.kill('SIGKILL');
  }

  get pid() {
    return this.#child.pid;
  }

  /** One request, once. @throws CutOff */
  async once(method, path, { json, form, headers = {} } = {}) {
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        body: form ? form() : json === undefined ? undefined : JSON.stringify(json),
        signal: AbortSignal.timeout(120_000),
      });
      const text = await response.text();
      const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, body: isJson ? JSON.parse(text) : text };
    } catch (error) {
      throw new CutOff(String(error.cause ?? error));
    }
  }

  /** A request that is repeated, the same every time, until it is answered; what is busy is waited for. */
  async surely(method, path, options) {
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      let answer;
      try {
        answer = await this.once(method, path, options);
      } catch (error) {
        if (!(error instanceof CutOff)) throw error;
      }
      const code = answer?.body?.code;
      if (answer && answer.status < 500 && !WAITED_FOR.has(code)) return answer;
      if (answer)
        this.refusals.set(code ?? answer.status, (this.refusals.get(code ?? answer.status) ?? 0) + 1);
      if (Date.now() > deadline)
        throw new Error(
          `${method} ${path} got no answer: ${JSON.stringify(answer?.body ?? 'cut off').slice(0, 300)}`,
        );
      await pause(answer ? 200 : 30);
      await this.ready();
    }
  }

  async graphql(query, variables) {
    const { body } = await this.surely('POST', '/graphql', { json: { query, variables } });
    if (body.errors) throw new Error(JSON.stringify(body.errors).slice(0, 500));
    return body.data;
  }

  /** Events of a stream, parsed, until it ends. @throws CutOff */
  async *events(method, path, { json, headers = {} } = {}) {
    const controller = new AbortController();
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...headers },
        body: json === undefined ? undefined : JSON.stringify(json),
        signal: controller.signal,
      });
      if (response.status !== 200) throw new CutOff(`${response.status} ${await response.text()}`);
      let buffered = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body) {
        buffered += decoder.decode(chunk, { stream: true });
        for (let end = buffered.indexOf('\n\n'); end >= 0; end = buffered.indexOf('\n\n')) {
          const block = buffered.slice(0, end);
          buffered = buffered.slice(end + 2);
          const data = /^data: (.*)$/m.exec(block)?.[1];
          if (data) yield { id: /^id: (.*)$/m.exec(block)?.[1], data: JSON.parse(data) };
        }
      }
    } catch (error) {
      throw new CutOff(String(error.cause ?? error));
    } finally {
      controller.abort();
    }
  }
}

/** Refusals that pass by themselves: another attempt is at work, or the server is starting. */
const WAITED_FOR = new Set([
  'idempotency_in_flight',
  'conversation_busy',
  'not_ready',
  'overloaded',
  'rate_limited',
]);
