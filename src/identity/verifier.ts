import { decodeJwt, jwtVerify, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose';
import { errors } from 'jose';
import type { IdentityConfig, OidcConfig } from '../config/environment';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { OidcClient } from '../ports/oidc';
import { scopesOf, withRoleScopes } from './claims';
import { refusalOf, unauthenticated } from './refusals';
import type { SigningKey } from './signing-key';
import { isTenantName, isUserId, OWN_TENANT_CLAIM } from './tokens';

/** Clocks of issuers and servers differ by a little. */
const CLOCK_TOLERANCE_S = 5;
/** A key that its issuer withdrew, or a profile that it changed, is noticed after this long at the latest. */
const ISSUER_RECHECK_MS = 10 * 60_000;

/** What a token proves. A machine's principal also depends on its request's headers. */
export type VerifiedToken =
  | { kind: 'principal'; principal: Principal; goodUntil: number }
  | { kind: 'machine'; tenant: string; scopes: readonly string[]; expiresAt: number; goodUntil: number };

export interface VerifierOptions {
  config: IdentityConfig;
  signingKey: SigningKey;
  oidc: OidcClient;
  clock: Clock;
}

/**
 * Makes the function that verifies one token, uncached.
 * Whose rules apply is read from the unverified claims; that is safe because those rules then verify these claims.
 * @throws DomainError `unauthenticated`, or `not_ready` when the issuer cannot be asked
 */
export function createTokenVerifier(options: VerifierOptions): (token: string) => Promise<VerifiedToken> {
  const { config } = options;
  return async (token) => {
    const claims = unverifiedClaims(token);
    if (claims.iss === config.tokenIssuer) return await verifyOwn(token, options);
    if (isClientCredentials(claims)) return await verifyMachine(token, options);
    return await verifyHuman(token, options);
  };
}

function unverifiedClaims(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch (error) {
    throw refusalOf(error);
  }
}

const isClientCredentials = ({ gty, sub }: JWTPayload): boolean =>
  gty === 'client-credentials' || (typeof sub === 'string' && sub.endsWith('@clients'));

async function verifyOwn(token: string, options: VerifierOptions): Promise<VerifiedToken> {
  const { config, signingKey, clock } = options;
  const ownKey: JWTVerifyGetKey = (header) => {
    if (header.kid !== undefined && header.kid !== signingKey.kid) throw new errors.JWKSNoMatchingKey();
    return signingKey.publicKey;
  };
  const claims = await check(token, ownKey, clock, {
    issuer: config.tokenIssuer,
    algorithms: ['EdDSA', 'Ed25519'],
  });
  const scopes = scopesOf(claims);
  const type = claims['typ'] === 'machine' ? 'machine' : 'human';
  const principal = {
    type,
    userId: userOf(claims),
    tenant: tenantOf(claims[OWN_TENANT_CLAIM]),
    scopes,
    isAdmin: type === 'human' && isAdmin(scopes, config),
    expiresAt: expiryOf(claims),
  } as const;
  return { kind: 'principal', principal: Object.freeze(principal), goodUntil: expiryOf(claims) };
}

async function verifyHuman(token: string, options: VerifierOptions): Promise<VerifiedToken> {
  const { config, oidc, clock } = options;
  const claims = await checkWith(config.human, token, options);
  const profile = config.userinfoUrl ? await oidc.profile(config.userinfoUrl, token) : {};
  // OpenID Connect Core, section 5.3.2: a profile of somebody else must not be used.
  if (config.userinfoUrl && profile['sub'] !== claims.sub) {
    throw unauthenticated("The issuer's profile belongs to another subject than the token.");
  }
  const scopes = withRoleScopes(scopesOf(claims), [claims, profile], config.claimNamespace);
  const principal = {
    type: 'human',
    userId: userOf(claims),
    tenant: tenantOf(claims[config.tenantClaim] ?? profile[config.tenantClaim]),
    scopes,
    isAdmin: isAdmin(scopes, config),
    expiresAt: expiryOf(claims),
  } as const;
  return { kind: 'principal', principal: Object.freeze(principal), goodUntil: recheckTime(claims, clock) };
}

async function verifyMachine(token: string, options: VerifierOptions): Promise<VerifiedToken> {
  const claims = await checkWith(options.config.machine, token, options);
  return {
    kind: 'machine',
    tenant: tenantOf(claims[options.config.tenantClaim]),
    scopes: scopesOf(claims),
    expiresAt: expiryOf(claims),
    goodUntil: recheckTime(claims, options.clock),
  };
}

async function checkWith(issuer: OidcConfig | undefined, token: string, options: VerifierOptions) {
  if (!issuer) throw unauthenticated('The token is from an issuer that this server does not know.');
  return await check(token, options.oidc.keys(issuer.jwksUrl), options.clock, {
    issuer: issuer.issuer,
    audience: issuer.audience,
    algorithms: [...options.config.algorithms],
  });
}

async function check(token: string, key: JWTVerifyGetKey, clock: Clock, rules: JWTVerifyOptions) {
  try {
    const { payload } = await jwtVerify(token, key, {
      ...rules,
      requiredClaims: ['exp', 'sub'],
      currentDate: clock.now(),
      clockTolerance: CLOCK_TOLERANCE_S,
    });
    return payload;
  } catch (error) {
    throw refusalOf(error);
  }
}

function userOf({ sub }: JWTPayload): string {
  if (!isUserId(sub)) throw unauthenticated("The token's claim sub is not a user id.");
  return sub;
}

function tenantOf(value: unknown): string {
  if (value === undefined || value === null || value === '')
    throw unauthenticated('The token has no tenant claim.');
  if (!isTenantName(value)) throw unauthenticated("The token's tenant claim is not a tenant name.");
  return value;
}

const isAdmin = (scopes: readonly string[], { adminScopes }: IdentityConfig): boolean =>
  scopes.some((scope) => adminScopes.includes(scope));

const expiryOf = ({ exp = 0 }: JWTPayload): number => (exp + CLOCK_TOLERANCE_S) * 1_000;

const recheckTime = (claims: JWTPayload, clock: Clock): number =>
  Math.min(expiryOf(claims), clock.now().getTime() + ISSUER_RECHECK_MS);
