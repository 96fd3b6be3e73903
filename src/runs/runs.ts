import { cut, encodeCursor } from '../cursor';
import { invalid, notFound } from '../errors';
import type { Principal } from '../ports/identity';
import { isActive, type PartRecord, type RunRecord } from '../ports/records';
import type { Page, Projection, TenantStore } from '../ports/stores';
import type { ConversationBus } from './bus';
import { isForHumans, isStreamed, isTerminal } from './events';
import { endable, followConversation } from './follow';
import { delay } from './patience';
import type { RunSessions } from './sessions';
import type { RunOutcome } from './types';

const PAGE_PARTS = 500;
/** A waiting caller looks at the run itself this often, whatever the log shows. */
const OUTCOME_POLL_MS = 1_000;

/** A front end subscribes a moment before it sends; a person may press the other button first. */
const MAX_WAIT_SECONDS = 60;
const APPEARANCE_POLL_MS = 500;

export interface RunDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  bus: ConversationBus;
  sessions: RunSessions;
}

/** Reads and follows runs. */
export class Runs {
  constructor(private readonly dependencies: RunDependencies) {}

  /** @throws DomainError `not_found` for an unknown run or another user's */
  async get(principal: Principal, id: string, projection?: Projection): Promise<RunRecord> {
    const store = await this.dependencies.open(principal.tenant);
    return owned(principal, await store.runs.find(id, projection), id);
  }

  async ofConversation(
    principal: Principal,
    conversationId: string,
    page: Page,
    projection?: Projection,
  ): Promise<{ runs: RunRecord[]; total: number; nextCursor: string | null }> {
    const store = await this.dependencies.open(principal.tenant);
    await assertOwnConversation(store, principal, conversationId);
    const filter = { conversationId, roots: true };
    const [read, total] = await Promise.all([
      store.runs.list(filter, { ...page, limit: page.limit + 1 }, projection),
      store.runs.count(filter),
    ]);
    const { rows: runs, more } = cut(read, page.limit);
    const last = more ? runs.at(-1) : undefined;
    return { runs, total, nextCursor: last ? encodeCursor({ at: last.createdAt, id: last.id }) : null };
  }

  /**
   * The events of a run after `afterSeq`, stored ones first, then as they come; ends after the root's `end` or `error`.
   * @param afterSeq -1 or undefined for the whole stream
   * @param verbose true also yields the events of sub-agents and tools
   */
  async events(
    principal: Principal,
    runId: string,
    options: { afterSeq?: number | null; verbose?: boolean | null },
  ): Promise<AsyncIterableIterator<PartRecord>> {
    const store = await this.dependencies.open(principal.tenant);
    const known = this.dependencies.sessions.recall(store.tenant, runId) ?? (await store.runs.find(runId));
    const run = owned(principal, known, runId);
    const start = await this.startSeq(store, run);
    const afterSeq = Math.max(options.afterSeq ?? -1, start - 1);
    const belongs = membership(run, options.verbose ?? false);
    if (run.endSeq !== null && afterSeq >= run.endSeq) return endable(nothing(), () => undefined);
    const followed = followConversation(this.dependencies.bus, store, run.conversationId, afterSeq);
    return endable(eventsOf(followed, run, belongs), () => void followed.return?.());
  }

  /**
   * Every entry of a conversation's log after `afterSeq`; goes on until the consumer leaves or the conversation is deleted.
   * @param waitSeconds how long to wait for a conversation that is not there yet, 0 to {@link MAX_WAIT_SECONDS}
   * @throws DomainError `not_found`, `validation_failed`
   */
  async conversationEvents(
    principal: Principal,
    conversationId: string,
    { afterSeq, waitSeconds }: { afterSeq?: number | null; waitSeconds?: number | null } = {},
  ): Promise<AsyncIterableIterator<PartRecord>> {
    const store = await this.dependencies.open(principal.tenant);
    await appearance(store, conversationId, waitSeconds ?? 0);
    await assertOwnConversation(store, principal, conversationId);
    const followed = followConversation(this.dependencies.bus, store, conversationId, afterSeq ?? -1);
    return endable(flatten(followed), () => void followed.return?.());
  }

  /**
   * Waits until a run ends or pauses for a human.
   * @param verbose true also gives the events of sub-agents and tools
   */
  async outcome(principal: Principal, runId: string, verbose = false): Promise<RunOutcome> {
    const store = await this.dependencies.open(principal.tenant);
    const finished = await this.dependencies.sessions.get(runId)?.done;
    if (finished)
      return {
        run: finished,
        events: await this.storedEvents(store, finished, verbose),
        approvals: [],
        questions: [],
      };
    let run = owned(principal, await store.runs.find(runId), runId);
    while (isActive(run.status) && !isPaused(run)) {
      // Elsewhere, or between two attempts: whatever ends it or makes it wait shows in its log.
      await this.nextTurn(store, run);
      run = owned(principal, await store.runs.find(runId), runId);
    }
    const [events, approvals, questions] = await Promise.all([
      this.storedEvents(store, run, verbose),
      isPaused(run) ? store.approvals.pendingOf(run.id) : [],
      isPaused(run) ? store.questions.pendingOf(run.id) : [],
    ]);
    return { run, events, approvals, questions };
  }

