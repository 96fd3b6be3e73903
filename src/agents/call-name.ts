import { DomainError } from '../errors';
import type { TenantStore } from '../ports/stores';

const CALL_NAME_CHARACTERS = 64;

/** The name by which a model calls an agent: agents may have names that models cannot call. */
export const callName = (agentName: string): string =>
  agentName.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, CALL_NAME_CHARACTERS);

/**
 * A model knows its tools and its sub-agents by name alone; of two with one name only the sub-agent could be called.
 * @throws DomainError `conflict` when one of the parents has a tool of that name
 */
export async function refuseToolName(store: TenantStore, name: string, parentIds: string[]): Promise<void> {
  for (const id of parentIds)
    if ((await store.tools.ofAgent(id)).some((tool) => tool.name === callName(name)))
      throw new DomainError(
        'conflict',
        `The parent has a tool named ${callName(name)}; choose another name.`,
        {
          errors: [{ path: 'name', message: 'is taken by a tool of the parent' }],
        },
      );
}
