import { DomainError } from '../../errors';
import type { KnowledgeBaseRecord, KnowledgeChunkRecord } from '../../ports/knowledge';
import type { Logger } from '../../ports/logger';
import type { SearchIndex } from '../../ports/search';
import type { TenantStore } from '../../ports/stores';
import { chunkFacts } from '../facts';
import { unpackVector } from '../vectors';
import { neededRevisions } from '../visibility';

const CHUNKS_AT_ONCE = 256;
/** How long a search waits for an index that is being filled; then it asks the caller to come back. */
const PATIENCE_MS = 10_000;
const RETRY_AFTER_MS = 5_000;

export interface IndexKeeperDependencies {
  index: SearchIndex;
  logger: Logger;
  /** For tests. */
  patienceMs?: number;
}

/**
 * Fills the index of a base again from the database when it has less than it should: its files were lost, are of an
 * earlier version, or the deployment has moved to another index. Looked at once per base and process.
 */
export class IndexKeeper {
  private readonly kept = new Map<string, Promise<void>>();
  /** Those that were looked at: nobody waits for them any more. */
  private readonly whole = new Set<string>();

  constructor(private readonly dependencies: IndexKeeperDependencies) {}

  /** @throws DomainError `not_ready` while the index is being filled */
  async ensure(store: TenantStore, base: KnowledgeBaseRecord): Promise<void> {
    const key = JSON.stringify([store.tenant, base.id]);
    if (this.whole.has(key)) return;
    let keeping = this.kept.get(key);
    if (!keeping) {
      keeping = this.fillIfLacking(store, base);
      this.kept.set(key, keeping);
      // A failure is told to those who wait now; the next search tries again.
      keeping.then(
        () => {
          this.whole.add(key);
          this.kept.delete(key);
        },
        () => this.kept.delete(key),
      );
    }
    await this.within(keeping, base);
  }

  private async within(work: Promise<void>, base: KnowledgeBaseRecord): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new DomainError(
              'not_ready',
              `The search index of knowledge base ${base.id} is being filled again.`,
              {
                retryAfterMs: RETRY_AFTER_MS,
              },
            ),
          ),
        this.dependencies.patienceMs ?? PATIENCE_MS,
      );
    });
    try {
      await Promise.race([work, patience]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async fillIfLacking(store: TenantStore, base: KnowledgeBaseRecord): Promise<void> {
    const [indexed, stored] = await Promise.all([
      this.dependencies.index.statistics(store.tenant, base.id),
      store.knowledge.statistics([base.id]),
    ]);
    const wanted = stored.get(base.id)?.chunks ?? 0;
    if (indexed.chunks >= wanted) return;
    const { logger } = this.dependencies;
    const fields = { tenant: store.tenant, knowledgeBaseId: base.id };
    logger.warn(
      { ...fields, indexed: indexed.chunks, stored: wanted },
      'search index lacks chunks, filling it',
    );
    const filled = await this.fill(store, base);
    logger.info({ ...fields, filled }, 'search index filled again');
  }

  /** @returns how many chunks were put */
  private async fill(store: TenantStore, base: KnowledgeBaseRecord): Promise<number> {
    let filled = 0;
    let last: string | null = null;
    for (;;) {
      const chunks: KnowledgeChunkRecord[] = await store.knowledge.chunksOfBase(
        base.id,
        last,
        CHUNKS_AT_ONCE,
      );
      if (chunks.length === 0) return filled;
      filled += await this.put(store, base, chunks);
      last = chunks.at(-1)!.id;
    }
  }

  private async put(
    store: TenantStore,
    base: KnowledgeBaseRecord,
    chunks: KnowledgeChunkRecord[],
  ): Promise<number> {
    const ids = [...new Set(chunks.map(({ documentId }) => documentId))];
    const documents = new Map((await store.knowledge.findDocuments(ids)).map((one) => [one.id, one]));
    // A refresh with another model has vectors of another length.
    const byDimension = new Map<number, Parameters<SearchIndex['put']>[2]>();
    for (const { vector: bytes, ...record } of chunks) {
      const document = documents.get(record.documentId);
      if (!document || !isNeeded(document, record.revision)) continue;
      const vector = unpackVector(bytes);
      const list = byDimension.get(vector.length) ?? [];
      const title = document.title ?? document.fileName;
      list.push({ record: { ...record, metadata: chunkFacts(document, record) }, vector, title });
      byDimension.set(vector.length, list);
    }
    let count = 0;
    for (const [dimension, list] of byDimension) {
      await this.dependencies.index.put(store.tenant, { ...base, dimension }, list);
      count += list.length;
    }
    return count;
  }
}

/** Also what an ingestion is writing now: it is published only after it was put. */
function isNeeded(document: Parameters<typeof neededRevisions>[0], revision: number): boolean {
  const needed = neededRevisions(document);
  return document.deletedAt === null && (needed.has(revision) || revision >= Math.max(0, ...needed));
}
