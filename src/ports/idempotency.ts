/** An answer kept so that a retried request gets it again, byte for byte. */
export interface StoredAnswer {
  status: number;
  /** Lower-case header names: only those that describe the answer (`content-type`, `location`, `etag`, ...). */
  headers: Record<string, string>;
  /** The body's text as it was sent; '' when there was none. */
  body: string;
}

/**
 * - `started`: the caller owns the key and must call `complete` or `abandon`. `operationId`, a UUID, is the same when the
 *   request is tried again because the process that answered it died: what it makes is to be found by that id;
 * - `replay`: the same request ended before;
 * - `in_flight`: the same request is running now;
 * - `mismatch`: the key was used for another request.
 */
export type IdempotencyOutcome =
  | { state: 'started'; operationId: string }
  | { state: 'replay'; answer: StoredAnswer }
  | { state: 'in_flight' }
  | { state: 'mismatch' };

/** How long a stored answer is replayed (24 h, the API's promise). */
export const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;

/**
 * How long a started request is taken to be at work after the last sign of life of its process, which renews the lease a
 * few times in it: as long as clients usually pause before their second or third retry.
 */
export const IDEMPOTENCY_LEASE_MS = 30_000;

/**
 * Remembers the answers of unsafe requests by their `Idempotency-Key`. A started key belongs to the process that began it,
 * for as long as that lives: until it completes or abandons it, the store renews the lease.
 * `begin` is atomic: of any number of concurrent calls with one key exactly one gets `started`.
 */
export interface IdempotencyStore {
  /**
   * @param principalKey the tenant and user that ask; keys of different principals never meet
   * @param key          the caller's `Idempotency-Key`, 1 to 255 visible ASCII characters
   * @param bodyHash     hex SHA-256 over method, path and body
   */
  begin(principalKey: string, key: string, bodyHash: string): Promise<IdempotencyOutcome>;
  /** Keeps the answer for `IDEMPOTENCY_TTL_MS` from now; when that fails, it is tried again while the process lives. */
  complete(principalKey: string, key: string, answer: StoredAnswer): Promise<void>;
  /** Frees the key: the request failed and did nothing, so a retry may run. A completed key stays. */
  abandon(principalKey: string, key: string): Promise<void>;
}
