/** Whose turn it is: tenants take turns, and within a tenant its users do. */
export interface Turn {
  tenant?: string;
  user?: string;
}

export interface FairSemaphoreOptions {
  /** Waiting at once at most, all tenants together; no bound when absent. */
  mostWaiting?: number;
  /** Waiting at once of one tenant at most, so that one alone does not fill the line; no bound when absent. */
  mostWaitingOfOne?: number;
  /** What a newcomer is told when too many wait, or it waited too long. */
  refusal?: (why: 'full' | 'late') => Error;
  /**
   * Further places for tenants that hold none, half of them for users who hold none: one who fills all places with work that
   * takes long keeps nobody else waiting for its end. None when absent.
   */
  reserve?: number;
  /** Longest wait in milliseconds; no bound when absent. */
  maxWaitMs?: number;
}

type Enter = () => void;

/**
 * A counting semaphore whose free places go round: a tenant (and user) that waits with a thousand requests delays another
 * one's only request by one place, not by a thousand. In one line, first come, first served.
 */
export class FairSemaphore {
  private held = 0;
  private readonly heldBy = new Map<string, number>();
  /** Maps keep the order in which keys came: the first tenant and its first user are next, and go behind when served. */
  private readonly lines = new Map<string, Map<string, Set<Enter>>>();
  private waitingCount = 0;

  /** @param size holders at once at most */
  constructor(
    private readonly size: number,
    private readonly options: FairSemaphoreOptions = {},
  ) {}

  get active(): number {
    return this.held;
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
    // Who may enter now overtakes nobody: those who wait may not, or they would have entered.
    if (this.mayEnter(turn)) this.count(turn, 1);
    else await this.wait(turn, signal);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.count(turn, -1);
      this.admit();
    };
  }

  private mayEnter({ tenant = '', user = '' }: Turn): boolean {
    if (this.held < this.size) return true;
    const { reserve = 0 } = this.options;
    if (this.held < this.size + reserve && !this.heldBy.has(tenant)) return true;
    return this.held < this.size + reserve / 2 && !this.heldBy.has(keyOf(tenant, user));
  }

  private count({ tenant = '', user = '' }: Turn, change: 1 | -1): void {
    this.held += change;
    if (!this.options.reserve) return;
    for (const key of [tenant, keyOf(tenant, user)]) {
      const count = (this.heldBy.get(key) ?? 0) + change;
      if (count === 0) this.heldBy.delete(key);
      else this.heldBy.set(key, count);
    }
  }

  /** A place passes on directly, so a newcomer cannot jump the queue. */
  private admit(): void {
    for (let next = this.next(); next; next = this.next()) next();
  }

  private wait(turn: Turn, signal: AbortSignal | undefined): Promise<void> {
    const { mostWaiting = Infinity, mostWaitingOfOne = Infinity, maxWaitMs, refusal = refuse } = this.options;
    if (this.waitingCount >= mostWaiting || this.waitingOf(turn.tenant) >= mostWaitingOfOne)
      return Promise.reject(refusal('full'));
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
        finish();
      };
      const enter = (): void => {
        this.count(turn, 1);
        settle(resolve);
      };
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

  private waitingOf(tenant = ''): number {
    let count = 0;
    for (const line of this.lines.get(tenant)?.values() ?? []) count += line.size;
    return count;
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
    for (const [tenant, users] of this.lines)
      for (const [user, line] of users) {
        if (!this.mayEnter({ tenant, user })) continue;
        const [enter] = line;
        this.remove({ tenant, user }, enter!);
        toTheBack(users, user);
        toTheBack(this.lines, tenant);
        return enter;
      }
    return undefined;
  }
}

const keyOf = (tenant: string, user: string): string => `${tenant}\0${user}`;

function toTheBack<Value>(map: Map<string, Value>, key: string): void {
  const value = map.get(key);
  if (value === undefined) return;
  map.delete(key);
  map.set(key, value);
}

const refuse = (why: 'full' | 'late'): Error =>
  new Error(why === 'full' ? 'Too many are waiting.' : 'No place became free in time.');
