import { DomainError } from '../errors';
import type { Clock } from '../ports/clock';
import type { Logger } from '../ports/logger';
import type { ModelGateway } from '../ports/models';
import type { AgentRecord, ConversationRecord, RunRecord, RunStatus } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ConversationBus } from './bus';
import { answerPart, cancelledPart, endPart, errorPart, type RunFailure, type Usage } from './events';
import { answer, isRetryable, type StepResult } from './execute';
import { type ConversationLog, FencedError, type PartDraft, RUN_PATIENCE_MS } from './log';
import { delay, whileUnavailable } from './patience';
import { buildPrompt } from './prompt';
import { Slots } from './slots';
import type { RunRequest } from './types';
import { RunWriter } from './writer';

/** How long a finished run's parts stay in memory for followers that come a moment later. */
const LINGER_MS = 1_000;
/** How long a shutdown waits for runs to store what they have. */
const LEAVE_MS = 5_000;

/** Why a run stops before its answer is complete; the abort reason of its model call. */
export class StopRun extends Error {
  constructor(
    readonly kind: 'cancelled' | 'shutdown' | 'lost',
    message: string,
  ) {
    super(message);
    this.name = 'StopRun';
  }
}

/** A run as this worker executes it. */
export interface Launch {
  store: TenantStore;
  run: RunRecord;
  agent: AgentRecord;
  request: RunRequest;
  conversation: ConversationRecord;
  /** Ordinal of the run's user message. */
  turn: number;
  /** Text of the answer that an earlier attempt stored. */
  written: string;
}

export interface Session {
  readonly launch: Launch;
  readonly stop: AbortController;
  /** Resolves with the finished run, or null when this worker stopped without finishing it. */
  readonly done: Promise<RunRecord | null>;
}

export interface SessionDependencies {
  models: ModelGateway;
  bus: ConversationBus;
  log: ConversationLog;
  clock: Clock;
  logger: Logger;
  workerId: string;
  leaseMs: number;
  maxConcurrentRuns: number;
  /** Called after a run freed its conversation. */
  onFinished: (store: TenantStore, run: RunRecord, conversation: ConversationRecord) => void;
}

interface Ending {
  status: RunStatus;
  parts: PartDraft[];
  changes: Partial<RunRecord>;
}

/** The runs that this worker executes now. */
export class RunSessions {
  private readonly sessions = new Map<string, Session>();
  private readonly slots: Slots;
  /** Runs that ended a moment ago, for followers that come right after the start. */
  private readonly ended = new Map<string, { tenant: string; run: RunRecord }>();
  /** Runs that were accepted and are not launched yet: nobody else may take them for abandoned. */
  private readonly beginning = new Map<string, TenantStore>();
  private heartbeat: NodeJS.Timeout | undefined;

  constructor(private readonly dependencies: SessionDependencies) {
    this.slots = new Slots(dependencies.maxConcurrentRuns);
  }

  get size(): number {
    return this.sessions.size;
  }

  get(runId: string): Session | undefined {
    return this.sessions.get(runId);
  }

  /** A run that this worker executes or just ended, as far as it is known here; saves its followers a read. */
  recall(tenant: string, runId: string): RunRecord | undefined {
    const launch = this.sessions.get(runId)?.launch;
    if (launch) return launch.store.tenant === tenant ? launch.run : undefined;
    const ended = this.ended.get(runId);
    return ended?.tenant === tenant ? ended.run : undefined;
  }

  /** True while this worker begins or executes the run. */
  holds(runId: string): boolean {
    return this.sessions.has(runId) || this.beginning.has(runId);
  }

  /** Keeps the lease of a run that `work` stores and launches. */
  async begin<T>(store: TenantStore, runId: string, work: () => Promise<T>): Promise<T> {
    this.beginning.set(runId, store);
    this.beat();
    try {
      return await work();
    } finally {
      this.beginning.delete(runId);
    }
  }

