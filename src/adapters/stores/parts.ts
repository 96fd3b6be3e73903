import type { Collection, Document } from 'mongodb';
import type { PartRecord, PartType } from '../../ports/records';
import { type Conversed, type PartStore, PlaceTakenError } from '../../ports/stores';
import { fromStoredRow } from '../prisma-mongodb';
import type { WriteBatch } from './batches';
import type { TenantClient } from './client';
import type { RecentMessages } from './recent-messages';

export class PrismaPartStore implements PartStore {
  constructor(
    private readonly prisma: TenantClient,
    private readonly collection: () => Collection<Document>,
    private readonly writes: WriteBatch,
    private readonly recent: RecentMessages,
  ) {}

  async insert(parts: PartRecord[]): Promise<void> {
    const inserted = await Promise.all(
      parts.map((part) => this.writes.insert(this.collection(), partDocument(part))),
    );
    const refused = parts.filter((_, index) => !inserted[index]);
    const taken: PartRecord[] = [];
    for (const part of refused) if (!(await this.isStored(part))) taken.push(part);
    if (taken.length > 0) throw new PlaceTakenError(taken);
  }

  async insertWhereFree(parts: PartRecord[]): Promise<void> {
    for (const part of parts) await this.writes.insert(this.collection(), partDocument(part));
  }

  /** True when the part itself, not another one with its seq, is what stands in the way. */
  private async isStored(part: PartRecord): Promise<boolean> {
    return (await this.prisma.conversationPart.count({ where: { id: part.id } })) > 0;
  }

  after(conversationId: string, afterSeq: number, limit: number): Promise<PartRecord[]> {
    return this.read({ conversationId, seq: { $gt: afterSeq } }, limit);
  }

  ofRun(conversationId: string, runId: string, afterSeq: number, limit: number): Promise<PartRecord[]> {
    return this.read({ conversationId, seq: { $gt: afterSeq }, runId }, limit);
  }

  ofTypes(conversationId: string, types: PartType[], afterSeq: number, limit: number): Promise<PartRecord[]> {
    return this.read({ conversationId, seq: { $gt: afterSeq }, type: { $in: types } }, limit);
  }

  async messages(
    conversation: Conversed,
    from: number,
    to: number,
    order: 'asc' | 'desc',
  ): Promise<PartRecord[]> {
    const { namespace } = this.collection();
    const messages = await this.recent.find(namespace, conversation, [from, to], (first, end) =>
      this.find(
        { conversationId: conversation.id, messageSeq: { $gte: first, $lt: end } },
        { messageSeq: 1 },
        end - first,
      ),
    );
    return order === 'asc' ? messages : messages.reverse();
  }

  async findByMessageId(conversationId: string, messageId: string): Promise<PartRecord | null> {
    return (await this.prisma.conversationPart.findFirst({
      where: { conversationId, messageId, type: 'user' },
    })) as PartRecord | null;
  }

  async searchMessages(conversationIds: string[], text: string, limit: number): Promise<string[]> {
    const rows = await this.prisma.conversationPart.findMany({
      where: {
        conversationId: { in: conversationIds },
        messageSeq: { gte: 0 },
        text: { contains: text, mode: 'insensitive' },
      },
      select: { conversationId: true },
      distinct: ['conversationId'],
      take: limit,
    });
    return rows.map((row) => row.conversationId);
  }

  private read(where: Document, limit: number): Promise<PartRecord[]> {
    return this.find(where, { seq: 1 }, limit);
  }

  /**
   * Straight from the driver: the log is read for every page of messages and every follower. Mostly one answer has all;
   * long messages may take several, of 16 MiB each.
   */
  private async find(where: Document, sort: Record<string, 1 | -1>, limit: number): Promise<PartRecord[]> {
    const documents = await this.collection().find(where, { sort, limit, batchSize: limit }).toArray();
    return documents.map(partOf);
  }
}

// Both ways field by field: pages of messages and every event pass here, and objects of one shape are several times quicker.

/** A part as MongoDB stores it. */
export function partDocument(part: PartRecord): Document {
  return {
    _id: part.id,
    conversationId: part.conversationId,
    seq: part.seq,
    messageSeq: part.messageSeq,
    type: part.type,
    runId: part.runId,
    agentId: part.agentId,
    callId: part.callId,
    parentCallId: part.parentCallId,
    rootCallId: part.rootCallId,
    messageId: part.messageId,
    text: part.text,
    content: part.content,
    metadata: part.metadata,
    createdAt: part.createdAt,
  };
}

function partOf(document: Document): PartRecord {
  const part = fromStoredRow(document) as Omit<PartRecord, 'id'> & { _id: string };
  return {
    id: part._id,
    conversationId: part.conversationId,
    seq: part.seq,
    messageSeq: part.messageSeq,
    type: part.type,
    runId: part.runId,
    agentId: part.agentId,
    callId: part.callId,
    parentCallId: part.parentCallId,
    rootCallId: part.rootCallId,
    messageId: part.messageId,
    text: part.text,
    content: part.content,
    metadata: part.metadata,
    createdAt: part.createdAt,
  };
}
