import type { Logger } from '../ports/logger';
import type { TenantStore } from '../ports/stores';
import type { ApprovalRecord, QuestionRecord } from '../ports/tools';
import { type Decider, decideApproval, decideQuestion, type QuestionDecider } from './deciding';

const BATCH = 100;

/** Ends approvals of a tenant whose time ran out; several workers may do it at once. @returns how many this one ended */
export const expireApprovals = (decider: Decider, store: TenantStore): Promise<number> =>
  drain(
    (limit) => store.approvals.overdue(decider.clock.now(), limit),
    (approval) => expireApproval(decider, store, approval),
  );

/** The same for questions. */
export const expireQuestions = (decider: QuestionDecider, store: TenantStore): Promise<number> =>
  drain(
    (limit) => store.questions.overdue(decider.clock.now(), limit),
    (question) => expireQuestion(decider, store, question),
  );

export const expireApproval = (decider: Decider, store: TenantStore, approval: ApprovalRecord) =>
  decideApproval(decider, store, approval, { status: 'expired' });

export const expireQuestion = (decider: QuestionDecider, store: TenantStore, question: QuestionRecord) =>
  decideQuestion(decider, store, question, { status: 'expired' });

async function drain<Row>(
  read: (limit: number) => Promise<Row[]>,
  end: (row: Row) => Promise<Row | null>,
): Promise<number> {
  let count = 0;
  for (;;) {
    const rows = await read(BATCH);
    for (const row of rows) if (await end(row)) count++;
    if (rows.length < BATCH) return count;
  }
}

export interface Expiry {
  tenants: () => Promise<string[]>;
  open: (tenant: string) => Promise<TenantStore>;
  /** What ends in one tenant: approvals, questions. */
  expire: ((store: TenantStore) => Promise<number>)[];
  logger: Logger;
}

/** Ends in every tenant what has run out; one tenant's trouble keeps no other one waiting. */
export async function expireEverywhere({ tenants, open, expire, logger }: Expiry): Promise<void> {
  for (const tenant of await tenants())
    try {
      const store = await open(tenant);
      for (const end of expire) await end(store);
    } catch (error) {
      logger.warn({ err: error, tenant }, 'what has run out could not be ended');
    }
}
