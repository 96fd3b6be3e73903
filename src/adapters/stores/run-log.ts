import type { Collection, Document } from 'mongodb';
import { DomainError } from '../../errors';
import { newId } from '../../ids';
import type { ConversationRecord, PartRecord, RunRecord } from '../../ports/records';
import {
  type Allocation,
  type Beginning,
  type Holder,
  type LogEnd,
  PlaceTakenError,
  type RunEntry,
  type RunLogStore,
  type UserEntry,
  endBehind,
} from '../../ports/stores';
import { conditional, insertion, toDocument, type Write, type WriteBatch } from './batches';
import { IDLE } from './conversations';
import { toDomainError } from './guard';
import type { HeldConversations } from './held-conversations';
import { partDocument } from './parts';
import { ownedUpdate } from './runs';

export interface RunLogCollections {
  conversations: () => Collection<Document>;
  parts: () => Collection<Document>;
  runs: () => Collection<Document>;
}

/** What a run adds to its conversation, each piece only if the one before it is stored, in one command where that can be. */
export class PrismaRunLogStore implements RunLogStore {
  constructor(
    private readonly collections: RunLogCollections,
    private readonly writes: WriteBatch,
    private readonly held: HeldConversations,
  ) {}

  async beginNew({ conversation, run, parts }: Beginning): ReturnType<RunLogStore['beginNew']> {
    const done = await this.store([
      [insertion(this.collections.conversations(), toDocument(conversation))],
      [insertion(this.collections.runs(), toDocument(run))],
      this.insertions(parts),
    ]);
    if (done === 0) return 'conversation_exists';
    if (done === 1) return 'run_exists';
    if (done === 2) throw new PlaceTakenError(parts);
    this.held.keep(conversation);
    return 'stored';
  }

  async beginIn(
    known: ConversationRecord,
    { conversation, run, parts }: Beginning,
  ): ReturnType<RunLogStore['beginIn']> {
    const insertRun = [insertion(this.collections.runs(), toDocument(run))];
    const isIdle = !known.activeRunId;
    const claim = [this.transition(known, conversation, newId())];
    const done = await this.store(isIdle ? [insertRun, claim, this.insertions(parts)] : [insertRun]);
    if (done === 0) return 'run_exists';
    if (done === 1) return 'not_claimed';
    if (done === 2) throw new PlaceTakenError(parts);
    this.held.keep(conversation);
    return 'stored';
  }

  async append(entry: RunEntry): Promise<PartRecord[] | null> {
    const { conversationId, holder, allocation, releaseAt, place, ending } = entry;
    const known = this.held.take(conversationId, holder);
    if (!known) return null;
    const next = advanced(known, allocation, releaseAt);
    const mark = newId();
    const { nextSeq: seq, messageCount: messageSeq } = known;
    const parts = place({ seq, messageSeq, conversation: next });
    const end = ending ? [this.endOf(holder, ending(parts))] : [];
    const stages = [[this.transition(known, next, mark)], this.insertions(parts), end];
    try {
      const { done, error } = await this.writes.stages(stages);
      if (error) throw error;
      if (done === 0) return null;
      if (done === 1) throw new PlaceTakenError(parts);
      // That the run's own row is somebody else's is no failure of the log: whoever holds it ends it.
      this.held.keep(next);
      return parts;
    } catch (error) {
      // An answer that was lost: whether it happened, the repeated allocation finds out.
      if (toDomainError(error) instanceof DomainError) this.held.doubt({ allocation, holder, next, mark });
      throw error;
    }
  }

  async appendBehind(end: LogEnd, entry: UserEntry): Promise<PartRecord[] | null> {
    const { allocation, place, at, repeated } = entry;
    const { id: _id, userId, nextSeq, messageCount } = end;
    const parts = place({ seq: nextSeq, messageSeq: messageCount });
    const next = endBehind(end, allocation);
    const filter = { _id, userId, deletedAt: null, nextSeq, messageCount };
    const $set = { ...next, updatedAt: at, lastWrite: markOf(parts) };
    const allocate = conditional(this.collections.conversations(), { filter, update: { $set } });
    const done = await this.store([[allocate], this.insertions(parts)]);
    if (done === 1) throw new PlaceTakenError(parts);
    if (done === 0) {
      if (!repeated || !(await this.isAllocated(_id, parts))) return null;
      await Promise.all(
        parts.map((part) => this.writes.insert(this.collections.parts(), partDocument(part))),
      );
    }
    this.held.advance(end, { ...next, updatedAt: at });
    return parts;
  }

  /** Whether an attempt whose answer was lost took the places of these very parts. */
  private async isAllocated(conversationId: string, parts: PartRecord[]): Promise<boolean> {
    const byId = (collection: Collection<Document>, ids: string[]) =>
      collection.findOne({ _id: { $in: ids } } as Document, { projection: { lastWrite: 1 } });
    const conversation = await byId(this.collections.conversations(), [conversationId]);
    if (conversation?.lastWrite === markOf(parts)) return true;
    const ids = parts.map(({ id }) => id);
    return (await byId(this.collections.parts(), ids)) !== null;
  }

  /** @returns how many stages happened */
  private async store(stages: Write[][]): Promise<number> {
    const { done, error } = await this.writes.stages(stages);
    if (error) throw error;
    return done;
  }

  private insertions(parts: PartRecord[]): Write[] {
    return parts.map((part) => insertion(this.collections.parts(), partDocument(part)));
  }

  private endOf({ runId, owner }: Holder, changes: Partial<RunRecord>): Write {
    return conditional(this.collections.runs(), ownedUpdate(runId, owner, changes));
  }

  /** From one state of a conversation to the next; it does not happen if the conversation is in any other state by now. */
  private transition(from: ConversationRecord, to: ConversationRecord, mark: string): Write {
    const filter: Document & { _id: string } = { _id: from.id };
    for (const field of STATE) filter[field] = from[field];
    // Only a run that has the conversation already may end in one that is being deleted.
    if (!from.activeRunId) filter.deletedAt = null;
    const $set: Document = { lastWrite: mark };
    for (const field of CHANGED) if (to[field] !== from[field]) $set[field] = to[field];
    return conditional(this.collections.conversations(), { filter, update: { $set } });
  }
}

/** What no other write may have changed in the meantime. */
const STATE = [
  'activeRunId',
  'activeOwner',
  'nextSeq',
  'messageCount',
  'queuedRuns',
  'compactedBefore',
] as const;
/** What a run changes. */
const CHANGED = [
  'activeRunId',
  'activeOwner',
  'activeMessageId',
  'nextSeq',
  'messageCount',
  'title',
  'titleSource',
  'updatedAt',
] as const;

function advanced(
  known: ConversationRecord,
  allocation: Allocation,
  releaseAt: Date | undefined,
): ConversationRecord {
  return {
    ...known,
    ...(releaseAt ? { ...IDLE, updatedAt: releaseAt } : {}),
    ...endBehind(known, allocation),
  };
}

/** What `lastWrite` says of a conversation whose newest parts these are; the same for the same parts. */
const markOf = ([first]: PartRecord[]): string => first!.id;
