import { findAgent } from '../agents/find';
import { DomainError, invalid, notFound } from '../errors';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { AgentRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { BaseView, KnowledgeBases } from './bases';
import { livingBase, livingBases } from './find';
import type { SearchFields } from './search/options';
import type { KnowledgeSearch } from './search/search';
import type { SearchAnswer } from './search/types';

export interface AgentKnowledgeDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  bases: KnowledgeBases;
  search: KnowledgeSearch;
  clock: Clock;
  /** Told after each change, so that running code sees the agent's new configuration at once. */
  onAgentChange: (tenant: string, agentId: string) => void;
}

interface Wanted {
  query: string;
  fields: SearchFields;
}

/** Which knowledge bases an agent has: its own list, which its configuration shows as well. */
export class AgentKnowledge {
  constructor(private readonly dependencies: AgentKnowledgeDependencies) {}

  async list(principal: Principal, agentReference: string): Promise<BaseView[]> {
    const { agent } = await this.open(principal, agentReference);
    const all = await this.dependencies.bases.list(principal);
    return all.filter(({ base }) => agent.knowledgeBaseIds.includes(base.id));
  }

  /** Binding twice changes nothing. */
  async bind(principal: Principal, agentReference: string, reference: string): Promise<BaseView> {
    const { store, agent } = await this.open(principal, agentReference);
    const base = await livingBase(store, reference);
    await this.change(store, agent.id, (ids) => (ids.includes(base.id) ? ids : [...ids, base.id]));
    return this.dependencies.bases.get(principal, base.id);
  }

  /** @throws DomainError `not_found`, also when the base was not bound */
  async unbind(
    principal: Principal,
    agentReference: string,
    reference: string,
  ): Promise<{ id: string; message: string }> {
    const { store, agent } = await this.open(principal, agentReference);
    const base = await livingBase(store, reference);
    if (!agent.knowledgeBaseIds.includes(base.id)) throw notBound(agent, base.name);
    await this.change(store, agent.id, (ids) => ids.filter((id) => id !== base.id));
    return { id: base.id, message: `Knowledge base ${base.name} was taken from agent ${agent.name}.` };
  }

  /** A deleted base is taken from every agent. */
  async unbindEverywhere(store: TenantStore, knowledgeBaseId: string): Promise<void> {
    for (const agent of await store.agents.list({ includeHidden: true }))
      if (agent.knowledgeBaseIds.includes(knowledgeBaseId))
        await this.change(store, agent.id, (ids) => ids.filter((id) => id !== knowledgeBaseId));
  }

  /** The ids of bases by id or name, for the configuration of an agent. @throws DomainError `validation_failed` */
  async idsOf(store: TenantStore, references: string[]): Promise<string[]> {
    try {
      return (await livingBases(store, references)).map(({ id }) => id);
    } catch (error) {
      if (error instanceof DomainError && error.code === 'not_found')
        throw invalid('knowledge_bases', error.message);
      throw error;
    }
  }

  /** @throws DomainError `not_found` for a base that is not bound to the agent */
  async search(
    principal: Principal,
    agentReference: string,
    references: string[],
    { query, fields }: Wanted,
  ): Promise<SearchAnswer> {
    const { store, agent } = await this.open(principal, agentReference);
    const strange = (await livingBases(store, references)).find(
      ({ id }) => !agent.knowledgeBaseIds.includes(id),
    );
    if (strange) throw notBound(agent, strange.name);
    return this.dependencies.search.search(principal, references, query, fields);
  }

  /** @param references bases to search; null for those bound to the agent */
  async retrieve(
    principal: Principal,
    agentReference: string,
    references: string[] | null,
    { query, fields }: Wanted,
  ): Promise<SearchAnswer> {
    const { agent } = await this.open(principal, agentReference);
    const wanted = references ?? agent.knowledgeBaseIds;
    if (wanted.length === 0)
      throw invalid(
        'knowledge_bases',
        `must name at least one: no knowledge base is bound to agent ${agent.name}`,
      );
    return this.dependencies.search.search(principal, wanted, query, fields);
  }

  /** Applies a change to the list as it is now, again when somebody else wrote in between. */
  private async change(
    store: TenantStore,
    agentId: string,
    change: (ids: string[]) => string[],
  ): Promise<void> {
    for (;;) {
      const agent = await store.agents.find(agentId);
      if (!agent || agent.deletedAt) return;
      const ids = change(agent.knowledgeBaseIds);
      if (ids === agent.knowledgeBaseIds || ids.length === agent.knowledgeBaseIds.length) return;
      const updated = await store.agents.update(agentId, agent.version, {
        knowledgeBaseIds: ids,
        updatedAt: this.dependencies.clock.now(),
      });
      if (!updated) continue;
      this.dependencies.onAgentChange(store.tenant, agentId);
      return;
    }
  }

  private async open(
    principal: Principal,
    reference: string,
  ): Promise<{ store: TenantStore; agent: AgentRecord }> {
    const store = await this.dependencies.open(principal.tenant);
    const agent = await findAgent(store, reference);
    if (!agent || agent.deletedAt) throw notFound('Agent', reference);
    return { store, agent };
  }
}

const notBound = (agent: AgentRecord, baseName: string): DomainError =>
  new DomainError(
    'not_found',
    `Knowledge base ${baseName} is not bound to agent ${agent.name}; bind it first.`,
  );
