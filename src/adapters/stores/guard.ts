import { MongoError, MongoNetworkError, MongoServerSelectionError } from 'mongodb';
import { Prisma } from '../../../generated/prisma-client';
import { DomainError } from '../../errors';

/** Prisma's codes for a server that cannot be reached or does not answer in time. */
const UNAVAILABLE = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024']);
/** MongoDB's OutOfDiskSpace. */
const OUT_OF_DISK_SPACE = 14031;
/** Server states that pass by themselves: fail-over, shutdown, not yet primary. */
const PASSING_CODES = new Set([6, 7, 89, 91, 189, 9001, 10107, 11600, 11602, 13435, 13436]);

/** Errors of the database as the domains know them; others stay what they are. */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  const layers = layersOf(error);
  const code = layers.map(codeOf).find((found) => found !== undefined);
  if (code === OUT_OF_DISK_SPACE)
    return new DomainError(
      'storage_full',
      'The database has no disk space left; nothing was written. Free some and send the request again.',
      { cause: error },
    );
  const known = error instanceof Prisma.PrismaClientKnownRequestError && UNAVAILABLE.has(error.code);
  if (known || (code !== undefined && PASSING_CODES.has(code)) || layers.some(isConnectionError))
    return new DomainError(
      'database_unavailable',
      'The database does not answer; send the request again in a moment.',
      {
        cause: error,
        retryAfterMs: 1_000,
      },
    );
  return error;
}

/** Deep enough for any chain that the driver, the connector and Prisma build. */
const MOST_LAYERS = 8;

/** An error with what it was made from: bulk errors carry it as their response, the others as their cause. */
function layersOf(error: unknown): unknown[] {
  const layers: unknown[] = [];
  const waiting = [error];
  while (waiting.length > 0 && layers.length < MOST_LAYERS) {
    const layer = waiting.shift();
    if (typeof layer !== 'object' || layer === null || layers.includes(layer)) continue;
    layers.push(layer);
    const { cause, errorResponse } = layer as { cause?: unknown; errorResponse?: unknown };
    waiting.push(cause, errorResponse);
  }
  return layers;
}

const codeOf = (error: unknown): number | undefined => {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'number' ? code : undefined;
};

/** The driver marks what a broken connection did; the names are for errors that it throws before it sends anything. */
const isConnectionError = (error: unknown): boolean =>
  error instanceof MongoNetworkError ||
  error instanceof MongoServerSelectionError ||
  (error instanceof MongoError && CONNECTION_LABELS.some((label) => error.hasErrorLabel(label))) ||
  (error instanceof Error && CONNECTION_ERRORS.has(error.name)) ||
  // A command written to a socket that the server has just closed: the driver passes the socket's error on as it is.
  SOCKET_CODES.has((error as NodeJS.ErrnoException).code);

const SOCKET_CODES: ReadonlySet<unknown> = new Set([
  'EPIPE',
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

const CONNECTION_LABELS = [
  'ResetPool',
  'InterruptInUseConnections',
  'PoolRequestedRetry',
  'NoWritesPerformed',
];

const CONNECTION_ERRORS = new Set([
  'MongoPoolClearedError',
  'MongoPoolClosedError',
  'PoolClearedError',
  'MongoNotConnectedError',
  'MongoWaitQueueTimeoutError',
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoServerSelectionError',
  'MongoTopologyClosedError',
  'MongoOperationTimeoutError',
  'PoolClearedOnNetworkError',
  'MongoPoolClearedOnNetworkError',
  'MongoClientClosedError',
]);

type Method = (...args: unknown[]) => unknown;

/** The same store, its failures in terms of the domains. */
export function guarded<T extends object>(store: T): T {
  const prototype = Object.getPrototypeOf(store) as Record<string, unknown>;
  const wrapped = Object.create(store) as Record<string, unknown>;
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const method = prototype[name];
    if (name === 'constructor' || typeof method !== 'function') continue;
    wrapped[name] = async (...args: unknown[]) => {
      try {
        return await (method as Method).apply(store, args);
      } catch (error) {
        throw toDomainError(error);
      }
    };
  }
  return wrapped as T;
}
