import { setMaxListeners } from 'node:events';
import { DomainError } from '../../errors';
import { FairSemaphore } from '../../fair-semaphore';
import type { Clock } from '../../ports/clock';
import type { IngestionJobRecord } from '../../ports/knowledge';
import type { Logger } from '../../ports/logger';
import type { TenantStore } from '../../ports/stores';
import type { IngestionBus } from './bus';
import { failDocument } from './ingest-file';
import type { JobLeases } from './leases';
import { JobProgress, LostJobError } from './progress';

/** A job that took its worker down so often, and got nothing done in between, is given up. */
const MOST_ATTEMPTS = 10;
/** Abandoned jobs of a tenant taken up in one look. */
const TAKEN_AT_ONCE = 100;

/** What a job does once this worker holds it. @throws what fails the whole job, or the signal's reason */
export type JobWork = (work: {
  store: TenantStore;
  progress: JobProgress;
  signal: AbortSignal;
}) => Promise<Partial<IngestionJobRecord>>;

export interface RunnerDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  tenants: () => Promise<string[]>;
  work: JobWork;
  bus: IngestionBus;
  /** Told of a job that was taken away, for what its worker may have written since. */
  onLost: (store: TenantStore, knowledgeBaseId: string) => Promise<void>;
  /** Told of a job that failed as a whole, before it is seen to have. */
  onFailed: (store: TenantStore, progress: JobProgress) => Promise<void>;
  /** Removes what deletions have left. */
  sweep: (store: TenantStore, soleWorker: boolean) => Promise<void>;
  leases: JobLeases;
  clock: Clock;
  logger: Logger;
  /** Jobs at once in this process. */
  concurrency: number;
}

/** Runs ingestion jobs: each by one worker at a time, taken up by another one when that worker dies. */
export class IngestionRunner {
  private readonly running = new Map<string, Promise<void>>();
  private readonly sweeping = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private readonly places: FairSemaphore;

  constructor(private readonly dependencies: RunnerDependencies) {
    this.places = new FairSemaphore(dependencies.concurrency);
  }

  /** Runs the job unless somebody does already; resolves at its end, and never rejects for what the job did. */
  run(tenant: string, jobId: string, takeFrom?: string | null): Promise<void> {
    const key = `${tenant}/${jobId}`;
    const known = this.running.get(key);
    if (known) return known;
    const run = this.inTurn(tenant, () => this.execute(tenant, jobId, takeFrom)).finally(() =>
      this.running.delete(key),
    );
    this.running.set(key, run);
    return run;
  }

  /**
   * Takes up jobs that no living worker holds.
   * @param soleWorker no other process can reach the database: every lease but our own is a dead one's
   * @returns how many were found
   */
  async recoverAll(soleWorker = false): Promise<number> {
    const { tenants, open, clock, leases, logger } = this.dependencies;
    let found = 0;
    for (const tenant of await tenants()) {
      const store = await open(tenant);
      const ids = await store.knowledge.abandonedJobs(clock.now(), {
        notOwner: leases.owner,
        allLeases: soleWorker,
        limit: TAKEN_AT_ONCE,
      });
      for (const id of ids.filter((one) => !this.running.has(`${tenant}/${one}`))) {
        found++;
        const holder = soleWorker ? (await store.knowledge.findJob(id))?.leaseOwner : null;
        void this.run(tenant, id, holder).catch((error: unknown) =>
          logger.error({ err: error, jobId: id }, 'an ingestion job could not be taken up'),
        );
      }
      this.sweep(store, soleWorker);
    }
    return found;
  }

  /** Gives the running jobs up for others, or for the next start. */
  async shutdown(): Promise<void> {
    this.stopping.abort(new Error('The server stops.'));
    await Promise.allSettled([...this.running.values(), ...this.sweeping.values()]);
  }

  /** In the background: much may have to be removed. */
  private sweep(store: TenantStore, soleWorker: boolean): void {
    const { sweep, logger } = this.dependencies;
    if (this.sweeping.has(store.tenant)) return;
    const sweeping = sweep(store, soleWorker)
      .catch((error: unknown) => logger.warn({ err: error }, 'deleted content could not be looked for'))
      .finally(() => this.sweeping.delete(store.tenant));
    this.sweeping.set(store.tenant, sweeping);
  }

  private async inTurn(tenant: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    const release = await this.places.acquire({ turn: { tenant }, signal }).catch((error: unknown) => {
      // What waits when the server stops is taken up by the next one.
      if (signal.aborted) return undefined;
      throw error;
    });
    try {
      if (release && !signal.aborted) await work();
    } finally {
      release?.();
    }
  }

