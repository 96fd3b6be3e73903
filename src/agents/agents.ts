import { DomainError, invalid, notFound } from '../errors';
import { newId } from '../ids';
import { assertMaker } from '../identity/access';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { ModelGateway } from '../ports/models';
import type { AgentRecord } from '../ports/records';
import type { Projection, TenantStore } from '../ports/stores';
import { refuseToolName } from './call-name';
import { type AgentChanges, toRowChanges } from './changes';
import { AGENT_DEFAULTS } from './defaults';
import { findAgent } from './find';
import { assertMayLink } from './hierarchy';

const DAY_MS = 86_400_000;

export interface AgentDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  models: ModelGateway;
  clock: Clock;
  /** The ids of tools by id or name. @throws DomainError `validation_failed` on `tool_assignments` */
  toolIds: (store: TenantStore, references: string[]) => Promise<string[]>;
  /** The ids of knowledge bases by id or name. @throws DomainError `validation_failed` on `knowledge_bases` */
  knowledgeBaseIds: (store: TenantStore, references: string[]) => Promise<string[]>;
  /** @throws DomainError `forbidden` when the agent would lose a tool that the principal may not take from it */
  assertMaySetTools: (
    principal: Principal,
    store: TenantStore,
    agent: AgentRecord,
    toolIds: string[],
  ) => Promise<void>;
  /** Makes these the agent's tools. */
  assignTools: (store: TenantStore, agentId: string, toolIds: string[]) => Promise<void>;
  /** Told after each write, so that running code sees the new configuration at once. */
  onChange: (tenant: string, agentId: string) => void;
}

export interface AgentStats {
  total: number;
  active: number;
  builtIn: number;
  dynamic: number;
  hidden: number;
  runs24h: number;
  byAgent: { id: string; name: string; runs24h: number; failures24h: number; tokens24h: number }[];
}

export interface SubAgentInput extends AgentChanges {
  name: string;
  description: string;
  systemPrompt: string;
}

/** Agents and sub-agents of a tenant: shared by all its members. Wherever an id is taken, the agent's name does as well. */
export class Agents {
  constructor(private readonly dependencies: AgentDependencies) {}

  async list(
    principal: Principal,
    options: { includeHidden: boolean },
    projection?: Projection,
  ): Promise<AgentRecord[]> {
    if (options.includeHidden && !principal.isAdmin)
      throw new DomainError('forbidden', 'include_hidden needs the admin scope.');
    return (await this.store(principal)).agents.list(options, projection);
  }

  /** @throws DomainError `not_found` for an unknown, deleted or another tenant's agent */
  async get(principal: Principal, id: string, projection?: Projection): Promise<AgentRecord> {
    return living(await findAgent(await this.store(principal), id, projection), id);
  }

  /**
   * Changes only what `changes` names; the version rises by one.
   * @param expectedVersion from `If-Match`; undefined accepts any version
   * @throws DomainError `precondition_failed` when the agent has another version by now
   */
  async update(
    principal: Principal,
    id: string,
    changes: AgentChanges,
    expectedVersion?: number,
  ): Promise<AgentRecord> {
    const store = await this.store(principal);
    const current = living(await findAgent(store, id), id);
    if (expectedVersion !== undefined && current.version !== expectedVersion)
      throw stale(current, expectedVersion);
    const row = toRowChanges(changes);
    this.assertModel(row.llmModel);
    if (current.kind === 'BUILT_IN' && row.name !== undefined && row.name !== current.name)
      throw new DomainError('conflict', `${current.name} is a built-in agent and cannot be renamed.`);
    if (row.name !== undefined && row.name !== current.name)
      await refuseToolName(store, row.name, await store.agents.parentsOf(current.id));
    await this.resolveKnowledgeBases(store, row);
    const toolIds =
      changes.toolAssignments && (await this.dependencies.toolIds(store, changes.toolAssignments));
    if (toolIds) await this.dependencies.assertMaySetTools(principal, store, current, toolIds);
    const updated = await store.agents.update(current.id, current.version, {
      ...row,
      updatedAt: this.dependencies.clock.now(),
    });
    if (updated) {
      if (toolIds) await this.dependencies.assignTools(store, current.id, toolIds);
      this.dependencies.onChange(principal.tenant, current.id);
      return updated;
    }
    // Somebody else wrote in between: with a precondition that is the caller's to solve, without one we apply again.
    if (expectedVersion !== undefined) throw stale(current, expectedVersion);
    return this.update(principal, id, changes);
  }

