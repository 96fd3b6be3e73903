import { withSoundCalls } from '../model-messages';
import type { Principal } from '../ports/identity';
import type { ModelMessage } from '../ports/models';
import type {
  ConversationRecord,
  JsonObject,
  JsonValue,
  PartRecord,
  PartType,
  RunRecord,
} from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ConversationBus } from '../runs/bus';
import { STREAM_EVENT_TYPES } from '../runs/events';
import { endable, followConversation } from '../runs/follow';
import { delay } from '../runs/patience';
import { systemMessages, toModelMessages } from '../runs/prompt';
import { living } from '../agents/agents';
import { own } from './conversations';
import { buildTimeline, type Timeline } from './timeline';

const PAGE_PARTS = 500;
/** Parts that a timeline is made of at most, from the beginning; its `seq` says where it stops. */
const TIMELINE_PARTS = 5_000;
const RUNS_SHOWN = 100;
/** Deltas arrive many times a second; a snapshot change is worth showing about ten times. */
const COALESCE_MS = 100;

/** Of what streams show, the deltas add nothing to a tree. */
const TIMELINE_TYPES: PartType[] = [
  'user',
  'agent_text',
  'tool_request',
  'tool_response',
  'sub_agent_request',
  'sub_agent_response',
  'system_event',
  ...STREAM_EVENT_TYPES.filter((type) => type !== 'delta' && type !== 'artifact_delta'),
];

export interface Marker {
  id: string;
  kind: string;
  seq: number;
  label: string;
  createdAt: Date;
}

/** What the durable conversation stream sends: everything first, then what changed. */
export interface ConversationUpdate {
  snapshot: boolean;
  conversation: ConversationRecord;
  runs: RunRecord[];
  timeline: Timeline | null;
  parts: PartRecord[];
  seq: number;
  at: Date;
}

export interface HistoryDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  bus: ConversationBus;
}

/** Views of a conversation's log. */
export class History {
  constructor(private readonly dependencies: HistoryDependencies) {}

  async timeline(principal: Principal, id: string): Promise<Timeline> {
    const { store, conversation } = await this.load(principal, id);
    return timelineOf(store, conversation);
  }

  /** Points worth jumping to: run starts and ends, compactions, and the user's own from `metadata.markers`. */
  async markers(principal: Principal, id: string): Promise<Marker[]> {
    const { store, conversation } = await this.load(principal, id);
    const parts = await allOfTypes(store, id, [
      'start',
      'end',
      'error',
      'system_event',
      'artifact_completed',
      'approval_required',
    ]);
    return [...parts.flatMap(toMarker), ...userMarkers(conversation)].sort((a, b) => a.seq - b.seq);
  }

  /** The history as model APIs take it: OpenAI chat messages. */
  async llmFormat(
    principal: Principal,
    id: string,
  ): Promise<{ messages: JsonObject[]; model: string | null }> {
    const { store, conversation } = await this.load(principal, id);
    const agent = await store.agents.find(conversation.agentId);
    const messages: ModelMessage[] = agent
      ? systemMessages(living({ ...agent, deletedAt: null }, agent.id), [], conversation.summary)
      : [];
    const step = PAGE_PARTS;
    for (let from = conversation.compactedBefore; from < conversation.messageCount; from += step)
      messages.push(
        ...(
          await store.parts.messages(
            conversation,
            from,
            Math.min(from + step, conversation.messageCount),
            'asc',
          )
        ).flatMap(toModelMessages),
      );
    return {
      messages: withSoundCalls(messages).map(onWire),
      model: agent?.llmModel ?? null,
    };
  }

