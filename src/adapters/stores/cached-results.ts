import type { CachedResultRecord, CachedResultStore } from '../../ports/tools';
import { isDuplicate, jsonData, type TenantClient } from './client';

export class PrismaCachedResultStore implements CachedResultStore {
  constructor(private readonly prisma: TenantClient) {}

  async create(result: CachedResultRecord): Promise<void> {
    try {
      await this.prisma.cachedResult.create({ data: jsonData(result, ['value']) });
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }

  find(id: string): Promise<CachedResultRecord | null> {
    return this.prisma.cachedResult.findUnique({
      where: { id },
    }) as Promise<unknown> as Promise<CachedResultRecord | null>;
  }
}
