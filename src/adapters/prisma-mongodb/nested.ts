import type { Document } from 'mongodb';
import type { ExecutionContext } from './context';
import type { Field, Model, Relation } from './datamodel';
import {
  ArgumentError,
  asList,
  asObject,
  isPlainObject,
  KnownError,
  setEntries,
  unknownArgument,
} from './errors';
import { keysOf } from './keys';
import { resolveUnique, resolveWhere } from './resolve';
import { compileUpdate, type NestedWrite } from './update';
import { keysFilter, joinAnd } from './where';
import { createDocument, deleteDocuments, insertMany, updateDocument, upsertDocument } from './write';

/** The row that nested writes belong to; absent while it is being created. */
export interface Parent {
  model: Model;
  document: Document;
}

const TO_ONE = ['create', 'connect', 'connectOrCreate', 'disconnect', 'update', 'upsert', 'delete'];
/** The order in which the operations of one relation are applied: make room first, then add. */
const TO_MANY = [
  'set',
  'disconnect',
  'delete',
  'deleteMany',
  'update',
  'updateMany',
  'upsert',
  'connect',
  'connectOrCreate',
  'create',
  'createMany',
];
const MANY_TO_MANY = ['set', 'disconnect', 'connect', 'connectOrCreate', 'create'];

function operations(value: Record<string, unknown>, known: string[], path: string): [string, unknown][] {
  const entries = setEntries(value, path);
  for (const [operator] of entries)
    if (!known.includes(operator)) throw unknownArgument(path, operator, known);
  return entries.sort(([left], [right]) => known.indexOf(left) - known.indexOf(right));
}

/** Writes that must come before the row's own because the row stores their key; returns those keys by database name. */
export async function writeBefore(
  context: ExecutionContext,
  { field, value }: NestedWrite,
  dataPath: string,
  parent?: Parent,
): Promise<Document> {
  const relation = field.relation!;
  if (!relation.owns || relation.isManyToMany) return {};
  const path = `${dataPath}.${field.name}`;
  const owned: Document = {};
  for (const [operator, operand] of operations(value, TO_ONE, path)) {
    const linked = await writeOwned(context, field, operator, operand, `${path}.${operator}`, parent);
    if (linked) relation.from.forEach((key, index) => (owned[key.dbName] = linked[index]));
  }
  return owned;
}

/** The new key of the row, or null when it stays as it is. */
async function writeOwned(
  context: ExecutionContext,
  field: Field,
  operator: string,
  operand: unknown,
  path: string,
  parent: Parent | undefined,
): Promise<unknown[] | null> {
  const relation = field.relation!;
  const keyOf = (document: Document): unknown[] => relation.to.map((key) => document[key.dbName] as unknown);
  if (operator === 'create') return keyOf(await createDocument(context, relation.target, operand, path));
  if (operator === 'connect') return keyOf(await findToConnect(context, relation.target, operand, path));
  if (operator === 'connectOrCreate')
    return keyOf(await connectOrCreate(context, relation.target, operand, path));
  if (!parent) throw unknownArgument(path, operator, ['create', 'connect', 'connectOrCreate']);
  const [key] = keysOf(parent.document, relation.from);
  if (operator === 'disconnect') return operand === false ? null : cleared(relation, path);
  const current = key ? keysFilter(relation.to, [key]) : null;
  if (operator === 'update') {
    await updateRelated(context, relation.target, current, operand, path);
    return null;
  }
  if (operator === 'upsert') {
    const { create, update } = asObject(operand, path);
    if (current && (await updateOne(context, relation.target, current, update, path))) return null;
    return keyOf(await createDocument(context, relation.target, create, `${path}.create`));
  }
  if (operand === false) return null;
  const none = cleared(relation, path);
  if (!current || (await deleteDocuments(context, relation.target, current)) === 0)
    throw notRelated(relation, 'delete');
  return none;
}

function cleared(relation: Relation, path: string): null[] {
  const required = relation.from.find((key) => key.isRequired);
  if (!required) return relation.from.map(() => null);
  throw new ArgumentError(`Argument \`${path}\`: the relation is required because \`${required.name}\` is.`);
}

async function findToConnect(
  context: ExecutionContext,
  model: Model,
  where: unknown,
  path: string,
): Promise<Document> {
  const document = await context.findOne(model, await resolveUnique(context, model, where, path), {});
  if (document) return document;
  throw new KnownError(
    'P2025',
    `An operation failed because it depends on one or more records that were required but not found. No '${model.name}' record was found for a nested connect.`,
    { modelName: model.name, cause: `No '${model.name}' record was found for a nested connect.` },
  );
}

async function connectOrCreate(
  context: ExecutionContext,
  model: Model,
  operand: unknown,
  path: string,
): Promise<Document> {
  const { where, create } = asObject(operand, path);
  const found = await context.findOne(model, await resolveUnique(context, model, where, `${path}.where`), {});
  return found ?? createDocument(context, model, create, `${path}.create`);
}

