/* eslint-disable @typescript-eslint/no-require-imports -- the SDK is loaded with the first connection, not at the start */
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import type { SafeFetch } from '../../net/safe-fetch';
import type { Logger } from '../../ports/logger';
import type { JsonObject } from '../../ports/records';
import { BadAnswer, LineBuffer, readPage, type ReadResult, readResult } from './answers';
import { createHttpFetch } from './http-fetch';
import { isLost, isSessionGone, isTimeout } from './outcome';

/** A program that speaks MCP on its standard input and output, or an endpoint of streamable HTTP. */
export type McpServer =
  | { command: string; args?: string[]; env?: Record<string, string>; cwd?: string }
  | { url: string; headers?: Record<string, string> };

export interface McpStatus {
  state: 'idle' | 'connecting' | 'connected' | 'failed';
  /** Of a program. */
  pid: number | null;
  /** Why the last connection could not be made. */
  error: string | null;
}

export interface ConnectionOptions {
  name: string;
  server: McpServer;
  /** Of an endpoint. */
  fetch: SafeFetch;
  allowHosts: readonly string[];
  version: string;
  logger: Logger;
  connectMs: number;
}

/** After a failed connection nobody tries again for so long: every attempt may start a process. */
const RETRY_AFTER_MS = 1_000;
/** A server that let a call run out of time and does not answer this either is replaced. */
const PING_MS = 2_000;
/** A program that has not ended so long after its input was closed is killed. */
const KILL_AFTER_MS = 1_000;
const STDERR_CHARACTERS = 2_000;
/** Of a listing; a server that pages without end is left after it. */
const MOST_PAGES = 1_000;
const MOST_TOOLS = 10_000;
const LIST_MS = 60_000;
/** Tools that are left out of a listing and named in the log. */
const NAMED = 20;

/** What a server offers, and what is wrong with what it offers besides. */
export interface Offer {
  tools: Tool[];
  /** By the tool's name, where it has one. */
  problems: Map<string, string>;
}

interface Live {
  client: Client;
  /** Ends the connection; a program is killed when it does not end by itself. */
  close: () => Promise<void>;
  pid: () => number | null;
}

/** The one connection to a server: made when first needed, shared by all calls, made anew after it was lost. */
export class McpConnection {
  private connecting: Promise<Live> | undefined;
  private live: Live | undefined;
  private failure: { error: Error; at: number } | undefined;

  constructor(private readonly options: ConnectionOptions) {}

  get status(): McpStatus {
    const state = this.live ? 'connected' : this.connecting ? 'connecting' : this.failure ? 'failed' : 'idle';
    return { state, pid: this.live?.pid() ?? null, error: this.failure?.error.message ?? null };
  }

  /** @throws the SDK's, the transport's or the signal's error, or BadAnswer */
  async call(name: string, args: JsonObject, options: RequestOptions): Promise<ReadResult> {
    const { ResultSchema } = types();
    const params = { name, arguments: args };
    return this.use(async (client) =>
      readResult(await client.request({ method: 'tools/call', params }, ResultSchema, options)),
    );
  }

  /** One tool or page that is wrong fails alone; of tools with one name the first counts. @throws as `call` */
  async list(): Promise<Offer> {
    return this.use(async (client) => {
      const offer: Offer = { tools: [], problems: new Map() };
      const known = new Set<string>();
      let readable = false;
      for await (const page of this.pages(client, offer)) {
        readable ||= page.tools !== undefined;
        for (const { tool, problem } of page.problems) offer.problems.set(tool, problem);
        for (const tool of page.tools ?? []) {
          if (known.has(tool.name))
            offer.problems.set(tool.name, 'the name stands for several tools; the first counts');
          else offer.tools.push(tool);
          known.add(tool.name);
        }
      }
      if (!readable) throw new BadAnswer('the server answered what is no list of tools');
      this.report(offer);
      return offer;
    });
  }

  private async *pages(
    client: Client,
    { tools, problems }: Offer,
  ): AsyncGenerator<ReturnType<typeof readPage>> {
    const until = Date.now() + LIST_MS;
    const cursors = new Set<string | undefined>();
    let cursor: string | undefined;
    for (let page = 1; ; page += 1) {
      cursors.add(cursor);
      let answer: ReturnType<typeof readPage>;
      try {
        answer = await this.page(client, cursor);
      } catch (error) {
        if (page === 1 || isLost(error)) throw error;
        problems.set(`page ${page}`, (error as Error).message);
        return;
      }
      if (!answer.tools) problems.set(`page ${page}`, 'it is no list of tools');
      yield answer;
      cursor = answer.nextCursor;
      if (cursor === undefined) return;
      const tooMany = page >= MOST_PAGES || tools.length >= MOST_TOOLS || Date.now() > until;
      if (!tooMany && !cursors.has(cursor)) continue;
      problems.set(`page ${page + 1}`, tooMany ? 'the list does not end' : 'its cursor leads back');
      return;
    }
  }

