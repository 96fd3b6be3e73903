/** Reading and writing one collection's documents together with their index entries. Writes only inside write jobs. */
import type { Document } from 'bson';
import { encodeKey } from './query';
import type { Catalog, Collection, Index } from './catalog';
import { MongoCommandError } from './errors';
import { extractKeys } from './index-keys';
import {
  MAX_ID_KEY_BYTES,
  boundKey,
  documentKey,
  idKeyOfEntry,
  indexEntryKey,
  prefixKey,
  successor,
} from './keys';
import { MAX_DOCUMENT_BYTES, decodeFields, decodeId, sameElements } from './raw-bson';
import type { Storage } from './storage';

const NO_VALUE = Buffer.alloc(0);

/** One document's change: `before`/`after` null for an insert/delete. */
export interface Change {
  idKey: Buffer;
  before: Buffer | null;
  after: Buffer | null;
}

export function encodeIdKey(id: unknown): Buffer {
  return boundKey(encodeKey([id]), MAX_ID_KEY_BYTES);
}

export class CollectionStore {
  constructor(
    private readonly storage: Storage,
    private readonly catalog: Catalog,
  ) {}

  get(collection: Collection, idKey: Buffer): Buffer | undefined {
    return this.storage.readDocument(documentKey(collection.id, idKey));
  }

  /** @throws MongoCommandError DuplicateKey, CannotIndexParallelArrays, BSONObjectTooLarge; nothing is written then */
  insert(collection: Collection, raw: Buffer): void {
    this.apply(collection, { idKey: encodeIdKey(decodeId(raw)), before: null, after: raw });
  }

  /** Stores a change after checking every constraint; either all of it is written or it throws before writing. */
  apply(collection: Collection, change: Change): void {
    this.check(collection, change);
    const plan = this.planEntries(collection, change);
    this.checkUnique(collection, change, plan);
    this.write(collection, change, plan);
  }

  /**
   * Stores many changes as one: old entries leave before new ones are checked, so that a unique value may move from
   * one document to another. Not atomic by itself: call inside `storage.atomically` with a catalog savepoint.
   */
  applyAll(collection: Collection, changes: Change[]): void {
    const plans = changes.map((change) => ({ change, plan: this.planEntries(collection, change) }));
    for (const { plan } of plans) {
      for (const entry of plan.removed) this.storage.entries.removeSync(entry);
    }
    for (const { change, plan } of plans) {
      this.check(collection, change);
      this.checkUnique(collection, change, plan);
      this.write(collection, change, { ...plan, removed: [] });
    }
  }

  /** Adds `index` over the stored documents. @throws DuplicateKey naming the first offending value */
  build(collection: Collection, index: Index): void {
    const range = { start: prefixKey(collection.id), end: successor(prefixKey(collection.id)) };
    for (const { key, value } of this.storage.documents.getRange(range)) {
      const idKey = key.subarray(4);
      const extracted = extractKeys(index, decodeFields(Buffer.from(value), index.fields));
      extracted.keys.forEach((valueKey, i) => {
        if (index.unique) this.refuseDuplicate(collection, index, idKey, valueKey, extracted.values[i]!);
        this.storage.entries.putSync(indexEntryKey(index.id, valueKey, idKey), NO_VALUE);
      });
      noteShape(index, extracted);
    }
  }

  private check(collection: Collection, { after, before, idKey }: Change): void {
    if (after !== null && after.length > MAX_DOCUMENT_BYTES) {
      throw new MongoCommandError(
        'BSONObjectTooLarge',
        `BSONObj size: ${after.length} is invalid. Size must be between 0 and ${MAX_DOCUMENT_BYTES}`,
      );
    }
    if (before === null && this.storage.documents.doesExist(documentKey(collection.id, idKey))) {
      const id = after === null ? undefined : decodeId(after);
      throw duplicateKey(collection, '_id_', [['_id', 1]], [id]);
    }
  }

  private planEntries(collection: Collection, { idKey, before, after }: Change): EntryPlan {
    const plan: EntryPlan = { removed: [], added: [], shapes: [] };
    if (collection.indexes.length === 0) return plan;
    const fields = collection.indexedFields;
    if (before !== null && after !== null && sameElements(before, after, fields)) return plan;
    const beforeDoc = before === null ? null : decodeFields(before, fields);
    const afterDoc = after === null ? null : decodeFields(after, fields);
    for (const index of collection.indexes) {
      const old = beforeDoc === null ? null : extractKeys(index, beforeDoc);
      const fresh = afterDoc === null ? null : extractKeys(index, afterDoc);
      const oldKeys = old?.keys ?? [];
      const newKeys = fresh?.keys ?? [];
      for (const key of oldKeys) {
        if (!newKeys.some((other) => other.equals(key)))
          plan.removed.push(indexEntryKey(index.id, key, idKey));
      }
      newKeys.forEach((key, i) => {
        if (oldKeys.some((other) => other.equals(key))) return;
        plan.added.push({ index, valueKey: key, values: fresh!.values[i]! });
      });
      if (fresh !== null) plan.shapes.push({ index, extracted: fresh });
    }
    return plan;
  }

