import { DomainError } from '../../errors';
import { FairSemaphore, type Turn } from '../../fair-semaphore';

/** Bounds the calls that run at once, and those that wait for their turn: tenants and users take turns. */
export class Limiter {
  private readonly places: FairSemaphore;

  constructor(
    private readonly name: string,
    limits: { maxConcurrency: number; maxQueue: number; maxWaitMs: number },
  ) {
    this.places = new FairSemaphore(limits.maxConcurrency, {
      mostWaiting: limits.maxQueue,
      maxWaitMs: limits.maxWaitMs,
      refusal: (why) =>
        this.overloaded(why === 'full' ? 'its queue is full' : 'no place became free in time'),
    });
  }

  get active(): number {
    return this.places.active;
  }

  get queued(): number {
    return this.places.waiting;
  }

  /**
   * @returns a function that gives the place back; calling it again does nothing
   * @throws DomainError `overloaded` when the queue is full or the wait too long; the abort reason when aborted
   */
  acquire(signal?: AbortSignal, turn?: Turn): Promise<() => void> {
    return this.places.acquire({ signal, turn });
  }

  private overloaded(why: string): DomainError {
    return new DomainError(
      'overloaded',
      `The model provider ${this.name} has ${this.active} calls running and ${this.queued} waiting: ${why}. Try again shortly.`,
      { retryAfterMs: 1000, extra: { provider: this.name, retryable: true } },
    );
  }
}
