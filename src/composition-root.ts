import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { packageVersion } from './cli/version';
import { createRestFacade, requestIdOf, type RestFacade } from '../rest-facade';
import type { Context } from '../resolvers/context';
import { schema } from '../schema';
import { AgendaQueue } from './adapters/agenda/agenda-queue';
import { checkElasticsearch } from './adapters/elasticsearch/check';
import { createLocalProvider } from './adapters/local-model';
import { createOidcClient } from './adapters/oidc/oidc-client';
import { createOpenAiProvider } from './adapters/openai';
import { MongoDatabase } from './adapters/stores/database';
import { PrismaIdempotencyStore } from './adapters/stores/idempotency';
import { AgentCache } from './agents/cache';
import { Agents } from './agents/agents';
import { seedBuiltInAgents } from './agents/built-in';
import { expireEverywhere } from './approvals/expiry';
import { createFileParts, type FileParts, uploadFolder } from './composition-files';
import {
  createKnowledgeParts,
  createSearchParts,
  type KnowledgeParts,
  type SearchParts,
} from './composition-knowledge';
import { createToolParts, type ToolParts } from './composition-tools';
import type { Config } from './config/environment';
import { Compactions } from './conversations/compaction';
import { Conversations } from './conversations/conversations';
import { History } from './conversations/history';
import { invalid } from './errors';
import { CLEAN_UP, cleanUpConversations } from './conversations/clean-up';
import { startEmbeddedMongo, type EmbeddedMongo } from './embedded-mongo/server';
import { DocumentViewer } from './files/viewer';
import { createHttpApp } from './http/app';
import { identify } from './http/identify';
import { listen } from './http/listen';
import { CompiledExecution } from './http/compiled-execution';
import { createFacadeExecutor } from './http/facade-executor';
import { createGraphQLServer } from './http/graphql-server';
import { MetricsRegistry } from './http/metrics';
import { createShutdown, type Shutdown } from './http/shutdown';
import { createAuthenticator, loadSigningKey } from './identity';
import { chooseDefaultModel, createModelGateway, LOCAL_MODEL } from './models/gateway';
import { modelRegistry } from './models/registry';
import { ModelPreferences } from './models/preferences';
import { type Clock, systemClock } from './ports/clock';
import type { Authenticator, Principal } from './ports/identity';
import type { JobQueue } from './ports/jobs';
import type { Logger } from './ports/logger';
import type { ModelGateway } from './ports/models';
import type { RunRecord } from './ports/records';
import type { TenantStore } from './ports/stores';
import { AgentLoop } from './runs/agent-loop';
import { BesideRuns } from './runs/beside';
import { ConversationBus } from './runs/bus';
import { Cancellation } from './runs/cancellation';
import { resolveContext } from './runs/context';
import { Delegations } from './runs/delegations';
import { DirectCalls } from './runs/direct-calls';
import { RunEngine } from './runs/engine';
import { ConversationLog, FencedError } from './runs/log';
import { tieLooseEnds } from './runs/loose-ends';
import { Offers } from './runs/offer';
import { RunRecovery } from './runs/recovery';
import { RemoteWatcher } from './runs/remote-watcher';
import { Runs } from './runs/runs';
import { runFailure, RunSessions } from './runs/sessions';
import { ToolRunner } from './runs/tool-runner';
import { loadEncryptionKey } from './secrets/key';
import { noSecrets, type SecretBox, Secrets } from './secrets/secrets';
import type { Services } from './services';
import { startBackground } from './background';
import { Health } from './system/health';
import { Tenancy } from './tenancy/tenancy';

const version = packageVersion();

const EMBEDDED_POOL = 24;
const CLUSTER_POOL = 100;
const EMBEDDED_SELECTION_MS = 15_000;
const TITLE = 'conversations.title';
const EXPIRE = 'approvals.expire';
const EXPIRE_EVERY_MS = 2_000;
const RECOVER = 'runs.recover';
const RECOVER_EVERY_MS = 5_000;
const RECOVER_JOB_EVERY_MS = 60_000;
const CLEAN_UP_EVERY_MS = 300_000;
const WATCH_EVERY_MS = 500;
const SHUTDOWN_MS = 3_000;
const PING_MS = 1_500;

export interface Application {
  readonly server: Server;
  readonly services: Services;
  readonly database: MongoDatabase;
  /** Listens; answers the base URL. */
  listen(): Promise<string>;
  /** Ends streams and requests, gives runs up for others to finish, closes the database. */
  close(): Promise<void>;
}

