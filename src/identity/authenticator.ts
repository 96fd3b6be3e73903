import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Config, IdentityConfig } from '../config/environment';
import { DomainError } from '../errors';
import type { Clock } from '../ports/clock';
import type { Authenticator, Credentials, Principal } from '../ports/identity';
import type { Logger } from '../ports/logger';
import type { OidcClient } from '../ports/oidc';
import { insufficientScope, refusalOf, unauthenticated } from './refusals';
import type { SigningKey } from './signing-key';
import { isUserId } from './tokens';
import { createTokenVerifier, type VerifiedToken } from './verifier';

/** A token costs a signature check of 50 to 300 microseconds once, and a digest afterwards. */
const CACHED_TOKENS = 10_000;
/** Real tokens are one or two KiB; what is longer is not worth a digest. */
const MAX_TOKEN_LENGTH = 16_384;

export interface AuthenticatorOptions {
  config: Pick<Config, 'identity'>;
  signingKey: SigningKey;
  /** `createOidcClient()` of src/adapters/oidc; asked only when an issuer is configured. */
  oidc: OidcClient;
  logger: Logger;
  clock: Clock;
}

/** Verifies who asks: by an issuer's token, by a token of this deployment, or as the development user. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { signingKey, oidc, clock, logger } = options;
  const config = options.config.identity;
  const verify = createTokenVerifier({ config, signingKey, oidc, clock });
  const verified = new LRUCache<string, VerifiedToken>({ max: CACHED_TOKENS });
  const inFlight = new Map<string, Promise<VerifiedToken>>();
  const devPrincipal = config.devPrincipal && developer(config.devPrincipal, config.adminScopes);

  async function verifyOnce(token: string, digest: string): Promise<VerifiedToken> {
    try {
      const result = await verify(token);
      verified.set(digest, result);
      return result;
    } catch (error) {
      verified.delete(digest);
      throw loggedRefusal(error, logger);
    } finally {
      inFlight.delete(digest);
    }
  }

  /** A burst of requests with a new token is one verification (and at most one call to the issuer). */
  function verifyShared(token: string, digest: string): Promise<VerifiedToken> {
    let pending = inFlight.get(digest);
    if (!pending) {
      pending = verifyOnce(token, digest);
      inFlight.set(digest, pending);
    }
    return pending;
  }

  return {
    async authenticate(credentials) {
      if (credentials.authorization === undefined) {
        if (devPrincipal) return devPrincipal;
        throw unauthenticated('A bearer token is required.');
      }
      const token = bearerToken(credentials.authorization);
      const digest = hash('sha256', token, 'base64');
      const known = verified.get(digest);
      const isFresh = known !== undefined && known.goodUntil > clock.now().getTime();
      return principalOf(isFresh ? known : await verifyShared(token, digest), credentials, config);
    },
    jwks: () => Promise.resolve({ keys: [signingKey.publicJwk] }),
  };
}

function bearerToken(authorization: string): string {
  const [, token] = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization) ?? [];
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) {
    throw unauthenticated('The Authorization header must be "Bearer" and one token.');
  }
  return token;
}

/** Machines act for a user that they name in headers, which therefore are judged anew on every request. */
function principalOf(token: VerifiedToken, credentials: Credentials, config: IdentityConfig): Principal {
  if (token.kind === 'principal') return token.principal;
  const { sncTenant, sncUserid } = credentials;
  if (!sncTenant) throw unauthenticated('A machine token needs the header snc-tenant.');
  if (!isUserId(sncUserid)) throw unauthenticated('A machine token needs the header snc-userid.');
  if (sncTenant !== token.tenant) {
    throw new DomainError('forbidden', 'The header snc-tenant names another tenant than the token.');
  }
  const required = config.machineRequiredScope;
  if (required !== undefined && !token.scopes.includes(required)) throw insufficientScope(required);
  const { tenant, scopes, expiresAt } = token;
  return { type: 'machine', userId: sncUserid, tenant, scopes, isAdmin: false, expiresAt };
}

const developer = (dev: { tenant: string; userId: string }, scopes: readonly string[]): Principal =>
  Object.freeze({ type: 'local_dev', userId: dev.userId, tenant: dev.tenant, scopes, isAdmin: true });

function loggedRefusal(error: unknown, logger: Logger): unknown {
  const refusal = refusalOf(error);
  if (!(refusal instanceof DomainError)) return refusal;
  if (refusal.code === 'unauthenticated') logger.debug({ reason: refusal.message }, 'token refused');
  return refusal;
}
