/**
 * Databases, collections and indexes: the in-memory catalog and its stored form.
 *
 * Stored under `c` + collection id: one JSON-like BSON document per collection, and under `g` + storage id the ranges
 * of dropped collections and indexes that are still to be erased in the background.
 */
import { Int32, Long, type Document } from 'bson';
import { compileFilter } from './query';
import { MongoCommandError } from './errors';
import { decode, encode } from './raw-bson';
import type { Storage } from './storage';

export type Direction = 1 | -1;

export interface IndexDefinition {
  id: number;
  name: string;
  key: [path: string, direction: Direction][];
  unique: boolean;
  sparse: boolean;
  hidden: boolean;
  partialFilter: Document | null;
  expireAfterSeconds: number | null;
  /** Per key path: some document has an array there, so one document may have several entries. */
  multikey: boolean[];
  /** Some value was too long for a key; order among long values is not the index's order. */
  truncated: boolean;
}

export interface Index extends IndexDefinition {
  /** Compiled partialFilter, or null. */
  covers: ((doc: Document) => boolean) | null;
  /** Top-level fields that decide this index's entries. */
  fields: ReadonlySet<string>;
}

export interface Collection {
  id: number;
  db: string;
  name: string;
  ns: string;
  uuid: Buffer;
  options: Document;
  indexes: Index[];
  /** Union of `fields` of all indexes. */
  indexedFields: ReadonlySet<string>;
  count: number;
  /** Bytes of the stored documents. */
  size: number;
  idTruncated: boolean;
  dropped: boolean;
}

const COLLECTION_TAG = 0x63;
const GARBAGE_TAG = 0x67;
const NEXT_ID_KEY = Buffer.from('n');
const MAX_NAMESPACE_BYTES = 255;

function taggedKey(tag: number, id: number): Buffer {
  const key = Buffer.alloc(5);
  key[0] = tag;
  key.writeUInt32BE(id, 1);
  return key;
}

/** A collection that has nothing stored, under an id that no stored collection has (those begin with 1). */
export function emptyCollection(db: string, name: string): Collection {
  return {
    id: 0,
    db,
    name,
    ns: `${db}.${name}`,
    uuid: Buffer.alloc(16),
    options: {},
    indexes: [],
    indexedFields: new Set(),
    count: 0,
    size: 0,
    idTruncated: false,
    dropped: false,
  };
}

export class Catalog {
  private collections = new Map<string, Collection>();
  private nextId = 1;
  private readonly dirty = new Set<Collection>();
  private nextIdDirty = false;

  constructor(private readonly storage: Storage) {
    this.load();
  }

  /** Reads everything again; used at start and after a rolled-back commit. */
  load(): void {
    const previous = this.collections;
    this.collections = new Map();
    this.dirty.clear();
    this.nextIdDirty = false;
    const stored = this.storage.catalog.get(NEXT_ID_KEY);
    this.nextId = stored === undefined ? 1 : stored.readUInt32BE(0);
    const start = taggedKey(COLLECTION_TAG, 0);
    for (const { value } of this.storage.catalog.getRange({
      start,
      end: Buffer.from([COLLECTION_TAG + 1]),
    })) {
      const collection = collectionFromStored(decode(Buffer.from(value)));
      // Cursors and transactions hold on to the object, so it keeps its identity across reloads.
      const known = previous.get(collection.ns);
      const kept =
        known !== undefined && known.id === collection.id ? Object.assign(known, collection) : collection;
      this.collections.set(kept.ns, kept);
    }
    for (const old of previous.values()) {
      if (this.collections.get(old.ns) !== old) old.dropped = true;
    }
  }

  find(db: string, name: string): Collection | undefined {
    return this.collections.get(`${db}.${name}`);
  }

  /** Collections of one database, or all, by namespace order. */
  list(db?: string): Collection[] {
    const all = [...this.collections.values()];
    const chosen = db === undefined ? all : all.filter((collection) => collection.db === db);
    return chosen.sort((a, b) => (a.ns < b.ns ? -1 : 1));
  }

  /** Only inside a write job. */
  create(db: string, name: string, options: Document, uuid: Buffer): Collection {
    checkNamespace(db, name);
    const collection = { ...emptyCollection(db, name), id: this.takeId(), uuid, options };
    this.collections.set(collection.ns, collection);
    this.touch(collection);
    return collection;
  }

  /** Removes the collection at once; its stored ranges are erased in the background. Only inside a write job. */
  drop(collection: Collection): void {
    this.collections.delete(collection.ns);
    this.dirty.delete(collection);
    collection.dropped = true;
    this.storage.catalog.removeSync(taggedKey(COLLECTION_TAG, collection.id));
    this.addGarbage(collection.id);
    for (const index of collection.indexes) this.addGarbage(index.id);
  }

  rename(collection: Collection, db: string, name: string): void {
    checkNamespace(db, name);
    this.collections.delete(collection.ns);
    collection.db = db;
    collection.name = name;
    collection.ns = `${db}.${name}`;
    this.collections.set(collection.ns, collection);
    this.touch(collection);
  }

  addIndex(collection: Collection, definition: IndexDefinition): Index {
    const index = completeIndex(definition);
    setIndexes(collection, [...collection.indexes, index]);
    this.touch(collection);
    return index;
  }

  dropIndex(collection: Collection, index: Index): void {
    setIndexes(
      collection,
      collection.indexes.filter((candidate) => candidate !== index),
    );
    this.addGarbage(index.id);
    this.touch(collection);
  }

  takeId(): number {
    this.nextIdDirty = true;
    return this.nextId++;
  }

  /** Marks the collection's stored entry as out of date; written once per commit. */
  touch(collection: Collection): void {
    this.dirty.add(collection);
  }

