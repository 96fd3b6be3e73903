import { DomainError } from '../errors';
import type { Clock } from '../ports/clock';

export type CheckStatus = 'ok' | 'degraded' | 'down' | 'not_configured';

export interface Check {
  status: CheckStatus;
  latencyMs: number;
  /** What is behind it: `embedded`, `mongodb`, a model id. */
  backend?: string;
  detail?: string;
}

export interface HealthReport {
  status: 'ok' | 'degraded' | 'down';
  version: string;
  checks: {
    api: Check;
    database: Check;
    search: Check;
    jobs: Check & { names: string[] };
    llm: Check;
    memory: { status: CheckStatus; rssBytes: number; heapUsedBytes: number };
  };
  uptimeSeconds: number;
}

export interface HealthDependencies {
  version: string;
  clock: Clock;
  startedAt: Date;
  /** Each throws, or answers what it found, within the time-out. */
  database: () => Promise<Omit<Check, 'latencyMs' | 'status'>>;
  search: () => Promise<Omit<Check, 'latencyMs'>>;
  jobs: () => Promise<Omit<Check, 'latencyMs'> & { names: string[] }>;
  llm: () => Omit<Check, 'latencyMs'>;
}

const CHECK_TIMEOUT_MS = 2_000;

/** What the probes answer. */
export class Health {
  constructor(private readonly dependencies: HealthDependencies) {}

  alive(): { name: string; status: 'ok'; version: string; time: Date } {
    const { version, clock } = this.dependencies;
    return { name: 'AgentFlow', status: 'ok', version, time: clock.now() };
  }

  async report(): Promise<HealthReport> {
    const { version, clock, startedAt } = this.dependencies;
    const [database, search, jobs] = await Promise.all([
      check(async () => ({ status: 'ok' as CheckStatus, ...(await this.dependencies.database()) })),
      check(this.dependencies.search),
      check(this.dependencies.jobs),
    ]);
    const llm = await check(() => Promise.resolve(this.dependencies.llm()));
    const usage = process.memoryUsage();
    const parts = [database, search, jobs, llm].map((part) => part.status);
    const status =
      database.status === 'down'
        ? 'down'
        : parts.some((part) => part === 'down' || part === 'degraded')
          ? 'degraded'
          : 'ok';
    return {
      status,
      version,
      checks: {
        api: { status: 'ok', latencyMs: 0 },
        database,
        search,
        jobs: { ...jobs, names: jobs.names ?? [] },
        llm,
        memory: { status: 'ok', rssBytes: usage.rss, heapUsedBytes: usage.heapUsed },
      },
      uptimeSeconds: Math.round((clock.now().getTime() - startedAt.getTime()) / 1000),
    };
  }

  /** @throws DomainError `not_ready` naming the component that is missing */
  async ready(): Promise<{ ready: true }> {
    const database = await check(async () => ({
      status: 'ok' as CheckStatus,
      ...(await this.dependencies.database()),
    }));
    if (database.status === 'down')
      throw new DomainError('not_ready', 'The database does not answer.', {
        extra: { component: 'database' },
      });
    return { ready: true };
  }
}

async function check<T extends Omit<Check, 'latencyMs'>>(probe: () => Promise<T>): Promise<T & Check> {
  const started = performance.now();
  const latency = (): number => Math.round((performance.now() - started) * 100) / 100;
  try {
    const found = await withTimeout(probe());
    return { ...found, latencyMs: latency() };
  } catch (error) {
    return { status: 'down', detail: (error as Error).message, latencyMs: latency() } as T & Check;
  }
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
