import type { ConversationRecord } from '../../ports/records';
import type { Allocation, LogEnd } from '../../ports/stores';

/** An allocation whose outcome is unknown, because the connection broke. */
export interface Doubt {
  allocation: Allocation;
  /** The run that holds the conversation, and its worker. */
  holder: { runId: string; owner: string };
  next: ConversationRecord;
  /** What `lastWrite` is if it happened. */
  mark: string;
}

/**
 * Conversations that runs of this process hold, as this process last wrote them: what an allocation makes of one is known
 * before it is sent, and it happens only if it is still so.
 */
export class HeldConversations {
  private readonly held = new Map<string, ConversationRecord>();
  private readonly doubts = new Map<string, Doubt>();

  /** Remembers a conversation that a run holds; forgets one that none does. */
  keep(conversation: ConversationRecord): void {
    if (conversation.activeRunId) this.held.set(conversation.id, conversation);
    else this.held.delete(conversation.id);
  }

  /** A newer state, of a conversation that may be held here. */
  refresh(conversation: ConversationRecord): void {
    if (this.held.has(conversation.id)) this.keep(conversation);
  }

  /** What a user appended to a conversation that may be held here. */
  advance(from: LogEnd, changes: Pick<ConversationRecord, 'nextSeq' | 'messageCount' | 'updatedAt'>): void {
    const held = this.held.get(from.id);
    if (held?.nextSeq !== from.nextSeq || held.messageCount !== from.messageCount) return;
    this.held.set(from.id, { ...held, ...changes });
  }

  /** Takes the conversation out: until it is kept again, its state is unknown. */
  take(id: string, run: { runId: string; owner: string }): ConversationRecord | undefined {
    const known = this.held.get(id);
    if (known?.activeRunId !== run.runId || known.activeOwner !== run.owner || this.doubts.has(id))
      return undefined;
    this.held.delete(id);
    return known;
  }

  forget(id: string): void {
    this.held.delete(id);
  }

  doubt(doubt: Doubt): void {
    this.doubts.set(doubt.next.id, doubt);
  }

  takeDoubt(id: string): Doubt | undefined {
    const doubt = this.doubts.get(id);
    this.doubts.delete(id);
    return doubt;
  }
}
