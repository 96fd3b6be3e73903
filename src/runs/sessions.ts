import { DomainError } from '../errors';
import type { Clock } from '../ports/clock';
import type { Logger } from '../ports/logger';
import type { AgentRecord, ConversationRecord, PartRecord, RunRecord, RunStatus } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ConversationBus } from './bus';
import { excusedOnce } from './attempts';
import type { AgentLoop } from './agent-loop';
import { sourceFields, sourcesOf } from './citations';
import type { DirectCalls } from './direct-calls';
import { answerPart, cancelledPart, type EndFacts, endPart, errorPart, type RunFailure } from './events';
import { isRetryable } from './execute';
import { type ConversationLog, FencedError, type PartDraft, RUN_PATIENCE_MS, type Writer } from './log';
import { delay, whileUnavailable } from './patience';
import type { Pause, RunScope } from './scope';
import type { RunWatch } from '../watchdog';
import { digestOf } from './transcript';
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
  /** Resolves when the run's beginning is stored; absent when it is. */
  begun?: Promise<unknown>;
  /** What the log shows of an earlier attempt; absent for a run that begins now. */
  shown?: ReadonlySet<string>;
}

export interface Session {
  readonly launch: Launch;
  readonly stop: AbortController;
  /** Until when this worker has the run for certain, in milliseconds since the epoch. */
  leaseUntil: number;
  /** Resolves with the finished run, or null when this worker stopped without finishing it. */
  readonly done: Promise<RunRecord | null>;
}

export interface SessionDependencies {
  loop: Pick<AgentLoop, 'run'>;
  direct: Pick<DirectCalls, 'run'>;
  /** Ends what a tree of runs that is given up leaves open; answers the parts that show it. */
  abandon: (store: TenantStore, root: RunRecord, reason: string) => Promise<PartDraft[]>;
  bus: ConversationBus;
  log: ConversationLog;
  clock: Clock;
  logger: Logger;
  workerId: string;
  leaseMs: number;
  /** Told which runs are under way; absent where nobody watches the process. */
  watch?: RunWatch;
  /** Called after a run freed its conversation. */
  onFinished: (store: TenantStore, run: RunRecord, conversation: ConversationRecord) => void;
  /** Called after a run began to wait for a human. */
  onPaused: (store: TenantStore, run: RunRecord) => void;
}

/** How a run that this worker executes comes to its end. */
export interface Ending {
  status: RunStatus;
  parts: PartDraft[];
  changes: Partial<RunRecord>;
}

type Reached = Ending | { pause: Pause; changes: Partial<RunRecord> } | 'left';

/** The runs that this worker executes now. */
export class RunSessions {
  private readonly sessions = new Map<string, Session>();
  /** Runs that ended a moment ago, for followers that come right after the start. */
  private readonly ended = new Map<string, { tenant: string; run: RunRecord }>();
  /** Runs that were accepted and are not launched yet: nobody else may take them for abandoned. */
  private readonly beginning = new Map<string, TenantStore>();
  private heartbeat: NodeJS.Timeout | undefined;

