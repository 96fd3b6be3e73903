import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { DomainError } from '../errors';
import { FetchFailed, toFetchFailed } from './fetch-failed';
import { checkUrl, type GuardRules, type Resolve, resolveTarget, systemResolve } from './guard';
import { checkHeaders, sendHop } from './hop';

export { FetchFailed, type FetchFailure } from './fetch-failed';

export interface SafeFetchOptions {
  /** Opens loopback, private and carrier-grade NAT addresses; link-local and metadata ones stay closed. */
  allowPrivate: boolean;
  /** `User-Agent` of requests that bring none. */
  userAgent: string;
  /** Hosts that every request must keep to, besides its own list; absent: any. Patterns as in `hosts.ts`. */
  allowHosts?: readonly string[];
  /** Instead of the system's resolver. */
  resolve?: Resolve;
}

export interface SafeRequest {
  /** GET unless given. */
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Hosts that the URL and all redirects must keep to; absent: any. */
  allowHosts?: readonly string[];
  /** Redirects followed at most; 5 unless given. */
  maxRedirects?: number;
  /** For everything together, redirects and body included; 10 000 unless given. */
  timeoutMs?: number;
  /** Largest body, before and after decompression; 5 MiB unless given. */
  maxBytes?: number;
  /** Aborts the request; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Path of the input that holds the URL, for complaints; `url` unless given. */
  field?: string;
  /** Names of further headers that, like Authorization and Cookie, never go to another origin. */
  secretHeaders?: readonly string[];
}

export interface SafeResponse {
  status: number;
  /** Lower-case names; several of one name are joined by commas. */
  headers: Record<string, string>;
  /** Where the answer came from, after redirects. */
  url: string;
  /** Decompressed. */
  body: Buffer;
  /** A body is whole or the call fails. */
  truncated: false;
}

/** An answer whose body is still on its way. Whoever takes it reads or destroys `body`. */
export interface SafeStream {
  status: number;
  headers: Record<string, string>;
  url: string;
  body: IncomingMessage;
}

/** The one way to fetch a URL that a user or a model gave. */
export interface SafeFetch {
  /**
   * @throws DomainError `validation_failed` at `request.field` for a URL, or a redirect, that is not allowed
   * @throws FetchFailed when the other side or the way fails
   * @throws the signal's reason when aborted
   */
  (url: string, request?: SafeRequest): Promise<SafeResponse>;
  /** Checks a URL, its resolved addresses included, without sending anything. Errors as above. */
  check(
    url: string,
    request?: Pick<SafeRequest, 'allowHosts' | 'field' | 'signal' | 'timeoutMs'>,
  ): Promise<void>;
  /** As much of `check` as needs no resolver, so that a form is refused at once. */
  accept(url: string, request?: Pick<SafeRequest, 'allowHosts' | 'field'>): void;
  /** The head of the answer; redirects are not followed, `timeoutMs` holds until the head, the body is as sent. */
  stream(url: string, request?: Omit<SafeRequest, 'maxRedirects' | 'maxBytes'>): Promise<SafeStream>;
}

const MAX_REDIRECTS = 5;
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 5 * 1024 * 1024;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Never sent to an origin that the caller did not name. */
const SECRET_HEADERS = ['authorization', 'cookie'];

/** Makes the one way out to URLs that users and models give; see `SafeFetch`. */
export function createSafeFetch(options: SafeFetchOptions): SafeFetch {
  const fetcher = new Fetcher(options);
  return Object.assign(
    (url: string, request: SafeRequest = {}) =>
      withDeadline(url, request, async (signal) => {
        const answer = await fetcher.follow(url, request, signal);
        const body = await readBody(answer, request.maxBytes ?? MAX_BYTES);
        const { status, headers, url: finalUrl } = answer;
        return { status, headers, url: finalUrl, body, truncated: false as const };
      }),
    {
      check: (url: string, request: SafeRequest = {}) =>
        withDeadline(url, request, async () => {
          const rules = fetcher.rules(request);
          await resolveTarget(checkUrl(url, rules), rules, fetcher.resolve);
        }),
      accept: (url: string, request: SafeRequest = {}) => void checkUrl(url, fetcher.rules(request)),
      stream: (url: string, request: SafeRequest = {}) => fetcher.stream(url, request),
    },
  );
}

class Fetcher {
  readonly resolve: Resolve;

  constructor(private readonly options: SafeFetchOptions) {
    this.resolve = options.resolve ?? systemResolve;
  }

  rules({ allowHosts, field = 'url' }: SafeRequest): GuardRules {
    const { allowPrivate, allowHosts: everywhere } = this.options;
    return { allowPrivate, hostLists: [everywhere, allowHosts], field };
  }

  async follow(first: string, request: SafeRequest, signal: AbortSignal): Promise<SafeStream> {
    const rules = this.rules(request);
    const maxRedirects = request.maxRedirects ?? MAX_REDIRECTS;
    let message = this.message(request, 'gzip, deflate, br');
    let url = checkUrl(first, rules);
    let from: URL | undefined;
    for (let hop = 0; ; hop += 1) {
      signal.throwIfAborted();
      const target = await resolveTarget(url, rules, this.resolve, from);
      const response = await sendHop(target, { ...message, signal });
      const location = response.headers.location;
      if (!REDIRECTS.has(response.statusCode ?? 0) || location === undefined) return answerOf(response, url);
      response.destroy();
      if (hop >= maxRedirects) {
        throw new FetchFailed('redirects', `${url.host}: more than ${maxRedirects} redirects`);
      }
      from = url;
      url = checkUrl(location, rules, from);
      message = redirected(message, response.statusCode ?? 0);
      if (url.origin !== from.origin) message = withoutSecrets(message, request.secretHeaders);
    }
  }

