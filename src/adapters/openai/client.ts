import type { IncomingMessage } from 'node:http';
import { readText, type HttpClient } from './http-client';
import { ChatStream, type Expected } from './chat-stream';
import { connectionFailure, httpFailure, streamFailure, timeoutFailure } from './errors';
import type { CallContext, Failure } from './errors';
import type { OpenAiLimits } from './options';

/** The client's own time-out must never strike first: ours tells a dead connection from a slow model. */
const CLIENT_TIMEOUT_MS = 2_147_483_647;

/** An error's text is read up to this size. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** Thrown by one attempt; the retry loop reads it. */
export class AttemptFailed extends Error {
  constructor(readonly failure: Failure) {
    super(failure.error.message);
    this.name = 'AttemptFailed';
  }
}

export type Client = Awaited<ReturnType<typeof loadClient>>;

/** Loads the `openai` package on first use: it costs 90 ms and 10 MB, which a deployment without a key need not pay. */
export async function loadClient(
  options: { baseUrl: string | undefined; apiKey: string | undefined },
  http: HttpClient,
) {
  const { OpenAI: Constructor } = await import('openai');
  const openai = new Constructor({
    // The client insists on a key; an endpoint without one gets no header at all.
    apiKey: options.apiKey ?? 'none',
    ...(options.apiKey ? {} : { defaultHeaders: { Authorization: null } }),
    baseURL: options.baseUrl ?? null,
    organization: null,
    project: null,
    maxRetries: 0,
    timeout: CLIENT_TIMEOUT_MS,
    fetch: (url, init) => http.fetch(url instanceof Request ? url.url : url.toString(), init),
    logLevel: 'off',
  });
  // The client builds URL and headers once, and streams go out without it: each call through it costs 100 us more.
  const { req, url } = await openai.buildRequest({ method: 'post', path: '/chat/completions', body: {} });
  const headers = Object.fromEntries(req.headers);
  const chat = http.target(url, { ...headers, accept: 'text/event-stream' });
  return {
    openai,
    streamChat: (body: object, signal: AbortSignal) => http.post(chat, JSON.stringify(body), signal),
  };
}

/** A status other than 2xx, in the shape of the client's own errors, which `httpFailure` reads. */
class Refusal extends Error {
  private constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly error: unknown,
  ) {
    super(`The endpoint answered ${status}.`);
  }

  static async read(answer: IncomingMessage): Promise<Refusal> {
    const text = await readText(answer, MAX_ERROR_BYTES);
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      if (typeof value === 'string') headers.set(name, value);
    }
    return new Refusal(answer.statusCode ?? 0, headers, bodyOf(text));
  }
}

/** The body as JSON; a line of text as it is, but no page of HTML, where the status alone has to do. */
function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text.includes('<') ? undefined : text;
  }
}

/** One attempt at something that answers with JSON or a stream, bounded by the first-byte time-out and the caller's signal. */
export class Attempt {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private timedOut = false;
  private readonly onAbort = (): void => this.controller.abort();

  constructor(
    private readonly context: CallContext,
    private readonly limits: OpenAiLimits,
    private readonly signal: AbortSignal | undefined,
  ) {
    signal?.addEventListener('abort', this.onAbort, { once: true });
    this.timer = setTimeout(() => {
      this.timedOut = true;
      this.controller.abort();
    }, limits.firstByteTimeoutMs);
  }

  /**
   * Sends the request and waits for the first delta, or the end of an answer without one.
   * @throws AttemptFailed; the signal's reason when aborted
   */
  async openStream(
    send: (signal: AbortSignal) => Promise<IncomingMessage>,
    expected: Expected,
  ): Promise<ChatStream> {
    const body = await this.run(async (bound) => {
      const answer = await send(bound);
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300) return answer;
      throw await Refusal.read(answer);
    });
    const stream = new ChatStream(body, this.context, this.limits, expected);
    await stream.ready();
    this.signal?.throwIfAborted();
    if (stream.failure && !stream.hasDelta) throw new AttemptFailed(stream.failure);
    return stream;
  }

  /** @throws AttemptFailed; the signal's reason when aborted */
  async run<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await send(this.controller.signal);
    } catch (cause) {
      this.signal?.throwIfAborted();
      throw new AttemptFailed(this.classify(cause));
    } finally {
      clearTimeout(this.timer);
    }
  }

  /** Takes the listener off the caller's signal, which may outlive many calls. */
  detach(): void {
    clearTimeout(this.timer);
    this.signal?.removeEventListener('abort', this.onAbort);
  }

  private classify(cause: unknown): Failure {
    if (this.timedOut) return timeoutFailure('first byte', this.limits.firstByteTimeoutMs, this.context);
    if (typeof (cause as { status?: unknown }).status === 'number') return httpFailure(cause, this.context);
    if (cause instanceof SyntaxError) return streamFailure('is not JSON', this.context, cause);
    return connectionFailure(cause, this.context);
  }
}
