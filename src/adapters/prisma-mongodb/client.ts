import type { Db, MongoClient } from 'mongodb';
import { aggregate, count, groupBy } from './aggregate';
import { readFindArguments } from './arguments';
import { ExecutionContext, type ConnectorHooks } from './context';
import { compileDatamodel, type CompiledDatamodel, type Datamodel, type Model } from './datamodel';
import type { PrismaNamespace } from './errors';
import { FindBatcher } from './find-batcher';
import { InsertBatcher } from './insert-batcher';
import { aggregateRaw, findRaw, runCommandRaw } from './raw';
import { readMany, recordNotFound } from './read';
import type { Row } from './selection';
import { transact, type TransactionOptions } from './transaction';
import { ErrorTranslator } from './translate';
import {
  create,
  createMany,
  createManyAndReturn,
  deleteMany,
  deleteOne,
  update,
  updateMany,
  upsert,
} from './write';
import { ArgumentError } from './errors';

type Args = Record<string, unknown>;

/** What Prisma passes to a query extension; `__internalParams` is not documented (see the contract test). */
interface ExtensionParams {
  model: string;
  operation: string;
  args: Args | undefined;
  __internalParams?: { dataPath?: string[] };
}

/** The parts of a generated client that the connector touches. */
interface GeneratedClient {
  $extends(extension: unknown): GeneratedClient;
}

export interface PrismaConnectorOptions {
  /** The class of the generated client (`generated/prisma-client`). */
  PrismaClient: new (options: never) => unknown;
  /** The `Prisma` namespace of the same module. */
  Prisma: PrismaNamespace;
  /** Content of `generated/datamodel.json`. */
  datamodel: Datamodel;
  /** The connected driver; whoever made it closes it. */
  mongoClient: MongoClient;
  hooks?: ConnectorHooks;
}

export interface PrismaConnector<Client> {
  /** A client of its own for one database; cheap, made for one database for each tenant. */
  forDatabase(db: Db | (() => Db)): Client;
  datamodel: CompiledDatamodel;
}

/** The operations of one client. */
class Executor {
  private readonly finds: FindBatcher;
  private readonly inserts: InsertBatcher;

  constructor(private readonly context: ExecutionContext) {
    this.finds = new FindBatcher(context);
    this.inserts = new InsertBatcher(context);
  }

  async execute(model: Model, operation: string, args: Args): Promise<unknown> {
    const { context } = this;
    switch (operation) {
      case 'findUnique':
        return this.finds.findUnique(model, args);
      case 'findUniqueOrThrow':
        return required(await this.finds.findUnique(model, args), model);
      case 'findFirst':
        return this.findFirst(model, args);
      case 'findFirstOrThrow':
        return required(await this.findFirst(model, args), model);
      case 'findMany':
        return (await readMany(context, model, readFindArguments(model, args, 'findMany'), 'findMany')).rows;
      case 'create':
        return create(context, model, args, this.inserts);
      case 'createMany':
        return createMany(context, model, args);
      case 'createManyAndReturn':
        return createManyAndReturn(context, model, args);
      case 'update':
        return update(context, model, args);
      case 'updateMany':
        return updateMany(context, model, args);
      case 'upsert':
        return upsert(context, model, args);
      case 'delete':
        return deleteOne(context, model, args);
      case 'deleteMany':
        return deleteMany(context, model, args);
      case 'count':
        return count(context, model, args);
      case 'aggregate':
        return aggregate(context, model, args);
      case 'groupBy':
        return groupBy(context, model, args);
      case 'findRaw':
        return findRaw(context, model, args);
      case 'aggregateRaw':
        return aggregateRaw(context, model, args);
      default:
        throw new ArgumentError(`The operation ${operation} does not exist on MongoDB.`);
    }
  }

  private async findFirst(model: Model, args: Args): Promise<Row | null> {
    const input = readFindArguments(model, args, 'findFirst');
    const isReversed = input.take !== undefined && input.take < 0;
    const { rows } = await readMany(
      this.context,
      model,
      { ...input, take: isReversed ? -1 : 1 },
      'findFirst',
    );
    return rows[0] ?? null;
  }
}

