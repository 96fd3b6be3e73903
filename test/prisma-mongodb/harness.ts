import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MongoClient, type Db } from 'mongodb';
import type { Prisma as PrismaTypes, PrismaClient as TestClient } from '../../generated/test-client/client';
import {
  createPrismaConnector,
  ensureIndexes,
  type CommandEvent,
  type ConnectorHooks,
  type Datamodel,
  type PrismaConnector,
} from '../../src/adapters/prisma-mongodb';
import { startEmbeddedMongo } from '../../src/embedded-mongo/server';

const root = path.resolve(__dirname, '..', '..');

export type { TestClient };
export type TestPrisma = typeof PrismaTypes;

/** Generates the client of test/prisma-mongodb/schema.prisma when it is missing or outdated, and loads it. */
export function loadGenerated(): {
  PrismaClient: new (options: never) => unknown;
  Prisma: TestPrisma;
  datamodel: Datamodel;
} {
  const args = ['--schema', 'test/prisma-mongodb/schema.prisma', '--out', 'generated/test-client'];
  execFileSync(process.execPath, [path.join(root, 'scripts', 'generate.mjs'), ...args], { cwd: root });
  const folder = path.join(root, 'generated', 'test-client');
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module exists only after generation
  const generated = require(path.join(folder, 'client')) as {
    PrismaClient: new (options: never) => unknown;
    Prisma: TestPrisma;
  };
  const datamodel = JSON.parse(readFileSync(path.join(folder, 'datamodel.json'), 'utf8')) as Datamodel;
  return { ...generated, datamodel };
}

export interface TestDatabase {
  prisma: TestClient;
  connector: PrismaConnector<TestClient>;
  Prisma: TestPrisma;
  datamodel: Datamodel;
  db: Db;
  mongoClient: MongoClient;
  /** Commands sent since the last reset. */
  commands: CommandEvent[];
  /** Whether the server is the embedded one. */
  isEmbedded: boolean;
  stop(): Promise<void>;
}

interface Server {
  url: string;
  isEmbedded: boolean;
  stop(): Promise<void>;
}

/** MONGODB_URL when set, else an embedded server on a fresh folder. */
async function startServer(): Promise<Server> {
  const url = process.env.MONGODB_URL;
  if (url) return { url, isEmbedded: false, stop: () => Promise.resolve() };
  const dataDir = mkdtempSync(path.join(tmpdir(), 'prisma-mongodb-'));
  const server = await startEmbeddedMongo({ dataDir });
  return {
    url: server.url,
    isEmbedded: true,
    async stop() {
      await server.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A client of the test schema on an empty database with its indexes. */
export async function startTestDatabase(hooks: ConnectorHooks = {}): Promise<TestDatabase> {
  const { PrismaClient, Prisma, datamodel } = loadGenerated();
  const server = await startServer();
  const mongoClient = await new MongoClient(server.url).connect();
  const db = mongoClient.db(`prisma_test_${randomBytes(6).toString('hex')}`);
  const commands: CommandEvent[] = [];
  const connector = createPrismaConnector<TestClient>({
    PrismaClient,
    Prisma,
    datamodel,
    mongoClient,
    hooks: { onCommand: (event) => void commands.push(event), ...hooks },
  });
  await ensureIndexes(db, datamodel);
  return {
    prisma: connector.forDatabase(db),
    connector,
    Prisma,
    datamodel,
    db,
    mongoClient,
    commands,
    isEmbedded: server.isEmbedded,
    async stop() {
      await db.dropDatabase();
      await mongoClient.close();
      await server.stop();
    },
  };
}
