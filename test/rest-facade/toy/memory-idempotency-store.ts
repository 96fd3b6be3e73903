import { stableId } from '../../../src/ids';
import type { Clock } from '../../../src/ports/clock';
import {
  IDEMPOTENCY_LEASE_MS,
  IDEMPOTENCY_TTL_MS,
  type IdempotencyOutcome,
  type IdempotencyStore,
  type StoredAnswer,
} from '../../../src/ports/idempotency';

interface Entry {
  bodyHash: string;
  /** Epoch milliseconds. */
  until: number;
  answer?: StoredAnswer;
}

/** The idempotency port in memory. */
export class MemoryIdempotencyStore implements IdempotencyStore {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly clock: Clock) {}

  begin(principalKey: string, key: string, bodyHash: string): Promise<IdempotencyOutcome> {
    const id = JSON.stringify([principalKey, key]);
    const now = this.clock.now().getTime();
    const known = this.entries.get(id);
    if (!known || known.until <= now) {
      this.entries.set(id, { bodyHash, until: now + IDEMPOTENCY_LEASE_MS });
      return Promise.resolve({ state: 'started', operationId: stableId(id) });
    }
    if (known.bodyHash !== bodyHash) return Promise.resolve({ state: 'mismatch' });
    return Promise.resolve(known.answer ? { state: 'replay', answer: known.answer } : { state: 'in_flight' });
  }

  complete(principalKey: string, key: string, answer: StoredAnswer): Promise<void> {
    const id = JSON.stringify([principalKey, key]);
    const known = this.entries.get(id);
    if (known)
      this.entries.set(id, { ...known, answer, until: this.clock.now().getTime() + IDEMPOTENCY_TTL_MS });
    return Promise.resolve();
  }

  abandon(principalKey: string, key: string): Promise<void> {
    const id = JSON.stringify([principalKey, key]);
    if (!this.entries.get(id)?.answer) this.entries.delete(id);
    return Promise.resolve();
  }
}
