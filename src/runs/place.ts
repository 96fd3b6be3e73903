import type { FairSemaphore } from '../fair-semaphore';
import type { RunScope } from './scope';

/** A run's place among those that ask their model at the same time. */
export class Place {
  private release: (() => void) | undefined;

  constructor(
    private readonly places: FairSemaphore,
    private readonly scope: RunScope,
  ) {}

  /** @throws the reason for which the run stops, if it does before its turn comes */
  async take(): Promise<void> {
    const { store, run, signal } = this.scope;
    this.release ??= await this.places.acquire({ turn: { tenant: store.tenant, user: run.userId }, signal });
  }

  leave(): void {
    this.release?.();
    this.release = undefined;
  }

  /** Waits for something else, and for a place again. A run that stops meanwhile needs none to end. */
  async without<T>(wait: () => Promise<T>): Promise<T> {
    this.leave();
    const result = await wait();
    if (!this.scope.signal.aborted) await this.take();
    return result;
  }
}
