import { findAgent } from '../agents/find';
import { living } from '../agents/agents';
import { argumentErrors } from '../argument-errors';
import { exactTexts } from '../json';
import { DomainError, type FieldError, invalid, notFound, throwIfInvalid } from '../errors';
import { assertMaker } from '../identity/access';
import { newId } from '../ids';
import { FetchFailed } from '../net/safe-fetch';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { AgentRecord, JsonObject, JsonValue } from '../ports/records';
import type { Sandbox, SandboxLanguage, SandboxOutcome } from '../ports/sandbox';
import type { Projection, TenantStore } from '../ports/stores';
import type { ToolCallRecord, ToolKind, ToolRecord } from '../ports/tools';
import type { SecretBox } from '../secrets/secrets';
import { originOf, sealCredentials } from './credentials';
import {
  APPROVAL_TIMEOUT,
  argumentSchema,
  checkToolInput,
  isObject,
  present,
  rowChanges,
  TOOL_DEFAULTS,
  type ToolInput,
} from './definition';
import { assertGate, assertMayTake, assertNoCopy } from './gate';
import { refuseEngineName, refuseSubAgentName } from './names';

const MS_PER_SECOND = 1_000;

export interface RegisterInput extends ToolInput {
  name: string;
  description: string;
  targetSubAgentId?: string | null;
  targetAgentIds?: string[] | null;
}

export interface DryRunInput {
  functionCode?: string | null;
  tool?: string | null;
  language?: SandboxLanguage | null;
  arguments?: JsonValue;
}

/** An agent by id or name; with `parentId` it must be a sub-agent of that one. */
export interface AgentPath {
  agentId: string;
  parentId?: string | null;
}

/** A tool of an agent, each by id or name. */
export interface ToolPath {
  agentId: string;
  tool: string;
  /** The version that a change is based on; any when absent. */
  expectedVersion?: number | null;
}

export interface CompiledConfig {
  config: JsonObject;
  /** JSON schema of the arguments. */
  parameters?: JsonObject;
  /** What follows from the configuration unless the caller says otherwise. */
  idempotent?: boolean;
  supportsPreview?: boolean;
}

/** Reads the configuration of a tool of kind `http` or `mcp`. @throws DomainError `validation_failed` on `config...` */
export type CompileConfig = (kind: 'http' | 'mcp', config: JsonObject) => Promise<CompiledConfig>;

export interface ToolDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  sandbox: Sandbox;
  compileConfig: CompileConfig;
  secrets: SecretBox;
  /** Complaints about arguments. */
  problems: (tool: ToolRecord, args: JsonValue) => string[];
  clock: Clock;
  /** Told after each write, so that running code sees it at once. */
  onChange: (tenant: string) => void;
}

/** Definitions of tools, shared by a tenant, and their assignments to agents. Ids and names serve alike. */
export class Tools {
  constructor(private readonly dependencies: ToolDependencies) {}

  /** The tools of an agent. */
  async ofAgent(principal: Principal, path: AgentPath, projection?: Projection): Promise<ToolRecord[]> {
    const { store, agent } = await this.agentAt(principal, path);
    return store.tools.ofAgent(agent.id, projection);
  }

  /** Every tool of the tenant. */
  async all(principal: Principal, projection?: Projection): Promise<ToolRecord[]> {
    return (await this.store(principal)).tools.list(projection);
  }

  /** Tools that the agent could be given. */
  async available(principal: Principal, path: AgentPath, projection?: Projection): Promise<ToolRecord[]> {
    const { store, agent } = await this.agentAt(principal, path);
    const [all, own] = await Promise.all([store.tools.list(projection), store.tools.ofAgent(agent.id)]);
    const taken = new Set(own.map(({ id }) => id));
    return all.filter(({ id }) => !taken.has(id));
  }

  /** The ledger of a run. @throws DomainError `not_found` for runs of others, unless an admin asks */
  async calls(principal: Principal, runId: string): Promise<ToolCallRecord[]> {
    const store = await this.store(principal);
    const run = await store.runs.find(runId);
    if (!run || (run.userId !== principal.userId && !principal.isAdmin)) throw notFound('Run', runId);
    return store.toolCalls.ofRun(run.id);
  }

  /** @throws DomainError `not_found` for a tool that this agent does not have */
  async get(
    principal: Principal,
    agentId: string,
    reference: string,
    projection?: Projection,
  ): Promise<ToolRecord> {
    const { store, agent } = await this.agent(principal, agentId);
    const tool = await this.assigned(store, agent, reference);
    return projection ? ((await store.tools.find(tool.id, projection)) ?? tool) : tool;
  }