  /**
   * Deletes a dynamic agent; its conversations stay readable.
   * @throws DomainError `forbidden` unless its maker or an admin asks
   */
  async remove(principal: Principal, reference: string): Promise<{ id: string; message: string }> {
    const store = await this.store(principal);
    const agent = living(await findAgent(store, reference), reference);
    const { id } = agent;
    if (agent.kind === 'BUILT_IN')
      throw new DomainError(
        'conflict',
        `${agent.name} is a built-in agent and cannot be deleted; disable what it may do instead.`,
      );
    assertMaker(principal, agent, `Agent ${agent.name}`, 'deleting it');
    const at = this.dependencies.clock.now();
    const deleted = await store.agents.update(id, agent.version, {
      deletedAt: at,
      updatedAt: at,
      nameKey: agent.id,
      enabled: false,
    });
    if (!deleted) return this.remove(principal, id);
    for (const parentId of await store.agents.parentsOf(id)) await store.agents.unlink(parentId, id);
    for (const child of await store.agents.children(id)) await store.agents.unlink(id, child.id);
    this.dependencies.onChange(principal.tenant, id);
    return { id, message: `Agent ${agent.name} was deleted; its conversations stay readable.` };
  }

  async stats(principal: Principal): Promise<AgentStats> {
    const store = await this.store(principal);
    const since = new Date(this.dependencies.clock.now().getTime() - DAY_MS);
    const [agents, rows] = await Promise.all([
      store.agents.list({ includeHidden: true }),
      store.runs.statsSince(since),
    ]);
    const byId = new Map(rows.map((row) => [row.agentId, row]));
    const count = (test: (agent: AgentRecord) => boolean): number => agents.filter(test).length;
    return {
      total: agents.length,
      active: count((agent) => agent.enabled),
      builtIn: count((agent) => agent.kind === 'BUILT_IN'),
      dynamic: count((agent) => agent.kind === 'DYNAMIC'),
      hidden: count((agent) => agent.hidden),
      runs24h: rows.reduce((sum, row) => sum + row.runs, 0),
      byAgent: agents.map((agent) => ({
        id: agent.id,
        name: agent.name,
        runs24h: byId.get(agent.id)?.runs ?? 0,
        failures24h: byId.get(agent.id)?.failures ?? 0,
        tokens24h: byId.get(agent.id)?.tokens ?? 0,
      })),
    };
  }

  async subAgents(principal: Principal, parentId: string, projection?: Projection): Promise<AgentRecord[]> {
    const store = await this.store(principal);
    const parent = living(await findAgent(store, parentId), parentId);
    return store.agents.children(parent.id, projection);
  }

  /** @throws DomainError `not_found` when `childId` is no sub-agent of `parentId` */
  async subAgent(
    principal: Principal,
    parentId: string,
    childId: string,
    projection?: Projection,
  ): Promise<AgentRecord> {
    const store = await this.store(principal);
    const parent = living(await findAgent(store, parentId), parentId);
    const child = await findAgent(store, childId);
    if (!child || !(await store.agents.isLinked(parent.id, child.id)))
      throw new DomainError('not_found', `Agent ${parentId} has no sub-agent ${childId}.`);
    return living(projection ? await store.agents.find(child.id, projection) : child, childId);
  }

