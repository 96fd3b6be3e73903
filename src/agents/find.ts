import type { AgentRecord } from '../ports/records';
import type { Projection, TenantStore } from '../ports/stores';

/** An agent by its id, or by its name, which is unique in the tenant. Deleted agents are found by id. */
export async function findAgent(
  store: TenantStore,
  reference: string,
  projection?: Projection,
): Promise<AgentRecord | null> {
  const byId = await store.agents.find(reference, projection);
  if (byId) return byId;
  const named = await store.agents.findByName(reference);
  return named && projection ? store.agents.find(named.id, projection) : named;
}
