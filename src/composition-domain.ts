import { packageVersion } from './cli/version';
import { AgentCache } from './agents/cache';
import { Agents } from './agents/agents';
import { expireEverywhere } from './approvals/expiry';
import { type FileParts } from './composition-files';
import { createKnowledgeParts, type KnowledgeParts, type SearchParts } from './composition-knowledge';
import { createToolParts, type ToolParts } from './composition-tools';
import type { Config } from './config/environment';
import { Compactions } from './conversations/compaction';
import { Conversations } from './conversations/conversations';
import { History } from './conversations/history';
import { CLEAN_UP, cleanUpConversations } from './conversations/clean-up';
import { FairSemaphore } from './fair-semaphore';
import { DocumentViewer } from './files/viewer';
import { LOCAL_MODEL } from './models/gateway';
import { ModelPreferences } from './models/preferences';
import { type Clock } from './ports/clock';
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
import { Runs } from './runs/runs';
import { runFailure, RunSessions } from './runs/sessions';
import { ToolRunner } from './runs/tool-runner';
import { type SecretBox } from './secrets/secrets';
import type { Services } from './services';
import { type Tenancy } from './tenancy/tenancy';
import type { RunWatch } from './watchdog';

const TITLE = 'conversations.title';
const EXPIRE = 'approvals.expire';
const RECOVER = 'runs.recover';
const RECOVER_JOB_EVERY_MS = 60_000;
const CLEAN_UP_EVERY_MS = 300_000;

/** Further places for tenants and users that have none, as a share of all: others' long runs keep nobody waiting. */
const RESERVED_PLACES = 0.25;

const version = packageVersion();

/** What the domains are made from. */
export interface DomainInput {
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
  /** Watches that the process goes on; absent in tests. */
  watch?: RunWatch;
}

/** The domains, and what the process itself uses of them. */
export interface Domain {
  parts: ToolParts;
  knowledge: KnowledgeParts;
  /** Ends requests to humans whose time ran out. */
  expire: () => Promise<void>;
  services: Omit<Services, 'models' | 'health'>;
  bus: ConversationBus;
  sessions: RunSessions;
  recovery: RunRecovery;
}

/** Puts the domains together: agents, runs, conversations, tools and knowledge. */
export function createDomain({
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
  watch,
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
    acceptUrl: (url, field) => parts.fetch.accept(url, { field }),
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
    assertMaySetTools: (...given) => parts.tools.assertMaySetAssignments(...given),
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
    places: new FairSemaphore(config.runs.maxConcurrent, {
      reserve: Math.ceil(config.runs.maxConcurrent * RESERVED_PLACES),
    }),
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
    watch,
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
    watch,
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