export interface ApplicationOptions {
  config: Config;
  logger: Logger;
  clock?: Clock;
  /** For tests: answers that do not fit the OpenAPI document are errors. */
  validateResponses?: boolean;
  /** For tests: Agenda keeps timers for as long as its locks live, milliseconds. */
  jobLockMs?: number;
}

/** Puts the whole product together; the only place that sees every part. */
export async function createApplication(options: ApplicationOptions): Promise<Application> {
  const { config, logger, clock = systemClock } = options;
  const startedAt = clock.now();
  const workerId = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const embedded = config.database.url ? undefined : await openEmbedded(config, logger);
  const database = new MongoDatabase({
    url: config.database.url ?? embedded!.url,
    prefix: config.database.prefix,
    poolSize: embedded ? EMBEDDED_POOL : CLUSTER_POOL,
    // The embedded database ends with this process: it can be slow on a busy machine, never gone.
    serverSelectionMs: embedded ? EMBEDDED_SELECTION_MS : undefined,
  });
  const tenancy = new Tenancy({
    database,
    clock,
    logger,
    seed: async (store) => {
      await seedBuiltInAgents(store, clock.now());
      await domain.parts.builtIn.seed(store, clock.now());
    },
  });
  const secrets = await openSecrets(config, logger);
  const open = (tenant: string): Promise<TenantStore> => tenancy.open(tenant);
  const models = createModels(config, logger, clock);
  const jobs = new AgendaQueue({ db: database.control, workerId, logger, lockMs: options.jobLockMs });
  const files = createFileParts({ config, open, clock, logger });
  const search = createSearchParts(config, models);
  const domain = createDomain({
    config,
    open,
    tenancy,
    models,
    jobs,
    secrets,
    files,
    search,
    clock,
    logger,
    workerId,
  });
  const services: Services = {
    ...domain.services,
    models,
    health: new Health({
      version,
      clock,
      startedAt,
      database: async () => {
        await database.ping(PING_MS);
        return { backend: embedded ? 'embedded' : 'mongodb' };
      },
      search: () => checkElasticsearch(config.search.url, PING_MS),
      jobs: () => jobs.status(),
      llm: () => ({ backend: models.defaultModel(), ...models.status() }),
    }),
  };
  const authenticator = createAuthenticator({
    config,
    signingKey: await loadSigningKey({
      directory: config.data.directory,
      configured: config.identity.signingKey,
      logger,
    }),
    oidc: createOidcClient({ logger, clock }),
    logger,
    clock,
  });
  const http = createHttp({
    options,
    services,
    authenticator,
    database,
    tenancy,
    clock,
    activeRuns: () => domain.sessions.size,
    followed: () => domain.bus.followed().length,
  });
  const stopping = new AbortController();
  const watcher = new RemoteWatcher({ bus: domain.bus, open, logger, intervalMs: WATCH_EVERY_MS });

  let background: Promise<void> | undefined;

  return {
    server: http.server,
    services,
    database,
    async listen() {
      const url = await listen(http.server, config.http);
      background = startBackground({
        recovery: domain.recovery,
        ingestion: domain.knowledge.runner,
        connect: () => database.connect(),
        jobs,
        watcher,
        soleWorker: embedded !== undefined,
        logger,
        recoverEveryMs: Math.min(RECOVER_EVERY_MS, config.runs.leaseMs / 2),
        expire: domain.expire,
        expireEveryMs: EXPIRE_EVERY_MS,
        signal: stopping.signal,
      });
      return url;
    },
    async close() {
      stopping.abort();
      watcher.stop();
      // A start that is under way must not find its database gone.
      await background;
      await jobs.stop();
      await domain.knowledge.runner.shutdown();
      await domain.sessions.shutdown();
      await http.shutdown.run();
      await domain.parts.close();
      await files.close();
      await search.close();
      await database.close();
      await embedded?.close();
    },
  };
}

/** In production a key must be configured; a server without one runs, and refuses secrets. */
async function openSecrets(config: Config, logger: Logger): Promise<SecretBox> {
  const configured = config.tools.encryptionKey;
  if (config.isProduction && configured === undefined) {
    const message =
      'Credentials need AGENTFLOW_ENCRYPTION_KEY in production: 32 random bytes as base64 or hex.';
    logger.warn({}, message);
    return noSecrets(message);
  }
  const { directory } = config.data;
  return new Secrets(await loadEncryptionKey({ directory, configured, required: config.isProduction }));
}

