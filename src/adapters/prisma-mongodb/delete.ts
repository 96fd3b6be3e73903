import type { Document } from 'mongodb';
import type { ExecutionContext } from './context';
import type { Field, Model } from './datamodel';
import { KnownError } from './errors';
import { distinctKeys } from './keys';
import { keysFilter } from './where';

const inbound = new WeakMap<Model, Field[]>();

/** Relation fields of `model` whose other side stores the key and must be minded when a row is deleted. */
export function findInbound(model: Model): Field[] {
  let fields = inbound.get(model);
  if (!fields) {
    fields = model.relations.filter(({ relation }) => !relation!.owns && relation!.onDelete !== 'NoAction');
    inbound.set(model, fields);
  }
  return fields;
}

/**
 * Prisma's referential actions, which no MongoDB server has: Cascade deletes the rows that point to the deleted ones,
 * SetNull clears their keys, Restrict refuses.
 * @throws KnownError P2014 when a required relation would be left without its row
 */
export async function applyOnDelete(
  context: ExecutionContext,
  model: Model,
  documents: Document[],
): Promise<void> {
  for (const field of findInbound(model)) {
    const { target, from, to, onDelete, opposite } = field.relation!;
    const keys = distinctKeys(documents, from);
    if (keys.length === 0) continue;
    const filter = keysFilter(to, keys);
    if (onDelete === 'SetNull') {
      const cleared = Object.fromEntries(to.map((key) => [key.dbName, null]));
      await context.run(target, 'update', (collection, session) =>
        collection.updateMany(filter, { $set: cleared }, session),
      );
    } else if (onDelete === 'Cascade') await cascade(context, target, filter);
    else if (await context.findOne(target, filter, { projection: { _id: 1 } })) {
      throw new KnownError(
        'P2014',
        `The change you are trying to make would violate the required relation '${opposite.relation!.opposite.name}' between the \`${target.name}\` and \`${model.name}\` models.`,
        { relation_name: field.name, model_a_name: target.name, model_b_name: model.name },
      );
    }
  }
}

async function cascade(context: ExecutionContext, model: Model, filter: Document): Promise<void> {
  let condition = filter;
  if (findInbound(model).length > 0) {
    const documents = await context.find(model, filter, {});
    if (documents.length === 0) return;
    condition = { _id: { $in: documents.map((document) => document._id as unknown) } };
    // Leave first, so that rows which point at each other do not go round in circles.
    await context.run(model, 'delete', (collection, session) => collection.deleteMany(condition, session));
    await applyOnDelete(context, model, documents);
    return;
  }
  await context.run(model, 'delete', (collection, session) => collection.deleteMany(condition, session));
}