function notRelated(relation: Relation, operation: string): KnownError {
  return new KnownError(
    'P2025',
    `An operation failed because it depends on one or more records that were required but not found. No '${relation.target.name}' record was found for a nested ${operation} on relation '${relation.opposite.relation!.opposite.name}'.`,
    { modelName: relation.target.name, cause: `No record was found for a nested ${operation}.` },
  );
}

function updateOne(
  context: ExecutionContext,
  model: Model,
  filter: Document,
  data: unknown,
  path: string,
): Promise<Document | null> {
  return updateDocument(context, model, filter, compileUpdate(model, data ?? {}, path));
}

/** `update: data` or `update: { where, data }` of a to-one relation. */
async function updateRelated(
  context: ExecutionContext,
  model: Model,
  current: Document | null,
  operand: unknown,
  path: string,
): Promise<void> {
  const input = asObject(operand, path);
  const isEnvelope = isPlainObject(input.data) && !model.fields.has('data');
  const data = isEnvelope ? input.data : input;
  const condition = isEnvelope ? await resolveWhere(context, model, input.where, `${path}.where`) : {};
  const updated = current && (await updateOne(context, model, joinAnd([current, condition]), data, path));
  if (!updated) {
    throw new KnownError('P2025', `No '${model.name}' record was found for a nested update.`, {
      modelName: model.name,
    });
  }
}

/** Writes that come after the row's own: the other side stores the key. */
export async function writeAfter(
  context: ExecutionContext,
  model: Model,
  document: Document,
  { field, value }: NestedWrite,
  dataPath: string,
): Promise<void> {
  const relation = field.relation!;
  const path = `${dataPath}.${field.name}`;
  if (relation.isManyToMany) return writeManyToMany(context, model, document, field, value, path);
  if (relation.owns) return;
  const link: Document = {};
  relation.to.forEach((key, index) => (link[key.dbName] = document[relation.from[index]!.dbName] as unknown));
  const children = new ChildWriter(context, relation, link);
  for (const [operator, operand] of operations(value, field.isList ? TO_MANY : TO_ONE, path)) {
    const at = `${path}.${operator}`;
    if (field.isList) await children.writeList(operator, operand, at);
    else await children.writeOne(operator, operand, at);
  }
}

/** Nested writes on rows that point to their parent by `link` (database names and values). */
class ChildWriter {
  private readonly model: Model;

  constructor(
    private readonly context: ExecutionContext,
    private readonly relation: Relation,
    private readonly link: Document,
  ) {
    this.model = relation.target;
  }

  async writeList(operator: string, operand: unknown, path: string): Promise<void> {
    if (operator === 'createMany') {
      await insertMany(this.context, this.model, asObject(operand, path), this.link);
      return;
    }
    if (operator === 'set') return this.replaceAll(operand, path);
    for (const item of asList(operand)) await this.writeItem(operator, item, path);
  }

  private async writeItem(operator: string, item: unknown, path: string): Promise<void> {
    const { context, model, link } = this;
    switch (operator) {
      case 'create':
        await createDocument(context, model, item, path, link);
        return;
      case 'connect':
        return this.point(await findToConnect(context, model, item, path));
      case 'connectOrCreate':
        return this.connectOrCreate(item, path);
      case 'disconnect':
        return this.unlink(joinAnd([link, await resolveUnique(context, model, item, path)]), path);
      case 'delete':
        return this.deleteOne(joinAnd([link, await resolveUnique(context, model, item, path)]));
      case 'deleteMany':
        await deleteDocuments(
          context,
          model,
          joinAnd([link, await resolveWhere(context, model, item, path)]),
        );
        return;
      case 'update': {
        const { where, data } = asObject(item, path);
        const filter = joinAnd([link, await resolveUnique(context, model, where, `${path}.where`)]);
        if (!(await updateOne(context, model, filter, data, `${path}.data`)))
          throw notRelated(this.relation, 'update');
        return;
      }
      case 'updateMany':
        return this.updateMany(item, path);
      default: {
        const { where, create, update } = asObject(item, path);
        await upsertDocument(context, model, { where, create, update, linked: link });
      }
    }
  }

  async writeOne(operator: string, operand: unknown, path: string): Promise<void> {
    const { context, model, link } = this;
    if (operator === 'update') return updateRelated(context, model, link, operand, path);
    if (operator === 'upsert') {
      const { create, update } = asObject(operand, path);
      if (!(await updateOne(context, model, link, update, `${path}.update`))) {
        await createDocument(context, model, create, `${path}.create`, link);
      }
      return;
    }
    if (operator === 'delete') return operand === false ? undefined : this.deleteOne(link);
    if (operator === 'disconnect') return operand === false ? undefined : this.unlink(link, path);
    // At most one row may point here: the one that does so far must let go.
    if (await context.findOne(model, link, { projection: { _id: 1 } })) await this.unlink(link, path);
    return this.writeItem(operator, operand, path);
  }

