import type { Clock } from '../../ports/clock';
import type { IngestionFileRecord, IngestionJobRecord } from '../../ports/knowledge';
import type { JsonValue } from '../../ports/records';
import type { TenantStore } from '../../ports/stores';
import type { SearchIndex } from '../../ports/search';
import type { GateReport } from '../golden-queries';
import { removeRevision, removeUnneeded } from './ingest-file';
import { fileRow, type Work } from './work';

/** Documents taken into a refresh at once. */
const DOCUMENTS_AT_ONCE = 500;

export interface RefreshDependencies {
  index: SearchIndex;
  /** Asks the golden queries of the base of one of its generations. */
  gate: (work: Work, generation: number) => Promise<GateReport>;
  /** Told of documents that slipped in during the switch, so that they are built as well. */
  onMissed: (store: TenantStore, knowledgeBaseId: string, documentIds: string[]) => Promise<void>;
  clock: Clock;
}

/** The end of a refresh: everything is built beside what is live; one write makes it live, or nothing does. */
export class RefreshSwitch {
  constructor(private readonly dependencies: RefreshDependencies) {}

  /** Files for documents that the new generation lacks and this job has not tried. */
  async missingFiles({ store, progress }: Pick<Work, 'store' | 'progress'>): Promise<IngestionFileRecord[]> {
    const { job, files } = progress.state;
    const tried = new Set(files.map(({ documentId }) => documentId));
    const ids = await store.knowledge.documentsWithout(
      job.knowledgeBaseId,
      job.generation,
      DOCUMENTS_AT_ONCE + tried.size,
    );
    const missing: IngestionFileRecord[] = [];
    for (const document of await store.knowledge.findDocuments(ids.filter((id) => !tried.has(id)))) {
      const revision = await store.knowledge.takeRevision(document.id);
      if (revision === null) continue;
      const { id: documentId, fileName } = document;
      const position = files.length + missing.length;
      missing.push(
        fileRow(job, { documentId, fileName, position, revision, createdAt: this.dependencies.clock.now() }),
      );
    }
    await store.knowledge.addFiles(missing);
    return missing;
  }

  /** Makes the new generation live when every document was built and the gate lets it; else leaves the old one. */
  async switchOver(work: Work): Promise<Partial<IngestionJobRecord>> {
    const { store, base, progress } = work;
    const { job } = progress.state;
    // Stored before anything is dropped: who takes this over must not judge what is left.
    const refused = job.error === null ? await this.refusal(work) : { error: job.error, gate: job.gate };
    await progress.flush(refused);
    if (refused) {
      await this.drop(work);
      return { status: 'failed', error: refused.error, gate: refused.gate };
    }
    const gate = job.gate ?? null;
    const switched = await store.knowledge.endRefresh(base.id, job.id, {
      generation: job.generation,
      embeddingModel: base.embeddingModel,
      dimension: base.dimension,
      // A base of which nothing could be read before, and now, has not come to be.
      status: job.completed > 0 ? 'completed' : base.status,
      updatedAt: this.dependencies.clock.now(),
    });
    // False when a worker that died after the switch did it already.
    const current = switched ? undefined : await store.knowledge.findBase(base.id);
    if (current && current.generation < job.generation) return this.displaced(work);
    await this.clean(work);
    return { gate };
  }

  private async displaced(work: Work): Promise<Partial<IngestionJobRecord>> {
    await this.drop(work);
    return { status: 'failed', error: 'Another refresh took the place of this one.' };
  }

  private async refusal(work: Work): Promise<{ error: string; gate: JsonValue } | undefined> {
    const { job, files } = work.progress.state;
    const broken = files.filter(({ status }) => status === 'failed');
    const documents = await work.store.knowledge.findDocuments(broken.map(({ documentId }) => documentId));
    // A document that was never readable takes nothing from anybody.
    const lost = new Set(documents.filter((one) => one.liveRevision !== null).map(({ id }) => id));
    const failed = broken.filter(({ documentId }) => lost.has(documentId));
    if (failed.length > 0) {
      const error = `${failed.length} of ${files.length} documents could not be built again (${failed[0]!.fileName}: ${failed[0]!.error}); the old index stays.`;
      return { error, gate: null };
    }
    const report = await this.dependencies.gate(work, job.generation);
    job.gate = report as unknown as JsonValue;
    const missed = report.queries.filter(({ passed }) => !passed);
    if (missed.length === 0) return undefined;
    const error = `The new index does not answer ${missed.length} of ${report.queries.length} golden queries ("${missed[0]!.query}": ${missed[0]!.reason}); the old index stays.`;
    return { error, gate: job.gate };
  }

  /** The old chunks, and those that slipped in unbuilt. */
  private async clean({ store, base, progress }: Work): Promise<void> {
    const { job, files } = progress.state;
    await store.knowledge.settleGeneration(base.id, job.generation);
    for (const { documentId } of files)
      await removeUnneeded(store, this.dependencies.index, base.id, documentId);
    const missed = await store.knowledge.documentsBefore(base.id, job.generation, DOCUMENTS_AT_ONCE);
    if (missed.length > 0) await this.dependencies.onMissed(store, base.id, missed);
  }

  /** Forgets what was built; safe to repeat. */
  async drop({ store, base, progress }: Omit<Work, 'signal'>): Promise<void> {
    const { job, files } = progress.state;
    await store.knowledge.dropStaged(base.id, job.generation);
    for (const { documentId, revision } of files)
      await removeRevision(store, this.dependencies.index, base.id, { documentId, revision });
    await store.knowledge.endRefresh(base.id, job.id, { updatedAt: this.dependencies.clock.now() });
  }
}
