/** Databases and collections: create, drop, rename, list, statistics, validate. */
import { Binary, Int32, Long, type Document } from 'bson';
import { compileFilter } from '../query';
import type { Collection } from '../catalog';
import { MongoCommandError } from '../errors';
import { ArrayStream } from '../find-stream';
import { extractKeys } from '../index-keys';
import { documentKey, idKeyOfDocumentKey, idKeyOfEntry, indexEntryKey, prefixKey, successor } from '../keys';
import { decode } from '../raw-bson';
import {
  checkCollation,
  collectionName,
  countOf,
  documentOf,
  ensureCollection,
  findCollection,
  flagOf,
  numberOf,
  refuseOptions,
  type CommandContext,
  type CommandSpec,
} from './context';

const create: CommandSpec = {
  inTransaction: true,
  writeConcern: true,
  options: [
    'capped',
    'timeseries',
    'expireAfterSeconds',
    'clusteredIndex',
    'size',
    'max',
    'storageEngine',
    'validator',
    'validationLevel',
    'validationAction',
    'indexOptionDefaults',
    'viewOn',
    'pipeline',
    'collation',
    'changeStreamPreAndPostImages',
    'encryptedFields',
    'autoIndexId',
    'idIndex',
  ],
  run(ctx) {
    refuseOptions(ctx, [
      'capped',
      'timeseries',
      'expireAfterSeconds',
      'clusteredIndex',
      'validator',
      'viewOn',
      'pipeline',
      'changeStreamPreAndPostImages',
      'encryptedFields',
    ]);
    checkCollation(ctx.body['collation']);
    const name = collectionName(ctx);
    if (ctx.transaction !== null) {
      ensureCollection(ctx, name);
      return { ok: 1 };
    }
    return ctx.engine.writeAlone(() => {
      // Since 7.0 a repeated create with the same options succeeds; every option that could differ was refused above.
      ctx.engine.ensureCollection(ctx.db, name);
      return { ok: 1 };
    });
  },
};

const drop: CommandSpec = {
  writeConcern: true,
  options: [],
  run(ctx) {
    return ctx.engine.writeAlone(() => {
      const collection = findCollection(ctx);
      // Since 7.0 dropping what is not there succeeds.
      if (collection === undefined) return { ok: 1 };
      const { ns } = collection;
      const nIndexesWas = new Int32(collection.indexes.length + 1);
      ctx.engine.dropCollection(collection);
      return { nIndexesWas, ns, ok: 1 };
    });
  },
};

const dropDatabase: CommandSpec = {
  writeConcern: true,
  options: [],
  run(ctx) {
    return ctx.engine.writeAlone(() => {
      const collections = ctx.engine.catalog.list(ctx.db);
      for (const collection of collections) ctx.engine.dropCollection(collection);
      return collections.length > 0 ? { dropped: ctx.db, ok: 1 } : { ok: 1 };
    });
  },
};

function splitNamespace(value: unknown, field: string): [db: string, name: string] {
  const dot = typeof value === 'string' ? value.indexOf('.') : -1;
  if (dot < 1)
    throw new MongoCommandError('InvalidNamespace', `'${field}' must be '<database>.<collection>'`);
  return [(value as string).slice(0, dot), (value as string).slice(dot + 1)];
}

const renameCollection: CommandSpec = {
  writeConcern: true,
  options: ['to', 'dropTarget'],
  run(ctx) {
    const { engine } = ctx;
    const [fromDb, fromName] = splitNamespace(ctx.body['renameCollection'], 'renameCollection');
    const [toDb, toName] = splitNamespace(ctx.body['to'], 'to');
    return engine.writeAlone(() => {
      const source = engine.catalog.find(fromDb, fromName);
      if (source === undefined)
        throw new MongoCommandError(
          'NamespaceNotFound',
          `Source collection ${fromDb}.${fromName} does not exist`,
        );
      const target = engine.catalog.find(toDb, toName);
      if (target === source)
        throw new MongoCommandError('IllegalOperation', "Can't rename a collection to itself");
      if (target !== undefined) {
        if (!flagOf(ctx.body['dropTarget']))
          throw new MongoCommandError('NamespaceExists', `target namespace exists: ${toDb}.${toName}`);
        engine.dropCollection(target);
      }
      engine.catalog.rename(source, toDb, toName);
      return { ok: 1 };
    });
  },
};

