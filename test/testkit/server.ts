import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { MongoClient } from 'mongodb';
import { type Application, type ApplicationOptions, createApplication } from '../../src/composition-root';
import { loadConfig } from '../../src/config/environment';
import { issueToken, loadSigningKey } from '../../src/identity';
import { systemClock } from '../../src/ports/clock';
import type { Logger } from '../../src/ports/logger';

const ROOT = path.resolve(__dirname, '..', '..');
const READY_MS = 60_000;

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into any part of an answer */
export type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed JSON, or the text of anything else. */
  body: Json;
}

export interface GraphQLAnswer {
  status: number;
  data?: Json;
  errors?: { message: string; path?: (string | number)[]; extensions: Record<string, Json> }[];
}

/** Speaks to a server over real sockets. */
export class Client {
  constructor(
    readonly url: string,
    /** Bearer token; without it the development user asks. */
    readonly token?: string,
  ) {}

  async rest(
    method: string,
    route: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + route, {
      method,
      headers: {
        ...this.authorization(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  async graphql(query: string, variables: Record<string, unknown> = {}): Promise<GraphQLAnswer> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { ...this.authorization(), 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    return { status: response.status, ...((await response.json()) as object) };
  }

  /** Opens a stream of server-sent events. */
  async stream(
    method: string,
    route: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<EventStream> {
    const controller = new AbortController();
    const response = await fetch(this.url + route, {
      method,
      headers: {
        ...this.authorization(),
        accept: 'text/event-stream',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: controller.signal,
    });
    return new EventStream(response, controller);
  }

  /** A GraphQL subscription over server-sent events (distinct connections mode). */
  async subscribe(query: string, variables: Record<string, unknown> = {}): Promise<EventStream> {
    return this.stream('POST', '/graphql', { query, variables });
  }

  /** The id of a built-in or other agent by its name. */
  async agentId(name = 'MainAgent'): Promise<string> {
    const { body } = await this.rest('GET', '/api/v1/agents');
    const agent = (body as { id: string; name: string }[]).find((one) => one.name === name);
    if (!agent) throw new Error(`There is no agent ${name}.`);
    return agent.id;
  }

  private authorization(): Record<string, string> {
    return this.token ? { authorization: `Bearer ${this.token}` } : {};
  }
}

export interface SseEvent {
  id?: string;
  event?: string;
  /** Parsed when it is JSON. */
  data: Json;
}

/** A stream of server-sent events, read as it comes. */
export class EventStream implements AsyncIterable<SseEvent> {
  readonly comments: string[] = [];
  retry: number | undefined;

  constructor(
    readonly response: Response,
    private readonly controller: AbortController,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<SseEvent> {
    const decoder = new TextDecoder();
    let buffered = '';
    for await (const chunk of this.response.body as unknown as AsyncIterable<Uint8Array>) {
      buffered += decoder.decode(chunk, { stream: true });
      for (let end = buffered.indexOf('\n\n'); end >= 0; end = buffered.indexOf('\n\n')) {
        const event = this.parse(buffered.slice(0, end));
        buffered = buffered.slice(end + 2);
        if (event) yield event;
      }
    }
  }

  /** Every event until the server ends the stream. */
  async all(): Promise<SseEvent[]> {
    const events: SseEvent[] = [];
    for await (const event of this) events.push(event);
    return events;
  }

  /** Events up to the first that fits; the stream is then closed from this side. */
  async until(fits: (event: SseEvent) => boolean): Promise<SseEvent[]> {
    const events: SseEvent[] = [];
    for await (const event of this) {
      events.push(event);
      if (fits(event)) break;
    }
    this.close();
    return events;
  }

  /** Hangs up. */
  close(): void {
    this.controller.abort();
  }

  private parse(block: string): SseEvent | undefined {
    const event: SseEvent = { data: undefined };
    let text = '';
    for (const line of block.split('\n')) {
      const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (field === '') this.comments.push(value);
      else if (field === 'retry') this.retry = Number(value);
      else if (field === 'data') text += value;
      else if (field === 'id') event.id = value;
      else if (field === 'event') event.event = value;
    }
    if (text === '' && event.event === undefined) return undefined;
    event.data = text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text;
    return event;
  }
}

export interface TestUser {
  tenant?: string;
  user?: string;
  scopes?: string;
  type?: 'human' | 'machine';
  /** An hour unless said. */
  ttlMs?: number;
}

export interface TestServer {
  readonly url: string;
  readonly application: Application;
  readonly dataDir: string;
  /** Log lines so far, fields and message. */
  readonly logs: Json[];
  /** The development user: `local-dev` of tenant `agentflow`, an admin. */
  readonly dev: Client;
  /** A client with a token of its own. Scopes are separated by spaces. */
  as(user: TestUser): Promise<Client>;
  token(user: TestUser): Promise<string>;
  close(): Promise<void>;
}

export type Environment = Record<string, string>;

/** Variables of a server that a test starts: nothing of the developer's own environment but the database under test. */
export function testEnvironment(dataDir: string, env: Environment = {}): Environment {
  return {
    PORT: '0',
    AGENTFLOW_DATA_DIR: dataDir,
    AGENTFLOW_DB_PREFIX: `t${randomBytes(5).toString('hex')}`,
    LOG_LEVEL: 'warn',
    NODE_ENV: 'test',
    AGENTFLOW_LLM_MAX_RETRIES: '0',
    ...(process.env.MONGODB_URL ? { MONGODB_URL: process.env.MONGODB_URL } : {}),
    ...env,
  };
}

/**
 * Starts the whole product in this process on a free port, over the embedded database or, when `MONGODB_URL` is set, over
 * that server. Answers that do not fit the OpenAPI document are errors.
 */
export async function startTestServer(
  env: Environment = {},
  more: Partial<ApplicationOptions> = {},
): Promise<TestServer> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'af-'));
  const config = loadConfig(testEnvironment(dataDir, env));
  const logs: Json[] = [];
  const application = await createApplication({
    config,
    logger: collectingLogger(logs),
    validateResponses: true,
    jobLockMs: 2_000,
    ...more,
  });
  const url = await application.listen();
  const signingKey = await loadSigningKey({ directory: dataDir });
  const token: TestServer['token'] = ({
    tenant = 'agentflow',
    user = 'ada',
    scopes = '',
    type = 'human',
    ttlMs = 3_600_000,
  }) =>
    issueToken(
      { tenant, userId: user, scopes: scopes.split(' ').filter(Boolean), ttlMs, type },
      { signingKey, issuer: config.identity.tokenIssuer, clock: systemClock },
    );
  return {
    url,
    application,
    dataDir,
    logs,
    dev: new Client(url),
    token,
    as: async (user) => new Client(url, await token(user)),
    async close() {
      await application.close();
      await dropDatabases(config.database.url, config.database.prefix);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Removes what a test left on a real server. */
export async function dropDatabases(url: string | undefined, prefix: string): Promise<void> {
  if (!url) return;
  const client = new MongoClient(url);
  try {
    const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true });
    for (const { name } of databases) if (name.startsWith(`${prefix}_`)) await client.db(name).dropDatabase();
  } finally {
    await client.close();
  }
}

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  readonly client: Client;
  readonly startedInMs: number;
  /** Everything the process printed. */
  output(): string;
  /** Sends the signal and waits for the end. @returns exit code or signal */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** Starts the built server as a process of its own (`npm run build` first); for tests that kill it. */
export async function spawnServer(env: Environment): Promise<ServerProcess> {
  const started = performance.now();
  const child = spawn(process.execPath, [path.join(ROOT, 'bin', 'agentflow.cjs'), 'serve'], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The server did not start:\n${output}`)), READY_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      output += `${line}\n`;
      const found = /"url":"([^"]+)".*AgentFlow listens/.exec(line);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[1]!);
    });
    void exited.then(([code, signal]) => {
      clearTimeout(timer);
      reject(new Error(`The server ended with ${code ?? signal}:\n${output}`));
    });
  });
  return {
    url,
    child,
    client: new Client(url),
    startedInMs: performance.now() - started,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const [code, killedBy] = await exited;
      return code ?? killedBy;
    },
  };
}

/** Waits for something to become true; for what no event announces. */
export async function eventually<T>(
  probe: () => Promise<T | undefined | false>,
  what: string,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function collectingLogger(logs: Json[], fields: object = {}): Logger {
  const at = (level: string) => (more: object, message: string) =>
    void logs.push({ level, ...fields, ...more, message });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => collectingLogger(logs, { ...fields, ...more }),
  };
}
