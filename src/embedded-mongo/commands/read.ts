/** find, getMore, killCursors, count, distinct. */
import { Long, type Document } from 'bson';
import { encodeKey } from '../query';
import { emptyCollection, type Collection } from '../catalog';
import { MongoCommandError } from '../errors';
import { DEFAULT_FIRST_BATCH, MAX_BATCH_BYTES } from '../cursors';
import {
  ArrayStream,
  FindStream,
  compileRawProjection,
  type FindRequest,
  type ResultStream,
} from '../find-stream';
import { idsOf, readByIds } from '../id-lookup';
import { cursorReply, decode, decodeFields, type RawReply } from '../raw-bson';
import type { View } from '../scan';
import { eachDistinct } from '../query/paths';
import {
  checkCollation,
  collectionName,
  countOf,
  documentOf,
  findCollection,
  flagOf,
  hintOf,
  numberOf,
  refuseOptions,
  requireField,
  type CommandContext,
  type CommandSpec,
} from './context';

export function viewOf(ctx: CommandContext, collection: Collection): View {
  return ctx.transaction === null ? {} : ctx.transaction.view(collection);
}

/** @throws for every find option this server does not implement */
export function findRequest(ctx: CommandContext): FindRequest {
  const { body } = ctx;
  refuseOptions(ctx, ['tailable', 'awaitData', 'min', 'max', 'returnKey', 'showRecordId', 'oplogReplay']);
  checkCollation(body['collation']);
  const limit = body['limit'] === undefined ? 0 : numberOf(body['limit'], 'limit');
  if (limit < 0)
    throw new MongoCommandError('BadValue', `BSON field 'limit' value must be >= 0, actual value '${limit}'`);
  return {
    filter: documentOf(body['filter'], 'find.filter'),
    sort: documentOf(body['sort'], 'find.sort'),
    projection: documentOf(body['projection'], 'find.projection'),
    skip: countOf(body['skip'], 'skip', 0),
    limit,
    hint: hintOf(body['hint']),
    expected: body['batchSize'] === undefined ? undefined : countOf(body['batchSize'], 'batchSize', 101),
  };
}

export function openFind(
  ctx: CommandContext,
  collection: Collection | undefined,
  request: FindRequest,
): ResultStream {
  if (collection === undefined) {
    // A wrong query is wrong on an absent collection too.
    validateFind(ctx, request);
    return new ArrayStream([]);
  }
  return new FindStream(ctx.engine.storage, collection, request, viewOf(ctx, collection));
}

function validateFind(ctx: CommandContext, request: FindRequest): void {
  const empty = emptyCollection(ctx.db, '');
  new FindStream(ctx.engine.storage, empty, { ...request, hint: undefined }, {});
}

const find: CommandSpec = {
  readConcern: true,
  inTransaction: true,
  options: [
    'filter',
    'sort',
    'projection',
    'hint',
    'skip',
    'limit',
    'batchSize',
    'singleBatch',
    'max',
    'min',
    'returnKey',
    'showRecordId',
    'tailable',
    'oplogReplay',
    'noCursorTimeout',
    'awaitData',
    'allowPartialResults',
    'collation',
    'allowDiskUse',
    'let',
  ],
  run(ctx) {
    refuseOptions(ctx, ['let']);
    const { body, engine } = ctx;
    const collection = findCollection(ctx);
    const request = findRequest(ctx);
    return (
      findByIds(ctx, collection, request) ??
      engine.cursors.start({
        ns: `${ctx.db}.${collectionName(ctx)}`,
        stream: openFind(ctx, collection, request),
        batchSize: body['batchSize'] === undefined ? undefined : request.expected,
        singleBatch: flagOf(body['singleBatch']),
        noTimeout: flagOf(body['noCursorTimeout']),
        maxTimeMs: maxTimeMs(ctx),
        session: ctx.session,
        transaction: ctx.transaction,
      })
    );
  },
};

/** The reply to a query by ids whose answer surely fits one batch, or null. */
function findByIds(
  ctx: CommandContext,
  collection: Collection | undefined,
  request: FindRequest,
): RawReply | null {
  if (collection === undefined || ctx.transaction !== null || request.hint !== undefined) return null;
  if (request.skip > 0 || Object.keys(request.sort).length > 0) return null;
  const ids = idsOf(request.filter);
  if (ids === null || ids.length > (request.expected ?? DEFAULT_FIRST_BATCH)) return null;
  const project = compileRawProjection(request.projection, request.filter);
  const found = readByIds(ctx.engine.storage, collection, ids, request.limit);
  const bytes = found.reduce((sum, raw) => sum + raw.length, 0);
  if (bytes > MAX_BATCH_BYTES && found.length > 1) return null;
  const batch = project === null ? found : found.map(project);
  return cursorReply('firstBatch', batch, { id: 0n, ns: collection.ns });
}

function cursorId(value: unknown): bigint {
  if (value instanceof Long) return value.toBigInt();
  return BigInt(numberOf(value, 'cursor id'));
}

const getMore: CommandSpec = {
  inTransaction: true,
  options: ['collection', 'batchSize', 'term', 'lastKnownCommittedOpTime'],
  run(ctx) {
    const { body } = ctx;
    return ctx.engine.cursors.more(
      cursorId(body['getMore']),
      `${ctx.db}.${collectionName(ctx, 'collection')}`,
      {
        batchSize: countOf(body['batchSize'], 'batchSize', 0),
        maxTimeMs: maxTimeMs(ctx),
        transaction: ctx.transaction,
      },
    );
  },
};

