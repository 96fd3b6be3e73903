import type { PreferenceRecord } from '../../ports/records';
import type { PreferenceStore } from '../../ports/stores';
import type { TenantClient } from './client';

export class PrismaPreferenceStore implements PreferenceStore {
  constructor(private readonly prisma: TenantClient) {}

  find(userId: string): Promise<PreferenceRecord | null> {
    return this.prisma.userPreference.findUnique({ where: { id: userId } });
  }

  save({ id, ...values }: PreferenceRecord): Promise<PreferenceRecord> {
    return this.prisma.userPreference.upsert({ where: { id }, create: { id, ...values }, update: values });
  }
}
