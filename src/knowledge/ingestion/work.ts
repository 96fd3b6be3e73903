import { DomainError } from '../../errors';
import { stableId } from '../../ids';
import type { Clock } from '../../ports/clock';
import type { IngestionFileRecord, IngestionJobRecord, KnowledgeBaseRecord } from '../../ports/knowledge';
import type { TenantStore } from '../../ports/stores';
import type { Crawling } from './crawling';
import type { FileIngestion } from './ingest-file';
import type { JobProgress } from './progress';
import type { RefreshSwitch } from './refresh-switch';

/**
 * Files of one job that are worked on at once: what they write and embed travels together. How many large ones are in memory
 * is bounded by `Room`.
 */
const FILES_AT_ONCE = 32;
/** Pages that are ingested while others are fetched. */
const PAGES_AT_ONCE = 4;
/** The generation of a refresh that has none yet. */
export const NOT_BEGUN = -1;

export interface WorkDependencies {
  files: FileIngestion;
  crawling: Crawling;
  refresh: RefreshSwitch;
  clock: Clock;
  workerId: string;
  /** Removes a base of which nothing came. */
  discard: (store: TenantStore, base: KnowledgeBaseRecord) => Promise<void>;
}

/** What a job is at work with. */
export interface Work {
  store: TenantStore;
  progress: JobProgress;
  signal: AbortSignal;
  base: KnowledgeBaseRecord;
}

/** Does what the job is for; each kind is a row of files, with something before or after it. */
export class IngestionWork {
  constructor(private readonly dependencies: WorkDependencies) {}

  async run(given: Omit<Work, 'base'>): Promise<Partial<IngestionJobRecord>> {
    const { store, progress } = given;
    const { job } = progress.state;
    const base = await store.knowledge.findBase(job.knowledgeBaseId);
    if (!base || base.deletedAt)
      throw new DomainError('not_found', `Knowledge base ${job.knowledgeBaseId} was deleted.`);
    const work: Work = { ...given, base: { ...base, ...(job.settings as object | null) } };
    if (job.operation === 'refresh') return this.refresh(work);
    if (job.operation === 'crawl') await this.crawl(work);
    else await this.ingestAll(work, progress.unfinished, 'live');
    await this.settleBase(work);
    return {};
  }

  private async refresh(work: Work): Promise<Partial<IngestionJobRecord>> {
    const { refresh } = this.dependencies;
    await this.beginIfCutOff(work);
    // Documents that are added meanwhile are built as well, until none is missing.
    for (;;) {
      work.progress.add(await refresh.missingFiles(work));
      const { unfinished } = work.progress;
      if (unfinished.length === 0) break;
      await this.ingestAll(work, unfinished, 'staged');
    }
    return refresh.switchOver(work);
  }

  /** A process may have died after it began the refresh and before it said so. */
  private async beginIfCutOff({ base, progress }: Work): Promise<void> {
    const { job } = progress.state;
    if (job.generation !== NOT_BEGUN) return;
    if (base.refreshJobId !== job.id)
      throw new DomainError('conflict', 'The refresh was interrupted before it began; start it again.');
    await progress.flush({ generation: base.nextGeneration });
  }

  /** Pages are ingested while others are fetched. */
  private async crawl(work: Work): Promise<void> {
    const active = new Set<Promise<void>>();
    const begin = async (file: IngestionFileRecord): Promise<void> => {
      const ingestion = this.ingestAll(work, [file], 'live').finally(() => active.delete(ingestion));
      // Whoever waits for it below sees its failure; until then it must not count as unhandled.
      ingestion.catch(() => undefined);
      active.add(ingestion);
      if (active.size >= PAGES_AT_ONCE) await Promise.race(active);
    };
    await this.dependencies.crawling.forgetInterrupted(work);
    for (const file of work.progress.unfinished) await begin(file);
    for await (const file of this.dependencies.crawling.files(work)) await begin(file);
    await Promise.all(active);
  }

  private async ingestAll(
    { store, base, progress, signal }: Work,
    files: IngestionFileRecord[],
    place: 'live' | 'staged',
  ): Promise<void> {
    const queue = [...files];
    const lane = async (): Promise<void> => {
      for (let file = queue.shift(); file; file = queue.shift()) {
        signal.throwIfAborted();
        await this.dependencies.files.ingest({ store, base, file, place, progress, signal });
      }
    };
    const lanes = await Promise.allSettled(
      Array.from({ length: Math.min(FILES_AT_ONCE, files.length) }, lane),
    );
    const failure = lanes.find((outcome) => outcome.status === 'rejected');
    if (failure) throw failure.reason;
  }

  /** Undoes what a job leaves that has failed as a whole: the base must not wait for it. */
  async abandon(work: Omit<Work, 'base' | 'signal'>): Promise<void> {
    const base = await work.store.knowledge.findBase(work.progress.state.job.knowledgeBaseId);
    if (!base || base.deletedAt) return;
    if (work.progress.state.job.operation === 'refresh')
      await this.dependencies.refresh.drop({ ...work, base });
    else await this.settleBase({ ...work, base });
  }

  /** The first job decides whether the base came to be; later ones leave it as it is. */
  private async settleBase({ store, base, progress }: Omit<Work, 'signal'>): Promise<void> {
    const { completed } = progress.state.job;
    if (base.status === 'completed') return;
    if (completed === 0 && (await this.isNobodys(store, base.id)))
      return this.dependencies.discard(store, base);
    await store.knowledge.updateBase(base.id, {
      status: completed > 0 ? 'completed' : 'failed',
      updatedAt: this.dependencies.clock.now(),
    });
  }

  /** Empty, and its maker died before anybody heard of it: it would only keep its name from the next try. */
  private async isNobodys(store: TenantStore, baseId: string): Promise<boolean> {
    const base = await store.knowledge.findBase(baseId);
    if (!base?.makingBy || base.makingBy === this.dependencies.workerId) return false;
    return (await store.knowledge.countDocuments({ knowledgeBaseId: baseId })) === 0;
  }
}

/** A file's row in a job: the same for the same document, however often it is made. */
export function fileRow(
  job: Pick<IngestionJobRecord, 'id' | 'knowledgeBaseId' | 'generation'>,
  file: Pick<IngestionFileRecord, 'documentId' | 'fileName' | 'position' | 'revision' | 'createdAt'> & {
    storageKey?: string;
  },
): IngestionFileRecord {
  return {
    id: stableId(`${job.id}/${file.documentId}`),
    jobId: job.id,
    knowledgeBaseId: job.knowledgeBaseId,
    documentId: file.documentId,
    fileName: file.fileName,
    storageKey: file.storageKey ?? null,
    position: file.position,
    revision: file.revision,
    generation: job.generation,
    status: 'queued',
    error: null,
    chunksTotal: 0,
    chunksDone: 0,
    vectorsReused: 0,
    unchanged: false,
    attempts: 0,
    createdAt: file.createdAt,
    startedAt: null,
    finishedAt: null,
  };
}
