import type { GenerateInput } from '../src/tools/generate';
import type { ToolInput } from '../src/tools/definition';
import type { AgentPath, DryRunInput, RegisterInput, ToolPath } from '../src/tools/tools';
import { type Context, principalOf } from './context';

type Query = object;
type OfAgent<T> = T & { agentId: string };
interface Input<T> {
  input: T;
}

export const toolStatus = (tool: { kind: string; name: string }, _args: unknown, ctx: Context) =>
  ctx.services.toolStatus(tool);

export const tools = (query: Query, _root: unknown, _args: unknown, ctx: Context) =>
  ctx.services.tools.all(principalOf(ctx), query);

export const agentTools = (query: Query, _root: unknown, args: AgentPath, ctx: Context) =>
  ctx.services.tools.ofAgent(principalOf(ctx), args, query);

export const availableTools = (query: Query, _root: unknown, args: AgentPath, ctx: Context) =>
  ctx.services.tools.available(principalOf(ctx), args, query);

export const agentTool = (query: Query, _root: unknown, args: OfAgent<{ tool: string }>, ctx: Context) =>
  ctx.services.tools.get(principalOf(ctx), args.agentId, args.tool, query);

export const toolCalls = (_root: unknown, args: { runId: string }, ctx: Context) =>
  ctx.services.tools.calls(principalOf(ctx), args.runId);

export const registerTool = async (
  query: Query,
  _root: unknown,
  { input: { agentId, ...input } }: Input<OfAgent<RegisterInput>>,
  ctx: Context,
) => {
  const tool = await ctx.services.tools.register(principalOf(ctx), agentId, input);
  return ctx.services.tools.get(principalOf(ctx), agentId, tool.id, query);
};

export const updateTool = async (
  query: Query,
  _root: unknown,
  { input: { agentId, tool, expectedVersion, ...changes } }: Input<ToolPath & ToolInput>,
  ctx: Context,
) => {
  const path = { agentId, tool, expectedVersion };
  const { id } = await ctx.services.tools.update(principalOf(ctx), path, changes);
  return ctx.services.tools.get(principalOf(ctx), agentId, id, query);
};

export const configureToolApproval = async (
  query: Query,
  _root: unknown,
  {
    input: { agentId, tool, ...gate },
  }: Input<OfAgent<{ tool: string; enabled: boolean; timeoutSeconds?: number | null }>>,
  ctx: Context,
) => {
  const { id } = await ctx.services.tools.configureApproval(principalOf(ctx), agentId, tool, gate);
  return ctx.services.tools.get(principalOf(ctx), agentId, id, query);
};

export const assignTool = async (
  query: Query,
  _root: unknown,
  { input: { toolId, ...path } }: Input<AgentPath & { toolId: string }>,
  ctx: Context,
) => {
  const { id } = await ctx.services.tools.assign(principalOf(ctx), path, toolId);
  return ctx.services.tools.get(principalOf(ctx), path.agentId, id, query);
};

export const removeTool = (
  _root: unknown,
  { input: { tool, ...path } }: Input<AgentPath & { tool: string }>,
  ctx: Context,
) => ctx.services.tools.remove(principalOf(ctx), path, tool);

export const generateTool = (
  _root: unknown,
  { input: { agentId, ...input } }: Input<OfAgent<GenerateInput>>,
  ctx: Context,
) => ctx.services.toolGenerator.generate(principalOf(ctx), agentId, input);

export const dryRunTool = (
  _root: unknown,
  { input: { agentId, ...input } }: Input<OfAgent<DryRunInput>>,
  ctx: Context,
) => ctx.services.tools.dryRun(principalOf(ctx), agentId, input, ctx.signal);
