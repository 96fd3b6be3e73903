import { DomainError, notFound } from '../errors';
import { decodeCursor, encodeCursor, type PageArguments, toPage } from '../cursor';
import { invalid } from '../errors';
import { assertMaker, mayGovern } from '../identity/access';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type {
  BaseStatistics,
  ChunkWithoutVector,
  KnowledgeBaseRecord,
  KnowledgeDocumentRecord,
} from '../ports/knowledge';
import type { JsonObject, JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import { factsOf } from './facts';
import { livingBase, livingDocument } from './find';
import { describeMetadata, type MetadataField } from './metadata-schema';
import { matchesMetadata, parseMetadataFilter } from './metadata-filter';
import type { Removals } from './removal';
import { visibleRevision } from './visibility';

/** Documents read at once where all of a base are looked at. */
const DOCUMENTS_AT_ONCE = 200;

export interface ChunkView extends ChunkWithoutVector {
  document: KnowledgeDocumentRecord;
}

export interface FilePage {
  rows: KnowledgeDocumentRecord[];
  total: number;
  nextCursor: string | null;
}

export interface ChunkPage {
  rows: ChunkView[];
  total: number;
  nextCursor: string | null;
}

export interface BaseSummary {
  base: KnowledgeBaseRecord;
  statistics: BaseStatistics;
  byStatus: { status: string; files: number }[];
  largest: KnowledgeDocumentRecord[];
  fields: MetadataField[];
}

export interface DocumentDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  removals: Removals;
  clock: Clock;
}

/** Files of knowledge bases and the chunks that were made of them. */
export class KnowledgeDocuments {
  constructor(private readonly dependencies: DocumentDependencies) {}

  /** Newest first. */
  async files(principal: Principal, reference: string, page: PageArguments): Promise<FilePage> {
    const { limit, offset, after } = toPage(page);
    const { store, base } = await this.open(principal, reference);
    const filter = { knowledgeBaseId: base.id };
    const [rows, total] = await Promise.all([
      store.knowledge.listDocuments(filter, { limit: limit + 1, offset, after }),
      store.knowledge.countDocuments(filter),
    ]);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return { rows: shown, total, nextCursor: rows.length > limit && last ? positionOf(last) : null };
  }

  /** Chunks in the order of the documents, newest first, and of their places in them. */
  async chunks(
    principal: Principal,
    reference: string,
    page: PageArguments & { documentId?: string | null },
  ): Promise<ChunkPage> {
    const { store, base } = await this.open(principal, reference);
    if (page.documentId) await livingDocument(store, base, page.documentId);
    return this.walk(store, base, page, page.documentId ? [page.documentId] : undefined);
  }

  /** Chunks whose metadata fit the filter. @throws DomainError `validation_failed` naming the bad part */
  async filter(
    principal: Principal,
    reference: string,
    filter: JsonValue,
    page: PageArguments,
  ): Promise<FilePage> {
    const parsed = parseMetadataFilter(filter, 'metadata_filters');
    const { limit, offset, after } = toPage(page);
    const { store, base } = await this.open(principal, reference);
    const fitting: KnowledgeDocumentRecord[] = [];
    for await (const document of this.all(store, base))
      if (!parsed || matchesMetadata(parsed, factsOf(document))) fitting.push(document);
    const from = after ? fitting.findIndex(({ id }) => id < after.id) : offset;
    const rows = from < 0 ? [] : fitting.slice(from, from + limit);
    const more = from >= 0 && from + limit < fitting.length;
    return { rows, total: fitting.length, nextCursor: more ? positionOf(rows.at(-1)!) : null };
  }

  /** @throws DomainError `not_found` for a chunk that is not seen (any more) */
  async chunk(principal: Principal, reference: string, chunkId: string): Promise<ChunkView> {
    const { store, base } = await this.open(principal, reference);
    const chunk = await store.knowledge.findChunk(chunkId);
    const document = chunk && (await store.knowledge.findDocument(chunk.documentId));
    if (
      !document ||
      chunk.knowledgeBaseId !== base.id ||
      visibleRevision(document, base.generation) !== chunk.revision
    )
      throw new DomainError('not_found', `Knowledge base ${base.name} has no chunk ${chunkId}.`);
    return { ...chunk, document };
  }

  async document(
    principal: Principal,
    reference: string,
    documentId: string,
  ): Promise<KnowledgeDocumentRecord> {
    const { store, base } = await this.open(principal, reference);
    return livingDocument(store, base, documentId);
  }

