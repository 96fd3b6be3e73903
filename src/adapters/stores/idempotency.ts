import { createHash } from 'node:crypto';
import type { Clock } from '../../ports/clock';
import {
  IDEMPOTENCY_LEASE_MS,
  IDEMPOTENCY_TTL_MS,
  type IdempotencyOutcome,
  type IdempotencyStore,
  type StoredAnswer,
} from '../../ports/idempotency';
import { isDuplicate, isMissing, type TenantClient } from './client';
import { toDomainError } from './guard';

/** Answers of requests with an `Idempotency-Key`, in the database of the tenant that asked. */
export class PrismaIdempotencyStore implements IdempotencyStore {
  /** @param open the tenant's client, provisioned */
  constructor(
    private readonly open: (tenant: string) => Promise<TenantClient>,
    private readonly clock: Clock,
  ) {}

  begin(principalKey: string, key: string, bodyHash: string): Promise<IdempotencyOutcome> {
    return this.guard(async () => {
      const prisma = await this.client(principalKey);
      const id = idOf(principalKey, key);
      const now = this.clock.now();
      const lease = new Date(now.getTime() + IDEMPOTENCY_LEASE_MS);
      try {
        await prisma.idempotencyRecord.create({
          data: { id, bodyHash, state: 'in_flight', response: null, createdAt: now, expiresAt: lease },
        });
        return { state: 'started' };
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
      return this.existing(prisma, id, bodyHash, lease);
    });
  }

  complete(principalKey: string, key: string, answer: StoredAnswer): Promise<void> {
    return this.guard(async () => {
      const prisma = await this.client(principalKey);
      const expiresAt = new Date(this.clock.now().getTime() + IDEMPOTENCY_TTL_MS);
      await prisma.idempotencyRecord.updateMany({
        where: { id: idOf(principalKey, key), state: 'in_flight' },
        data: { state: 'done', response: { ...answer }, expiresAt },
      });
    });
  }

  abandon(principalKey: string, key: string): Promise<void> {
    return this.guard(async () => {
      const prisma = await this.client(principalKey);
      await prisma.idempotencyRecord.deleteMany({
        where: { id: idOf(principalKey, key), state: 'in_flight' },
      });
    });
  }

  private async existing(
    prisma: TenantClient,
    id: string,
    bodyHash: string,
    lease: Date,
  ): Promise<IdempotencyOutcome> {
    const record = await prisma.idempotencyRecord.findUnique({ where: { id } });
    const now = this.clock.now();
    if (record && record.expiresAt > now) {
      if (record.bodyHash !== bodyHash) return { state: 'mismatch' };
      if (record.state !== 'done') return { state: 'in_flight' };
      return { state: 'replay', answer: record.response as unknown as StoredAnswer };
    }
    // Expired, or gone in the meantime: exactly one of those who see this takes the key over.
    if (!record) return { state: 'in_flight' };
    try {
      await prisma.idempotencyRecord.update({
        where: { id, expiresAt: record.expiresAt },
        data: { bodyHash, state: 'in_flight', response: null, createdAt: now, expiresAt: lease },
      });
      return { state: 'started' };
    } catch (error) {
      if (isMissing(error)) return { state: 'in_flight' };
      throw error;
    }
  }

  private client(principalKey: string): Promise<TenantClient> {
    return this.open(principalKey.slice(0, principalKey.indexOf('/')));
  }

  private async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toDomainError(error);
    }
  }
}

const idOf = (principalKey: string, key: string): string =>
  createHash('sha256').update(principalKey).update('\n').update(key).digest('hex');