  private async execute(tenant: string, jobId: string, takeFrom?: string | null): Promise<void> {
    const { open, clock, leases, bus, logger } = this.dependencies;
    const { owner, end: until } = leases;
    const store = await open(tenant);
    const job = await store.knowledge.claimJob(jobId, { owner, until, now: clock.now(), takeFrom });
    if (!job) return;
    const lease = leases.keep(store, jobId);
    const signal = AbortSignal.any([lease.signal, this.stopping.signal]);
    // Every file that is worked on listens.
    setMaxListeners(0, signal);
    const files = await store.knowledge.filesOf(jobId);
    const progress = new JobProgress(store, owner, { job, files }, (state) => bus.publish(tenant, state));
    try {
      await this.finish(progress, await this.attempt(store, progress, signal));
      logger.info({ tenant, jobId, files: progress.state.files.length }, 'ingestion job finished');
    } catch (error) {
      await this.settle(store, progress, error);
    } finally {
      lease.release();
    }
  }

  private async attempt(store: TenantStore, progress: JobProgress, signal: AbortSignal) {
    const { clock, work } = this.dependencies;
    const { job } = progress.state;
    if ((job.stalls ?? job.attempts) > MOST_ATTEMPTS)
      throw new DomainError(
        'internal_error',
        `The ingestion was interrupted ${MOST_ATTEMPTS} times without getting on, and is given up; refresh the document, or send the file again.`,
      );
    await progress.flush({ status: 'processing', startedAt: job.startedAt ?? clock.now() });
    return work({ store, progress, signal });
  }

  private async finish(progress: JobProgress, changes: Partial<IngestionJobRecord>): Promise<void> {
    const { job } = progress.state;
    const status = job.total > 0 && job.failed === job.total ? 'failed' : 'completed';
    await progress.flush({
      status,
      ...(status === 'failed'
        ? { error: 'None of the files could be ingested; see the reason of each.' }
        : {}),
      ...changes,
      finishedAt: this.dependencies.clock.now(),
      leaseOwner: null,
      leaseExpiresAt: null,
    });
  }

  /** What becomes of a job that did not come to its end. */
  private async settle(store: TenantStore, progress: JobProgress, error: unknown): Promise<void> {
    const { logger, leases } = this.dependencies;
    const { jobId } = progress;
    if (error instanceof LostJobError) {
      logger.info({ jobId }, 'ingestion job is no longer ours');
      return this.dependencies.onLost(store, progress.state.job.knowledgeBaseId);
    }
    const passing = this.stopping.signal.aborted || isPassing(error);
    try {
      // Without a lease it is taken up again: at the next look of a worker, this one included.
      if (passing)
        await store.knowledge.updateJob(jobId, leases.owner, {
          leaseOwner: null,
          leaseExpiresAt: null,
          // A server that stops in order was not taken down by the job.
          ...(this.stopping.signal.aborted
            ? { stalls: Math.max(0, (progress.state.job.stalls ?? 1) - 1) }
            : {}),
        });
      else await this.fail(store, progress, error);
    } catch (storeError) {
      // The lease ends by itself; whoever finds the job goes on with it.
      logger.warn({ err: storeError, jobId }, 'the end of an ingestion job could not be stored');
    }
    if (this.stopping.signal.aborted) return;
    if (passing) logger.warn({ err: error, jobId }, 'ingestion job interrupted');
    // What a user asked for and cannot have is told to the user.
    else if (error instanceof DomainError && error.status < 500)
      logger.info({ jobId, code: error.code, reason: error.message }, 'ingestion job failed');
    else logger.error({ err: error, jobId }, 'ingestion job failed');
  }

  private async fail(store: TenantStore, progress: JobProgress, error: unknown): Promise<void> {
    const at = this.dependencies.clock.now();
    const reason = error instanceof DomainError ? error.message : 'The job failed for an unexpected reason.';
    for (const file of progress.unfinished) {
      // The document first: once its file has ended, nobody comes back to it.
      await failDocument(store, file.documentId, reason, at);
      await progress.file(file, { status: 'failed', error: reason, finishedAt: at });
    }
    await this.dependencies.onFailed(store, progress);
    await progress.flush({
      status: 'failed',
      error: reason,
      finishedAt: at,
      leaseOwner: null,
      leaseExpiresAt: null,
    });
  }
}

/** Failures of what is around the job: a later attempt may succeed. */
const PASSING = new Set([
  'database_unavailable',
  'storage_full',
  'provider_error',
  'provider_timeout',
  'rate_limited',
  'overloaded',
  'not_ready',
]);

/** What a provider refuses for good (its key, an answer that makes no sense) stays refused. */
const isPassing = (error: unknown): boolean =>
  error instanceof DomainError && PASSING.has(error.code) && error.details.extra?.retryable !== false;