  /**
   * Snapshots of the durable state: a full one first (or, for a known cursor, only what came after it), then changes.
   * @param follow false ends the stream once nothing is active
   */
  async updates(
    principal: Principal,
    id: string,
    options: { afterSeq?: number | null; follow?: boolean | null },
  ): Promise<AsyncIterableIterator<ConversationUpdate>> {
    const { store, conversation } = await this.load(principal, id);
    const known = options.afterSeq ?? -1;
    // A cursor that this conversation never had gets the full snapshot.
    const cursor = known >= 0 && known < conversation.nextSeq ? known : null;
    const stop = new AbortController();
    const watching: Watching = {
      store,
      id,
      bus: this.dependencies.bus,
      endWhenIdle: options.follow === false,
      signal: stop.signal,
    };
    return endable(snapshots(watching, cursor), () => stop.abort());
  }

  private async load(
    principal: Principal,
    id: string,
  ): Promise<{ store: TenantStore; conversation: ConversationRecord }> {
    const store = await this.dependencies.open(principal.tenant);
    return { store, conversation: own(principal, await store.conversations.find(id), id) };
  }
}

/** A message in OpenAI's own form. */
function onWire(message: ModelMessage): JsonObject {
  const { role, content } = message;
  if (role === 'tool') return { role, content, tool_call_id: message.toolCallId };
  if (role !== 'assistant' || !message.toolCalls) return { role, content };
  return {
    role,
    content: content === '' ? null : content,
    tool_calls: message.toolCalls.map(({ id, name, arguments: args }) => ({
      id,
      type: 'function',
      function: { name, arguments: args },
    })),
  };
}

interface Watching {
  store: TenantStore;
  id: string;
  bus: ConversationBus;
  endWhenIdle: boolean;
  signal: AbortSignal;
}

const isIdle = ({ conversation }: ConversationUpdate): boolean =>
  conversation.activeRunId === null && conversation.queuedRuns === 0;

async function* snapshots(watching: Watching, cursor: number | null): AsyncGenerator<ConversationUpdate> {
  const { store, id, endWhenIdle, bus, signal } = watching;
  let update: ConversationUpdate | null =
    cursor === null
      ? await fullSnapshot(store, id)
      : await change(store, id, await allAfter(store, id, cursor), cursor);
  if (!update) return;
  // What was shown is not kept: thousands of streams may wait here for a long time.
  let { seq, idle } = { seq: update.seq, idle: isIdle(update) };
  if (update.snapshot || update.parts.length > 0) yield update;
  // eslint-disable-next-line no-useless-assignment -- it frees the snapshot
  update = null;
  // The log is followed from what was shown, so nothing falls between the two.
  const followed = followConversation(bus, store, id, seq);
  const end = (): void => void followed.return?.();
  signal.addEventListener('abort', end, { once: true });
  try {
    while (!signal.aborted && !(endWhenIdle && idle)) {
      const parts = await collectFor(followed, COALESCE_MS);
      update = parts && (await change(store, id, parts, seq));
      if (!update) return;
      ({ seq, idle } = { seq: update.seq, idle: isIdle(update) });
      yield update;
      update = null;
    }
  } finally {
    end();
  }
}

async function allAfter(store: TenantStore, id: string, cursor: number): Promise<PartRecord[]> {
  const parts: PartRecord[] = [];
  for (let seq = cursor; ; seq = parts.at(-1)!.seq) {
    const page = await store.parts.after(id, seq, PAGE_PARTS);
    parts.push(...page);
    if (page.length < PAGE_PARTS) return parts;
  }
}

/** The next batch of parts, at most one every `ms` while text flows; null when the log ended. */
async function collectFor(
  followed: ReturnType<typeof followConversation>,
  ms: number,
): Promise<PartRecord[] | null> {
  const first = await followed.next();
  if (first.done) return null;
  const parts = [...first.value.parts];
  // What arrives during the pause waits in the follower and comes with the next update.
  if (!first.value.changed) await delay(ms);
  return parts;
}

async function fullSnapshot(store: TenantStore, id: string): Promise<ConversationUpdate | null> {
  const conversation = await store.conversations.find(id);
  if (!conversation || conversation.deletedAt) return null;
  const timeline = await timelineOf(store, conversation);
  const runs = await store.runs.list({ conversationId: id }, { limit: RUNS_SHOWN });
  // Text of an answer in progress is no timeline entry; it follows as parts from here.
  return { snapshot: true, conversation, runs, timeline, parts: [], seq: timeline.seq, at: new Date() };
}