  /**
   * Makes a tool, or changes the one of that name, and assigns it to the agent and the further targets. Everything is
   * checked before anything is written.
   */
  async register(principal: Principal, agentId: string, input: RegisterInput): Promise<ToolRecord> {
    const { store, agent } = await this.agent(principal, agentId);
    checkToolInput(input);
    refuseEngineName(input.name);
    const agentIds = [agent.id, ...(await this.targets(store, input))];
    await refuseSubAgentName(store, input.name, agentIds);
    const known = await store.tools.findByName(input.name);
    if (known?.kind === 'builtin')
      throw new DomainError('conflict', `${input.name} is a built-in tool; choose another name.`, {
        errors: [{ path: 'name', message: 'is taken by a built-in tool' }],
      });
    const definition = await this.definition(input, undefined);
    const tool = known
      ? await this.change(principal, store, known, this.row(known, input, definition))
      : await this.create(principal, store, input, definition);
    for (const id of agentIds) await store.tools.assign(tool.id, id, this.dependencies.clock.now());
    this.dependencies.onChange(principal.tenant);
    return tool;
  }

  /**
   * Changes only what `input` names.
   * @throws DomainError `precondition_failed` when `expectedVersion` (from `If-Match`) is not the tool's version
   */
  async update(
    principal: Principal,
    { agentId, tool: reference, expectedVersion }: ToolPath,
    input: ToolInput,
  ): Promise<ToolRecord> {
    const { store, agent } = await this.agent(principal, agentId);
    const tool = await this.assigned(store, agent, reference);
    if (present(expectedVersion) && tool.version !== expectedVersion) throw stale(tool, expectedVersion);
    checkToolInput(input);
    if (tool.kind === 'builtin') refuseBuiltInChanges(input);
    if (present(input.kind) && input.kind !== tool.kind && !isCode(input.kind, tool.kind))
      throw invalid('kind', `is ${tool.kind} and cannot become ${input.kind}`);
    const name = present(input.name) && input.name !== tool.name ? input.name : undefined;
    if (name !== undefined) {
      refuseEngineName(name);
      await refuseSubAgentName(store, name, [agent.id]);
    }
    if (name !== undefined && (await store.tools.findByName(name)))
      throw new DomainError('conflict', `There is a tool named ${name} already.`, {
        errors: [{ path: 'name', message: 'is taken' }],
      });
    const renamed = name === undefined ? {} : { name, nameKey: name };
    const definition = changesDefinition(input) ? await this.definition(input, tool) : {};
    const changes = { ...this.row(tool, input, definition), ...renamed };
    const changed = await this.change(principal, store, tool, changes, expectedVersion);
    this.dependencies.onChange(principal.tenant);
    return changed;
  }

  /** Gates the tool's calls by a human, or frees them. */
  async configureApproval(
    principal: Principal,
    agentId: string,
    reference: string,
    { enabled, timeoutSeconds }: { enabled: boolean; timeoutSeconds?: number | null },
  ): Promise<ToolRecord> {
    const { store, agent } = await this.agent(principal, agentId);
    const tool = await this.assigned(store, agent, reference);
    if (
      present(timeoutSeconds) &&
      (timeoutSeconds < APPROVAL_TIMEOUT.min || timeoutSeconds > APPROVAL_TIMEOUT.max)
    )
      throw invalid('timeout_seconds', `must be between ${APPROVAL_TIMEOUT.min} and ${APPROVAL_TIMEOUT.max}`);
    const changed = await this.change(principal, store, tool, {
      requireApproval: enabled,
      ...(present(timeoutSeconds) ? { approvalTimeoutSeconds: timeoutSeconds } : {}),
    });
    this.dependencies.onChange(principal.tenant);
    return changed;
  }

  /** Assigns an existing tool. */
  async assign(principal: Principal, path: AgentPath, reference: string): Promise<ToolRecord> {
    const { store, agent } = await this.agentAt(principal, path);
    const tool = await this.living(store, reference);
    await refuseSubAgentName(store, tool.name, [agent.id]);
    await store.tools.assign(tool.id, agent.id, this.dependencies.clock.now());
    this.dependencies.onChange(principal.tenant);
    return tool;
  }

