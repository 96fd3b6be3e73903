/** insert, update, delete, findAndModify. */
import { Int32, ObjectId, type Document } from 'bson';
import { applyUpdate, compileFilter, compileProjection, upsertSeed } from '../query';
import { emptyCollection, type Collection } from '../catalog';
import { encodeIdKey } from '../collection-store';
import type { Target } from '../engine';
import { MongoCommandError, isOutOfSpace, writeErrorItem } from '../errors';
import { FindStream } from '../find-stream';
import { isScalar } from '../planner';
import { decode, decodeId, encode, withIdFirst } from '../raw-bson';
import type { Hit } from '../scan';
import { Parked } from '../storage';
import { checkId } from './document-ids';
import {
  checkCollation,
  collectionName,
  collectionNamed,
  documentOf,
  ensureCollection,
  flagOf,
  hintOf,
  numberOf,
  refuseOptions,
  refuseUnknown,
  requireField,
  runWrite,
  type CommandContext,
  type CommandSpec,
} from './context';

const MAX_BATCH = 100_000;

/** Items of a write command: undecoded from a kind-1 section, or decoded from the command body. */
function statements(ctx: CommandContext, field: string): Document[] {
  const sequence = ctx.sequences.get(field);
  const items = sequence?.map(decode) ?? (ctx.body[field] as unknown);
  requireField(items, `${ctx.name}.${field}`);
  if (!Array.isArray(items))
    throw new MongoCommandError('TypeMismatch', `'${ctx.name}.${field}' must be an array`);
  checkBatch(items);
  return items as Document[];
}

/** @throws MongoCommandError InvalidLength for no operations or more than 100,000 */
export function checkBatch(operations: readonly unknown[]): void {
  if (operations.length >= 1 && operations.length <= MAX_BATCH) return;
  throw new MongoCommandError(
    'InvalidLength',
    `Write batch sizes must be between 1 and ${MAX_BATCH}. Got ${operations.length} operations.`,
  );
}

const isOrdered = (body: Document): boolean => body['ordered'] === undefined || flagOf(body['ordered']);

/** Errors that concern the whole command, not one of its items. */
function concernsWholeCommand(error: unknown): boolean {
  return error instanceof Parked || isOutOfSpace(error) || isTransient(error);
}

function isTransient(error: unknown): boolean {
  return error instanceof MongoCommandError && error.details['errorLabels'] !== undefined;
}

/** Runs items in order; unordered goes on past a failed item. */
export function runItems<T>(
  items: readonly T[],
  options: { ordered: boolean },
  run: (item: T, index: number) => void,
): Document[] {
  const errors: Document[] = [];
  for (let i = 0; i < items.length; i++) {
    try {
      run(items[i]!, i);
    } catch (error) {
      if (concernsWholeCommand(error)) throw error;
      errors.push(writeErrorItem(i, error));
      if (options.ordered) break;
    }
  }
  return errors;
}

const OK_ONE = 1;
function withErrors(reply: Document, errors: Document[]): Document {
  return errors.length === 0 ? { ...reply, ok: OK_ONE } : { ...reply, writeErrors: errors, ok: OK_ONE };
}

/** Gives a document without `_id` one, puts `_id` first, and refuses ids MongoDB refuses. */
export function prepareInsert(raw: Buffer): Buffer {
  const first = withIdFirst(raw) ?? encode({ _id: new ObjectId(), ...decode(raw) });
  checkId(decodeId(first));
  return first;
}

export function insertOne(target: Target, collection: Collection, raw: Buffer): void {
  target.apply(collection, { idKey: encodeIdKey(decodeId(raw)), before: null, after: raw });
}

const insert: CommandSpec = {
  writeConcern: true,
  inTransaction: true,
  options: ['documents', 'ordered', 'bypassDocumentValidation', 'stmtId', 'stmtIds', 'maxTimeMS'],
  async run(ctx) {
    const name = collectionName(ctx);
    const documents = ctx.sequences.get('documents') ?? rawDocuments(ctx.body['documents']);
    checkBatch(documents);
    return runWrite(ctx, (target) => {
      const collection = ensureCollection(ctx, name);
      let n = 0;
      const errors = runItems(documents, { ordered: isOrdered(ctx.body) }, (raw) => {
        insertOne(target, collection, prepareInsert(raw));
        n += 1;
      });
      return withErrors({ n }, errors);
    });
  },
};

