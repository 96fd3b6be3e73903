import type { JobState } from './progress';

type Listener = (state: JobState) => void;

/** Tells who watches a job of this process how it goes on; nothing is kept for those who come later. */
export class IngestionBus {
  private readonly listeners = new Map<string, Set<Listener>>();

  publish(tenant: string, state: JobState): void {
    for (const listener of this.listeners.get(`${tenant}/${state.job.id}`) ?? []) listener(state);
  }

  /** @returns how to stop listening */
  subscribe(tenant: string, jobId: string, listener: Listener): () => void {
    const key = `${tenant}/${jobId}`;
    const listeners = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.listeners.delete(key);
    };
  }
}