  /**
   * Makes an agent and offers it to `parentId`.
   * @param operationId id of the agent, where the request may be tried again: what an earlier try made is answered
   */
  async createSubAgent(
    principal: Principal,
    parentId: string,
    input: SubAgentInput,
    operationId?: string,
  ): Promise<AgentRecord> {
    const store = await this.store(principal);
    const known = operationId === undefined ? null : await store.agents.find(operationId);
    if (known && !known.deletedAt && known.createdBy === principal.userId) return known;
    const parent = living(await findAgent(store, parentId), parentId);
    const row = toRowChanges(input);
    this.assertModel(row.llmModel);
    await this.resolveKnowledgeBases(store, row);
    const toolIds = input.toolAssignments && (await this.dependencies.toolIds(store, input.toolAssignments));
    await refuseToolName(store, input.name, [parent.id]);
    const at = this.dependencies.clock.now();
    const id = operationId ?? newId(at.getTime());
    await assertMayLink(store.agents, parent.id, id);
    // The agent last: a kill in between leaves nothing that shows, and no name that a repeated request finds taken.
    await store.agents.link(parent.id, id, at);
    try {
      if (toolIds) await this.dependencies.assignTools(store, id, toolIds);
      return await store.agents.create({
        ...AGENT_DEFAULTS,
        ...row,
        id,
        kind: 'DYNAMIC',
        name: input.name,
        nameKey: input.name,
        description: input.description,
        systemPrompt: input.systemPrompt,
        createdBy: principal.userId,
        createdAt: at,
        updatedAt: at,
      });
    } catch (error) {
      await this.dependencies.assignTools(store, id, []);
      await store.agents.unlink(parent.id, id);
      throw error;
    } finally {
      this.dependencies.onChange(principal.tenant, id);
    }
  }

  async updateSubAgent(
    principal: Principal,
    parentId: string,
    childId: string,
    changes: AgentChanges,
    expectedVersion?: number,
  ): Promise<AgentRecord> {
    const child = await this.subAgent(principal, parentId, childId);
    return this.update(principal, child.id, changes, expectedVersion);
  }

  /** Takes the sub-agent from this parent; a dynamic one without any other parent is deleted. */
  async removeSubAgent(
    principal: Principal,
    parentId: string,
    childId: string,
  ): Promise<{ id: string; message: string }> {
    const store = await this.store(principal);
    const child = await this.subAgent(principal, parentId, childId);
    if (child.kind === 'BUILT_IN')
      throw new DomainError('conflict', `${child.name} is a built-in agent and cannot be deleted.`);
    const parent = living(await findAgent(store, parentId), parentId);
    if ((await store.agents.parentsOf(child.id)).length <= 1)
      assertMaker(principal, child, `Agent ${child.name}`, 'deleting it (no other agent has it)');
    await store.agents.unlink(parent.id, child.id);
    if ((await store.agents.parentsOf(child.id)).length === 0) return this.remove(principal, child.id);
    this.dependencies.onChange(principal.tenant, child.id);
    return {
      id: child.id,
      message: `Sub-agent ${child.name} was taken from agent ${parentId}; other parents keep it.`,
    };
  }

  private store(principal: Principal): Promise<TenantStore> {
    return this.dependencies.open(principal.tenant);
  }

  private assertModel(model: string | null | undefined): void {
    if (!model) return;
    try {
      this.dependencies.models.resolve(model);
    } catch (error) {
      // The gateway names the field of a chat; here the model stands inside the agent's configuration.
      if (error instanceof DomainError && error.code === 'validation_failed')
        throw invalid('llm_config.model', error.message.replace(/^model: /, ''));
      throw error;
    }
  }

  /** Names become ids, and an agent never points at nothing. */
  private async resolveKnowledgeBases(store: TenantStore, row: Partial<AgentRecord>): Promise<void> {
    if (row.knowledgeBaseIds)
      row.knowledgeBaseIds = await this.dependencies.knowledgeBaseIds(store, row.knowledgeBaseIds);
  }
}

export function living(agent: AgentRecord | null, id: string): AgentRecord {
  if (!agent || agent.deletedAt) throw notFound('Agent', id);
  return agent;
}

const stale = (agent: AgentRecord, expected: number): DomainError =>
  new DomainError(
    'precondition_failed',
    `Agent ${agent.name} has version ${agent.version}, not ${expected}; read it again and repeat the change.`,
    { extra: { current_version: agent.version } },
  );
