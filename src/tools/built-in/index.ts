import { builtInId } from '../../agents/built-in';
import { DomainError } from '../../errors';
import { PRODUCT } from '../../identity/access';
import { stableId } from '../../ids';
import type { Clock } from '../../ports/clock';
import type { JsonObject } from '../../ports/records';
import type { TenantStore } from '../../ports/stores';
import type { ToolCallContext, ToolExecutor, ToolOutcome, ToolRecord } from '../../ports/tools';
import type { DocumentParser } from '../../documents/parse';
import type { SafeFetch } from '../../net/safe-fetch';
import type { CachedResults } from '../cached-results';
import { TOOL_DEFAULTS } from '../definition';
import type { AgentKnowledge } from '../../knowledge/agents';
import { connectors } from './connectors';
import { type BuiltInTool, ToolFailure } from './definition';
import { knowledge } from './knowledge';
import { utilities } from './utilities';
import { web } from './web';

export interface BuiltInDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  clock: Clock;
  cached: CachedResults;
  fetch: SafeFetch;
  /** Reads pages and files of the web. */
  parser: Pick<DocumentParser, 'parse'>;
  /** Which knowledge bases agents have, and the search in them. */
  knowledge: { agents: AgentKnowledge };
}

export type ToolStatus = 'ready' | 'not_configured';

/** The tools that come with the product. */
export class BuiltInTools implements ToolExecutor {
  private readonly tools: ReadonlyMap<string, BuiltInTool>;

  constructor(private readonly dependencies: BuiltInDependencies) {
    const { clock, cached, fetch, parser } = dependencies;
    const all = [
      ...utilities(clock, cached),
      ...web(fetch, parser),
      ...knowledge(dependencies.knowledge.agents),
      ...connectors(),
    ];
    this.tools = new Map(all.map((tool) => [tool.name, tool]));
  }

  async execute(record: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<ToolOutcome> {
    const tool = this.tools.get(record.name);
    if (!tool)
      return { ok: false, error: { type: 'tool_removed', message: `${record.name} is no longer built in` } };
    const store = await this.dependencies.open(context.tenant);
    try {
      return { ok: true, result: await tool.run(args, { ...context, store }) };
    } catch (error) {
      if (context.signal.aborted) throw error;
      if (error instanceof ToolFailure)
        return { ok: false, error: { type: error.type, message: error.message, retryable: error.retryable } };
      if (error instanceof DomainError)
        return { ok: false, error: { type: error.code, message: error.message, retryable: false } };
      throw error;
    }
  }

  /** Whether a tool would run here. */
  status(record: { kind: string; name: string }): ToolStatus {
    const lacking = record.kind === 'builtin' ? this.tools.get(record.name)?.connection : undefined;
    return lacking === undefined ? 'ready' : 'not_configured';
  }

  /**
   * Gives a tenant the tools it lacks. A tool that is new is assigned to its agents; one that was there keeps the
   * assignments that the tenant left.
   */
  async seed(store: TenantStore, now: Date): Promise<void> {
    for (const tool of this.tools.values()) {
      const id = stableId(`agentflow/tool/${store.tenant}/${tool.name}`);
      const known = await store.tools.find(id);
      if (known) {
        await this.renew(store, known, tool, now);
        continue;
      }
      // A tool that the tenant made under this name stays; it can remove its own to get this one.
      if (await store.tools.findByName(tool.name)) continue;
      // Assigned first: a crash in between then leaves no tool that looks as if the tenant had taken it from its agents.
      await Promise.all(
        tool.agents.map((agent) => store.tools.assign(id, builtInId(store.tenant, agent), now)),
      );
      await store.tools.create(toRecord(id, tool, now));
    }
  }

  /** A newer version of the product may describe its tools better. */
  private async renew(store: TenantStore, known: ToolRecord, tool: BuiltInTool, now: Date): Promise<void> {
    const { description, parameters, idempotent } = tool;
    const same =
      known.description === description &&
      known.idempotent === idempotent &&
      JSON.stringify(known.parameters) === JSON.stringify(parameters);
    if (!same)
      await store.tools.update(known.id, known.version, {
        description,
        parameters,
        idempotent,
        updatedAt: now,
      });
  }
}

const toRecord = (id: string, tool: BuiltInTool, at: Date): ToolRecord => ({
  ...TOOL_DEFAULTS,
  id,
  name: tool.name,
  nameKey: tool.name,
  kind: 'builtin',
  description: tool.description,
  parameters: tool.parameters,
  group: tool.group,
  idempotent: tool.idempotent,
  requireApproval: tool.requireApproval ?? false,
  createdBy: PRODUCT,
  createdAt: at,
  updatedAt: at,
});
