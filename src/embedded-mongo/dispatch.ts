/** From a parsed message to its reply: command lookup, option check, transaction entry, error replies. */
import type { Document } from 'bson';
import { checkOptions, type CommandContext, type CommandReply, type CommandSpec } from './commands/context';
import { adminCommands } from './commands/admin';
import { aggregateCommands } from './commands/aggregate';
import { bulkWriteCommands } from './commands/bulk-write';
import { checkReadConcern, checkReadConcernInTransaction, checkWriteConcern } from './commands/concerns';
import { diagnosticCommands } from './commands/diagnostics';
import { explainCommands } from './commands/explain';
import { indexCommands } from './commands/indexes';
import { readCommands } from './commands/read';
import { sessionCommands, sessionKey, transactionOptions } from './commands/sessions';
import { writeCommands } from './commands/write';
import type { Engine } from './engine';
import { MongoCommandError, errorReply } from './errors';
import { RawReply } from './raw-bson';
import type { TransactionOptions } from './transactions';
import type { CommandMessage } from './wire';

const COMMANDS = new Map<string, CommandSpec>(
  Object.entries({
    ...diagnosticCommands,
    ...sessionCommands,
    ...readCommands,
    ...writeCommands,
    ...bulkWriteCommands,
    ...aggregateCommands,
    ...explainCommands,
    ...indexCommands,
    ...adminCommands,
    listCommands: { options: [], run: listCommands },
  }),
);

function listCommands(): Document {
  const commands = Object.fromEntries(
    [...COMMANDS.keys()].sort().map((name) => [name, { help: '', requiresAuth: false, adminOnly: false }]),
  );
  return { commands, ok: 1 };
}

/** Runs one command; errors become replies, never exceptions. A reply that is ready at once comes without a promise. */
export function dispatch(
  engine: Engine,
  message: CommandMessage,
  connectionId: number,
): CommandReply | Promise<CommandReply> {
  try {
    const reply = run(engine, message, connectionId);
    return reply instanceof Promise ? reply.catch(errorReply) : reply;
  } catch (error) {
    return errorReply(error);
  }
}

async function synced(engine: Engine, reply: CommandReply | Promise<CommandReply>): Promise<CommandReply> {
  const ready = await reply;
  await engine.storage.sync();
  return ready;
}

function run(
  engine: Engine,
  message: CommandMessage,
  connectionId: number,
): CommandReply | Promise<CommandReply> {
  const { body } = message;
  const name = Object.keys(body)[0] ?? '';
  const spec = COMMANDS.get(name);
  if (spec === undefined) throw new MongoCommandError('CommandNotFound', `no such command: '${name}'`);
  checkOptions(name, body, spec.options);
  engine.count(name);
  const db: unknown = body['$db'];
  if (typeof db !== 'string') throw new MongoCommandError('FailedToParse', "'$db' must name the database");
  const ctx: CommandContext = {
    engine,
    connectionId,
    name,
    db,
    body,
    sequences: message.sequences,
    session: sessionKey(body['lsid']),
    transaction: null,
  };
  const waitsForDisk = checkWriteConcern(spec, name, body['writeConcern']);
  const endsTransaction = name === 'commitTransaction' || name === 'abortTransaction';
  const transaction = transactionOptions(body);
  if (transaction !== null && !endsTransaction) return runInTransaction(ctx, spec, transaction);
  const readsFromDisk = checkReadConcern(spec, name, body);
  const reply = spec.run(ctx);
  return waitsForDisk || readsFromDisk ? synced(engine, reply) : reply;
}

/** As in MongoDB, a statement that fails ends its transaction. */
async function runInTransaction(
  ctx: CommandContext,
  spec: CommandSpec,
  options: TransactionOptions,
): Promise<CommandReply> {
  checkReadConcernInTransaction(ctx.body);
  if (ctx.body['writeConcern'] !== undefined)
    throw new MongoCommandError(
      'InvalidOptions',
      'writeConcern is not allowed within a multi-statement transaction',
    );
  const { transactions } = ctx.engine;
  const transaction = transactions.enter(options);
  try {
    if (spec.inTransaction !== true) {
      throw new MongoCommandError(
        'OperationNotSupportedInTransaction',
        `Cannot run '${ctx.name}' in a multi-document transaction.`,
      );
    }
    const reply = await spec.run({ ...ctx, transaction });
    if (!(reply instanceof RawReply) && Array.isArray(reply['writeErrors'])) transactions.end(transaction);
    return reply;
  } catch (error) {
    transactions.end(transaction);
    throw error;
  }
}
