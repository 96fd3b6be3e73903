/** Reading scopes and roles out of verified claims, in the several shapes that issuers give them. */
type Claims = Record<string, unknown>;

/** The scope that an issuer's role (or `permissionType`) of `admin` stands for. */
const ADMIN_SCOPE = 'agentflow:admin';
const ROLE_CLAIMS = ['role', 'roles', 'permissionType'];

const textsOf = (value: unknown): string[] => {
  if (typeof value === 'string') return value.split(' ').filter(Boolean);
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
};

/** Unlike scopes, a role may hold spaces: `no admin` is one role, and not `admin`. */
const rolesOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

/** @returns the scopes of `scope` (OAuth) and `permissions` (Auth0's role-based access), each once */
export const scopesOf = (claims: Claims): readonly string[] =>
  Object.freeze([...new Set([...textsOf(claims['scope']), ...textsOf(claims['permissions'])])]);

/**
 * Adds the administrator's scope for a role `admin`.
 * @param sources the token's claims and the issuer's profile; never data that users edit themselves
 * @param namespace prefix of custom claims; issuers that need none may leave it away
 */
export function withRoleScopes(
  scopes: readonly string[],
  sources: readonly Claims[],
  namespace: string,
): readonly string[] {
  const names = ROLE_CLAIMS.flatMap((claim) => [claim, namespace + claim]);
  const isAdmin = sources.some((source) => names.some((name) => rolesOf(source[name]).includes('admin')));
  return isAdmin ? Object.freeze([...new Set([...scopes, ADMIN_SCOPE])]) : scopes;
}