  constructor(private readonly dependencies: SessionDependencies) {}

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
    const leaseUntil = launch.run.leaseExpiresAt?.getTime() ?? 0;
    const { watch } = this.dependencies;
    watch?.enter(launch.run.id);
    const done = this.execute(launch, stop).finally(() => {
      this.sessions.delete(launch.run.id);
      watch?.leave(launch.run.id);
      // However it ended: of a run that another worker took over nothing stays in memory either.
      setTimeout(() => this.forget(launch.store.tenant, launch.run), LINGER_MS).unref();
    });
    const session: Session = { launch, stop, done, leaseUntil };
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
    const { run } = launch;
    const { logger } = this.dependencies;
    // The session is known before its work begins.
    await Promise.resolve();
    const writer = this.writer(launch, run, launch.written, stop, launch.begun);
    try {
      const reached = await this.reach(launch, writer, stop);
      if (reached === 'left') return await this.leave(launch, writer, stop);
      if ('pause' in reached) return await this.pause(launch, writer, reached);
      return await this.finish(launch, writer, reached);
    } catch (error) {
      // Whoever holds the run now, or recovery after the lease, finishes it.
      if (error instanceof FencedError)
        logger.warn({ runId: run.id }, 'run was taken over by another worker');
      else logger.error({ runId: run.id, err: error }, 'run could not be finished');
      return null;
    }
  }

  private writer(
    { store, run: root }: Launch,
    run: RunRecord,
    written: string,
    stop: AbortController,
    begun?: Promise<unknown>,
  ): RunWriter {
    const { log, bus, logger } = this.dependencies;
    const fence = (release: boolean): Writer => this.fence(root, release);
    const onLost = (error: Error): void => stop.abort(new StopRun('lost', error.message));
    return new RunWriter({ log, bus, logger, fence, begun }, store, run, written, onLost);
  }

  /** A chat writes while it holds its conversation; other runs while this worker surely has their lease. */
  private fence(root: RunRecord, release: boolean): Writer {
    const { workerId, clock } = this.dependencies;
    if (root.kind === 'chat') return { kind: 'run', runId: root.id, owner: workerId, release };
    const alive = (): boolean => (this.sessions.get(root.id)?.leaseUntil ?? 0) > clock.now().getTime();
    return { kind: 'beside', runId: root.id, alive };
  }

  private async reach(launch: Launch, writer: RunWriter, stop: AbortController): Promise<Reached> {
    const { run } = launch;
    try {
      stop.signal.throwIfAborted();
      return await this.work(this.scope(launch, writer, stop));
    } catch (error) {
      if (error instanceof FencedError) throw error;
      if (error instanceof StopRun && error.kind !== 'cancelled') return 'left';
      const stopped = error instanceof StopRun;
      const loose = await this.looseEnds(launch, stopped ? error.message : 'the run failed');
      const cut = { text: writer.text, sources: sourcesOf(launch.request, [], writer.text) };
      const ending = stopped
        ? cancelled(run, cut, error.message)
        : failed(run, cut, this.toFailure(run, error));
      return { ...ending, parts: [...loose, ...ending.parts] };
    }
  }

  /** Only a run that called tools can leave anything open. */
  private async looseEnds({ store, run }: Launch, reason: string): Promise<PartDraft[]> {
    const latest = await store.runs.find(run.id);
    if (run.kind === 'chat' && latest?.step === 0) return [];
    return this.dependencies.abandon(store, run, reason);
  }

  private scope(launch: Launch, writer: RunWriter, stop: AbortController): RunScope {
    const { store, run, agent, request, conversation, turn, shown } = launch;
    return {
      store,
      run,
      agent,
      request,
      writer,
      signal: stop.signal,
      history: run.kind === 'chat' ? { conversation, turn } : null,
      ancestors: [],
      shown: shown ?? new Set(),
      resumed: shown !== undefined,
      nest: (child, written) => this.writer(launch, child, written, stop),
    };
  }

  private async work(scope: RunScope): Promise<Reached> {
    if (scope.run.kind === 'tool') return this.dependencies.direct.run(scope);
    const end = await this.dependencies.loop.run(scope);
    if (end.kind === 'paused') return { pause: end.pause, changes: { ...end.usage } };
    const { run, writer } = scope;
    const { text } = writer;
    const sources = sourcesOf(scope.request, end.calls, text);
    const answer = run.kind === 'chat' ? [answerPart(run, text, false, digestOf(end.calls), sources)] : [];
    return {
      status: 'completed',
      parts: [...answer, endPart(run, { text, ...end, sources })],
      changes: {
        ...end.usage,
        ...sourceFields(sources),
        finishReason: end.finishReason,
        output: end.output ?? null,
        step: end.steps,
      },
    };
  }

  /** The run waits for a human: it holds no lease and no memory until somebody takes it up again. */
  private async pause(
    { store, run }: Launch,
    writer: RunWriter,
    { pause, changes }: { pause: Pause; changes: Partial<RunRecord> },
  ): Promise<null> {
    const { workerId, bus, onPaused, clock, logger } = this.dependencies;
    await writer.checkpoint([]);
    const waiting: Partial<RunRecord> = {
      ...changes,
      status: pause,
      startSeq: run.startSeq,
      text: writer.text,
      leaseOwner: null,
      leaseExpiresAt: null,
    };
    const paused = await whileUnavailable(RUN_PATIENCE_MS, () =>
      store.runs.updateOwned(run.id, workerId, waiting, 'running'),
    );
    // Somebody asked to cancel it in the meantime: recovery takes it up at once and ends it.
    if (!paused)
      await store.runs.updateOwned(run.id, workerId, { leaseExpiresAt: clock.now() }, 'cancelling');
    bus.publish(store.tenant, run.conversationId, { kind: 'changed' });
    logger.debug({ runId: run.id, status: pause }, 'run waits for a human');
    onPaused(store, { ...run, ...waiting });
    return null;
  }

  private async finish(
    { store, run, conversation }: Launch,
    writer: RunWriter,
    ending: Ending,
  ): Promise<RunRecord> {
    const { clock, workerId, bus, onFinished, logger } = this.dependencies;
    const finishedAt = clock.now();
    const changes = (parts: PartRecord[]): Partial<RunRecord> => ({
      ...ending.changes,
      status: ending.status,
      text: writer.text,
      startSeq: run.startSeq,
      endSeq: parts.at(-1)?.seq ?? null,
      leaseOwner: null,
      leaseExpiresAt: null,
      finishedAt,
    });
    const parts = await writer.finish(ending.parts, { holder: { runId: run.id, owner: workerId }, changes });
    const finished = { ...run, ...changes(parts) };
    this.dependencies.watch?.forget(run.id);
    this.ended.set(run.id, { tenant: store.tenant, run: finished });
    bus.publish(store.tenant, run.conversationId, { kind: 'changed' });
    logger.debug(
      { runId: run.id, status: ending.status, durationMs: finishedAt.getTime() - run.createdAt.getTime() },
      'run finished',
    );
    if (run.kind === 'chat') onFinished(store, finished, conversation);
    return finished;
  }

  /** Keeps what was written and gives the lease up, for whoever goes on. */
  private async leave({ store, run }: Launch, writer: RunWriter, stop: AbortController): Promise<null> {
    const orderly = stop.signal.reason instanceof StopRun && stop.signal.reason.kind === 'shutdown';
    await writer.checkpoint([]);
    await store.runs.updateOwned(run.id, this.dependencies.workerId, {
      ...(orderly && excusedOnce(run)),
      leaseExpiresAt: this.dependencies.clock.now(),
    });
    return null;
  }

  private extend(runId: string, until: Date): void {
    const session = this.sessions.get(runId);
    if (session) session.leaseUntil = until.getTime();
  }

  private forget(tenant: string, run: RunRecord): void {
    this.ended.delete(run.id);
    for (const { launch } of this.sessions.values())
      if (launch.run.conversationId === run.conversationId && launch.store.tenant === tenant) return;
    this.dependencies.bus.forget(tenant, run.conversationId);
  }

  private toFailure(run: RunRecord, error: unknown): RunFailure {
    return runFailure(this.dependencies.logger, run, error);
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
        for (const id of ids) this.extend(id, until);
        for (const { id, cancelReason } of await store.runs.cancelling(workerId))
          this.sessions.get(id)?.stop.abort(new StopRun('cancelled', cancelReason ?? 'cancelled'));
      } catch (error) {
        logger.warn({ tenant: store.tenant, err: error }, 'leases could not be renewed');
      }
  }
}

