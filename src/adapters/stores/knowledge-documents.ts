import type { Collection, Document } from 'mongodb';
import { FindBatch, toDocument, toRow, type WriteBatch } from './batches';
import type { DocumentFilter, KnowledgeDocumentHead, KnowledgeDocumentRecord } from '../../ports/knowledge';
import type { Page } from '../../ports/stores';
import { jsonData, nullIfMissing, type TenantClient } from './client';

const JSON_FIELDS = ['metadata', 'pages'] as const;
type Row = KnowledgeDocumentRecord;
/** Metadata and pages of long documents included they stay far below the 16 MiB of an answer. */
const MOST_READ_AT_ONCE = 50;
const HEAD = {
  fileName: 1,
  title: 1,
  liveRevision: 1,
  stagedGeneration: 1,
  stagedRevision: 1,
  createdAt: 1,
  deletedAt: 1,
} as const;

/** Rows of documents; a part of the knowledge store. */
export class KnowledgeDocumentRows {
  private readonly headBatch: FindBatch;
  private readonly finds: FindBatch;

  constructor(
    private readonly prisma: TenantClient,
    private readonly collection: () => Collection<Document>,
    private readonly writes: WriteBatch,
  ) {
    this.headBatch = new FindBatch(collection, { projection: HEAD });
    this.finds = new FindBatch(collection, { mostAtOnce: MOST_READ_AT_ONCE });
  }

  async find(id: string): Promise<Row | null> {
    const document = await this.finds.find(id);
    return document && toRow(document);
  }

  findMany(ids: string[]): Promise<Row[]> {
    return this.prisma.knowledgeDocument.findMany({
      where: { id: { in: ids } },
    }) as Promise<unknown> as Promise<Row[]>;
  }

  /** Straight from the driver: every search reads those of its best candidates. */
  async heads(ids: string[]): Promise<KnowledgeDocumentHead[]> {
    return (await this.headBatch.findAll(ids)).map((row) => toRow<KnowledgeDocumentHead>(row));
  }

  findByContent(knowledgeBaseId: string, sha256: string): Promise<Row | null> {
    return this.prisma.knowledgeDocument.findUnique({
      where: { knowledgeBaseId_contentKey: { knowledgeBaseId, contentKey: sha256 } },
    }) as Promise<Row | null>;
  }

  list(filter: DocumentFilter, page: Page): Promise<Row[]> {
    return this.prisma.knowledgeDocument.findMany({
      where: { ...living(filter), ...(page.after ? { id: { lt: page.after.id } } : {}) },
      // Ids are UUIDv7: newest first.
      orderBy: { id: 'desc' },
      take: page.limit,
      skip: page.after ? 0 : (page.offset ?? 0),
    }) as Promise<unknown> as Promise<Row[]>;
  }

  count(filter: DocumentFilter): Promise<number> {
    return this.prisma.knowledgeDocument.count({ where: living(filter) });
  }

  async without(knowledgeBaseId: string, generation: number, limit: number): Promise<string[]> {
    const rows = await this.prisma.knowledgeDocument.findMany({
      where: {
        knowledgeBaseId,
        deletedAt: null,
        OR: [{ stagedGeneration: null }, { stagedGeneration: { not: generation } }],
      },
      select: { id: true },
      orderBy: { id: 'asc' },
      take: limit,
    });
    return rows.map(({ id }) => id);
  }

  async before(knowledgeBaseId: string, generation: number, limit: number): Promise<string[]> {
    const rows = await this.prisma.knowledgeDocument.findMany({
      where: { knowledgeBaseId, deletedAt: null, liveGeneration: { lt: generation } },
      select: { id: true },
      orderBy: { id: 'asc' },
      take: limit,
    });
    return rows.map(({ id }) => id);
  }

  async create(document: Row): Promise<Row | null> {
    return (await this.writes.insert(this.collection(), toDocument(document))) ? document : null;
  }

  update(id: string, changes: Partial<Row>): Promise<Row | null> {
    return this.change({ id, deletedAt: null }, jsonData(changes, JSON_FIELDS));
  }

  async takeRevision(id: string): Promise<number | null> {
    const row = await this.change({ id, deletedAt: null }, { nextRevision: { increment: 1 } });
    return row ? row.nextRevision - 1 : null;
  }

  async publish(
    id: string,
    revision: number,
    generation: number,
    place: 'live' | 'staged',
    changes: Partial<Row>,
  ): Promise<boolean> {
    const generationField = `${place}Generation` as const;
    const revisionField = `${place}Revision` as const;
    return this.writes.update(this.collection(), {
      filter: {
        _id: id,
        deletedAt: null,
        $or: [
          { [generationField]: null },
          { [generationField]: { $lt: generation } },
          { [generationField]: generation, [revisionField]: { $lte: revision } },
        ],
      },
      update: { $set: { ...changes, [generationField]: generation, [revisionField]: revision } },
    });
  }

  toRemove(dueBy: Date | null, limit: number): Promise<Row[]> {
    return this.prisma.knowledgeDocument.findMany({
      where: { removalDueAt: dueBy ? { lte: dueBy } : { not: null } },
      orderBy: { removalDueAt: 'asc' },
      take: limit,
    }) as Promise<unknown> as Promise<Row[]>;
  }

  async removed(id: string): Promise<void> {
    await this.prisma.knowledgeDocument.updateMany({
      where: { id, deletedAt: { not: null } },
      data: { removalDueAt: null },
    });
  }

  private async change(where: { id: string } & Record<string, unknown>, data: object): Promise<Row | null> {
    return nullIfMissing(this.prisma.knowledgeDocument.update({ where, data: data as never }));
  }
}

const living = ({ knowledgeBaseId, status }: DocumentFilter) => ({
  knowledgeBaseId,
  deletedAt: null,
  ...(status === undefined ? {} : { status }),
});
