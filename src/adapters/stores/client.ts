import { Prisma, type PrismaClient } from '../../../generated/prisma-client';
import type { JsonValue } from '../../ports/records';

/** The generated client, bound to one tenant's database. */
export type TenantClient = PrismaClient;

/** A unique index refused the write. */
export const isDuplicate = (error: unknown): boolean => hasCode(error, 'P2002');

/** The conditions of an update or delete matched nothing. */
export const isMissing = (error: unknown): boolean => hasCode(error, 'P2025');

/** What an update answers, null when its conditions matched nothing. */
export async function nullIfMissing<T>(update: PromiseLike<unknown>): Promise<T | null> {
  try {
    return (await update) as T;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === code;

/** A value for a JSON field; MongoDB has one kind of null. */
export const json = (value: JsonValue | undefined): Prisma.InputJsonValue | null => value ?? null;

/** A row for Prisma: its JSON fields in Prisma's own null, fields that are absent left absent. */
export function jsonData<T extends object>(row: T, fields: readonly (keyof T)[]): never {
  const data = { ...row } as Record<PropertyKey, unknown>;
  for (const field of fields)
    if (row[field] !== undefined) data[field] = json(row[field] as JsonValue | undefined);
  return data as never;
}

/** The condition that a time limit, where there is one, lies behind `now`. */
export const aliveAt = (now: Date | undefined) =>
  now === undefined ? {} : { OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
