import http from 'node:http';
import https from 'node:https';

/**
 * A `fetch` for the `openai` client on node's own HTTP client. The global `fetch` costs about three times the CPU for each
 * streamed call: it wraps every chunk in a web stream and a promise. Only what the client needs is here: text bodies,
 * response headers, `json()`, `text()`, and the raw message for streaming.
 */
export interface HttpFetch {
  fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
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

export function createHttpFetch(): HttpFetch {
  const agentOptions = {
    keepAlive: true,
    maxFreeSockets: MAX_IDLE_SOCKETS,
    timeout: IDLE_SOCKET_MS,
    scheduling: 'lifo',
  } as const;
  const plain = new http.Agent(agentOptions);
  const secure = new https.Agent(agentOptions);
  return {
    fetch: (url, init) => send({ plain, secure }, new URL(String(url)), init ?? {}),
    openSockets: () => countSockets(plain) + countSockets(secure),
    close: () => {
      plain.destroy();
      secure.destroy();
    },
  };
}

/** The answer's raw stream, for readers that do without web streams. */
export function rawBody(response: Response): http.IncomingMessage {
  if (response instanceof NodeResponse) return response.incoming;
  throw new TypeError('The response does not come from createHttpFetch.');
}

function send(
  agents: { plain: http.Agent; secure: https.Agent },
  url: URL,
  init: RequestInit,
): Promise<Response> {
  const secure = url.protocol === 'https:';
  const body = typeof init.body === 'string' ? Buffer.from(init.body) : undefined;
  const headers: Record<string, string | number> = Object.fromEntries(init.headers as Headers);
  if (body) headers['content-length'] = body.length;
  return new Promise((resolve, reject) => {
    const signal = init.signal;
    const options = { method: init.method ?? 'GET', headers, agent: secure ? agents.secure : agents.plain };
    const request = secure ? https.request(url, options) : http.request(url, options);
    const abort = (): void => void request.destroy(abortReason(signal));
    if (signal?.aborted) return reject(abortReason(signal));
    signal?.addEventListener('abort', abort, { once: true });
    request.once('close', () => signal?.removeEventListener('abort', abort));
    request.once('response', (incoming) =>
      resolve(new NodeResponse(url.href, incoming) as unknown as Response),
    );
    // Stays for the life of the request: an error after the response belongs to the response's stream, which reports it.
    request.on('error', (error) => reject(named(error)));
    // The agent's time-out is for idle sockets only; a socket in use is watched by the caller's own timers.
    request.setTimeout(0);
    request.setNoDelay(true);
    request.end(body);
  });
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

  async text(): Promise<string> {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of this.incoming as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > MAX_TEXT_BYTES)
        throw new Error(`The answer of ${this.url} is larger than ${MAX_TEXT_BYTES} bytes.`);
      parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}