  /** Remembers collections and their counters; the returned function puts them back after a partial rollback. */
  savepoint(): () => void {
    const map = new Map(this.collections);
    const counters = [...map.values()].map((collection) => ({
      collection,
      count: collection.count,
      size: collection.size,
      indexes: collection.indexes,
    }));
    return () => {
      for (const created of this.collections.values())
        if (map.get(created.ns) !== created) created.dropped = true;
      this.collections = map;
      for (const { collection, count, size, indexes } of counters) {
        collection.count = count;
        collection.size = size;
        collection.dropped = false;
        setIndexes(collection, indexes);
      }
    };
  }

  /** Writes what changed; called inside each commit. */
  flush(): void {
    if (this.nextIdDirty) {
      const value = Buffer.alloc(4);
      value.writeUInt32BE(this.nextId, 0);
      this.storage.catalog.putSync(NEXT_ID_KEY, value);
      this.nextIdDirty = false;
    }
    for (const collection of this.dirty) {
      if (collection.dropped) continue;
      this.storage.catalog.putSync(
        taggedKey(COLLECTION_TAG, collection.id),
        encode(collectionToStored(collection)),
      );
    }
    this.dirty.clear();
  }

  /** Storage ids whose ranges are no longer referenced. */
  garbage(): number[] {
    const range = { start: taggedKey(GARBAGE_TAG, 0), end: Buffer.from([GARBAGE_TAG + 1]) };
    return [...this.storage.catalog.getKeys(range)].map((key) => key.readUInt32BE(1));
  }

  forgetGarbage(id: number): void {
    this.storage.catalog.removeSync(taggedKey(GARBAGE_TAG, id));
  }

  private addGarbage(id: number): void {
    this.storage.catalog.putSync(taggedKey(GARBAGE_TAG, id), Buffer.from([1]));
  }
}

export function setIndexes(collection: Collection, indexes: Index[]): void {
  collection.indexes = indexes;
  collection.indexedFields = new Set(indexes.flatMap((index) => [...index.fields]));
}

export function completeIndex(definition: IndexDefinition): Index {
  const fields = new Set(definition.key.map(([path]) => path.split('.')[0]!));
  const partial = definition.partialFilter;
  if (partial !== null) for (const field of filterFields(partial)) fields.add(field);
  return { ...definition, fields, covers: partial === null ? null : compileFilter(partial) };
}

/** Top-level fields a filter looks at. */
export function filterFields(filter: Document): Set<string> {
  const fields = new Set<string>();
  for (const [name, value] of Object.entries(filter)) {
    if (!name.startsWith('$')) fields.add(name.split('.')[0]!);
    else if (Array.isArray(value)) {
      for (const part of value) for (const field of filterFields(part as Document)) fields.add(field);
    }
  }
  return fields;
}

function collectionToStored(collection: Collection): Document {
  return {
    id: new Int32(collection.id),
    db: collection.db,
    name: collection.name,
    uuid: collection.uuid.toString('hex'),
    options: collection.options,
    count: Long.fromNumber(collection.count),
    size: Long.fromNumber(collection.size),
    idTruncated: collection.idTruncated,
    indexes: collection.indexes.map((index) => ({
      id: new Int32(index.id),
      name: index.name,
      key: index.key.map(([path, direction]) => [path, new Int32(direction)]),
      unique: index.unique,
      sparse: index.sparse,
      hidden: index.hidden,
      partialFilter: index.partialFilter,
      expireAfterSeconds:
        index.expireAfterSeconds === null ? null : Long.fromNumber(index.expireAfterSeconds),
      multikey: index.multikey,
      truncated: index.truncated,
    })),
  };
}

function collectionFromStored(stored: Document): Collection {
  const collection: Collection = {
    id: Number(stored['id']),
    db: stored['db'],
    name: stored['name'],
    ns: `${stored['db']}.${stored['name']}`,
    uuid: Buffer.from(stored['uuid'], 'hex'),
    options: stored['options'],
    indexes: [],
    indexedFields: new Set(),
    count: Number(stored['count']),
    size: Number(stored['size']),
    idTruncated: stored['idTruncated'],
    dropped: false,
  };
  setIndexes(
    collection,
    (stored['indexes'] as Document[]).map((index) =>
      completeIndex({
        id: Number(index['id']),
        name: index['name'],
        key: (index['key'] as [string, unknown][]).map(([path, direction]) => [
          path,
          Number(direction) as Direction,
        ]),
        unique: index['unique'],
        sparse: index['sparse'],
        hidden: index['hidden'],
        partialFilter: index['partialFilter'],
        expireAfterSeconds: index['expireAfterSeconds'] === null ? null : Number(index['expireAfterSeconds']),
        multikey: index['multikey'],
        truncated: index['truncated'],
      }),
    ),
  );
  return collection;
}

/** @throws MongoCommandError (InvalidNamespace) naming what is wrong with the name */
export function checkNamespace(db: string, name: string): void {
  const refuse = (why: string): never => {
    throw new MongoCommandError('InvalidNamespace', `Invalid namespace specified '${db}.${name}': ${why}`);
  };
  if (db === '' || /[/\\. "$\0]/.test(db))
    refuse('a database name must not be empty or hold / \\ . " $ or a space');
  if (Buffer.byteLength(db) > 63) refuse('a database name has at most 63 bytes');
  if (name === '') refuse('the collection name is empty');
  if (name.includes('\0') || name.includes('$'))
    refuse('a collection name must not hold $ or a null character');
  if (name.startsWith('.') || name.endsWith('.'))
    refuse('a collection name must not start or end with a dot');
  if (Buffer.byteLength(`${db}.${name}`) > MAX_NAMESPACE_BYTES) refuse(`over ${MAX_NAMESPACE_BYTES} bytes`);
}
