import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
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
import { seedBuiltInAgents } from './agents/built-in';
import { createFileParts, uploadFolder } from './composition-files';
import { createSearchParts } from './composition-knowledge';
import type { Config } from './config/environment';
import { openEmbedded } from './composition-database';
import type { EmbeddedMongo } from './embedded-mongo/server';
import { createHttpApp } from './http/app';
import { hangUpSignal } from './http/hang-up';
import { identify } from './http/identify';
import { listen } from './http/listen';
import { CompiledExecution } from './http/compiled-execution';
import { createFacadeExecutor } from './http/facade-executor';
import { createGraphQLServer } from './http/graphql-server';
import { MetricsRegistry } from './http/metrics';
import { createShutdown, type Shutdown } from './http/shutdown';
import { createAuthenticator, loadSigningKey } from './identity';
import { chooseDefaultModel, createModelGateway } from './models/gateway';
import { modelRegistry } from './models/registry';
import { type Clock, systemClock } from './ports/clock';
import type { Authenticator, Principal } from './ports/identity';
import type { Logger } from './ports/logger';
import type { ModelGateway } from './ports/models';
import type { TenantStore } from './ports/stores';
import { RemoteWatcher } from './runs/remote-watcher';
import { loadEncryptionKey } from './secrets/key';
import { noSecrets, type SecretBox, Secrets } from './secrets/secrets';
import type { Services } from './services';
import { startBackground } from './background';
import { Health } from './system/health';
import { Tenancy } from './tenancy/tenancy';
import type { RunWatch } from './watchdog';
import { createDomain } from './composition-domain';

const version = packageVersion();

const EMBEDDED_POOL = 24;
const CLUSTER_POOL = 100;
const EMBEDDED_SELECTION_MS = 15_000;
/** While the program starts, this thread may not look at its sockets for longer than networks ever take. */
const EMBEDDED_CONNECT_MS = 60_000;
const EXPIRE_EVERY_MS = 2_000;
const RECOVER_EVERY_MS = 5_000;
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
  /** The embedded database, where it was started before this program was loaded. */
  embedded?: Promise<EmbeddedMongo>;
  /** For tests: answers that do not fit the OpenAPI document are errors. */
  validateResponses?: boolean;
  /** For tests: Agenda keeps timers for as long as its locks live, milliseconds. */
  jobLockMs?: number;
  /** Watches that the process goes on, for a process that is the server's own. */
  watch?: RunWatch;
}

/** Puts the whole product together; the only place that sees every part. */
export async function createApplication(options: ApplicationOptions): Promise<Application> {
  const { config, logger, clock = systemClock } = options;
  const startedAt = clock.now();
  const workerId = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const embedded = config.database.url ? undefined : await (options.embedded ?? openEmbedded(config, logger));
  const database = new MongoDatabase({
    url: config.database.url ?? embedded!.url,
    prefix: config.database.prefix,
    poolSize: embedded ? EMBEDDED_POOL : CLUSTER_POOL,
    // The embedded database ends with this process: it can be slow on a busy machine, never gone.
    serverSelectionMs: embedded ? EMBEDDED_SELECTION_MS : undefined,
    connectMs: embedded ? EMBEDDED_CONNECT_MS : undefined,
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
    watch: options.watch,
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
  const idempotencyStore = new PrismaIdempotencyStore({
    open: async (tenant) => {
      await tenancy.open(tenant);
      return database.prisma(tenant);
    },
    clock,
    logger,
    workerId,
    soleWorker: embedded !== undefined,
  });
  const http = createHttp({
    options,
    services,
    authenticator,
    database,
    idempotencyStore,
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
      idempotencyStore.close();
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

function createModels(config: Config, logger: Logger, clock: Clock): ModelGateway {
  const {
    openaiApiKey,
    openaiBaseUrl,
    openaiModel,
    openaiEmbeddingBatchSize,
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
            embeddingBatchSize: openaiEmbeddingBatchSize,
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

interface HttpInput {
  options: ApplicationOptions;
  services: Services;
  authenticator: Authenticator;
  database: MongoDatabase;
  idempotencyStore: PrismaIdempotencyStore;
  activeRuns: () => number;
  followed: () => number;
}

function createHttp({
  options,
  services,
  authenticator,
  database,
  idempotencyStore,
  activeRuns,
  followed,
}: HttpInput): {
  server: Server;
  shutdown: Shutdown;
} {
  const { config, logger } = options;
  const contextOf = (principal: Principal | null, requestId: string, request: IncomingMessage): Context => ({
    requestId,
    principal,
    services,
    get signal() {
      return hangUpSignal(request.socket);
    },
    prisma: () => database.prisma(principal!.tenant),
  });
  const compiled = new CompiledExecution(schema);
  const graphql = createGraphQLServer({
    schema,
    compiled,
    config: config.graphql,
    drainTimeoutMs: config.http.drainTimeoutMs,
    logger,
    createContext: async (request: IncomingMessage, response: ServerResponse) =>
      contextOf(await identify(authenticator, request, true), requestIdOf(request, response), request),
  });
  const facade: RestFacade = createRestFacade<Context>({
    schema,
    executor: createFacadeExecutor(compiled, logger),
    // A probe answers whatever token comes with it: whoever watches the server may have an old one.
    createContext: async (request, info) => {
      if (info.public) return contextOf(null, info.requestId, request);
      return contextOf(await identify(authenticator, request, false), info.requestId, request);
    },
    principalKey: ({ principal }) => `${principal!.tenant}/${principal!.userId}`,
    expiresAt: ({ principal }) => principal?.expiresAt,
    idempotencyStore,
    // Who may try again wants the answer of the first try.
    withOperation: (context, operationId) => ({ ...context, signal: undefined, operationId }),
    logger,
    openBinary: (id, context) => services.attachments.open(context.principal!, id),
    options: {
      maxBodyBytes: config.http.maxBodyBytes,
      maxFileBytes: config.files.maxUploadBytes,
      // Beside the files, which a small temporary folder may have no room for.
      uploadDirectory: uploadFolder(config),
      maxUploadBytes: config.files.maxUploadRequestBytes,
      heartbeatMs: config.http.heartbeatMs,
      drainTimeoutMs: config.http.drainTimeoutMs,
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
      graphiql: config.graphql.graphiql,
      metricsToken: config.http.metricsToken,
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
