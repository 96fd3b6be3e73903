import type { Collection, Document } from 'mongodb';
import { firstIdSince } from '../../ids';
import { ACTIVE_RUN_STATUSES, type RunRecord, type RunStatus } from '../../ports/records';
import type { Page, Projection, RunFilter, RunStore } from '../../ports/stores';
import { type ConditionalUpdate, toDocument, type WriteBatch } from './batches';
import { json, nullIfMissing, type TenantClient } from './client';

export class PrismaRunStore implements RunStore {
  constructor(
    private readonly prisma: TenantClient,
    private readonly collection: () => Collection<Document>,
    private readonly writes: WriteBatch,
  ) {}

  async create(run: RunRecord): Promise<RunRecord | null> {
    return (await this.writes.insert(this.collection(), toDocument(run))) ? run : null;
  }

  find(id: string, projection?: Projection): Promise<RunRecord | null> {
    return this.prisma.run.findUnique({ ...projection, where: { id } }) as Promise<RunRecord | null>;
  }

  findByMessage(conversationId: string, messageId: string): Promise<RunRecord | null> {
    return this.prisma.run.findUnique({
      where: { conversationId_messageId: { conversationId, messageId } },
    }) as Promise<RunRecord | null>;
  }

  findByCall(callId: string, userId?: string): Promise<RunRecord | null> {
    return this.prisma.run.findFirst({
      where: { callId, ...(userId === undefined ? {} : { userId }) },
      orderBy: { id: 'desc' },
    }) as Promise<RunRecord | null>;
  }

  list(filter: RunFilter, page: Page, projection?: Projection): Promise<RunRecord[]> {
    return this.prisma.run.findMany({
      ...projection,
      where: { ...where(filter), ...(page.after ? { id: { lt: page.after.id } } : {}) },
      orderBy: { id: 'desc' },
      take: page.limit,
      skip: page.after ? 0 : (page.offset ?? 0),
    }) as Promise<RunRecord[]>;
  }

  count(filter: RunFilter): Promise<number> {
    return this.prisma.run.count({ where: where(filter) });
  }

  async remove(id: string): Promise<void> {
    await this.prisma.run.deleteMany({ where: { id } });
  }

  updateOwned(id: string, owner: string, changes: Partial<RunRecord>, status?: RunStatus): Promise<boolean> {
    return this.writes.update(this.collection(), ownedUpdate(id, owner, changes, status));
  }

  waiting(limit: number, afterId?: string): Promise<RunRecord[]> {
    return this.prisma.run.findMany({
      where: {
        status: { in: ['waiting_approval', 'waiting_question'] },
        kind: { not: 'sub_agent' },
        ...(afterId === undefined ? {} : { id: { gt: afterId } }),
      },
      orderBy: { id: 'asc' },
      take: limit,
    }) as Promise<unknown> as Promise<RunRecord[]>;
  }

  activeChildren(rootRunId: string): Promise<RunRecord[]> {
    return this.prisma.run.findMany({
      where: { rootRunId, kind: 'sub_agent', status: { in: [...ACTIVE_RUN_STATUSES] } },
      orderBy: { id: 'desc' },
    }) as Promise<unknown> as Promise<RunRecord[]>;
  }

  async transition(
    id: string,
    statuses: readonly RunStatus[],
    changes: Partial<RunRecord>,
  ): Promise<RunRecord | null> {
    return nullIfMissing(
      this.prisma.run.update({
        where: { id, status: { in: [...statuses] } },
        data: toData(changes),
      }),
    );
  }

  async renewLeases(owner: string, ids: string[], until: Date): Promise<void> {
    await this.prisma.run.updateMany({
      where: { id: { in: ids }, status: { in: ['running', 'cancelling'] }, leaseOwner: owner },
      data: { leaseExpiresAt: until },
    });
  }

  cancelling(owner: string): Promise<{ id: string; cancelReason: string | null }[]> {
    return this.prisma.run.findMany({
      where: { status: 'cancelling', leaseOwner: owner },
      select: { id: true, cancelReason: true },
    });
  }

