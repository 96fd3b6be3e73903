import { type Db, MongoClient } from 'mongodb';
import datamodel from '../../../generated/datamodel.json';
import { Prisma, PrismaClient } from '../../../generated/prisma-client';
import type { Database, TenantDirectory, TenantRecord, TenantStore } from '../../ports/stores';
import {
  createPrismaConnector,
  type Datamodel,
  ensureIndexes,
  type PrismaConnector,
} from '../prisma-mongodb';
import { PrismaAgentStore } from './agents';
import { PrismaApprovalStore } from './approvals';
import { PrismaAttachmentStore } from './attachments';
import { PrismaCachedResultStore } from './cached-results';
import { isDuplicate, type TenantClient } from './client';
import { LRUCache } from 'lru-cache';
import { WriteBatch } from './batches';
import { PrismaConversationStore } from './conversations';
import { guarded } from './guard';
import { HeldConversations } from './held-conversations';
import { controlDatabase, tenantDatabase } from './names';
import { PrismaKnowledgeStore } from './knowledge';
import { PrismaPartStore } from './parts';
import { PrismaApprovalPolicyStore } from './policies';
import { PrismaPreferenceStore } from './preferences';
import { PrismaQuestionStore } from './questions';
import { RecentMessages } from './recent-messages';
import { PrismaRunLogStore } from './run-log';
import { PrismaRunStore } from './runs';
import { PrismaToolCallStore } from './tool-calls';
import { PrismaToolRunKeyStore } from './tool-run-keys';
import { PrismaToolStore } from './tools';

const DEFAULT_CONNECT_MS = 5_000;
const DEFAULT_SERVER_SELECTION_MS = 2_000;

export interface MongoDatabaseOptions {
  url: string;
  /** First part of every database's name. */
  prefix: string;
  /** Connections at most. */
  poolSize: number;
  /** An operation waits so long for a server before it fails; callers decide whether to try again. Milliseconds. */
  serverSelectionMs?: number;
  /** A connection that is not made by then has failed, and with it what waits for it. Milliseconds. */
  connectMs?: number;
}

/** Conversations that are remembered as seen, of all tenants. */
const MOST_MET = 20_000;

const CONTROL_MODELS = new Set(['Tenant']);

/** The whole data model on MongoDB: a control database, and one database for each tenant. */
export class MongoDatabase implements Database {
  readonly directory: TenantDirectory;
  private readonly client: MongoClient;
  private readonly connector: PrismaConnector<PrismaClient>;
  private readonly writes: WriteBatch;
  private readonly recent = new RecentMessages();
  private readonly met = new LRUCache<string, true>({ max: MOST_MET });
  private readonly stores = new Map<string, TenantStore>();
  private readonly clients = new Map<string, PrismaClient>();

  constructor(private readonly options: MongoDatabaseOptions) {
    this.client = new MongoClient(options.url, {
      maxPoolSize: options.poolSize,
      serverSelectionTimeoutMS: options.serverSelectionMs ?? DEFAULT_SERVER_SELECTION_MS,
      connectTimeoutMS: options.connectMs ?? DEFAULT_CONNECT_MS,
      appName: 'agentflow',
      // A condition that is missing by mistake matches nothing, instead of everything.
      ignoreUndefined: false,
    });
    this.writes = new WriteBatch(() => this.client);
    this.connector = createPrismaConnector<PrismaClient>({
      PrismaClient: PrismaClient,
      Prisma: Prisma,
      datamodel: datamodel,
      mongoClient: this.client,
    });
    this.directory = guarded(new PrismaDirectory(this.connector.forDatabase(this.control), options.prefix));
  }

  get control(): Db {
    return this.client.db(controlDatabase(this.options.prefix));
  }

