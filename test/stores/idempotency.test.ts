import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoDatabase } from '../../src/adapters/stores/database';
import { PrismaIdempotencyStore } from '../../src/adapters/stores/idempotency';
import type { Logger } from '../../src/ports/logger';
import { type EmbeddedMongo, startEmbeddedMongo } from '../../src/embedded-mongo/server';
import { idempotencyContract } from '../contract/idempotency';
import { dropDatabases } from '../testkit/server';

const quiet = (): void => undefined;
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => logger };
const directory = mkdtempSync(join(tmpdir(), 'af-'));
let embedded: EmbeddedMongo | undefined;

beforeAll(async () => {
  embedded = process.env.MONGODB_URL ? undefined : await startEmbeddedMongo({ dataDir: directory });
});

afterAll(async () => {
  await embedded?.close();
  rmSync(directory, { recursive: true, force: true });
});

idempotencyContract('in the database of the tenant', async () => {
  const prefix = `t${randomBytes(5).toString('hex')}`;
  const database = new MongoDatabase({ url: process.env.MONGODB_URL ?? embedded!.url, prefix, poolSize: 4 });
  let now = Date.now();
  const store = new PrismaIdempotencyStore({
    open: async (tenant) => {
      await database.ensureIndexes(tenant);
      return database.prisma(tenant);
    },
    clock: { now: () => new Date(now) },
    logger,
    workerId: 'one',
    soleWorker: false,
  });
  return {
    store,
    die: () => store.close(),
    advance: (ms) => void (now += ms),
    async close() {
      await database.close();
      await dropDatabases(process.env.MONGODB_URL, prefix);
    },
  };
});