const listCollections: CommandSpec = {
  options: ['filter', 'nameOnly', 'authorizedCollections', 'cursor'],
  run(ctx) {
    const matches = compileFilter(documentOf(ctx.body['filter'], 'listCollections.filter'));
    const nameOnly = flagOf(ctx.body['nameOnly']);
    const documents = ctx.engine.catalog
      .list(ctx.db)
      .map((collection) => describeCollection(collection))
      .filter(matches)
      .map((doc) => (nameOnly ? { name: doc['name'], type: doc['type'] } : doc));
    const batchSize: unknown = documentOf(ctx.body['cursor'], 'listCollections.cursor')['batchSize'];
    return ctx.engine.cursors.start({
      ns: `${ctx.db}.$cmd.listCollections`,
      stream: new ArrayStream(documents),
      batchSize: batchSize === undefined ? undefined : countOf(batchSize, 'batchSize', 101),
      session: ctx.session,
    });
  },
};

function describeCollection(collection: Collection): Document {
  return {
    name: collection.name,
    type: 'collection',
    options: collection.options,
    info: { readOnly: false, uuid: new Binary(collection.uuid, Binary.SUBTYPE_UUID) },
    idIndex: { v: new Int32(2), key: { _id: new Int32(1) }, name: '_id_' },
  };
}

const listDatabases: CommandSpec = {
  options: ['filter', 'nameOnly', 'authorizedDatabases'],
  run(ctx) {
    const sizes = new Map<string, number>();
    for (const { db, size } of ctx.engine.catalog.list()) sizes.set(db, (sizes.get(db) ?? 0) + size);
    const matches = compileFilter(documentOf(ctx.body['filter'], 'listDatabases.filter'));
    const nameOnly = flagOf(ctx.body['nameOnly']);
    const databases = [...sizes]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, size]) => ({ name, sizeOnDisk: Long.fromNumber(size), empty: size === 0 }))
      .filter(matches)
      .map((database) => (nameOnly ? { name: database.name } : database));
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    return { databases, ...(nameOnly ? {} : { totalSize: Long.fromNumber(total) }), ok: 1 };
  },
};

const long = (value: number): Long => Long.fromNumber(Math.round(value));

export function collectionStats(collection: Collection, scale: number): Document {
  const { count, size } = collection;
  return {
    ns: collection.ns,
    size: long(size / scale),
    count: long(count),
    ...(count > 0 ? { avgObjSize: long(size / count) } : {}),
    storageSize: long(size / scale),
    freeStorageSize: long(0),
    capped: false,
    nindexes: new Int32(collection.indexes.length + 1),
    indexBuilds: [],
    totalIndexSize: long(0),
    totalSize: long(size / scale),
    indexSizes: Object.fromEntries(
      ['_id_', ...collection.indexes.map(({ name }) => name)].map((name) => [name, long(0)]),
    ),
    scaleFactor: new Int32(scale),
  };
}

function scaleOf(body: Document): number {
  const scale = body['scale'] === undefined ? 1 : Math.trunc(numberOf(body['scale'], 'scale'));
  if (scale < 1) throw new MongoCommandError('BadValue', "'scale' must be >= 1");
  return scale;
}

const EMPTY_STATS = { size: 0, count: 0, storageSize: 0, totalSize: 0, totalIndexSize: 0, nindexes: 0 };

const collStats: CommandSpec = {
  options: ['scale'],
  run(ctx) {
    const collection = findCollection(ctx);
    const scale = scaleOf(ctx.body);
    if (collection === undefined) return { ns: `${ctx.db}.${collectionName(ctx)}`, ...EMPTY_STATS, ok: 1 };
    return { ...collectionStats(collection, scale), ok: 1 };
  },
};