  /** Takes a tool from an agent; a custom tool that nobody has any more is deleted softly. */
  async remove(
    principal: Principal,
    path: AgentPath,
    reference: string,
  ): Promise<{ id: string; message: string }> {
    const { store, agent } = await this.agentAt(principal, path);
    const tool = await this.assigned(store, agent, reference);
    if (tool.kind !== 'builtin' && (await store.tools.countAssignments(tool.id)) <= 1)
      assertMaker(principal, tool, `Tool ${tool.name}`, 'deleting it (no other agent has it)');
    assertMayTake(principal, tool, agent);
    await store.tools.unassign(tool.id, agent.id);
    const orphan = tool.kind !== 'builtin' && (await store.tools.countAssignments(tool.id)) === 0;
    const at = this.dependencies.clock.now();
    if (orphan) await this.write(store, tool, { deletedAt: at, nameKey: tool.id });
    this.dependencies.onChange(principal.tenant);
    const deleted = orphan ? '; no agent had it any more, so it was deleted' : '';
    return { id: tool.id, message: `Tool ${tool.name} was removed from agent ${agent.name}${deleted}.` };
  }

  /** Runs source, or a tool of the agent, in the sandbox; nothing is kept. It ends with the signal of who asked. */
  async dryRun(
    principal: Principal,
    agentId: string,
    input: DryRunInput,
    signal?: AbortSignal,
  ): Promise<SandboxOutcome> {
    const forCaller = { signal, turn: { tenant: principal.tenant, user: principal.userId } };
    const { store, agent } = await this.agent(principal, agentId);
    const args = input.arguments ?? {};
    if (!isObject(args)) throw invalid('arguments', 'must be an object');
    exactTexts(args);
    if (present(input.functionCode)) {
      const { language } = await this.dependencies.sandbox.inspect(
        input.functionCode,
        input.language ?? undefined,
      );
      return this.dependencies.sandbox.run({
        language,
        source: input.functionCode,
        arguments: args,
        ...forCaller,
      });
    }
    if (!present(input.tool)) throw invalid('function_code', 'give function_code, or tool');
    const tool = await this.assigned(store, agent, input.tool);
    if (tool.kind !== 'python' && tool.kind !== 'javascript')
      throw invalid('tool', `${tool.name} is of kind ${tool.kind}; only code runs in the sandbox`);
    const problems = this.dependencies.problems(tool, args);
    if (problems.length > 0) throw argumentErrors('arguments', problems);
    return this.dependencies.sandbox.run({
      language: tool.kind,
      source: tool.functionCode ?? '',
      arguments: args,
      limits: { timeoutMs: tool.executionTimeout * MS_PER_SECOND },
      ...forCaller,
    });
  }

  // --- for agents

  /** The ids of tools by id or name. @throws DomainError `validation_failed` on `tool_assignments` */
  async idsOf(store: TenantStore, references: string[]): Promise<string[]> {
    const errors: FieldError[] = [];
    const ids: string[] = [];
    for (const [index, reference] of references.entries()) {
      const tool = await find(store, reference);
      if (tool) ids.push(tool.id);
      else errors.push({ path: `tool_assignments.${index}`, message: `there is no tool named ${reference}` });
    }
    throwIfInvalid(errors);
    return [...new Set(ids)];
  }

  /** @throws DomainError `forbidden` when the agent would lose a tool that the principal may not take from it */
  async assertMaySetAssignments(
    principal: Principal,
    store: TenantStore,
    agent: AgentRecord,
    toolIds: string[],
  ): Promise<void> {
    const lost = (await store.tools.ofAgent(agent.id)).filter(({ id }) => !toolIds.includes(id));
    for (const tool of lost) assertMayTake(principal, tool, agent);
  }

  async setAssignments(store: TenantStore, agentId: string, toolIds: string[]): Promise<void> {
    const before = (await store.tools.ofAgent(agentId)).map(({ id }) => id);
    for (const id of before) if (!toolIds.includes(id)) await store.tools.unassign(id, agentId);
    for (const id of toolIds) await store.tools.assign(id, agentId, this.dependencies.clock.now());
    this.dependencies.onChange(store.tenant);
  }

  // --- inside

  private store(principal: Principal): Promise<TenantStore> {
    return this.dependencies.open(principal.tenant);
  }

  private agent(principal: Principal, agentId: string): Promise<{ store: TenantStore; agent: AgentRecord }> {
    return this.agentAt(principal, { agentId });
  }

