import { createHash } from 'node:crypto';
import { newId } from '../../ids';
import type { Clock } from '../../ports/clock';
import {
  IDEMPOTENCY_LEASE_MS,
  IDEMPOTENCY_TTL_MS,
  type IdempotencyOutcome,
  type IdempotencyStore,
  type StoredAnswer,
} from '../../ports/idempotency';
import type { Logger } from '../../ports/logger';
import { isDuplicate, isMissing, type TenantClient } from './client';
import { toDomainError } from './guard';

export interface IdempotencyOptions {
  /** The tenant's client, provisioned. */
  open: (tenant: string) => Promise<TenantClient>;
  clock: Clock;
  logger: Logger;
  /** This process: the owner of the keys that it starts. */
  workerId: string;
  /** True when no other process can reach the database: every key in flight that is not ours is a dead one's. */
  soleWorker: boolean;
}

/** Renewals in one lease: two may fail. */
const RENEWALS = 3;

interface Held {
  principalKey: string;
  /** An answer that could not be kept yet. */
  answer?: StoredAnswer;
}

type Record = NonNullable<Awaited<ReturnType<TenantClient['idempotencyRecord']['findUnique']>>>;

/** Answers of requests with an `Idempotency-Key`, in the database of the tenant that asked. */
export class PrismaIdempotencyStore implements IdempotencyStore {
  /** Keys that this process started and did not end, by the ids of their rows. */
  private readonly held = new Map<string, Held>();
  private heartbeat: NodeJS.Timeout | undefined;

  constructor(private readonly options: IdempotencyOptions) {}

  begin(principalKey: string, key: string, bodyHash: string): Promise<IdempotencyOutcome> {
    return this.guard(async () => {
      const prisma = await this.client(principalKey);
      const id = idOf(principalKey, key);
      const outcome = await this.tryBegin(prisma, id, bodyHash);
      if (outcome.state === 'started') this.hold(id, principalKey);
      return outcome;
    });
  }

  async complete(principalKey: string, key: string, answer: StoredAnswer): Promise<void> {
    const id = idOf(principalKey, key);
    this.hold(id, principalKey, answer);
    await this.guard(() => this.keep(id, principalKey, answer));
  }

  abandon(principalKey: string, key: string): Promise<void> {
    const id = idOf(principalKey, key);
    this.held.delete(id);
    return this.guard(async () => {
      const prisma = await this.client(principalKey);
      await prisma.idempotencyRecord.deleteMany({ where: { id, state: 'in_flight' } });
    });
  }

  /** Ends the renewals; keys that are still in flight become free with their leases. */
  close(): void {
    clearInterval(this.heartbeat);
    this.held.clear();
  }

  private async tryBegin(prisma: TenantClient, id: string, bodyHash: string): Promise<IdempotencyOutcome> {
    const fresh = this.started(newId());
    try {
      await prisma.idempotencyRecord.create({ data: { id, bodyHash, ...fresh } });
      return { state: 'started', operationId: fresh.operationId };
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    const record = await prisma.idempotencyRecord.findUnique({ where: { id } });
    // Gone in the meantime: exactly one of those who see this makes it again.
    if (!record) return { state: 'in_flight' };
    if (record.expiresAt <= this.options.clock.now()) return this.takeOver(prisma, record, bodyHash, newId());
    if (record.bodyHash !== bodyHash) return { state: 'mismatch' };
    if (record.state === 'done')
      return { state: 'replay', answer: record.response as unknown as StoredAnswer };
    if (this.isAtWork(record)) return { state: 'in_flight' };
    return this.takeOver(prisma, record, bodyHash, record.operationId ?? newId());
  }

  private isAtWork({ id, owner, leaseExpiresAt }: Record): boolean {
    const { workerId, soleWorker, clock } = this.options;
    if (owner === workerId && this.held.has(id)) return true;
    if (soleWorker && owner !== workerId) return false;
    return leaseExpiresAt !== null && leaseExpiresAt > clock.now();
  }

  /** Of those who try, exactly one gets it. */
  private async takeOver(
    prisma: TenantClient,
    { id, owner, leaseExpiresAt, expiresAt }: Record,
    bodyHash: string,
    operationId: string,
  ): Promise<IdempotencyOutcome> {
    try {
      await prisma.idempotencyRecord.update({
        where: { id, owner, leaseExpiresAt, expiresAt },
        data: { bodyHash, ...this.started(operationId) },
      });
      return { state: 'started', operationId };
    } catch (error) {
      if (isMissing(error)) return { state: 'in_flight' };
      throw error;
    }
  }

  private started(operationId: string) {
    const { workerId, clock } = this.options;
    const now = clock.now();
    return {
      operationId,
      state: 'in_flight',
      response: null,
      owner: workerId,
      leaseExpiresAt: new Date(now.getTime() + IDEMPOTENCY_LEASE_MS),
      createdAt: now,
      expiresAt: new Date(now.getTime() + IDEMPOTENCY_TTL_MS),
    };
  }

  private async keep(id: string, principalKey: string, answer: StoredAnswer): Promise<void> {
    const prisma = await this.client(principalKey);
    const expiresAt = new Date(this.options.clock.now().getTime() + IDEMPOTENCY_TTL_MS);
    await prisma.idempotencyRecord.updateMany({
      where: { id, state: 'in_flight' },
      data: { state: 'done', response: { ...answer }, expiresAt },
    });
    this.held.delete(id);
  }

  private hold(id: string, principalKey: string, answer?: StoredAnswer): void {
    this.held.set(id, { principalKey, answer });
    this.heartbeat ??= setInterval(() => void this.renew(), IDEMPOTENCY_LEASE_MS / RENEWALS).unref();
  }

  private async renew(): Promise<void> {
    const { clock, logger, workerId } = this.options;
    const leaseExpiresAt = new Date(clock.now().getTime() + IDEMPOTENCY_LEASE_MS);
    for (const [id, { principalKey, answer }] of [...this.held])
      try {
        if (answer) await this.keep(id, principalKey, answer);
        else
          await (
            await this.client(principalKey)
          ).idempotencyRecord.updateMany({
            where: { id, state: 'in_flight', owner: workerId },
            data: { leaseExpiresAt },
          });
      } catch (error) {
        logger.warn({ err: error }, 'the lease of an idempotency key could not be renewed');
      }
  }

  private client(principalKey: string): Promise<TenantClient> {
    return this.options.open(principalKey.slice(0, principalKey.indexOf('/')));
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
