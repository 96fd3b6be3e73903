import { LRUCache } from 'lru-cache';
import { DomainError, notFound } from '../errors';
import type { Clock } from '../ports/clock';
import type { PartRecord, RunRecord } from '../ports/records';
import {
  type Allocated,
  type Allocation,
  endBehind,
  type Holder,
  type LogEnd,
  PlaceTakenError,
  type TenantStore,
} from '../ports/stores';
import type { ConversationBus } from './bus';
import { isFull, isUnavailable, whileUnavailable } from './patience';
import { inOrder, isMessage, type PartDraft, placeAll, type Position } from './places';

export type { PartDraft } from './places';

/** How the seqs of an entry are allocated: by anybody, or by the worker that holds the conversation for a run. */
export type Writer =
  | {
      kind: 'anyone';
      /** Of the writer's own conversation, as it was just read: while the log ends so, the append is one command. */
      end?: LogEnd;
    }
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

/** Conversations whose end is remembered. */
const MOST_ENDS = 5_000;

/** Times that the end of a log is looked up for one entry. */
const MOST_LOOKS = 3;

const ANYONE: Writer = { kind: 'anyone' };

interface Waiting extends Entry {
  /** Gives up where the conversation does not end as the writer says. */
  onlyBehindEnd?: boolean;
  resolve: (parts: PartRecord[] | null) => void;
  reject: (error: unknown) => void;
}

/**
 * Appends to the logs of conversations. Of one conversation this process writes one entry at a time, so that followers
 * see parts in `seq` order; appends that wait meanwhile share one allocation and one insert.
 */
export class ConversationLog {
  private readonly queues = new Map<string, Waiting[]>();
  /** Where users of this process appended last. */
  private readonly ends = new LRUCache<string, LogEnd>({ max: MOST_ENDS });

  constructor(
    private readonly bus: ConversationBus,
    private readonly clock: Clock,
  ) {}

  /**
   * Stores the drafts and tells followers.
   * @throws FencedError when the writer is a run that no longer holds the conversation
   * @throws DomainError `not_found` when the conversation is gone
   */
  async append(
    store: TenantStore,
    conversationId: string,
    drafts: PartDraft[],
    writer: Writer = ANYONE,
    ending?: RunEnd,
  ): Promise<PartRecord[]> {
    const parts = await this.enqueue(store, conversationId, { drafts, writer, ending });
    return parts!;
  }

  /**
   * Appends to a conversation to which the user appended in this process before, without a look at it: that it is the user's
   * still, and ends where it did, is a condition of the write.
   * @returns null when it is not so, or not known: nothing is stored then, and the conversation has to be read first
   */
  async appendAgain(
    store: TenantStore,
    conversationId: string,
    userId: string,
    drafts: PartDraft[],
  ): Promise<PartRecord[] | null> {
    const end = this.ends.get(keyOf(store, conversationId));
    if (end?.userId !== userId) return null;
    const writer: Writer = { kind: 'anyone', end };
    return this.enqueue(store, conversationId, { drafts, writer, onlyBehindEnd: true });
  }

