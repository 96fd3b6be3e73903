import { DomainError } from '../../errors';
import { stableId } from '../../ids';
import type { Clock } from '../../ports/clock';
import type { IngestionFileRecord, IngestionJobRecord, KnowledgeBaseRecord } from '../../ports/knowledge';
import type { TenantStore } from '../../ports/stores';
import type { Crawling } from './crawling';
import type { FileIngestion } from './ingest-file';
import type { JobProgress } from './progress';
import type { RefreshSwitch } from './refresh-switch';

/** Files of one job that are worked on at once: while one is embedded, others are read and stored. */
const FILES_AT_ONCE = 4;

export interface WorkDependencies {
  files: FileIngestion;
  crawling: Crawling;
  refresh: RefreshSwitch;
  clock: Clock;
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
    // Documents that are added meanwhile are built as well, until none is missing.
    for (;;) {
      work.progress.add(await refresh.missingFiles(work));
      const { unfinished } = work.progress;
      if (unfinished.length === 0) break;
      await this.ingestAll(work, unfinished, 'staged');
    }
    return refresh.switchOver(work);
  }

  /** Pages are ingested while others are fetched. */
  private async crawl(work: Work): Promise<void> {
    const active = new Set<Promise<void>>();
    const begin = async (file: IngestionFileRecord): Promise<void> => {
      const ingestion = this.ingestAll(work, [file], 'live').finally(() => active.delete(ingestion));
      // Whoever waits for it below sees its failure; until then it must not count as unhandled.
      ingestion.catch(() => undefined);
      active.add(ingestion);
      if (active.size >= FILES_AT_ONCE) await Promise.race(active);
    };
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

  /** The first job decides whether the base came to be; later ones leave it as it is. */
  private async settleBase({ store, base, progress }: Work): Promise<void> {
    const { completed } = progress.state.job;
    if (base.status === 'completed') return;
    await store.knowledge.updateBase(base.id, {
      status: completed > 0 ? 'completed' : 'failed',
      updatedAt: this.dependencies.clock.now(),
    });
  }
}

/** A file's row in a job: the same for the same document, however often it is made. */
export function fileRow(
  job: Pick<IngestionJobRecord, 'id' | 'knowledgeBaseId' | 'generation'>,
  file: Pick<IngestionFileRecord, 'documentId' | 'fileName' | 'position' | 'revision' | 'createdAt'> & {
    unchanged?: boolean;
  },
): IngestionFileRecord {
  const unchanged = file.unchanged ?? false;
  return {
    id: stableId(`${job.id}/${file.documentId}`),
    jobId: job.id,
    knowledgeBaseId: job.knowledgeBaseId,
    documentId: file.documentId,
    fileName: file.fileName,
    position: file.position,
    revision: file.revision,
    generation: job.generation,
    status: unchanged ? 'completed' : 'queued',
    error: null,
    chunksTotal: 0,
    chunksDone: 0,
    vectorsReused: 0,
    unchanged,
    attempts: 0,
    createdAt: file.createdAt,
    startedAt: null,
    finishedAt: unchanged ? file.createdAt : null,
  };
}
