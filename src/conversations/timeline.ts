import type { ConversationRecord, JsonObject, JsonValue, PartRecord } from '../ports/records';
import { type Sources, storedSources } from '../runs/citations';

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
  /** Of a unit where it is; of a request to a human what became of it; null for what only happened. */
  status: string | null;
  text: string | null;
  content: JsonValue;
  /** What a tool was called with and what it returned; null for other kinds. */
  arguments: JsonValue;
  result: JsonValue;
  /** Of an answer and of the agent that gave it; null where nothing was looked for. */
  sources: Sources | null;
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
  const tree = new Tree();
  for (const part of parts) tree.add(part);
  for (const root of tree.roots) markWaiting(root);
  return { conversation, items: tree.roots, seq: parts.at(-1)?.seq ?? -1 };
}

/** A unit of execution in the tree. */
type Unit = TimelineItem & {
  /** False for work in the background, which goes on when its parent ends. */
  inside: boolean;
};

/** What a call's first part says that the unit is; other parts stand under the unit that they belong to. */
const UNIT_OF: Partial<Record<PartRecord['type'], string>> = {
  tool_request: 'tool',
  approval_required: 'tool',
  approval_approved: 'tool',
  sub_agent_request: 'sub_agent',
};

/** What becomes of a call, or of its request to a human, by the part that says so. */
const DECISIONS: Partial<Record<PartRecord['type'], string>> = {
  approval_approved: 'approved',
  approval_denied: 'denied',
  approval_expired: 'expired',
  approval_cancelled: 'cancelled',
  question_answered: 'answered',
  question_expired: 'expired',
};

const WAITING = ['waiting_approval', 'waiting_question'] as const;

class Tree {
  readonly roots: TimelineItem[] = [];
  private readonly units = new Map<string, Unit>();
  /** The unit of each run, for parts that name no call. */
  private readonly runs = new Map<string, Unit>();
  /** Approvals and questions by their id. */
  private readonly requests = new Map<string, TimelineItem>();

  add(part: PartRecord): void {
    switch (part.type) {
      case 'delta':
      case 'artifact_delta':
        return;
      case 'user':
        this.roots.push(toItem(part, 'user', null));
        return;
      case 'start':
        this.start(part);
        return;
      case 'end':
      case 'error': {
        const unit = this.unitOf(part);
        if (unit) finish(unit, part);
        else this.siblings(part).push(toItem(part, part.type, null));
        return;
      }
      default:
        this.happen(part);
    }
  }

  private start(part: PartRecord): void {
    const kind = startKind(part);
    const unit = this.unitOf(part) ?? this.open(part, kind);
    unit.kind = kind;
    unit.name = field(part, 'name') ?? unit.name;
    unit.agentId ??= part.agentId;
    // A call that was taken up again after an interruption goes on; one that waited no longer does.
    unit.status = 'running';
    if (kind !== 'tool' && part.runId) this.runs.set(part.runId, unit);
  }

  private happen(part: PartRecord): void {
    const opens = UNIT_OF[part.type];
    const unit = this.unitOf(part) ?? (opens && part.callId ? this.open(part, opens) : undefined);
    const item = toItem(part, part.type, field(part, 'tool_name'));
    (unit?.children ?? this.siblings(part)).push(item);
    if (unit) describe(unit, part);
    this.ask(part, item, unit);
  }

  /** Requests to humans and their outcomes. */
  private ask(part: PartRecord, item: TimelineItem, unit: Unit | undefined): void {
    const id = field(part, 'id');
    if (part.type === 'approval_required' || part.type === 'question_required') {
      item.status = 'pending';
      if (id) this.requests.set(id, item);
      if (unit && part.type === 'approval_required') unit.status = 'waiting_approval';
    }
    const decision = DECISIONS[part.type];
    if (decision === undefined) return;
    const asked = id ? this.requests.get(id) : undefined;
    if (asked) close(asked, decision, part);
    if (!unit || isEnded(unit) || part.type.startsWith('question_')) return;
    if (decision === 'approved') unit.status = 'running';
    else close(unit, decision, part);
  }

  private open(part: PartRecord, kind: string): Unit {
    const name = field(part, part.type === 'start' ? 'name' : 'tool_name');
    const item = toItem(part, kind, name);
    // The log tells of a delegation that its parent waits for before it begins; of background work it does not.
    const inside = kind !== 'sub_agent' || part.type === 'sub_agent_request';
    const unit: Unit = Object.assign(item, { content: null, status: 'running', inside });
    if (part.callId) this.units.set(part.callId, unit);
    this.siblings(part).push(unit);
    return unit;
  }

