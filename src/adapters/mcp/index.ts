import { DomainError, invalid } from '../../errors';
import { hostAllowed } from '../../net/hosts';
import { createSafeFetch, type SafeFetch } from '../../net/safe-fetch';
import type { Logger } from '../../ports/logger';
import type { JsonObject, JsonValue } from '../../ports/records';
import type { ToolCallContext, ToolExecutor, ToolOutcome, ToolRecord } from '../../ports/tools';
import { McpConnection, type McpServer, type McpStatus, type Offer } from './connection';
import { failureOf, outcomeOf } from './outcome';

export type { McpServer, McpStatus } from './connection';

export interface McpOptions {
  /** The servers of this deployment by name; whoever configures them is trusted, private addresses included. */
  servers: Readonly<Record<string, McpServer>>;
  /** Hosts whose endpoints a tool may name itself; empty: none. */
  hosts?: readonly string[];
  /** For endpoints that tools name themselves. */
  fetch: SafeFetch;
  logger: Logger;
  /** Of this program, as servers are told. */
  version: string;
  /** Longest wait for a connection, milliseconds; 15 000 unless given. */
  connectMs?: number;
}

/** A tool that a server offers. */
export interface McpToolInfo {
  name: string;
  description: string;
  inputSchema: JsonObject;
}

export interface CompiledMcpTool {
  config: JsonObject;
  /** JSON schema of the arguments. */
  parameters: JsonObject;
  description: string;
  /** As the server says of the tool. */
  idempotent: boolean;
}

/** Where a tool is: `{server, tool}` for a server of the deployment, `{url, tool}` for an endpoint. */
interface McpConfig {
  server?: string;
  url?: string;
  tool: string;
}

export interface McpExecutor extends ToolExecutor {
  /** What a server, by its name or URL, offers. @throws DomainError `validation_failed`, `provider_error` */
  list(server: string): Promise<McpToolInfo[]>;
  /** Checks `{server, tool}` or `{url, tool}` against what the server offers. Errors as `list`, at `config...`. */
  compile(config: JsonValue): Promise<CompiledMcpTool>;
  /** Of the deployment's servers, by name. */
  status(): Record<string, McpStatus>;
  /** Ends all connections and programs. */
  close(): Promise<void>;
}

const CONNECT_MS = 15_000;
/** Connections to endpoints that tools name; the one unused for longest is closed for a further one. */
const MOST_INLINE = 32;
const NAMED = 20;

/** Runs tools of kind `mcp` (Model Context Protocol). Nothing is loaded, started or connected before the first call. */
export function createMcpExecutor(options: McpOptions): McpExecutor {
  return new Executor(options);
}

class Executor implements McpExecutor {
  private readonly named = new Map<string, McpConnection>();
  private readonly inline = new Map<string, McpConnection>();

  constructor(private readonly options: McpOptions) {}

