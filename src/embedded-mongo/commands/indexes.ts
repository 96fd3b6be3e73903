/** createIndexes, listIndexes, dropIndexes. */
import { Int32, type Document } from 'bson';
import { encodeKey } from '../query';
import {
  completeIndex,
  setIndexes,
  type Collection,
  type Direction,
  type Index,
  type IndexDefinition,
} from '../catalog';
import { MongoCommandError } from '../errors';
import { ArrayStream } from '../find-stream';
import type { MongoTransaction } from '../transactions';
import {
  checkCollation,
  collectionName,
  collectionNamed,
  countOf,
  documentOf,
  ensureCollection,
  findCollection,
  flagOf,
  numberOf,
  refuseOptions,
  refuseUnknown,
  type CommandContext,
  type CommandSpec,
} from './context';

/** MongoDB's limit, the one on `_id` included. */
const MAX_INDEXES = 64;
/** MongoDB's upper bound of expireAfterSeconds (a signed 32-bit number). */
const MAX_TTL_SECONDS = 2_147_483_647;

const INDEX_FIELDS = [
  'key',
  'name',
  'ns',
  'v',
  'unique',
  'sparse',
  'background',
  'partialFilterExpression',
  'expireAfterSeconds',
  'hidden',
  'collation',
];

function refuseIndex(message: string): never {
  throw new MongoCommandError('CannotCreateIndex', message);
}

/** @throws CannotCreateIndex for kinds of index this server does not have (text, 2dsphere, hashed, wildcard) */
function parseKey(key: Document): [string, Direction][] {
  const entries = Object.entries(key);
  if (entries.length === 0) refuseIndex('Index keys cannot be an empty object');
  return entries.map(([path, value]) => {
    if (typeof value === 'string')
      refuseIndex(`Index type '${value}' on '${path}' is not supported by the embedded server`);
    if (path.includes('$**')) refuseIndex('Wildcard indexes are not supported by the embedded server');
    if (path === '' || path.startsWith('.') || path.endsWith('.') || path.includes('..'))
      refuseIndex(`Index keys cannot contain an empty field: '${path}'`);
    if (path.startsWith('$'))
      refuseIndex(`Index key contains an illegal field name: '${path}' starts with '$'`);
    const direction = numberOf(value, `key.${path}`);
    if (direction === 0) refuseIndex(`Values in the index key pattern cannot be 0 ('${path}')`);
    return [path, direction > 0 ? 1 : -1];
  });
}

export function parseIndex(spec: Document): Omit<IndexDefinition, 'id'> {
  refuseUnknown('createIndexes.indexes', spec, INDEX_FIELDS);
  checkCollation(spec['collation']);
  const key = parseKey(documentOf(spec['key'], 'createIndexes.indexes.key'));
  const name: unknown = spec['name'];
  if (typeof name !== 'string' || name === '')
    refuseIndex("The 'name' field is a required property of an index specification");
  const partial = spec['partialFilterExpression'];
  const ttl: unknown = spec['expireAfterSeconds'];
  const expireAfterSeconds = ttl === undefined ? null : numberOf(ttl, 'expireAfterSeconds');
  if (expireAfterSeconds !== null) {
    if (key.length > 1)
      refuseIndex('TTL indexes are single-field indexes, compound indexes do not support TTL.');
    if (key[0]![0] === '_id') refuseIndex('_id cannot have TTL');
    if (expireAfterSeconds < 0 || expireAfterSeconds > MAX_TTL_SECONDS)
      refuseIndex(`TTL index 'expireAfterSeconds' must be within 0 and ${MAX_TTL_SECONDS}`);
  }
  const sparse = flagOf(spec['sparse']);
  if (sparse && partial !== undefined)
    refuseIndex('cannot mix "partialFilterExpression" and "sparse" options');
  return {
    name,
    key,
    unique: flagOf(spec['unique']),
    sparse,
    hidden: flagOf(spec['hidden']),
    partialFilter: partial === undefined ? null : documentOf(partial, 'partialFilterExpression'),
    expireAfterSeconds,
    multikey: key.map(() => false),
    truncated: false,
  };
}

const sameKey = (a: IndexDefinition['key'], b: IndexDefinition['key']): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

function optionsKey(index: Omit<IndexDefinition, 'id'>): string {
  const partial = index.partialFilter === null ? '' : encodeKey([index.partialFilter]).toString('hex');
  return JSON.stringify([index.unique, index.sparse, index.expireAfterSeconds, partial]);
}

