import { living } from '../agents/agents';
import type { AgentCache } from '../agents/cache';
import type { Clock } from '../ports/clock';
import type { Logger } from '../ports/logger';
import type { PartRecord, RunRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ConversationBus } from './bus';
import { callsOf, isAnswerDelta, isTerminal, startPart, userPart } from './events';
import type { ConversationLog, PartDraft } from './log';
import type { RunSessions } from './sessions';
import { StopRun } from './sessions';
import type { RunRequest } from './types';

/** Abandoned runs taken up in one round and tenant. */
const BATCH = 50;
const PAGE_PARTS = 500;
/** A run that killed its worker this often is given up, so that it cannot take the server down for ever. */
const MAX_ATTEMPTS = 10;

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
  promote: (store: TenantStore, conversationId: string) => Promise<void>;
}

/** What the log says of a run that another worker began. */
interface Progress {
  began: boolean;
  written: string;
  /** Ordinal of the user's message. */
  turn: number;
  startSeq: number | null;
  terminal: PartRecord | undefined;
}

/** Takes up the runs of workers that died: from the last stored part, nothing lost, nothing twice. */
export class RunRecovery {
  constructor(private readonly dependencies: RecoveryDependencies) {}

  /**
   * Takes up every abandoned run of every tenant.
   * @param soleWorker true when no other worker can exist (embedded database at start): leases need not run out first
   * @returns how many runs were taken up
   */
  async recoverAll(soleWorker = false): Promise<number> {
    let taken = 0;
    for (const tenant of await this.dependencies.tenants())
      try {
        taken += await this.recoverTenant(await this.dependencies.open(tenant), soleWorker);
      } catch (error) {
        this.dependencies.logger.error({ tenant, err: error }, 'abandoned runs could not be recovered');
      }
    return taken;
  }

  private async recoverTenant(store: TenantStore, soleWorker: boolean): Promise<number> {
    const { clock, leaseMs, logger } = this.dependencies;
    const now = clock.now();
    // With a sole worker every lease that is not ours is dead, however far in the future it ends.
    const deadline = soleWorker ? new Date(now.getTime() + 10 * leaseMs) : now;
    let taken = 0;
    for (const run of await store.runs.abandoned(deadline, BATCH)) {
      if (this.dependencies.sessions.get(run.id)) continue;
      try {
        if (await this.recover(store, run)) taken++;
      } catch (error) {
        logger.error({ runId: run.id, err: error }, 'run could not be recovered');
      }
    }
    return taken;
  }

  private async recover(store: TenantStore, abandoned: RunRecord): Promise<boolean> {
    const { workerId, clock, leaseMs, logger, promote } = this.dependencies;
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
    const progress = await this.progress(store, run);
    if (progress.terminal) {
      await this.settle(store, run, progress);
      return true;
    }
    if (!(await this.hold(store, run))) return false;
    logger.info(
      { runId: run.id, attempts: run.attempts, writtenCharacters: progress.written.length },
      'run taken up',
    );
    await this.resume(store, run, progress);
    return true;
  }

  /** The conversation becomes ours: from the dead worker, or from nobody when it died before or after holding it. */
  private async hold(store: TenantStore, run: RunRecord): Promise<boolean> {
    const { workerId, clock } = this.dependencies;
    if (await store.conversations.reown(run.conversationId, run.id, workerId)) return true;
    const holder = { runId: run.id, owner: workerId, messageId: run.messageId };
    if (await store.conversations.claim(run.conversationId, holder, { parts: 0, messages: 0 }, clock.now()))
      return true;
    const conversation = await store.conversations.find(run.conversationId);
    if (!conversation || conversation.deletedAt) {
      await store.runs.updateOwned(run.id, workerId, {
        status: 'cancelled',
        cancelReason: 'conversation deleted',
        leaseOwner: null,
        leaseExpiresAt: null,
        finishedAt: clock.now(),
      });
      return false;
    }
    // Another run has the conversation by now: this one waits for its turn.
    await store.runs.updateOwned(run.id, workerId, {
      status: 'queued',
      leaseOwner: null,
      leaseExpiresAt: null,
    });
    await store.conversations.addQueued(run.conversationId, 1);
    return false;
  }

