import { MongoBulkWriteError, type Document } from 'mongodb';
import type { ExecutionContext } from './context';
import type { Field, Model } from './datamodel';
import { applyOnDelete, findInbound } from './delete';
import { ArgumentError, asList, asObject, isPlainObject, unknownField } from './errors';
import { checkArguments } from './arguments';
import { createValue, readUnique } from './input';
import type { InsertBatcher } from './insert-batcher';
import { writeAfter, writeBefore } from './nested';
import { recordNotFound, toRows } from './read';
import { resolveRest, resolveUnique, resolveWhere } from './resolve';
import { compileSelection, type Row, type Selection } from './selection';
import { runAtomically } from './transaction';
import { compileUpdate, type CompiledUpdate, type NestedWrite } from './update';

const SELECTION = ['select', 'include', 'omit'];
const CREATE_ARGUMENTS = new Set(['data', ...SELECTION]);
const CREATE_MANY_ARGUMENTS = new Set(['data', 'skipDuplicates', ...SELECTION]);
const UPDATE_ARGUMENTS = new Set(['where', 'data', ...SELECTION]);
const UPDATE_MANY_ARGUMENTS = new Set(['where', 'data', 'limit']);
const UPSERT_ARGUMENTS = new Set(['where', 'create', 'update', ...SELECTION]);
const DELETE_ARGUMENTS = new Set(['where', ...SELECTION]);
const DELETE_MANY_ARGUMENTS = new Set(['where', 'limit']);
/** Rounds of update and insert before an upsert gives up on a key that others keep creating and deleting. */
const MAX_UPSERT_ROUNDS = 5;

type Args = Record<string, unknown>;

/** What a create writes: the document, and the nested writes of its relations. */
interface CompiledCreate {
  document: Document;
  nested: NestedWrite[];
}

/** Keys that nested writes will fill in may be missing from `data`. */
function compileCreate(model: Model, data: unknown, path: string): CompiledCreate {
  const input = asObject(data, path);
  const nested: NestedWrite[] = [];
  const pending = new Set<Field>();
  for (const name of Object.keys(input)) {
    const field = model.fields.get(name);
    if (!field) throw unknownField(path, name, model.name, model.fields.keys());
    if (!field.relation || input[name] === undefined) continue;
    nested.push({ field, value: asObject(input[name], `${path}.${name}`) });
    if (field.relation.owns) for (const key of field.relation.from) pending.add(key);
  }
  const document: Document = {};
  for (const field of model.stored) {
    const given = input[field.name];
    if (given === undefined && pending.has(field)) continue;
    const value = createValue(field, given, `${path}.${field.name}`);
    if (value !== undefined) document[field.dbName] = value;
  }
  return { document, nested };
}

/** Inserts one document with its nested writes; the caller opens the transaction when there are any. */
export async function createDocument(
  context: ExecutionContext,
  model: Model,
  data: unknown,
  path: string,
  linked: Document = {},
): Promise<Document> {
  const input = Object.keys(linked).length === 0 ? data : withLinks(model, data, linked, path);
  const { document, nested } = compileCreate(model, input, path);
  for (const write of nested) Object.assign(document, await writeBefore(context, write, path));
  await context.run(model, 'insert', (collection, session) => collection.insertOne(document, session));
  for (const write of nested) await writeAfter(context, model, document, write, path);
  return document;
}

/** `data` with the keys (by database name) that point to its parent. */
function withLinks(model: Model, data: unknown, linked: Document, path: string): Args {
  const input: Args = { ...asObject(data, path) };
  for (const [dbName, value] of Object.entries(linked)) {
    const field = model.byDbName.get(dbName)!;
    input[field.name] = field.decode ? field.decode(value) : value;
  }
  return input;
}

export async function create(
  context: ExecutionContext,
  model: Model,
  args: Args,
  batcher: InsertBatcher,
): Promise<Row> {
  checkArguments(args, CREATE_ARGUMENTS, 'create');
  const selection = compileSelection(model, args, 'create');
  const data = args.data ?? {};
  const hasNested = isPlainObject(data) && model.relations.some((field) => data[field.name] !== undefined);
  if (hasNested) {
    return runAtomically(context, async () => {
      const document = await createDocument(context, model, data, 'data');
      return oneRow(context, model, selection, document);
    });
  }
  const { document } = compileCreate(model, data, 'data');
  if (context.transaction) {
    await context.run(model, 'insert', (collection, session) => collection.insertOne(document, session));
  } else await batcher.insert(model, document);
  return oneRow(context, model, selection, document);
}

async function oneRow(
  context: ExecutionContext,
  model: Model,
  selection: Selection,
  document: Document,
): Promise<Row> {
  const [row] = await toRows(context, model, selection, [document], 'include');
  return row!;
}

export async function createMany(
  context: ExecutionContext,
  model: Model,
  args: Args,
): Promise<{ count: number }> {
  checkArguments(args, new Set(['data', 'skipDuplicates']), 'createMany');
  const documents = await insertMany(context, model, args);
  return { count: documents.length };
}

