import type { Collection, Document } from 'mongodb';
import { DomainError } from '../../errors';
import type { BaseStatistics, KnowledgeBaseRecord } from '../../ports/knowledge';
import { FindBatch, toRow } from './batches';
import { isDuplicate, jsonData, nullIfMissing, type TenantClient } from './client';

const JSON_FIELDS = ['metadata', 'goldenQueries'] as const;

/** Rows of knowledge bases; a part of the knowledge store. */
export class KnowledgeBaseRows {
  private readonly byId: FindBatch;
  private readonly byName: FindBatch;

  constructor(
    private readonly prisma: TenantClient,
    collection: () => Collection<Document>,
  ) {
    this.byId = new FindBatch(collection);
    this.byName = new FindBatch(collection, { field: 'nameKey' });
  }

  async find(id: string): Promise<KnowledgeBaseRecord | null> {
    const document = await this.byId.find(id);
    return document && toRow(document);
  }

  async findByName(nameKey: string): Promise<KnowledgeBaseRecord | null> {
    const document = await this.byName.find(nameKey);
    return document && toRow(document);
  }

  findMany(ids: string[]): Promise<KnowledgeBaseRecord[]> {
    return this.prisma.knowledgeBase.findMany({ where: { id: { in: ids } } }) as Promise<unknown> as Promise<
      KnowledgeBaseRecord[]
    >;
  }

  list(): Promise<KnowledgeBaseRecord[]> {
    return this.prisma.knowledgeBase.findMany({
      where: { deletedAt: null },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    }) as Promise<unknown> as Promise<KnowledgeBaseRecord[]>;
  }

  async create(base: KnowledgeBaseRecord): Promise<KnowledgeBaseRecord | null> {
    try {
      return (await this.prisma.knowledgeBase.create({
        data: jsonData(base, JSON_FIELDS),
      })) as unknown as KnowledgeBaseRecord;
    } catch (error) {
      if (isDuplicate(error)) return null;
      throw error;
    }
  }

  async update(id: string, changes: Partial<KnowledgeBaseRecord>): Promise<KnowledgeBaseRecord | null> {
    try {
      return await this.change({ id, deletedAt: null }, changes);
    } catch (error) {
      if (isDuplicate(error)) throw baseNameTaken(changes.name ?? '');
      throw error;
    }
  }

  async beginRefresh(id: string, jobId: string, at: Date): Promise<KnowledgeBaseRecord | null> {
    return this.change({ id, deletedAt: null, refreshJobId: null }, {
      refreshJobId: jobId,
      nextGeneration: { increment: 1 },
      updatedAt: at,
    } as never);
  }

  async endRefresh(id: string, jobId: string, changes: Partial<KnowledgeBaseRecord>): Promise<boolean> {
    const ended = await this.change(
      { id, deletedAt: null, refreshJobId: jobId },
      { ...changes, refreshJobId: null },
    );
    return ended !== null;
  }

  async statistics(ids: string[]): Promise<Map<string, BaseStatistics>> {
    const [rows, jobs] = await Promise.all([
      this.prisma.knowledgeDocument.groupBy({
        by: ['knowledgeBaseId', 'status', 'format'],
        where: { knowledgeBaseId: { in: ids }, deletedAt: null },
        _count: { _all: true },
        _sum: { chunkCount: true, tokenCount: true, bytes: true },
      }),
      this.prisma.ingestionJob.findMany({
        where: {
          knowledgeBaseId: { in: ids },
          status: { in: ['queued', 'processing'] },
          operation: { in: ['create', 'add', 'crawl'] },
        },
        select: { knowledgeBaseId: true },
      }),
    ]);
    const ingesting = new Set(jobs.map(({ knowledgeBaseId }) => knowledgeBaseId));
    const found = new Map<string, BaseStatistics>(
      ids.map((id) => [id, { ...NOTHING, formats: [], ingesting: ingesting.has(id) }]),
    );
    for (const { knowledgeBaseId, status, format, _count: count, _sum: sum } of rows) {
      const entry = found.get(knowledgeBaseId)!;
      entry.files += count._all;
      entry.chunks += sum.chunkCount ?? 0;
      entry.tokens += sum.tokenCount ?? 0;
      entry.bytes += sum.bytes ?? 0;
      if (format !== null && !entry.formats.includes(format)) entry.formats.push(format);
      if (status === 'failed') entry.failed += count._all;
    }
    return found;
  }

  toRemove(dueBy: Date | null, limit: number): Promise<KnowledgeBaseRecord[]> {
    return this.prisma.knowledgeBase.findMany({
      where: { removalDueAt: dueBy ? { lte: dueBy } : { not: null } },
      orderBy: { removalDueAt: 'asc' },
      take: limit,
    }) as Promise<unknown> as Promise<KnowledgeBaseRecord[]>;
  }

  async removed(id: string): Promise<void> {
    await this.prisma.knowledgeBase.updateMany({
      where: { id, deletedAt: { not: null } },
      data: { removalDueAt: null },
    });
  }

  private async change(
    where: { id: string } & Record<string, unknown>,
    changes: Partial<KnowledgeBaseRecord>,
  ): Promise<KnowledgeBaseRecord | null> {
    return nullIfMissing(
      this.prisma.knowledgeBase.update({
        where,
        data: jsonData(changes, JSON_FIELDS),
      }),
    );
  }
}

export const baseNameTaken = (name: string): DomainError =>
  new DomainError('conflict', `There is a knowledge base named ${name} already; names are unique.`, {
    errors: [{ path: 'name', message: 'is taken' }],
  });

const NOTHING = { files: 0, chunks: 0, tokens: 0, bytes: 0, failed: 0 };
