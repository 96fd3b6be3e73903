import { MongoServerError, type Db, type Document, type IndexDescription } from 'mongodb';
import type { Datamodel, DatamodelModel } from './datamodel';

/** Server codes for an index that exists under this name or these keys with other options. */
const CONFLICT_CODES = new Set([85, 86]);
const NAMESPACE_EXISTS = 48;
/** Other processes may create or drop the same indexes at the same moment. */
const MAX_ATTEMPTS = 5;

interface Index extends IndexDescription {
  key: Record<string, 1 | -1>;
  name: string;
}

const TTL = /^@@ttl\(\s*(\w+)\s*,\s*(\d+)\s*\)$/;
const PARTIAL = /^@@partial\(\s*\[([^\]]*)\]\s*,\s*(\{.*\})\s*(?:,\s*(unique)\s*)?\)$/;

/** The database path of a field, `address.city` included. */
function pathOf(datamodel: Datamodel, model: DatamodelModel, name: string): string {
  let owner: DatamodelModel | undefined = model;
  return name
    .trim()
    .split('.')
    .map((part) => {
      const field = owner?.fields.find((candidate) => candidate.name === part);
      if (!field) throw new Error(`${model.name}: an index names the unknown field ${name}.`);
      owner = datamodel.types.find((type) => type.name === field.type);
      return field.dbName ?? field.name;
    })
    .join('.');
}

/** Indexes that Prisma's schema language cannot say, from documentation comments of the model. */
function documentedIndexes(datamodel: Datamodel, model: DatamodelModel, collection: string): Index[] {
  const indexes: Index[] = [];
  for (const raw of (model.documentation ?? '').split('\n')) {
    const line = raw.trim();
    if (line.startsWith('@@ttl')) indexes.push(ttlIndex(datamodel, model, collection, line));
    else if (line.startsWith('@@partial')) indexes.push(partialIndex(datamodel, model, collection, line));
  }
  return indexes;
}

function ttlIndex(datamodel: Datamodel, model: DatamodelModel, collection: string, line: string): Index {
  const match = TTL.exec(line);
  if (!match) throw new Error(`${model.name}: "${line}" should be @@ttl(field, seconds).`);
  const path = pathOf(datamodel, model, match[1]!);
  return { key: { [path]: 1 }, name: `${collection}_${path}_ttl`, expireAfterSeconds: Number(match[2]) };
}

function partialIndex(datamodel: Datamodel, model: DatamodelModel, collection: string, line: string): Index {
  const match = PARTIAL.exec(line);
  if (!match)
    throw new Error(
      `${model.name}: "${line}" should be @@partial([fields], {filter as JSON}) or @@partial([fields], {...}, unique).`,
    );
  const paths = match[1]!.split(',').map((name) => pathOf(datamodel, model, name));
  const index: Index = {
    key: Object.fromEntries(paths.map((path) => [path, 1 as const])),
    name: `${collection}_${paths.join('_')}_partial`,
    partialFilterExpression: partialFilter(datamodel, model, match[2]!, line),
  };
  if (match[3]) index.unique = true;
  return index;
}

/** The filter with database names; values and operators stay as they are. */
function partialFilter(datamodel: Datamodel, model: DatamodelModel, json: string, line: string): Document {
  let parsed: Document;
  try {
    parsed = JSON.parse(json) as Document;
  } catch (error) {
    throw new Error(`${model.name}: the filter of "${line}" is not JSON.`, { cause: error });
  }
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]) => [
      name.startsWith('$') ? name : pathOf(datamodel, model, name),
      value as unknown,
    ]),
  );
}

/**
 * The indexes of a data model by collection: `@unique`, `@@unique`, `@@index`, and on documentation comments of a model
 * `/// @@ttl(field, seconds)` and `/// @@partial([fields], {"field": "value"}, unique)`.
 * @throws Error naming the model and the line that cannot be read
 */