  async connect(): Promise<void> {
    await this.client.connect();
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  async ping(timeoutMs: number): Promise<void> {
    await this.client.db('admin').command({ ping: 1 }, { timeoutMS: timeoutMs });
  }

  /** The tenant's Prisma client. */
  prisma(tenant: string): TenantClient {
    let client = this.clients.get(tenant);
    if (!client) this.clients.set(tenant, (client = this.connector.forDatabase(this.db(tenant))));
    return client;
  }

  store(tenant: string): TenantStore {
    let store = this.stores.get(tenant);
    if (!store) this.stores.set(tenant, (store = this.makeStore(tenant)));
    return store;
  }

  async ensureIndexes(tenant: string): Promise<void> {
    await ensureIndexes(
      this.db(tenant),
      modelsWhere((name) => !CONTROL_MODELS.has(name)),
    );
  }

  private db(tenant: string): Db {
    return this.client.db(tenantDatabase(this.options.prefix, tenant));
  }

  private makeStore(tenant: string): TenantStore {
    const prisma = this.prisma(tenant);
    const db = this.db(tenant);
    const held = new HeldConversations();
    const conversations = once(() => db.collection('conversations'));
    const parts = once(() => db.collection('conversation_parts'));
    const runs = once(() => db.collection('runs'));
    return {
      tenant,
      agents: guarded(new PrismaAgentStore(prisma)),
      conversations: guarded(new PrismaConversationStore(prisma, conversations, this.writes, held, this.met)),
      parts: guarded(new PrismaPartStore(prisma, parts, this.writes, this.recent)),
      runs: guarded(new PrismaRunStore(prisma, runs, this.writes)),
      runLog: guarded(new PrismaRunLogStore({ conversations, parts, runs }, this.writes, held)),
      preferences: guarded(new PrismaPreferenceStore(prisma)),
      tools: guarded(new PrismaToolStore(prisma)),
      toolCalls: guarded(new PrismaToolCallStore(prisma)),
      approvals: guarded(new PrismaApprovalStore(prisma)),
      policies: guarded(new PrismaApprovalPolicyStore(prisma)),
      questions: guarded(new PrismaQuestionStore(prisma)),
      cachedResults: guarded(new PrismaCachedResultStore(prisma)),
      toolRunKeys: guarded(new PrismaToolRunKeyStore(prisma)),
      attachments: guarded(new PrismaAttachmentStore(prisma)),
      knowledge: guarded(new PrismaKnowledgeStore(prisma, (name) => db.collection(name), this.writes)),
    };
  }
}

/** The driver's object for a collection costs more to make than a row to write. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

function modelsWhere(keep: (name: string) => boolean): Datamodel {
  const whole = datamodel as unknown as Datamodel;
  return {
    ...whole,
    models: whole.models.filter((model) => keep(model.name)),
    indexes: whole.indexes.filter((index) => keep(index.model)),
  };
}

class PrismaDirectory implements TenantDirectory {
  constructor(
    private readonly prisma: PrismaClient,
    private readonly prefix: string,
  ) {}

  find(tenant: string): Promise<TenantRecord | null> {
    return this.prisma.tenant.findUnique({ where: { id: tenant } });
  }

  async register(tenant: string, at: Date): Promise<TenantRecord> {
    const known = await this.find(tenant);
    if (known) return known;
    try {
      return await this.prisma.tenant.create({
        data: {
          id: tenant,
          database: tenantDatabase(this.prefix, tenant),
          schemaVersion: 0,
          createdAt: at,
          provisionedAt: null,
        },
      });
    } catch (error) {
      const first = isDuplicate(error) ? await this.find(tenant) : null;
      if (!first) throw error;
      return first;
    }
  }

  async markProvisioned(tenant: string, schemaVersion: number, at: Date): Promise<void> {
    await this.prisma.tenant.update({ where: { id: tenant }, data: { schemaVersion, provisionedAt: at } });
  }

  list(): Promise<TenantRecord[]> {
    return this.prisma.tenant.findMany({ orderBy: { id: 'asc' } });
  }
}
