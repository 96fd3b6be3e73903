import type { Agenda, Job } from 'agenda';
import type { Db } from 'mongodb';
import type { JobData, JobQueue, JobsStatus } from '../../ports/jobs';
import type { Logger } from '../../ports/logger';

/** How often the database is asked for due jobs. */
const POLL_MS = 2_000;
const DEFAULT_LOCK_MS = 60_000;
const RETRIES = 3;
/** A shutdown waits so long for jobs that are under way; what takes longer is repeated at the next start. */
const STOP_PATIENCE_MS = 2_000;
/** One renewal may fail without the lock running out. */
const RENEWALS_PER_LOCK = 3;

export interface AgendaQueueOptions {
  /** The control database. */
  db: Db;
  workerId: string;
  logger: Logger;
  /** After so long, milliseconds, the job of a worker that died may run elsewhere; 60,000 unless said. */
  lockMs?: number;
}

/** Jobs by Agenda, stored in the `jobs` collection of the control database. */
export class AgendaQueue implements JobQueue {
  private readonly handlers = new Map<string, (data: JobData) => Promise<void>>();
  private readonly repeated = new Map<string, number>();
  private agenda: Agenda | undefined;
  private failure: Error | undefined;
  private underWay = 0;
  /** Told when the last job under way has ended and its row says so. */
  private onIdle: (() => void) | undefined;
  private isStopping = false;

  constructor(private readonly options: AgendaQueueOptions) {}

  define(name: string, handler: (data: JobData) => Promise<void>): void {
    this.handlers.set(name, handler);
  }

  every(intervalMs: number, name: string): void {
    this.repeated.set(name, intervalMs);
  }

  async enqueue(name: string, data: JobData): Promise<void> {
    if (!this.agenda)
      throw new Error(
        this.isStopping
          ? `Job ${name} is not queued: the server stops. It is found at the next start.`
          : `Job ${name} cannot be queued before the queue is started.`,
      );
    await this.agenda.now(name, data);
  }

  async start(): Promise<void> {
    const { db, workerId, logger } = this.options;
    // Loaded when it is needed: the server listens before its jobs run.
    const [{ Agenda: AgendaClass }, { MongoBackend }] = await Promise.all([
      import('agenda'),
      import('@agendajs/mongo-backend'),
    ]);
    const agenda = new AgendaClass({
      backend: new MongoBackend({ mongo: db, collection: 'jobs' }),
      name: workerId,
      processEvery: POLL_MS,
      defaultLockLifetime: this.options.lockMs ?? DEFAULT_LOCK_MS,
      removeOnComplete: true,
    });
    agenda.on('error', (error: Error) => {
      this.failure = error;
      logger.warn({ err: error }, 'jobs: the queue has trouble');
    });
    agenda.on('start', () => this.underWay++);
    agenda.on('complete', () => {
      if (--this.underWay === 0) this.onIdle?.();
    });
    agenda.on('success', () => (this.failure = undefined));
    agenda.on('fail', (error: unknown, job: { name?: string; attrs?: { name: string } }) => {
      const name = job.attrs?.name ?? job.name;
      if (this.isStopping) logger.info({ err: error, job: name }, 'job interrupted by the shutdown');
      else logger.error({ err: error, job: name }, 'job failed');
    });
    for (const [name, handler] of this.handlers) this.defineWith(agenda, name, handler);
    await agenda.start();
    for (const [name, intervalMs] of this.repeated) await agenda.every(intervalMs, name);
    this.agenda = agenda;
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.agenda?.stop();
    this.agenda = undefined;
    await this.idle();
  }

  /** Resolves when no job is under way, or after the patience of a shutdown. */
  private idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.underWay === 0) return resolve();
      const timer = setTimeout(resolve, STOP_PATIENCE_MS);
      this.onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async status(): Promise<JobsStatus> {
    const names = [...this.handlers.keys()];
    const base = { backend: 'agenda', names };
    if (!this.agenda) return { ...base, status: 'degraded', detail: 'The queue is not started yet.' };
    if (this.failure) return { ...base, status: 'degraded', detail: this.failure.message };
    await this.options.db.collection('jobs').findOne({}, { projection: { _id: 1 } });
    return { ...base, status: 'ok' };
  }

  private defineWith(agenda: Agenda, name: string, handler: (data: JobData) => Promise<void>): void {
    const repeated = this.repeated.has(name);
    const work = (job: Job): Promise<void> => handler((job.attrs.data as JobData | undefined) ?? {});
    agenda.define(name, (job) => this.whileAlive(job, work), {
      concurrency: repeated ? 1 : 4,
      ...(repeated
        ? {}
        : {
            backoff: ({ attempt }: { attempt: number }) => (attempt > RETRIES ? null : 1_000 * 2 ** attempt),
          }),
    });
  }

  /** A job may take longer than its lock lasts: the lock is renewed as long as this process works on it. */
  private async whileAlive(job: Job, work: (job: Job) => Promise<void>): Promise<void> {
    const { logger, lockMs = DEFAULT_LOCK_MS } = this.options;
    const renew = (): void => {
      job
        .touch()
        .catch((error: unknown) => logger.warn({ err: error, job: job.attrs.name }, 'job lock not renewed'));
    };
    const beat = setInterval(renew, lockMs / RENEWALS_PER_LOCK);
    try {
      await work(job);
    } finally {
      clearInterval(beat);
    }
  }
}
