import { notFound } from '../errors';
import { newId } from '../ids';
import type { Clock } from '../ports/clock';
import type { JsonValue, PartRecord, PartType, RunRecord } from '../ports/records';
import type { Allocated, Allocation, Holder, TenantStore } from '../ports/stores';
import type { ConversationBus } from './bus';
import { isFull, isUnavailable, whileUnavailable } from './patience';

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

/** How the seqs of an entry are allocated: by anybody, or by the worker that holds the conversation for a run. */
export type Writer =
  | { kind: 'anyone' }
  | {
      kind: 'run';
      runId: string;
      owner: string;
      /** Frees the conversation in the same write. */ release?: boolean;
    }
  /** A run that does not hold the conversation; `alive` says whether this worker still has its lease. */
  | { kind: 'beside'; runId: string; alive: () => boolean };

export interface Entry {
  drafts: PartDraft[];
  writer: Writer;
  /** What becomes of the writer's run once the parts are stored, before followers see them. */
  ending?: RunEnd;
}

/** The end of a run, as its own row tells it. */
export interface RunEnd {
  holder: Holder;
  changes: (parts: PartRecord[]) => Partial<RunRecord>;
}

/** The run lost its conversation to another worker: stop without writing. */
export class FencedError extends Error {
  constructor(runId: string) {
    super(`Run ${runId} is executed by another worker now.`);
    this.name = 'FencedError';
  }
}

/** How long a request waits for a database that is gone before it fails. */
const REQUEST_PATIENCE_MS = 3_000;
/** How long a run waits: longer than any usual restart or fail-over. */
export const RUN_PATIENCE_MS = 600_000;

const ANYONE: Writer = { kind: 'anyone' };

interface Waiting extends Entry {
  resolve: (parts: PartRecord[]) => void;
  reject: (error: unknown) => void;
}

/**
 * Appends to the logs of conversations. Of one conversation this process writes one entry at a time, so that followers
 * see parts in `seq` order; appends that wait meanwhile share one allocation and one insert.
 */
export class ConversationLog {
  private readonly queues = new Map<string, Waiting[]>();

  constructor(
    private readonly bus: ConversationBus,
    private readonly clock: Clock,
  ) {}

  /**
   * Stores the drafts and tells followers.
   * @throws FencedError when the writer is a run that no longer holds the conversation
   * @throws DomainError `not_found` when the conversation is gone
   */
  append(
    store: TenantStore,
    conversationId: string,
    drafts: PartDraft[],
    writer: Writer = ANYONE,
    ending?: RunEnd,
  ): Promise<PartRecord[]> {
    return new Promise((resolve, reject) => {
      const key = `${store.tenant}\u0000${conversationId}`;
      const waiting: Waiting = { drafts, writer, ending, resolve, reject };
      const queue = this.queues.get(key);
      if (queue) {
        queue.push(waiting);
        return;
      }
      const fresh = [waiting];
      this.queues.set(key, fresh);
      void this.drain(store, conversationId, key, fresh);
    });
  }

  /** The parts that were stored with seqs allocated elsewhere (a claim); published in order like any others. */
  async store(
    store: TenantStore,
    conversationId: string,
    allocated: Allocated,
    drafts: PartDraft[],
  ): Promise<PartRecord[]> {
    const parts = this.place(conversationId, drafts)(allocated);
    await this.insert(store, parts, ANYONE);
    this.show(store, conversationId, parts);
    return parts;
  }

  /** Gives parts their places as of now; for the same place it gives the same parts. */
  place(conversationId: string, drafts: PartDraft[]): (allocated: Position) => PartRecord[] {
    const at = this.clock.now();
    let placed: PartRecord[] = [];
    return (allocated) => {
      if (placed[0]?.seq !== allocated.seq) placed = placeAll(conversationId, allocated, drafts, at);
      return placed;
    };
  }

  /** Tells followers of parts that are stored. */
  show(store: TenantStore, conversationId: string, parts: PartRecord[]): void {
    this.bus.publish(store.tenant, conversationId, { kind: 'parts', parts });
  }

  /** The same parts are tried again until the outcome is known: a repeated insert of them changes nothing. */
  private insert(store: TenantStore, parts: PartRecord[], writer: Writer): Promise<void> {
    if (writer.kind === 'anyone')
      return whileUnavailable(REQUEST_PATIENCE_MS, () => store.parts.insert(parts));
    return whileUnavailable(RUN_PATIENCE_MS, () => store.parts.insert(parts), { orFull: true });
  }

