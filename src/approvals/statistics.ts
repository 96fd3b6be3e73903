import { notFound } from '../errors';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { TenantStore } from '../ports/stores';
import type { ApprovalFilter, ApprovalStatus } from '../ports/tools';
import { type HumanScope, requesterIn } from './scope';

/** Decisions that the median is taken over: the latest ones, so that its cost has a bound. */
const MEDIAN_DECISIONS = 10_000;
const MS_PER_SECOND = 1_000;

export interface ApprovalCounts extends Record<ApprovalStatus, number> {
  total: number;
  /** Approved ones among those approved or denied, 0 to 1; null without any. */
  approvalRate: number | null;
}

export interface ToolApprovalCounts extends ApprovalCounts {
  toolId: string | null;
  toolName: string;
}

export interface ToolApprovalStats extends ToolApprovalCounts {
  medianDecisionSeconds: number | null;
}

export interface ApprovalSummary extends ApprovalCounts {
  medianDecisionSeconds: number | null;
  byTool: ToolApprovalCounts[];
  oldestPendingAt: Date | null;
}

/** Counts of approvals: the caller's own, or with `scope: tenant` an admin's tenant's. */
export class ApprovalStatistics {
  constructor(
    private readonly dependencies: { open: (tenant: string) => Promise<TenantStore>; clock: Clock },
  ) {}

  /**
   * @param reference id or name of the tool; one that was removed still has its past
   * @throws DomainError `not_found` for a tool that neither exists nor was ever gated
   */
  async ofTool(
    principal: Principal,
    reference: string,
    scope?: HumanScope | null,
  ): Promise<ToolApprovalStats> {
    const store = await this.dependencies.open(principal.tenant);
    const base = requesterFilter(principal, scope);
    const tool = (await store.tools.find(reference)) ?? (await store.tools.findByName(reference));
    const identity = tool ? { toolId: tool.id } : { toolId: reference };
    let filter: ApprovalFilter = { ...base, ...identity };
    let rows = await store.approvals.counts(filter);
    if (!tool && rows.length === 0) {
      filter = { ...base, toolName: reference };
      rows = await store.approvals.counts(filter);
      if (rows.length === 0) throw notFound('Tool', reference);
    }
    return {
      toolId: tool?.id ?? rows[0]!.toolId,
      toolName: tool?.name ?? rows[0]!.toolName,
      ...sum(rows),
      medianDecisionSeconds: median(await store.approvals.decisionTimes(filter, MEDIAN_DECISIONS)),
    };
  }

  async summary(principal: Principal, scope?: HumanScope | null): Promise<ApprovalSummary> {
    const store = await this.dependencies.open(principal.tenant);
    const filter = requesterFilter(principal, scope);
    const [rows, times, oldestPendingAt] = await Promise.all([
      store.approvals.counts(filter),
      store.approvals.decisionTimes(filter, MEDIAN_DECISIONS),
      store.approvals.oldestPending({ ...filter, aliveAt: this.dependencies.clock.now() }),
    ]);
    return { ...sum(rows), medianDecisionSeconds: median(times), byTool: byTool(rows), oldestPendingAt };
  }
}

const requesterFilter = (principal: Principal, scope?: HumanScope | null): ApprovalFilter => {
  const requestedBy = requesterIn(principal, scope);
  return requestedBy === undefined ? {} : { requestedBy };
};

interface CountRow {
  toolId: string | null;
  toolName: string;
  status: ApprovalStatus;
  count: number;
}

function sum(rows: CountRow[]): ApprovalCounts {
  const counts = { total: 0, pending: 0, approved: 0, denied: 0, expired: 0, cancelled: 0 };
  for (const { status, count } of rows) {
    counts[status] += count;
    counts.total += count;
  }
  const decided = counts.approved + counts.denied;
  return { ...counts, approvalRate: decided === 0 ? null : counts.approved / decided };
}

/** One entry for each tool, the most gated first. */
function byTool(rows: CountRow[]): ToolApprovalCounts[] {
  const groups = new Map<string, CountRow[]>();
  for (const row of rows) {
    const key = row.toolId ?? `name ${row.toolName}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()]
    .map((group) => ({ toolId: group[0]!.toolId, toolName: group[0]!.toolName, ...sum(group) }))
    .sort((a, b) => b.total - a.total || (a.toolName < b.toolName ? -1 : 1));
}

/** The middle of the times, or the mean of the two middle ones. @param times milliseconds @returns seconds */
export function median(times: number[]): number | null {
  if (times.length === 0) return null;
  const sorted = times.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const value = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return value / MS_PER_SECOND;
}