  private async page(client: Client, cursor: string | undefined): Promise<ReturnType<typeof readPage>> {
    const params = cursor === undefined ? {} : { cursor };
    const timeout = this.options.connectMs;
    return readPage(
      await client.request({ method: 'tools/list', params }, types().ResultSchema, { timeout }),
    );
  }

  private report({ problems }: Offer): void {
    if (problems.size === 0) return;
    const leftOut = Object.fromEntries([...problems].slice(0, NAMED));
    this.options.logger.warn({ server: this.options.name, leftOut }, 'MCP server offers what cannot be used');
  }

  async close(): Promise<void> {
    const live = this.live ?? (await this.connecting?.catch(() => undefined));
    this.live = undefined;
    await live?.close();
  }

  private async use<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const live = await this.open();
    try {
      return await work(live.client);
    } catch (error) {
      if (isTimeout(error)) void this.probe(live);
      if (isLost(error)) await this.drop(live);
      if (!isSessionGone(error)) throw error;
      return work((await this.open()).client);
    }
  }

  private async open(): Promise<Live> {
    if (this.live) return this.live;
    if (this.failure && Date.now() - this.failure.at < RETRY_AFTER_MS) throw this.failure.error;
    this.connecting ??= this.connect();
    return this.connecting;
  }

  private async connect(): Promise<Live> {
    try {
      const live = await this.start();
      this.live = live;
      this.failure = undefined;
      return live;
    } catch (error) {
      this.failure = { error: error as Error, at: Date.now() };
      throw error;
    } finally {
      this.connecting = undefined;
    }
  }

  private async start(): Promise<Live> {
    const { name, version, logger, connectMs } = this.options;
    const { Client: McpClient } = require('@modelcontextprotocol/sdk/client/index.js') as ClientModule;
    const client: Client = new McpClient({ name: 'agentflow', version });
    const stderr = { tail: '' };
    const { transport, pid } = this.transport(client, stderr);
    const live: Live = { client, pid, close: () => closeHard(client, pid) };
    client.onerror = (error) =>
      logger.debug({ server: name, error: error.message }, 'MCP connection complains');
    client.onclose = () => {
      if (this.live !== live) return;
      this.live = undefined;
      logger.warn({ server: name, stderr: stderr.tail }, 'MCP server lost');
    };
    try {
      await client.connect(transport, { timeout: connectMs });
    } catch (error) {
      await live.close();
      logger.warn({ server: name, err: error, stderr: stderr.tail }, 'MCP server cannot be reached');
      throw error;
    }
    return live;
  }

  private transport(
    client: Client,
    stderr: { tail: string },
  ): { transport: Transport; pid: () => number | null } {
    const { server, fetch, allowHosts } = this.options;
    if ('url' in server) {
      const { StreamableHTTPClientTransport } =
        require('@modelcontextprotocol/sdk/client/streamableHttp.js') as HttpModule;
      const transport = new StreamableHTTPClientTransport(new URL(server.url), {
        requestInit: { headers: server.headers },
        // The SDK would let the calls on a cut stream wait for their time-out; closing tells them now.
        fetch: createHttpFetch({ fetch, allowHosts, onCut: () => void client.close() }),
      });
      return { transport, pid: () => null };
    }
    const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js') as StdioModule;
    // Of our environment the program gets what the SDK deems safe (PATH, HOME, USER and the like) and its own `env`.
    const transport = new StdioClientTransport({ ...server, stderr: 'pipe' });
    // The SDK's own buffer ends the connection of all calls when one message is too long.
    (transport as unknown as { _readBuffer: LineBuffer })._readBuffer = new LineBuffer();
    transport.stderr?.on('data', (chunk: Buffer) => {
      stderr.tail = (stderr.tail + String(chunk)).slice(-STDERR_CHARACTERS);
    });
    return { transport, pid: () => transport.pid };
  }

  private async probe(live: Live): Promise<void> {
    try {
      await live.client.ping({ timeout: PING_MS });
    } catch {
      this.options.logger.warn({ server: this.options.name }, 'MCP server hangs, connecting anew');
      await this.drop(live);
    }
  }

  private async drop(live: Live): Promise<void> {
    if (this.live === live) this.live = undefined;
    await live.close();
  }
}

async function closeHard(client: Client, pidOf: () => number | null): Promise<void> {
  // The transport forgets the process when it begins to close it.
  const pid = pidOf();
  const killer = setTimeout(() => {
    if (pid !== null && isAlive(pid)) process.kill(pid, 'SIGKILL');
  }, KILL_AFTER_MS);
  try {
    await client.close();
  } finally {
    clearTimeout(killer);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

type ClientModule = typeof import('@modelcontextprotocol/sdk/client/index.js');
type HttpModule = typeof import('@modelcontextprotocol/sdk/client/streamableHttp.js');
type StdioModule = typeof import('@modelcontextprotocol/sdk/client/stdio.js');
type TypesModule = typeof import('@modelcontextprotocol/sdk/types.js');

const types = (): TypesModule => require('@modelcontextprotocol/sdk/types.js') as TypesModule;
