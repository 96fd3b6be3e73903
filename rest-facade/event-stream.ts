import type { ServerResponse } from 'node:http';
import type { Logger } from '../src/ports/logger';

export interface EventStreamOptions {
  /** Milliseconds between heartbeat comments. */
  heartbeatMs: number;
  /** A reader that takes nothing for so long is cut off. Milliseconds. */
  drainTimeoutMs: number;
  /** When the reader's token ends, and with it the stream. Milliseconds since 1970; undefined: never. */
  expiresAt?: number;
  logger: Logger;
}

/** Told to clients at the start: how long to wait before they connect again. Milliseconds. */
const RECONNECT_MS = 5000;
/** Told to clients when the server stops: another one is up, or soon will be. */
const RECONNECT_AFTER_SHUTDOWN_MS = 1000;

/** The open streams of a process, so that a shutdown can end them properly. */
export class OpenStreams {
  private readonly streams = new Set<EventStream>();

  get size(): number {
    return this.streams.size;
  }

  add(stream: EventStream): void {
    this.streams.add(stream);
    stream.onClose(() => this.streams.delete(stream));
  }

  /** Asks every client to come back soon and ends its stream. The runs behind them go on. */
  endAll(): void {
    for (const stream of [...this.streams]) stream.endForShutdown();
  }
}

/**
 * Server-sent events over one response: `retry:` once, then `id:` and one `data:` line for each event, heartbeat
 * comments between. A slow reader slows its source down and is cut off when it stops reading.
 */
export class EventStream {
  private closed = false;
  private readonly closeListeners: (() => void)[] = [];
  private readonly heartbeat: NodeJS.Timeout;
  private settleDrain?: () => void;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: EventStreamOptions,
  ) {
    response.socket?.setNoDelay(true);
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      Connection: 'keep-alive',
      'X-Accel-Buffering': 'no',
    });
    response.on('close', () => this.markClosed());
    response.on('error', () => this.markClosed());
    response.write(`retry: ${RECONNECT_MS}\n\n`);
    this.heartbeat = setInterval(() => this.beat(), options.heartbeatMs);
    this.heartbeat.unref();
    if (response.destroyed) this.markClosed();
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Called once, when the client is gone or the stream has ended; at once if that is so already. */
  onClose(listener: () => void): void {
    if (this.closed) listener();
    else this.closeListeners.push(listener);
  }

  /** Resolves when the reader can take more; false when it is gone. */
  async send(id: string | undefined, data: unknown): Promise<boolean> {
    if (this.closed) return false;
    const line = `data: ${JSON.stringify(data)}\n\n`;
    const accepted = this.response.write(id === undefined ? line : `id: ${id}\n${line}`);
    return accepted || (await this.drained());
  }

  end(): void {
    if (this.closed) return;
    this.response.end();
    this.markClosed();
  }

  endForShutdown(): void {
    if (this.closed) return;
    this.response.end(`retry: ${RECONNECT_AFTER_SHUTDOWN_MS}\n\n`);
    this.markClosed();
  }

  private drained(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.options.logger.warn(
          { drainTimeoutMs: this.options.drainTimeoutMs },
          'slow event stream reader cut off',
        );
        this.response.destroy();
      }, this.options.drainTimeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.response.off('drain', settle);
        this.settleDrain = undefined;
        resolve(!this.closed);
      };
      this.settleDrain = settle;
      this.response.once('drain', settle);
    });
  }

  private beat(): void {
    // Looked at with each heartbeat: a timer for every stream would cost more than it is worth.
    if ((this.options.expiresAt ?? Infinity) <= Date.now()) return this.end();
    // A reader that is behind gets no further bytes queued for it.
    if (!this.response.writableNeedDrain) this.response.write(': heartbeat\n\n');
  }

  private markClosed(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.heartbeat);
    this.settleDrain?.();
    for (const listener of this.closeListeners.splice(0)) listener();
  }
}

const GONE = Symbol('the reader is gone');

/**
 * Sends what a source yields until it ends, fails or the reader goes away; the source is always returned.
 * @param render the event and its id; a thrown error ends the stream, and the caller says it to the client
 */
export async function pump<T>(
  source: AsyncIterable<T>,
  stream: EventStream,
  render: (item: T) => { id: string | undefined; data: unknown },
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  let wake: ((value: typeof GONE) => void) | undefined;
  // One listener for the stream's life: racing every event against one promise would pile up reactions on it.
  stream.onClose(() => wake?.(GONE));
  const next = (): Promise<IteratorResult<T> | typeof GONE> =>
    new Promise((resolve, reject) => {
      wake = resolve;
      iterator.next().then(resolve, reject);
    });
  try {
    while (!stream.isClosed) {
      const step = await next();
      if (step === GONE || step.done) return;
      const { id, data } = render(step.value);
      if (!(await stream.send(id, data))) return;
    }
  } finally {
    // Not awaited: a generator that waits for its next event answers only after it.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}
