import type { PreferenceChanges } from '../src/models/preferences';
import { type Context, principalOf } from './context';

export const server = (_root: unknown, _args: unknown, ctx: Context) => ctx.services.health.alive();

export const health = (_root: unknown, _args: unknown, ctx: Context) => ctx.services.health.report();

export const ready = (_root: unknown, _args: unknown, ctx: Context) => ctx.services.health.ready();

export const models = (_root: unknown, _args: unknown, ctx: Context) => ctx.services.preferences.catalogue();

export const modelPreferences = (_root: unknown, _args: unknown, ctx: Context) =>
  ctx.services.preferences.get(principalOf(ctx));

export const updateModelPreferences = (
  _root: unknown,
  { input }: { input: PreferenceChanges },
  ctx: Context,
) => ctx.services.preferences.update(principalOf(ctx), input);
