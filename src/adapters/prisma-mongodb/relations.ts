import type { Document } from 'mongodb';
import { cursorIndex, distinctKey, readFindArguments, type FindArguments, type ReadMany } from './arguments';
import type { ExecutionContext } from './context';
import type { Field, Model, Relation } from './datamodel';
import { ArgumentError } from './errors';
import { distinctKeys, keysOf, tupleText } from './keys';
import type { CountSelection, RelationSelection, Row, Selection } from './selection';
import { joinAnd, keysFilter } from './where';
import { resolveWhere } from './resolve';

/** Fetches the selected relations and counts of many rows: one query for each relation, never one for each row. */
export async function attachRelations(
  context: ExecutionContext,
  selection: Selection,
  rows: Row[],
  documents: Document[],
  path: string,
  readMany: ReadMany,
): Promise<void> {
  const jobs: Promise<void>[] = selection.relations.map((relation) =>
    attachRelation(context, relation, rows, documents, `${path}.${relation.field.name}`, readMany),
  );
  if (selection.counts) {
    const counts = rows.map((row) => (row._count = {} as Record<string, number>));
    jobs.push(
      ...selection.counts.map((count) =>
        attachCount(context, count, counts, documents, `${path}._count.${count.field.name}`),
      ),
    );
  }
  await Promise.all(jobs);
}

async function attachRelation(
  context: ExecutionContext,
  { field, args }: RelationSelection,
  rows: Row[],
  documents: Document[],
  path: string,
  readMany: ReadMany,
): Promise<void> {
  const relation = field.relation!;
  const keys = distinctKeys(documents, relation.from);
  const input = readFindArguments(relation.target, args, path);
  if (
    !field.isList &&
    (input.take !== undefined || input.skip !== undefined || input.cursor || input.orderBy !== undefined)
  ) {
    throw new ArgumentError(`Argument \`${path}\`: take, skip, cursor and orderBy need a list relation.`);
  }
  if (keys.length === 0) {
    for (const row of rows) row[field.name] = field.isList ? [] : null;
    return;
  }
  const isPaged = input.take !== undefined || input.skip !== undefined || input.cursor || input.distinct;
  const perParent = isPaged && (documents.length > 1 || relation.isManyToMany);
  const plain: FindArguments = perParent
    ? { ...input, take: undefined, skip: undefined, cursor: undefined, distinct: undefined }
    : input;
  const filter = keysFilter(relation.to, keys);
  const extra = perParent ? pageFields(relation.target, input) : [];
  const found = await readMany(context, relation.target, plain, path, {
    filter,
    fields: [...relation.to, ...extra],
  });
  const groups = groupByKey(found, relation);
  rows.forEach((row, index) => {
    const children = childrenOf(documents[index]!, relation, groups, found.rows);
    if (!field.isList) row[field.name] = children.length === 0 ? null : found.rows[children[0]!];
    else {
      const page = perParent ? pageInMemory(input, children, found.documents) : children;
      row[field.name] = page.map((child) => found.rows[child]);
    }
  });
}

/** Row numbers by key, in the order of the query. */
function groupByKey(found: { documents: Document[] }, relation: Relation): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  found.documents.forEach((document, index) => {
    for (const key of keysOf(document, relation.to)) {
      const text = tupleText(key);
      const group = groups.get(text);
      if (group) group.push(index);
      else groups.set(text, [index]);
    }
  });
  return groups;
}

function childrenOf(
  document: Document,
  relation: Relation,
  groups: Map<string, number[]>,
  rows: Row[],
): number[] {
  const keys = keysOf(document, relation.from);
  if (keys.length === 1) return groups.get(tupleText(keys[0]!)) ?? [];
  // Many-to-many: keep the query's order, not that of the list of keys.
  const children = new Set(keys.flatMap((key) => groups.get(tupleText(key)) ?? []));
  return rows.length === children.size ? [...rows.keys()] : [...children].sort((left, right) => left - right);
}

/** Fields that paging in memory reads. */
function pageFields(model: Model, input: FindArguments): Field[] {
  return [...(input.distinct ?? []), ...(input.cursor?.fields ?? []), model.idField];
}

/** cursor, distinct, skip and take for the children of one parent. */
function pageInMemory(input: FindArguments, children: number[], documents: Document[]): number[] {
  let page = children;
  const isReversed = input.take !== undefined && input.take < 0;
  if (isReversed) page = [...page].reverse();
  if (input.cursor) {
    const start = cursorIndex(
      input.cursor,
      page.map((child) => documents[child]!),
    );
    page = start < 0 ? [] : page.slice(start);
  }
  if (input.distinct) {
    const seen = new Set<string>();
    page = page.filter((child) => {
      const key = distinctKey(documents[child]!, input.distinct!);
      return !seen.has(key) && seen.add(key);
    });
  }
  const skip = input.skip ?? 0;
  page = page.slice(skip, input.take === undefined ? undefined : skip + Math.abs(input.take));
  return isReversed ? page.reverse() : page;
}

async function attachCount(
  context: ExecutionContext,
  { field, where }: CountSelection,
  counts: Record<string, number>[],
  documents: Document[],
  path: string,
): Promise<void> {
  const relation = field.relation!;
  const keys = distinctKeys(documents, relation.from);
  const totals = new Map<string, number>();
  if (keys.length > 0) {
    const condition = await resolveWhere(context, relation.target, where, `${path}.where`);
    const filter = joinAnd([keysFilter(relation.to, keys), condition]);
    const id = Object.fromEntries(relation.to.map((key, index) => [`k${index}`, `$${key.dbName}`]));
    const groups = await context.aggregate(relation.target, [
      { $match: filter },
      { $group: { _id: id, total: { $sum: 1 } } },
    ]);
    for (const group of groups) {
      const key = relation.to.map((_, index) => (group._id as Document)[`k${index}`] as unknown);
      totals.set(tupleText(key), group.total as number);
    }
  }
  documents.forEach((document, index) => {
    const own = new Set(keysOf(document, relation.from).map(tupleText));
    counts[index]![field.name] = [...own].reduce((sum, key) => sum + (totals.get(key) ?? 0), 0);
  });
}
