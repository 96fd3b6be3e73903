import { DomainError } from '../../errors';
import type { Clock } from '../../ports/clock';
import type { Principal } from '../../ports/identity';
import type { IngestionJobRecord, KnowledgeBaseRecord } from '../../ports/knowledge';
import type { JsonValue } from '../../ports/records';
import type { TenantStore } from '../../ports/stores';
import type { BaseForm } from '../base-form';
import type { BaseView, CrawlForm, KnowledgeBases } from '../bases';
import type { Embeddings } from '../../ports/embeddings';
import { livingBase, livingDocument } from '../find';
import type { Intake } from './intake';
import type { IngestionJobs, IngestionView } from './jobs';
import type { IncomingFile, Uploads } from './uploads';
import { NOT_BEGUN } from './work';

export interface IngestionServiceDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  bases: KnowledgeBases;
  uploads: Uploads;
  intake: Intake;
  jobs: IngestionJobs;
  embeddings: Embeddings;
  clock: Clock;
  /** How long the making of a base from files waits for the index. Milliseconds. */
  waitMs: number;
}

/** What the making of a base answers. */
export interface CreatedBase extends BaseView {
  view: IngestionView;
  filesUploaded: number;
}

export interface QueuedFiles {
  knowledgeBaseId: string;
  jobId: string;
  filesQueued: number;
}

const ENDED = new Set(['completed', 'failed']);

/** Brings documents into knowledge bases, and builds them again. */
export class Ingestion {
  constructor(private readonly dependencies: IngestionServiceDependencies) {}

  /**
   * Makes a base and waits for its index for a while; past that, the job goes on and says so. What an earlier try of the
   * same request made, whose process died over it, is gone on with.
   * @param id of the base, where the request may be tried again
   * @throws DomainError `validation_failed`, `conflict`, `payload_too_large`, `unsupported_media_type`; nothing is made then
   */
  async createFromFiles(
    principal: Principal,
    form: BaseForm,
    files: IncomingFile[],
    id?: string,
  ): Promise<CreatedBase> {
    const { bases, uploads, jobs, intake, waitMs } = this.dependencies;
    await uploads.check(principal, files);
    const draft = await bases.draft(principal, form, { id });
    const store = await this.store(principal);
    const begun = await bases.begun(store, draft);
    const base = begun ?? draft;
    const newBase = {
      make: () => bases.store(store, base),
      unmake: async () => void (await bases.remove(principal, base.id)),
    };
    const job = await intake.receive(
      store,
      jobs.newJob(base, principal.userId, 'create'),
      files,
      begun ? undefined : newBase,
    );
    const view = await jobs.wait(store, job.id, waitMs);
    await bases.answered(store, base.id);
    return { ...(await bases.get(principal, base.id)), view, filesUploaded: files.length };
  }

  async createFromUrl(principal: Principal, form: CrawlForm, id?: string): Promise<CreatedBase> {
    const { bases, jobs } = this.dependencies;
    const draft = await bases.draft(principal, form, { crawl: form, id });
    const store = await this.store(principal);
    const begun = await bases.begun(store, draft);
    const base = begun ?? draft;
    const job = await jobs.prepare(store, jobs.newJob(base, principal.userId, 'crawl'), [], async () => {
      if (!begun) await bases.store(store, base);
      return {};
    });
    await bases.answered(store, base.id);
    return { ...(await bases.get(principal, base.id)), view: { job, files: [] }, filesUploaded: 0 };
  }

  /** Answers at once; the files are ingested in the background. */
  async addDocuments(principal: Principal, reference: string, files: IncomingFile[]): Promise<QueuedFiles> {
    const { uploads, intake, jobs } = this.dependencies;
    await uploads.check(principal, files);
    const store = await this.store(principal);
    const base = await livingBase(store, reference);
    const job = await intake.receive(store, jobs.newJob(base, principal.userId, 'add'), files);
    return { knowledgeBaseId: base.id, jobId: job.id, filesQueued: files.length };
  }

  /**
   * Builds every document again beside the live index, and switches when all are done and the golden queries are answered.
   * @param embeddingModel another model; null for the deployment's own; undefined keeps it
   * @throws DomainError `conflict` while another refresh is under way
   */
  async refreshBase(
    principal: Principal,
    reference: string,
    embeddingModel?: string | null,
  ): Promise<IngestionJobRecord> {
    const { jobs, clock } = this.dependencies;
    const store = await this.store(principal);
    const base = await livingBase(store, reference);
    const settings = await this.embeddingSettings(embeddingModel);
    const job = { ...jobs.newJob(base, principal.userId, 'refresh', settings), generation: NOT_BEGUN };
    // The job first: a refresh whose job nobody finds would count as dead, and be displaced.
    return jobs.prepare(store, job, [], async () => {
      await this.releaseDeadRefresh(store, base);
      const refreshing = await store.knowledge.beginRefresh(base.id, job.id, clock.now());
      if (!refreshing)
        throw new DomainError(
          'conflict',
          `Knowledge base ${base.name} is being refreshed already; wait for it.`,
        );
      return { generation: refreshing.nextGeneration };
    });
  }

  /** Builds one document again: the old chunks stay until the new ones are there. */
  async refreshDocument(
    principal: Principal,
    reference: string,
    documentId: string,
  ): Promise<IngestionJobRecord> {
    const store = await this.store(principal);
    const base = await livingBase(store, reference);
    await livingDocument(store, base, documentId);
    return this.refreshDocuments(store, base, principal.userId, [documentId]);
  }

  async refreshDocuments(
    store: TenantStore,
    base: KnowledgeBaseRecord,
    userId: string,
    documentIds: string[],
  ): Promise<IngestionJobRecord> {
    const { jobs } = this.dependencies;
    const documents = await store.knowledge.findDocuments(documentIds);
    return jobs.submit(store, jobs.newJob(base, userId, 'refresh_document'), documents);
  }

  private async embeddingSettings(model: string | null | undefined): Promise<JsonValue> {
    if (model === undefined) return null;
    const { embeddings } = this.dependencies;
    const { id, dimension } =
      model === null ? await embeddings.defaultModel() : await embeddings.describe(model);
    return { embeddingModel: id, dimension };
  }

  /** A refresh that failed in a way that could not clean up must not stand in the way of the next one. */
  private async releaseDeadRefresh(store: TenantStore, base: KnowledgeBaseRecord): Promise<void> {
    const dead = base.refreshJobId === null ? null : await store.knowledge.findJob(base.refreshJobId);
    if (base.refreshJobId === null || (dead && !isEnded(dead))) return;
    if (dead) await store.knowledge.dropStaged(base.id, dead.generation);
    await store.knowledge.endRefresh(base.id, base.refreshJobId, {
      updatedAt: this.dependencies.clock.now(),
    });
  }

  private store(principal: Principal): Promise<TenantStore> {
    return this.dependencies.open(principal.tenant);
  }
}

const isEnded = ({ status }: IngestionJobRecord): boolean => ENDED.has(status) || status === 'cancelled';

/** `processing` while the job goes on; a job that has ended says how. */
export const creationStatus = ({ view }: CreatedBase): string =>
  isEnded(view.job) ? view.job.status : 'processing';
