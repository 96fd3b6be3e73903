import { Prisma, type PrismaClient } from '../../../generated/prisma-client';
import type { JsonValue } from '../../ports/records';

/** The generated client, bound to one tenant's database. */
export type TenantClient = PrismaClient;

/** A unique index refused the write. */
export const isDuplicate = (error: unknown): boolean => hasCode(error, 'P2002');

/** The conditions of an update or delete matched nothing. */
export const isMissing = (error: unknown): boolean => hasCode(error, 'P2025');

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === code;

/** A value for a JSON field; MongoDB has one kind of null. */
export const json = (value: JsonValue | undefined): Prisma.InputJsonValue | null => value ?? null;