  private enqueue(
    store: TenantStore,
    conversationId: string,
    entry: Omit<Waiting, 'resolve' | 'reject'>,
  ): Promise<PartRecord[] | null> {
    return new Promise((resolve, reject) => {
      const key = keyOf(store, conversationId);
      const waiting: Waiting = { ...entry, resolve, reject };
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
    this.bus.publish(store.tenant, conversationId, { kind: 'parts', parts: inOrder(parts) });
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
    const [{ writer, ending, onlyBehindEnd }] = batch as [Waiting];
    const entry = { conversationId, drafts, writer, ending, place: this.place(conversationId, drafts) };
    const parts = await this.writeSomehow(store, entry, newestEnd(batch), onlyBehindEnd);
    if (!parts) {
      for (const waiting of batch) waiting.resolve(null);
      return;
    }
    this.show(store, conversationId, parts);
    let taken = 0;
    for (const waiting of batch) {
      waiting.resolve(parts.slice(taken, taken + waiting.drafts.length));
      taken += waiting.drafts.length;
    }
  }

  private async writeSomehow(
    store: TenantStore,
    entry: PlacedEntry,
    end: LogEnd | undefined,
    onlyBehindEnd: boolean | undefined,
  ): Promise<PartRecord[] | null> {
    try {
      const atOnce = await this.writeForRun(store, entry);
      if (atOnce) return atOnce;
      const known = await this.writeBehind(store, entry, end);
      const behind = known ?? (onlyBehindEnd ? null : await this.writeBehindEnd(store, entry));
      if (behind) return await this.endWith(store, entry, behind);
      return onlyBehindEnd ? null : await this.writeInSteps(store, entry);
    } catch (error) {
      if (error instanceof PlaceTakenError) return this.finishSteps(store, entry, error.parts);
      if (mayLeaveGap(error)) this.bus.doubt(store, entry.conversationId);
      throw error;
    }
  }

  /** Null when it has to go, or go on, step by step. */
  private async writeForRun(store: TenantStore, entry: PlacedEntry): Promise<PartRecord[] | null> {
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

  /**
   * One command behind the end of the log as it is read now: a kill leaves no place empty. Null where others are quicker
   * again and again.
   */
  private async writeBehindEnd(store: TenantStore, entry: PlacedEntry): Promise<PartRecord[] | null> {
    const { conversationId, writer } = entry;
    if (writer.kind === 'run') return null;
    for (let attempt = 0; attempt < MOST_LOOKS; attempt++) {
      const end = await this.patiently(writer, () => store.conversations.find(conversationId));
      if (
        !end ||
        end.deletedAt ||
        (writer.kind === 'anyone' && (writer.end?.userId ?? end.userId) !== end.userId)
      )
        throw goneFor(writer, conversationId);
      const parts = await this.writeBehind(store, entry, end);
      if (parts) return parts;
    }
    return null;
  }

  /** Repeats while the database is away, as long as the writer waits for it and may write. */
  private patiently<T>(writer: Writer, attempt: () => Promise<T>): Promise<T> {
    if (writer.kind === 'anyone') return whileUnavailable(REQUEST_PATIENCE_MS, attempt);
    const allowed = (): Promise<T> => {
      if (writer.kind === 'beside' && !writer.alive()) throw new FencedError(writer.runId);
      return attempt();
    };
    return whileUnavailable(RUN_PATIENCE_MS, allowed, { orFull: true });
  }

  /** Null when the conversation does not end so, or nobody said how: its places have to be asked for. */
  private async writeBehind(
    store: TenantStore,
    { conversationId, drafts, writer, place }: PlacedEntry,
    said: LogEnd | undefined,
  ): Promise<PartRecord[] | null> {
    if (!said) return null;
    const key = keyOf(store, conversationId);
    const end = newer(said, this.ends.get(key));
    const allocation = allocationOf(drafts);
    const entry = { allocation, place, at: this.clock.now(), repeated: false };
    const parts = await this.patiently(writer, async () => {
      try {
        return await store.runLog.appendBehind(end, entry);
      } catch (error) {
        entry.repeated = true;
        throw error;
      }
    });
    const { id, userId } = end;
    if (parts) this.ends.set(key, { id, userId, ...endBehind(end, allocation) });
    else this.ends.delete(key);
    return parts;
  }

  private async writeInSteps(store: TenantStore, entry: PlacedEntry): Promise<PartRecord[]> {
    const { conversationId, drafts, writer, place } = entry;
    const allocated = await this.allocate(store, conversationId, writer, drafts);
    return this.finishSteps(store, entry, place(allocated));
  }

  /** Stores parts that have their places, and ends what ends with them. */
  private async finishSteps(
    store: TenantStore,
    entry: PlacedEntry,
    placed: PartRecord[],
  ): Promise<PartRecord[]> {
    return this.endWith(store, entry, await this.insertSomewhere(store, entry, placed));
  }

  /** Parts that are stored, and then the row of the run that ends with them. */
  private async endWith(
    store: TenantStore,
    { ending }: PlacedEntry,
    parts: PartRecord[],
  ): Promise<PartRecord[]> {
    if (ending) {
      const { holder, changes } = ending;
      const end = () => store.runs.updateOwned(holder.runId, holder.owner, changes(parts));
      await whileUnavailable(RUN_PATIENCE_MS, end, { orFull: true });
    }
    return parts;
  }

  /** Parts whose places were taken, since their writer seemed dead, get others. */
  private async insertSomewhere(
    store: TenantStore,
    { conversationId, drafts, writer }: PlacedEntry,
    placed: PartRecord[],
  ): Promise<PartRecord[]> {
    for (let parts = placed; ;)
      try {
        await this.insert(store, parts, writer);
        return parts;
      } catch (error) {
        if (!(error instanceof PlaceTakenError)) throw error;
        const taken = new Set(error.parts.map(({ id }) => id));
        const again = drafts.filter((_, index) => taken.has(parts[index]!.id));
        const allocated = await this.allocate(store, conversationId, writer, again);
        const moved = placeAll(conversationId, allocated, again, this.clock.now());
        parts = parts.map((part) => (taken.has(part.id) ? moved.shift()! : part));
      }
  }

  private async allocate(
    store: TenantStore,
    conversationId: string,
    writer: Writer,
    drafts: PartDraft[],
  ): Promise<Allocated> {
    const allocation = allocationOf(drafts);
    let attempts = 0;
    const allocated = await this.patiently(writer, () => {
      // An allocation whose answer was lost leaves a gap, which followers know how to pass.
      if (attempts++ > 0) this.bus.doubt(store, conversationId);
      const at = this.clock.now();
      return writer.kind === 'run'
        ? store.conversations.allocateForRun(conversationId, writer, allocation, at, writer.release)
        : store.conversations.allocate(conversationId, allocation, at, endOf(writer)?.userId);
    });
    if (!allocated) throw goneFor(writer, conversationId);
    return allocated;
  }
}

const goneFor = (writer: Writer, conversationId: string): Error =>
  writer.kind === 'anyone' ? notFound('Conversation', conversationId) : new FencedError(writer.runId);

/** Of an append that failed for another reason, places may be allocated already. */
const mayLeaveGap = (error: unknown): boolean =>
  !(error instanceof FencedError) && !(error instanceof DomainError && error.code === 'not_found');

/** An entry whose parts know their places as soon as the seqs are allocated. */
type PlacedEntry = Entry & { conversationId: string; place: (allocated: Position) => PartRecord[] };

const allocationOf = (drafts: PartDraft[]): Allocation => ({
  parts: drafts.length,
  messages: drafts.filter(isMessage).length,
});

const endOf = (writer: Writer): LogEnd | undefined => (writer.kind === 'anyone' ? writer.end : undefined);

/** Appends of a user share a batch, and those of anyone; a run's entry is one of its own, since its fence is. */
function takeBatch(queue: Waiting[]): Waiting[] {
  const [{ writer, onlyBehindEnd }] = queue as [Waiting];
  if (writer.kind !== 'anyone') return [queue.shift()!];
  const isOther = (one: Waiting) =>
    one.writer.kind !== writer.kind ||
    endOf(one.writer)?.userId !== endOf(writer)?.userId ||
    one.onlyBehindEnd !== onlyBehindEnd;
  const end = queue.findIndex(isOther);
  return queue.splice(0, end < 0 ? queue.length : end);
}

const keyOf = ({ tenant }: TenantStore, conversationId: string): string => `${tenant}\u0000${conversationId}`;

/** The end that was read last, of writers that say one. */
function newestEnd(batch: Waiting[]): LogEnd | undefined {
  let newest: LogEnd | undefined;
  for (const { writer } of batch) {
    const end = endOf(writer);
    if (end) newest = newer(end, newest);
  }
  return newest;
}

/** Logs only grow. */
const newer = (one: LogEnd, other: LogEnd | undefined): LogEnd =>
  other && other.userId === one.userId && other.nextSeq > one.nextSeq ? other : one;
