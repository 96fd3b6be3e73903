import type { ApprovalRecord, QuestionRecord } from '../ports/tools';
import type { TenantStore } from '../ports/stores';
import type { Clock } from '../ports/clock';
import type { Logger } from '../ports/logger';
import type { HumanBus } from './bus';

/** Goes on with the tree of runs that waited; must be safe to repeat. */
export type OnDecided = (store: TenantStore, rootRunId: string) => Promise<void>;

export interface QuestionDecider {
  clock: Clock;
  logger: Logger;
  onDecided: OnDecided;
}

export interface Decider extends QuestionDecider {
  bus: HumanBus;
}

/** True when the time of something that still waits has run out. */
export const isOverdue = (row: { status: string; expiresAt: Date | null }, now: Date): boolean =>
  row.status === 'pending' && row.expiresAt !== null && row.expiresAt.getTime() <= now.getTime();

/** Decides once: null when somebody else did before. Then tells subscribers and the run. */
export async function decideApproval(
  decider: Decider,
  store: TenantStore,
  approval: ApprovalRecord,
  changes: Partial<ApprovalRecord>,
): Promise<ApprovalRecord | null> {
  const at = decider.clock.now();
  const decided = await store.approvals.decide(approval.id, { ...changes, decidedAt: at });
  if (!decided) return null;
  const { status, toolName, decidedBy } = decided;
  decider.logger.info({ approvalId: decided.id, status, toolName, decidedBy }, 'approval resolved');
  decider.bus.publish(store.tenant, { kind: 'resolved', approval: decided });
  await goOn(decider, store, decided.rootRunId);
  return decided;
}

/** The same for questions. */
export async function decideQuestion(
  decider: QuestionDecider,
  store: TenantStore,
  question: QuestionRecord,
  changes: Partial<QuestionRecord>,
): Promise<QuestionRecord | null> {
  const decided = await store.questions.decide(question.id, changes);
  if (!decided) return null;
  decider.logger.info({ questionId: decided.id, status: decided.status }, 'question resolved');
  await goOn(decider, store, decided.rootRunId);
  return decided;
}

/** The decision is durable: if the run cannot go on now, recovery finds it. */
async function goOn(
  { logger, onDecided }: QuestionDecider,
  store: TenantStore,
  rootRunId: string,
): Promise<void> {
  try {
    await onDecided(store, rootRunId);
  } catch (error) {
    logger.warn(
      { err: error, runId: rootRunId },
      'a decided run could not go on at once; recovery takes it up',
    );
  }
}
