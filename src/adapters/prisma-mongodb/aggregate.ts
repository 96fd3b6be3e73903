import type { Document } from 'mongodb';
import { checkArguments, readPaging } from './arguments';
import type { ExecutionContext } from './context';
import type { Field, Model } from './datamodel';
import {
  ArgumentError,
  asList,
  asObject,
  invalidValue,
  isPlainObject,
  setEntries,
  unknownArgument,
  unknownField,
} from './errors';
import { readDirection } from './order';
import { compilePage, pageStages } from './read';
import { resolveWhere } from './resolve';
import type { Row } from './selection';
import { compileWhere, joinAnd } from './where';

const PAGING = ['where', 'orderBy', 'cursor', 'take', 'skip'];
const FUNCTIONS = ['_count', '_avg', '_sum', '_min', '_max'] as const;
type AggregateFunction = (typeof FUNCTIONS)[number];
const COUNT_ARGUMENTS = new Set([...PAGING, 'select', 'distinct']);
const AGGREGATE_ARGUMENTS = new Set<string>([...PAGING, ...FUNCTIONS]);
const GROUP_ARGUMENTS = new Set<string>(['by', 'where', 'having', 'orderBy', 'take', 'skip', ...FUNCTIONS]);

type Args = Record<string, unknown>;

/** One aggregated value: its accumulators in `$group` and how to read them. */
interface Aggregate {
  fn: AggregateFunction;
  /** Null for `_count: true` and `_count._all`. */
  field: Field | null;
  /** Key in the group document. */
  key: string;
}

const isPresent = (field: Field): Document => ({ $ne: [{ $ifNull: [`$${field.dbName}`, null] }, null] });

function accumulators(aggregates: Aggregate[]): Document {
  const group: Document = {};
  for (const { fn, field, key } of aggregates) {
    if (fn === '_count') group[key] = { $sum: field ? { $cond: [isPresent(field), 1, 0] } : 1 };
    else {
      group[key] = { [`$${fn.slice(1)}`]: `$${field!.dbName}` };
      // The sum of nothing is null in Prisma, 0 in MongoDB.
      if (fn === '_sum') group[`${key}_n`] = { $sum: { $cond: [isPresent(field!), 1, 0] } };
    }
  }
  return group;
}

function readAggregate({ fn, field, key }: Aggregate, document: Document | undefined): unknown {
  if (fn === '_count') return Number(document?.[key] ?? 0);
  const value: unknown = document?.[key] ?? null;
  if (value === null || (fn === '_sum' && !document?.[`${key}_n`])) return null;
  if (fn === '_avg') return Number(value);
  return field!.decode ? field!.decode(value) : value;
}

const keyOf = (fn: AggregateFunction, field: Field | null): string => `${fn}_${field ? field.name : 'all'}`;

function selectAggregates(model: Model, args: Args, path: string): Aggregate[] {
  const aggregates: Aggregate[] = [];
  for (const fn of FUNCTIONS) {
    const selected = args[fn];
    if (selected === undefined || selected === false) continue;
    if (selected === true) {
      if (fn !== '_count') throw invalidValue(`${path}.${fn}`, 'Object', selected);
      aggregates.push({ fn, field: null, key: keyOf(fn, null) });
      continue;
    }
    for (const [name, isWanted] of setEntries(selected, `${path}.${fn}`)) {
      if (typeof isWanted !== 'boolean') throw invalidValue(`${path}.${fn}.${name}`, 'Boolean', isWanted);
      if (!isWanted) continue;
      const field =
        name === '_all' && fn === '_count' ? null : aggregateField(model, fn, name, `${path}.${fn}`);
      aggregates.push({ fn, field, key: keyOf(fn, field) });
    }
  }
  return aggregates;
}

function aggregateField(model: Model, fn: AggregateFunction, name: string, path: string): Field {
  const field = model.fields.get(name);
  const isNumericOnly = fn === '_avg' || fn === '_sum';
  const fits = (candidate: Field): boolean =>
    candidate.kind !== 'relation' &&
    (isNumericOnly ? candidate.isNumeric : fn === '_count' || !candidate.isList);
  if (field && fits(field)) return field;
  throw unknownField(
    path,
    name,
    model.name,
    [...model.fields.values()].filter(fits).map((candidate) => candidate.name),
  );
}

