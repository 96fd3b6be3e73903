import { availableParallelism } from 'node:os';
import { DomainError } from '../../errors';
import type { SandboxLanguage } from '../../ports/sandbox';
import type { Member } from './member';

const MOST_PROCESSES = 8;
const FEWEST_PROCESSES = 4;
const PROCESSES_PER_CPU = 2;
/** A process is replaced after so many calls, whatever they left behind in it. */
const MOST_CALLS = 500;
const IDLE_MS = 120_000;
const SWEEP_MS = 15_000;
/** How often the memory of working processes is looked at. */
const WATCH_MS = 200;
/** What a process takes beyond the memory that its call may have: the interpreter, its image, files. */
const OVERHEAD_BYTES = 512 * 1024 * 1024;
/** So many processes in a row must fail to start before a caller hears of it. */
const MOST_FAILURES = 3;

export interface PoolOptions {
  maxProcesses?: number;
  now: () => number;
  start: (language: SandboxLanguage, onEnd: (member: Member) => void) => Promise<Member>;
}

/**
 * Sandbox processes, warm for the next call. Nothing is started before the first, one more than is needed waits while
 * there is room, and what idles for two minutes ends.
 */
export class SandboxPool {
  /** Processes at most. */
  readonly size: number;
  private readonly idle = new Set<Member>();
  private readonly all = new Set<Member>();
  private readonly queue: (() => void)[] = [];
  /** Members at work, with what happens when one takes more memory than it may. */
  private readonly busy = new Map<Member, { mostBytes: number; onExceeded: () => void }>();
  private watcher: NodeJS.Timeout | undefined;
  private starting = 0;
  private failures = 0;
  private sweeper: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: PoolOptions) {
    const suited = Math.max(FEWEST_PROCESSES, availableParallelism() * PROCESSES_PER_CPU);
    this.size = options.maxProcesses ?? Math.min(MOST_PROCESSES, suited);
  }

  /**
   * A process that is ready for code: give it back.
   * @throws the signal's reason when it aborts first; DomainError `not_ready` when no process starts
   */
  async take(language: SandboxLanguage, signal?: AbortSignal): Promise<Member> {
    this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
    for (;;) {
      signal?.throwIfAborted();
      const member = this.find(language) ?? (await this.startOne(language));
      if (member?.alive) {
        this.idle.delete(member);
        this.refill(language);
        return member;
      }
      if (!member) await this.turn(signal);
    }
  }

  give(member: Member): void {
    member.calls++;
    this.busy.delete(member);
    if (this.busy.size === 0) clearInterval(this.watcher);
    if (member.alive && !member.spent && member.calls < MOST_CALLS && !this.closed) this.idle.add(member);
    else member.kill();
    this.wakeNext();
  }

  /** Kills nothing itself: `onExceeded` does. Ends when the member is given back. */
  watchMemory(member: Member, memoryBytes: number, onExceeded: () => void): void {
    if (this.busy.size === 0) this.watcher = setInterval(() => this.checkMemory(), WATCH_MS).unref();
    this.busy.set(member, { mostBytes: memoryBytes + OVERHEAD_BYTES, onExceeded });
  }

  /** A process that waits for the first call in this language. */
  warm(language: SandboxLanguage): Promise<void> {
    return this.take(language).then((member) => this.give(member));
  }

  stats(): { processes: number; failures: number } {
    return { processes: this.all.size, failures: this.failures };
  }

  pids(): number[] {
    return [...this.all].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  close(): void {
    this.closed = true;
    clearInterval(this.sweeper);
    clearInterval(this.watcher);
    for (const member of this.all) member.kill();
    this.wakeNext();
  }

  private checkMemory(): void {
    for (const [member, { mostBytes, onExceeded }] of this.busy)
      if ((member.residentBytes() ?? 0) > mostBytes) onExceeded();
  }

  private find(language: SandboxLanguage): Member | undefined {
    for (const member of this.idle) if (member.language === language && member.alive) return member;
    return undefined;
  }

  /** Starts a process, in place of one of another language when there are too many. Undefined when all are busy. */
  private async startOne(language: SandboxLanguage): Promise<Member | undefined> {
    if (this.closed) throw new DomainError('not_ready', 'The sandbox is closed.');
    if (this.all.size + this.starting >= this.size) {
      const [other] = [...this.idle].sort((a, b) => a.lastUsed - b.lastUsed);
      if (!other) return undefined;
      other.kill();
    }
    this.starting++;
    try {
      const member = await this.options.start(language, (ended) => this.forget(ended));
      if (member.alive) this.all.add(member);
      await member.ready;
      this.failures = 0;
      return member;
    } catch (error) {
      if (++this.failures > MOST_FAILURES)
        throw new DomainError('not_ready', `No sandbox process starts: ${(error as Error).message}`, {
          cause: error,
        });
      return await this.startOne(language);
    } finally {
      this.starting--;
    }
  }

  /** The next call finds a process waiting, while there is room for one. */
  private refill(language: SandboxLanguage): void {
    if (this.find(language) || this.starting > 0 || this.all.size >= this.size) return;
    this.startOne(language)
      .then((member) => {
        if (!member) return;
        if (this.closed) member.kill();
        else this.idle.add(member);
        this.wakeNext();
      })
      // Whoever needs a process next meets the same trouble and reports it.
      .catch(() => this.wakeNext());
  }

  private turn(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.queue.splice(this.queue.indexOf(wake), 1);
        reject(signal!.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.queue.push(wake);
    });
  }

  private wakeNext(): void {
    this.queue.shift()?.();
  }

  private forget(member: Member): void {
    this.all.delete(member);
    this.idle.delete(member);
    this.wakeNext();
  }

  private sweep(): void {
    const before = this.options.now() - IDLE_MS;
    for (const member of this.idle) if (member.lastUsed < before) member.kill();
  }
}
