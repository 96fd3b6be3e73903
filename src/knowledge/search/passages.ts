import { LRUCache } from 'lru-cache';
import type { ChunkWithoutVector } from '../../ports/knowledge';
import type { TenantStore } from '../../ports/stores';

/** Of all tenants together. Bytes. */
const MOST_BYTES = 32 * 1024 * 1024;
/** What nobody finds any more, as it was deleted or replaced, stays in memory no longer. */
const KEPT_MS = 60_000;
/** A chunk without its text and metadata, roughly. Bytes. */
const ROW_BYTES = 500;

/**
 * Chunks for searches to show. What is written under the id of a chunk never changes, and who asks has just read that its
 * revision is visible: so popular ones are answered from memory. Not for those who want to know whether a chunk is there.
 */
export class Passages {
  private readonly known: LRUCache<string, ChunkWithoutVector>;

  constructor(mostBytes = MOST_BYTES) {
    this.known = new LRUCache({ maxSize: mostBytes, ttl: KEPT_MS, sizeCalculation: bytesOf });
  }

  /** Those that are there, by id. @param ids chunks that were found visible a moment ago */
  async find(store: TenantStore, ids: string[]): Promise<Map<string, ChunkWithoutVector>> {
    const known = ids.map((id) => this.known.get(keyOf(store.tenant, id)));
    const missing = ids.filter((_, index) => !known[index]);
    const read = missing.length > 0 ? await store.knowledge.findChunks(missing) : [];
    for (const chunk of read) this.known.set(keyOf(store.tenant, chunk.id), chunk);
    return new Map([...known, ...read].flatMap((chunk) => (chunk ? [[chunk.id, chunk]] : [])));
  }
}

const keyOf = (tenant: string, chunkId: string): string => JSON.stringify([tenant, chunkId]);

const bytesOf = ({ text, metadata }: ChunkWithoutVector): number =>
  ROW_BYTES + 2 * (text.length + JSON.stringify(metadata).length);