  async execute(tool: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<ToolOutcome> {
    const { server, url, tool: name } = tool.config as unknown as McpConfig;
    const { signal, onProgress } = context;
    signal.throwIfAborted();
    try {
      const call = this.connection(server ?? url ?? '').call(name, args, {
        signal,
        timeout: tool.executionTimeout * 1_000,
        ...(onProgress && { onprogress: ({ message }) => message !== undefined && onProgress(message) }),
      });
      return outcomeOf(await orAborted(call, signal));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return failureOf(error, server ?? new URL(url ?? '').host);
    }
  }

  async list(server: string): Promise<McpToolInfo[]> {
    return (await this.offered(server)).tools.map(({ name, description = '', inputSchema }) => ({
      name,
      description,
      inputSchema: inputSchema as JsonObject,
    }));
  }

  async compile(config: JsonValue): Promise<CompiledMcpTool> {
    const { server, url, tool } = readConfig(config);
    const { tools, problems } = await this.offered(server ?? url ?? '');
    const found = tools.find(({ name }) => name === tool);
    if (!found) {
      const problem = problems.get(tool);
      if (problem !== undefined)
        throw invalid(
          'config.tool',
          `the server describes its tool ${tool} wrongly (${problem}); nobody can call it`,
        );
      const names = tools.slice(0, NAMED).map(({ name }) => name);
      throw invalid('config.tool', `the server has no tool ${tool}; it has ${names.join(', ') || 'none'}`);
    }
    const { description, annotations, inputSchema } = found;
    return {
      config: server === undefined ? { url: url ?? '', tool } : { server, tool },
      parameters: inputSchema as JsonObject,
      description: description ?? annotations?.title ?? tool,
      idempotent: annotations?.idempotentHint === true || annotations?.readOnlyHint === true,
    };
  }

  status(): Record<string, McpStatus> {
    const idle: McpStatus = { state: 'idle', pid: null, error: null };
    const names = Object.keys(this.options.servers);
    return Object.fromEntries(names.map((name) => [name, this.named.get(name)?.status ?? idle]));
  }

  async close(): Promise<void> {
    const all = [...this.named.values(), ...this.inline.values()];
    this.named.clear();
    this.inline.clear();
    await Promise.all(all.map((connection) => connection.close()));
  }

  private async offered(server: string): Promise<Offer> {
    try {
      return await this.connection(server).list();
    } catch (error) {
      if (error instanceof DomainError) throw error;
      const outcome = failureOf(error, URL.canParse(server) ? new URL(server).host : server);
      const message = outcome.ok ? '' : outcome.error.message;
      throw new DomainError('provider_error', message, { cause: error });
    }
  }

  private connection(server: string): McpConnection {
    return /^https?:\/\//i.test(server) ? this.inlineConnection(server) : this.namedConnection(server);
  }

  private namedConnection(name: string): McpConnection {
    const known = this.named.get(name);
    if (known) return known;
    const server = Object.hasOwn(this.options.servers, name) ? this.options.servers[name] : undefined;
    if (!server) throw invalid('config.server', `${name} is not among the servers of AGENTFLOW_MCP_SERVERS`);
    const fetch = createSafeFetch({ allowPrivate: true, userAgent: `agentflow/${this.options.version}` });
    const hosts = 'url' in server ? [new URL(server.url).host] : [];
    return remember(this.named, name, this.make(name, server, fetch, hosts));
  }

  private inlineConnection(text: string): McpConnection {
    const { hosts = [], fetch } = this.options;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !hostAllowed(url, hosts)) {
      throw invalid(
        'config.url',
        `the host ${url?.host ?? text} is not among AGENTFLOW_MCP_HOSTS of this deployment`,
      );
    }
    const known = this.inline.get(url.href);
    this.inline.delete(url.href);
    const [oldest] = this.inline.entries();
    if (oldest && this.inline.size >= MOST_INLINE) {
      this.inline.delete(oldest[0]);
      void oldest[1].close();
    }
    return remember(this.inline, url.href, known ?? this.make(url.host, { url: url.href }, fetch, hosts));
  }

  private make(
    name: string,
    server: McpServer,
    fetch: SafeFetch,
    allowHosts: readonly string[],
  ): McpConnection {
    const { version, logger, connectMs = CONNECT_MS } = this.options;
    return new McpConnection({ name, server, fetch, allowHosts, version, logger, connectMs });
  }
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): V {
  map.set(key, value);
  return value;
}

function readConfig(config: JsonValue): McpConfig {
  const given = typeof config === 'object' && config !== null && !Array.isArray(config) ? config : {};
  const { server, url, tool } = given;
  if (typeof tool !== 'string' || tool === '')
    throw invalid('config.tool', "expected the name of one of the server's tools");
  if (typeof server === 'string' && url === undefined) return { server, tool };
  if (typeof url === 'string' && server === undefined) {
    if (/^https?:\/\//i.test(url)) return { url, tool };
    throw invalid('config.url', 'expected a URL that begins with http:// or https://');
  }
  throw invalid(
    'config.server',
    'expected the name of a server of AGENTFLOW_MCP_SERVERS, or instead config.url',
  );
}

/** Making the connection does not listen to the signal, since others may be waiting for it as well. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