  private checkUnique(collection: Collection, { idKey }: Change, plan: EntryPlan): void {
    for (const { index, valueKey, values } of plan.added) {
      if (index.unique) this.refuseDuplicate(collection, index, idKey, valueKey, values);
    }
  }

  private refuseDuplicate(
    collection: Collection,
    index: Index,
    idKey: Buffer,
    valueKey: Buffer,
    values: unknown[],
  ): void {
    for (const holder of this.holders(index, valueKey)) {
      if (!holder.equals(idKey)) throw duplicateKey(collection, index.name, index.key, values);
    }
  }

  /** Id keys of the documents with this value in a unique index: one, or two while one replaces the other. */
  holders(index: Index, valueKey: Buffer): Buffer[] {
    const start = Buffer.concat([prefixKey(index.id), valueKey]);
    return [...this.storage.entries.getKeys({ start, end: successor(start), limit: 2 })].map(idKeyOfEntry);
  }

  private write(collection: Collection, { idKey, before, after }: Change, plan: EntryPlan): void {
    const key = documentKey(collection.id, idKey);
    for (const entry of plan.removed) this.storage.entries.removeSync(entry);
    if (after === null) this.storage.documents.removeSync(key);
    else this.storage.documents.putSync(key, after);
    for (const { index, valueKey } of plan.added) {
      this.storage.entries.putSync(indexEntryKey(index.id, valueKey, idKey), NO_VALUE);
    }
    for (const { index, extracted } of plan.shapes) noteShape(index, extracted);
    collection.count += (after === null ? 0 : 1) - (before === null ? 0 : 1);
    collection.size += (after?.length ?? 0) - (before?.length ?? 0);
    if (idKey.length === MAX_ID_KEY_BYTES) collection.idTruncated = true;
    this.catalog.touch(collection);
  }
}

interface EntryPlan {
  removed: Buffer[];
  added: { index: Index; valueKey: Buffer; values: unknown[] }[];
  shapes: { index: Index; extracted: { multikey: boolean[]; truncated: boolean } }[];
}

function noteShape(index: Index, extracted: { multikey: boolean[]; truncated: boolean }): void {
  if (extracted.truncated) index.truncated = true;
  extracted.multikey.forEach((isArray, i) => {
    if (isArray) index.multikey[i] = true;
  });
}

export function duplicateKey(
  collection: Collection,
  indexName: string,
  key: readonly (readonly [string, number])[],
  values: unknown[],
): MongoCommandError {
  const keyPattern: Document = {};
  const keyValue: Document = {};
  const shown = key.map(([path, direction], i) => {
    keyPattern[path] = direction;
    keyValue[path] = typeof values[i] === 'symbol' ? undefined : (values[i] ?? null);
    return `${path}: ${showValue(values[i])}`;
  });
  return new MongoCommandError(
    'DuplicateKey',
    `E11000 duplicate key error collection: ${collection.ns} index: ${indexName} dup key: { ${shown.join(', ')} }`,
    { keyPattern, keyValue },
  );
}

/** A value as MongoDB's shell-like error text shows it. */
function showValue(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'symbol') return 'undefined';
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  const type = (value as { _bsontype?: string })._bsontype;
  if (type === 'ObjectId') return `ObjectId('${String(value)}')`;
  if (type === 'Double') {
    const number = Number(value);
    return Number.isInteger(number) ? number.toFixed(1) : String(number);
  }
  if (type !== undefined && ['Int32', 'Long', 'Decimal128'].includes(type)) return String(value);
  if (type === 'Binary') {
    const binary = value as { sub_type: number; toString(encoding: 'hex'): string };
    return `BinData(${binary.sub_type}, ${binary.toString('hex').toUpperCase()})`;
  }
  if (Array.isArray(value)) return `[ ${value.map(showValue).join(', ')} ]`;
  if (typeof value === 'object') {
    const parts = Object.entries(value).map(([name, inner]) => `${name}: ${showValue(inner)}`);
    return `{ ${parts.join(', ')} }`;
  }
  return String(value);
}
