import http from 'node:http';
import https from 'node:https';

/** Where to send, worked out once: parsing a URL and its headers for every call would cost more than sending it. */
export interface Target {
  secure: boolean;
  options: http.RequestOptions;
}

/**
 * Node's own HTTP client with kept-alive connections. The global `fetch` costs about three times the CPU for each
 * streamed call: it wraps every chunk in a web stream and a promise.
 */
export interface HttpClient {
  target(url: string, headers: Record<string, string>): Target;
  /** Resolves at the response's head, whatever its status; rejects with an error that has the system's `code`. */
  post(target: Target, body: string, signal: AbortSignal): Promise<http.IncomingMessage>;
  /** As much of `fetch` as the `openai` client needs: text bodies, headers, `json()` and `text()`. */
  fetch: (url: string, init?: RequestInit) => Promise<Response>;
  /** Sockets open now, idle keep-alive ones included. */
  openSockets(): number;
  close(): void;
}

/** Idle connections kept for reuse; more than this are closed when their answer ends. */
const MAX_IDLE_SOCKETS = 256;
/** Shorter than the idle time-out of common front ends (60 s and up), so that a reused socket is seldom dead. */
const IDLE_SOCKET_MS = 15_000;
/** An answer read whole (embeddings, errors) may not be larger: it would be held in memory twice. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

export function createHttpClient(): HttpClient {
  const settings = {
    keepAlive: true,
    maxFreeSockets: MAX_IDLE_SOCKETS,
    timeout: IDLE_SOCKET_MS,
    scheduling: 'lifo',
  } as const;
  const agents: Agents = { plain: new http.Agent(settings), secure: new https.Agent(settings) };
  return {
    target: (url, headers) => toTarget(agents, new URL(url), 'POST', headers),
    post: (target, body, signal) => send(target, body, signal),
    fetch: async (url, init) => {
      const headers = Object.fromEntries(init?.headers as Headers);
      const target = toTarget(agents, new URL(url), init?.method ?? 'GET', headers);
      const body = typeof init?.body === 'string' ? init.body : undefined;
      return new NodeResponse(url, await send(target, body, init?.signal)) as unknown as Response;
    },
    openSockets: () => countSockets(agents.plain) + countSockets(agents.secure),
    close: () => {
      agents.plain.destroy();
      agents.secure.destroy();
    },
  };
}

interface Agents {
  plain: http.Agent;
  secure: https.Agent;
}

function toTarget(agents: Agents, url: URL, method: string, headers: Record<string, string>): Target {
  const secure = url.protocol === 'https:';
  return {
    secure,
    options: {
      method,
      headers,
      agent: secure ? agents.secure : agents.plain,
      protocol: url.protocol,
      // Brackets belong to the URL, not to the address.
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || undefined,
      path: url.pathname + url.search,
    },
  };
}

function send(
  target: Target,
  body: string | undefined,
  signal?: AbortSignal | null,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortReason(signal));
    const headers = { ...(target.options.headers as Record<string, string | number>) };
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
    const options = { ...target.options, headers };
    const request = target.secure ? https.request(options) : http.request(options);
    const abort = (): void => void request.destroy(abortReason(signal));
    signal?.addEventListener('abort', abort, { once: true });
    request.once('close', () => signal?.removeEventListener('abort', abort));
    request.once('response', resolve);
    // Stays for the life of the request: an error after the response belongs to the response's stream, which reports it.
    request.on('error', (error) => reject(named(error)));
    // The agent's time-out is for idle sockets only; a socket in use is watched by the caller's own timers.
    request.setTimeout(0);
    request.setNoDelay(true);
    request.end(body);
  });
}

/** The body as text. @throws Error beyond `maxBytes`, closing the connection */
export async function readText(incoming: http.IncomingMessage, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw new Error(`The answer is larger than ${maxBytes} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Keeps the system's code (`ECONNREFUSED`) in reach through the client's own wrapping. */
const named = (error: NodeJS.ErrnoException): Error =>
  Object.assign(new Error(error.message, { cause: error }), { code: error.code });

const abortReason = (signal: AbortSignal | null | undefined): Error =>
  signal?.reason instanceof Error
    ? signal.reason
    : new DOMException('The operation was aborted.', 'AbortError');

function countSockets(agent: http.Agent): number {
  const lists = [...Object.values(agent.sockets), ...Object.values(agent.freeSockets)];
  return lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
}

/** The parts of a web `Response` that the client reads. */
class NodeResponse {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Headers;
  readonly body = null;

  constructor(
    readonly url: string,
    readonly incoming: http.IncomingMessage,
  ) {
    this.status = incoming.statusCode ?? 0;
    this.ok = this.status >= 200 && this.status < 300;
    this.headers = new Headers();
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (value !== undefined) this.headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
  }

  text(): Promise<string> {
    return readText(this.incoming, MAX_TEXT_BYTES);
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}
