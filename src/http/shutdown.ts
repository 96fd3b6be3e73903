import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Logger } from '../ports/logger';

export interface ShutdownInput {
  server: Server;
  /** Ends what would never end by itself: event streams of the REST and the GraphQL API. */
  endStreams: (() => void)[];
  logger: Logger;
  /** How long requests in flight may take. Milliseconds; default 10,000. */
  timeoutMs?: number;
}

export interface Shutdown {
  readonly isDraining: boolean;
  /**
   * Accepts no more connections, ends event streams, waits for requests in flight, and cuts what is left when the time is
   * over. Calling it again gives the same promise.
   */
  run(): Promise<void>;
}

/** Kept-alive connections become idle one by one while requests end. Milliseconds. */
const IDLE_CHECK_MS = 25;

const DEFAULT_TIMEOUT_MS = 10_000;

export function createShutdown({
  server,
  endStreams,
  logger,
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: ShutdownInput): Shutdown {
  let running: Promise<void> | undefined;

  const drain = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const end of endStreams) end();
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    const deadline = setTimeout(() => {
      logger.warn({ timeoutMs }, 'connections cut at shutdown');
      server.closeAllConnections();
    }, timeoutMs);
    try {
      await closed;
    } finally {
      clearInterval(idle);
      clearTimeout(deadline);
    }
  };

  return {
    get isDraining() {
      return running !== undefined;
    },
    run() {
      running ??= drain();
      return running;
    },
  };
}