  private async resume(store: TenantStore, run: RunRecord, progress: Progress): Promise<void> {
    const { agents, sessions, bus } = this.dependencies;
    const agent = living(await agents.find(store, run.agentId), run.agentId);
    const request = run.request as unknown as RunRequest;
    bus.keep(store.tenant, run.conversationId);
    const began = progress.began
      ? progress
      : await this.beginLate(store, run, [userPart(run, request), startPart(run, agent.name, request)]);
    const conversation = await store.conversations.find(run.conversationId);
    if (!conversation) return;
    const session = sessions.launch({
      store,
      run: { ...run, startSeq: began.startSeq },
      agent,
      request,
      conversation,
      turn: began.turn,
      written: progress.written,
    });
    if (run.status === 'cancelling')
      session.stop.abort(new StopRun('cancelled', run.cancelReason ?? 'cancelled'));
    else if (run.attempts > MAX_ATTEMPTS)
      session.stop.abort(new StopRun('cancelled', `given up after ${MAX_ATTEMPTS} interrupted attempts`));
  }

  /** The worker died between claiming the conversation and storing the run's first parts. */
  private async beginLate(
    store: TenantStore,
    run: RunRecord,
    drafts: PartDraft[],
  ): Promise<Pick<Progress, 'turn' | 'startSeq'>> {
    const { log, workerId } = this.dependencies;
    const parts = await log.append(store, run.conversationId, drafts, {
      kind: 'run',
      runId: run.id,
      owner: workerId,
    });
    return { turn: parts[0]!.messageSeq!, startSeq: parts[0]!.seq };
  }

  /** The log has the run's end already; only the run itself was not told. */
  private async settle(store: TenantStore, run: RunRecord, progress: Progress): Promise<void> {
    const { workerId, clock, bus, promote } = this.dependencies;
    const content = progress.terminal!.content as { finish_reason?: string } | null;
    const failed = progress.terminal!.type === 'error';
    const cancelled = content?.finish_reason === 'cancelled';
    await store.runs.updateOwned(run.id, workerId, {
      status: failed ? 'failed' : cancelled ? 'cancelled' : 'completed',
      error: failed ? progress.terminal!.content : null,
      finishReason: failed ? 'error' : (content?.finish_reason ?? 'stop'),
      text: progress.written,
      startSeq: progress.startSeq,
      endSeq: progress.terminal!.seq,
      leaseOwner: null,
      leaseExpiresAt: null,
      finishedAt: clock.now(),
    });
    await store.conversations.release(run.conversationId, run.id);
    bus.publish(store.tenant, run.conversationId, { kind: 'changed' });
    await promote(store, run.conversationId);
  }

  private async progress(store: TenantStore, run: RunRecord): Promise<Progress> {
    const progress: Progress = { began: false, written: '', turn: 0, startSeq: null, terminal: undefined };
    let cursor = (run.startSeq ?? 0) - 1;
    for (;;) {
      const page = await store.parts.ofRun(run.conversationId, run.id, cursor, PAGE_PARTS);
      for (const part of page) note(progress, run, part);
      if (page.length < PAGE_PARTS) return progress;
      cursor = page.at(-1)!.seq;
    }
  }
}

function note(progress: Progress, run: RunRecord, part: PartRecord): void {
  progress.startSeq ??= part.seq;
  if (part.type === 'user') {
    progress.began = true;
    progress.turn = part.messageSeq ?? 0;
  } else if (part.callId === callsOf(run).callId && isAnswerDelta(part)) progress.written += part.text ?? '';
  if (isTerminal(part, run)) progress.terminal = part;
}
