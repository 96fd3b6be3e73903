import { MongoError } from 'mongodb';
import { transactions, type ExecutionContext, type TransactionScope } from './context';
import { ArgumentError, KnownError } from './errors';

/** How often the connector's own multi-step writes are run again after a write conflict. */
const MAX_ATTEMPTS = 5;
/** Prisma's default for interactive transactions. */
const DEFAULT_TIMEOUT_MS = 5_000;

/** Runs a write of several steps in a transaction: the surrounding one, or one of its own that repeats on conflicts. */
export async function runAtomically<T>(context: ExecutionContext, work: () => Promise<T>): Promise<T> {
  if (context.transaction) return work();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runTransaction(context, work, undefined);
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS || !isConflict(error)) throw error;
    }
  }
}

export const isConflict = (error: unknown): boolean =>
  error instanceof MongoError && error.hasErrorLabel('TransientTransactionError');

async function runTransaction<T>(
  context: ExecutionContext,
  work: () => Promise<T>,
  timeoutMs: number | undefined,
): Promise<T> {
  const session = context.mongoClient.startSession();
  const scope: TransactionScope = { session, isOpen: true, tail: Promise.resolve() };
  try {
    session.startTransaction();
    const result = await transactions.run(scope, () => withTimeout(work, timeoutMs));
    scope.isOpen = false;
    await scope.tail;
    await session.commitTransaction();
    return result;
  } catch (error) {
    scope.isOpen = false;
    await scope.tail;
    if (session.inTransaction()) await session.abortTransaction();
    throw error;
  } finally {
    await session.endSession();
  }
}

async function withTimeout<T>(work: () => Promise<T>, timeoutMs: number | undefined): Promise<T> {
  if (timeoutMs === undefined) return work();
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new KnownError(
            'P2028',
            `Transaction API error: Transaction already closed: it took longer than its timeout of ${timeoutMs} ms and was rolled back.`,
          ),
        ),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work(), expiry]);
  } finally {
    clearTimeout(timer);
  }
}

export interface TransactionOptions {
  /** Milliseconds to wait for a transaction to begin; MongoDB begins them at once. */
  maxWait?: number;
  /** Milliseconds after which an interactive transaction is rolled back; 5,000 unless said. */
  timeout?: number;
  isolationLevel?: string;
}

/**
 * `$transaction`: a list of lazy operations, or a function that gets the client. Inside a transaction it joins that
 * one. Never repeats the caller's function: a write conflict is Prisma's P2034.
 */
export async function transact(
  context: ExecutionContext,
  client: unknown,
  input: unknown,
  options: TransactionOptions | undefined,
): Promise<unknown> {
  if (options?.isolationLevel !== undefined) {
    throw new ArgumentError(
      'Argument `isolationLevel`: MongoDB has no isolation levels; transactions read a snapshot.',
    );
  }
  if (typeof input === 'function') {
    const work = async (): Promise<unknown> => (input as (transaction: unknown) => unknown)(client);
    if (context.transaction) return work();
    return runTransaction(context, work, options?.timeout ?? DEFAULT_TIMEOUT_MS);
  }
  if (!Array.isArray(input))
    throw new ArgumentError('$transaction expects a list of operations or a function.');
  for (const item of input) {
    if ((item as { [Symbol.toStringTag]?: unknown } | null)?.[Symbol.toStringTag] !== 'PrismaPromise') {
      throw new ArgumentError(
        'All elements of the list must be Prisma Client promises: do not await them before $transaction.',
      );
    }
  }
  const work = async (): Promise<unknown[]> => {
    const results: unknown[] = [];
    for (const item of input) results.push(await (item as PromiseLike<unknown>));
    return results;
  };
  return context.transaction ? work() : runTransaction(context, work, undefined);
}
