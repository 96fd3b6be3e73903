/** Whose turn it is: tenants take turns, and within a tenant its users do. */
export interface Turn {
  tenant?: string;
  user?: string;
}

export interface FairSemaphoreOptions {
  /** Waiting at once at most, all tenants together; no bound when absent. */
  mostWaiting?: number;
  /** What a newcomer is told when too many wait, or it waited too long. */
  refusal?: (why: 'full' | 'late') => Error;
  /** Longest wait in milliseconds; no bound when absent. */
  maxWaitMs?: number;
}

type Enter = () => void;

/**
 * A counting semaphore whose free places go round: a tenant (and user) that waits with a thousand requests delays another
 * one's only request by one place, not by a thousand. In one line, first come, first served.
 */
export class FairSemaphore {
  private free: number;
  /** Maps keep the order in which keys came: the first tenant and its first user are next, and go behind when served. */
  private readonly lines = new Map<string, Map<string, Set<Enter>>>();
  private waitingCount = 0;

  /** @param size holders at once at most */
  constructor(
    private readonly size: number,
    private readonly options: FairSemaphoreOptions = {},
  ) {
    this.free = size;
  }

  get active(): number {
    return this.size - this.free;
  }

  get waiting(): number {
    return this.waitingCount;
  }

  /**
   * Waits for a place; the answer gives it back, once.
   * @throws the signal's reason when it aborts first; the refusal when too many wait or the wait is too long
   */
  async acquire({ turn = {}, signal }: { turn?: Turn; signal?: AbortSignal } = {}): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.free > 0) this.free--;
    else await this.wait(turn, signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.release();
    };
  }

  private release(): void {
    const next = this.next();
    // The place passes on directly, so a newcomer cannot jump the queue.
    if (next) next();
    else this.free++;
  }

  private wait(turn: Turn, signal: AbortSignal | undefined): Promise<void> {
    const { mostWaiting = Infinity, maxWaitMs, refusal = refuse } = this.options;
    if (this.waitingCount >= mostWaiting) return Promise.reject(refusal('full'));
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
        finish();
      };
      const enter = (): void => settle(resolve);
      const leave = (): void => {
        this.remove(turn, enter);
        settle(() => reject(signal!.reason as Error));
      };
      const giveUp = (): void => {
        this.remove(turn, enter);
        settle(() => reject(refusal('late')));
      };
      if (maxWaitMs !== undefined) timer = setTimeout(giveUp, maxWaitMs);
      signal?.addEventListener('abort', leave, { once: true });
      this.add(turn, enter);
    });
  }

  private add({ tenant = '', user = '' }: Turn, enter: Enter): void {
    let users = this.lines.get(tenant);
    if (!users) this.lines.set(tenant, (users = new Map<string, Set<Enter>>()));
    let line = users.get(user);
    if (!line) users.set(user, (line = new Set()));
    line.add(enter);
    this.waitingCount++;
  }

  private remove({ tenant = '', user = '' }: Turn, enter: Enter): void {
    const users = this.lines.get(tenant);
    const line = users?.get(user);
    if (!line?.delete(enter)) return;
    this.waitingCount--;
    if (line.size === 0) users!.delete(user);
    if (users!.size === 0) this.lines.delete(tenant);
  }

  private next(): Enter | undefined {
    const [tenant, users] = first(this.lines) ?? [];
    const [user, line] = (users && first(users)) ?? [];
    const enter = line?.values().next().value;
    if (!enter) return undefined;
    this.remove({ tenant, user }, enter);
    toTheBack(users!, user!);
    toTheBack(this.lines, tenant!);
    return enter;
  }
}

const first = <Key, Value>(map: Map<Key, Value>): [Key, Value] | undefined => map.entries().next().value;

function toTheBack<Value>(map: Map<string, Value>, key: string): void {
  const value = map.get(key);
  if (value === undefined) return;
  map.delete(key);
  map.set(key, value);
}

const refuse = (why: 'full' | 'late'): Error =>
  new Error(why === 'full' ? 'Too many are waiting.' : 'No place became free in time.');
