import type { QuestionFilter, QuestionRecord, QuestionStore } from '../../ports/tools';
import type { Page, Projection } from '../../ports/stores';
import { aliveAt, isDuplicate, jsonData, nullIfMissing, type TenantClient } from './client';

const JSON_FIELDS = ['items', 'answers'] as const;

export class PrismaQuestionStore implements QuestionStore {
  constructor(private readonly prisma: TenantClient) {}

  async create(question: QuestionRecord): Promise<void> {
    try {
      await this.prisma.question.create({ data: jsonData(question, JSON_FIELDS) });
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }

  find(id: string, projection?: Projection): Promise<QuestionRecord | null> {
    return this.prisma.question.findUnique({
      ...projection,
      where: { id },
    }) as Promise<unknown> as Promise<QuestionRecord | null>;
  }

  async decide(id: string, changes: Partial<QuestionRecord>): Promise<QuestionRecord | null> {
    return nullIfMissing(
      this.prisma.question.update({
        where: { id, status: 'pending' },
        data: jsonData(changes, JSON_FIELDS),
      }),
    );
  }

  overdue(now: Date, limit: number): Promise<QuestionRecord[]> {
    return this.prisma.question.findMany({
      where: { status: 'pending', expiresAt: { lte: now } },
      orderBy: { expiresAt: 'asc' },
      take: limit,
    }) as Promise<unknown> as Promise<QuestionRecord[]>;
  }

  pendingOf(rootRunId: string): Promise<QuestionRecord[]> {
    return this.prisma.question.findMany({
      where: { rootRunId, status: 'pending' },
      orderBy: { id: 'asc' },
    }) as Promise<unknown> as Promise<QuestionRecord[]>;
  }

  pending(filter: QuestionFilter, page: Page, projection?: Projection): Promise<QuestionRecord[]> {
    return this.prisma.question.findMany({
      ...projection,
      where: { ...pendingWhere(filter), ...(page.after ? { id: { lt: page.after.id } } : {}) },
      // Ids are UUIDv7: newest first.
      orderBy: { id: 'desc' },
      take: page.limit,
      skip: page.after ? 0 : (page.offset ?? 0),
    }) as Promise<unknown> as Promise<QuestionRecord[]>;
  }

  countPending(filter: QuestionFilter): Promise<number> {
    return this.prisma.question.count({ where: pendingWhere(filter) });
  }

  askedSince(since: Date, limit: number): Promise<QuestionRecord[]> {
    return this.prisma.question.findMany({
      where: { createdAt: { gte: since } },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      take: limit,
    }) as Promise<unknown> as Promise<QuestionRecord[]>;
  }
}

const pendingWhere = ({ requestedBy, aliveAt: now }: QuestionFilter) => ({
  status: 'pending',
  ...(requestedBy === undefined ? {} : { requestedBy }),
  ...aliveAt(now),
});
