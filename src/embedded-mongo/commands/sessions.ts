/** Sessions and the ends of transactions. */
import { Binary, type Document } from 'bson';
import { randomUUID } from 'node:crypto';
import { MongoCommandError } from '../errors';
import type { TransactionOptions } from '../transactions';
import type { CommandContext, CommandSpec } from './context';

/** A session's identity as a map key. @throws InvalidOptions when `lsid` has no id */
export function sessionKey(lsid: unknown): string | null {
  if (lsid === undefined || lsid === null) return null;
  const id: unknown = (lsid as Document)['id'];
  if (id instanceof Binary || (id as { _bsontype?: string } | null)?._bsontype === 'Binary') {
    return Buffer.from((id as Binary).buffer).toString('hex');
  }
  throw new MongoCommandError('InvalidOptions', "'lsid.id' must be a UUID");
}

/** The transaction part of a command, or null when it is not in one. */
export function transactionOptions(body: Document): TransactionOptions | null {
  const start: unknown = body['startTransaction'];
  if (body['autocommit'] === undefined) {
    if (start === undefined) return null;
    throw new MongoCommandError(
      'InvalidOptions',
      "'startTransaction' field requires 'autocommit' field to also be specified",
    );
  }
  if (body['autocommit'] !== false) {
    throw new MongoCommandError('InvalidOptions', 'Specifying autocommit=true is not allowed.');
  }
  if (start !== undefined && start !== true) {
    throw new MongoCommandError('InvalidOptions', 'Specifying startTransaction=false is not allowed.');
  }
  const session = sessionKey(body['lsid']);
  if (session === null || body['txnNumber'] === undefined) {
    throw new MongoCommandError('InvalidOptions', "A transaction statement needs 'lsid' and 'txnNumber'");
  }
  return { session, number: BigInt(String(body['txnNumber'])), start: start === true };
}

function requireTransaction({ body, name }: CommandContext): TransactionOptions {
  const options = transactionOptions(body);
  if (options === null)
    throw new MongoCommandError('InvalidOptions', `${name} must be run within a transaction`);
  return options;
}

const commitTransaction: CommandSpec = {
  writeConcern: true,
  options: ['recoveryToken'],
  async run(ctx) {
    await ctx.engine.transactions.commit(requireTransaction(ctx));
    return { ok: 1 };
  },
};

const abortTransaction: CommandSpec = {
  writeConcern: true,
  options: ['recoveryToken'],
  run(ctx) {
    ctx.engine.transactions.abort(requireTransaction(ctx));
    return { ok: 1 };
  },
};

function endEach({ engine }: CommandContext, sessions: unknown): Document {
  if (!Array.isArray(sessions))
    throw new MongoCommandError('TypeMismatch', 'the session list must be an array');
  for (const lsid of sessions) {
    const session = sessionKey(lsid);
    if (session === null) continue;
    engine.transactions.endSession(session);
    engine.cursors.killSession(session);
  }
  return { ok: 1 };
}

export const sessionCommands: Record<string, CommandSpec> = {
  commitTransaction,
  abortTransaction,
  startSession: {
    options: [],
    run: () => ({
      id: { id: new Binary(Buffer.from(randomUUID().replaceAll('-', ''), 'hex'), Binary.SUBTYPE_UUID) },
      timeoutMinutes: 30,
      ok: 1,
    }),
  },
  endSessions: { options: [], run: (ctx) => endEach(ctx, ctx.body['endSessions']) },
  killSessions: { options: [], run: (ctx) => endEach(ctx, ctx.body['killSessions']) },
  refreshSessions: { options: [], run: () => ({ ok: 1 }) },
};