function openEmbedded(config: Config, logger: Logger): Promise<EmbeddedMongo> {
  return startEmbeddedMongo({
    dataDir: join(config.data.directory, 'db'),
    onError: (error) => {
      // Nothing can be stored any more; a supervisor starts the process again, and runs go on from their last part.
      logger.error({ err: error }, 'the embedded database has failed');
      process.exit(1);
    },
  });
}

function createModels(config: Config, logger: Logger, clock: Clock): ModelGateway {
  const {
    openaiApiKey,
    openaiBaseUrl,
    openaiModel,
    defaultModel,
    concurrency,
    timeoutMs,
    maxRetries,
    localTokensPerSecond,
  } = config.models;
  const openai =
    openaiApiKey || openaiBaseUrl
      ? [
          createOpenAiProvider({
            name: 'openai',
            registry: modelRegistry,
            baseUrl: openaiBaseUrl,
            apiKey: openaiApiKey,
            models: openaiModel ? [openaiModel] : undefined,
            limits: {
              maxConcurrency: concurrency,
              firstByteTimeoutMs: timeoutMs,
              idleTimeoutMs: timeoutMs,
              maxAttempts: maxRetries + 1,
            },
            logger,
            clock,
          }),
        ]
      : [];
  const local = createLocalProvider({
    registry: modelRegistry,
    tokensPerSecond: localTokensPerSecond || undefined,
  });
  return createModelGateway({
    providers: [...openai, local],
    defaultModel: chooseDefaultModel({
      configured: defaultModel,
      openAiModel: openaiModel,
      openAiApiKey: openaiApiKey,
      openAiBaseUrl: openaiBaseUrl,
    }),
    logger,
  });
}

interface DomainInput {
  config: Config;
  open: (tenant: string) => Promise<TenantStore>;
  tenancy: Tenancy;
  models: ModelGateway;
  jobs: JobQueue;
  secrets: SecretBox;
  files: FileParts;
  search: SearchParts;
  clock: Clock;
  logger: Logger;
  workerId: string;
}

interface Domain {
  parts: ToolParts;
  knowledge: KnowledgeParts;
  /** Ends requests to humans whose time ran out. */
  expire: () => Promise<void>;
  services: Omit<Services, 'models' | 'health'>;
  bus: ConversationBus;
  sessions: RunSessions;
  recovery: RunRecovery;
}