function rawDocuments(documents: unknown): Buffer[] {
  requireField(documents, 'insert.documents');
  if (!Array.isArray(documents))
    throw new MongoCommandError('TypeMismatch', "'insert.documents' must be an array");
  return documents.map((document: Document) => encode(document));
}

export interface UpdateStatement {
  filter: Document;
  update: Document | Document[];
  multi: boolean;
  upsert: boolean;
  arrayFilters: Document[] | undefined;
  hint: string | Document | undefined;
  sort: Document;
}

export interface UpdateOutcome {
  matched: number;
  modified: number;
  upsertedId: { id: unknown } | null;
  before: Buffer | null;
  after: Buffer | null;
}

const UPDATE_FIELDS = [
  'q',
  'u',
  'multi',
  'upsert',
  'arrayFilters',
  'collation',
  'hint',
  'c',
  'sort',
  'sampleId',
];

function updateStatement(item: Document): UpdateStatement {
  refuseUnknown('update.updates', item, UPDATE_FIELDS);
  checkCollation(item['collation']);
  if (item['c'] !== undefined) {
    throw new MongoCommandError(
      'CommandNotSupported',
      "'c' (constants of a pipeline update) is not supported by the embedded server",
    );
  }
  requireField(item['q'], 'update.updates.q');
  requireField(item['u'], 'update.updates.u');
  if (typeof item['u'] !== 'object' || item['u'] === null) {
    throw new MongoCommandError(
      'FailedToParse',
      "Update argument must be either an object or an array ('u')",
    );
  }
  const update = item['u'] as Document | Document[];
  const multi = flagOf(item['multi']);
  if (multi && isReplacement(update)) {
    throw new MongoCommandError(
      'FailedToParse',
      'multi update is not supported for replacement-style update',
    );
  }
  return {
    filter: documentOf(item['q'], 'update.updates.q'),
    update,
    multi,
    upsert: flagOf(item['upsert']),
    arrayFilters: item['arrayFilters'] as Document[] | undefined,
    hint: hintOf(item['hint']),
    sort: documentOf(item['sort'], 'update.updates.sort'),
  };
}

function isReplacement(update: Document | Document[]): boolean {
  return !Array.isArray(update) && !Object.keys(update)[0]?.startsWith('$');
}

/** Documents a write will touch, found before the first is changed so that none is met twice. */
function findTargets(
  ctx: CommandContext,
  target: Target,
  collection: Collection,
  query: { filter: Document; sort: Document; hint: string | Document | undefined; limit: number },
): Hit[] {
  const { filter } = query;
  if (query.hint === undefined && isScalar(filter['_id'])) return findTargetById(target, collection, filter);
  const view = target.view(collection);
  const stream = new FindStream(
    ctx.engine.storage,
    collection,
    { ...query, skip: 0, expected: query.limit || 101 },
    view,
  );
  const hits: Hit[] = [];
  for (let hit = stream.nextHit(); hit !== null; hit = stream.nextHit()) hits.push(hit);
  return hits;
}

/** At most one document has this `_id`; the further conditions are tried on it alone. */
function findTargetById(target: Target, collection: Collection, filter: Document): Hit[] {
  const { _id: id, ...rest } = filter;
  const isPlain = Object.keys(rest).length === 0;
  // A wrong condition is refused also when there is no such document.
  const matches = isPlain ? null : compileFilter(rest);
  const idKey = encodeIdKey(id);
  const raw = target.get(collection, idKey);
  if (raw === undefined) return [];
  if (matches === null) return [{ idKey, raw }];
  const doc = decode(raw);
  return matches(doc) ? [{ idKey, raw, doc }] : [];
}

