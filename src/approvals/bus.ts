import type { ApprovalRecord, QuestionRecord } from '../ports/tools';

/** Something that a human should see, told after it was stored. */
export type HumanEvent =
  | { kind: 'requested'; approval: ApprovalRecord }
  | { kind: 'resolved'; approval: ApprovalRecord }
  | { kind: 'asked'; question: QuestionRecord };

export type HumanListener = (event: HumanEvent) => void;

/** Tells subscribers in this process at once. Holds no truth: whoever misses an event finds its row in the database. */
export class HumanBus {
  private readonly listeners = new Map<string, Set<HumanListener>>();

  publish(tenant: string, event: HumanEvent): void {
    for (const listener of this.listeners.get(tenant) ?? []) listener(event);
  }

  /** @returns ends the subscription */
  subscribe(tenant: string, listener: HumanListener): () => void {
    let set = this.listeners.get(tenant);
    if (!set) this.listeners.set(tenant, (set = new Set()));
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.listeners.get(tenant) === set) this.listeners.delete(tenant);
    };
  }
}
