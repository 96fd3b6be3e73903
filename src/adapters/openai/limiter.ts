import { DomainError } from '../../errors';

/** Bounds the calls that run at once, and those that wait for their turn (first come, first served). */
export class Limiter {
  private running = 0;
  private readonly waiting: Set<() => void> = new Set();

  constructor(
    private readonly name: string,
    private readonly limits: { maxConcurrency: number; maxQueue: number; maxWaitMs: number },
  ) {}

  get active(): number {
    return this.running;
  }

  get queued(): number {
    return this.waiting.size;
  }

  /**
   * @returns a function that gives the place back; calling it again does nothing
   * @throws DomainError `overloaded` when the queue is full or the wait too long; the abort reason when aborted
   */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.running < this.limits.maxConcurrency) this.running += 1;
    else await this.wait(signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.release();
    };
  }

  private release(): void {
    const [next] = this.waiting;
    // The place passes on directly: `running` stays as it is, so a newcomer cannot jump the queue.
    if (next) next();
    else this.running -= 1;
  }

  private wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.waiting.size >= this.limits.maxQueue)
      return Promise.reject(this.overloaded('its queue is full'));
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        this.waiting.delete(start);
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        finish();
      };
      const start = (): void => settle(resolve);
      const abort = (): void => settle(() => reject(signal?.reason));
      const timer = setTimeout(
        () => settle(() => reject(this.overloaded('no place became free in time'))),
        this.limits.maxWaitMs,
      );
      signal?.addEventListener('abort', abort, { once: true });
      this.waiting.add(start);
    });
  }

  private overloaded(why: string): DomainError {
    return new DomainError(
      'overloaded',
      `The model provider ${this.name} has ${this.running} calls running and ${this.waiting.size} waiting: ${why}. Try again shortly.`,
      { retryAfterMs: 1000, extra: { provider: this.name, retryable: true } },
    );
  }
}
