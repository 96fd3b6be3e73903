import { callName } from '../agents/call-name';
import { DomainError } from '../errors';
import type { TenantStore } from '../ports/stores';

/** What the engine itself offers to models: a tool of such a name could never be called. */
const ENGINE_CALLS = new Set([
  'ask_user',
  'jedi_council',
  'get_background_sub_agent_result',
  'fetch_sub_agent_progress',
  'message_sub_agent',
]);

/** @throws DomainError `conflict` for a name that belongs to the engine */
export function refuseEngineName(name: string): void {
  if (ENGINE_CALLS.has(name))
    throw taken(`${name} is a call of the engine; choose another name.`, 'is taken by the engine');
}

/**
 * A model knows its tools and its sub-agents by name alone; of two with one name only the sub-agent could be called.
 * @throws DomainError `conflict` when one of the agents has a sub-agent of that name
 */
export async function refuseSubAgentName(
  store: TenantStore,
  name: string,
  agentIds: string[],
): Promise<void> {
  for (const id of agentIds)
    if ((await store.agents.children(id)).some((child) => callName(child.name) === name))
      throw taken(
        `An agent that gets the tool ${name} has a sub-agent of that name.`,
        'is taken by a sub-agent',
      );
}

const taken = (message: string, field: string): DomainError =>
  new DomainError('conflict', message, { errors: [{ path: 'name', message: field }] });