function createDomain({
  config,
  open,
  tenancy,
  models,
  jobs,
  secrets,
  files,
  search,
  clock,
  logger,
  workerId,
}: DomainInput): Domain {
  const leaseMs = config.runs.leaseMs;
  const background = config.models.backgroundModel ?? LOCAL_MODEL;
  const bus = new ConversationBus();
  const log = new ConversationLog(bus, clock);
  const agentCache = new AgentCache(clock);
  const preferences = new ModelPreferences({ open, models, clock, backgroundModel: background });
  const knowledge = createKnowledgeParts({
    config,
    open,
    tenants: () => tenancy.known(),
    ...search,
    files,
    fetch: (url, request) => parts.fetch(url, request),
    models,
    model: async (store, userId) =>
      (await preferences.preferredModel(store, userId)) ?? models.defaultModel(),
    jobs,
    clock,
    logger,
    workerId,
    onAgentChange: (tenant, id) => forgetAgent(tenant, id),
  });
  const parts = createToolParts({
    config,
    version,
    open,
    models,
    modelFor: async (principal) =>
      (await preferences.preferredModel(await open(principal.tenant), principal.userId)) ??
      models.defaultModel(),
    parser: files.parser,
    knowledge: knowledge.services,
    secrets,
    clock,
    logger,
    resume: (store, rootRunId) => recovery.resume(store, rootRunId),
    onChange: () => undefined,
  });
  const offers = new Offers({ tools: parts.box, clock });
  const agents = new Agents({
    open,
    models,
    clock,
    toolIds: (store, references) => parts.tools.idsOf(store, references),
    assignTools: (store, agentId, toolIds) => parts.tools.setAssignments(store, agentId, toolIds),
    knowledgeBaseIds: (store, references) => knowledge.services.agents.idsOf(store, references),
    onChange: (tenant, id) => forgetAgent(tenant, id),
  });
  function forgetAgent(tenant: string, id: string): void {
    agentCache.forget(tenant, id);
    offers.forget(tenant);
  }
  const delegations: Delegations = new Delegations({
    loop: (scope) => loop.run(scope),
    launchBackground: (store, run, agent) => beside.launchBackground(store, run, agent),
    toFailure: (run, error) => runFailure(logger, run, error),
    clock,
  });
  const runner = new ToolRunner({
    tools: parts.box,
    delegations,
    present: (store, call, result) => parts.cached.present(store, call, result),
    policyFor: (store, call) => parts.policies.decide(store, call),
    onApproval: (tenant, approval) => parts.bus.publish(tenant, { kind: 'requested', approval }),
    onQuestion: (tenant, question) => parts.bus.publish(tenant, { kind: 'asked', question }),
    clock,
    logger,
  });
  const loop: AgentLoop = new AgentLoop({
    models,
    tools: parts.box,
    offers,
    runner,
    clock,
    save: async ({ store, run }, changes) => {
      const saved =
        run.kind === 'sub_agent'
          ? await store.runs.transition(run.id, ['running'], changes)
          : await store.runs.updateOwned(run.id, workerId, changes);
      if (!saved) throw new FencedError(run.rootRunId);
    },
  });
  const sessions: RunSessions = new RunSessions({
    loop,
    direct: new DirectCalls({ offers, tools: parts.box, runner, clock }),
    abandon: (store, run, reason) => tieLooseEnds(store, run, reason, clock),
    onPaused: (store, run) => {
      // A decision may have come between the question and the pause.
      recovery
        .resume(store, run.id)
        .catch((error: unknown) =>
          logger.error({ err: error, runId: run.id }, 'a decided run could not be resumed'),
        );
    },
    bus,
    log,
    clock,
    logger,
    workerId,
    leaseMs,
    maxConcurrentRuns: config.runs.maxConcurrent,
    onFinished: (store, run, conversation) => {
      if (conversation.queuedRuns > 0)
        void engine
          .promote(store, run.conversationId)
          .catch((error: unknown) =>
            logger.error({ err: error, runId: run.id }, 'the next queued run could not be started'),
          );
      if (conversation.titleSource === 'message') void queueTitle(store, run);
    },
  });
  const beside = new BesideRuns({
    open,
    agents: agentCache,
    tools: parts.box,
    sessions,
    log,
    clock,
    workerId,
    leaseMs,
  });
  const cancellation = new Cancellation({
    open,
    sessions,
    log,
    clock,
    cancelWaiting: (store, runId, reason) => recovery.cancelWaiting(store, runId, reason),
  });
  const engine = new RunEngine({
    open,
    agents: agentCache,
    models,
    bus,
    log,
    sessions,
    clock,
    logger,
    workerId,
    leaseMs,
    preferredModel: (store, userId) => preferences.preferredModel(store, userId),
    interrupt: (store, runId, reason) => cancellation.cancelRun(store, runId, reason),
    offers,
    resolveContext: (principal, agent, input) =>
      resolveContext(
        {
          attachments: (owner, ids) => files.attachments.resolveForChat(owner, ids),
          knowledge: (owner, wanted) => knowledge.retrieval.forChat(owner, wanted),
        },
        principal,
        agent,
        input,
      ),
  });
  const backgroundModel = (store: TenantStore, userId: string): Promise<string> =>
    preferences.backgroundModel(store, userId);
  const conversations = new Conversations({ open, bus, log, cancellation, models, backgroundModel, clock });
  const recovery: RunRecovery = new RunRecovery({
    tenants: () => tenancy.known(),
    open,
    agents: agentCache,
    sessions,
    bus,
    log,
    clock,
    logger,
    workerId,
    leaseMs,
    promote: (store, conversationId) => engine.promote(store, conversationId),
  });

  /** A title by a real model replaces the shortened first message; the embedded model would only shorten it again. */
  async function queueTitle(store: TenantStore, run: RunRecord): Promise<void> {
    try {
      if ((await backgroundModel(store, run.userId)) === LOCAL_MODEL) return;
      await jobs.enqueue(TITLE, {
        tenant: store.tenant,
        conversationId: run.conversationId,
        userId: run.userId,
      });
    } catch (error) {
      logger.warn({ err: error, conversationId: run.conversationId }, 'title job could not be queued');
    }
  }

  // Every worker also looks by itself, and more often: a job's lock may be held by the very worker that died.
  jobs.define(RECOVER, async () => {
    await recovery.recoverAll();
    await recovery.resumeDecided();
  });
  jobs.every(RECOVER_JOB_EVERY_MS, RECOVER);
  const expire = (): Promise<void> =>
    expireEverywhere({
      tenants: () => tenancy.known(),
      open,
      expire: [
        (store) => parts.approvals.expireOverdue(store),
        (store) => parts.questions.expireOverdue(store),
      ],
      logger,
    });
  jobs.define(EXPIRE, expire);
  jobs.every(RECOVER_JOB_EVERY_MS, EXPIRE);
  jobs.define(CLEAN_UP, () => cleanUpConversations({ tenants: () => tenancy.known(), open, clock, logger }));
  jobs.every(CLEAN_UP_EVERY_MS, CLEAN_UP);
  jobs.define(TITLE, (data) =>
    conversations.generateTitleInBackground(data.tenant!, data.conversationId!, data.userId!),
  );
  return {
    bus,
    sessions,
    recovery,
    expire,
    parts,
    knowledge,
    services: {
      tools: parts.tools,
      toolGenerator: parts.generator,
      toolStatus: (tool) => parts.builtIn.status(tool),
      cachedResults: parts.cached,
      approvals: parts.approvals,
      approvalStatistics: parts.statistics,
      policies: parts.policies,
      questions: parts.questions,
      humanFeed: parts.feed,
      besideRuns: beside,
      attachments: files.attachments,
      storage: files.storage,
      documents: new DocumentViewer(files.attachments, knowledge.viewer),
      knowledge: knowledge.services,
      agents,
      conversations,
      engine,
      cancellation,
      preferences,
      history: new History({ open, bus }),
      compactions: new Compactions({ open, models, backgroundModel, log, clock }),
      runs: new Runs({ open, bus, sessions }),
    },
  };
}

