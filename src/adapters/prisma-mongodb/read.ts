import type { Document } from 'mongodb';
import type { FindArguments, Found, ReadExtras } from './arguments';
import { distinctKey } from './arguments';
import type { ExecutionContext } from './context';
import type { Field, Model } from './datamodel';
import { ArgumentError, KnownError } from './errors';
import type { UniqueWhere } from './input';
import { compileOrder, cursorFilter, sortDocument, withIdLast, type OrderKey } from './order';
import { attachRelations } from './relations';
import { resolveRest, resolveWhere } from './resolve';
import { decodeRow, type Row, type Selection } from './selection';
import { joinAnd } from './where';

function projectionWith(selection: Selection, fields: Field[] | undefined): Document | undefined {
  if (!selection.projection) return undefined;
  if (!fields || fields.length === 0) return selection.projection;
  const projection = { ...selection.projection };
  for (const field of fields) projection[field.dbName] = 1;
  return projection;
}

/** Decodes documents and fetches what else is selected. */
export async function toRows(
  context: ExecutionContext,
  model: Model,
  selection: Selection,
  documents: Document[],
  path: string,
): Promise<Row[]> {
  const rows: Row[] = new Array<Row>(documents.length);
  for (let index = 0; index < documents.length; index += 1)
    rows[index] = decodeRow(selection, documents[index]!, model);
  if ((selection.relations.length > 0 || selection.counts) && rows.length > 0) {
    await attachRelations(context, selection, rows, documents, path, readMany);
  }
  return rows;
}

export async function readMany(
  context: ExecutionContext,
  model: Model,
  args: FindArguments,
  path: string,
  extras: ReadExtras = {},
): Promise<Found> {
  const documents = await readDocuments(context, model, args, path, extras);
  return { documents, rows: await toRows(context, model, args.selection, documents, path) };
}

async function readDocuments(
  context: ExecutionContext,
  model: Model,
  args: FindArguments,
  path: string,
  extras: ReadExtras,
): Promise<Document[]> {
  if (args.take === 0) return [];
  const page = await compilePage(context, model, args, path, extras.filter);
  if (!page) return [];
  const fields = args.distinct ? [...(extras.fields ?? []), ...args.distinct] : extras.fields;
  const projection = projectionWith(args.selection, fields);
  const documents = await fetchPage(context, model, page, projection, args.distinct);
  return page.isReversed ? documents.reverse() : documents;
}

/** A query compiled as far as the database goes. */
export interface Page {
  filter: Document;
  keys: OrderKey[];
  isReversed: boolean;
  skip?: number;
  limit?: number;
}

/** Compiles where, orderBy, cursor, skip and take; null when the cursor's row does not exist. */
export async function compilePage(
  context: ExecutionContext,
  model: Model,
  args: Omit<FindArguments, 'selection'>,
  path: string,
  extraFilter?: Document,
): Promise<Page | null> {
  let keys = compileOrder(model, args.orderBy, `${path}.orderBy`);
  const isReversed = args.take !== undefined && args.take < 0;
  const parts: Document[] = [];
  if (extraFilter) parts.push(extraFilter);
  if (args.where != null) parts.push(await resolveWhere(context, model, args.where, `${path}.where`));
  if (args.cursor || isReversed) keys = withIdLast(keys, model);
  if (args.cursor) {
    const filter = await resolveCursor(context, model, args.cursor, keys, isReversed, path);
    if (!filter) return null;
    parts.push(filter);
  }
  return {
    filter: parts.length === 0 ? {} : joinAnd(parts),
    keys,
    isReversed,
    skip: args.skip,
    limit: args.take === undefined ? undefined : Math.abs(args.take),
  };
}

async function resolveCursor(
  context: ExecutionContext,
  model: Model,
  cursor: UniqueWhere,
  keys: OrderKey[],
  isReversed: boolean,
  path: string,
): Promise<Document | null> {
  if (keys.some((key) => key.stages.length > 0)) {
    throw new ArgumentError(
      `Argument \`${path}.cursor\`: paging by cursor cannot be combined with sorting by relations or nulls.`,
    );
  }
  const filter = await resolveRest(context, model, cursor, `${path}.cursor`);
  const projection: Document = Object.fromEntries(keys.map((key) => [key.path, 1]));
  if (!('_id' in projection)) projection._id = 0;
  const document = await context.findOne(model, filter, { projection });
  if (!document) return null;
  const values = keys.map((key) =>
    key.path
      .split('.')
      .reduce<unknown>((value, name) => (value as Document | null | undefined)?.[name], document),
  );
  return cursorFilter(keys, values, isReversed);
}

/** The stages of a page, for aggregations. */
export function pageStages(page: Page): Document[] {
  const stages: Document[] = [{ $match: page.filter }];
  for (const key of page.keys) stages.push(...key.stages);
  const sort = sortDocument(page.keys, page.isReversed);
  if (sort) stages.push({ $sort: sort });
  if (page.skip) stages.push({ $skip: page.skip });
  if (page.limit !== undefined) stages.push({ $limit: page.limit });
  return stages;
}

function fetchPage(
  context: ExecutionContext,
  model: Model,
  page: Page,
  projection: Document | undefined,
  distinct: Field[] | undefined,
): Promise<Document[]> {
  const isComputed = page.keys.some((key) => key.stages.length > 0);
  if (distinct) return fetchDistinct(context, model, page, projection, distinct);
  if (isComputed) return context.aggregate(model, projected(pageStages(page), projection));
  return context.find(model, page.filter, {
    projection,
    sort: sortDocument(page.keys, page.isReversed),
    skip: page.skip,
    limit: page.limit,
  });
}

const projected = (stages: Document[], projection: Document | undefined): Document[] =>
  projection ? [...stages, { $project: projection }] : stages;

/** The first row of each combination of values, read from a cursor until the page is full. */
function fetchDistinct(
  context: ExecutionContext,
  model: Model,
  page: Page,
  projection: Document | undefined,
  distinct: Field[],
): Promise<Document[]> {
  const { skip = 0, limit = Infinity } = page;
  const stages = projected(pageStages({ ...page, skip: undefined, limit: undefined }), projection);
  return context.run(model, 'aggregate', async (collection, session) => {
    const seen = new Set<string>();
    const documents: Document[] = [];
    const cursor = collection.aggregate(stages, session);
    try {
      for await (const document of cursor) {
        const key = distinctKey(document, distinct);
        if (seen.has(key)) continue;
        seen.add(key);
        if (seen.size > skip) documents.push(document);
        if (documents.length >= limit) break;
      }
    } finally {
      await cursor.close();
    }
    return documents;
  });
}

export const recordNotFound = (model: Model, operation: string): KnownError =>
  new KnownError(
    'P2025',
    `An operation failed because it depends on one or more records that were required but not found. No record was found for ${operation} on ${model.name}.`,
    { modelName: model.name, cause: `No record was found for ${operation}.` },
  );
