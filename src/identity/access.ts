import { DomainError } from '../errors';
import type { Principal } from '../ports/identity';

/** Who made what comes with the product. A person of that name made none of it. */
export const PRODUCT = 'system';

/** What a member made for the whole tenant; without a maker it is the admins' alone. */
export interface Made {
  createdBy?: string | null;
}

/** Whether the principal made it, or administers the tenant. */
export const mayGovern = (principal: Principal, { createdBy }: Made): boolean =>
  principal.isAdmin || (createdBy !== PRODUCT && !!createdBy && createdBy === principal.userId);

/**
 * The one rule for what members share: anybody of the tenant makes and uses it; deleting it, and loosening what guards it,
 * is for its maker and for admins.
 * @param what it is and its name: `Tool pay`
 * @param doing what is refused, such as `deleting it`
 * @throws DomainError `forbidden`
 */
export function assertMaker(principal: Principal, made: Made, what: string, doing: string): void {
  if (mayGovern(principal, made)) return;
  throw new DomainError(
    'forbidden',
    `${what} was made by somebody else: ${doing} needs its maker or the admin scope.`,
  );
}

/**
 * Decisions that are there because a person must take them.
 * @param doing what is refused, such as `decide approvals`
 * @throws DomainError `forbidden` for a machine, whatever its scopes
 */
export function assertPerson(principal: Principal, doing: string): void {
  if (principal.type !== 'machine') return;
  throw new DomainError('forbidden', `A machine principal never may ${doing}; a person of the tenant must.`);
}
