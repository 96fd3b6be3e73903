import type { ApprovalFilter, ApprovalRecord, ApprovalStatus, ApprovalStore } from '../../ports/tools';
import type { Page, Projection } from '../../ports/stores';
import { isDuplicate, isMissing, jsonData, type TenantClient } from './client';

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
    try {
      return (await this.prisma.approval.update({
        where: { id, status: 'pending' },
        data: jsonData(changes, JSON_FIELDS),
      })) as unknown as ApprovalRecord;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
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
});
