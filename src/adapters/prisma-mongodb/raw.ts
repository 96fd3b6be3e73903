import type { Document } from 'mongodb';
import { EJSON } from 'bson';
import { checkArguments } from './arguments';
import type { ExecutionContext } from './context';
import type { Model } from './datamodel';
import { asObject, invalidValue } from './errors';

type Args = Record<string, unknown>;

/** Raw queries speak MongoDB's extended JSON both ways: `{ $oid: '...' }`, `{ $date: '...' }`. */
function fromExtended(value: unknown, path: string): Document {
  return EJSON.deserialize(asObject(value ?? {}, path)) as Document;
}

function toExtended(documents: Document[]): Document[] {
  return documents.map((document) => EJSON.serialize(document, { relaxed: true }));
}

export async function findRaw(context: ExecutionContext, model: Model, args: Args): Promise<Document[]> {
  checkArguments(args, new Set(['filter', 'options']), 'findRaw');
  const filter = fromExtended(args.filter, 'filter');
  const options = fromExtended(args.options, 'options');
  const documents = await context.run(model, 'find', (collection, session) =>
    collection.find(filter, { ...options, ...session }).toArray(),
  );
  return toExtended(documents);
}

export async function aggregateRaw(context: ExecutionContext, model: Model, args: Args): Promise<Document[]> {
  checkArguments(args, new Set(['pipeline', 'options']), 'aggregateRaw');
  const stages = args.pipeline ?? [];
  if (!Array.isArray(stages)) throw invalidValue('pipeline', 'Json[]', stages);
  const pipeline = stages.map((stage, index) => fromExtended(stage, `pipeline.${index}`));
  const options = fromExtended(args.options, 'options');
  const documents = await context.run(model, 'aggregate', (collection, session) =>
    collection.aggregate(pipeline, { ...options, ...session }).toArray(),
  );
  return toExtended(documents);
}

/** `$runCommandRaw`: any command of the server, on the client's database. */
export async function runCommandRaw(context: ExecutionContext, command: unknown): Promise<Document> {
  const scope = context.transaction;
  const document = fromExtended(command, 'command');
  const result = await context.db.command(document, scope ? { session: scope.session } : {});
  return EJSON.serialize(result, { relaxed: true });
}
