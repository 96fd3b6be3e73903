import { findAgent } from '../agents/find';
import { DomainError, invalid } from '../errors';
import { assertPerson } from '../identity/access';
import type { Principal } from '../ports/identity';
import type { JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ApprovalPolicyRecord, PolicyCondition } from '../ports/tools';
import { checkConditions, type ConditionInput, holdAll } from './conditions';

const MOST_TOOLS = 100;
const MOST_AGENTS = 100;

export interface PolicyRule {
  toolNames: string[];
  /** Ids or names; absent or empty for all. */
  agentIds?: string[] | null;
  conditions?: ConditionInput[] | null;
}

/** A call that is about to be gated. */
export interface GatedCall {
  toolName: string;
  agentId: string;
  arguments: JsonValue;
}

/** What is stored was checked when it was written. */
export const conditionsOf = (policy: Pick<ApprovalPolicyRecord, 'conditions'>): PolicyCondition[] =>
  policy.conditions as unknown as PolicyCondition[];

export type CheckedRule = Pick<ApprovalPolicyRecord, 'toolNames' | 'agentIds' | 'conditions'>;

export const approves = (rule: CheckedRule, call: GatedCall): boolean =>
  rule.toolNames.includes(call.toolName) &&
  (rule.agentIds.length === 0 || rule.agentIds.includes(call.agentId)) &&
  holdAll(conditionsOf(rule), call.arguments);

/** @throws DomainError `forbidden` */
export function refuseMembers(principal: Principal): void {
  assertPerson(principal, 'change approval policies');
  if (!principal.isAdmin) throw new DomainError('forbidden', 'Approval policies need the admin scope.');
}

/**
 * A rule with the ids of its agents.
 * @param kept tools and agents that are not looked up again: they may be gone since, which is no reason to refuse a change
 * @throws DomainError `validation_failed` naming the unknown tool or agent, or the bad condition
 */
export async function checkRule(
  store: TenantStore,
  rule: PolicyRule,
  kept: Pick<CheckedRule, 'toolNames' | 'agentIds'> = { toolNames: [], agentIds: [] },
): Promise<CheckedRule> {
  const conditions = checkConditions(rule.conditions ?? []);
  const { toolNames } = rule;
  const references = rule.agentIds ?? [];
  if (toolNames.length === 0 || toolNames.length > MOST_TOOLS)
    throw invalid('tool_names', `must have 1 to ${MOST_TOOLS} names, has ${toolNames.length}`);
  if (references.length > MOST_AGENTS)
    throw invalid('agent_ids', `must have at most ${MOST_AGENTS} agents, has ${references.length}`);
  for (const [index, name] of toolNames.entries())
    if (!kept.toolNames.includes(name) && !(await store.tools.findByName(name)))
      throw invalid(`tool_names.${index}`, `there is no tool named ${name}`);
  const agentIds: string[] = [];
  for (const [index, reference] of references.entries()) {
    const agent = kept.agentIds.includes(reference) ? { id: reference } : await findAgent(store, reference);
    if (!agent) throw invalid(`agent_ids.${index}`, `there is no agent ${reference}`);
    agentIds.push(agent.id);
  }
  return {
    toolNames: [...new Set(toolNames)],
    agentIds: [...new Set(agentIds)],
    conditions: conditions as unknown as JsonValue,
  };
}