  private async agentAt(
    principal: Principal,
    { agentId, parentId }: AgentPath,
  ): Promise<{ store: TenantStore; agent: AgentRecord }> {
    const store = await this.store(principal);
    const agent = living(await findAgent(store, agentId), agentId);
    if (!present(parentId)) return { store, agent };
    const parent = living(await findAgent(store, parentId), parentId);
    if (await store.agents.isLinked(parent.id, agent.id)) return { store, agent };
    throw new DomainError('not_found', `Agent ${parentId} has no sub-agent ${agentId}.`);
  }

  private async living(store: TenantStore, reference: string): Promise<ToolRecord> {
    const tool = await find(store, reference);
    if (!tool) throw new DomainError('not_found', `Tool ${reference} does not exist.`);
    return tool;
  }

  private async assigned(store: TenantStore, agent: AgentRecord, reference: string): Promise<ToolRecord> {
    const tool = await find(store, reference);
    if (!tool || !(await store.tools.isAssigned(tool.id, agent.id)))
      throw new DomainError('not_found', `Agent ${agent.name} has no tool ${reference}.`);
    return tool;
  }

  private async targets(store: TenantStore, input: RegisterInput): Promise<string[]> {
    const wanted = [
      ...(present(input.targetSubAgentId) ? [['target_sub_agent_id', input.targetSubAgentId] as const] : []),
      ...(input.targetAgentIds ?? []).map((id, index) => [`target_agent_ids.${index}`, id] as const),
    ];
    const ids: string[] = [];
    for (const [path, reference] of wanted) {
      const agent = await findAgent(store, reference);
      if (!agent || agent.deletedAt) throw invalid(path, `there is no agent ${reference}`);
      ids.push(agent.id);
    }
    return ids;
  }

  /** What the tool runs and which arguments it takes; `tool` is what it was before a change. */
  private async definition(input: ToolInput, tool: ToolRecord | undefined): Promise<Partial<ToolRecord>> {
    const kind = kindOf(input, tool);
    if (kind === 'builtin') return {};
    if (kind === 'http' || kind === 'mcp') {
      const given = isObject(input.config) ? input.config : (tool?.config as JsonObject | undefined);
      if (!given) throw invalid('config', `is required for tools of kind ${kind}`);
      const { config, parameters, ...follows } = await this.compile(kind, given);
      const isSame = tool !== undefined && !isObject(input.config);
      const base = isSame ? (tool.parameters as JsonObject) : parameters;
      const row = { kind, config, functionCode: null, parameters: argumentSchema(input, base, 'config') };
      return isSame ? row : { ...row, ...definedOf(follows) };
    }
    const source = input.functionCode ?? tool?.functionCode;
    if (!present(source) || source.trim() === '')
      throw invalid('function_code', 'is required for code; other tools need kind http or mcp, and config');
    const isSame = tool !== undefined && !present(input.functionCode);
    const facts = await this.dependencies.sandbox.inspect(
      source,
      languageOf(input, isSame ? tool : undefined),
    );
    // A schema that the owner wrote outlives changes of other things.
    const base = isSame ? (tool.parameters as JsonObject) : facts.parameters;
    return {
      kind: facts.language,
      config: null,
      functionCode: source,
      parameters: argumentSchema(input, base, 'function_code'),
    };
  }

  private async compile(kind: 'http' | 'mcp', config: JsonObject): Promise<CompiledConfig> {
    try {
      return await this.dependencies.compileConfig(kind, config);
    } catch (error) {
      if (error instanceof FetchFailed) throw invalid('config', `cannot be read: ${error.message}`);
      throw error;
    }
  }

  private async create(
    principal: Principal,
    store: TenantStore,
    input: RegisterInput,
    definition: Partial<ToolRecord>,
  ): Promise<ToolRecord> {
    const at = this.dependencies.clock.now();
    const blank: ToolRecord = {
      ...TOOL_DEFAULTS,
      id: newId(at.getTime()),
      name: input.name,
      nameKey: input.name,
      kind: definition.kind!,
      description: input.description,
      createdBy: principal.userId,
      createdAt: at,
      updatedAt: at,
    };
    const tool = { ...blank, ...this.row(blank, input, definition) };
    await assertNoCopy(principal, store, tool);
    const created = await store.tools.create(tool);
    if (created) return created;
    // Registered by another request at the same moment: this one changes it.
    const other = await this.living(store, input.name);
    return this.change(principal, store, other, this.row(other, input, definition));
  }

