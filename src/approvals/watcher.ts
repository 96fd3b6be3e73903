import type { Clock } from '../ports/clock';
import type { Logger } from '../ports/logger';
import type { TenantStore } from '../ports/stores';
import type { HumanBus, HumanEvent } from './bus';

/** A row may become visible so much later than its time says: clocks differ, writes take their time. Milliseconds. */
const OVERLAP_MS = 15_000;
const BATCH = 500;

export interface WatcherDependencies {
  bus: HumanBus;
  clock: Clock;
  logger: Logger;
  intervalMs: number;
}

/** Publishes what was stored but not told: by other processes, or as a part of cancelling a run. One for each tenant. */
export class HumanWatcher {
  private readonly watched = new Map<string, TenantWatch>();

  constructor(private readonly dependencies: WatcherDependencies) {}

  /**
   * Watches a tenant while somebody subscribes to it; what is there already is not told.
   * @returns ends this subscriber's part
   */
  async watch(store: TenantStore): Promise<() => void> {
    let watch = this.watched.get(store.tenant);
    if (!watch) this.watched.set(store.tenant, (watch = new TenantWatch(store, this.dependencies)));
    const mine = watch;
    mine.subscribers++;
    const leave = (): void => {
      if (--mine.subscribers > 0) return;
      mine.stop();
      if (this.watched.get(store.tenant) === mine) this.watched.delete(store.tenant);
    };
    try {
      await mine.ready;
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }
}

class TenantWatch {
  subscribers = 0;
  /** When everything that was there before is known. */
  readonly ready: Promise<void>;
  private readonly told = new Map<string, number>();
  private readonly unsubscribe: () => void;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly store: TenantStore,
    private readonly dependencies: WatcherDependencies,
  ) {
    this.unsubscribe = dependencies.bus.subscribe(store.tenant, (event) => this.remember(event));
    this.ready = this.prime();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.unsubscribe();
  }

  private async prime(): Promise<void> {
    for (const event of await this.recent()) this.remember(event);
    this.schedule();
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.round(), this.dependencies.intervalMs).unref();
  }

  private async round(): Promise<void> {
    try {
      for (const event of await this.recent())
        if (!this.stopped && !this.told.has(keyOf(event)))
          this.dependencies.bus.publish(this.store.tenant, event);
      this.forgetOld();
    } catch (error) {
      this.dependencies.logger.warn(
        { err: error, tenant: this.store.tenant },
        'approvals could not be watched',
      );
    }
    this.schedule();
  }

  private async recent(): Promise<HumanEvent[]> {
    const since = new Date(this.dependencies.clock.now().getTime() - OVERLAP_MS);
    const { approvals, questions } = this.store;
    const [requested, resolved, asked] = await Promise.all([
      all(
        (from) => approvals.changedSince('created', from, BATCH),
        since,
        ({ createdAt }) => createdAt,
      ),
      all(
        (from) => approvals.changedSince('decided', from, BATCH),
        since,
        ({ decidedAt }) => decidedAt!,
      ),
      all(
        (from) => questions.askedSince(from, BATCH),
        since,
        ({ createdAt }) => createdAt,
      ),
    ]);
    return [
      // What a policy approved was never asked of anybody.
      ...requested
        .filter(({ policyId }) => policyId === null)
        .map((approval) => ({ kind: 'requested' as const, approval })),
      ...resolved.map((approval) => ({ kind: 'resolved' as const, approval })),
      ...asked.map((question) => ({ kind: 'asked' as const, question })),
    ];
  }

  private remember(event: HumanEvent): void {
    this.told.set(keyOf(event), this.dependencies.clock.now().getTime());
  }

  private forgetOld(): void {
    const before = this.dependencies.clock.now().getTime() - 2 * OVERLAP_MS;
    for (const [key, at] of this.told) if (at < before) this.told.delete(key);
  }
}

const keyOf = (event: HumanEvent): string =>
  `${event.kind} ${event.kind === 'asked' ? event.question.id : event.approval.id}`;

/** Every row since an instant, in batches; a batch of one single instant ends it. */
async function all<Row>(
  read: (since: Date) => Promise<Row[]>,
  since: Date,
  timeOf: (row: Row) => Date,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let from = since; ;) {
    const batch = await read(from);
    rows.push(...batch);
    const next = batch.length === BATCH ? timeOf(batch.at(-1)!) : from;
    if (next.getTime() <= from.getTime()) return rows;
    from = next;
  }
}
