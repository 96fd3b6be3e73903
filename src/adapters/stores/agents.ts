import { DomainError } from '../../errors';
import { newId } from '../../ids';
import type { AgentRecord } from '../../ports/records';
import type { AgentStore, Projection } from '../../ports/stores';
import { isDuplicate, isMissing, type TenantClient } from './client';

export class PrismaAgentStore implements AgentStore {
  constructor(private readonly prisma: TenantClient) {}

  find(id: string, projection?: Projection): Promise<AgentRecord | null> {
    return this.prisma.agent.findUnique({ ...projection, where: { id } });
  }

  findByName(name: string): Promise<AgentRecord | null> {
    return this.prisma.agent.findUnique({ where: { nameKey: name } });
  }

  list({ includeHidden }: { includeHidden: boolean }, projection?: Projection): Promise<AgentRecord[]> {
    return this.prisma.agent.findMany({
      ...projection,
      where: { deletedAt: null, ...(includeHidden ? {} : { hidden: false }) },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    });
  }

  async create(agent: AgentRecord): Promise<AgentRecord> {
    try {
      return await this.prisma.agent.create({ data: agent });
    } catch (error) {
      if (isDuplicate(error)) throw nameTaken(agent.name);
      throw error;
    }
  }

  async update(
    id: string,
    expectedVersion: number,
    changes: Partial<AgentRecord>,
  ): Promise<AgentRecord | null> {
    try {
      return await this.prisma.agent.update({
        where: { id, version: expectedVersion },
        data: { ...changes, version: expectedVersion + 1 },
      });
    } catch (error) {
      if (isMissing(error)) return null;
      if (isDuplicate(error)) throw nameTaken(changes.name ?? '');
      throw error;
    }
  }

  async link(parentId: string, childId: string, at: Date): Promise<void> {
    try {
      await this.prisma.subAgentLink.create({
        data: { id: newId(at.getTime()), parentId, childId, createdAt: at },
      });
    } catch (error) {
      // Linked already, perhaps by another process that seeds the same tenant.
      if (!isDuplicate(error)) throw error;
    }
  }

  async unlink(parentId: string, childId: string): Promise<boolean> {
    return (await this.prisma.subAgentLink.deleteMany({ where: { parentId, childId } })).count > 0;
  }

  async isLinked(parentId: string, childId: string): Promise<boolean> {
    return (await this.prisma.subAgentLink.count({ where: { parentId, childId } })) > 0;
  }

  async parentsOf(childId: string): Promise<string[]> {
    return (await this.prisma.subAgentLink.findMany({ where: { childId } })).map((link) => link.parentId);
  }

  async children(parentId: string, projection?: Projection): Promise<AgentRecord[]> {
    const links = await this.prisma.subAgentLink.findMany({
      where: { parentId },
      orderBy: { createdAt: 'asc' },
    });
    return this.prisma.agent.findMany({
      ...projection,
      where: { id: { in: links.map((link) => link.childId) }, deletedAt: null },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    });
  }

  links(): Promise<{ parentId: string; childId: string }[]> {
    return this.prisma.subAgentLink.findMany({ select: { parentId: true, childId: true } });
  }
}

const nameTaken = (name: string): DomainError =>
  new DomainError('conflict', `There is an agent named ${name} already; names are unique in a tenant.`, {
    errors: [{ path: 'name', message: 'is taken' }],
  });