/** True when an identical index is there already. @throws when one is there under a conflicting name or with other options */
function existsAlready(collection: Collection, wanted: Omit<IndexDefinition, 'id'>): boolean {
  if (sameKey(wanted.key, [['_id', 1]])) return true;
  for (const index of collection.indexes) {
    const isSameKey = sameKey(index.key, wanted.key);
    const isSame = isSameKey && optionsKey(index) === optionsKey(wanted);
    if (index.name === wanted.name) {
      if (isSame) return true;
      const [code, what] = isSameKey
        ? (['IndexKeySpecsConflict', 'but with different options'] as const)
        : (['IndexKeySpecsConflict', 'but with a different key'] as const);
      throw new MongoCommandError(
        code,
        `An existing index has the same name as the requested index '${wanted.name}' ${what}.`,
      );
    }
    if (
      isSameKey &&
      index.partialFilter === null &&
      wanted.partialFilter === null &&
      index.sparse === wanted.sparse
    ) {
      throw new MongoCommandError(
        'IndexOptionsConflict',
        `Index already exists with a different name: ${index.name} (requested '${wanted.name}')`,
      );
    }
  }
  return false;
}

/** Builds the wanted indexes over the stored documents. Only inside an atomic write job. */
function addIndexes(
  ctx: CommandContext,
  collection: Collection,
  wanted: Omit<IndexDefinition, 'id'>[],
): void {
  const { engine } = ctx;
  for (const definition of wanted) {
    if (existsAlready(collection, definition)) continue;
    if (collection.indexes.length + 2 > MAX_INDEXES)
      refuseIndex(`add index fails, too many indexes for ${collection.ns}`);
    const draft = completeIndex({ ...definition, id: engine.catalog.takeId() });
    engine.store.build(collection, draft);
    engine.catalog.addIndex(collection, draft);
  }
}

/** As in MongoDB, a transaction may index only what it made itself and has not filled yet. */
function indexInTransaction(
  ctx: CommandContext,
  transaction: MongoTransaction,
  name: string,
  wanted: Omit<IndexDefinition, 'id'>[],
): Document {
  const createdCollectionAutomatically = collectionNamed(ctx, name) === undefined;
  const collection = ensureCollection(ctx, name);
  const before = collection.indexes.length + 1;
  const missing = wanted.filter((definition) => !existsAlready(collection, definition));
  const isOwnAndEmpty = collection.id === 0 && !transaction.changes.has(collection);
  if (missing.length > 0 && !isOwnAndEmpty) {
    throw new MongoCommandError(
      'OperationNotSupportedInTransaction',
      `Cannot create new indexes on existing collection ${collection.ns} in a multi-document transaction.`,
    );
  }
  if (before + missing.length > MAX_INDEXES)
    refuseIndex(`add index fails, too many indexes for ${collection.ns}`);
  const added = missing.map((definition) => completeIndex({ ...definition, id: 0 }));
  setIndexes(collection, [...collection.indexes, ...added]);
  return indexReply(before, before + added.length, createdCollectionAutomatically);
}

function indexReply(before: number, after: number, createdCollectionAutomatically: boolean): Document {
  return {
    numIndexesBefore: new Int32(before),
    numIndexesAfter: new Int32(after),
    createdCollectionAutomatically,
    ...(before === after ? { note: 'all indexes already exist' } : {}),
    ok: 1,
  };
}

const createIndexes: CommandSpec = {
  inTransaction: true,
  writeConcern: true,
  options: ['indexes', 'commitQuorum', 'ignoreUnknownIndexOptions'],
  run(ctx) {
    const specs: unknown = ctx.body['indexes'];
    if (!Array.isArray(specs) || specs.length === 0) {
      throw new MongoCommandError('BadValue', 'Must specify at least one index to create');
    }
    const wanted = (specs as Document[]).map(parseIndex);
    const name = collectionName(ctx);
    const { engine } = ctx;
    if (ctx.transaction !== null) return indexInTransaction(ctx, ctx.transaction, name, wanted);
    return engine.writeAlone(() =>
      engine.atomically(() => {
        const createdCollectionAutomatically = engine.catalog.find(ctx.db, name) === undefined;
        const collection = engine.ensureCollection(ctx.db, name);
        const before = collection.indexes.length + 1;
        addIndexes(ctx, collection, wanted);
        return indexReply(before, collection.indexes.length + 1, createdCollectionAutomatically);
      }),
    );
  },
};