  /** Starts to execute a run whose conversation this worker holds. */
  launch(launch: Launch): Session {
    const stop = new AbortController();
    const done = this.execute(launch, stop).finally(() => this.sessions.delete(launch.run.id));
    const session: Session = { launch, stop, done };
    this.sessions.set(launch.run.id, session);
    this.beat();
    return session;
  }

  private beat(): void {
    this.heartbeat ??= setInterval(() => void this.renew(), this.dependencies.leaseMs / 3).unref();
  }

  /** Stops all runs without ending them: their leases are given up, so that another worker goes on at once. */
  async shutdown(): Promise<void> {
    clearInterval(this.heartbeat);
    const sessions = [...this.sessions.values()];
    for (const { stop } of sessions) stop.abort(new StopRun('shutdown', 'The server is shutting down.'));
    const left = Promise.all(sessions.map((session) => session.done));
    // A database that is gone must not hold the process up: the leases run out by themselves.
    const inTime = new AbortController();
    await Promise.race([left, delay(LEAVE_MS, inTime.signal)]);
    inTime.abort();
  }

  private async execute(launch: Launch, stop: AbortController): Promise<RunRecord | null> {
    const { store, run } = launch;
    const { log, bus, logger, workerId } = this.dependencies;
    const writer = new RunWriter({ log, bus, logger, workerId }, store, run, launch.written, (error) =>
      stop.abort(new StopRun('lost', error.message)),
    );
    try {
      const ending = await this.reach(launch, writer, stop);
      return ending === 'left' ? await this.leave(launch, writer) : await this.finish(launch, writer, ending);
    } catch (error) {
      // Whoever holds the run now, or recovery after the lease, finishes it.
      if (error instanceof FencedError)
        logger.warn({ runId: run.id }, 'run was taken over by another worker');
      else logger.error({ runId: run.id, err: error }, 'run could not be finished');
      return null;
    }
  }

  private async reach(launch: Launch, writer: RunWriter, stop: AbortController): Promise<Ending | 'left'> {
    let release: (() => void) | undefined;
    try {
      release = await this.slots.take(stop.signal);
      return completed(launch.run, writer, await this.step(launch, writer, stop.signal));
    } catch (error) {
      if (error instanceof StopRun)
        return error.kind === 'cancelled' ? cancelled(launch.run, writer, error.message) : 'left';
      return failed(launch.run, writer, this.toFailure(launch.run, error));
    } finally {
      release?.();
    }
  }

  private async step(launch: Launch, writer: RunWriter, signal: AbortSignal): Promise<StepResult> {
    const { store, agent, conversation, request, run, turn } = launch;
    const { models, clock } = this.dependencies;
    const messages = await whileUnavailable(RUN_PATIENCE_MS, () =>
      buildPrompt(store, agent, conversation, request, turn),
    );
    return answer({
      models,
      writer,
      run,
      request,
      messages,
      signal,
      clock,
      agentSettings: {
        temperature: agent.llmTemperature,
        maxTokens: agent.llmMaxTokens,
        reasoningEffort: agent.reasoningEffort,
      },
    });
  }

  private async finish(
    { store, run, conversation }: Launch,
    writer: RunWriter,
    ending: Ending,
  ): Promise<RunRecord> {
    const { clock, workerId, bus, onFinished, logger } = this.dependencies;
    const finishedAt = clock.now();
    const changes: Partial<RunRecord> = {
      ...ending.changes,
      status: ending.status,
      text: writer.text,
      startSeq: run.startSeq,
      leaseOwner: null,
      leaseExpiresAt: null,
      finishedAt,
    };
    await writer.finish(ending.parts, async (parts) => {
      changes.endSeq = parts.at(-1)?.seq ?? null;
      await whileUnavailable(RUN_PATIENCE_MS, () => store.runs.updateOwned(run.id, workerId, changes), {
        orFull: true,
      });
    });
    const finished = { ...run, ...changes };
    this.ended.set(run.id, { tenant: store.tenant, run: finished });
    setTimeout(() => this.forget(store.tenant, run), LINGER_MS).unref();
    bus.publish(store.tenant, run.conversationId, { kind: 'changed' });
    logger.debug(
      { runId: run.id, status: ending.status, durationMs: finishedAt.getTime() - run.createdAt.getTime() },
      'run finished',
    );
    onFinished(store, finished, conversation);
    return finished;
  }

