import type { AgentChanges } from '../src/agents/changes';
import type { SubAgentInput } from '../src/agents/agents';
import { type Context, principalOf } from './context';

type Query = object;

export const agents = (
  query: Query,
  _root: unknown,
  args: { includeHidden?: boolean | null },
  ctx: Context,
) => ctx.services.agents.list(principalOf(ctx), { includeHidden: args.includeHidden ?? false }, query);

export const agent = (query: Query, _root: unknown, args: { id: string }, ctx: Context) =>
  ctx.services.agents.get(principalOf(ctx), args.id, query);

export const agentStats = (_root: unknown, _args: unknown, ctx: Context) =>
  ctx.services.agents.stats(principalOf(ctx));

export const subAgents = (query: Query, _root: unknown, args: { parentId: string }, ctx: Context) =>
  ctx.services.agents.subAgents(principalOf(ctx), args.parentId, query);

export const subAgent = (
  query: Query,
  _root: unknown,
  args: { parentId: string; id: string },
  ctx: Context,
) => ctx.services.agents.subAgent(principalOf(ctx), args.parentId, args.id, query);

type Versioned<T> = T & { expectedVersion?: number | null };

export const updateAgentConfig = async (
  query: Query,
  _root: unknown,
  {
    input: { agentId, expectedVersion, ...changes },
  }: { input: Versioned<AgentChanges & { agentId: string }> },
  ctx: Context,
) => {
  const updated = await ctx.services.agents.update(
    principalOf(ctx),
    agentId,
    changes,
    expectedVersion ?? undefined,
  );
  return ctx.services.agents.get(principalOf(ctx), updated.id, query);
};

export const deleteAgent = (_root: unknown, args: { id: string }, ctx: Context) =>
  ctx.services.agents.remove(principalOf(ctx), args.id);

export const createSubAgent = async (
  query: Query,
  _root: unknown,
  { input: { parentId, ...input } }: { input: SubAgentInput & { parentId: string } },
  ctx: Context,
) => {
  const created = await ctx.services.agents.createSubAgent(
    principalOf(ctx),
    parentId,
    input,
    ctx.operationId,
  );
  return ctx.services.agents.get(principalOf(ctx), created.id, query);
};

export const updateSubAgent = async (
  query: Query,
  _root: unknown,
  {
    input: { parentId, subAgentId, expectedVersion, ...changes },
  }: { input: Versioned<AgentChanges & { parentId: string; subAgentId: string }> },
  ctx: Context,
) => {
  await ctx.services.agents.updateSubAgent(
    principalOf(ctx),
    parentId,
    subAgentId,
    changes,
    expectedVersion ?? undefined,
  );
  return ctx.services.agents.get(principalOf(ctx), subAgentId, query);
};

export const deleteSubAgent = (_root: unknown, args: { parentId: string; id: string }, ctx: Context) =>
  ctx.services.agents.removeSubAgent(principalOf(ctx), args.parentId, args.id);