export function describeIndexes(datamodel: Datamodel): Map<string, Index[]> {
  const result = new Map<string, Index[]>();
  for (const model of datamodel.models) {
    const collection = model.dbName ?? model.name;
    const indexes: Index[] = [];
    for (const declared of datamodel.indexes) {
      if (declared.model !== model.name || declared.type === 'id') continue;
      if (declared.type !== 'unique' && declared.type !== 'normal') {
        throw new Error(`${model.name}: indexes of type ${declared.type} are not supported.`);
      }
      const key: Record<string, 1 | -1> = {};
      for (const { name, sortOrder } of declared.fields)
        key[pathOf(datamodel, model, name)] = sortOrder === 'desc' ? -1 : 1;
      const isUnique = declared.type === 'unique';
      const name =
        declared.dbName ?? `${collection}_${Object.keys(key).join('_')}_${isUnique ? 'key' : 'idx'}`;
      indexes.push(isUnique ? { key, name, unique: true } : { key, name });
    }
    indexes.push(...documentedIndexes(datamodel, model, collection));
    result.set(collection, indexes);
  }
  return result;
}

const hasCode = (error: unknown, codes: ReadonlySet<number>): boolean =>
  error instanceof MongoServerError && typeof error.code === 'number' && codes.has(error.code);

/**
 * Creates the indexes of a data model where they are missing: one command for each collection, which does nothing when
 * all exist. An index whose definition changed is dropped and built again. Safe to call from many processes at once.
 * @param models names of the models wanted; all of them unless said
 * @throws MongoServerError when stored data violates a unique index (code 11000)
 */
export async function ensureIndexes(db: Db, datamodel: Datamodel, models?: readonly string[]): Promise<void> {
  const wanted = models && new Set(models.map((name) => collectionOf(datamodel, name)));
  for (const [collection, indexes] of describeIndexes(datamodel)) {
    if (wanted && !wanted.has(collection)) continue;
    await ensureCollection(db, collection, indexes);
  }
}

function collectionOf(datamodel: Datamodel, name: string): string {
  const model = datamodel.models.find((candidate) => candidate.name === name);
  if (!model) throw new Error(`ensureIndexes: there is no model ${name}.`);
  return model.dbName ?? model.name;
}

async function ensureCollection(db: Db, collection: string, indexes: Index[]): Promise<void> {
  if (indexes.length === 0) return;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await db.collection(collection).createIndexes(indexes);
      return;
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS) throw error;
      if (hasCode(error, CONFLICT_CODES)) await dropOutdated(db, collection, indexes);
      else if (!hasCode(error, new Set([NAMESPACE_EXISTS]))) throw error;
    }
  }
}

const sameOptions = (existing: Document, index: Index): boolean =>
  JSON.stringify(existing.key) === JSON.stringify(index.key) &&
  Boolean(existing.unique) === Boolean(index.unique) &&
  existing.expireAfterSeconds === index.expireAfterSeconds &&
  JSON.stringify(existing.partialFilterExpression) === JSON.stringify(index.partialFilterExpression);

/** Drops the indexes that stand in the way of ours: same name with other options, or same keys under another name. */
async function dropOutdated(db: Db, collection: string, indexes: Index[]): Promise<void> {
  const existing: Document[] = await db.collection(collection).indexes();
  for (const index of indexes) {
    for (const other of existing) {
      if (other.name === '_id_') continue;
      const isSameName = other.name === index.name;
      const isSameKey = JSON.stringify(other.key) === JSON.stringify(index.key);
      const clashes = isSameName
        ? !sameOptions(other, index)
        : isSameKey && !indexes.some((ours) => ours.name === other.name);
      if (clashes) await dropIndex(db, collection, String(other.name));
    }
  }
}

async function dropIndex(db: Db, collection: string, name: string): Promise<void> {
  try {
    await db.collection(collection).dropIndex(name);
  } catch (error) {
    // Another process was faster.
    if (!(error instanceof MongoServerError && error.codeName === 'IndexNotFound')) throw error;
  }
}