  async stream(first: string, request: SafeRequest): Promise<SafeStream> {
    const ending = new AbortController();
    const giveUp = () => ending.abort(request.signal?.reason);
    request.signal?.addEventListener('abort', giveUp, { once: true });
    const answer = await withDeadline(first, request, async (signal) => {
      signal.addEventListener('abort', () => ending.abort(signal.reason), { once: true });
      const rules = this.rules(request);
      const target = await resolveTarget(checkUrl(first, rules), rules, this.resolve);
      const message = this.message(request, 'identity');
      return answerOf(await sendHop(target, { ...message, signal: ending.signal }), target.url);
    }).catch((error: unknown) => {
      request.signal?.removeEventListener('abort', giveUp);
      throw error;
    });
    answer.body.once('close', () => request.signal?.removeEventListener('abort', giveUp));
    return answer;
  }

  private message(request: SafeRequest, encodings: string): Message {
    const headers = checkHeaders(request.headers ?? {});
    return {
      method: (request.method ?? 'GET').toUpperCase(),
      headers: {
        accept: '*/*',
        'user-agent': this.options.userAgent,
        ...headers,
        'accept-encoding': encodings,
      },
      body: typeof request.body === 'string' ? Buffer.from(request.body) : request.body,
    };
  }
}

interface Message {
  method: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
}

/** As browsers do: 303 asks for the result by GET, and a POST that moved (301, 302) becomes one, too. */
function redirected(message: Message, status: number): Message {
  const becomesGet =
    (status === 303 && message.method !== 'HEAD') || (status <= 302 && message.method === 'POST');
  if (!becomesGet) return message;
  const headers = Object.entries(message.headers).filter(([name]) => !name.startsWith('content-'));
  return { method: 'GET', headers: Object.fromEntries(headers), body: undefined };
}

function withoutSecrets(message: Message, more: readonly string[] = []): Message {
  const secret = new Set([...SECRET_HEADERS, ...more.map((name) => name.toLowerCase())]);
  const headers = Object.entries(message.headers).filter(([name]) => !secret.has(name));
  return { ...message, headers: Object.fromEntries(headers) };
}

function answerOf(response: IncomingMessage, url: URL): SafeStream {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return { status: response.statusCode ?? 0, headers, url: url.href, body: response };
}

/** Runs `work` with a signal that ends it at the caller's abort or the deadline; errors come out as documented. */
async function withDeadline<T>(
  given: string,
  { signal: outer, timeoutMs = TIMEOUT_MS }: Pick<SafeRequest, 'signal' | 'timeoutMs'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const controller = new AbortController();
  const host = URL.canParse(given) ? new URL(given).host : 'the host';
  const late = () => new FetchFailed('timeout', `${host}: no complete answer within ${timeoutMs} ms`);
  const timer = setTimeout(() => controller.abort(late()), timeoutMs);
  const abort = () => controller.abort(outer?.reason);
  outer?.addEventListener('abort', abort, { once: true });
  // A resolver cannot be aborted, so the end of the signal is raced against the work.
  const ended = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
  });
  try {
    return await Promise.race([work(controller.signal), ended]);
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    if (error instanceof DomainError) throw error;
    throw toFetchFailed(error, new URL(given));
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', abort);
  }
}

async function readBody({ body, headers, url }: SafeStream, maxBytes: number): Promise<Buffer> {
  const tooLarge = () =>
    new FetchFailed('too_large', `${new URL(url).host}: the body is over ${maxBytes} bytes`);
  try {
    if (Number(headers['content-length']) > maxBytes) throw tooLarge();
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
    return await decompress(Buffer.concat(chunks), headers['content-encoding'], maxBytes);
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw error;
  } finally {
    body.destroy();
  }
}

const gunzip = promisify(zlib.gunzip as Decompressor);
const inflate = promisify(zlib.inflate as Decompressor);
const inflateRaw = promisify(zlib.inflateRaw as Decompressor);
const brotli = promisify(zlib.brotliDecompress as Decompressor);

type Decompressor = (
  data: Buffer,
  options: { maxOutputLength: number },
  done: (error: Error | null, result: Buffer) => void,
) => void;

/** The output stops at `maxBytes`, so a small body that unpacks to gigabytes never does. */
async function decompress(data: Buffer, encoding = 'identity', maxBytes: number): Promise<Buffer> {
  if (data.byteLength === 0) return data;
  const options = { maxOutputLength: maxBytes };
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return data;
    case 'gzip':
    case 'x-gzip':
      return gunzip(data, options);
    case 'deflate':
      // Named deflate, some servers send zlib's format (as RFC 9110 says) and some the bare one. CM is 8 in zlib's.
      return ((data[0] ?? 0) & 0x0f) === 8 ? inflate(data, options) : inflateRaw(data, options);
    case 'br':
      return brotli(data, options);
    default:
      throw new FetchFailed(
        'decoding',
        `the body has the encoding ${encoding.slice(0, 40)}, which was not asked for`,
      );
  }
}
