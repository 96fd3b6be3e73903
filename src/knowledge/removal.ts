import type { Clock } from '../ports/clock';
import type { FileStorage } from '../ports/files';
import type { KnowledgeBaseRecord, KnowledgeDocumentRecord } from '../ports/knowledge';
import type { Logger } from '../ports/logger';
import type { SearchIndex } from '../ports/search';
import type { TenantStore } from '../ports/stores';
import { removeUnneeded } from './ingestion/ingest-file';

/** Rows removed at once. */
const REMOVED_AT_ONCE = 500;
/** A worker that lost its base or document may write for one lease more; so content is looked for once more after two. */
const LEASES_UNTIL_DUE = 2;

export interface RemovalDependencies {
  index: SearchIndex;
  storage: Pick<FileStorage, 'remove'>;
  /** Takes a deleted base from the agents that have it. */
  unbind: (store: TenantStore, knowledgeBaseId: string) => Promise<void>;
  clock: Clock;
  logger: Logger;
  /** How long a worker holds a job without a sign of life. Milliseconds. */
  leaseMs: number;
}

/**
 * Takes away what deleted bases and documents leave. Each of them is marked with the time at which nobody can write into it
 * any more; until it was removed after that, the mark stands, so that a removal which a crash cut off is done again.
 */
export class Removals {
  constructor(private readonly dependencies: RemovalDependencies) {}

  /** The mark of what is deleted at `at`. */
  dueAt(at: Date): Date {
    return new Date(at.getTime() + LEASES_UNTIL_DUE * this.dependencies.leaseMs);
  }

  /** Safe to repeat, and to do while a worker still writes: what it writes is seen by nobody. */
  async ofBase(store: TenantStore, base: KnowledgeBaseRecord): Promise<void> {
    const at = base.deletedAt ?? this.dependencies.clock.now();
    await store.knowledge.cancelJobs(base.id, 'The knowledge base was deleted.', at);
    await this.dependencies.unbind(store, base.id);
    await this.dependencies.index.removeBase(store.tenant, base.id);
    for (;;) {
      const ids = await store.knowledge.chunkIdsOfBase(base.id, REMOVED_AT_ONCE);
      if (ids.length === 0) break;
      await store.knowledge.removeChunks(ids);
    }
    for (;;) {
      const documents = await store.knowledge.listDocuments(
        { knowledgeBaseId: base.id },
        { limit: REMOVED_AT_ONCE },
      );
      if (documents.length === 0) break;
      for (const document of documents) await this.forget(store, document);
    }
  }

  /** Safe to repeat. */
  async ofDocument(store: TenantStore, document: KnowledgeDocumentRecord): Promise<void> {
    const { id, knowledgeBaseId, storageKey } = document;
    await removeUnneeded(store, this.dependencies.index, knowledgeBaseId, id);
    await this.dependencies.storage.remove(storageKey);
  }

  /**
   * Removes again what is due.
   * @param soleWorker no other process can reach the database: nobody is left to write into what an earlier one deleted
   */
  async sweep(store: TenantStore, soleWorker: boolean): Promise<void> {
    const dueBy = soleWorker ? null : this.dependencies.clock.now();
    const { knowledge } = store;
    for (const base of await knowledge.basesToRemove(dueBy, REMOVED_AT_ONCE))
      await this.settle({ knowledgeBaseId: base.id }, async () => {
        await this.ofBase(store, base);
        await knowledge.baseRemoved(base.id);
      });
    for (const document of await knowledge.documentsToRemove(dueBy, REMOVED_AT_ONCE))
      await this.settle({ documentId: document.id }, async () => {
        await this.ofDocument(store, document);
        await knowledge.documentRemoved(document.id);
      });
  }

  /** One that cannot be removed now keeps its mark and stands in nobody's way. */
  private async settle(what: object, remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
    } catch (error) {
      this.dependencies.logger.warn({ err: error, ...what }, 'deleted content could not be removed yet');
    }
  }

  private async forget(store: TenantStore, { id, storageKey }: KnowledgeDocumentRecord): Promise<void> {
    await this.dependencies.storage.remove(storageKey);
    await store.knowledge.updateDocument(id, { deletedAt: this.dependencies.clock.now(), contentKey: id });
  }
}
