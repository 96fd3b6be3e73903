import type { AttachmentRecord, AttachmentStore } from '../../ports/files';
import type { Page, Projection } from '../../ports/stores';
import { isMissing, jsonData, type TenantClient } from './client';

export class PrismaAttachmentStore implements AttachmentStore {
  constructor(private readonly prisma: TenantClient) {}

  async create(attachment: AttachmentRecord): Promise<void> {
    await this.prisma.attachment.create({ data: jsonData(attachment, ['pages', 'metadata']) });
  }

  find(id: string, projection?: Projection): Promise<AttachmentRecord | null> {
    return this.prisma.attachment.findUnique({
      ...projection,
      where: { id },
    }) as Promise<unknown> as Promise<AttachmentRecord | null>;
  }

  findMany(ids: string[]): Promise<AttachmentRecord[]> {
    return this.prisma.attachment.findMany({
      where: { id: { in: ids } },
    }) as Promise<unknown> as Promise<AttachmentRecord[]>;
  }

  list(userId: string, page: Page, projection?: Projection): Promise<AttachmentRecord[]> {
    return this.prisma.attachment.findMany({
      ...projection,
      where: { userId, ...(page.after ? { id: { lt: page.after.id } } : {}) },
      // Ids are UUIDv7: newest first.
      orderBy: { id: 'desc' },
      take: page.limit,
      skip: page.after ? 0 : (page.offset ?? 0),
    }) as Promise<unknown> as Promise<AttachmentRecord[]>;
  }

  count(userId: string): Promise<number> {
    return this.prisma.attachment.count({ where: { userId } });
  }

  async remove(id: string): Promise<boolean> {
    try {
      await this.prisma.attachment.delete({ where: { id } });
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }
}
