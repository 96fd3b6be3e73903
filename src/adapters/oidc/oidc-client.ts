import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { DomainError } from '../../errors';
import type { Clock } from '../../ports/clock';
import type { Logger } from '../../ports/logger';
import type { OidcClient } from '../../ports/oidc';

/** Auth0 and its like rotate keys days ahead of use; ten minutes bounds how long a withdrawn key is trusted. */
const KEYS_MAX_AGE_MS = 10 * 60_000;
/** While the issuer is away its last keys stay good this long, so that its outage is not also ours. */
const KEYS_STALE_LIMIT_MS = 60 * 60_000;
/** Tokens with invented key ids must not turn this server into a load generator against the issuer. */
const UNKNOWN_KEY_COOLDOWN_MS = 30_000;
const FAILURE_COOLDOWN_MS = 5_000;
const REQUEST_TIMEOUT_MS = 5_000;

export interface OidcClientOptions {
  logger: Logger;
  clock: Clock;
  /** Longest wait for the issuer in milliseconds; 5,000 unless said. */
  timeoutMs?: number;
}

/** Talks to the issuer with the platform's `fetch`. One instance serves any number of issuers. */
export function createOidcClient({
  logger,
  clock,
  timeoutMs = REQUEST_TIMEOUT_MS,
}: OidcClientOptions): OidcClient {
  const keySets = new Map<string, JWTVerifyGetKey>();
  return {
    keys(jwksUrl) {
      let keySet = keySets.get(jwksUrl);
      if (!keySet) {
        keySet = createKeySet({ jwksUrl, logger, clock, timeoutMs });
        keySets.set(jwksUrl, keySet);
      }
      return keySet;
    },
    profile: (userinfoUrl, accessToken) => readProfile(userinfoUrl, accessToken, timeoutMs),
  };
}

type KeySetOptions = { jwksUrl: string; logger: Logger; clock: Clock; timeoutMs: number };

function createKeySet({ jwksUrl, logger, clock, timeoutMs }: KeySetOptions): JWTVerifyGetKey {
  let keys: JWTVerifyGetKey | undefined;
  let fetchedAt = -Infinity;
  let failedAt = -Infinity;
  let pending: Promise<void> | undefined;

  const now = () => clock.now().getTime();

  async function fetchKeys(): Promise<void> {
    try {
      keys = createLocalJWKSet(await getJson<JSONWebKeySet>(jwksUrl, timeoutMs));
      fetchedAt = now();
      failedAt = -Infinity;
    } catch (error) {
      failedAt = now();
      logger.warn({ jwksUrl, error: describe(error) }, 'the issuer keys could not be fetched');
      throw unavailable('The token cannot be checked now: the keys of its issuer cannot be fetched.', error);
    }
  }

  /** Requests that need the keys at the same moment share one fetch. */
  async function refresh(): Promise<void> {
    if (now() - failedAt < FAILURE_COOLDOWN_MS) {
      throw unavailable('The token cannot be checked now: the keys of its issuer cannot be fetched.');
    }
    pending ??= fetchKeys().finally(() => (pending = undefined));
    await pending;
  }

  async function currentKeys(): Promise<JWTVerifyGetKey> {
    const age = now() - fetchedAt;
    if (!keys || age > KEYS_STALE_LIMIT_MS) await refresh();
    else if (age > KEYS_MAX_AGE_MS) await refresh().catch(onlyUnavailable);
    // refresh() either set the keys or threw.
    return keys as JWTVerifyGetKey;
  }

  return async (header, token) => {
    const current = await currentKeys();
    try {
      return await current(header, token);
    } catch (error) {
      const mayBeRotated =
        error instanceof errors.JWKSNoMatchingKey && now() - fetchedAt >= UNKNOWN_KEY_COOLDOWN_MS;
      if (!mayBeRotated) throw error;
      await refresh();
      return await (keys as JWTVerifyGetKey)(header, token);
    }
  };
}

/** A failed refresh was logged, and older keys are at hand; anything else is a fault of ours. */
function onlyUnavailable(error: unknown): void {
  if (!(error instanceof DomainError)) throw error;
}

async function readProfile(url: string, accessToken: string, timeoutMs: number) {
  let response: Response;
  try {
    response = await fetch(url, {
      headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.ok) return (await response.json()) as Record<string, unknown>;
  } catch (error) {
    throw unavailable("The token cannot be checked now: its issuer's user profile cannot be read.", error);
  }
  if (response.status === 401 || response.status === 403) {
    throw new DomainError('unauthenticated', 'The token is not accepted by its issuer any more.', {
      extra: {
        www_authenticate: 'Bearer error="invalid_token", error_description="refused by the issuer"',
      },
    });
  }
  throw unavailable(`The token cannot be checked now: its issuer answered ${response.status}.`);
}

async function getJson<T>(url: string, timeoutMs: number): Promise<T> {
  const response = await fetch(url, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}

const unavailable = (message: string, cause?: unknown): DomainError =>
  new DomainError('not_ready', message, { retryAfterMs: FAILURE_COOLDOWN_MS, cause });

const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
};