function required(row: Row | null, model: Model): Row {
  if (row) return row;
  throw recordNotFound(model, 'a query');
}

/** The fluent API (`client.agent.findUnique(...).subAgents()`) asks for the parent and names the way down. */
function unwrap(value: unknown, dataPath: string[] | undefined): unknown {
  if (!dataPath || dataPath.length === 0) return value;
  // The path alternates `select` (or `include`) and the name of a relation.
  return dataPath.reduce<unknown>(
    (current, name, index) =>
      index % 2 === 0 ? current : ((current as Row | null | undefined)?.[name] ?? null),
    value,
  );
}

/**
 * An adapter object that only names the provider: every operation is intercepted before an adapter is needed. Should
 * one slip through, it fails here and not silently.
 */
const adapter = {
  provider: 'mongodb',
  adapterName: 'agentflow-prisma-mongodb',
  connect: () => Promise.reject(new Error('This operation is not supported by the MongoDB connector.')),
};

/**
 * Runs the generated Prisma client on the official MongoDB driver.
 *
 * The generated class is constructed once; each database gets an extension of it, which costs microseconds. What the
 * connector does differently from Prisma 6's engine: `P2002` names fields in `meta.target` instead of an index;
 * `create` calls of one turn share a command; `updateMany` never does, because a shared command reports one count.
 * @throws Error when the data model holds what MongoDB cannot (Decimal, autoincrement)
 */
export function createPrismaConnector<Client>(options: PrismaConnectorOptions): PrismaConnector<Client> {
  const datamodel = compileDatamodel(options.datamodel, options.Prisma);
  const translator = new ErrorTranslator(options.Prisma);
  // `adapter` is missing from the generated options for MongoDB, though the constructor takes it.
  const Constructor = options.PrismaClient as unknown as new (init: unknown) => GeneratedClient;
  const base = new Constructor({ adapter, errorFormat: 'minimal' });
  return {
    datamodel,
    forDatabase(db) {
      const context = new ExecutionContext(datamodel, db, options.mongoClient, options.hooks ?? {});
      return extend(base, context, translator) as Client;
    },
  };
}

/** `createPrismaConnector` for programs with one database. */
export function createPrismaClient<Client>(
  options: PrismaConnectorOptions & { db: Db | (() => Db) },
): Client {
  return createPrismaConnector<Client>(options).forDatabase(options.db);
}

function extend(base: GeneratedClient, context: ExecutionContext, translator: ErrorTranslator): unknown {
  const executor = new Executor(context);
  const { onOperation } = context.hooks;

  async function allOperations({
    model: name,
    operation,
    args,
    __internalParams,
  }: ExtensionParams): Promise<unknown> {
    const startedAt = onOperation ? performance.now() : 0;
    let failure: unknown;
    try {
      const value = await executor.execute(context.model(name), operation, args ?? {});
      return unwrap(value, __internalParams?.dataPath);
    } catch (error) {
      failure = translator.translate(error, context.models.get(name) ?? null, operation);
      throw failure;
    } finally {
      onOperation?.({ model: name, operation, durationMs: performance.now() - startedAt, error: failure });
    }
  }

  async function translated<T>(operation: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw translator.translate(error, null, operation);
    }
  }

  const client: GeneratedClient = base.$extends({
    name: 'mongodb-connector',
    query: { $allModels: { $allOperations: allOperations } },
    client: {
      $connect: () => translated('$connect', async () => void (await context.mongoClient.connect())),
      // The driver is shared by the clients of all databases: whoever made it closes it.
      $disconnect: () => Promise.resolve(),
      $transaction: (input: unknown, transactionOptions?: TransactionOptions) =>
        translated('$transaction', () => transact(context, client, input, transactionOptions)),
      $runCommandRaw: (command: unknown) =>
        translated('$runCommandRaw', () => runCommandRaw(context, command)),
    },
  });
  return client;
}
