import type { ToolRunKeyStore } from '../../ports/tools';
import { isDuplicate, type TenantClient } from './client';

export class PrismaToolRunKeyStore implements ToolRunKeyStore {
  constructor(private readonly prisma: TenantClient) {}

  async find(id: string): Promise<string | null> {
    return (await this.prisma.toolRunKey.findUnique({ where: { id } }))?.runId ?? null;
  }

  async claim(id: string, runId: string, at: Date): Promise<string> {
    try {
      await this.prisma.toolRunKey.create({ data: { id, runId, createdAt: at } });
      return runId;
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    return (await this.find(id)) ?? runId;
  }
}
