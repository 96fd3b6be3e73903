import type { ApprovalFilter, ApprovalRecord, ApprovalStatus, ApprovalStore } from '../../ports/tools';
import type { Page, Projection } from '../../ports/stores';
import { aliveAt, isDuplicate, jsonData, nullIfMissing, type TenantClient } from './client';

const JSON_FIELDS = ['arguments', 'modifiedArguments', 'preview'] as const;

export class PrismaApprovalStore implements ApprovalStore {
  constructor(private readonly prisma: TenantClient) {}

  async create(approval: ApprovalRecord): Promise<void> {
    try {
      await this.prisma.approval.create({ data: jsonData(approval, JSON_FIELDS) });
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }

  find(id: string, projection?: Projection): Promise<ApprovalRecord | null> {
    return this.prisma.approval.findUnique({
      ...projection,
      where: { id },
    }) as Promise<unknown> as Promise<ApprovalRecord | null>;
  }

  list(filter: ApprovalFilter, page: Page, projection?: Projection): Promise<ApprovalRecord[]> {
    return this.prisma.approval.findMany({
      ...projection,
      where: { ...where(filter), ...(page.after ? { id: { lt: page.after.id } } : {}) },
      // Ids are UUIDv7: newest first.
      orderBy: { id: 'desc' },
      take: page.limit,
      skip: page.after ? 0 : (page.offset ?? 0),
    }) as Promise<unknown> as Promise<ApprovalRecord[]>;
  }

  count(filter: ApprovalFilter): Promise<number> {
    return this.prisma.approval.count({ where: where(filter) });
  }

  async decide(id: string, changes: Partial<ApprovalRecord>): Promise<ApprovalRecord | null> {
    return nullIfMissing(
      this.prisma.approval.update({
        where: { id, status: 'pending' },
        data: jsonData(changes, JSON_FIELDS),
      }),
    );
  }

  overdue(now: Date, limit: number): Promise<ApprovalRecord[]> {
    return this.prisma.approval.findMany({
      where: { status: 'pending', expiresAt: { lte: now } },
      orderBy: { expiresAt: 'asc' },
      take: limit,
    }) as Promise<unknown> as Promise<ApprovalRecord[]>;
  }

  pendingOf(rootRunId: string): Promise<ApprovalRecord[]> {
    return this.prisma.approval.findMany({
      where: { rootRunId, status: 'pending' },
      orderBy: { id: 'asc' },
    }) as Promise<unknown> as Promise<ApprovalRecord[]>;
  }

  changedSince(change: 'created' | 'decided', since: Date, limit: number): Promise<ApprovalRecord[]> {
    const field = change === 'created' ? 'createdAt' : 'decidedAt';
    return this.prisma.approval.findMany({
      where: { [field]: { gte: since } },
      orderBy: [{ [field]: 'asc' }, { id: 'asc' }],
      take: limit,
    }) as Promise<unknown> as Promise<ApprovalRecord[]>;
  }

  async decisionTimes(filter: ApprovalFilter, limit: number): Promise<number[]> {
    const rows = await this.prisma.approval.findMany({
      where: {
        ...where(filter),
        status: { in: ['approved', 'denied'] },
        decidedBy: { not: null },
        decidedAt: { not: null },
      },
      select: { createdAt: true, decidedAt: true },
      orderBy: { id: 'desc' },
      take: limit,
    });
    return rows.map(({ createdAt, decidedAt }) => decidedAt!.getTime() - createdAt.getTime());
  }

  async oldestPending(filter: ApprovalFilter): Promise<Date | null> {
    const oldest = await this.prisma.approval.findFirst({
      where: { ...where(filter), status: 'pending' },
      orderBy: { createdAt: 'asc' },
      select: { createdAt: true },
    });
    return oldest?.createdAt ?? null;
  }

  async counts(
    filter: ApprovalFilter,
  ): Promise<{ toolId: string | null; toolName: string; status: ApprovalStatus; count: number }[]> {
    const rows = await this.prisma.approval.groupBy({
      by: ['toolId', 'toolName', 'status'],
      where: where(filter),
      _count: { _all: true },
    });
    return rows.map(({ toolId, toolName, status, _count }) => ({
      toolId,
      toolName,
      status: status as ApprovalStatus,
      count: _count._all,
    }));
  }
}

const where = (filter: ApprovalFilter) => ({
  ...(filter.status === undefined ? {} : { status: filter.status }),
  ...(filter.toolId === undefined ? {} : { toolId: filter.toolId }),
  ...(filter.toolName === undefined ? {} : { toolName: filter.toolName }),
  ...(filter.requestedBy === undefined ? {} : { requestedBy: filter.requestedBy }),
  ...(filter.rootRunId === undefined ? {} : { rootRunId: filter.rootRunId }),
  ...(filter.decidedSince === undefined
    ? {}
    : { decidedAt: { gte: filter.decidedSince }, decidedBy: { not: null } }),
  ...aliveAt(filter.aliveAt),
});
