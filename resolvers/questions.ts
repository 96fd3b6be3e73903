import type { FollowArguments } from '../src/approvals/feed';
import type { HumanScope } from '../src/approvals/scope';
import type { PageArguments } from '../src/cursor';
import type { JsonValue } from '../src/ports/records';
import { type Context, principalOf } from './context';

export const question = (_root: unknown, { id }: { id: string }, ctx: Context) =>
  ctx.services.questions.get(principalOf(ctx), id);

export const pendingQuestions = (
  _root: unknown,
  args: PageArguments & { scope?: HumanScope | null },
  ctx: Context,
) => ctx.services.questions.pending(principalOf(ctx), args);

export const respondToQuestion = (
  _root: unknown,
  { input }: { input: { id: string; answers?: JsonValue } },
  ctx: Context,
) => ctx.services.questions.respond(principalOf(ctx), input);

export const subscribeToAsked = (_root: unknown, args: FollowArguments, ctx: Context) =>
  ctx.services.humanFeed.asked(principalOf(ctx), args);
