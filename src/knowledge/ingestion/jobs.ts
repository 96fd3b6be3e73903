import { DomainError, notFound } from '../../errors';
import { newId } from '../../ids';
import type { Clock } from '../../ports/clock';
import type { Principal } from '../../ports/identity';
import type { JobQueue } from '../../ports/jobs';
import type {
  IngestionFileRecord,
  IngestionJobRecord,
  IngestionOperation,
  KnowledgeBaseRecord,
  KnowledgeDocumentRecord,
} from '../../ports/knowledge';
import type { Logger } from '../../ports/logger';
import type { JsonValue } from '../../ports/records';
import type { TenantStore } from '../../ports/stores';
import type { IngestionBus } from './bus';
import type { JobLeases } from './leases';
import { type JobState, LostJobError } from './progress';
import type { IngestionRunner } from './runner';
import { fileRow } from './work';

/** Name of the job that runs ingestion jobs. */
export const INGEST = 'knowledge.ingest';
const JOB_PREFIX = 'kb_ingest_';
/** How often a job of another process is looked at. Milliseconds. */
const WATCH_EVERY_MS = 500;

const ENDED = new Set(['completed', 'failed', 'cancelled']);

export const isIngestionJob = (id: string): boolean => id.startsWith(JOB_PREFIX);

export interface IngestionJobDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  runner: IngestionRunner;
  leases: JobLeases;
  jobs: JobQueue;
  bus: IngestionBus;
  clock: Clock;
  logger: Logger;
}

/** A job with its files, as clients see it. */
export interface IngestionView {
  job: IngestionJobRecord;
  files: IngestionFileRecord[];
}

/** Starts ingestion jobs and tells how they go on. */
export class IngestionJobs {
  constructor(private readonly dependencies: IngestionJobDependencies) {}

  newJob(
    base: Pick<KnowledgeBaseRecord, 'id' | 'generation'>,
    userId: string,
    operation: IngestionOperation,
    settings: JsonValue = null,
  ): IngestionJobRecord {
    const at = this.dependencies.clock.now();
    return {
      id: JOB_PREFIX + newId(at.getTime()),
      knowledgeBaseId: base.id,
      operation,
      status: 'queued',
      generation: base.generation,
      version: 0,
      total: 0,
      completed: 0,
      failed: 0,
      error: null,
      gate: null,
      settings,
      leaseOwner: null,
      leaseExpiresAt: null,
      attempts: 0,
      stalls: 0,
      createdBy: userId,
      createdAt: at,
      startedAt: null,
      finishedAt: null,
      updatedAt: at,
    };
  }

  /**
   * Stores a job that no other worker takes up while `work` makes ready what it is for, then starts it.
   * @param work answers what it changes of the job; when it fails, nothing of the job stays
   */
  async prepare(
    store: TenantStore,
    job: IngestionJobRecord,
    files: IngestionFileRecord[],
    work: (signal: AbortSignal) => Promise<Partial<IngestionJobRecord>>,
  ): Promise<IngestionJobRecord> {
    const { leases } = this.dependencies;
    await store.knowledge.createJob({ ...job, leaseOwner: leases.owner, leaseExpiresAt: leases.end }, files);
    const lease = leases.keep(store, job.id);
    try {
      const changes = await work(lease.signal);
      const free = { ...changes, leaseOwner: null, leaseExpiresAt: null };
      const ready = await store.knowledge.updateJob(job.id, leases.owner, free);
      if (!ready) throw new LostJobError(job.id);
      await this.start(store.tenant, job.id);
      return ready;
    } catch (error) {
      await this.discard(store, job.id);
      throw error;
    } finally {
      lease.release();
    }
  }

  /** Stores the job with a file for each document, and starts it. */
  async submit(
    store: TenantStore,
    job: IngestionJobRecord,
    documents: KnowledgeDocumentRecord[],
  ): Promise<IngestionJobRecord> {
    const files: IngestionFileRecord[] = [];
    const createdAt = job.createdAt;
    for (const { id: documentId, fileName } of documents) {
      const revision = await store.knowledge.takeRevision(documentId);
      // Null: deleted since.
      if (revision !== null)
        files.push(fileRow(job, { documentId, fileName, revision, createdAt, position: files.length }));
    }
    const whole = { ...job, total: files.length };
    await store.knowledge.createJob(whole, files);
    await this.start(store.tenant, job.id);
    return whole;
  }