interface HttpInput {
  options: ApplicationOptions;
  services: Services;
  authenticator: Authenticator;
  database: MongoDatabase;
  tenancy: Tenancy;
  clock: Clock;
  activeRuns: () => number;
  followed: () => number;
}

function createHttp({
  options,
  services,
  authenticator,
  database,
  tenancy,
  clock,
  activeRuns,
  followed,
}: HttpInput): {
  server: Server;
  shutdown: Shutdown;
} {
  const { config, logger } = options;
  const contextOf = (principal: Principal | null, requestId: string): Context => ({
    requestId,
    principal,
    services,
    prisma: () => database.prisma(principal!.tenant),
  });
  const compiled = new CompiledExecution(schema);
  const graphql = createGraphQLServer({
    schema,
    compiled,
    config: config.graphql,
    logger,
    createContext: async (request: IncomingMessage, response: ServerResponse) =>
      contextOf(await identify(authenticator, request, true), requestIdOf(request, response)),
  });
  const facade: RestFacade = createRestFacade<Context>({
    schema,
    executor: createFacadeExecutor(compiled, logger),
    // A probe answers whatever token comes with it: whoever watches the server may have an old one.
    createContext: async (request, info) => {
      if (info.public) return contextOf(null, info.requestId);
      return contextOf(await identify(authenticator, request, false), info.requestId);
    },
    principalKey: ({ principal }) => `${principal!.tenant}/${principal!.userId}`,
    idempotencyStore: new PrismaIdempotencyStore(async (tenant) => {
      await tenancy.open(tenant);
      return database.prisma(tenant);
    }, clock),
    logger,
    openBinary: (id, context) => services.attachments.open(context.principal!, id),
    options: {
      maxBodyBytes: config.http.maxBodyBytes,
      maxFileBytes: config.files.maxUploadBytes,
      // Beside the files, which a small temporary folder may have no room for.
      uploadDirectory: uploadFolder(config),
      heartbeatMs: config.http.heartbeatMs,
      validateResponses: options.validateResponses ?? false,
      // The committed document is checked by the tests and by CI; a start need not check it again.
      validateDocument: options.validateResponses ?? false,
    },
  });
  const metrics = new MetricsRegistry();
  metrics.gauge('agentflow_active_runs', 'Runs that this process executes.', activeRuns);
  metrics.gauge(
    'agentflow_followed_conversations',
    'Conversations that subscriptions and streams follow.',
    followed,
  );
  const draining: { shutdown?: Shutdown } = {};
  const app = createHttpApp({
    yoga: (request, response) => graphql(request, response),
    facade,
    config: {
      corsOrigins: config.http.corsOrigins,
      maxBodyBytes: config.http.maxBodyBytes,
      isOpen: config.identity.devPrincipal !== undefined,
      version,
    },
    logger,
    jwks: () => authenticator.jwks(),
    metrics,
    isDraining: () => draining.shutdown?.isDraining ?? false,
  });
  const server = createServer(app);
  const shutdown = createShutdown({
    server,
    endStreams: [() => facade.endStreams()],
    logger,
    timeoutMs: SHUTDOWN_MS,
  });
  draining.shutdown = shutdown;
  return { server, shutdown };
}
