import type { Collection, Document } from 'mongodb';
import type { IngestionFileRecord, IngestionJobRecord } from '../../ports/knowledge';
import type { WriteBatch } from './batches';
import { isDuplicate, jsonData, nullIfMissing, type TenantClient } from './client';

const JSON_FIELDS = ['gate', 'settings'] as const;
const UNFINISHED = ['queued', 'processing'];
const UNFINISHED_FILES = ['queued', 'parsing', 'chunking', 'embedding', 'indexing'];
/** Files inserted at once. */
const MOST_AT_ONCE = 500;

type Job = IngestionJobRecord;

/** Rows of ingestion jobs and their files; a part of the knowledge store. */
export class IngestionRows {
  constructor(
    private readonly prisma: TenantClient,
    private readonly files: () => Collection<Document>,
    private readonly writes: WriteBatch,
  ) {}

  async create(job: Job, files: IngestionFileRecord[]): Promise<void> {
    // Files first: a job that is seen has all of them.
    await this.addFiles(files);
    await this.prisma.ingestionJob.create({ data: jsonData(job, JSON_FIELDS) });
  }

  async addFiles(files: IngestionFileRecord[]): Promise<void> {
    for (let from = 0; from < files.length; from += MOST_AT_ONCE) {
      const data = files.slice(from, from + MOST_AT_ONCE);
      try {
        await this.prisma.ingestionFile.createMany({ data });
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        for (const file of data) await this.addFile(file);
      }
    }
  }

  find(id: string): Promise<Job | null> {
    return this.prisma.ingestionJob.findUnique({ where: { id } }) as Promise<unknown> as Promise<Job | null>;
  }

  findMany(ids: string[]): Promise<Job[]> {
    return this.prisma.ingestionJob.findMany({ where: { id: { in: ids } } }) as Promise<unknown> as Promise<
      Job[]
    >;
  }

  list(knowledgeBaseId: string, limit: number): Promise<Job[]> {
    return this.prisma.ingestionJob.findMany({
      where: { knowledgeBaseId },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: limit,
    }) as Promise<unknown> as Promise<Job[]>;
  }

  async abandoned(
    now: Date,
    { notOwner, allLeases, limit }: { notOwner: string; allLeases: boolean; limit: number },
  ): Promise<string[]> {
    const rows = await this.prisma.ingestionJob.findMany({
      where: {
        status: { in: UNFINISHED },
        OR: [
          { leaseOwner: null },
          { leaseExpiresAt: { lte: now } },
          ...(allLeases ? [{ leaseOwner: { not: notOwner } }] : []),
        ],
      },
      select: { id: true },
      orderBy: { createdAt: 'asc' },
      take: limit,
    });
    return rows.map(({ id }) => id);
  }

  claim(
    id: string,
    { owner, until, now, takeFrom }: { owner: string; until: Date; now: Date; takeFrom?: string | null },
  ): Promise<Job | null> {
    return this.change(
      {
        id,
        status: { in: UNFINISHED },
        OR: [
          { leaseOwner: null },
          { leaseExpiresAt: { lte: now } },
          ...(takeFrom ? [{ leaseOwner: takeFrom }] : []),
        ],
      },
      { leaseOwner: owner, leaseExpiresAt: until, attempts: { increment: 1 }, stalls: { increment: 1 } },
    );
  }

  async renew(id: string, owner: string, until: Date): Promise<boolean> {
    const { count } = await this.prisma.ingestionJob.updateMany({
      where: { id, leaseOwner: owner, status: { in: UNFINISHED } },
      data: { leaseExpiresAt: until },
    });
    return count > 0;
  }

  update(id: string, owner: string, changes: Partial<Job>): Promise<Job | null> {
    return this.change(
      { id, leaseOwner: owner, status: { in: UNFINISHED } },
      { ...(jsonData(changes, JSON_FIELDS) as object), version: { increment: 1 } },
    );
  }

  async discard(id: string, owner: string): Promise<void> {
    const { count } = await this.prisma.ingestionJob.deleteMany({
      where: { id, OR: [{ leaseOwner: owner }, { status: 'cancelled' }] },
    });
    if (count > 0) await this.prisma.ingestionFile.deleteMany({ where: { jobId: id } });
  }

  async cancel(knowledgeBaseId: string, reason: string, at: Date): Promise<void> {
    await this.prisma.ingestionJob.updateMany({
      where: { knowledgeBaseId, status: { in: UNFINISHED } },
      data: {
        status: 'cancelled',
        error: reason,
        finishedAt: at,
        updatedAt: at,
        leaseOwner: null,
        leaseExpiresAt: null,
        version: { increment: 1 },
      },
    });
    await this.prisma.ingestionFile.updateMany({
      where: { knowledgeBaseId, status: { in: UNFINISHED_FILES } },
      data: { status: 'cancelled', error: reason, finishedAt: at },
    });
  }

  filesOf(jobId: string): Promise<IngestionFileRecord[]> {
    return this.prisma.ingestionFile.findMany({
      where: { jobId },
      orderBy: [{ position: 'asc' }, { id: 'asc' }],
    }) as Promise<unknown> as Promise<IngestionFileRecord[]>;
  }

  async updateFile(id: string, changes: Partial<IngestionFileRecord>): Promise<void> {
    await this.writes.update(this.files(), { filter: { _id: id }, update: { $set: changes } });
  }

  async removeFiles(ids: string[]): Promise<void> {
    await this.prisma.ingestionFile.deleteMany({ where: { id: { in: ids } } });
  }

  private async addFile(file: IngestionFileRecord): Promise<void> {
    try {
      await this.prisma.ingestionFile.create({ data: file });
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }

  private async change(where: { id: string } & Record<string, unknown>, data: object): Promise<Job | null> {
    return nullIfMissing(this.prisma.ingestionJob.update({ where, data: data as never }));
  }
}
