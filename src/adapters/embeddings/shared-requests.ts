import { DomainError } from '../../errors';

/** Texts of one call at most; the provider cuts it further where an endpoint takes fewer. */
const MOST_TEXTS = 256;
/** Calls for one model that are under way: while the endpoint works on one, the next is collected. */
const MOST_UNDER_WAY = 2;

interface Waiting {
  texts: string[];
  signal: AbortSignal | undefined;
  resolve: (vectors: Float32Array[]) => void;
  reject: (error: unknown) => void;
}

interface Queue {
  waiting: Waiting[];
  underWay: number;
  starting: boolean;
}

/**
 * Lets texts of many callers travel together: what arrives while calls are under way shares the next one. Alone, a caller
 * waits no longer than ever; two thousand short documents need a few dozen calls and not two thousand.
 */
export class SharedRequests {
  private readonly queues = new Map<string, Queue>();

  /** @param call one vector for each text, in order */
  constructor(
    private readonly call: (model: string, texts: string[], signal?: AbortSignal) => Promise<Float32Array[]>,
  ) {}

  /** @throws what the call throws; the abort reason when aborted */
  embed(model: string, texts: string[], signal: AbortSignal | undefined): Promise<Float32Array[]> {
    return new Promise((resolve, reject) => {
      let queue = this.queues.get(model);
      if (!queue) this.queues.set(model, (queue = { waiting: [], underWay: 0, starting: false }));
      // Whoever gives up waits for nobody.
      const giveUp = (): void => reject(signal?.reason as Error);
      signal?.addEventListener('abort', giveUp, { once: true });
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', giveUp);
          settle(value);
        };
      queue.waiting.push({ texts, signal, resolve: settled(resolve), reject: settled(reject) });
      this.start(model, queue);
    });
  }

  private start(model: string, queue: Queue): void {
    if (queue.starting || queue.underWay >= MOST_UNDER_WAY) return;
    queue.starting = true;
    // Texts of the same turn travel together.
    setImmediate(() => {
      queue.starting = false;
      const batch = next(queue);
      if (batch.length === 0) {
        if (queue.underWay === 0 && queue.waiting.length === 0) this.queues.delete(model);
        return;
      }
      queue.underWay++;
      void this.send(model, batch).finally(() => {
        queue.underWay--;
        this.start(model, queue);
      });
      if (queue.waiting.length > 0) this.start(model, queue);
    });
  }

  private async send(model: string, batch: Waiting[]): Promise<void> {
    const unwanted = new AbortController();
    // A call that others share goes on when one of them gives up.
    const look = (): void => {
      if (batch.every(({ signal }) => signal?.aborted)) unwanted.abort(batch[0]!.signal!.reason);
    };
    for (const { signal } of batch) signal?.addEventListener('abort', look, { once: true });
    try {
      const texts = batch.flatMap((one) => one.texts);
      const vectors = await this.call(model, texts, unwanted.signal);
      let from = 0;
      for (const one of batch) one.resolve(vectors.slice(from, (from += one.texts.length)));
    } catch (error) {
      if (batch.length === 1 || !isAboutOneText(error)) return batch.forEach(({ reject }) => reject(error));
      // One text that is refused must not take those of others along.
      for (const one of batch) await this.send(model, [one]);
    } finally {
      for (const { signal } of batch) signal?.removeEventListener('abort', look);
    }
  }
}

/** The oldest requests that fit into one call; those that were given up are answered here. */
function next(queue: Queue): Waiting[] {
  const batch: Waiting[] = [];
  let count = 0;
  while (queue.waiting.length > 0) {
    const [first] = queue.waiting;
    if (first!.signal?.aborted) {
      queue.waiting.shift();
      first!.reject(first!.signal.reason);
      continue;
    }
    if (batch.length > 0 && count + first!.texts.length > MOST_TEXTS) break;
    count += first!.texts.length;
    batch.push(queue.waiting.shift()!);
  }
  return batch;
}

const isAboutOneText = (error: unknown): boolean =>
  error instanceof DomainError && error.code === 'validation_failed';
