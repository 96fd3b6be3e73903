import { MongoError, MongoNetworkError, MongoServerSelectionError } from 'mongodb';
import type { Model } from './datamodel';
import { ArgumentError, KnownError, type PrismaNamespace } from './errors';
import { isConflict } from './transaction';

const DUPLICATE_KEY = 11000;
const TIMEOUT_CODES = new Set([50, 262]);
const NO_TRANSACTIONS = 20;

interface DuplicateKey {
  code?: unknown;
  keyPattern?: Record<string, unknown>;
  errmsg?: string;
  message?: string;
  writeErrors?: unknown;
}

/** The document fields of a duplicate key error: from its pattern, else from the text of the message. */
function duplicateFields(error: DuplicateKey): string[] {
  if (error.keyPattern) return Object.keys(error.keyPattern);
  const text = error.errmsg ?? error.message ?? '';
  const key = /dup key: \{([^]*)\}/.exec(text)?.[1];
  if (key) return [...key.matchAll(/(?:^|,)\s*"?([\w.$]+)"?\s*:/g)].map((match) => match[1]!);
  const index = /index: (\S+)/.exec(text)?.[1];
  return index === '_id_' ? ['_id'] : index ? [index] : [];
}

/** The server's duplicate key error inside any of the driver's forms, or null. */
function findDuplicate(error: unknown): DuplicateKey | null {
  if (typeof error !== 'object' || error === null) return null;
  const candidate = error as DuplicateKey;
  if (candidate.code !== DUPLICATE_KEY) return null;
  const [first] = Array.isArray(candidate.writeErrors) ? (candidate.writeErrors as DuplicateKey[]) : [];
  return first ?? candidate;
}

/** Turns any failure of an operation into the error class and code that Prisma documents for it. */
export class ErrorTranslator {
  constructor(private readonly prisma: PrismaNamespace) {}

  translate(error: unknown, model: Model | null, operation: string): unknown {
    const call = model
      ? `${model.name.charAt(0).toLowerCase()}${model.name.slice(1)}.${operation}`
      : operation;
    const intro = `Invalid \`prisma.${call}()\` invocation:\n\n`;
    if (error instanceof ArgumentError) {
      return new this.prisma.PrismaClientValidationError(intro + error.message, {
        clientVersion: this.prisma.prismaVersion.client,
      });
    }
    if (error instanceof KnownError)
      return this.known(error.code, intro + error.message, { modelName: model?.name, ...error.meta }, error);
    const duplicate = findDuplicate(error);
    if (duplicate) {
      const target = duplicateFields(duplicate).map((name) => model?.byDbName.get(name)?.name ?? name);
      const fields = target.map((name) => `\`${name}\``).join(',');
      const meta = { modelName: model?.name, target };
      return this.known('P2002', `${intro}Unique constraint failed on the fields: (${fields})`, meta, error);
    }
    return this.translateServerError(error, intro, model);
  }

  private translateServerError(error: unknown, intro: string, model: Model | null): unknown {
    const meta = { modelName: model?.name };
    const code = error instanceof MongoError ? error.code : undefined;
    if (isConflict(error)) {
      const text = 'Transaction failed due to a write conflict or a deadlock. Please retry your transaction';
      return this.known('P2034', intro + text, meta, error);
    }
    if (code === NO_TRANSACTIONS && /replica set/i.test(String((error as Error).message))) {
      const text = 'MongoDB needs to run as a replica set for transactions, which nested writes use.';
      return this.known('P2031', intro + text, meta, error);
    }
    if (error instanceof MongoServerSelectionError || error instanceof MongoNetworkError) {
      return this.known('P1001', `${intro}Can't reach the database server: ${error.message}`, meta, error);
    }
    if (typeof code === 'number' && TIMEOUT_CODES.has(code)) {
      return this.known('P1008', `${intro}Operations timed out: ${(error as Error).message}`, meta, error);
    }
    return error;
  }

  private known(code: string, message: string, meta: Record<string, unknown>, cause: unknown): Error {
    const error = new this.prisma.PrismaClientKnownRequestError(message, {
      code,
      clientVersion: this.prisma.prismaVersion.client,
      meta,
    });
    if (cause instanceof Error && !(cause instanceof KnownError)) error.cause = cause;
    return error;
  }
}
