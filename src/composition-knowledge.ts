import { join } from 'node:path';
import { ElasticsearchIndex } from './adapters/elasticsearch';
import { EmbeddedSearchIndex } from './adapters/embedded-search';
import { ANALYSIS_VERSION, Analyzer } from './adapters/embedded-search/analysis';
import { ModelEmbeddings } from './adapters/embeddings';
import type { FileParts } from './composition-files';
import type { Config } from './config/environment';
import { type CrawlFetch, createSiteReader } from './documents/crawl';
import { AgentKnowledge } from './knowledge/agents';
import { CREATION_WAIT_MS, KnowledgeBases } from './knowledge/bases';
import { KnowledgeDocuments } from './knowledge/documents';
import { askGoldenQueries } from './knowledge/gate';
import { IngestionBus } from './knowledge/ingestion/bus';
import { Crawling } from './knowledge/ingestion/crawling';
import { FileIngestion } from './knowledge/ingestion/ingest-file';
import { Ingestion } from './knowledge/ingestion/ingestion';
import { Intake } from './knowledge/ingestion/intake';
import { INGEST, IngestionJobs } from './knowledge/ingestion/jobs';
import { JobLeases } from './knowledge/ingestion/leases';
import { RefreshSwitch } from './knowledge/ingestion/refresh-switch';
import { IngestionRunner } from './knowledge/ingestion/runner';
import { Uploads } from './knowledge/ingestion/uploads';
import { IngestionWork } from './knowledge/ingestion/work';
import { ChunkingPreviews } from './knowledge/preview';
import { Removals } from './knowledge/removal';
import { Retrieval } from './knowledge/retrieval';
import { IndexKeeper } from './knowledge/search/index-keeper';
import { QueryProcessing } from './knowledge/search/query-processing';
import { RetrievalRounds } from './knowledge/search/retrieval-round';
import { KnowledgeSearch } from './knowledge/search/search';
import type { KnowledgeServices } from './knowledge/services';
import { KnowledgeViewer } from './knowledge/view';
import { LOCAL_MODEL } from './models/gateway';
import type { Clock } from './ports/clock';
import type { Embeddings } from './ports/embeddings';
import type { JobQueue } from './ports/jobs';
import type { Logger } from './ports/logger';
import type { ModelGateway } from './ports/models';
import type { SearchIndex } from './ports/search';
import type { TenantStore } from './ports/stores';

export interface KnowledgeParts {
  services: KnowledgeServices;
  viewer: KnowledgeViewer;
  retrieval: Retrieval;
  runner: IngestionRunner;
}

/** What finds chunks and what makes their vectors. */
export interface SearchParts {
  index: SearchIndex;
  embeddings: Embeddings;
  close(): Promise<void>;
}

/** The provider's model for new bases, where a key is set and no other model is named. */
const PROVIDER_EMBEDDINGS = 'text-embedding-3-small';

/** Both start their threads when they are first used. */
export function createSearchParts(config: Config, models: ModelGateway): SearchParts {
  const index = createIndex(config);
  const { openaiApiKey, openaiEmbeddingModel } = config.models;
  const model = openaiEmbeddingModel ?? (openaiApiKey ? PROVIDER_EMBEDDINGS : undefined);
  const embeddings = new ModelEmbeddings({
    gateway: models,
    defaultModel: model === undefined ? undefined : `openai/${model}`,
    isCompatible: config.models.openaiBaseUrl !== undefined,
  });
  return {
    index,
    embeddings,
    close: async () => {
      await Promise.all([index.close(), embeddings.close()]);
    },
  };
}

/** The cluster when one is configured, else files beside the other data. */
function createIndex(config: Config): SearchIndex {
  const { url } = config.search;
  if (!url) return new EmbeddedSearchIndex(join(config.data.directory, 'search'));
  return new ElasticsearchIndex({
    url,
    prefix: config.database.prefix.toLowerCase(),
    analysis: new Analyzer(),
    analysisVersion: ANALYSIS_VERSION,
  });
}

