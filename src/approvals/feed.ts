import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { Logger } from '../ports/logger';
import type { TenantStore } from '../ports/stores';
import type { ApprovalRecord, QuestionRecord } from '../ports/tools';
import { endable } from '../runs/follow';
import type { HumanBus, HumanEvent } from './bus';
import { type HumanScope, requesterIn } from './scope';
import { HumanWatcher } from './watcher';

/** Events kept for a slow reader; past that it is served from the database. */
const BUFFERED = 500;
const PAGE = 500;
/** Ids that a subscriber remembers having seen. */
const REMEMBERED = 10_000;
/** A row may become visible after a younger one: replays begin this much earlier. Milliseconds. */
const REPLAY_OVERLAP_MS = 2_000;

export interface FeedDependencies {
  bus: HumanBus;
  open: (tenant: string) => Promise<TenantStore>;
  clock: Clock;
  logger: Logger;
  /** Pause between looks at what other processes wrote, milliseconds. */
  intervalMs: number;
}

export interface FollowArguments {
  /** Replays what was created (resolved) at this time or later; absent for new ones only. */
  after?: Date | null;
  scope?: HumanScope | null;
}

type Kind = HumanEvent['kind'];
type Row = ApprovalRecord | QuestionRecord;

/** Streams of what waits for humans and what they decided: at once within a process, from others within seconds. */
export class HumanFeed {
  private readonly watcher: HumanWatcher;

  constructor(private readonly dependencies: FeedDependencies) {
    this.watcher = new HumanWatcher(dependencies);
  }

  /** Approvals that are asked for. @throws DomainError `forbidden` */
  requested(principal: Principal, args: FollowArguments): Promise<AsyncIterableIterator<ApprovalRecord>> {
    return this.follow(principal, 'requested', args) as Promise<AsyncIterableIterator<ApprovalRecord>>;
  }

  /** Approvals that were decided, by whomever, or ended. @throws DomainError `forbidden` */
  resolved(principal: Principal, args: FollowArguments): Promise<AsyncIterableIterator<ApprovalRecord>> {
    return this.follow(principal, 'resolved', args) as Promise<AsyncIterableIterator<ApprovalRecord>>;
  }

  /** Questions that are asked. @throws DomainError `forbidden` */
  asked(principal: Principal, args: FollowArguments): Promise<AsyncIterableIterator<QuestionRecord>> {
    return this.follow(principal, 'asked', args) as Promise<AsyncIterableIterator<QuestionRecord>>;
  }

  private async follow(
    principal: Principal,
    kind: Kind,
    { after, scope }: FollowArguments,
  ): Promise<AsyncIterableIterator<Row>> {
    const requestedBy = requesterIn(principal, scope);
    const store = await this.dependencies.open(principal.tenant);
    const follower = new Follower({ store, kind, requestedBy, now: this.dependencies.clock.now(), after });
    const unsubscribe = this.dependencies.bus.subscribe(store.tenant, (event) => follower.take(event));
    const unwatch = await this.watcher.watch(store).catch((error: unknown) => {
      unsubscribe();
      throw error;
    });
    return endable(follower.rows(), () => {
      unsubscribe();
      unwatch();
      follower.end();
    });
  }
}

interface Following {
  store: TenantStore;
  kind: Kind;
  /** Only this user's; undefined for everybody's. */
  requestedBy: string | undefined;
  now: Date;
  after?: Date | null;
}

/** One subscriber: what it has seen, and what waits for it. */
class Follower {
  private waiting: Row[] = [];
  private readonly seen = new Set<string>();
  private reached: Date;
  private replayFrom: Date | undefined;
  private ended = false;
  private wake: () => void = () => undefined;

  constructor(private readonly following: Following) {
    const { now, after } = following;
    this.reached = after ?? now;
    if (after) this.replayFrom = new Date(after.getTime() - REPLAY_OVERLAP_MS);
  }

  take(event: HumanEvent): void {
    if (event.kind !== this.following.kind) return;
    const row = event.kind === 'asked' ? event.question : event.approval;
    if (!this.fits(row)) return;
    if (this.waiting.length < BUFFERED) this.waiting.push(row);
    else {
      this.waiting = [];
      this.replayFrom ??= new Date(this.reached.getTime() - REPLAY_OVERLAP_MS);
    }
    this.wake();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async *rows(): AsyncGenerator<Row> {
    while (!this.ended) {
      if (this.replayFrom) yield* this.stored(this.replayFrom);
      for (let row = this.waiting.shift(); row; row = this.waiting.shift()) if (this.isNew(row)) yield row;
      if (!this.ended && !this.replayFrom) await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** What the database has, in the order of time. */
  private async *stored(from: Date): AsyncGenerator<Row> {
    this.replayFrom = undefined;
    const { store, kind } = this.following;
    for (let since = from, more = true; more && !this.ended;) {
      const rows = await readSince(store, kind, since, PAGE);
      for (const row of rows) if (this.fits(row) && this.isNew(row)) yield row;
      const last = rows.at(-1);
      const next = last ? changedAt(kind, last) : since;
      more = rows.length === PAGE && next > since;
      since = next;
    }
  }

  private fits(row: Row): boolean {
    const { requestedBy, kind } = this.following;
    return (requestedBy === undefined || row.requestedBy === requestedBy) && wasAsked(kind, row);
  }

  private isNew(row: Row): boolean {
    if (this.seen.has(row.id)) return false;
    this.seen.add(row.id);
    if (this.seen.size > REMEMBERED) this.seen.delete(this.seen.values().next().value!);
    const at = changedAt(this.following.kind, row);
    if (at > this.reached) this.reached = at;
    return true;
  }
}

const changedAt = (kind: Kind, row: Row): Date =>
  kind === 'resolved' ? (row as ApprovalRecord).decidedAt! : row.createdAt;

/** What a policy approved was never asked of anybody. */
const wasAsked = (kind: Kind, row: Row): boolean =>
  kind !== 'requested' || (row as ApprovalRecord).policyId === null;

/** Rows of a kind that changed at `since` or later. */
function readSince(store: TenantStore, kind: Kind, since: Date, limit: number): Promise<Row[]> {
  if (kind === 'asked') return store.questions.askedSince(since, limit);
  return store.approvals.changedSince(kind === 'resolved' ? 'decided' : 'created', since, limit);
}
