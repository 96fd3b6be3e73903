import type { CancelScope } from '../src/runs/cancellation';
import { type Context, principalOf } from './context';

export const activeCalls = (_root: unknown, args: Pick<CancelScope, 'scope'>, ctx: Context) =>
  ctx.services.cancellation.active(principalOf(ctx), args);

export const cancelRun = (_root: unknown, { id }: { id: string }, ctx: Context) =>
  ctx.services.cancellation.cancel(principalOf(ctx), id);

export const cancelRuns = (_root: unknown, { input }: { input?: CancelScope | null }, ctx: Context) =>
  ctx.services.cancellation.cancelAll(principalOf(ctx), input ?? {});

export const cancelBackgroundTask = (_root: unknown, { taskId }: { taskId: string }, ctx: Context) =>
  ctx.services.cancellation.cancelBackgroundTask(principalOf(ctx), taskId);
