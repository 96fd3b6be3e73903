import type { Clock } from '../ports/clock';
import type { AgentRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';

/** How long another process's change of an agent may go unnoticed; changes of this process are seen at once. */
const FRESH_MS = 2_000;
const MOST_AGENTS = 10_000;

/** Agents as runs need them: read far more often than changed. */
export class AgentCache {
  private readonly agents = new Map<string, { agent: AgentRecord | null; until: number }>();

  constructor(private readonly clock: Clock) {}

  async find(store: TenantStore, id: string): Promise<AgentRecord | null> {
    const key = keyOf(store.tenant, id);
    const now = this.clock.now().getTime();
    const cached = this.agents.get(key);
    if (cached && cached.until > now) return cached.agent;
    const agent = await store.agents.find(id);
    // Unknown ids are not remembered: guesses of strangers must not fill the cache.
    if (agent) {
      if (this.agents.size >= MOST_AGENTS) this.agents.clear();
      this.agents.set(key, { agent, until: now + FRESH_MS });
    }
    return agent;
  }

  forget(tenant: string, id: string): void {
    this.agents.delete(keyOf(tenant, id));
  }
}

const keyOf = (tenant: string, id: string): string => `${tenant}/${id}`;
