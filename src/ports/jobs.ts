/** What a job is given: plain JSON. The tenant is part of it where the work belongs to one. */
export type JobData = Record<string, string>;

export interface JobsStatus {
  status: 'ok' | 'degraded' | 'down';
  backend: string;
  detail?: string;
  /** Names of the jobs that this process can run. */
  names: string[];
}

/** Background work that survives a restart. A job may run more than once: handlers are safe to repeat. */
export interface JobQueue {
  /** Before `start`. A handler that throws is tried again with back-off. */
  define(name: string, handler: (data: JobData) => Promise<void>): void;
  /** Runs `name` again and again; one worker of all at a time. @param intervalMs pause, at least 1,000 */
  every(intervalMs: number, name: string): void;
  /** Runs `name` once, soon. Before `start` it is kept until then. */
  enqueue(name: string, data: JobData): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  status(): Promise<JobsStatus>;
}