export interface KnowledgePartsInput {
  config: Config;
  open: (tenant: string) => Promise<TenantStore>;
  tenants: () => Promise<string[]>;
  index: SearchIndex;
  embeddings: Embeddings;
  files: Pick<FileParts, 'storage' | 'parser'>;
  fetch: CrawlFetch;
  /** @throws DomainError `validation_failed` at `field` for a URL that `fetch` would refuse whatever its host is called */
  acceptUrl: (url: string, field: string) => void;
  models: ModelGateway;
  /** The model that helps searches of a user. */
  model: (store: TenantStore, userId: string) => Promise<string>;
  jobs: JobQueue;
  clock: Clock;
  logger: Logger;
  workerId: string;
  onAgentChange: (tenant: string, agentId: string) => void;
}

/** Ingestion jobs at once; each works on several files. */
const JOBS_AT_ONCE = 2;

/** Puts together what knowledge bases are made of. */
export function createKnowledgeParts(input: KnowledgePartsInput): KnowledgeParts {
  const { config, open, index, embeddings, files, clock, logger } = input;
  const { storage, parser } = files;
  const bus = new IngestionBus();
  const search = new KnowledgeSearch({
    open,
    rounds: new RetrievalRounds({ index, embeddings }),
    index,
    keeper: new IndexKeeper({ index, logger }),
    processing: new QueryProcessing({ models: input.models, embeddedModel: LOCAL_MODEL, logger }),
    model: input.model,
    analysis: new Analyzer(),
    clock,
  });
  const leases = new JobLeases({ clock, logger, workerId: input.workerId, leaseMs: config.runs.leaseMs });
  const removals = new Removals({
    index,
    storage,
    unbind: (store, id) => agents.unbindEverywhere(store, id),
    clock,
    logger,
    leaseMs: config.runs.leaseMs,
  });
  const uploads = new Uploads({ storage, parser, clock, maxFileBytes: config.files.maxUploadBytes });
  const intake = new Intake({ uploads, storage, jobs: () => jobs, clock });
  const work = new IngestionWork({
    files: new FileIngestion({ storage, parser, embeddings, index, clock }),
    crawling: new Crawling({ crawl: createSiteReader(input.fetch), intake, storage }),
    refresh: new RefreshSwitch({
      index,
      gate: (current, generation) => askGoldenQueries(search, current, generation),
      onMissed: async (store, id, documentIds) => {
        const base = await store.knowledge.findBase(id);
        if (base) await ingestion.refreshDocuments(store, base, base.createdBy, documentIds);
      },
      clock,
    }),
    clock,
    workerId: input.workerId,
    discard: (store, base) => bases.discard(store, base),
  });
  const runner = new IngestionRunner({
    open,
    tenants: input.tenants,
    work: (given) => work.run(given),
    bus,
    // What a worker wrote into a base while it was being deleted goes as well.
    onLost: async (store, id) => {
      const base = await store.knowledge.findBase(id);
      if (base?.deletedAt) await removals.ofBase(store, base);
    },
    onFailed: (store, progress) => work.abandon({ store, progress }),
    sweep: (store, soleWorker) => removals.sweep(store, soleWorker),
    leases,
    clock,
    logger,
    concurrency: JOBS_AT_ONCE,
  });
  input.jobs.define(INGEST, (data) => runner.run(data.tenant!, data.jobId!));
  const jobs: IngestionJobs = new IngestionJobs({
    open,
    runner,
    leases,
    jobs: input.jobs,
    bus,
    clock,
    logger,
  });
  const bases: KnowledgeBases = new KnowledgeBases({
    open,
    embeddings,
    removals,
    acceptUrl: input.acceptUrl,
    clock,
    workerId: input.workerId,
    soleWorker: config.database.url === undefined,
    leaseMs: config.runs.leaseMs,
  });
  const agents = new AgentKnowledge({ open, bases, search, clock, onAgentChange: input.onAgentChange });
  const ingestion: Ingestion = new Ingestion({
    open,
    bases,
    uploads,
    intake,
    jobs,
    embeddings,
    clock,
    waitMs: CREATION_WAIT_MS,
  });
  return {
    services: {
      bases,
      documents: new KnowledgeDocuments({ open, removals, clock }),
      ingestion,
      jobs,
      search,
      agents,
      previews: new ChunkingPreviews({ parser }),
      vectorStore: () => input.index.status().backend,
    },
    viewer: new KnowledgeViewer({ open, storage, parser }),
    retrieval: new Retrieval({ open, search }),
    runner,
  };
}
