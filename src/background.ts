import type { JobQueue } from './ports/jobs';
import type { Logger } from './ports/logger';
import { delay } from './runs/patience';
import type { RunRecovery } from './runs/recovery';
import type { RemoteWatcher } from './runs/remote-watcher';

const BACKGROUND_RETRY_MS = 1_000;

export interface Background {
  recovery: RunRecovery;
  /** Takes up interrupted ingestion jobs. */
  ingestion: { recoverAll(soleWorker?: boolean): Promise<number> };
  /** Connects to the database for the first time. */
  connect: () => Promise<void>;
  jobs: JobQueue;
  watcher: RemoteWatcher;
  /** True when no other process can reach the database. */
  soleWorker: boolean;
  logger: Logger;
  /** Pause between two looks for abandoned runs. */
  recoverEveryMs: number;
  /** Ends requests to humans whose time ran out. */
  expire: () => Promise<void>;
  expireEveryMs: number;
  /** Aborts when the server stops. */
  signal: AbortSignal;
}

/**
 * Runs that a killed process left are taken up first, then the jobs start; a database that is not there yet is waited
 * for. Recovery has a timer of its own: a job's lock would outlive the process that died with it.
 */
export async function startBackground(background: Background): Promise<void> {
  const { recovery, connect, jobs, watcher, soleWorker, logger, signal } = background;
  // The driver gives up for good when its first connection fails, unless it is told to connect again.
  await untilDone(background, 'the database cannot be reached', connect);
  const started = await untilDone(background, 'interrupted runs could not be taken up', async () => {
    const taken = await recovery.recoverAll(soleWorker);
    await recovery.resumeDecided();
    await background.ingestion.recoverAll(soleWorker);
    if (taken > 0) logger.info({ runs: taken }, 'interrupted runs taken up');
  });
  if (!started) return;
  if (!soleWorker) watcher.start();
  void recoverRegularly(background);
  void expireRegularly(background);
  await untilDone(background, 'background jobs could not be started', () => jobs.start());
  if (signal.aborted) await jobs.stop();
}

/** @returns false when the server stops first */
async function untilDone(
  { logger, signal }: Background,
  complaint: string,
  work: () => Promise<void>,
): Promise<boolean> {
  while (!signal.aborted)
    try {
      await work();
      return true;
    } catch (error) {
      logger.warn({ err: error }, `${complaint}; trying again`);
      await delay(BACKGROUND_RETRY_MS, signal);
    }
  return false;
}

async function recoverRegularly(background: Background): Promise<void> {
  const { recovery, ingestion, logger, recoverEveryMs, signal } = background;
  for (await delay(recoverEveryMs, signal); !signal.aborted; await delay(recoverEveryMs, signal))
    try {
      await recovery.recoverAll();
      await ingestion.recoverAll();
    } catch (error) {
      logger.warn({ err: error }, 'abandoned runs could not be looked for');
    }
}

async function expireRegularly({ expire, logger, expireEveryMs, signal }: Background): Promise<void> {
  for (await delay(expireEveryMs, signal); !signal.aborted; await delay(expireEveryMs, signal))
    try {
      await expire();
    } catch (error) {
      logger.warn({ err: error }, 'overdue approvals and questions could not be looked for');
    }
}
