import type { Clock } from '../../ports/clock';
import type { Logger } from '../../ports/logger';
import type { TenantStore } from '../../ports/stores';
import { LostJobError } from './progress';

export interface LeaseDependencies {
  clock: Clock;
  logger: Logger;
  workerId: string;
  /** A job belongs to its worker for so long after the last renewal. Milliseconds. */
  leaseMs: number;
}

/** Keeps the jobs of this worker its own. */
export class JobLeases {
  constructor(private readonly dependencies: LeaseDependencies) {}

  get owner(): string {
    return this.dependencies.workerId;
  }

  get end(): Date {
    const { clock, leaseMs } = this.dependencies;
    return new Date(clock.now().getTime() + leaseMs);
  }

  /** Renews the lease of a job that this worker holds until `release`; the signal aborts when it is lost. */
  keep(store: TenantStore, jobId: string): { signal: AbortSignal; release(): void } {
    const { logger, leaseMs } = this.dependencies;
    const lost = new AbortController();
    const timer = setInterval(() => {
      store.knowledge.renewJob(jobId, this.owner, this.end).then(
        (kept) => kept || lost.abort(new LostJobError(jobId)),
        (error: unknown) =>
          logger.warn({ err: error, jobId }, 'the lease of an ingestion job was not renewed'),
      );
    }, leaseMs / 3);
    timer.unref();
    return { signal: lost.signal, release: () => clearInterval(timer) };
  }
}