  /**
   * The columns of `tool` that `input` changes. Credentials are kept encrypted and never answered; null removes them, and so
   * does a change of where they would go, unless they are sent again.
   */
  private row(tool: ToolRecord, input: ToolInput, definition: Partial<ToolRecord>): Partial<ToolRecord> {
    const { credentials } = input;
    const row = { ...definition, ...rowChanges(input) };
    const target = { ...tool, ...definition };
    if (present(credentials))
      return { ...row, credentials: sealCredentials(this.dependencies.secrets, target, credentials) };
    const leaves = tool.credentials !== null && originOf(target) !== originOf(tool);
    return credentials === null || leaves ? { ...row, credentials: null } : row;
  }

  /** A change by a principal, as far as gates allow it. */
  private async change(
    principal: Principal,
    store: TenantStore,
    tool: ToolRecord,
    changes: Partial<ToolRecord>,
    expectedVersion?: number | null,
  ): Promise<ToolRecord> {
    assertGate(principal, tool, changes);
    await assertNoCopy(principal, store, { ...tool, ...changes });
    const written = await store.tools.update(tool.id, tool.version, this.stamped(changes));
    if (written) return written;
    const current = await this.newer(store, tool, expectedVersion);
    return this.change(principal, store, current, changes, expectedVersion);
  }

  private async write(
    store: TenantStore,
    tool: ToolRecord,
    changes: Partial<ToolRecord>,
  ): Promise<ToolRecord> {
    const written = await store.tools.update(tool.id, tool.version, this.stamped(changes));
    return written ?? this.write(store, await this.newer(store, tool), changes);
  }

  private stamped(changes: Partial<ToolRecord>): Partial<ToolRecord> {
    return { ...changes, updatedAt: this.dependencies.clock.now() };
  }

  /**
   * The tool as somebody else wrote it in between: with a precondition that is the caller's to solve, without one we apply
   * again.
   */
  private async newer(
    store: TenantStore,
    tool: ToolRecord,
    expectedVersion?: number | null,
  ): Promise<ToolRecord> {
    const current = await store.tools.find(tool.id);
    if (!current || current.deletedAt)
      throw new DomainError('not_found', `Tool ${tool.name} does not exist.`);
    if (present(expectedVersion)) throw stale(current, expectedVersion);
    return current;
  }
}

async function find(store: TenantStore, reference: string): Promise<ToolRecord | null> {
  const tool = (await store.tools.find(reference)) ?? (await store.tools.findByName(reference));
  return tool?.deletedAt ? null : tool;
}

const stale = (tool: ToolRecord, expected: number): DomainError =>
  new DomainError(
    'precondition_failed',
    `Tool ${tool.name} has version ${tool.version}, not ${expected}; read it again and repeat the change.`,
    { extra: { current_version: tool.version } },
  );

const isCode = (a: ToolKind, b: ToolKind): boolean =>
  [a, b].every((kind) => kind === 'python' || kind === 'javascript');

function kindOf(input: ToolInput, tool: ToolRecord | undefined): ToolKind {
  if (present(input.kind)) {
    if (input.kind === 'builtin') throw invalid('kind', 'builtin tools come with the product');
    return input.kind;
  }
  return tool?.kind ?? (present(input.language) ? input.language : 'python');
}

function definedOf({ idempotent, supportsPreview }: Partial<CompiledConfig>): Partial<ToolRecord> {
  return {
    ...(idempotent === undefined ? {} : { idempotent }),
    ...(supportsPreview === undefined ? {} : { supportsPreview }),
  };
}

/** Undefined lets the sandbox tell from the source. `tool` is given when its source stays. */
function languageOf(input: ToolInput, tool: ToolRecord | undefined): SandboxLanguage | undefined {
  const kind = input.kind ?? tool?.kind;
  return input.language ?? (kind === 'python' || kind === 'javascript' ? kind : undefined);
}

const changesDefinition = (input: ToolInput): boolean =>
  present(input.functionCode) ||
  present(input.argsSchema) ||
  present(input.parameters) ||
  present(input.paramDescriptions) ||
  present(input.config) ||
  present(input.kind) ||
  present(input.language);

/** Of a built-in tool only the gate is the tenant's to change. */
function refuseBuiltInChanges(input: ToolInput): void {
  const allowed = new Set(['requireApproval', 'approvalTimeoutSeconds']);
  const other = Object.entries(input).find(([key, value]) => value !== undefined && !allowed.has(key));
  if (other)
    throw new DomainError(
      'conflict',
      `A built-in tool cannot be changed (${other[0]}); its approval can be configured.`,
    );
}