  async abandoned(now: Date, limit: number, afterId?: string): Promise<RunRecord[]> {
    const behind = afterId === undefined ? {} : { id: { gt: afterId } };
    const executing = {
      status: { in: ['running' as const, 'cancelling' as const] },
      leaseExpiresAt: { lt: now },
    };
    const waiting = { status: 'queued' as const, leaseExpiresAt: null };
    const [lost, queued] = await Promise.all(
      [executing, waiting].map((condition) =>
        this.prisma.run.findMany({
          where: { ...behind, ...condition },
          orderBy: { id: 'asc' },
          take: limit,
        }),
      ),
    );
    const oldestFirst = [...lost!, ...queued!].sort((a, b) => (a.id < b.id ? -1 : 1));
    return oldestFirst.slice(0, limit) as RunRecord[];
  }

  async takeOver(
    id: string,
    previous: { owner: string | null; expiresAt: Date | null },
    owner: string,
    until: Date,
  ): Promise<RunRecord | null> {
    return nullIfMissing(
      this.prisma.run.update({
        where: {
          id,
          leaseOwner: previous.owner,
          leaseExpiresAt: previous.expiresAt,
          status: { in: ['running', 'cancelling'] },
        },
        data: { leaseOwner: owner, leaseExpiresAt: until, attempts: { increment: 1 } },
      }),
    );
  }

  nextQueued(conversationId: string): Promise<RunRecord | null> {
    return this.prisma.run.findFirst({
      where: { conversationId, status: 'queued' },
      orderBy: { id: 'asc' },
    }) as Promise<RunRecord | null>;
  }

  async statsSince(
    since: Date,
  ): Promise<{ agentId: string; runs: number; failures: number; tokens: number }[]> {
    // Run ids are UUIDv7: the primary key is the time index.
    const recent = { id: { gte: firstIdSince(since) } };
    const [all, failed] = await Promise.all([
      this.prisma.run.groupBy({
        by: ['agentId'],
        where: recent,
        _count: { _all: true },
        _sum: { totalTokens: true },
      }),
      this.prisma.run.groupBy({
        by: ['agentId'],
        where: { ...recent, status: 'failed' },
        _count: { _all: true },
      }),
    ]);
    const failures = new Map(failed.map((row) => [row.agentId, row._count._all]));
    return all.map((row) => ({
      agentId: row.agentId,
      runs: row._count._all,
      failures: failures.get(row.agentId) ?? 0,
      tokens: row._sum.totalTokens ?? 0,
    }));
  }
}

/** Changes of a run that only its owner may make. */
export function ownedUpdate(
  id: string,
  owner: string,
  changes: Partial<RunRecord>,
  status?: RunStatus,
): ConditionalUpdate {
  const $set = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  return {
    filter: { _id: id, leaseOwner: owner, ...(status === undefined ? {} : { status }) },
    update: { $set },
  };
}

const where = (filter: RunFilter) => ({
  ...(filter.conversationId === undefined ? {} : { conversationId: filter.conversationId }),
  ...(filter.userId === undefined ? {} : { userId: filter.userId }),
  ...(filter.agentId === undefined ? {} : { agentId: filter.agentId }),
  ...(filter.messageId === undefined
    ? {}
    : { OR: [{ messageId: filter.messageId }, { actionId: filter.messageId }] }),
  ...(filter.statuses === undefined ? {} : { status: { in: [...filter.statuses] } }),
  ...(filter.roots ? { kind: { not: 'sub_agent' } } : {}),
  ...(filter.parentRunId === undefined ? {} : { parentRunId: filter.parentRunId }),
});

/** JSON fields in Prisma's own null; fields that are absent stay absent. */
function jsonOf(changes: Partial<RunRecord>): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const key of ['request', 'output', 'error'] as const)
    if (changes[key] !== undefined) data[key] = json(changes[key]);
  return data;
}

const toData = (changes: Partial<RunRecord>): Record<string, never> =>
  ({ ...changes, ...jsonOf(changes) }) as Record<string, never>;