export async function createManyAndReturn(
  context: ExecutionContext,
  model: Model,
  args: Args,
): Promise<Row[]> {
  checkArguments(args, CREATE_MANY_ARGUMENTS, 'createManyAndReturn');
  const selection = compileSelection(model, args, 'createManyAndReturn');
  return toRows(context, model, selection, await insertMany(context, model, args), 'include');
}

/**
 * Inserts in order up to the first failure, as Prisma does on MongoDB: what came before stays unless a transaction
 * surrounds the call.
 */
export async function insertMany(
  context: ExecutionContext,
  model: Model,
  args: Args,
  linked: Document = {},
): Promise<Document[]> {
  if (args.skipDuplicates)
    throw new ArgumentError('Unknown argument `skipDuplicates`: MongoDB does not have it.');
  const documents = asList(args.data ?? []).map((item, index) => {
    const path = `data.${index}`;
    const { document, nested } = compileCreate(model, withLinks(model, item, linked, path), path);
    if (nested.length > 0)
      throw unknownField(
        path,
        nested[0]!.field.name,
        model.name,
        model.stored.map((field) => field.name),
      );
    return document;
  });
  if (documents.length === 0) return documents;
  await context.run(model, 'insert', (collection, session) =>
    collection.insertMany(documents, { ...session, ordered: true }),
  );
  return documents;
}

const updateOptions = (compiled: CompiledUpdate): { arrayFilters?: Document[] } =>
  compiled.arrayFilters.length > 0 ? { arrayFilters: compiled.arrayFilters } : {};

/** Applies an update to the one document of a filter, with its nested writes; null when there is none. */
export async function updateDocument(
  context: ExecutionContext,
  model: Model,
  filter: Document,
  compiled: CompiledUpdate,
  selection?: Selection,
): Promise<Document | null> {
  const { update, nested } = compiled;
  const owned: Document = {};
  let parent: Document | null = null;
  if (nested.length > 0) {
    parent = await context.findOne(model, filter, {});
    if (!parent) return null;
    for (const write of nested)
      Object.assign(owned, await writeBefore(context, write, 'data', { model, document: parent }));
  }
  const target = parent ? { _id: parent._id as never } : filter;
  const projection = nested.length === 0 ? (selection?.projection ?? undefined) : undefined;
  const change = withOwned(update, owned);
  const updated =
    change === null
      ? await context.findOne(model, target, { projection })
      : await context.run(model, 'findAndModify', (collection, session) =>
          collection.findOneAndUpdate(target, change as Document, {
            ...session,
            ...updateOptions(compiled),
            projection,
            returnDocument: 'after',
          }),
        );
  if (updated) for (const write of nested) await writeAfter(context, model, updated, write, 'data');
  return updated;
}

function withOwned(update: Document | Document[] | null, owned: Document): Document | Document[] | null {
  if (Object.keys(owned).length === 0) return update;
  if (Array.isArray(update)) {
    return [
      ...update,
      {
        $set: Object.fromEntries(
          Object.entries(owned).map(([key, value]) => [key, { $literal: value as unknown }]),
        ),
      },
    ];
  }
  return { ...update, $set: { ...((update?.$set as Document | undefined) ?? {}), ...owned } };
}

export async function update(context: ExecutionContext, model: Model, args: Args): Promise<Row> {
  checkArguments(args, UPDATE_ARGUMENTS, 'update');
  const selection = compileSelection(model, args, 'update');
  const compiled = compileUpdate(model, args.data ?? {}, 'data');
  const work = async (): Promise<Row> => {
    const filter = await resolveUnique(context, model, args.where, 'where');
    const document = await updateDocument(context, model, filter, compiled, selection);
    if (!document) throw recordNotFound(model, 'an update');
    return oneRow(context, model, selection, document);
  };
  return compiled.nested.length > 0 ? runAtomically(context, work) : work();
}

export async function updateMany(
  context: ExecutionContext,
  model: Model,
  args: Args,
): Promise<{ count: number }> {
  checkArguments(args, UPDATE_MANY_ARGUMENTS, 'updateMany');
  const compiled = compileUpdate(model, args.data ?? {}, 'data');
  const [nested] = compiled.nested;
  if (nested)
    throw unknownField(
      'data',
      nested.field.name,
      model.name,
      model.stored.map((field) => field.name),
    );
  let filter = await resolveWhere(context, model, args.where, 'where');
  if (args.limit != null) filter = await limitedFilter(context, model, filter, args.limit);
  const change = compiled.update;
  if (change === null) {
    const [total] = await context.aggregate(model, [{ $match: filter }, { $count: 'count' }]);
    return { count: (total?.count as number | undefined) ?? 0 };
  }
  const result = await context.run(model, 'update', (collection, session) =>
    collection.updateMany(filter, change, { ...session, ...updateOptions(compiled) }),
  );
  return { count: result.matchedCount };
}

