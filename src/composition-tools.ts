import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compileHttpTool, createHttpToolExecutor } from './adapters/http-tool';
import { createMcpExecutor } from './adapters/mcp';
import { createSandbox } from './adapters/sandbox';
import { Approvals } from './approvals/approvals';
import { HumanBus } from './approvals/bus';
import { HumanFeed } from './approvals/feed';
import { ApprovalPolicies } from './approvals/policies';
import { ApprovalStatistics } from './approvals/statistics';
import type { Config } from './config/environment';
import type { DocumentParser } from './documents/parse';
import { LOCAL_MODEL } from './models/gateway';
import { createSafeFetch, type SafeFetch } from './net/safe-fetch';
import type { AgentKnowledge } from './knowledge/agents';
import type { Clock } from './ports/clock';
import type { Principal } from './ports/identity';
import type { Logger } from './ports/logger';
import type { ModelGateway } from './ports/models';
import type { Sandbox } from './ports/sandbox';
import type { TenantStore } from './ports/stores';
import { Questions } from './questions/questions';
import type { SecretBox } from './secrets/secrets';
import { BuiltInTools } from './tools/built-in';
import { CachedResults } from './tools/cached-results';
import { openCredentials } from './tools/credentials';
import { ToolGenerator } from './tools/generate';
import { SandboxExecutor } from './tools/sandbox-executor';
import { CachedToolBox } from './tools/tool-box';
import { Tools } from './tools/tools';

/** How late another process's approvals may show. */
const WATCH_HUMANS_EVERY_MS = 1_000;

export interface ToolParts {
  sandbox: Sandbox;
  fetch: SafeFetch;
  box: CachedToolBox;
  builtIn: BuiltInTools;
  cached: CachedResults;
  tools: Tools;
  generator: ToolGenerator;
  policies: ApprovalPolicies;
  bus: HumanBus;
  feed: HumanFeed;
  statistics: ApprovalStatistics;
  approvals: Approvals;
  questions: Questions;
  close: () => Promise<void>;
}

export interface ToolPartsInput {
  config: Config;
  version: string;
  open: (tenant: string) => Promise<TenantStore>;
  models: ModelGateway;
  modelFor: (principal: Principal) => Promise<string>;
  parser: DocumentParser;
  knowledge: { agents: AgentKnowledge };
  secrets: SecretBox;
  clock: Clock;
  logger: Logger;
  /** Goes on with a run that waited for a human. */
  resume: (store: TenantStore, rootRunId: string) => Promise<void>;
  /** Told of each change of tools. */
  onChange: (tenant: string) => void;
}

/** Puts together what agents act with: tools, the sandbox, approvals and questions. */
export function createToolParts(input: ToolPartsInput): ToolParts {
  const { config, version, open, models, secrets, clock, logger, resume } = input;
  const sandbox = createSandbox({
    logger,
    directory: cacheFolder(config.data.directory),
    maxProcesses: config.tools.sandboxProcesses,
  });
  const fetch = createSafeFetch({
    allowPrivate: config.tools.allowPrivateUrls,
    userAgent: `AgentFlow/${version}`,
  });
  const toolHosts = config.tools.httpHosts.length > 0 ? config.tools.httpHosts : undefined;
  const mcp = createMcpExecutor({
    servers: config.tools.mcpServers,
    hosts: config.tools.mcpHosts,
    fetch,
    logger,
    version,
  });
  const cached = new CachedResults({ open, clock });
  const builtIn = new BuiltInTools({
    open,
    clock,
    cached,
    fetch,
    parser: input.parser,
    knowledge: input.knowledge,
  });
  const code = new SandboxExecutor(sandbox);
  const http = createHttpToolExecutor({
    fetch: createSafeFetch({
      allowPrivate: config.tools.allowPrivateUrls,
      userAgent: `AgentFlow/${version}`,
      allowHosts: toolHosts,
    }),
    credentials: (tool) => Promise.resolve(openCredentials(secrets, tool)),
  });
  const box = new CachedToolBox({
    open,
    clock,
    executors: { python: code, javascript: code, http, mcp, builtin: builtIn },
  });
  const bus = new HumanBus();
  const onDecided = resume;
  return {
    sandbox,
    fetch,
    box,
    builtIn,
    cached,
    tools: new Tools({
      open,
      sandbox,
      secrets,
      clock,
      compileConfig: (kind, given) =>
        kind === 'mcp' ? mcp.compile(given) : compileHttpTool(given, { fetch, allowHosts: toolHosts }),
      problems: (tool, args) => box.problems(tool, args),
      onChange: (tenant) => {
        box.forget(tenant);
        input.onChange(tenant);
      },
    }),
    generator: new ToolGenerator({
      open,
      models,
      sandbox,
      modelFor: input.modelFor,
      offlineModel: LOCAL_MODEL,
    }),
    policies: new ApprovalPolicies({ open, clock }),
    bus,
    feed: new HumanFeed({ open, bus, clock, logger, intervalMs: WATCH_HUMANS_EVERY_MS }),
    statistics: new ApprovalStatistics({ open, clock }),
    approvals: new Approvals({ open, tools: box, bus, clock, logger, onDecided }),
    questions: new Questions({ open, clock, logger, onDecided }),
    close: async () => {
      await sandbox.close();
      await mcp.close();
    },
  };
}

/** What is the same for every data folder is kept beside the packages where that can be written, else in the data folder. */
function cacheFolder(dataFolder: string): string {
  const shared = join(dirname(dirname(require.resolve('pyodide/package.json'))), '.cache', 'agentflow');
  try {
    mkdirSync(shared, { recursive: true, mode: 0o700 });
    accessSync(shared, constants.W_OK);
    return shared;
  } catch {
    // A read-only installation, as in a container.
    return join(dataFolder, 'sandbox');
  }
}
