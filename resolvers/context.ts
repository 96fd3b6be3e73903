import { DomainError } from '../src/errors';
import type { Principal } from '../src/ports/identity';
import type { Services } from '../src/services';

/** What every resolver gets: who asks, and what can be asked of the product. */
export interface Context {
  requestId: string;
  /** The id of what a request with an `Idempotency-Key` makes: a UUID, the same for every try. */
  operationId?: string;
  /** Null for callers without a token; only public fields answer them. */
  principal: Principal | null;
  services: Services;
  /** Aborts when the caller hangs up, for work that is of use to nobody else. Made when it is first asked for. */
  readonly signal?: AbortSignal;
  /** The tenant's Prisma client, for the Prisma plugin alone. */
  prisma: () => unknown;
}

/** @throws DomainError `unauthenticated` */
export function principalOf(context: Context): Principal {
  if (context.principal) return context.principal;
  throw new DomainError(
    'unauthenticated',
    'This needs an access token: send it as "Authorization: Bearer <token>".',
    {
      extra: { www_authenticate: 'Bearer' },
    },
  );
}
