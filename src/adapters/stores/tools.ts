import { DomainError } from '../../errors';
import { newId } from '../../ids';
import type { ToolRecord, ToolStore } from '../../ports/tools';
import type { Projection } from '../../ports/stores';
import { isDuplicate, isMissing, jsonData, type TenantClient } from './client';

const JSON_FIELDS = ['parameters', 'config', 'llmUsage', 'credentials'] as const;

export class PrismaToolStore implements ToolStore {
  constructor(private readonly prisma: TenantClient) {}

  find(id: string, projection?: Projection): Promise<ToolRecord | null> {
    return this.prisma.tool.findUnique({ ...projection, where: { id } }) as Promise<ToolRecord | null>;
  }

  findByName(name: string): Promise<ToolRecord | null> {
    return this.prisma.tool.findUnique({ where: { nameKey: name } }) as Promise<ToolRecord | null>;
  }

  findMany(ids: string[]): Promise<ToolRecord[]> {
    return this.prisma.tool.findMany({ where: { id: { in: ids } } }) as Promise<unknown> as Promise<
      ToolRecord[]
    >;
  }

  list(projection?: Projection): Promise<ToolRecord[]> {
    return this.prisma.tool.findMany({
      ...projection,
      where: { deletedAt: null },
      orderBy: { name: 'asc' },
    }) as Promise<unknown> as Promise<ToolRecord[]>;
  }

  async create(tool: ToolRecord): Promise<ToolRecord | null> {
    try {
      return (await this.prisma.tool.create({ data: jsonData(tool, JSON_FIELDS) })) as unknown as ToolRecord;
    } catch (error) {
      if (isDuplicate(error)) return null;
      throw error;
    }
  }

  async update(
    id: string,
    expectedVersion: number,
    changes: Partial<ToolRecord>,
  ): Promise<ToolRecord | null> {
    try {
      return (await this.prisma.tool.update({
        where: { id, version: expectedVersion },
        data: jsonData({ ...changes, version: expectedVersion + 1 }, JSON_FIELDS),
      })) as unknown as ToolRecord;
    } catch (error) {
      if (isMissing(error)) return null;
      if (isDuplicate(error))
        throw new DomainError('conflict', `There is a tool named ${changes.name ?? ''} already.`, {
          errors: [{ path: 'name', message: 'is taken' }],
        });
      throw error;
    }
  }

  async assign(toolId: string, agentId: string, at: Date): Promise<boolean> {
    try {
      await this.prisma.toolAssignment.create({
        data: { id: newId(at.getTime()), toolId, agentId, createdAt: at },
      });
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  async unassign(toolId: string, agentId: string): Promise<boolean> {
    return (await this.prisma.toolAssignment.deleteMany({ where: { toolId, agentId } })).count > 0;
  }

  async isAssigned(toolId: string, agentId: string): Promise<boolean> {
    return (await this.prisma.toolAssignment.count({ where: { toolId, agentId } })) > 0;
  }

  async ofAgent(agentId: string, projection?: Projection): Promise<ToolRecord[]> {
    const assignments = await this.prisma.toolAssignment.findMany({
      where: { agentId },
      select: { toolId: true },
    });
    if (assignments.length === 0) return [];
    return (await this.prisma.tool.findMany({
      ...projection,
      where: { id: { in: assignments.map(({ toolId }) => toolId) }, deletedAt: null },
      orderBy: { name: 'asc' },
    })) as unknown as ToolRecord[];
  }

  countAssignments(toolId: string): Promise<number> {
    return this.prisma.toolAssignment.count({ where: { toolId } });
  }
}
