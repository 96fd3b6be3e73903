import { type PageArguments, toPage } from '../src/cursor';
import type { ToolRunInput } from '../src/runs/beside';
import { failureOf } from '../src/runs/failure';
import type { ChatInput, StartedRun } from '../src/runs/types';
import { type Context, principalOf } from './context';

type Query = object;
type Input = ChatInput & { agentId: string };

export const run = (query: Query, _root: unknown, { id }: { id: string }, ctx: Context) =>
  ctx.services.runs.get(principalOf(ctx), id, query) as Promise<never>;

export const conversationRuns = (
  _root: unknown,
  { conversationId, ...page }: PageArguments & { conversationId: string },
  ctx: Context,
) => ctx.services.runs.ofConversation(principalOf(ctx), conversationId, toPage(page));

export const startChat = (_root: unknown, { input: { agentId, ...input } }: { input: Input }, ctx: Context) =>
  ctx.services.engine.start(principalOf(ctx), agentId, input);

export const chat = async (
  _root: unknown,
  { input: { agentId, ...input } }: { input: Input },
  ctx: Context,
) => {
  const started = await ctx.services.engine.start(principalOf(ctx), agentId, input);
  return outcome(started, ctx, input.verbose);
};

export const startSubAgentRun = async (
  _root: unknown,
  { parentId, input: { agentId, ...input } }: { parentId: string; input: Input },
  ctx: Context,
) => {
  await ctx.services.agents.subAgent(principalOf(ctx), parentId, agentId);
  return ctx.services.engine.start(principalOf(ctx), agentId, input, 'sub_agent');
};

export const runSubAgent = async (_root: unknown, args: { parentId: string; input: Input }, ctx: Context) => {
  return outcome(await startSubAgentRun(_root, args, ctx), ctx, args.input.verbose);
};

type ToolInput = ToolRunInput & { agentId: string };

/** A tool has no effect twice for one `Idempotency-Key` either, when its process died in the middle. */
const keyed = (input: ToolRunInput, { operationId }: Context): ToolRunInput =>
  input.idempotencyKey || operationId === undefined ? input : { ...input, idempotencyKey: operationId };

export const startToolRun = (
  _root: unknown,
  { input: { agentId, ...input } }: { input: ToolInput },
  ctx: Context,
) => ctx.services.besideRuns.startTool(principalOf(ctx), agentId, keyed(input, ctx));

export const runTool = async (
  _root: unknown,
  { input: { agentId, ...input } }: { input: ToolInput },
  ctx: Context,
) => {
  const { run } = await ctx.services.besideRuns.startTool(principalOf(ctx), agentId, keyed(input, ctx));
  return ctx.services.runs.outcome(principalOf(ctx), run.id);
};

export const subscribeToRunEvents = (
  _root: unknown,
  { runId, ...options }: { runId: string; afterSeq?: number | null; verbose?: boolean | null },
  ctx: Context,
) => ctx.services.runs.events(principalOf(ctx), runId, options);

/** A caller that waits for the answer learns of a failed run as of any failure; the run is kept and can be read. */
async function outcome({ run }: StartedRun, ctx: Context, verbose?: boolean | null) {
  const ended = await ctx.services.runs.outcome(principalOf(ctx), run.id, verbose ?? false);
  if (ended.run.status === 'failed') throw failureOf(ended.run);
  return ended;
}