function toRow(args: Args, aggregates: Aggregate[], document: Document | undefined, row: Row): Row {
  for (const aggregate of aggregates) {
    const { fn, field } = aggregate;
    const value = readAggregate(aggregate, document);
    if (fn === '_count' && args._count === true) row._count = value;
    else ((row[fn] ??= {}) as Row)[field ? field.name : '_all'] = value;
  }
  return row;
}

export async function aggregate(context: ExecutionContext, model: Model, args: Args): Promise<Row> {
  checkArguments(args, AGGREGATE_ARGUMENTS, 'aggregate');
  const aggregates = selectAggregates(model, args, 'aggregate');
  if (aggregates.length === 0)
    throw new ArgumentError(`Argument \`aggregate\` needs at least one of ${FUNCTIONS.join(', ')}.`);
  const page = await compilePage(context, model, readPaging(model, args, 'aggregate'), 'aggregate');
  if (!page) return toRow(args, aggregates, undefined, {});
  const stages = page.limit === 0 ? [{ $match: { $nor: [{}] } }] : pageStages(page);
  const [document] = await context.aggregate(model, [
    ...stages,
    { $group: { _id: null, ...accumulators(aggregates) } },
  ]);
  return toRow(args, aggregates, document, {});
}

export async function count(context: ExecutionContext, model: Model, args: Args): Promise<unknown> {
  checkArguments(args, COUNT_ARGUMENTS, 'count');
  const { select, distinct, ...paging } = args;
  if (distinct !== undefined) throw unknownArgument('count', 'distinct', [...PAGING, 'select']);
  const row = await aggregate(context, model, { ...paging, _count: select ?? true });
  return row._count;
}

/** Group keys are numbered: a field's database name may hold anything. */
export async function groupBy(context: ExecutionContext, model: Model, args: Args): Promise<Row[]> {
  checkArguments(args, GROUP_ARGUMENTS, 'groupBy');
  const by = readBy(model, args.by);
  const selected = selectAggregates(model, args, 'groupBy');
  const needed = new Map(selected.map((item) => [item.key, item]));
  const having = compileHaving(model, args.having, by, needed, 'having');
  const sort = compileGroupOrder(model, args.orderBy, by, needed);
  const { take, skip } = readPaging(model, { take: args.take, skip: args.skip }, 'groupBy');
  if ((take !== undefined || skip !== undefined) && !sort) {
    throw new ArgumentError('Argument `orderBy` is required by groupBy when `take` or `skip` is set.');
  }
  if (take === 0) return [];
  const filter = await resolveWhere(context, model, args.where, 'where');
  const id = Object.fromEntries(
    by.map((field, index) => [`k${index}`, { $ifNull: [`$${field.dbName}`, null] }]),
  );
  const pipeline: Document[] = [
    { $match: filter },
    { $group: { _id: id, ...accumulators([...needed.values()]) } },
  ];
  if (Object.keys(having).length > 0) pipeline.push({ $match: having });
  if (sort) pipeline.push({ $sort: take !== undefined && take < 0 ? reverse(sort) : sort });
  if (skip) pipeline.push({ $skip: skip });
  if (take !== undefined) pipeline.push({ $limit: Math.abs(take) });
  const groups = await context.aggregate(model, pipeline);
  if (take !== undefined && take < 0) groups.reverse();
  return groups.map((group) => toRow(args, selected, group, groupKeys(by, group._id as Document)));
}

function groupKeys(by: Field[], id: Document): Row {
  const row: Row = {};
  by.forEach((field, index) => {
    const value: unknown = id[`k${index}`] ?? null;
    if (value === null || !field.decode) row[field.name] = value;
    else row[field.name] = field.isList ? (value as unknown[]).map(field.decode) : field.decode(value);
  });
  return row;
}

function readBy(model: Model, by: unknown): Field[] {
  const fields = asList(by ?? []).map((name) => {
    const field = typeof name === 'string' ? model.fields.get(name) : undefined;
    if (field && field.kind !== 'relation' && field.kind !== 'composite') return field;
    throw invalidValue('by', `${model.name}ScalarFieldEnum`, name);
  });
  if (fields.length === 0) throw new ArgumentError('Argument `by` must name at least one field.');
  return fields;
}

