import type { ConversationRecord } from '../../ports/records';
import type {
  Allocated,
  Allocation,
  ConversationFilter,
  ConversationStore,
  Page,
  Projection,
} from '../../ports/stores';
import type { Collection, Document } from 'mongodb';
import type { LRUCache } from 'lru-cache';
import type { Prisma } from '../../../generated/prisma-client';
import { FindBatch, toDocument, toRow, type WriteBatch } from './batches';
import { nullIfMissing, type TenantClient } from './client';
import type { HeldConversations } from './held-conversations';

export class PrismaConversationStore implements ConversationStore {
  private readonly finds: FindBatch;

  /** @param met conversations that this process saw, by namespace and id */
  constructor(
    private readonly prisma: TenantClient,
    private readonly collection: () => Collection<Document>,
    private readonly writes: WriteBatch,
    private readonly held: HeldConversations,
    private readonly met: LRUCache<string, true>,
  ) {
    this.finds = new FindBatch(collection);
  }

  async find(id: string, projection?: Projection): Promise<ConversationRecord | null> {
    if (!projection || Object.keys(projection).length === 0) {
      const document = await this.finds.find(id);
      if (document) this.met.set(this.metKey(id), true);
      return document && toRow<ConversationRecord>(document);
    }
    return this.prisma.conversation.findUnique({
      ...projection,
      where: { id },
    }) as Promise<ConversationRecord | null>;
  }

  async findMet(id: string): Promise<ConversationRecord | null> {
    return this.met.has(this.metKey(id)) ? this.find(id) : null;
  }

  async create(conversation: ConversationRecord): Promise<ConversationRecord | null> {
    this.met.set(this.metKey(conversation.id), true);
    if (!(await this.writes.insert(this.collection(), toDocument(conversation)))) return null;
    this.held.keep(conversation);
    return conversation;
  }

  async withdraw(id: string, runId: string): Promise<void> {
    this.held.forget(id);
    // By the driver: a run of another request may refer to the conversation already, and makes it again.
    await this.collection().deleteOne({ _id: id, activeRunId: runId, nextSeq: { $lte: 2 } } as Document);
  }

  list(filter: ConversationFilter, page: Page, projection?: Projection): Promise<ConversationRecord[]> {
    return this.prisma.conversation.findMany({
      ...projection,
      where: { ...where(filter), ...(page.after ? olderThan(page.after) : {}) },
      orderBy: [{ updatedAt: 'desc' }, { id: 'desc' }],
      take: page.limit,
      skip: page.after ? 0 : (page.offset ?? 0),
    }) as Promise<ConversationRecord[]>;
  }

  count(filter: ConversationFilter): Promise<number> {
    return this.prisma.conversation.count({ where: where(filter) });
  }

  async update(id: string, changes: Partial<ConversationRecord>): Promise<ConversationRecord | null> {
    const { metadata, ...rest } = changes;
    const data = metadata === undefined ? rest : { ...rest, metadata: metadata as Prisma.InputJsonValue };
    return this.tryUpdate({ id, deletedAt: null }, data);
  }

  async allocate(id: string, allocation: Allocation, at: Date, userId?: string): Promise<Allocated | null> {
    const conversation = await this.tryUpdate(
      { id, deletedAt: null, ...(userId === undefined ? {} : { userId }) },
      { ...advance(allocation), updatedAt: at },
    );
    if (conversation) this.held.refresh(conversation);
    return allocated(allocation, conversation);
  }

  async claim(
    id: string,
    run: { runId: string; owner: string; messageId: string; title?: string },
    allocation: Allocation,
    at: Date,
  ): Promise<Allocated | null> {
    const data = {
      ...advance(allocation),
      activeRunId: run.runId,
      activeOwner: run.owner,
      activeMessageId: run.messageId,
      updatedAt: at,
      ...(run.title === undefined ? {} : { title: run.title, titleSource: 'message' }),
    };
    const conversation = await this.tryUpdate({ id, deletedAt: null, activeRunId: null }, data);
    if (conversation) this.held.keep(conversation);
    return allocated(allocation, conversation);
  }

  async allocateForRun(
    id: string,
    run: { runId: string; owner: string },
    allocation: Allocation,
    at: Date,
    release = false,
  ): Promise<Allocated | null> {
    const settled = await this.settleDoubt(id, run, allocation);
    if (settled) return allocated(allocation, settled);
    this.held.forget(id);
    // A conversation that is being deleted still takes the end of its run: followers wait for it.
    const held = { id, activeRunId: run.runId, activeOwner: run.owner };
    const data = { ...advance(allocation), ...(release ? { ...IDLE, updatedAt: at } : {}) };
    const conversation = await this.tryUpdate(held, data);
    if (conversation) this.held.keep(conversation);
    return allocated(allocation, conversation);
  }

