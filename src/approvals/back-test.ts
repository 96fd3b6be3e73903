import { invalid } from '../errors';
import type { Clock } from '../ports/clock';
import type { TenantStore } from '../ports/stores';
import type { ApprovalRecord } from '../ports/tools';
import { approves, type CheckedRule, type PolicyRule } from './rule';

const DEFAULT_DAYS = 30;
const DAY_MS = 86_400_000;
/** Past decisions that are looked at, the latest ones first. */
const MOST_DECISIONS = 10_000;
const PAGE = 500;
/** Examples of each kind that are answered. */
const MOST_EXAMPLES = 100;

export interface BackTestInput extends PolicyRule {
  /** Only decisions since then; 30 days ago unless said. */
  since?: Date | null;
}

export interface BackTest {
  since: Date;
  /** Human decisions on the rule's tools in the window. */
  considered: number;
  /** True when there were more of them than are looked at. */
  truncated: boolean;
  /** How many of them the rule would have approved by itself. */
  wouldApprove: number;
  /** Those of them that a human approved as they were. */
  agreedWithHuman: number;
  wouldHaveApprovedDeniedCount: number;
  /** The latest calls that a human denied and the rule would have let through. */
  wouldHaveApprovedDenied: ApprovalRecord[];
  wouldHaveApprovedModifiedCount: number;
  /** The latest calls that a human changed and the rule would have let through unchanged. */
  wouldHaveApprovedModified: ApprovalRecord[];
  missedCount: number;
  /** The latest calls that a human approved as they were and the rule would still ask for. */
  missed: ApprovalRecord[];
}

/**
 * Says what a rule would have done with what humans decided: nothing is stored or changed.
 * @throws DomainError `validation_failed` naming `since` when it is in the future
 */
export async function backTest(
  store: TenantStore,
  rule: CheckedRule,
  start: Date | undefined,
  clock: Clock,
): Promise<BackTest> {
  const now = clock.now();
  const since = start ?? new Date(now.getTime() - DEFAULT_DAYS * DAY_MS);
  if (since > now) throw invalid('since', 'must not be in the future');
  const { decisions, truncated } = await humanDecisions(store, rule, since);
  return { since, truncated, considered: decisions.length, ...compare(rule, decisions) };
}

async function humanDecisions(
  store: TenantStore,
  rule: CheckedRule,
  since: Date,
): Promise<{ decisions: ApprovalRecord[]; truncated: boolean }> {
  const decisions: ApprovalRecord[] = [];
  const filter = { decidedSince: since };
  let after: { at: Date; id: string } | undefined;
  for (let seen = 0; seen < MOST_DECISIONS; seen += PAGE) {
    const rows = await store.approvals.list(filter, { limit: PAGE, after });
    decisions.push(...rows.filter((row) => isComparable(row, rule)));
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return { decisions, truncated: false };
    after = { at: last.createdAt, id: last.id };
  }
  return { decisions, truncated: true };
}

const isComparable = ({ kind, status, toolName, agentId }: ApprovalRecord, rule: CheckedRule): boolean =>
  kind === 'tool' &&
  (status === 'approved' || status === 'denied') &&
  rule.toolNames.includes(toolName) &&
  (rule.agentIds.length === 0 || rule.agentIds.includes(agentId));

function compare(
  rule: CheckedRule,
  decisions: ApprovalRecord[],
): Omit<BackTest, 'since' | 'considered' | 'truncated'> {
  const approved = decisions.filter((decision) => approves(rule, decision));
  const denied = approved.filter(({ status }) => status === 'denied');
  const modified = approved.filter(
    ({ status, modifiedArguments }) => status === 'approved' && modifiedArguments !== null,
  );
  const missed = decisions.filter(
    (decision) =>
      decision.status === 'approved' && decision.modifiedArguments === null && !approves(rule, decision),
  );
  return {
    wouldApprove: approved.length,
    agreedWithHuman: approved.length - denied.length - modified.length,
    wouldHaveApprovedDeniedCount: denied.length,
    wouldHaveApprovedDenied: denied.slice(0, MOST_EXAMPLES),
    wouldHaveApprovedModifiedCount: modified.length,
    wouldHaveApprovedModified: modified.slice(0, MOST_EXAMPLES),
    missedCount: missed.length,
    missed: missed.slice(0, MOST_EXAMPLES),
  };
}
