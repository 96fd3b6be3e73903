import type { Logger } from '../ports/logger';
import type { TenantStore } from '../ports/stores';
import type { ConversationBus } from './bus';

/** A seq is allocated before its part is stored: followers look again for so many rounds after the last allocation. */
const SETTLING_ROUNDS = 10;
/** And once in so many rounds ever after, for a writer whose database was gone for longer. */
const REMINDER_ROUNDS = 20;

/**
 * Tells this process's followers what other processes wrote: one query for each tenant a round asks how far the followed
 * conversations have come. Needed only where several processes share a database.
 */
export class RemoteWatcher {
  private readonly positions = new Map<string, { nextSeq: number; rounds: number }>();
  private timer: NodeJS.Timeout | undefined;
  private busy = false;

  constructor(
    private readonly dependencies: {
      bus: ConversationBus;
      open: (tenant: string) => Promise<TenantStore>;
      logger: Logger;
      /** Pause between rounds, milliseconds. */
      intervalMs: number;
    },
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.round(), this.dependencies.intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async round(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      const followed = byTenant(this.dependencies.bus.followed());
      if (followed.size === 0) this.positions.clear();
      for (const [tenant, ids] of followed) await this.look(tenant, ids);
    } catch (error) {
      this.dependencies.logger.warn({ err: error }, 'other processes could not be watched');
    } finally {
      this.busy = false;
    }
  }

  private async look(tenant: string, ids: string[]): Promise<void> {
    const store = await this.dependencies.open(tenant);
    for (const [id, nextSeq] of await store.conversations.positions(ids)) {
      const key = `${tenant}/${id}`;
      const known = this.positions.get(key);
      const rounds = known?.nextSeq === nextSeq ? known.rounds + 1 : 0;
      this.positions.set(key, { nextSeq, rounds });
      if (rounds <= SETTLING_ROUNDS || rounds % REMINDER_ROUNDS === 0)
        this.dependencies.bus.publish(tenant, id, { kind: 'elsewhere' });
    }
  }
}

function byTenant(followed: [string, string][]): Map<string, string[]> {
  const tenants = new Map<string, string[]>();
  for (const [tenant, id] of followed) {
    const ids = tenants.get(tenant);
    if (ids) ids.push(id);
    else tenants.set(tenant, [id]);
  }
  return tenants;
}
