import { provisionalTitle } from '../conversations/titles';
import { DomainError, notFound } from '../errors';
import type { AgentCache } from '../agents/cache';
import type { Clock } from '../ports/clock';
import type { Logger } from '../ports/logger';
import type { RunRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import { newExcuse, wornOut } from './attempts';
import type { ConversationBus } from './bus';
import { type Sources, sourceFields, storedSources } from './citations';
import { callsOf, startPart, userPart } from './events';
import type { ConversationLog, PartDraft } from './log';
import { closeGaps, NOBODYS } from './gaps';
import { type Progress, readProgress } from './progress';
import type { RunSessions, Session } from './sessions';
import { StopRun } from './sessions';
import type { RunRequest } from './types';
import type { RunWatch } from '../watchdog';

/** Abandoned runs taken up in one round and tenant. */
const BATCH = 50;
/** A run that was under way so often when a process stood still is what it stood still for. */
const MAX_STALLS = 2;
const END_OF_TIME = new Date('9999-12-31T00:00:00Z');
/** Pause before the next look at a conversation that another run holds. */
const HELD_WAIT_MS = 1_000;

export interface RecoveryDependencies {
  tenants: () => Promise<string[]>;
  open: (tenant: string) => Promise<TenantStore>;
  agents: AgentCache;
  sessions: RunSessions;
  bus: ConversationBus;
  log: ConversationLog;
  clock: Clock;
  logger: Logger;
  workerId: string;
  leaseMs: number;
  /** Knows runs with which a process stood still; absent where nobody watches the process. */
  watch?: RunWatch;
  promote: (store: TenantStore, conversationId: string) => Promise<void>;
}

/** Takes up the runs of workers that died: from the last stored part, nothing lost, nothing twice. */
export class RunRecovery {
  /** The run with which a process stood still that is tried again now: others beside it are not held to account for it. */
  private suspect: string | undefined;

  constructor(private readonly dependencies: RecoveryDependencies) {}

  /**
   * Takes up every abandoned run of every tenant.
   * @param soleWorker true when no other worker can exist (embedded database at start): leases need not run out first
   * @returns how many runs were taken up
   */
  async recoverAll(soleWorker = false): Promise<number> {
    let taken = 0;
    await this.closeDoubtfulGaps();
    for (const tenant of await this.dependencies.tenants())
      try {
        taken += await this.recoverTenant(await this.dependencies.open(tenant), soleWorker);
      } catch (error) {
        this.dependencies.logger.error({ tenant, err: error }, 'abandoned runs could not be recovered');
      }
    return taken;
  }

  private async recoverTenant(store: TenantStore, soleWorker: boolean): Promise<number> {
    const { clock, logger } = this.dependencies;
    // With a sole worker every lease that is not ours is dead, however far in the future it ends.
    const deadline = soleWorker ? END_OF_TIME : clock.now();
    let taken = 0;
    let last: string | undefined;
    for (;;) {
      const page = await store.runs.abandoned(deadline, BATCH, last);
      for (const run of page) {
        if (this.dependencies.sessions.holds(run.id)) continue;
        if (this.isSuspect(run.id) && this.suspect !== undefined) continue;
        try {
          if (await this.recover(store, run)) taken++;
        } catch (error) {
          logger.error({ runId: run.id, err: error }, 'run could not be recovered');
        }
      }
      if (page.length < BATCH) return taken;
      last = page.at(-1)!.id;
    }
  }

  private isSuspect(runId: string): boolean {
    const stalls = this.dependencies.watch?.stalls(runId) ?? 0;
    return stalls > 0 && stalls < MAX_STALLS;
  }

  private async recover(store: TenantStore, abandoned: RunRecord): Promise<boolean> {
    const { workerId, clock, leaseMs, promote } = this.dependencies;
    if (abandoned.status === 'queued') {
      await promote(store, abandoned.conversationId);
      return false;
    }
    const until = new Date(clock.now().getTime() + leaseMs);
    const run = await store.runs.takeOver(
      abandoned.id,
      { owner: abandoned.leaseOwner, expiresAt: abandoned.leaseExpiresAt },
      workerId,
      until,
    );
    if (!run) return false;
    return (await this.takeUp(store, run)) !== null;
  }

  /**
   * A run that waited for a human goes on when something was decided; harmless when nothing was, or when another worker was
   * quicker.
   */
  async resume(store: TenantStore, runId: string): Promise<void> {
    if (!(await this.isDecided(store, runId))) return;
    const run = await this.wake(store, runId, 'running', {});
    if (run) await this.takeUp(store, run);
  }

  /** Takes a waiting run up to end it. Null when it does not wait. */
  async cancelWaiting(store: TenantStore, runId: string, reason: string): Promise<Session | null> {
    const run = await this.wake(store, runId, 'cancelling', {
      cancelReason: reason,
      cancelRequestedAt: this.dependencies.clock.now(),
    });
    return run && this.takeUp(store, run);
  }

  /** Runs that wait although something was decided: the worker that heard of the decision died. */
  async resumeDecided(): Promise<void> {
    const { tenants, open, logger } = this.dependencies;
    for (const tenant of await tenants())
      try {
        const store = await open(tenant);
        let last: string | undefined;
        for (;;) {
          const page = await store.runs.waiting(BATCH, last);
          for (const run of page) await this.resume(store, run.id);
          if (page.length < BATCH) break;
          last = page.at(-1)!.id;
        }
      } catch (error) {
        logger.error({ tenant, err: error }, 'waiting runs could not be looked at');
      }
  }

  private async isDecided(store: TenantStore, runId: string): Promise<boolean> {
    const calls = await store.toolCalls.ofTree(runId, ['waiting_approval', 'waiting_question']);
    const [approvals, questions] = await Promise.all([
      store.approvals.pendingOf(runId),
      store.questions.pendingOf(runId),
    ]);
    const pending = new Set([...approvals, ...questions].map(({ id }) => id));
    return calls.some((call) => !pending.has(call.approvalId ?? '') && !pending.has(call.questionId ?? ''));
  }

  private wake(
    store: TenantStore,
    runId: string,
    status: 'running' | 'cancelling',
    changes: Partial<RunRecord>,
  ): Promise<RunRecord | null> {
    const { clock, leaseMs, workerId } = this.dependencies;
    return store.runs.transition(runId, ['waiting_approval', 'waiting_question'], {
      ...changes,
      status,
      leaseOwner: workerId,
      leaseExpiresAt: new Date(clock.now().getTime() + leaseMs),
    });
  }

  /** Goes on with a run whose lease is ours now. Null when it needs nothing, or has to wait for its conversation. */
  private async takeUp(store: TenantStore, run: RunRecord): Promise<Session | null> {
    const { workerId, logger } = this.dependencies;
    const beside = run.kind !== 'chat';
    // The fence first: from here on the old worker allocates nothing any more, and finds its places taken.
    const held = beside || (await store.conversations.reown(run.conversationId, run.id, workerId));
    await this.closeGaps(store, run);
    const progress = await readProgress(store, run);
    if (progress.terminal) {
      await this.settle(store, run, progress);
      return null;
    }
    if (!held && !(await this.hold(store, run, progress))) return null;
    logger.info(
      { runId: run.id, attempts: run.attempts, writtenCharacters: progress.written.length },
      'run taken up',
    );
    return this.launch(store, run, progress);
  }

  /**
   * The conversation becomes ours from nobody: the worker died before it held the conversation, or after it freed it.
   * @returns false when another run has it: this one waits for its turn
   */
  private async hold(store: TenantStore, run: RunRecord, progress: Progress): Promise<boolean> {
    const { workerId, clock } = this.dependencies;
    const holder = { runId: run.id, owner: workerId, messageId: run.messageId };
    if (await store.conversations.claim(run.conversationId, holder, { parts: 0, messages: 0 }, clock.now()))
      return true;
    const conversation = await store.conversations.find(run.conversationId);
    if (!conversation) return this.createConversation(store, run);
    if (conversation.deletedAt) {
      await store.runs.updateOwned(run.id, workerId, {
        status: 'cancelled',
        cancelReason: 'conversation deleted',
        leaseOwner: null,
        leaseExpiresAt: null,
        finishedAt: clock.now(),
      });
      return false;
    }
    if (progress.began) {
      // Part of the answer is shown already, so it cannot begin again as a queued run does: it is looked at again soon.
      const leaseExpiresAt = new Date(clock.now().getTime() + HELD_WAIT_MS);
      await store.runs.updateOwned(run.id, workerId, { leaseExpiresAt, attempts: run.attempts - 1 });
      return false;
    }
    await store.runs.updateOwned(run.id, workerId, {
      status: 'queued',
      leaseOwner: null,
      leaseExpiresAt: null,
    });
    await store.conversations.addQueued(run.conversationId, 1);
    return false;
  }

  /** The worker died between storing the run and storing the new conversation it is for. */
  private async createConversation(store: TenantStore, run: RunRecord): Promise<boolean> {
    const { workerId, clock } = this.dependencies;
    const request = run.request as unknown as RunRequest;
    const at = clock.now();
    const created = await store.conversations.create({
      id: run.conversationId,
      userId: run.userId,
      agentId: run.agentId,
      title: provisionalTitle(request.message),
      titleSource: 'message',
      isActive: true,
      metadata: {},
      source: null,
      sourceRefId: null,
      nextSeq: 0,
      messageCount: 0,
      activeRunId: run.id,
      activeOwner: workerId,
      activeMessageId: run.messageId,
      queuedRuns: 0,
      compactedBefore: 0,
      summary: null,
      createdAt: at,
      updatedAt: at,
      deletedAt: null,
    });
    return created !== null;
  }

  /** A worker that was only paused then cannot store there what it still has in hand. */
  private async closeGaps(store: TenantStore, run: RunRecord): Promise<void> {
    const { conversationId } = run;
    const [first] = await store.parts.ofRun(conversationId, run.id, -1, 1);
    // Without a first part the run's own beginning is what is missing: it was the last to allocate, or nearly.
    const from = first?.seq ?? run.startSeq;
    const content = { kind: 'run_interrupted', run_id: run.id };
    await closeGaps(store, { conversationId, from, marker: callsOf(run), content }, this.dependencies.clock);
  }

  /** Logs in which this process saw places without a part, or may have left some itself. */
  private async closeDoubtfulGaps(): Promise<void> {
    const { bus, clock, logger } = this.dependencies;
    for (const { store, conversationId } of bus.takeDoubtful())
      await closeGaps(store, { conversationId, ...NOBODYS }, clock).catch((error: unknown) => {
        bus.doubt(store, conversationId);
        logger.warn({ conversationId, err: error }, 'gaps of a log could not be closed yet');
      });
  }

  private async launch(store: TenantStore, run: RunRecord, progress: Progress): Promise<Session | null> {
    const { agents, sessions, bus, clock, workerId } = this.dependencies;
    // A run that was accepted is finished, even if its agent has been deleted since.
    const agent = await agents.find(store, run.agentId);
    if (!agent) throw notFound('Agent', run.agentId);
    const request = run.request as unknown as RunRequest;
    if (run.kind === 'chat') bus.keep(store.tenant, run.conversationId);
    const began =
      progress.began || run.kind === 'tool'
        ? progress
        : await this.beginLate(
            store,
            run,
            run.kind === 'chat'
              ? [userPart(run, request), startPart(run, agent.name, request)]
              : [startPart(run, agent.name, request)],
          );
    const conversation = await store.conversations.find(run.conversationId);
    if (!conversation) return null;
    const excuse = await newExcuse(store, run, progress, clock.now());
    if (excuse) await store.runs.updateOwned(run.id, workerId, excuse);
    const current = { ...run, ...excuse, startSeq: began.startSeq };
    const session = sessions.launch({
      store,
      run: current,
      agent,
      request,
      conversation,
      turn: began.turn,
      written: progress.written,
      shown: progress.shown,
    });
    if (this.isSuspect(run.id)) {
      this.suspect = run.id;
      void session.done.finally(() => (this.suspect = undefined));
    }
    const hopeless = this.hopeless(current);
    if (run.status === 'cancelling')
      session.stop.abort(new StopRun('cancelled', run.cancelReason ?? 'cancelled'));
    else if (hopeless !== undefined)
      session.stop.abort(new DomainError('internal_error', hopeless, { extra: { retryable: false } }));
    return session;
  }

  /** Why the run is not tried again; undefined when it is. */
  private hopeless(run: RunRecord): string | undefined {
    const stalls = this.dependencies.watch?.stalls(run.id) ?? 0;
    if (stalls >= MAX_STALLS)
      return `Run ${run.id} was given up: the server stood still with it ${stalls} times. Ask for less at once.`;
    return wornOut(run);
  }

  /** The worker died between claiming the conversation and storing the run's first parts. */
  private async beginLate(
    store: TenantStore,
    run: RunRecord,
    drafts: PartDraft[],
  ): Promise<Pick<Progress, 'turn' | 'startSeq'>> {
    const { log, workerId } = this.dependencies;
    const writer =
      run.kind === 'chat'
        ? { kind: 'run' as const, runId: run.id, owner: workerId }
        : { kind: 'beside' as const, runId: run.id, alive: () => true };
    const parts = await log.append(store, run.conversationId, drafts, writer);
    return { turn: parts[0]!.messageSeq ?? 0, startSeq: parts[0]!.seq };
  }

  /** The log has the run's end already; only the run itself was not told. */
  private async settle(store: TenantStore, run: RunRecord, progress: Progress): Promise<void> {
    const { workerId, clock, bus, promote } = this.dependencies;
    const content = progress.terminal!.content as ({ finish_reason?: string } & Partial<Sources>) | null;
    const failed = progress.terminal!.type === 'error';
    const cancelled = content?.finish_reason === 'cancelled';
    await store.runs.updateOwned(run.id, workerId, {
      status: failed ? 'failed' : cancelled ? 'cancelled' : 'completed',
      error: failed ? progress.terminal!.content : null,
      finishReason: failed ? 'error' : (content?.finish_reason ?? 'stop'),
      text: progress.written,
      ...sourceFields(content ? storedSources(content) : undefined),
      startSeq: progress.startSeq,
      endSeq: progress.terminal!.seq,
      leaseOwner: null,
      leaseExpiresAt: null,
      finishedAt: clock.now(),
    });
    if (run.kind === 'chat') await store.conversations.release(run.conversationId, run.id);
    bus.publish(store.tenant, run.conversationId, { kind: 'changed' });
    if (run.kind === 'chat') await promote(store, run.conversationId);
  }
}
