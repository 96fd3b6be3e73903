import { invalid } from '../errors';
import type { AgentStore } from '../ports/stores';
import { AGENT_LIMITS } from './defaults';

/**
 * Refuses a link that would let an agent call itself in the end, or nest deeper than the limit.
 * @throws DomainError `validation_failed`
 */
export async function assertMayLink(agents: AgentStore, parentId: string, childId: string): Promise<void> {
  const links = await agents.links();
  const parentsOf = group(links, 'childId', 'parentId');
  const childrenOf = group(links, 'parentId', 'childId');
  if (parentId === childId || reaches(childrenOf, childId, parentId))
    throw invalid(
      'parent_id',
      `agent ${parentId} cannot have ${childId} as a sub-agent: that would be a cycle`,
    );
  const depth = height(parentsOf, parentId) + 1 + height(childrenOf, childId);
  if (depth > AGENT_LIMITS.depth)
    throw invalid(
      'parent_id',
      `sub-agents nest at most ${AGENT_LIMITS.depth} levels deep; this would be level ${depth}`,
    );
}

type Edges = Map<string, string[]>;

function group<K extends string>(links: Record<K, string>[], by: K, value: K): Edges {
  const edges: Edges = new Map();
  for (const link of links) {
    const list = edges.get(link[by]);
    if (list) list.push(link[value]);
    else edges.set(link[by], [link[value]]);
  }
  return edges;
}

function reaches(edges: Edges, from: string, to: string, seen = new Set<string>()): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return (edges.get(from) ?? []).some((next) => reaches(edges, next, to, seen));
}

/** Longest path from `id` along `edges`; `visiting` guards against cycles of older data. */
function height(edges: Edges, id: string, visiting = new Set<string>()): number {
  if (visiting.has(id)) return 0;
  visiting.add(id);
  const heights = (edges.get(id) ?? []).map((next) => height(edges, next, visiting) + 1);
  visiting.delete(id);
  return Math.max(0, ...heights);
}
