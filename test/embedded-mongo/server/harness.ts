/** A server (or the one at MONGODB_URL) with a fresh database per test. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { MongoClient, type Db } from 'mongodb';
import {
  startEmbeddedMongo,
  type EmbeddedMongo,
  type EmbeddedMongoOptions,
} from '../../../src/embedded-mongo/server';

export function temporaryFolder(): string {
  return mkdtempSync(path.join(os.tmpdir(), 'aft-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export interface Rig {
  readonly client: MongoClient;
  readonly db: Db;
  readonly server: EmbeddedMongo;
}

/** Registers hooks; `rig.db` is a new database in each test. */
export function useServer(options: Partial<EmbeddedMongoOptions> & { external?: boolean } = {}): Rig {
  const external = options.external === true ? process.env['MONGODB_URL'] : undefined;
  const folder = temporaryFolder();
  const state: { client?: MongoClient; db?: Db; server?: EmbeddedMongo } = {};
  beforeAll(async () => {
    const { external: _external, ...rest } = options;
    if (external === undefined)
      state.server = await startEmbeddedMongo({ dataDir: folder, inProcess: true, ...rest });
    state.client = await MongoClient.connect(external ?? state.server!.url);
  });
  beforeEach(() => {
    state.db = state.client!.db(`t_${randomBytes(6).toString('hex')}`);
  });
  afterEach(async () => {
    await state.db!.dropDatabase();
  });
  afterAll(async () => {
    await state.client?.close();
    await state.server?.close();
    removeFolder(folder);
  });
  return {
    get client() {
      return state.client!;
    },
    get db() {
      return state.db!;
    },
    get server() {
      return state.server!;
    },
  };
}

/** Polls until `check` is true. @throws when it is not within `timeoutMs` */
export async function eventually(check: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not true within ${timeoutMs} ms: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
