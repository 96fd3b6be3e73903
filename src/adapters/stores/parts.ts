import type { PartRecord, PartType } from '../../ports/records';
import type { PartStore } from '../../ports/stores';
import { isDuplicate, json, type TenantClient } from './client';

export class PrismaPartStore implements PartStore {
  constructor(private readonly prisma: TenantClient) {}

  async insert(parts: PartRecord[]): Promise<void> {
    const results = await Promise.allSettled(
      parts.map((part) => this.prisma.conversationPart.create({ data: toRow(part) })),
    );
    for (const [index, result] of results.entries())
      if (
        result.status === 'rejected' &&
        !(isDuplicate(result.reason) && (await this.isStored(parts[index]!)))
      )
        throw result.reason;
  }

  /** True when the part itself, not another one with its seq, is what stands in the way. */
  private async isStored(part: PartRecord): Promise<boolean> {
    return (await this.prisma.conversationPart.count({ where: { id: part.id } })) > 0;
  }

  after(conversationId: string, afterSeq: number, limit: number): Promise<PartRecord[]> {
    return this.read({ conversationId, seq: { gt: afterSeq } }, limit);
  }

  ofRun(conversationId: string, runId: string, afterSeq: number, limit: number): Promise<PartRecord[]> {
    return this.read({ conversationId, seq: { gt: afterSeq }, runId }, limit);
  }

  ofTypes(conversationId: string, types: PartType[], afterSeq: number, limit: number): Promise<PartRecord[]> {
    return this.read({ conversationId, seq: { gt: afterSeq }, type: { in: types } }, limit);
  }

  async messages(
    conversationId: string,
    from: number,
    to: number,
    order: 'asc' | 'desc',
  ): Promise<PartRecord[]> {
    return (await this.prisma.conversationPart.findMany({
      where: { conversationId, messageSeq: { gte: from, lt: to } },
      orderBy: { messageSeq: order },
    })) as PartRecord[];
  }

  async findByMessageId(conversationId: string, messageId: string): Promise<PartRecord | null> {
    return (await this.prisma.conversationPart.findFirst({
      where: { conversationId, messageSeq: { gte: 0 }, messageId, type: 'user' },
    })) as PartRecord | null;
  }

  async searchMessages(conversationIds: string[], text: string, limit: number): Promise<string[]> {
    const rows = await this.prisma.conversationPart.findMany({
      where: {
        conversationId: { in: conversationIds },
        messageSeq: { gte: 0 },
        text: { contains: text, mode: 'insensitive' },
      },
      select: { conversationId: true },
      distinct: ['conversationId'],
      take: limit,
    });
    return rows.map((row) => row.conversationId);
  }

  private async read(
    where: NonNullable<Parameters<TenantClient['conversationPart']['findMany']>[0]>['where'],
    take: number,
  ): Promise<PartRecord[]> {
    return (await this.prisma.conversationPart.findMany({
      where,
      orderBy: { seq: 'asc' },
      take,
    })) as PartRecord[];
  }
}

const toRow = (part: PartRecord) => ({ ...part, content: json(part.content), metadata: json(part.metadata) });