async function limitedFilter(
  context: ExecutionContext,
  model: Model,
  filter: Document,
  limit: unknown,
): Promise<Document> {
  if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 0) {
    throw new ArgumentError('Argument `limit`: Invalid value provided. Expected a non-negative Int.');
  }
  if (limit === 0) return { _id: { $in: [] } };
  const documents = await context.find(model, filter, { projection: { _id: 1 }, limit });
  // The condition is tested again by the write itself.
  return { $and: [filter, { _id: { $in: documents.map((document) => document._id as unknown) } }] };
}

const isDuplicate = (error: unknown): boolean =>
  (typeof error === 'object' && error !== null && (error as { code?: unknown }).code === 11000) ||
  (error instanceof MongoBulkWriteError && error.code === 11000);

/**
 * Updates the row or creates it. Two callers may upsert the same key at once: the loser's insert fails on the unique
 * index and its next round updates, so neither sees an error.
 */
export async function upsertDocument(
  context: ExecutionContext,
  model: Model,
  args: { where: unknown; create: unknown; update: unknown; selection?: Selection; linked?: Document },
): Promise<Document> {
  const unique = readUnique(model, args.where, 'where');
  const compiled = compileUpdate(model, args.update ?? {}, 'update');
  const filter = await resolveRest(context, model, unique, 'where');
  let failure: Error | undefined;
  for (let round = 0; round < MAX_UPSERT_ROUNDS; round += 1) {
    const updated = await updateDocument(context, model, filter, compiled, args.selection);
    if (updated) return updated;
    // A second failure of the insert without a row to update: another unique key is in the way.
    if (round > 1 && failure !== undefined) throw failure;
    try {
      return await createDocument(context, model, args.create, 'create', args.linked);
    } catch (error) {
      if (!isDuplicate(error) || context.transaction) throw error;
      failure = error as Error;
    }
  }
  throw failure as Error;
}

export async function upsert(context: ExecutionContext, model: Model, args: Args): Promise<Row> {
  checkArguments(args, UPSERT_ARGUMENTS, 'upsert');
  const selection = compileSelection(model, args, 'upsert');
  const work = async (): Promise<Row> => {
    const document = await upsertDocument(context, model, {
      where: args.where,
      create: args.create,
      update: args.update,
      selection,
    });
    return oneRow(context, model, selection, document);
  };
  const hasNested = [args.create, args.update].some(
    (data) => isPlainObject(data) && model.relations.some((field) => data[field.name] !== undefined),
  );
  return hasNested ? runAtomically(context, work) : work();
}

export async function deleteOne(context: ExecutionContext, model: Model, args: Args): Promise<Row> {
  checkArguments(args, DELETE_ARGUMENTS, 'delete');
  const selection = compileSelection(model, args, 'delete');
  const readsRelations = selection.relations.length > 0 || selection.counts !== null;
  const work = async (): Promise<Row> => {
    const filter = await resolveUnique(context, model, args.where, 'where');
    if (!readsRelations && findInbound(model).length === 0) {
      const deleted = await context.run(model, 'findAndModify', (collection, session) =>
        collection.findOneAndDelete(filter, { ...session, projection: selection.projection ?? undefined }),
      );
      if (!deleted) throw recordNotFound(model, 'a delete');
      return oneRow(context, model, selection, deleted);
    }
    const document = await context.findOne(model, filter, {});
    if (!document) throw recordNotFound(model, 'a delete');
    const row = await oneRow(context, model, selection, document);
    await applyOnDelete(context, model, [document]);
    const result = await context.run(model, 'delete', (collection, session) =>
      collection.deleteOne({ _id: document._id as never }, session),
    );
    if (result.deletedCount === 0) throw recordNotFound(model, 'a delete');
    return row;
  };
  return findInbound(model).length > 0 ? runAtomically(context, work) : work();
}

export async function deleteMany(
  context: ExecutionContext,
  model: Model,
  args: Args,
): Promise<{ count: number }> {
  checkArguments(args, DELETE_MANY_ARGUMENTS, 'deleteMany');
  const work = async (): Promise<{ count: number }> => {
    let filter = await resolveWhere(context, model, args.where, 'where');
    if (args.limit != null) filter = await limitedFilter(context, model, filter, args.limit);
    return { count: await deleteDocuments(context, model, filter) };
  };
  return findInbound(model).length > 0 ? runAtomically(context, work) : work();
}

/** Deletes what matches, minding the relations that point here. */
export async function deleteDocuments(
  context: ExecutionContext,
  model: Model,
  filter: Document,
): Promise<number> {
  let target = filter;
  if (findInbound(model).length > 0) {
    const documents = await context.find(model, filter, {});
    if (documents.length === 0) return 0;
    await applyOnDelete(context, model, documents);
    target = { _id: { $in: documents.map((document) => document._id as never) } };
  }
  const result = await context.run(model, 'delete', (collection, session) =>
    collection.deleteMany(target, session),
  );
  return result.deletedCount;
}