const killCursors: CommandSpec = {
  inTransaction: true,
  options: ['cursors'],
  run({ body, engine }) {
    if (!Array.isArray(body['cursors']))
      throw new MongoCommandError('TypeMismatch', "'cursors' must be an array");
    const { killed, notFound } = engine.cursors.kill(body['cursors'].map(cursorId));
    const longs = (ids: bigint[]): Long[] => ids.map((id) => Long.fromBigInt(id));
    return {
      cursorsKilled: longs(killed),
      cursorsNotFound: longs(notFound),
      cursorsAlive: [],
      cursorsUnknown: [],
      ok: 1,
    };
  },
};

export const maxTimeMs = (ctx: CommandContext): number => countOf(ctx.body['maxTimeMS'], 'maxTimeMS', 0);

/** Documents matching `request`, without reading them where the collection's counter or an index range suffices. */
export async function countMatches(
  ctx: CommandContext,
  collection: Collection,
  request: FindRequest,
): Promise<number> {
  const view = viewOf(ctx, collection);
  const inTransaction = view.snapshot !== undefined;
  const clip = (total: number): number => {
    const rest = Math.max(0, total - request.skip);
    return request.limit === 0 ? rest : Math.min(rest, request.limit);
  };
  if (!inTransaction && Object.keys(request.filter).length === 0) return clip(collection.count);
  const stream = new FindStream(
    ctx.engine.storage,
    collection,
    { ...request, sort: {}, projection: undefined },
    view,
  );
  const access = stream.plan.access[0]!;
  const isMultikey = access.index?.multikey.includes(true) ?? false;
  if (!inTransaction && stream.plan.exact && stream.plan.access.length === 1 && !isMultikey) {
    const table = access.index === null ? ctx.engine.storage.documents : ctx.engine.storage.entries;
    return clip(access.ranges.reduce((sum, range) => sum + table.getKeysCount({ ...range }), 0));
  }
  let total = 0;
  await stream.eachHit(() => void (total += 1), maxTimeMs(ctx));
  return total;
}

const count: CommandSpec = {
  readConcern: true,
  options: ['query', 'limit', 'skip', 'hint', 'fields', 'collation'],
  async run(ctx) {
    const { body } = ctx;
    checkCollation(body['collation']);
    const collection = findCollection(ctx);
    const request: FindRequest = {
      filter: documentOf(body['query'], 'count.query'),
      sort: {},
      skip: countOf(body['skip'], 'skip', 0),
      limit: Math.abs(body['limit'] === undefined ? 0 : numberOf(body['limit'], 'limit')),
      hint: hintOf(body['hint']),
    };
    if (collection === undefined) validateFind(ctx, request);
    return { n: collection === undefined ? 0 : await countMatches(ctx, collection, request), ok: 1 };
  },
};

/** Replies are one document; distinct has no cursor to spread over several. */
const MAX_DISTINCT_BYTES = 16 * 1024 * 1024;

const distinct: CommandSpec = {
  readConcern: true,
  inTransaction: true,
  options: ['key', 'query', 'collation', 'hint'],
  async run(ctx) {
    const { body, engine } = ctx;
    checkCollation(body['collation']);
    const path: unknown = body['key'];
    requireField(path, 'distinct.key');
    if (typeof path !== 'string')
      throw new MongoCommandError('TypeMismatch', "'distinct.key' must be a string");
    const collection = findCollection(ctx);
    const request: FindRequest = {
      filter: documentOf(body['query'], 'distinct.query'),
      sort: {},
      skip: 0,
      limit: 0,
      hint: hintOf(body['hint']),
    };
    if (collection === undefined) {
      validateFind(ctx, request);
      return { values: [], ok: 1 };
    }
    const stream = new FindStream(engine.storage, collection, request, viewOf(ctx, collection));
    const parts = path.split('.');
    const fields = new Set([parts[0]!]);
    const values = new Map<string, unknown>();
    let bytes = 0;
    await stream.eachHit((hit) => {
      eachDistinct(decodeFields(hit.raw, fields), parts, 0, (value) => {
        const key = encodeKey([value]).toString('latin1');
        if (values.has(key)) return;
        values.set(key, value);
        bytes += key.length;
      });
      if (bytes > MAX_DISTINCT_BYTES) {
        throw new MongoCommandError(
          'BSONObjectTooLarge',
          'distinct too big, 16mb cap; use an aggregation with $group',
        );
      }
    }, maxTimeMs(ctx));
    const ordered = [...values.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
    return { values: ordered, ok: 1 };
  },
};

/** Every document of a collection in storage order, decoded on demand. */
export function* allDocuments(ctx: CommandContext, collection: Collection): Generator<Document> {
  const stream = new FindStream(
    ctx.engine.storage,
    collection,
    { filter: {}, sort: {}, skip: 0, limit: 0 },
    viewOf(ctx, collection),
  );
  for (let hit = stream.nextHit(); hit !== null; hit = stream.nextHit()) yield decode(hit.raw);
}

export const readCommands: Record<string, CommandSpec> = { find, getMore, killCursors, count, distinct };
