import type { Clock } from '../ports/clock';
import type { Logger } from '../ports/logger';
import type { TenantStore } from '../ports/stores';

export const CLEAN_UP = 'conversations.clean-up';

/** A deletion that takes longer was interrupted. Milliseconds. */
const INTERRUPTED_AFTER_MS = 60_000;
const BATCH = 100;

export interface CleanUpDependencies {
  tenants: () => Promise<string[]>;
  open: (tenant: string) => Promise<TenantStore>;
  clock: Clock;
  logger: Logger;
}

/** Finishes deletions of conversations that a crash interrupted. */
export async function cleanUpConversations({
  tenants,
  open,
  clock,
  logger,
}: CleanUpDependencies): Promise<void> {
  const before = new Date(clock.now().getTime() - INTERRUPTED_AFTER_MS);
  for (const tenant of await tenants()) {
    const store = await open(tenant);
    const ids = await store.conversations.deletedBefore(before, BATCH);
    for (const id of ids) await store.conversations.remove(id);
    if (ids.length > 0) logger.info({ tenant, conversations: ids.length }, 'interrupted deletions finished');
  }
}
