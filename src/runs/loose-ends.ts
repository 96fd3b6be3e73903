import type { Clock } from '../ports/clock';
import type { RunRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ToolCallRecord } from '../ports/tools';
import { cancelledPart, endPart } from './events';
import { OPEN_CALL_STATUSES, type Receipt, receiptChanges } from './ledger';
import type { PartDraft } from './log';

/**
 * Ends what a tree of runs leaves open when its root is cancelled or fails: requests to humans are withdrawn, calls get the
 * receipt `cancelled`, runs of sub-agents end. Safe to repeat.
 * @returns the parts that show it, inner ones first
 */
export async function tieLooseEnds(
  store: TenantStore,
  root: RunRecord,
  reason: string,
  clock: Clock,
): Promise<PartDraft[]> {
  const at = clock.now();
  const calls = await store.toolCalls.ofTree(root.id, OPEN_CALL_STATUSES);
  const drafts: PartDraft[] = [];
  for (const approval of await store.approvals.pendingOf(root.id)) {
    const cancelled = await store.approvals.decide(approval.id, {
      status: 'cancelled',
      reason,
      decidedAt: at,
    });
    const call = calls.find(({ id }) => id === approval.toolCallId);
    if (cancelled && call)
      drafts.push({
        ...(await placeOf(store, root, call)),
        type: 'approval_cancelled',
        content: { id: approval.id, tool_name: approval.toolName, reason },
      });
  }
  for (const question of await store.questions.pendingOf(root.id))
    await store.questions.decide(question.id, { status: 'cancelled', answeredAt: at });
  for (const call of calls)
    await store.toolCalls.transition(
      call.id,
      OPEN_CALL_STATUSES,
      receiptChanges(cancelledReceipt(reason), at),
    );
  for (const child of await store.runs.activeChildren(root.id))
    drafts.push(...(await endChild(store, child, reason, at)));
  return drafts;
}

async function endChild(
  store: TenantStore,
  child: RunRecord,
  reason: string,
  at: Date,
): Promise<PartDraft[]> {
  const ended = await store.runs.transition(child.id, [child.status], {
    status: 'cancelled',
    cancelReason: reason,
    finishReason: 'cancelled',
    finishedAt: at,
  });
  if (!ended) return [];
  return [
    cancelledPart(child, reason),
    endPart(child, { text: child.text ?? '', finishReason: 'cancelled', usage: child }),
  ];
}

async function placeOf(
  store: TenantStore,
  root: RunRecord,
  call: ToolCallRecord,
): Promise<Partial<PartDraft>> {
  const run = call.runId === root.id ? root : await store.runs.find(call.runId);
  return {
    runId: call.runId,
    agentId: call.agentId,
    callId: call.id,
    parentCallId: call.id === run?.callId ? run.parentCallId : (run?.callId ?? null),
    rootCallId: root.rootCallId,
  };
}

const cancelledReceipt = (reason: string): Receipt => ({
  status: 'cancelled',
  error: { code: 'cancelled', message: reason },
  shown: `The call was cancelled: ${reason}`,
});
