import type { JWTVerifyGetKey } from 'jose';

/** What this server asks of an OpenID Connect issuer over the network. */
export interface OidcClient {
  /**
   * The issuer's public keys, cached; an unknown key id leads to a new look, so that rotated keys are found.
   * The returned lookup throws `DomainError not_ready` (503) when the keys cannot be had, and jose's
   * `JWKSNoMatchingKey` when they can but none fits.
   */
  keys(jwksUrl: string): JWTVerifyGetKey;

  /**
   * Reads the profile that belongs to an access token.
   * @throws DomainError `unauthenticated` when the issuer refuses the token, `not_ready` when it does not answer
   */
  profile(userinfoUrl: string, accessToken: string): Promise<Record<string, unknown>>;
}
