import { DomainError } from '../../errors';

/** How long a caller should wait before the next attempt when the server has too much to do. */
const RETRY_AFTER_MS = 2_000;

interface ServerError {
  name?: string;
  statusCode?: number;
  message?: string;
  body?: { error?: { type?: string; reason?: string } | string };
}

/** Statuses that pass: the same request may succeed later. */
export const isPassing = (status: number | undefined): boolean =>
  status === 429 || status === 502 || status === 503 || status === 504;

/** Blocks that the server puts on its indices when its disk is nearly full. */
const isDiskFull = (type: string, reason: string): boolean =>
  type === 'cluster_block_exception' && /flood|disk|read-only-allow-delete/i.test(reason);

/** What a failure of the client means to the domain. Addresses and credentials are in no message. */
export function domainErrorOf(error: unknown): Error {
  if (error instanceof DomainError) return error;
  const { name, statusCode, body } = error as ServerError;
  const cause = typeof body?.error === 'object' ? body.error : {};
  if (name === 'TimeoutError') return failed('not_ready', 'The search server did not answer in time.', error);
  if (name === 'ConnectionError' || name === 'NoLivingConnectionsError')
    return failed('not_ready', 'The search server cannot be reached.', error);
  if (name !== 'ResponseError') return error as Error;
  return ofReason({ status: statusCode, type: cause?.type ?? '', reason: cause?.reason ?? '' }, error);
}

/** The same for one answer of several: an item of a bulk, a search of an `msearch`. */
export function ofReason(
  { status, type, reason }: { status: number | undefined; type: string; reason: string },
  cause?: unknown,
): DomainError {
  if (isDiskFull(type, reason))
    return failed('storage_full', 'The disk of the search server is full.', cause);
  if (status === 429) return failed('overloaded', 'The search server has too much to do.', cause);
  if (status === 401 || status === 403)
    return failed('not_ready', 'The search server refuses the credentials of ELASTICSEARCH_URL.', cause);
  return failed('not_ready', `The search server failed: ${type || `status ${status ?? 'unknown'}`}.`, cause);
}

const failed = (
  code: 'not_ready' | 'overloaded' | 'storage_full',
  message: string,
  cause: unknown,
): DomainError =>
  new DomainError(code, message, {
    ...(code === 'storage_full' ? {} : { retryAfterMs: RETRY_AFTER_MS }),
    ...(cause === undefined ? {} : { cause }),
  });
