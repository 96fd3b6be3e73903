import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { TENANT_NAME } from '../config/environment';
import { invalid } from '../errors';
import type { Clock } from '../ports/clock';
import type { SigningKey } from './signing-key';

/** Fixed, unlike an external issuer's claim: whoever mints a token needs no more than the key. */
export const OWN_TENANT_CLAIM = 'https://agentflow/tenant';

/** Long enough for any issuer's subject, short enough to be an index key. */
const USER_ID = /^[^\p{Cc}]{1,256}$/u;
/** RFC 6749, section 3.3. */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

export interface TokenRequest {
  tenant: string;
  userId: string;
  scopes: readonly string[];
  ttlMs: number;
  /** A machine token is counted apart and is never an administrator's. */
  type: 'human' | 'machine';
}

export interface TokenIssuer {
  signingKey: SigningKey;
  /** `AGENTFLOW_TOKEN_ISSUER` */
  issuer: string;
  clock: Clock;
}

export const isTenantName = (value: unknown): value is string =>
  typeof value === 'string' && TENANT_NAME.test(value);

export const isUserId = (value: unknown): value is string =>
  typeof value === 'string' && USER_ID.test(value) && value.trim() !== '';

/** @throws DomainError `validation_failed` naming `tenant`, `user`, `scopes` or `ttl` */
export function checkTokenRequest({ tenant, userId, scopes, ttlMs }: TokenRequest): void {
  if (!isTenantName(tenant)) {
    throw invalid('tenant', 'must be 1 to 63 of a-z, 0-9 and -, and not begin with -');
  }
  if (!isUserId(userId)) throw invalid('user', 'must be 1 to 256 characters without control characters');
  const badScope = scopes.find((scope) => !SCOPE.test(scope));
  if (badScope !== undefined) throw invalid('scopes', `${JSON.stringify(badScope)} is not a scope`);
  if (!(ttlMs >= 1_000)) throw invalid('ttl', 'must be at least one second');
}

/**
 * Mints a token of this deployment: a JWT signed with Ed25519.
 * @throws DomainError `validation_failed` as `checkTokenRequest` does
 */
export async function issueToken(
  request: TokenRequest,
  { signingKey, issuer, clock }: TokenIssuer,
): Promise<string> {
  checkTokenRequest(request);
  const { tenant, userId, scopes, ttlMs, type } = request;
  const issuedAt = Math.floor(clock.now().getTime() / 1_000);
  return await new SignJWT({ [OWN_TENANT_CLAIM]: tenant, scope: scopes.join(' '), typ: type })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid: signingKey.kid })
    .setIssuer(issuer)
    .setSubject(userId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.floor(ttlMs / 1_000))
    .setJti(randomUUID())
    .sign(signingKey.privateKey);
}
