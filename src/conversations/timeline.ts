import type { ConversationRecord, JsonValue, PartRecord } from '../ports/records';

/** One node of the execution tree that a UI draws. */
export interface TimelineItem {
  kind: string;
  seq: number;
  endSeq: number | null;
  callId: string | null;
  parentCallId: string | null;
  runId: string | null;
  agentId: string | null;
  name: string | null;
  status: string | null;
  text: string | null;
  content: JsonValue;
  startedAt: Date;
  finishedAt: Date | null;
  children: TimelineItem[];
}

export interface Timeline {
  conversation: ConversationRecord;
  items: TimelineItem[];
  seq: number;
}

/** Builds the tree from the parts of a conversation in `seq` order: calls hold what happened under their call id. */
export function buildTimeline(conversation: ConversationRecord, parts: PartRecord[]): Timeline {
  const roots: TimelineItem[] = [];
  const calls = new Map<string, TimelineItem>();
  for (const part of parts) place(part, roots, calls);
  return { conversation, items: roots, seq: parts.at(-1)?.seq ?? -1 };
}

function place(part: PartRecord, roots: TimelineItem[], calls: Map<string, TimelineItem>): void {
  const call = part.callId ? calls.get(part.callId) : undefined;
  switch (part.type) {
    case 'delta':
    case 'artifact_delta':
      return;
    case 'start': {
      const item = toItem(part, startKind(part), field(part, 'name'));
      item.status = 'running';
      if (part.callId) calls.set(part.callId, item);
      const parent = part.parentCallId ? calls.get(part.parentCallId) : undefined;
      (parent?.children ?? roots).push(item);
      return;
    }
    case 'end':
    case 'error':
      if (call) finish(call, part);
      else roots.push(toItem(part, part.type, null));
      return;
    case 'user':
      roots.push(toItem(part, 'user', null));
      return;
    default:
      (call?.children ?? roots).push(toItem(part, part.type, field(part, 'tool_name')));
  }
}

function finish(call: TimelineItem, part: PartRecord): void {
  const reason = field(part, 'finish_reason');
  call.status = part.type === 'error' ? 'failed' : reason === 'cancelled' ? 'cancelled' : 'completed';
  call.endSeq = part.seq;
  call.finishedAt = part.createdAt;
  if (part.type === 'error') call.content = part.content;
}

const startKind = (part: PartRecord): string =>
  field(part, 'role') === 'tool' ? 'tool' : field(part, 'role') === 'sub_agent' ? 'sub_agent' : 'agent';

function field(part: PartRecord, key: string): string | null {
  const content = part.content;
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return null;
  const value = content[key];
  return typeof value === 'string' ? value : null;
}

const toItem = (part: PartRecord, kind: string, name: string | null): TimelineItem => ({
  kind,
  seq: part.seq,
  endSeq: null,
  callId: part.callId,
  parentCallId: part.parentCallId,
  runId: part.runId,
  agentId: part.agentId,
  name,
  status: null,
  text: part.text,
  // Hidden context belongs to the model, not to the timeline.
  content: part.type === 'user' || part.type === 'start' ? null : part.content,
  startedAt: part.createdAt,
  finishedAt: null,
  children: [],
});