  /** Waits for a part that ends the run or asks a human, for a change of its state, or a moment. */
  private async nextTurn(store: TenantStore, run: RunRecord): Promise<void> {
    const after = (await store.conversations.find(run.conversationId))?.nextSeq ?? 0;
    const followed = followConversation(this.dependencies.bus, store, run.conversationId, after - 1);
    const stop = setTimeout(() => void followed.return?.(), OUTCOME_POLL_MS);
    try {
      for await (const { parts, changed } of followed)
        if (changed || parts.some((part) => isTerminal(part, run) || isForHumans(part))) return;
    } finally {
      clearTimeout(stop);
      void followed.return?.();
    }
  }

  private async storedEvents(store: TenantStore, run: RunRecord, verbose: boolean): Promise<PartRecord[]> {
    const start = await this.startSeq(store, run);
    const recent = this.dependencies.bus.recentAfter(store.tenant, run.conversationId, start - 1);
    const parts = recent ?? (await allSince(store, run, start - 1));
    const belongs = membership(run, verbose);
    return parts.filter((part) => isStreamed(part) && belongs(part));
  }

  /** A run that waits, or that another worker executes, does not know yet where in the log it starts. */
  private async startSeq(store: TenantStore, run: RunRecord): Promise<number> {
    const known = run.startSeq ?? this.dependencies.sessions.get(run.id)?.launch.run.startSeq;
    if (known !== null && known !== undefined) return known;
    const next = (await store.conversations.find(run.conversationId))?.nextSeq ?? 0;
    const [first] = await store.parts.ofRun(run.conversationId, run.id, -1, 1);
    return first?.seq ?? next;
  }
}

const isPaused = ({ status }: RunRecord): boolean =>
  status === 'waiting_approval' || status === 'waiting_question';

export function owned(principal: Principal, run: RunRecord | null, id: string): RunRecord {
  if (!run || run.userId !== principal.userId) throw notFound('Run', id);
  return run;
}

async function assertOwnConversation(store: TenantStore, principal: Principal, id: string): Promise<void> {
  const conversation = await store.conversations.find(id);
  if (!conversation || conversation.deletedAt || conversation.userId !== principal.userId)
    throw notFound('Conversation', id);
}

/** The parts of the conversation from the run's first to its last, or to the newest while it has no end. */
async function allSince(store: TenantStore, run: RunRecord, afterSeq: number): Promise<PartRecord[]> {
  const parts: PartRecord[] = [];
  for (let cursor = afterSeq; ; cursor = parts.at(-1)!.seq) {
    const page = await store.parts.after(run.conversationId, cursor, PAGE_PARTS);
    parts.push(...page);
    const last = parts.at(-1);
    if (page.length < PAGE_PARTS || (run.endSeq !== null && last !== undefined && last.seq >= run.endSeq))
      return parts;
  }
}

/** Which events a stream of this run shows. */
function membership(run: RunRecord, verbose: boolean): (part: PartRecord) => boolean {
  if (verbose) return (part) => part.rootCallId === run.rootCallId;
  return (part) =>
    (part.runId === run.id && part.callId === run.callId) ||
    // What a human has to act on is shown however deep it lies.
    (part.rootCallId === run.rootCallId && isForHumans(part));
}

type FollowedParts = ReturnType<typeof followConversation>;

async function* eventsOf(
  followed: FollowedParts,
  run: RunRecord,
  belongs: (part: PartRecord) => boolean,
): AsyncGenerator<PartRecord> {
  for await (const { parts } of followed)
    for (const part of parts) {
      if (isStreamed(part) && belongs(part)) yield part;
      if (isTerminal(part, run)) return;
    }
}

async function* flatten(followed: FollowedParts): AsyncGenerator<PartRecord> {
  for await (const { parts } of followed) yield* parts;
}

async function* nothing(): AsyncGenerator<PartRecord> {}

/** Until the conversation is there, or the time is over. */
async function appearance(store: TenantStore, conversationId: string, waitSeconds: number): Promise<void> {
  if (waitSeconds < 0 || waitSeconds > MAX_WAIT_SECONDS)
    throw invalid('waitSeconds', `must be from 0 to ${MAX_WAIT_SECONDS}`);
  const looks = Math.ceil((waitSeconds * 1_000) / APPEARANCE_POLL_MS);
  for (let look = 0; look < looks; look += 1) {
    if (await store.conversations.find(conversationId)) return;
    await delay(APPEARANCE_POLL_MS);
  }
}
