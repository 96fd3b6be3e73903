import { setMaxListeners } from 'node:events';
import { Transform, pipeline, Readable } from 'node:stream';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { SafeFetch } from '../../net/safe-fetch';
import { readableEvents, writtenBody } from './answers';

/** Longest wait for the head of an answer: servers that answer with JSON send it when the tool has finished. */
const HEAD_MS = 310_000;
/** Of one answer or stream; past that it is cut. */
const STREAM_BYTES = 64 * 1024 * 1024;
/** Statuses whose answers have no body, for which `Response` accepts none. */
const BODILESS = new Set([204, 205, 304]);

export interface HttpFetchOptions {
  fetch: SafeFetch;
  allowHosts: readonly string[];
  /** An answer to a request broke off before its end. */
  onCut: () => void;
}

/** `fetch` for the SDK's streamable HTTP, with the rules of safe fetching. Redirects are answered, never followed. */
export function createHttpFetch({ fetch, allowHosts, onCut }: HttpFetchOptions): FetchLike {
  return async (url, init) => {
    const signal = init?.signal ?? undefined;
    // All calls on a connection share one signal; Node would take that for a leak.
    if (signal) setMaxListeners(0, signal);
    const answer = await fetch.stream(String(url), {
      method: init?.method,
      headers: Object.fromEntries(new Headers(init?.headers)),
      body: typeof init?.body === 'string' ? init.body : undefined,
      allowHosts,
      field: 'config.url',
      timeoutMs: HEAD_MS,
      signal,
    });
    const { status, headers, body } = answer;
    body.once('close', () => {
      if (!body.complete && init?.method === 'POST' && !signal?.aborted) onCut();
    });
    if (BODILESS.has(status)) {
      body.resume();
      return new Response(null, { status, headers });
    }
    const isStream = /^text\/event-stream/i.test(String(headers['content-type'] ?? ''));
    const content = chained(limited(body), isStream ? readableEvents() : writtenBody());
    // Its text may have grown.
    delete headers['content-length'];
    return new Response(Readable.toWeb(content) as ReadableStream, { status, headers });
  };
}

function limited(body: Readable): Readable {
  let size = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.byteLength;
      done(size > STREAM_BYTES ? new Error(`The answer is over ${STREAM_BYTES} bytes.`) : null, chunk);
    },
  });
  return chained(body, counter);
}

/** Errors reach the reader through the second stream; there is nobody else to tell. */
const chained = (from: Readable, to: Transform): Transform => pipeline(from, to, () => undefined);