function describeIndex(index: Index): Document {
  return {
    v: new Int32(2),
    key: Object.fromEntries(index.key.map(([path, direction]) => [path, new Int32(direction)])),
    name: index.name,
    ...(index.unique ? { unique: true } : {}),
    ...(index.sparse ? { sparse: true } : {}),
    ...(index.hidden ? { hidden: true } : {}),
    ...(index.partialFilter === null ? {} : { partialFilterExpression: index.partialFilter }),
    ...(index.expireAfterSeconds === null ? {} : { expireAfterSeconds: index.expireAfterSeconds }),
  };
}

const listIndexes: CommandSpec = {
  options: ['cursor'],
  run(ctx) {
    const collection = findCollection(ctx);
    if (collection === undefined) {
      throw new MongoCommandError('NamespaceNotFound', `ns does not exist: ${ctx.db}.${collectionName(ctx)}`);
    }
    const documents = [
      { v: new Int32(2), key: { _id: new Int32(1) }, name: '_id_' },
      ...collection.indexes.map(describeIndex),
    ];
    const batchSize: unknown = documentOf(ctx.body['cursor'], 'listIndexes.cursor')['batchSize'];
    return ctx.engine.cursors.start({
      ns: collection.ns,
      stream: new ArrayStream(documents),
      batchSize: batchSize === undefined ? undefined : countOf(batchSize, 'batchSize', 101),
      session: ctx.session,
    });
  },
};

function indexesToDrop(collection: Collection, selector: unknown): Index[] {
  if (selector === '*') return [...collection.indexes];
  if (Array.isArray(selector)) return selector.flatMap((one) => indexesToDrop(collection, one));
  if (selector === '_id_') throw new MongoCommandError('InvalidOptions', 'cannot drop _id index');
  if (typeof selector === 'string') {
    const index = collection.indexes.find((candidate) => candidate.name === selector);
    if (index === undefined)
      throw new MongoCommandError('IndexNotFound', `index not found with name [${selector}]`);
    return [index];
  }
  const key = parseKey(documentOf(selector, 'dropIndexes.index'));
  if (sameKey(key, [['_id', 1]])) throw new MongoCommandError('InvalidOptions', 'cannot drop _id index');
  const index = collection.indexes.find((candidate) => sameKey(candidate.key, key));
  if (index === undefined)
    throw new MongoCommandError(
      'IndexNotFound',
      `can't find index with key: ${JSON.stringify(Object.fromEntries(key))}`,
    );
  return [index];
}

const dropIndexes: CommandSpec = {
  writeConcern: true,
  options: ['index'],
  run(ctx) {
    const { engine } = ctx;
    return engine.writeAlone(() => {
      const collection = findCollection(ctx);
      if (collection === undefined) {
        throw new MongoCommandError('NamespaceNotFound', `ns not found ${ctx.db}.${collectionName(ctx)}`);
      }
      const nIndexesWas = collection.indexes.length + 1;
      for (const index of indexesToDrop(collection, ctx.body['index']))
        engine.catalog.dropIndex(collection, index);
      setImmediate(() => engine.eraseGarbage());
      return { nIndexesWas: new Int32(nIndexesWas), ok: 1 };
    });
  },
};

const collMod: CommandSpec = {
  writeConcern: true,
  options: ['index'],
  run(ctx) {
    refuseOptions(ctx, ['validator', 'validationLevel', 'viewOn']);
    const change = documentOf(ctx.body['index'], 'collMod.index');
    refuseUnknown('collMod.index', change, ['name', 'keyPattern', 'expireAfterSeconds', 'hidden']);
    const { engine } = ctx;
    return engine.writeAlone(() => {
      const collection = findCollection(ctx);
      if (collection === undefined)
        throw new MongoCommandError(
          'NamespaceNotFound',
          `ns does not exist: ${ctx.db}.${collectionName(ctx)}`,
        );
      for (const index of indexesToDrop(collection, change['name'] ?? change['keyPattern'])) {
        if (change['expireAfterSeconds'] !== undefined) {
          const seconds = numberOf(change['expireAfterSeconds'], 'index.expireAfterSeconds');
          if (index.key.length > 1 || seconds < 0 || seconds > MAX_TTL_SECONDS) {
            throw new MongoCommandError(
              'InvalidOptions',
              `'index.expireAfterSeconds' must be within 0 and ${MAX_TTL_SECONDS}, on a single-field index`,
            );
          }
          index.expireAfterSeconds = seconds;
        }
        if (change['hidden'] !== undefined) index.hidden = flagOf(change['hidden']);
      }
      engine.catalog.touch(collection);
      return { ok: 1 };
    });
  },
};

export const indexCommands: Record<string, CommandSpec> = {
  createIndexes,
  listIndexes,
  dropIndexes,
  deleteIndexes: dropIndexes,
  collMod,
};
