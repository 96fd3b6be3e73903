import type { FileStatus, IngestionFileRecord, IngestionJobRecord } from '../../ports/knowledge';
import type { TenantStore } from '../../ports/stores';

/** How old a stored state may be while the work goes on; ends are stored at once. Milliseconds. */
const STORE_EVERY_MS = 250;

const ENDED: ReadonlySet<FileStatus> = new Set(['completed', 'failed', 'cancelled']);
export const hasEnded = (status: FileStatus): boolean => ENDED.has(status);

/** Another worker has the job, or it was cancelled: this one writes nothing any more. */
export class LostJobError extends Error {
  constructor(jobId: string) {
    super(`Ingestion job ${jobId} is no longer this worker's.`);
    this.name = 'LostJobError';
  }
}

/** What a job and its files look like at one moment. */
export interface JobState {
  job: IngestionJobRecord;
  files: IngestionFileRecord[];
}

/**
 * The state of a running job in memory, stored as it changes: the end of a file at once, steps between at most four times
 * a second, so that a thousand small files cost a thousand writes and not six thousand.
 */
export class JobProgress {
  private lastStored = 0;
  /** When the write began that was the last to find the job this worker's. */
  private confirmedAt = 0;
  private storing: Promise<void> = Promise.resolve();
  /** Something was got done that no later attempt has to do again. */
  private advanced = false;
  /** Counters about to be stored: whoever asks meanwhile shares the write. */
  private next: Promise<IngestionJobRecord> | undefined;

  constructor(
    private readonly store: TenantStore,
    private readonly owner: string,
    readonly state: JobState,
    private readonly onChange: (state: JobState) => void,
  ) {}

  get jobId(): string {
    return this.state.job.id;
  }

  get unfinished(): IngestionFileRecord[] {
    return this.state.files.filter(({ status }) => !hasEnded(status));
  }

  /** Tells that something is stored that no later attempt has to do again. */
  advance(): void {
    this.advanced = true;
  }

  add(files: IngestionFileRecord[]): void {
    if (files.length > 0) this.advance();
    const known = new Set(this.state.files.map(({ id }) => id));
    this.state.files.push(...files.filter(({ id }) => !known.has(id)));
    this.count();
    this.onChange(this.state);
  }

  remove(ids: string[]): void {
    this.state.files = this.state.files.filter(({ id }) => !ids.includes(id));
    this.count();
    this.onChange(this.state);
  }

  /** @throws LostJobError */
  async file(file: IngestionFileRecord, changes: Partial<IngestionFileRecord>): Promise<void> {
    Object.assign(file, changes);
    const ended = hasEnded(file.status);
    if (ended) {
      this.count();
      this.advance();
    }
    this.onChange(this.state);
    const now = Date.now();
    if (!ended && now - this.lastStored < STORE_EVERY_MS) return;
    const { id, ...rest } = file;
    await this.store.knowledge.updateFile(id, {
      status: rest.status,
      error: rest.error,
      chunksTotal: rest.chunksTotal,
      chunksDone: rest.chunksDone,
      vectorsReused: rest.vectorsReused,
      unchanged: rest.unchanged,
      attempts: rest.attempts,
      startedAt: rest.startedAt,
      finishedAt: rest.finishedAt,
    });
    if (now - this.lastStored >= STORE_EVERY_MS) await this.flush();
  }

  /** Makes sure that the job was this worker's a moment ago. @throws LostJobError */
  async assertOurs(): Promise<void> {
    if (Date.now() - this.confirmedAt >= STORE_EVERY_MS) await this.flush();
  }

  /** Stores the counters. @throws LostJobError */
  flush(changes?: Partial<IngestionJobRecord>): Promise<IngestionJobRecord> {
    this.lastStored = Date.now();
    if (changes) return this.write(changes);
    this.next ??= this.write({}, () => (this.next = undefined));
    return this.next;
  }

  /** One write after another: an older count must not overtake a newer one. */
  private async write(
    changes: Partial<IngestionJobRecord>,
    onBegin?: () => void,
  ): Promise<IngestionJobRecord> {
    let begunAt = 0;
    let progressed: Partial<IngestionJobRecord> = {};
    const write = this.storing.then(() => {
      onBegin?.();
      begunAt = Date.now();
      const { total, completed, failed } = this.state.job;
      progressed = this.advanced ? { stalls: 0 } : {};
      this.advanced = false;
      return this.store.knowledge.updateJob(this.jobId, this.owner, {
        total,
        completed,
        failed,
        updatedAt: new Date(),
        ...progressed,
        ...changes,
      });
    });
    this.storing = write.then(
      () => undefined,
      () => undefined,
    );
    const stored = await write;
    if (!stored) throw new LostJobError(this.jobId);
    this.confirmedAt = begunAt;
    Object.assign(this.state.job, progressed, changes, { version: stored.version });
    this.onChange(this.state);
    return stored;
  }

  private count(): void {
    const { job, files } = this.state;
    job.total = files.length;
    job.completed = files.filter(({ status }) => status === 'completed').length;
    job.failed = files.filter(({ status }) => status === 'failed' || status === 'cancelled').length;
  }
}
