import { findAgent } from '../agents/find';
import { DomainError, nullIfNotFound } from '../errors';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import { ACTIVE_RUN_STATUSES, isActive, type RunRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import { cancelledPart, endPart, startPart, userPart } from './events';
import type { ConversationLog } from './log';
import { type RunSessions, type Session, StopRun } from './sessions';
import type { RunRequest } from './types';

const MOST_AT_ONCE = 1_000;

export interface CancelResult {
  callId: string;
  runId: string;
  status: RunRecord['status'];
  alreadyFinished: boolean;
}

export interface CancelScope {
  conversationId?: string | null;
  messageId?: string | null;
  agentId?: string | null;
  /** `tenant` cancels everybody's, which needs the admin scope. */
  scope?: 'mine' | 'tenant' | null;
}

export interface CancellationDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  sessions: RunSessions;
  log: ConversationLog;
  clock: Clock;
  /** Takes a run that waits for a human up to end it; null when it does not wait. */
  cancelWaiting: (store: TenantStore, runId: string, reason: string) => Promise<Session | null>;
}

/** Ends runs early; what was written stays. */
export class Cancellation {
  constructor(private readonly dependencies: CancellationDependencies) {}

  /** The caller's active runs, sub-agents' too; an admin sees the tenant's with `scope: tenant`. */
  async active(principal: Principal, scope: CancelScope = {}): Promise<RunRecord[]> {
    const store = await this.dependencies.open(principal.tenant);
    return store.runs.list({ ...this.filter(principal, scope), roots: false }, { limit: MOST_AT_ONCE });
  }

  /**
   * Cancels by call id or run id; repeating it changes nothing. The call may be that of a tool: its run ends.
   * @throws DomainError `not_found` for an unknown id or another user's run
   */
  async cancel(principal: Principal, id: string): Promise<CancelResult> {
    const store = await this.dependencies.open(principal.tenant);
    const named = await this.named(store, principal, id);
    // A sub-agent lives in its root's run: ending it ends the whole.
    const run = named?.kind === 'sub_agent' ? await store.runs.find(named.rootRunId) : named;
    if (!run || (run.userId !== principal.userId && !principal.isAdmin))
      throw new DomainError('not_found', `No run has the call id or run id ${id}.`);
    return this.cancelRun(store, run.id, `cancelled by ${principal.userId}`);
  }

  /** A client chooses the call ids of its runs: whose run one names depends on who asks, and an admin's own come first. */
  private async named(store: TenantStore, principal: Principal, id: string): Promise<RunRecord | null> {
    const lookUps = [
      () => store.runs.find(id),
      () => store.runs.findByCall(id, principal.userId),
      () => runOfToolCall(store, id),
      ...(principal.isAdmin ? [() => store.runs.findByCall(id)] : []),
    ];
    for (const lookUp of lookUps) {
      const run = await lookUp();
      if (run && (run.userId === principal.userId || principal.isAdmin)) return run;
    }
    return null;
  }

  /** Cancels every active run in scope. */
  async cancelAll(principal: Principal, scope: CancelScope): Promise<CancelResult[]> {
    const store = await this.dependencies.open(principal.tenant);
    const agentId = scope.agentId && ((await findAgent(store, scope.agentId))?.id ?? scope.agentId);
    const runs = await store.runs.list(this.filter(principal, { ...scope, agentId }), {
      limit: MOST_AT_ONCE,
    });
    return Promise.all(runs.map((run) => this.cancelRun(store, run.id, `cancelled by ${principal.userId}`)));
  }

  /** A task id is the id that a delegation in the background returned: that of its run. */
  async cancelBackgroundTask(principal: Principal, taskId: string): Promise<CancelResult> {
    const store = await this.dependencies.open(principal.tenant);
    const run = await store.runs.find(taskId);
    if (run?.kind !== 'background' || (run.userId !== principal.userId && !principal.isAdmin))
      throw new DomainError('not_found', `There is no background task ${taskId}.`);
    return this.cancelRun(store, run.id, `cancelled by ${principal.userId}`);
  }

  /** Cancels one run on whose behalf the caller was checked already; waits until its conversation is free if it runs here. */
  async cancelRun(store: TenantStore, runId: string, reason: string): Promise<CancelResult> {
    const { clock, sessions } = this.dependencies;
    const dequeued = await store.runs.transition(runId, ['queued'], {
      status: 'cancelled',
      cancelReason: reason,
      cancelRequestedAt: clock.now(),
      finishedAt: clock.now(),
    });
    if (dequeued) return this.dropQueued(store, dequeued, reason);
    const waiting = await this.dependencies.cancelWaiting(store, runId, reason);
    if (waiting) {
      const ended = await waiting.done;
      const { callId } = waiting.launch.run;
      return { callId, runId, status: ended?.status ?? 'cancelling', alreadyFinished: false };
    }
    const run = await store.runs.transition(runId, ACTIVE_RUN_STATUSES, {
      status: 'cancelling',
      cancelReason: reason,
      cancelRequestedAt: clock.now(),
    });
    if (!run) return this.finished(store, runId);
    const session = sessions.get(runId);
    session?.stop.abort(new StopRun('cancelled', reason));
    const ended = session ? await session.done : null;
    return { callId: run.callId, runId, status: ended?.status ?? 'cancelling', alreadyFinished: false };
  }

  private async finished(store: TenantStore, runId: string): Promise<CancelResult> {
    const run = await store.runs.find(runId);
    if (!run) throw new DomainError('not_found', `No run has the id ${runId}.`);
    return { callId: run.callId, runId, status: run.status, alreadyFinished: !isActive(run.status) };
  }

  /** A run that never began still leaves the user's message, and an end for whoever follows it. */
  private async dropQueued(store: TenantStore, run: RunRecord, reason: string): Promise<CancelResult> {
    const request = run.request as unknown as RunRequest;
    const usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0, costUsd: 0 };
    await store.conversations.addQueued(run.conversationId, -1);
    const agent = await store.agents.find(run.agentId);
    const result: CancelResult = {
      callId: run.callId,
      runId: run.id,
      status: 'cancelled',
      alreadyFinished: false,
    };
    const drafts = [
      userPart(run, request),
      startPart(run, agent?.name ?? run.agentId, request),
      cancelledPart(run, reason),
      endPart(run, { text: '', finishReason: 'cancelled', usage }),
    ];
    // A conversation that is being deleted takes no more messages, and has nobody left to tell.
    const parts = await this.dependencies.log.append(store, run.conversationId, drafts).catch(nullIfNotFound);
    if (parts)
      await store.runs.transition(run.id, ['cancelled'], {
        startSeq: parts[0]!.seq,
        endSeq: parts.at(-1)!.seq,
        finishReason: 'cancelled',
      });
    return result;
  }

  private filter(principal: Principal, scope: CancelScope): Parameters<TenantStore['runs']['list']>[0] {
    if (scope.scope === 'tenant' && !principal.isAdmin)
      throw new DomainError(
        'forbidden',
        'The scope tenant needs the admin scope; without it only your own runs are meant.',
      );
    return {
      roots: true,
      statuses: ACTIVE_RUN_STATUSES,
      ...(scope.scope === 'tenant' ? {} : { userId: principal.userId }),
      ...(scope.conversationId ? { conversationId: scope.conversationId } : {}),
      ...(scope.messageId ? { messageId: scope.messageId } : {}),
      ...(scope.agentId ? { agentId: scope.agentId } : {}),
    };
  }
}

async function runOfToolCall(store: TenantStore, callId: string): Promise<RunRecord | null> {
  const call = await store.toolCalls.find(callId);
  return call && store.runs.find(call.runId);
}