const reverse = (sort: Document): Document =>
  Object.fromEntries(Object.entries(sort).map(([key, direction]) => [key, -(direction as number)]));

function compileGroupOrder(
  model: Model,
  orderBy: unknown,
  by: Field[],
  needed: Map<string, Aggregate>,
): Document | null {
  if (orderBy == null) return null;
  const sort: Document = {};
  for (const item of asList(orderBy)) {
    for (const [name, value] of setEntries(item, 'orderBy')) {
      const fn = FUNCTIONS.find((candidate) => candidate === name);
      if (fn) {
        for (const [fieldName, direction] of setEntries(value, `orderBy.${fn}`)) {
          const field =
            fieldName === '_all' && fn === '_count'
              ? null
              : aggregateField(model, fn, fieldName, `orderBy.${fn}`);
          needed.set(keyOf(fn, field), { fn, field, key: keyOf(fn, field) });
          sort[keyOf(fn, field)] = readDirection(direction, `orderBy.${fn}.${fieldName}`);
        }
        continue;
      }
      const index = by.findIndex((field) => field.name === name);
      if (index < 0)
        throw unknownField(
          'orderBy',
          name,
          model.name,
          by.map((field) => field.name),
        );
      const direction = isPlainObject(value) ? value.sort : value;
      sort[`_id.k${index}`] = readDirection(direction, `orderBy.${name}`);
    }
  }
  return Object.keys(sort).length === 0 ? null : sort;
}

/** A field of the grouped documents, so that ordinary conditions can be compiled on it. */
function groupedField(field: Field, dbName: string, changes: Partial<Field> = {}): Field {
  return { ...field, dbName, isRequired: true, ...changes };
}

/** Conditions on groups: on the keys themselves, or on aggregates (`{ views: { _sum: { gt: 5 } } }`). */
function compileHaving(
  model: Model,
  having: unknown,
  by: Field[],
  needed: Map<string, Aggregate>,
  path: string,
): Document {
  if (having == null) return {};
  const parts: Document[] = [];
  const nested = (value: unknown, at: string): Document[] =>
    asList(value).map((item) => compileHaving(model, item, by, needed, at));
  for (const [name, value] of setEntries(having, path)) {
    const at = `${path}.${name}`;
    if (name === 'AND') parts.push(...nested(value, at));
    else if (name === 'OR') parts.push({ $or: nested(value, at) });
    else if (name === 'NOT') parts.push({ $nor: nested(value, at) });
    else parts.push(...compileHavingField(model, name, value, by, needed, at));
  }
  return parts.length === 0 ? {} : joinAnd(parts);
}

function compileHavingField(
  model: Model,
  name: string,
  value: unknown,
  by: Field[],
  needed: Map<string, Aggregate>,
  path: string,
): Document[] {
  const field = model.fields.get(name);
  if (!field || field.kind === 'relation')
    throw unknownField(
      'having',
      name,
      model.name,
      model.stored.map((stored) => stored.name),
    );
  const filter = isPlainObject(value) ? { ...value } : value;
  const parts: Document[] = [];
  const compile = (target: Field, condition: unknown, at: string): void => {
    const grouped = { name: model.name, fields: new Map([[name, target]]), stored: [target] };
    parts.push(
      compileWhere(grouped, { [name]: condition }, { findKeys: () => Promise.resolve([]), deferred: [] }, at),
    );
  };
  if (isPlainObject(filter)) {
    for (const fn of FUNCTIONS) {
      const condition = filter[fn];
      delete filter[fn];
      if (condition === undefined) continue;
      const target = aggregateField(model, fn, name, path);
      const key = keyOf(fn, target);
      needed.set(key, { fn, field: target, key });
      const number = { type: 'Float', encode: (operand: unknown) => operand };
      compile(
        groupedField(target, key, fn === '_count' || fn === '_avg' ? number : {}),
        asObject(condition, `${path}.${fn}`),
        path,
      );
    }
    if (Object.keys(filter).length === 0) return parts;
  }
  const index = by.findIndex((candidate) => candidate.name === name);
  if (index < 0)
    throw new ArgumentError(`Argument \`${path}\`: conditions on \`${name}\` itself need it in \`by\`.`);
  compile(groupedField(field, `_id.k${index}`, { isRequired: field.isRequired }), filter, 'having');
  return parts;
}