  private async drain(
    store: TenantStore,
    conversationId: string,
    key: string,
    queue: Waiting[],
  ): Promise<void> {
    while (queue.length > 0) {
      const batch = takeBatch(queue);
      try {
        await this.write(store, conversationId, batch);
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
    this.queues.delete(key);
  }

  private async write(store: TenantStore, conversationId: string, batch: Waiting[]): Promise<void> {
    const drafts = batch.flatMap((waiting) => waiting.drafts);
    const [{ writer, ending }] = batch as [Waiting];
    const entry = { conversationId, drafts, writer, ending, place: this.place(conversationId, drafts) };
    const parts = (await this.writeAtOnce(store, entry)) ?? (await this.writeInSteps(store, entry));
    this.show(store, conversationId, parts);
    let taken = 0;
    for (const waiting of batch) {
      waiting.resolve(parts.slice(taken, taken + waiting.drafts.length));
      taken += waiting.drafts.length;
    }
  }

  /** Null when it has to go, or go on, step by step. */
  private async writeAtOnce(store: TenantStore, entry: PlacedEntry): Promise<PartRecord[] | null> {
    const { conversationId, drafts, writer, ending, place } = entry;
    if (writer.kind !== 'run') return null;
    const { runId, owner, release } = writer;
    try {
      return await store.runLog.append({
        conversationId,
        holder: { runId, owner },
        allocation: allocationOf(drafts),
        place,
        ...(release ? { releaseAt: this.clock.now() } : {}),
        ...(ending ? { ending: ending.changes } : {}),
      });
    } catch (error) {
      if (isUnavailable(error) || isFull(error)) return null;
      throw error;
    }
  }

  private async writeInSteps(store: TenantStore, entry: PlacedEntry): Promise<PartRecord[]> {
    const { conversationId, drafts, writer, ending, place } = entry;
    const parts = place(await this.allocate(store, conversationId, writer, drafts));
    await this.insert(store, parts, writer);
    if (ending) {
      const { holder, changes } = ending;
      const end = () => store.runs.updateOwned(holder.runId, holder.owner, changes(parts));
      await whileUnavailable(RUN_PATIENCE_MS, end, { orFull: true });
    }
    return parts;
  }

  private async allocate(
    store: TenantStore,
    conversationId: string,
    writer: Writer,
    drafts: PartDraft[],
  ): Promise<Allocated> {
    const allocation = allocationOf(drafts);
    const at = this.clock.now();
    // An allocation whose answer was lost leaves a gap, which followers know how to pass.
    if (writer.kind === 'anyone') {
      const allocated = await whileUnavailable(REQUEST_PATIENCE_MS, () =>
        store.conversations.allocate(conversationId, allocation, at),
      );
      if (!allocated) throw notFound('Conversation', conversationId);
      return allocated;
    }
    if (writer.kind === 'beside') return this.allocateBeside(store, conversationId, writer, allocation);
    const allocated = await whileUnavailable(
      RUN_PATIENCE_MS,
      () => store.conversations.allocateForRun(conversationId, writer, allocation, at, writer.release),
      { orFull: true },
    );
    if (!allocated) throw new FencedError(writer.runId);
    return allocated;
  }

  private async allocateBeside(
    store: TenantStore,
    conversationId: string,
    writer: Extract<Writer, { kind: 'beside' }>,
    allocation: { parts: number; messages: number },
  ): Promise<Allocated> {
    const allocated = await whileUnavailable(
      RUN_PATIENCE_MS,
      () => {
        if (!writer.alive()) throw new FencedError(writer.runId);
        return store.conversations.allocate(conversationId, allocation, this.clock.now());
      },
      { orFull: true },
    );
    if (!allocated) throw new FencedError(writer.runId);
    return allocated;
  }
}

/** An entry whose parts know their places as soon as the seqs are allocated. */
type PlacedEntry = Entry & { conversationId: string; place: (allocated: Position) => PartRecord[] };

type Position = Pick<Allocated, 'seq' | 'messageSeq'>;

const allocationOf = (drafts: PartDraft[]): Allocation => ({
  parts: drafts.length,
  messages: drafts.filter(isMessage).length,
});

export const isMessage = (part: { type: PartType }): boolean =>
  part.type === 'user' || part.type === 'agent_text';

/** Appends of anyone share a batch; a run's entry is one of its own, since its fence is. */
function takeBatch(queue: Waiting[]): Waiting[] {
  if (queue[0]!.writer.kind !== 'anyone') return [queue.shift()!];
  let end = 1;
  while (end < queue.length && queue[end]!.writer.kind === 'anyone') end++;
  return queue.splice(0, end);
}

function placeAll(conversationId: string, allocated: Position, drafts: PartDraft[], at: Date): PartRecord[] {
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
