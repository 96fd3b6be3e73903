import type { SandboxLanguage } from '../../ports/sandbox';
import type { Member } from './member';

const DEFAULT_PROCESSES = 8;
/** Fresh processes of a language that wait for code they have not seen. */
const SPARE = { python: 2, javascript: 1 };
/** A process is replaced after so many calls, whatever they left behind in it. */
const MOST_CALLS = 500;
const IDLE_MS = 120_000;
const SWEEP_MS = 15_000;

export interface PoolOptions {
  maxProcesses?: number;
  start: (language: SandboxLanguage, onEnd: (member: Member) => void) => Promise<Member>;
}

interface Waiting {
  language: SandboxLanguage;
  key: string | undefined;
  wake: () => void;
}

/**
 * Sandbox processes, warm for the next call. One that ran a tool's code waits for that tool; fresh ones wait for others.
 * Nothing is started before the first call, and what idles for two minutes ends.
 */
export class SandboxPool {
  private readonly idle = new Set<Member>();
  private readonly all = new Set<Member>();
  private readonly queue: Waiting[] = [];
  private starting = 0;
  private failures = 0;
  private sweeper: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: PoolOptions) {}

  /**
   * A process for code of `key`, or a fresh one when `key` is undefined: give it back.
   * @throws the signal's reason when it aborts first
   */
  async take(language: SandboxLanguage, key: string | undefined, signal?: AbortSignal): Promise<Member> {
    this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
    for (;;) {
      signal?.throwIfAborted();
      const member = this.find(language, key) ?? (await this.startOne(language, key !== undefined));
      if (member?.alive) {
        this.idle.delete(member);
        if (key !== undefined) {
          member.key = key;
          member.calls++;
        }
        this.refill(language);
        return member;
      }
      if (!member) await this.turn({ language, key, wake: () => undefined }, signal);
    }
  }

  give(member: Member): void {
    if (member.alive && member.calls < MOST_CALLS && !this.closed) this.idle.add(member);
    else member.kill();
    this.wakeNext();
  }

  stats(): { processes: number; failures: number } {
    return { processes: this.all.size, failures: this.failures };
  }

  close(): void {
    this.closed = true;
    clearInterval(this.sweeper);
    for (const member of this.all) member.kill();
    this.wakeNext();
  }

  private find(language: SandboxLanguage, key: string | undefined): Member | undefined {
    let fresh: Member | undefined;
    for (const member of this.idle) {
      if (member.language !== language || !member.alive) continue;
      if (key !== undefined && member.key === key) return member;
      if (member.key === undefined) fresh = member;
    }
    return fresh;
  }

  /** Starts a process, ending the one that idles longest when there are too many. Undefined when all are busy. */
  private async startOne(language: SandboxLanguage, mayEvict: boolean): Promise<Member | undefined> {
    if (this.closed) throw new Error('The sandbox is closed.');
    const limit = this.options.maxProcesses ?? DEFAULT_PROCESSES;
    if (this.all.size + this.starting >= limit) {
      const oldest = [...this.idle].sort((a, b) => a.lastUsed - b.lastUsed)[0];
      if (!oldest || (!mayEvict && oldest.language === language && oldest.key === undefined))
        return undefined;
      oldest.kill();
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
        throw new Error(`No sandbox process starts: ${(error as Error).message}`, { cause: error });
      return this.startOne(language, mayEvict);
    } finally {
      this.starting--;
    }
  }

  /** The next code that is new here finds a fresh process waiting. */
  private refill(language: SandboxLanguage): void {
    const fresh = [...this.idle].filter((member) => member.language === language && member.key === undefined);
    const limit = this.options.maxProcesses ?? DEFAULT_PROCESSES;
    if (fresh.length + this.starting >= SPARE[language] || this.all.size + this.starting >= limit) return;
    this.startOne(language, false)
      .then((member) => {
        if (!member) return;
        if (this.closed) member.kill();
        else this.idle.add(member);
        this.wakeNext();
      })
      // Whoever needs a process next meets the same trouble and reports it.
      .catch(() => this.wakeNext());
  }

  private turn(waiting: Waiting, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.queue.splice(this.queue.indexOf(waiting), 1);
        reject(signal!.reason as Error);
      };
      waiting.wake = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.queue.push(waiting);
    });
  }

  private wakeNext(): void {
    this.queue.shift()?.wake();
  }

  private forget(member: Member): void {
    this.all.delete(member);
    this.idle.delete(member);
    this.wakeNext();
  }

  private sweep(): void {
    const before = Date.now() - IDLE_MS;
    for (const member of this.idle) if (member.lastUsed < before) member.kill();
  }
}

const MOST_FAILURES = 3;
