import type { Document } from 'mongodb';
import type { ExecutionContext } from './context';
import type { Model } from './datamodel';
import { readUnique, uniqueFilter, type UniqueWhere } from './input';
import { findKeys } from './keys';
import { compileWhere, joinAnd, type WhereContext } from './where';

/** Compiles a `where` and reads what its conditions on relations need. */
export async function resolveWhere(
  context: ExecutionContext,
  model: Model,
  where: unknown,
  path: string,
): Promise<Document> {
  const whereContext: WhereContext = {
    findKeys: (relation, filter) => findKeys(context, relation, filter),
    deferred: [],
  };
  const filter = compileWhere(model, where ?? undefined, whereContext, path);
  // Inner conditions come first in the list: outer ones read with them filled in.
  for (const fill of whereContext.deferred) await fill();
  return filter;
}

/** The filter of a `WhereUniqueInput`, which may hold further conditions. */
export async function resolveUnique(
  context: ExecutionContext,
  model: Model,
  where: unknown,
  path: string,
): Promise<Document> {
  const unique = readUnique(model, where, path);
  return resolveRest(context, model, unique, path);
}

export async function resolveRest(
  context: ExecutionContext,
  model: Model,
  unique: UniqueWhere,
  path: string,
): Promise<Document> {
  const filter = uniqueFilter(unique, path);
  if (!unique.hasRest) return filter;
  return joinAnd([filter, await resolveWhere(context, model, unique.rest, path)]);
}
