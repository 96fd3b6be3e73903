import type { ServerResponse } from 'node:http';
import { GraphQLError } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { Context } from '../../resolvers/context';
import type { Logger } from '../ports/logger';

/** The longest delay that a timer takes, 2^31 - 1 ms: 24.8 days. */
const MAX_TIMER_MS = 2_147_483_647;

interface StreamContext extends Partial<Context> {
  res: ServerResponse;
  /** In single-connection mode: the response of another request, which may come later. */
  streamResponse?: () => Promise<ServerResponse | undefined>;
}

/** Subscriptions over GraphQL take their events at the pace of their reader, and end with their caller's token. */
export function usePacedStreams({ drainTimeoutMs, logger }: Pick<Pace, 'drainTimeoutMs' | 'logger'>): Plugin {
  return {
    onSubscribe: ({ args }) => ({
      onSubscribeResult: ({ result, setResult }) => {
        if (!isAsyncIterable(result)) return;
        const { res, streamResponse, principal } = args.contextValue as unknown as StreamContext;
        const response = streamResponse ?? (() => Promise.resolve(res));
        const pace = {
          response,
          drainTimeoutMs,
          expiresAt: principal?.expiresAt,
          expired: tokenEnded,
          logger,
        };
        setResult(paced(result, pace) as never);
      },
    }),
  };
}

const tokenEnded = (): { errors: GraphQLError[] } => ({
  errors: [
    new GraphQLError('The access token has ended; subscribe again with a new one.', {
      extensions: { code: 'unauthenticated', status: 401 },
    }),
  ],
});

export interface Pace {
  /** The response that the stream is written to; it may come later, in single-connection mode. */
  response: () => Promise<ServerResponse | undefined>;
  /** A reader that takes nothing for so long is cut off, and may resume. Milliseconds. */
  drainTimeoutMs: number;
  /** When the caller's token ends, and with it the stream. Milliseconds since 1970; undefined: never. */
  expiresAt: number | undefined;
  /** The last result of a stream whose token has ended. */
  expired: () => unknown;
  logger: Logger;
}

/**
 * Takes the next event of a source only when the reader has taken the ones before it: what waits for a slow reader waits where
 * it is stored, and not in memory. The source is always returned.
 */
export function paced<T>(source: AsyncIterable<T>, pace: Pace): AsyncIterableIterator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let finished = false;
  let end: ((result: IteratorResult<T>) => void) | undefined;
  const finish = (): void => {
    if (finished) return;
    finished = true;
    clearTimeout(timer);
    // Not awaited: a generator that waits for its next event answers only after it.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  };
  const stop = (result: IteratorResult<T>): void => {
    last = result;
    finish();
    end?.(result);
  };
  let last: IteratorResult<T> = { done: true, value: undefined };
  const timer = expiryTimer(pace, () => stop({ done: false, value: pace.expired() as T }));

  const take = async (): Promise<IteratorResult<T>> => {
    const response = await pace.response();
    if (!response || !(await hasRoom(response, pace))) return { done: true, value: undefined };
    return iterator.next();
  };
  return {
    next: () => {
      if (finished) {
        const result = last;
        last = { done: true, value: undefined };
        return Promise.resolve(result);
      }
      return new Promise((resolve, reject) => {
        end = (result) => {
          last = { done: true, value: undefined };
          resolve(result);
        };
        take().then((result) => {
          if (result.done) finish();
          resolve(result);
        }, reject);
      });
    },
    return: () => {
      stop({ done: true, value: undefined });
      return Promise.resolve({ done: true, value: undefined });
    },
    throw: (error) => {
      finish();
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function expiryTimer({ expiresAt }: Pace, onExpiry: () => void): NodeJS.Timeout | undefined {
  if (expiresAt === undefined) return undefined;
  const timer = setTimeout(onExpiry, Math.min(Math.max(expiresAt - Date.now(), 0), MAX_TIMER_MS));
  timer.unref();
  return timer;
}

/** Resolves when the reader can take more; false when it is gone, or was cut off. */
function hasRoom(response: ServerResponse, { drainTimeoutMs, logger }: Pace): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  if (!response.writableNeedDrain) return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      response.off('drain', settle).off('close', settle);
      resolve(!response.destroyed);
    };
    const timer = setTimeout(() => {
      logger.warn({ drainTimeoutMs }, 'slow event stream reader cut off');
      response.destroy();
    }, drainTimeoutMs);
    response.once('drain', settle).once('close', settle);
  });
}