  async summary(principal: Principal, reference: string): Promise<BaseSummary> {
    const { store, base } = await this.open(principal, reference);
    const statuses = new Map<string, number>();
    const documents: KnowledgeDocumentRecord[] = [];
    for await (const document of this.all(store, base)) {
      documents.push(document);
      statuses.set(document.status, (statuses.get(document.status) ?? 0) + 1);
    }
    const statistics = (await store.knowledge.statistics([base.id])).get(base.id)!;
    return {
      base,
      statistics,
      byStatus: [...statuses].map(([status, files]) => ({ status, files })),
      largest: documents.sort((a, b) => b.chunkCount - a.chunkCount).slice(0, LARGEST_SHOWN),
      fields: describeMetadata(documents.map(factsOf)),
    };
  }

  async metadataSchema(principal: Principal, reference: string): Promise<MetadataField[]> {
    const { store, base } = await this.open(principal, reference);
    const facts: JsonObject[] = [];
    for await (const document of this.all(store, base)) facts.push(factsOf(document));
    return describeMetadata(facts);
  }

  /**
   * From here on nobody sees it; a job that ingests it ends, and its chunks and its file are removed.
   * @throws DomainError `forbidden` unless the maker of the document or of its base, or an admin, asks
   */
  async remove(
    principal: Principal,
    reference: string,
    documentId: string,
  ): Promise<{ id: string; message: string }> {
    const { store, base } = await this.open(principal, reference);
    const document = await livingDocument(store, base, documentId);
    if (!mayGovern(principal, base))
      assertMaker(principal, document, `Document ${document.fileName}`, 'deleting it');
    const { removals, clock } = this.dependencies;
    const at = clock.now();
    const removed = await store.knowledge.updateDocument(documentId, {
      deletedAt: at,
      updatedAt: at,
      contentKey: documentId,
      removalDueAt: removals.dueAt(at),
    });
    if (!removed) throw notFound('Document', documentId);
    await removals.ofDocument(store, document);
    return { id: documentId, message: `Document ${document.fileName} was deleted.` };
  }

  /** Pages over the chunks of documents as over one list. */
  private async walk(
    store: TenantStore,
    base: KnowledgeBaseRecord,
    page: PageArguments,
    only?: string[],
  ): Promise<ChunkPage> {
    const { limit, offset } = toPage({ limit: page.limit, offset: page.offset });
    let skip = page.cursor ? offsetOf(page.cursor) : offset;
    const start = skip;
    const rows: ChunkView[] = [];
    let total = 0;
    for await (const document of this.all(store, base, only)) {
      const revision = visibleRevision(document, base.generation);
      if (revision === null) continue;
      total += document.chunkCount;
      if (skip >= document.chunkCount) skip -= document.chunkCount;
      else if (rows.length < limit) {
        const to = skip + limit - rows.length;
        const found = await store.knowledge.chunksOf({ documentId: document.id, revision }, skip, to);
        rows.push(...found.map((chunk) => ({ ...chunk, document })));
        skip = 0;
      }
    }
    const end = start + rows.length;
    return { rows, total, nextCursor: end < total && rows.length > 0 ? chunkCursor(end) : null };
  }

  private async *all(
    store: TenantStore,
    base: KnowledgeBaseRecord,
    only?: string[],
  ): AsyncGenerator<KnowledgeDocumentRecord> {
    if (only) {
      yield* (await store.knowledge.findDocuments(only)).filter(({ deletedAt }) => !deletedAt);
      return;
    }
    let after: { at: Date; id: string } | undefined;
    for (;;) {
      const page = { limit: DOCUMENTS_AT_ONCE, ...(after ? { after } : {}) };
      const rows = await store.knowledge.listDocuments({ knowledgeBaseId: base.id }, page);
      yield* rows;
      const last = rows.at(-1);
      if (!last || rows.length < DOCUMENTS_AT_ONCE) return;
      after = { at: last.createdAt, id: last.id };
    }
  }

  private async open(
    principal: Principal,
    reference: string,
  ): Promise<{ store: TenantStore; base: KnowledgeBaseRecord }> {
    const store = await this.dependencies.open(principal.tenant);
    return { store, base: await livingBase(store, reference) };
  }
}

const LARGEST_SHOWN = 10;

const positionOf = (row: { createdAt: Date; id: string }): string =>
  encodeCursor({ at: row.createdAt, id: row.id });

const OFFSET_MARK = 'offset';

const chunkCursor = (offset: number): string => encodeCursor({ at: new Date(offset), id: OFFSET_MARK });

/** @throws DomainError `validation_failed` naming `cursor` */
function offsetOf(cursor: string): number {
  const { at, id } = decodeCursor(cursor);
  if (id !== OFFSET_MARK)
    throw invalid('cursor', 'is no cursor of this list; take next_cursor of an earlier page');
  return at.getTime();
}
