/** From a parsed message to its reply: command lookup, option check, transaction entry, error replies. */
import type { Document } from 'bson';
import { checkOptions, type CommandContext, type CommandReply, type CommandSpec } from './commands/context';
import { adminCommands } from './commands/admin';
import { aggregateCommands } from './commands/aggregate';
import { bulkWriteCommands } from './commands/bulk-write';
import { diagnosticCommands } from './commands/diagnostics';
import { explainCommands } from './commands/explain';
import { indexCommands } from './commands/indexes';
import { readCommands } from './commands/read';
import { sessionCommands, sessionKey, transactionOptions } from './commands/sessions';
import { writeCommands } from './commands/write';
import type { Engine } from './engine';
import { MongoCommandError, errorReply } from './errors';
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

/** Runs one command; errors become replies, never rejections. */
export async function dispatch(
  engine: Engine,
  message: CommandMessage,
  connectionId: number,
): Promise<CommandReply> {
  try {
    return await run(engine, message, connectionId);
  } catch (error) {
    return errorReply(error);
  }
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
  const endsTransaction = name === 'commitTransaction' || name === 'abortTransaction';
  if (body['autocommit'] === undefined || endsTransaction) return spec.run(ctx);
  return runInTransaction(ctx, spec);
}

/** As in MongoDB, a statement that fails ends its transaction. */
async function runInTransaction(ctx: CommandContext, spec: CommandSpec): Promise<CommandReply> {
  const { transactions } = ctx.engine;
  const transaction = transactions.enter(transactionOptions(ctx.body)!);
  try {
    if (spec.inTransaction !== true) {
      throw new MongoCommandError(
        'OperationNotSupportedInTransaction',
        `Cannot run '${ctx.name}' in a multi-document transaction.`,
      );
    }
    const reply = await spec.run({ ...ctx, transaction });
    if (!Buffer.isBuffer(reply) && Array.isArray(reply['writeErrors'])) transactions.end(transaction);
    return reply;
  } catch (error) {
    transactions.end(transaction);
    throw error;
  }
}