  private async point(child: Document): Promise<void> {
    await this.context.run(this.model, 'update', (collection, session) =>
      collection.updateOne({ _id: child._id as never }, { $set: this.link }, session),
    );
  }

  private async connectOrCreate(item: unknown, path: string): Promise<void> {
    const { where, create } = asObject(item, path);
    const filter = await resolveUnique(this.context, this.model, where, `${path}.where`);
    const found = await this.context.findOne(this.model, filter, {});
    if (found) await this.point(found);
    else await createDocument(this.context, this.model, create, `${path}.create`, this.link);
  }

  private async deleteOne(filter: Document): Promise<void> {
    if ((await deleteDocuments(this.context, this.model, filter)) === 0)
      throw notRelated(this.relation, 'delete');
  }

  private async updateMany(item: unknown, path: string): Promise<void> {
    const { where, data } = asObject(item, path);
    const { update, arrayFilters, nested } = compileUpdate(this.model, data, `${path}.data`);
    if (nested[0])
      throw unknownArgument(
        `${path}.data`,
        nested[0].field.name,
        this.model.stored.map((field) => field.name),
      );
    if (!update) return;
    const filter = joinAnd([this.link, await resolveWhere(this.context, this.model, where, `${path}.where`)]);
    const options = arrayFilters.length > 0 ? { arrayFilters } : {};
    await this.context.run(this.model, 'update', (collection, session) =>
      collection.updateMany(filter, update, { ...session, ...options }),
    );
  }

  /** Takes the key out of the children that match. */
  private async unlink(filter: Document, path: string): Promise<void> {
    const { relation, model } = this;
    if (relation.to.some((key) => key.isRequired)) {
      if (!(await this.context.findOne(model, filter, { projection: { _id: 1 } }))) return;
      throw new KnownError(
        'P2014',
        `The change you are trying to make at \`${path}\` would violate the required relation '${relation.opposite.name}' of the \`${model.name}\` model.`,
        { model_a_name: model.name, model_b_name: relation.opposite.type },
      );
    }
    const empty = Object.fromEntries(relation.to.map((key) => [key.dbName, null]));
    await this.context.run(model, 'update', (collection, session) =>
      collection.updateMany(filter, { $set: empty }, session),
    );
  }

  private async replaceAll(operand: unknown, path: string): Promise<void> {
    const kept: Document[] = [];
    for (const where of asList(operand))
      kept.push(await findToConnect(this.context, this.model, where, path));
    const ids = kept.map((document) => document._id as unknown);
    await this.unlink(joinAnd([this.link, { _id: { $nin: ids } }]), path);
    for (const document of kept) await this.point(document);
  }
}

/** Both sides hold a list of the other's ids: every change is written to both. */
async function writeManyToMany(
  context: ExecutionContext,
  model: Model,
  document: Document,
  field: Field,
  value: Record<string, unknown>,
  path: string,
): Promise<void> {
  const relation = field.relation!;
  const own = relation.from[0]!.dbName;
  const ids = new Map<string, unknown>(((document[own] ?? []) as unknown[]).map((id) => [String(id), id]));
  const before = new Map(ids);
  for (const [operator, operand] of operations(value, MANY_TO_MANY, path)) {
    if (operator === 'set') ids.clear();
    for (const item of asList(operand)) {
      const related = await relatedDocument(context, relation.target, operator, item, `${path}.${operator}`);
      const id: unknown = related[relation.to[0]!.dbName];
      if (operator === 'disconnect') ids.delete(String(id));
      else ids.set(String(id), id);
    }
  }
  document[own] = [...ids.values()];
  await context.run(model, 'update', (collection, session) =>
    collection.updateOne(
      { _id: document._id as never },
      { $set: { [own]: document[own] as unknown } },
      session,
    ),
  );
  await mirror(
    context,
    relation,
    document,
    [...ids].filter(([id]) => !before.has(id)),
    '$addToSet',
  );
  await mirror(
    context,
    relation,
    document,
    [...before].filter(([id]) => !ids.has(id)),
    '$pull',
  );
}

function relatedDocument(
  context: ExecutionContext,
  model: Model,
  operator: string,
  item: unknown,
  path: string,
): Promise<Document> {
  if (operator === 'create') return createDocument(context, model, item, path);
  if (operator === 'connectOrCreate') return connectOrCreate(context, model, item, path);
  return findToConnect(context, model, item, path);
}

async function mirror(
  context: ExecutionContext,
  relation: Relation,
  document: Document,
  changed: [string, unknown][],
  operator: '$addToSet' | '$pull',
): Promise<void> {
  if (changed.length === 0) return;
  const opposite = relation.opposite.relation!;
  const own: unknown = document[opposite.to[0]!.dbName];
  const filter = { [relation.to[0]!.dbName]: { $in: changed.map(([, id]) => id) } };
  const change: Document = { [operator]: { [opposite.from[0]!.dbName]: own } };
  await context.run(relation.target, 'update', (collection, session) =>
    collection.updateMany(filter, change, session),
  );
}