/** One update statement: finds, changes, upserts. */
export function runUpdate(
  ctx: CommandContext,
  target: Target,
  collection: Collection,
  statement: UpdateStatement,
): UpdateOutcome {
  const { filter, sort, hint, multi, upsert } = statement;
  const hits = findTargets(ctx, target, collection, { filter, sort, hint, limit: multi ? 0 : 1 });
  if (hits.length === 0) {
    if (upsert) return runUpsert(target, collection, statement);
    // A wrong update is refused even when it has nothing to change.
    applyUpdate(
      { _id: null },
      isReplacement(statement.update) ? { $set: {} } : statement.update,
      updateOptions(statement, true),
    );
    return { matched: 0, modified: 0, upsertedId: null, before: null, after: null };
  }
  let modified = 0;
  let after: Buffer | null = null;
  for (const hit of hits) {
    const doc = hit.doc ?? decode(hit.raw);
    const updated = applyUpdate(doc, statement.update, updateOptions(statement, false));
    if (!('_id' in updated))
      throw new MongoCommandError(
        'ImmutableField',
        "Performing an update would remove the immutable field '_id'",
      );
    const bytes = encode(updated);
    after = withIdFirst(bytes)!;
    if (after.equals(hit.raw)) continue;
    if (!encodeIdKey(decodeId(after)).equals(hit.idKey)) {
      throw new MongoCommandError(
        'ImmutableField',
        "Performing an update on the path '_id' would modify the immutable field '_id'",
      );
    }
    target.apply(collection, { idKey: hit.idKey, before: hit.raw, after });
    modified += 1;
  }
  return { matched: hits.length, modified, upsertedId: null, before: hits[0]!.raw, after };
}

function updateOptions(statement: UpdateStatement, insert: boolean): Parameters<typeof applyUpdate>[2] {
  const { arrayFilters, filter } = statement;
  return { filter, insert, ...(arrayFilters === undefined ? {} : { arrayFilters }) };
}

function runUpsert(target: Target, collection: Collection, statement: UpdateStatement): UpdateOutcome {
  const seed = upsertSeed(statement.filter);
  const created = isReplacement(statement.update)
    ? { ...('_id' in seed ? { _id: seed['_id'] } : {}), ...(statement.update as Document) }
    : applyUpdate(seed, statement.update, updateOptions(statement, true));
  const doc =
    '_id' in created && created['_id'] !== undefined ? created : { _id: new ObjectId(), ...created };
  const raw = prepareInsert(encode(doc));
  insertOne(target, collection, raw);
  return { matched: 0, modified: 0, upsertedId: { id: decodeId(raw) }, before: null, after: raw };
}

const isUpsert = (item: Document): boolean => flagOf(item['upsert']);

/** An update that finds nothing makes no collection; an upsert does. */
function collectionToUpdate(ctx: CommandContext, name: string, upserts: boolean): Collection {
  return upserts
    ? ensureCollection(ctx, name)
    : (collectionNamed(ctx, name) ?? emptyCollection(ctx.db, name));
}

const update: CommandSpec = {
  writeConcern: true,
  inTransaction: true,
  options: ['updates', 'ordered', 'bypassDocumentValidation', 'let', 'stmtId', 'stmtIds'],
  async run(ctx) {
    refuseOptions(ctx, ['let']);
    const name = collectionName(ctx);
    const items = statements(ctx, 'updates');
    return runWrite(ctx, (target) => {
      const collection = collectionToUpdate(ctx, name, items.some(isUpsert));
      let n = 0;
      let nModified = 0;
      const upserted: Document[] = [];
      const errors = runItems(items, { ordered: isOrdered(ctx.body) }, (item, index) => {
        const outcome = runUpdate(ctx, target, collection, updateStatement(item));
        n += outcome.matched + (outcome.upsertedId === null ? 0 : 1);
        nModified += outcome.modified;
        if (outcome.upsertedId !== null) upserted.push({ index, _id: outcome.upsertedId.id });
      });
      return withErrors({ n, nModified, ...(upserted.length > 0 ? { upserted } : {}) }, errors);
    });
  },
};

export function runDelete(
  ctx: CommandContext,
  target: Target,
  collection: Collection,
  query: { filter: Document; sort: Document; hint: string | Document | undefined; limit: number },
): Hit[] {
  const hits = findTargets(ctx, target, collection, query);
  for (const { idKey, raw } of hits) target.apply(collection, { idKey, before: raw, after: null });
  return hits;
}

const DELETE_FIELDS = ['q', 'limit', 'collation', 'hint', 'sampleId'];

function deleteQuery(item: Document): {
  filter: Document;
  hint: string | Document | undefined;
  limit: number;
} {
  refuseUnknown('delete.deletes', item, DELETE_FIELDS);
  checkCollation(item['collation']);
  requireField(item['q'], 'delete.deletes.q');
  requireField(item['limit'], 'delete.deletes.limit');
  const limit = numberOf(item['limit'], 'delete.deletes.limit');
  if (limit !== 0 && limit !== 1) {
    throw new MongoCommandError(
      'FailedToParse',
      `The limit field in delete objects must be 0 or 1. Got ${limit}`,
    );
  }
  return { filter: documentOf(item['q'], 'delete.deletes.q'), hint: hintOf(item['hint']), limit };
}