  /** Keeps what was written and gives the lease up, for whoever goes on. */
  private async leave({ store, run }: Launch, writer: RunWriter): Promise<null> {
    await writer.checkpoint([]);
    await store.runs.updateOwned(run.id, this.dependencies.workerId, {
      leaseExpiresAt: this.dependencies.clock.now(),
    });
    return null;
  }

  private forget(tenant: string, run: RunRecord): void {
    this.ended.delete(run.id);
    for (const { launch } of this.sessions.values())
      if (launch.run.conversationId === run.conversationId && launch.store.tenant === tenant) return;
    this.dependencies.bus.forget(tenant, run.conversationId);
  }

  private toFailure(run: RunRecord, error: unknown): RunFailure {
    if (error instanceof DomainError)
      return { code: error.code, message: error.message, retryable: isRetryable(error) };
    this.dependencies.logger.error({ runId: run.id, err: error }, 'run failed unexpectedly');
    return { code: 'internal_error', message: `Unexpected error in run ${run.id}.`, retryable: true };
  }

  /** Renews this worker's leases and hears of cancellations that other processes asked for. */
  private async renew(): Promise<void> {
    const { clock, leaseMs, workerId, logger } = this.dependencies;
    const held = new Map<TenantStore, string[]>();
    const note = (store: TenantStore, runId: string): void => {
      const ids = held.get(store);
      if (ids) ids.push(runId);
      else held.set(store, [runId]);
    };
    for (const { launch } of this.sessions.values()) note(launch.store, launch.run.id);
    for (const [runId, store] of this.beginning) note(store, runId);
    const until = new Date(clock.now().getTime() + leaseMs);
    for (const [store, ids] of held)
      try {
        // Only runs that this worker really has in hand: one that failed to be stored must be found by recovery.
        await store.runs.renewLeases(workerId, ids, until);
        for (const { id, cancelReason } of await store.runs.cancelling(workerId))
          this.sessions.get(id)?.stop.abort(new StopRun('cancelled', cancelReason ?? 'cancelled'));
      } catch (error) {
        logger.warn({ tenant: store.tenant, err: error }, 'leases could not be renewed');
      }
  }
}

const usageChanges = (usage: Usage): Partial<RunRecord> => ({ ...usage });

function completed(run: RunRecord, writer: RunWriter, result: StepResult): Ending {
  const { text } = writer;
  return {
    status: 'completed',
    parts: [answerPart(run, text, false), endPart(run, { text, ...result })],
    changes: {
      ...usageChanges(result.usage),
      finishReason: result.finishReason,
      output: result.output ?? null,
      step: run.step + 1,
    },
  };
}

const partial = (run: RunRecord, text: string): PartDraft[] =>
  text === '' ? [] : [answerPart(run, text, true)];

function failed(run: RunRecord, writer: RunWriter, failure: RunFailure): Ending {
  return {
    status: 'failed',
    parts: [...partial(run, writer.text), errorPart(run, failure)],
    changes: { error: { ...failure }, finishReason: 'error' },
  };
}

function cancelled(run: RunRecord, writer: RunWriter, reason: string): Ending {
  const usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0, costUsd: 0 };
  return {
    status: 'cancelled',
    parts: [
      ...partial(run, writer.text),
      cancelledPart(run, reason),
      endPart(run, { text: writer.text, finishReason: 'cancelled', usage }),
    ],
    changes: { finishReason: 'cancelled', cancelReason: reason },
  };
}