  /** Whether the write whose answer was lost happened: the caller repeats the same allocation until it knows. */
  private async settleDoubt(
    id: string,
    run: { runId: string; owner: string },
    { parts, messages }: Allocation,
  ): Promise<ConversationRecord | null> {
    const doubt = this.held.takeDoubt(id);
    if (!doubt) return null;
    const { allocation, holder, next, mark } = doubt;
    const isRepeated = allocation.parts === parts && allocation.messages === messages;
    if (holder.runId !== run.runId || holder.owner !== run.owner || !isRepeated) return null;
    let stored: Document | null;
    try {
      stored = await this.finds.find(id);
    } catch (error) {
      this.held.doubt(doubt);
      throw error;
    }
    if (stored?.lastWrite !== mark) return null;
    this.held.keep(next);
    return next;
  }

  async reown(id: string, runId: string, owner: string): Promise<boolean> {
    return (await this.tryUpdate({ id, activeRunId: runId }, { activeOwner: owner })) !== null;
  }

  async release(id: string, runId: string): Promise<void> {
    await this.tryUpdate({ id, activeRunId: runId }, IDLE);
  }

  async settleMessageCount(id: string, nextSeq: number, messageCount: number): Promise<void> {
    await this.prisma.conversation.updateMany({ where: { id, nextSeq }, data: { messageCount } });
  }

  addQueued(id: string, delta: number): Promise<ConversationRecord | null> {
    return this.tryUpdate({ id }, { queuedRuns: { increment: delta } });
  }

  async remove(id: string): Promise<void> {
    // The conversation goes last: as long as it is there, an interrupted removal can be found and repeated.
    await this.prisma.conversationPart.deleteMany({ where: { conversationId: id } });
    for (const model of [
      this.prisma.toolCall,
      this.prisma.approval,
      this.prisma.question,
      this.prisma.cachedResult,
      this.prisma.run,
    ])
      await (model as unknown as Deletable).deleteMany({ where: { conversationId: id } });
    await this.prisma.conversation.deleteMany({ where: { id } });
  }

  async deletedBefore(at: Date, limit: number): Promise<string[]> {
    const rows = await this.prisma.conversation.findMany({
      where: { deletedAt: { lt: at } },
      select: { id: true },
      take: limit,
    });
    return rows.map((row) => row.id);
  }

  async positions(ids: string[]): Promise<Map<string, number>> {
    const rows = await this.prisma.conversation.findMany({
      where: { id: { in: ids } },
      select: { id: true, nextSeq: true },
    });
    return new Map(rows.map((row) => [row.id, row.nextSeq]));
  }

  private metKey(id: string): string {
    return `${this.collection().namespace} ${id}`;
  }

  private async tryUpdate(
    where: Parameters<TenantClient['conversation']['update']>[0]['where'],
    data: Parameters<TenantClient['conversation']['update']>[0]['data'],
  ): Promise<ConversationRecord | null> {
    return nullIfMissing(this.prisma.conversation.update({ where, data }));
  }
}

/** What a conversation becomes that no run holds any more. */
export const IDLE = { activeRunId: null, activeOwner: null, activeMessageId: null };

const advance = ({ parts, messages }: Allocation) => ({
  nextSeq: { increment: parts },
  messageCount: { increment: messages },
});

function allocated(allocation: Allocation, conversation: ConversationRecord | null): Allocated | null {
  if (!conversation) return null;
  return {
    seq: conversation.nextSeq - allocation.parts,
    messageSeq: conversation.messageCount - allocation.messages,
    conversation,
  };
}

const where = (filter: ConversationFilter) => ({
  deletedAt: null,
  ...(filter.userId === undefined ? {} : { userId: filter.userId }),
  ...(filter.agentId === undefined ? {} : { agentId: filter.agentId }),
  ...(filter.sourceRefId === undefined ? {} : { sourceRefId: filter.sourceRefId }),
  ...(filter.source === undefined && filter.excludeSource === undefined
    ? {}
    : {
        AND: [
          ...(filter.source === undefined ? [] : [{ source: filter.source }]),
          ...(filter.excludeSource === undefined ? [] : [{ source: { not: filter.excludeSource } }]),
        ],
      }),
});

const olderThan = ({ at, id }: { at: Date; id: string }) => ({
  OR: [{ updatedAt: { lt: at } }, { updatedAt: at, id: { lt: id } }],
});

/** What the clients of all models have in common. */
interface Deletable {
  deleteMany(condition: { where: { conversationId: string } }): Promise<unknown>;
}
