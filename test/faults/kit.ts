import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type Environment,
  type ServerProcess,
  type SseEvent,
  spawnServer,
  testEnvironment,
} from '../testkit/server';

/** Brings the built program up to date: the tests kill it as users start it. */
export function buildProgram(): void {
  const script = path.resolve(__dirname, '..', '..', 'scripts', 'build.mjs');
  const built = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(built.stderr);
}

/** A data folder of a test's own. */
export function temporaryFolder(): { path: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'af-fault-'));
  return { path: folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A server on the embedded database, whatever the rest of the suite runs on. */
export function embeddedServer(dataDir: string, env: Environment = {}): Promise<ServerProcess> {
  const environment: Environment = { ...testEnvironment(dataDir), AGENTFLOW_DB_PREFIX: 'agentflow', ...env };
  delete environment.MONGODB_URL;
  return spawnServer(environment);
}

/** A generator whose numbers a printed seed repeats (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function isHangUp(error: unknown): boolean {
  const { name, message, code } = error as NodeJS.ErrnoException;
  return name === 'AbortError' || code === 'ECONNREFUSED' || /terminated|fetch failed/.test(message);
}

export const isDelta = ({ data }: SseEvent): boolean =>
  data?.type === 'delta' && (data.metadata?.kind ?? 'text') === 'text';

export const deltasOf = (events: SseEvent[]): string =>
  events
    .filter(isDelta)
    .map(({ data }) => data.content as string)
    .join('');

export const isEnd = ({ data }: SseEvent): boolean => data?.type === 'end' || data?.type === 'error';

/** A TCP proxy that can be cut: connections break and new ones are refused until it is mended. */
export class Proxy {
  private server: net.Server | undefined;
  private readonly sockets = new Set<Socket>();
  private port = 0;

  constructor(private readonly target: { host: string; port: number }) {}

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async mend(): Promise<void> {
    this.server = net.createServer((socket) => {
      const upstream = net.connect(this.target);
      for (const [one, other] of [
        [socket, upstream],
        [upstream, socket],
      ] as const) {
        this.sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    await new Promise<void>((resolve) => this.server!.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.server!.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