const dbStats: CommandSpec = {
  options: ['scale', 'freeStorage'],
  run(ctx) {
    const collections = ctx.engine.catalog.list(ctx.db);
    const scale = scaleOf(ctx.body);
    const objects = collections.reduce((sum, { count }) => sum + count, 0);
    const bytes = collections.reduce((sum, { size }) => sum + size, 0);
    return {
      db: ctx.db,
      collections: long(collections.length),
      views: long(0),
      objects: long(objects),
      avgObjSize: objects === 0 ? 0 : bytes / objects,
      dataSize: bytes / scale,
      storageSize: bytes / scale,
      indexes: long(collections.reduce((sum, { indexes }) => sum + indexes.length + 1, 0)),
      indexSize: 0,
      totalSize: bytes / scale,
      scaleFactor: long(scale),
      ok: 1,
    };
  },
};

/** Reads every document and every index entry and compares them. */
const validate: CommandSpec = {
  options: ['full', 'repair', 'metadata', 'checkBSONConformance', 'background'],
  run(ctx) {
    refuseOptions(ctx, ['repair']);
    const collection = findCollection(ctx);
    if (collection === undefined) {
      throw new MongoCommandError(
        'NamespaceNotFound',
        `Collection '${ctx.db}.${collectionName(ctx)}' does not exist to validate.`,
      );
    }
    const errors: string[] = [];
    const { count, entries } = checkDocuments(ctx, collection, errors);
    const keysPerIndex: Document = { _id_: long(count) };
    for (const index of collection.indexes) {
      const found = countEntries(ctx, collection, index.id, index.name, errors);
      keysPerIndex[index.name] = long(found);
      const expected = entries.get(index.name)!;
      if (found !== expected)
        errors.push(`index '${index.name}' has ${found} entries; its documents call for ${expected}`);
    }
    if (count !== collection.count)
      errors.push(`the collection's counter says ${collection.count}; it holds ${count} documents`);
    return {
      ns: collection.ns,
      nrecords: long(count),
      nIndexes: new Int32(collection.indexes.length + 1),
      keysPerIndex,
      valid: errors.length === 0,
      warnings: [],
      errors,
      ok: 1,
    };
  },
};

function checkDocuments(
  { engine }: CommandContext,
  collection: Collection,
  errors: string[],
): { count: number; entries: Map<string, number> } {
  const entries = new Map(collection.indexes.map(({ name }) => [name, 0]));
  const start = prefixKey(collection.id);
  let count = 0;
  for (const { key, value } of engine.storage.documents.getRange({ start, end: successor(start) })) {
    count += 1;
    const doc = decode(Buffer.from(value));
    const idKey = idKeyOfDocumentKey(key);
    for (const index of collection.indexes) {
      for (const valueKey of extractKeys(index, doc).keys) {
        entries.set(index.name, entries.get(index.name)! + 1);
        if (!engine.storage.entries.doesExist(indexEntryKey(index.id, valueKey, idKey))) {
          errors.push(`index '${index.name}' lacks an entry of the document ${JSON.stringify(doc['_id'])}`);
        }
      }
    }
  }
  return { count, entries };
}

function countEntries(
  { engine }: CommandContext,
  collection: Collection,
  indexId: number,
  name: string,
  errors: string[],
): number {
  const start = prefixKey(indexId);
  let found = 0;
  for (const entry of engine.storage.entries.getKeys({ start, end: successor(start) })) {
    found += 1;
    if (!engine.storage.documents.doesExist(documentKey(collection.id, idKeyOfEntry(entry)))) {
      errors.push(`index '${name}' points to a document that is not there`);
    }
  }
  return found;
}

const dataSize: CommandSpec = {
  options: ['keyPattern', 'min', 'max', 'estimate'],
  run(ctx) {
    refuseOptions(ctx, ['keyPattern', 'min', 'max']);
    const [db, name] = splitNamespace(ctx.body['dataSize'], 'dataSize');
    const collection = ctx.engine.catalog.find(db, name);
    return { size: long(collection?.size ?? 0), numObjects: long(collection?.count ?? 0), millis: 0, ok: 1 };
  },
};

export const adminCommands: Record<string, CommandSpec> = {
  create,
  drop,
  dropDatabase,
  renameCollection,
  listCollections,
  listDatabases,
  collStats,
  dbStats,
  dbstats: dbStats,
  validate,
  dataSize,
};
