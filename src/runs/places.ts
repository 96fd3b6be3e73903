import { newId } from '../ids';
import type { JsonValue, PartRecord, PartType } from '../ports/records';
import type { Allocated } from '../ports/stores';

/** A part before the log gave it its place. */
export interface PartDraft {
  type: PartType;
  runId?: string | null;
  agentId?: string | null;
  callId?: string | null;
  parentCallId?: string | null;
  rootCallId?: string | null;
  messageId?: string | null;
  text?: string | null;
  content?: JsonValue;
  metadata?: JsonValue;
}

export type Position = Pick<Allocated, 'seq' | 'messageSeq'>;

export const isMessage = (part: { type: PartType }): boolean =>
  part.type === 'user' || part.type === 'agent_text';

/** Gives the drafts consecutive places. */
export function placeAll(
  conversationId: string,
  allocated: Position,
  drafts: PartDraft[],
  at: Date,
): PartRecord[] {
  let { seq, messageSeq } = allocated;
  return drafts.map((draft) => ({
    id: newId(at.getTime()),
    conversationId,
    seq: seq++,
    messageSeq: isMessage(draft) ? messageSeq++ : null,
    type: draft.type,
    runId: draft.runId ?? null,
    agentId: draft.agentId ?? null,
    callId: draft.callId ?? null,
    parentCallId: draft.parentCallId ?? null,
    rootCallId: draft.rootCallId ?? null,
    messageId: draft.messageId ?? null,
    text: draft.text ?? null,
    content: draft.content ?? null,
    metadata: draft.metadata ?? null,
    createdAt: at,
  }));
}

/** Parts that had to move stand behind those that did not. */
export const inOrder = (parts: PartRecord[]): PartRecord[] =>
  parts.every(({ seq }, index) => index === 0 || parts[index - 1]!.seq < seq)
    ? parts
    : [...parts].sort((one, other) => one.seq - other.seq);
