import type { PartRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';

/** Something that happened to a conversation after it was stored. */
export type ConversationSignal =
  | { kind: 'parts'; parts: PartRecord[] }
  /** Title, metadata or a run's status changed; read it again. */
  | { kind: 'changed' }
  /** Another process wrote; read from the cursor. */
  | { kind: 'elsewhere' }
  | { kind: 'deleted' };

export type SignalListener = (signal: ConversationSignal) => void;

/** A log that may have places without a part for ever. */
export interface DoubtfulLog {
  store: TenantStore;
  conversationId: string;
}

/** Logs in doubt that are remembered; what is past that is found when it is seen again. */
const MOST_DOUBTFUL = 10_000;
/** Most parts kept in memory for each conversation with an active run, for followers that come a moment later. */
const RECENT_PARTS = 128;

/**
 * Tells followers in this process what was stored. Holds no truth: whoever misses a signal reads the database from its
 * own cursor.
 */
export class ConversationBus {
  private readonly listeners = new Map<string, Set<SignalListener>>();
  private readonly recent = new Map<string, PartRecord[]>();
  private readonly doubtful = new Map<string, DoubtfulLog>();

  publish(tenant: string, conversationId: string, signal: ConversationSignal): void {
    const key = keyOf(tenant, conversationId);
    if (signal.kind === 'parts') this.remember(key, signal.parts);
    for (const listener of this.listeners.get(key) ?? []) listener(signal);
  }

  subscribe(tenant: string, conversationId: string, listener: SignalListener): () => void {
    const key = keyOf(tenant, conversationId);
    let set = this.listeners.get(key);
    if (!set) this.listeners.set(key, (set = new Set()));
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.listeners.get(key) === set) this.listeners.delete(key);
    };
  }

  hasListeners(tenant: string, conversationId: string): boolean {
    return this.listeners.has(keyOf(tenant, conversationId));
  }

  /** Conversations that somebody follows, as `[tenant, conversationId]`. */
  followed(): [string, string][] {
    return [...this.listeners.keys()].map(splitKey);
  }

  /** The log has, or may have, a place that nobody fills any more: recovery looks at it. */
  doubt(store: TenantStore, conversationId: string): void {
    if (this.doubtful.size < MOST_DOUBTFUL)
      this.doubtful.set(keyOf(store.tenant, conversationId), { store, conversationId });
  }

  takeDoubtful(): DoubtfulLog[] {
    const doubtful = [...this.doubtful.values()];
    this.doubtful.clear();
    return doubtful;
  }

  /** From now on recent parts of the conversation are kept until `forget`. */
  keep(tenant: string, conversationId: string): void {
    const key = keyOf(tenant, conversationId);
    if (!this.recent.has(key)) this.recent.set(key, []);
  }

  forget(tenant: string, conversationId: string): void {
    this.recent.delete(keyOf(tenant, conversationId));
  }

  /** The parts after `afterSeq`, when all of them are still in memory; else undefined. */
  recentAfter(tenant: string, conversationId: string, afterSeq: number): PartRecord[] | undefined {
    const parts = this.recent.get(keyOf(tenant, conversationId));
    const first = parts?.[0];
    if (!parts || !first || first.seq > afterSeq + 1) return undefined;
    return parts.filter((part) => part.seq > afterSeq);
  }

  private remember(key: string, parts: PartRecord[]): void {
    const kept = this.recent.get(key);
    if (!kept) return;
    const last = kept.at(-1);
    // A gap means that another process wrote in between; what is older can no longer be served from memory.
    if (last && parts[0] && parts[0].seq !== last.seq + 1) kept.length = 0;
    kept.push(...parts);
    if (kept.length > RECENT_PARTS) kept.splice(0, kept.length - RECENT_PARTS);
  }
}

const SEPARATOR = '\u0000';
const keyOf = (tenant: string, conversationId: string): string => tenant + SEPARATOR + conversationId;
const splitKey = (key: string): [string, string] => {
  const at = key.indexOf(SEPARATOR);
  return [key.slice(0, at), key.slice(at + 1)];
};
