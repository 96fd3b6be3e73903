import { DomainError } from '../errors';
import type { Principal } from '../ports/identity';

/** Whose approvals and questions: the caller's own, or everybody's, which needs the admin scope. */
export type HumanScope = 'mine' | 'tenant';

/**
 * The user whose rows are meant; undefined for everybody's.
 * @throws DomainError `forbidden` when everybody's are asked for without the admin scope
 */
export function requesterIn(principal: Principal, scope: HumanScope | null | undefined): string | undefined {
  if (scope !== 'tenant') return principal.userId;
  if (!principal.isAdmin)
    throw new DomainError(
      'forbidden',
      'The scope tenant needs the admin scope; without it only your own runs are meant.',
    );
  return undefined;
}

/** Own ones, and for admins the tenant's. */
export const maySee = (principal: Principal, row: { requestedBy: string }): boolean =>
  row.requestedBy === principal.userId || principal.isAdmin;