  private unitOf(part: PartRecord): Unit | undefined {
    return part.callId ? this.units.get(part.callId) : undefined;
  }

  /** Where a part stands that has no unit of its own: in that of its parent, else in that of its run. */
  private siblings(part: PartRecord): TimelineItem[] {
    const parent = part.parentCallId ? this.units.get(part.parentCallId) : undefined;
    const run = parent ?? (part.runId ? this.runs.get(part.runId) : undefined);
    return run?.children ?? this.roots;
  }
}

/** What a part tells of the tool call that it belongs to. */
function describe(unit: Unit, part: PartRecord): void {
  const content = objectOf(part.content);
  if (unit.kind !== 'tool' || unit.callId !== part.callId) return;
  if (part.type === 'tool_request' || part.type === 'approval_required') {
    unit.arguments = content.arguments ?? null;
    unit.content = { ...objectOf(unit.content), arguments: unit.arguments };
    if (typeof content.tool_id === 'string') unit.content.tool_id = content.tool_id;
  }
  if (part.type === 'approval_approved' && content.modified_arguments !== undefined)
    unit.arguments = content.modified_arguments;
  if (part.type === 'tool_response') {
    unit.result = content.result ?? null;
    const cacheId = content.cache_id;
    if (cacheId !== undefined) unit.content = { ...objectOf(unit.content), cache_id: cacheId };
    const status = field(part, 'status');
    if (status) close(unit, OUTCOMES[status] ?? 'failed', part);
  }
}

/** Receipts of calls as the tree says them: a call whose outcome nobody knows failed. */
const OUTCOMES: Record<string, string> = {
  succeeded: 'completed',
  denied: 'denied',
  expired: 'expired',
  cancelled: 'cancelled',
};

function finish(unit: Unit, part: PartRecord): void {
  const told = unit.kind === 'tool' && isEnded(unit) ? unit.status : null;
  const reason = field(part, 'finish_reason');
  const status = part.type === 'error' ? 'failed' : reason === 'cancelled' ? 'cancelled' : 'completed';
  close(unit, told ?? status, part);
  unit.sources = sourcesIn(part);
  if (part.type === 'error') unit.content = { ...objectOf(unit.content), ...objectOf(part.content) };
  for (const child of unit.children) abandon(child, part);
}

/** What was under way when the unit above it ended came to nothing. */
function abandon(item: TimelineItem, part: PartRecord): void {
  if (item.status === null || isEnded(item) || !isInside(item)) return;
  close(item, 'cancelled', part);
  for (const child of item.children) abandon(child, part);
}

function close(item: TimelineItem, status: string, part: PartRecord): void {
  item.status = status;
  item.endSeq = part.seq;
  item.finishedAt = part.createdAt;
}

const isEnded = (item: TimelineItem): boolean => item.endSeq !== null;
const isInside = (item: TimelineItem): boolean => (item as Partial<Unit>).inside !== false;

/** A unit that is not ended waits with what is inside it: the human who is asked for a call holds up all above it. */
function markWaiting(item: TimelineItem): void {
  for (const child of item.children) markWaiting(child);
  if (item.status === null || isEnded(item)) return;
  const found = WAITING.find((status) => item.children.some((child) => waitsFor(child) === status));
  if (found) item.status = found;
}

function waitsFor(item: TimelineItem): string | null {
  if (isEnded(item) || !isInside(item)) return null;
  if (item.status !== 'pending') return item.status;
  return item.kind === 'question_required' ? 'waiting_question' : 'waiting_approval';
}

const startKind = (part: PartRecord): string =>
  field(part, 'role') === 'tool' ? 'tool' : field(part, 'role') === 'sub_agent' ? 'sub_agent' : 'agent';

const objectOf = (value: JsonValue): JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};

function field(part: PartRecord, key: string): string | null {
  const value = objectOf(part.content)[key];
  return typeof value === 'string' ? value : null;
}

const sourcesIn = (part: PartRecord): Sources | null => storedSources(objectOf(part.content)) ?? null;

function contentOf(part: PartRecord): JsonValue {
  // Hidden context belongs to the model, not to the timeline.
  if (part.type === 'user' || part.type === 'start') return null;
  if (part.type !== 'agent_text') return part.content;
  const { citations: _, retrieved: __, ...content } = objectOf(part.content);
  return Object.keys(content).length > 0 ? content : null;
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
  content: contentOf(part),
  arguments: null,
  result: null,
  sources: part.type === 'agent_text' ? sourcesIn(part) : null,
  startedAt: part.createdAt,
  finishedAt: null,
  children: [],
});