/** An answer that ended before its time. */
type Cut = Pick<EndFacts, 'text' | 'sources'>;

const partial = (run: RunRecord, { text, sources }: Cut): PartDraft[] =>
  text === '' || run.kind !== 'chat' ? [] : [answerPart(run, text, true, null, sources)];

/** An error in the form that a run keeps; one that nobody expected is logged and masked. */
export function runFailure(logger: Logger, run: RunRecord, error: unknown): RunFailure {
  if (error instanceof DomainError)
    return { code: error.code, message: error.message, retryable: isRetryable(error) };
  logger.error({ runId: run.id, err: error }, 'run failed unexpectedly');
  return { code: 'internal_error', message: `Unexpected error in run ${run.id}.`, retryable: true };
}

function failed(run: RunRecord, cut: Cut, failure: RunFailure): Ending {
  return {
    status: 'failed',
    parts: [...partial(run, cut), errorPart(run, failure)],
    changes: { ...sourceFields(cut.sources), error: { ...failure }, finishReason: 'error' },
  };
}

function cancelled(run: RunRecord, cut: Cut, reason: string): Ending {
  const { inputTokens, outputTokens, totalTokens, costUsd } = run;
  const usage = { inputTokens, outputTokens, totalTokens, costUsd };
  return {
    status: 'cancelled',
    parts: [
      ...partial(run, cut),
      cancelledPart(run, reason),
      endPart(run, { ...cut, finishReason: 'cancelled', usage }),
    ],
    changes: { ...sourceFields(cut.sources), finishReason: 'cancelled', cancelReason: reason },
  };
}
