import type { ApprovalResponse } from '../src/approvals/decision';
import type { BulkItem, PendingArguments } from '../src/approvals/approvals';
import type { FollowArguments } from '../src/approvals/feed';
import type { HumanScope } from '../src/approvals/scope';
import { type Context, principalOf } from './context';

type ById = { id: string };
type Scoped = { scope?: HumanScope | null };

export const approval = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.approvals.get(principalOf(ctx), id);

export const pendingApprovals = (_root: unknown, args: PendingArguments, ctx: Context) =>
  ctx.services.approvals.pending(principalOf(ctx), args);

export const toolApprovalStats = (
  _root: unknown,
  { toolId, scope }: Scoped & { toolId: string },
  ctx: Context,
) => ctx.services.approvalStatistics.ofTool(principalOf(ctx), toolId, scope);

export const approvalSummary = (_root: unknown, { scope }: Scoped, ctx: Context) =>
  ctx.services.approvalStatistics.summary(principalOf(ctx), scope);

export const respondToApproval = (
  _root: unknown,
  { input: { id, ...response } }: { input: ApprovalResponse & ById },
  ctx: Context,
) => ctx.services.approvals.respond(principalOf(ctx), id, response);

export const respondToApprovals = (
  _root: unknown,
  { input }: { input: { responses: BulkItem[] } },
  ctx: Context,
) => ctx.services.approvals.respondToAll(principalOf(ctx), input.responses);

export const cancelApproval = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.approvals.cancel(principalOf(ctx), id);

export const cleanUpExpiredApprovals = (_root: unknown, _args: object, ctx: Context) =>
  ctx.services.approvals.cleanUpExpired(principalOf(ctx));

export const subscribeToRequested = (_root: unknown, args: FollowArguments, ctx: Context) =>
  ctx.services.humanFeed.requested(principalOf(ctx), args);

export const subscribeToResolved = (_root: unknown, args: FollowArguments, ctx: Context) =>
  ctx.services.humanFeed.resolved(principalOf(ctx), args);
