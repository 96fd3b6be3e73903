export type PrincipalType = 'human' | 'machine' | 'local_dev';

/** Who asks, verified. Tenant and user come only from here, never from a body or a query. */
export interface Principal {
  type: PrincipalType;
  userId: string;
  /** `^[a-z0-9][a-z0-9-]{0,62}$` */
  tenant: string;
  scopes: readonly string[];
  /** A human (or the local developer) whose scopes hold one of `AGENTFLOW_ADMIN_SCOPES`; machines never are. */
  isAdmin: boolean;
  /** When the token ends, and with it the event streams that it opened. Milliseconds since 1970; undefined: never. */
  expiresAt?: number;
}

/** The request headers that identify a caller; names are lower-case. */
export interface Credentials {
  authorization?: string;
  sncTenant?: string;
  sncUserid?: string;
}

export interface Authenticator {
  /** @throws DomainError `unauthenticated` (with `details.extra.www_authenticate`) or `forbidden` (missing M2M scope). */
  authenticate(credentials: Credentials): Promise<Principal>;
  /** The deployment's public signing keys, for `/.well-known/jwks.json`. */
  jwks(): Promise<{ keys: object[] }>;
}