const deleteCommand: CommandSpec = {
  writeConcern: true,
  inTransaction: true,
  options: ['deletes', 'ordered', 'let', 'stmtId', 'stmtIds'],
  run(ctx) {
    refuseOptions(ctx, ['let']);
    const name = collectionName(ctx);
    const items = statements(ctx, 'deletes');
    return runWrite(ctx, (target) => {
      const collection = collectionNamed(ctx, name);
      let n = 0;
      const errors = runItems(items, { ordered: isOrdered(ctx.body) }, (item) => {
        const query = deleteQuery(item);
        if (collection !== undefined) n += runDelete(ctx, target, collection, { ...query, sort: {} }).length;
      });
      return withErrors({ n }, errors);
    });
  },
};

const findAndModify: CommandSpec = {
  writeConcern: true,
  inTransaction: true,
  options: [
    'query',
    'sort',
    'remove',
    'update',
    'new',
    'fields',
    'upsert',
    'bypassDocumentValidation',
    'arrayFilters',
    'hint',
    'collation',
    'let',
    'stmtId',
  ],
  async run(ctx) {
    const { body } = ctx;
    refuseOptions(ctx, ['let']);
    checkCollation(body['collation']);
    const name = collectionName(ctx);
    const remove = flagOf(body['remove']);
    if (remove === (body['update'] !== undefined)) {
      throw new MongoCommandError(
        'FailedToParse',
        "Either an update or remove=true must be specified, and not both ('update', 'remove')",
      );
    }
    if (remove && flagOf(body['new'])) {
      throw new MongoCommandError(
        'FailedToParse',
        'Cannot specify both new=true and remove=true; remove always returns the deleted document',
      );
    }
    return runWrite(ctx, (target) => {
      if (remove) return removeOne(ctx, target, name);
      return modifyOne(ctx, target, collectionToUpdate(ctx, name, isUpsert(body)));
    });
  },
};

function projected(ctx: CommandContext, raw: Buffer | null): Document | null {
  if (raw === null) return null;
  const fields = documentOf(ctx.body['fields'], 'findAndModify.fields');
  const doc = decode(raw);
  if (Object.keys(fields).length === 0) return doc;
  return compileProjection(fields, documentOf(ctx.body['query'], 'findAndModify.query'))(doc);
}

function removeOne(ctx: CommandContext, target: Target, name: string): Document {
  const { body } = ctx;
  const collection = collectionNamed(ctx, name);
  const query = {
    filter: documentOf(body['query'], 'findAndModify.query'),
    sort: documentOf(body['sort'], 'findAndModify.sort'),
    hint: hintOf(body['hint']),
    limit: 1,
  };
  const hits = collection === undefined ? [] : runDelete(ctx, target, collection, query);
  return {
    lastErrorObject: { n: new Int32(hits.length) },
    value: projected(ctx, hits[0]?.raw ?? null),
    ok: 1,
  };
}

function modifyOne(ctx: CommandContext, target: Target, collection: Collection): Document {
  const { body } = ctx;
  const outcome = runUpdate(ctx, target, collection, {
    filter: documentOf(body['query'], 'findAndModify.query'),
    update: body['update'] as Document | Document[],
    multi: false,
    upsert: flagOf(body['upsert']),
    arrayFilters: body['arrayFilters'] as Document[] | undefined,
    hint: hintOf(body['hint']),
    sort: documentOf(body['sort'], 'findAndModify.sort'),
  });
  const { upsertedId } = outcome;
  return {
    lastErrorObject: {
      n: new Int32(outcome.matched + (upsertedId === null ? 0 : 1)),
      updatedExisting: outcome.matched > 0,
      ...(upsertedId === null ? {} : { upserted: upsertedId.id }),
    },
    value: projected(ctx, flagOf(body['new']) ? outcome.after : outcome.before),
    ok: 1,
  };
}

export const writeCommands: Record<string, CommandSpec> = {
  insert,
  update,
  delete: deleteCommand,
  findAndModify,
  findandmodify: findAndModify,
};