/** What changed: the parts, the runs they belong to or that are active, and the conversation itself. */
async function change(
  store: TenantStore,
  id: string,
  parts: PartRecord[],
  seen: number,
): Promise<ConversationUpdate | null> {
  const conversation = await store.conversations.find(id);
  if (!conversation || conversation.deletedAt) return null;
  const touched = new Set(parts.map((part) => part.runId));
  const runs = await store.runs.list({ conversationId: id }, { limit: RUNS_SHOWN });
  return {
    snapshot: false,
    conversation,
    runs: runs.filter(
      (run) => touched.has(run.id) || run.id === conversation.activeRunId || run.finishedAt === null,
    ),
    timeline: null,
    parts,
    seq: parts.at(-1)?.seq ?? seen,
    at: new Date(),
  };
}

async function timelineOf(store: TenantStore, conversation: ConversationRecord): Promise<Timeline> {
  return buildTimeline(conversation, await allOfTypes(store, conversation.id, TIMELINE_TYPES));
}

async function allOfTypes(store: TenantStore, id: string, types: PartType[]): Promise<PartRecord[]> {
  const parts: PartRecord[] = [];
  for (let cursor = -1; parts.length < TIMELINE_PARTS; cursor = parts.at(-1)!.seq) {
    const page = await store.parts.ofTypes(id, types, cursor, PAGE_PARTS);
    parts.push(...page);
    if (page.length < PAGE_PARTS) break;
  }
  return parts;
}

const MARKER_KINDS: Partial<Record<PartType, string>> = {
  start: 'run_started',
  end: 'run_finished',
  error: 'run_finished',
  artifact_completed: 'artifact',
  approval_required: 'approval',
};

function toMarker(part: PartRecord): Marker[] {
  const content = objectOf(part.content);
  if (part.type === 'system_event') {
    if (content.kind !== 'compaction') return [];
    return [
      {
        id: part.id,
        kind: 'compaction',
        seq: part.seq,
        label: 'History compacted',
        createdAt: part.createdAt,
      },
    ];
  }
  if (part.parentCallId !== null && (part.type === 'start' || part.type === 'end' || part.type === 'error'))
    return [];
  const kind = MARKER_KINDS[part.type]!;
  return [{ id: part.id, kind, seq: part.seq, label: labelOf(part, content), createdAt: part.createdAt }];
}

const textOf = (value: unknown, fallback: string): string => (typeof value === 'string' ? value : fallback);

function labelOf(part: PartRecord, content: JsonObject): string {
  if (part.type === 'start') return `${textOf(content.name, 'Agent')} started`;
  if (part.type === 'end') return `Finished: ${textOf(content.finish_reason, 'stop')}`;
  if (part.type === 'error') return `Failed: ${textOf(content.code, 'error')}`;
  return part.type.replaceAll('_', ' ');
}

/** Markers that the user put into `metadata.markers`: `{id?, seq, label, created_at?}`. */
function userMarkers(conversation: ConversationRecord): Marker[] {
  const markers = objectOf(conversation.metadata).markers;
  if (!Array.isArray(markers)) return [];
  return markers.map(objectOf).flatMap((marker, index) => {
    if (typeof marker.seq !== 'number' || typeof marker.label !== 'string') return [];
    const at = typeof marker.created_at === 'string' ? new Date(marker.created_at) : conversation.updatedAt;
    return [
      {
        id: typeof marker.id === 'string' ? marker.id : `user-${index}`,
        kind: 'user',
        seq: marker.seq,
        label: marker.label,
        createdAt: Number.isNaN(at.getTime()) ? conversation.updatedAt : at,
      },
    ];
  });
}

const objectOf = (value: JsonValue): JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
