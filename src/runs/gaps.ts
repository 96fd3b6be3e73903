import { newId } from '../ids';
import type { Clock } from '../ports/clock';
import type { ConversationRecord, JsonValue, PartRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { PartDraft } from './log';
import { delay } from './patience';

const PAGE_PARTS = 500;
/** A missing seq may belong to somebody who is just storing it. */
const GAP_GRACE_MS = 300;

/** Where places may be missing, and what stands there afterwards. */
export interface Doubt {
  conversationId: string;
  /** The first place to look at; the last 500 when nobody knows. */
  from?: number | null;
  /** What is told of a place whose part never came. */
  marker: Pick<PartDraft, 'runId' | 'agentId' | 'callId' | 'parentCallId' | 'rootCallId'>;
  content: JsonValue;
}

/** The marker of places that no run is known to have asked for. */
export const NOBODYS: Pick<Doubt, 'marker' | 'content'> = {
  marker: {},
  content: { kind: 'append_interrupted' },
};

/**
 * Takes the places of a log that were allocated and left empty. A writer that was only slow finds its place taken and asks
 * for another one; the number of messages is the number of those that exist.
 */
export async function closeGaps(store: TenantStore, doubt: Doubt, clock: Clock): Promise<void> {
  const before = await store.conversations.find(doubt.conversationId);
  if (!before || (await missing(store, before, doubt.from)).length === 0) return;
  await delay(GAP_GRACE_MS);
  const conversation = await store.conversations.find(doubt.conversationId);
  if (!conversation) return;
  const seqs = await missing(store, conversation, doubt.from);
  await store.parts.insertWhereFree(seqs.map((seq) => placeholder(doubt, seq, clock.now())));
  const messageCount = await storedMessages(store, conversation, seqs.length);
  if (messageCount < conversation.messageCount)
    await store.conversations.settleMessageCount(conversation.id, conversation.nextSeq, messageCount);
}

/** Allocated seqs without a part. */
async function missing(
  store: TenantStore,
  { id, nextSeq }: ConversationRecord,
  from: number | null | undefined,
): Promise<number[]> {
  let cursor = (from ?? Math.max(0, nextSeq - PAGE_PARTS)) - 1;
  const seqs: number[] = [];
  for (;;) {
    const page = await store.parts.after(id, cursor, PAGE_PARTS);
    for (const part of page) {
      for (let seq = cursor + 1; seq < part.seq; seq++) seqs.push(seq);
      cursor = part.seq;
    }
    if (page.length < PAGE_PARTS) break;
  }
  for (let seq = cursor + 1; seq < nextSeq; seq++) seqs.push(seq);
  return seqs;
}

/** The number of messages up to the last stored one, when at most `lost` messages after it were never stored. */
async function storedMessages(
  store: TenantStore,
  conversation: ConversationRecord,
  lost: number,
): Promise<number> {
  const { messageCount } = conversation;
  const from = Math.max(0, messageCount - lost - 1);
  const [last] = await store.parts.messages(conversation, from, messageCount, 'desc');
  return last ? last.messageSeq! + 1 : from;
}

function placeholder({ conversationId, marker, content }: Doubt, seq: number, at: Date): PartRecord {
  return {
    runId: marker.runId ?? null,
    agentId: marker.agentId ?? null,
    callId: marker.callId ?? null,
    parentCallId: marker.parentCallId ?? null,
    rootCallId: marker.rootCallId ?? null,
    id: newId(at.getTime()),
    conversationId,
    seq,
    messageSeq: null,
    type: 'system_event',
    messageId: null,
    text: null,
    content,
    metadata: null,
    createdAt: at,
  };
}
