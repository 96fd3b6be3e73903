import type { Clock } from '../ports/clock';
import type { AgentRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import { findAgent } from './find';

/** How long another process's change of an agent may go unnoticed; changes of this process are seen at once. */
const FRESH_MS = 2_000;
const MOST_AGENTS = 10_000;

/** Agents as runs need them: read far more often than changed. */
export class AgentCache {
  private readonly agents = new Map<string, { agent: AgentRecord | null; until: number }>();

  constructor(private readonly clock: Clock) {}

  /** @param reference the agent's id or name */
  async find(store: TenantStore, reference: string): Promise<AgentRecord | null> {
    const key = keyOf(store.tenant, reference);
    const now = this.clock.now().getTime();
    const cached = this.agents.get(key);
    if (cached && cached.until > now) return cached.agent;
    const agent = await findAgent(store, reference);
    // Unknown ids are not remembered: guesses of strangers must not fill the cache.
    if (agent) {
      if (this.agents.size >= MOST_AGENTS) this.agents.clear();
      this.agents.set(key, { agent, until: now + FRESH_MS });
    }
    return agent;
  }

  forget(tenant: string, id: string): void {
    for (const [key, { agent }] of this.agents)
      if (agent?.id === id && key.startsWith(keyOf(tenant, ''))) this.agents.delete(key);
  }
}

const keyOf = (tenant: string, id: string): string => `${tenant}/${id}`;
