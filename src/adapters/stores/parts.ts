import type { Collection, Document } from 'mongodb';
import type { PartRecord, PartType } from '../../ports/records';
import { type Conversed, type PartStore, PlaceTakenError } from '../../ports/stores';
import { DomainError } from '../../errors';
import { escapeRegex, fromStoredRow } from '../prisma-mongodb';
import type { WriteBatch } from './batches';
import type { TenantClient } from './client';
import type { RecentMessages } from './recent-messages';

/** A search in the messages of a user's last thousand conversations takes less, except when a server has too much to do. */
const SEARCH_MS = 10_000;
/** MongoDB's code for `maxTimeMS`. */
const MAX_TIME_EXPIRED = 50;

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
    const match = {
      conversationId: { $in: conversationIds },
      messageSeq: { $gte: 0 },
      text: { $regex: escapeRegex(text), $options: 'i' },
    };
    const pipeline = [{ $match: match }, { $group: { _id: '$conversationId' } }, { $limit: limit }];
    try {
      // An aggregation gives others their turn while it goes through the messages, and ends in time.
      const rows = await this.collection()
        .aggregate<{ _id: string }>(pipeline, { maxTimeMS: SEARCH_MS })
        .toArray();
      return rows.map((row) => row._id);
    } catch (error) {
      if ((error as { code?: unknown }).code !== MAX_TIME_EXPIRED) throw error;
      throw new DomainError(
        'overloaded',
        `Searching the messages took longer than ${SEARCH_MS / 1000} s. Try again when there is less to do.`,
        { cause: error },
      );
    }
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