  private async discard(store: TenantStore, jobId: string): Promise<void> {
    const { leases, logger } = this.dependencies;
    await store.knowledge
      .discardJob(jobId, leases.owner)
      .catch((error: unknown) =>
        logger.warn({ err: error, jobId }, 'a job that never began stays; recovery will end it'),
      );
  }

  /** Here at once; the queue sees to it that it is done even if this process ends now. */
  private async start(tenant: string, jobId: string): Promise<void> {
    const { runner, jobs, logger } = this.dependencies;
    void runner
      .run(tenant, jobId)
      .catch((error: unknown) => logger.error({ err: error, jobId }, 'an ingestion job could not be run'));
    await jobs
      .enqueue(INGEST, { tenant, jobId })
      .catch((error: unknown) =>
        logger.warn({ err: error, jobId }, 'an ingestion job could not be queued; recovery will find it'),
      );
  }

  /** @throws DomainError `not_found` */
  async get(principal: Principal, jobId: string): Promise<IngestionView> {
    const store = await this.dependencies.open(principal.tenant);
    const job = isIngestionJob(jobId) ? await store.knowledge.findJob(jobId) : null;
    if (!job) throw notFound('Batch', jobId);
    return { job, files: await store.knowledge.filesOf(jobId) };
  }

  /** Jobs of a base, newest first. */
  async ofBase(store: TenantStore, knowledgeBaseId: string, limit: number): Promise<IngestionJobRecord[]> {
    return store.knowledge.listJobs(knowledgeBaseId, limit);
  }

  /** Resolves when the job has ended, or after `timeoutMs`: where it is then. */
  async wait(store: TenantStore, jobId: string, timeoutMs: number): Promise<IngestionView> {
    const deadline = Date.now() + timeoutMs;
    const watch = this.watch(store, jobId, deadline);
    let last: IngestionView | undefined;
    for await (const view of watch) last = view;
    if (!last) throw new DomainError('not_found', `Batch ${jobId} does not exist.`);
    return last;
  }

  /** Where the job is, at once and with every change, until it has ended. @throws DomainError `not_found` */
  async progress(principal: Principal, jobId: string): Promise<AsyncIterable<IngestionView>> {
    const store = await this.dependencies.open(principal.tenant);
    await this.get(principal, jobId);
    return this.watch(store, jobId, Infinity);
  }

  /** Changes of this process come by the bus, those of others are looked for. Ends at `deadline`, too. */
  private async *watch(
    store: TenantStore,
    jobId: string,
    deadline: number,
  ): AsyncGenerator<IngestionView, void, undefined> {
    const inbox: { latest?: JobState; wake?: () => void } = {};
    const unsubscribe = this.dependencies.bus.subscribe(store.tenant, jobId, (state) => {
      inbox.latest = state;
      inbox.wake?.();
    });
    let seen = '';
    try {
      for (;;) {
        const view = await this.look(store, jobId, inbox);
        if (!view) return;
        const mark = markOf(view);
        if (mark !== seen) yield view;
        seen = mark;
        if (ENDED.has(view.job.status) || Date.now() >= deadline) return;
        if (!inbox.latest) await pause(Math.min(WATCH_EVERY_MS, deadline - Date.now()), inbox);
      }
    } finally {
      unsubscribe();
    }
  }

  private async look(
    store: TenantStore,
    jobId: string,
    inbox: { latest?: JobState },
  ): Promise<IngestionView | undefined> {
    const { latest } = inbox;
    inbox.latest = undefined;
    if (latest) return { job: { ...latest.job }, files: latest.files.map((file) => ({ ...file })) };
    const job = await store.knowledge.findJob(jobId);
    return job ? { job, files: await store.knowledge.filesOf(jobId) } : undefined;
  }
}

/** Equal for equal states. */
const markOf = ({ job, files }: IngestionView): string =>
  `${job.status} ${files.map((file) => `${file.status[0]}${file.status[1]}${file.chunksDone}`).join()}`;

function pause(ms: number, inbox: { wake?: () => void }): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms));
    inbox.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
