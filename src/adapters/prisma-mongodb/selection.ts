import type { Document } from 'mongodb';
import type { Composite, Field, Model } from './datamodel';
import {
  ArgumentError,
  asObject,
  invalidValue,
  KnownError,
  setEntries,
  unknownArgument,
  unknownField,
} from './errors';

/** Prisma's row: a plain object keyed by field names. */
export type Row = Record<string, unknown>;

/** One stored field to hand out. */
interface Column {
  name: string;
  dbName: string;
  field: Field;
  /** What the stored value becomes; null when both are the same. */
  decode: ((value: unknown) => unknown) | null;
}

export interface RelationSelection {
  field: Field;
  /** Arguments of the nested query: where, orderBy, take, select, ... */
  args: Record<string, unknown>;
}

export interface CountSelection {
  field: Field;
  where: unknown;
}

/** What a query hands out, compiled from `select`, `include` and `omit`. */
export interface Selection {
  columns: Column[];
  relations: RelationSelection[];
  /** Null when `_count` is not selected. */
  counts: CountSelection[] | null;
  /** Null when whole documents are read. */
  projection: Document | null;
}

const column = (field: Field): Column => ({
  name: field.name,
  dbName: field.dbName,
  field,
  decode: fieldDecoder(field, null),
});

const defaultColumns = new WeakMap<Composite, Column[]>();

/** All stored fields of a model or composite type; computed once. */
function allColumns(type: Composite): Column[] {
  let columns = defaultColumns.get(type);
  if (!columns) {
    columns = [];
    defaultColumns.set(type, columns);
    columns.push(...type.stored.map(column));
  }
  return columns;
}

function fieldDecoder(field: Field, inner: Column[] | null): ((value: unknown) => unknown) | null {
  if (field.composite) {
    const composite = field.composite;
    const decodeItem = (value: unknown): unknown =>
      value === null || value === undefined
        ? null
        : decodeColumns(inner ?? allColumns(composite), value, composite.name);
    return field.isList ? (value) => (value as unknown[]).map(decodeItem) : decodeItem;
  }
  const decode = field.decode;
  if (!decode) return null;
  return field.isList ? (value) => (value as unknown[]).map(decode) : decode;
}

/** The hot loop: one document to one row. */
function decodeColumns(columns: Column[], document: Document, owner: string): Row {
  const row: Row = {};
  for (let index = 0; index < columns.length; index += 1) {
    const { name, dbName, decode, field } = columns[index]!;
    const value: unknown = document[dbName];
    if (value === undefined || value === null) row[name] = absentValue(field, owner);
    else row[name] = decode === null ? value : decode(value);
  }
  return row;
}

function absentValue(field: Field, owner: string): unknown {
  if (field.isList) return [];
  if (!field.isRequired || field.type === 'Json') return null;
  throw new KnownError(
    'P2032',
    `Error converting field "${field.name}" of model ${owner} of expected non-nullable type "${field.type}": found null or no value.`,
    { field: field.name, expected_type: field.type },
  );
}

export const decodeRow = (selection: Selection, document: Document, model: Model): Row =>
  decodeColumns(selection.columns, document, model.name);

const fullSelections = new WeakMap<Model, Selection>();

/** Compiles `select`, `include` and `omit` of one level. */
export function compileSelection(model: Model, args: Record<string, unknown>, path: string): Selection {
  const { select, include, omit } = args;
  if (select == null && include == null && omit == null) return fullSelection(model);
  if (select != null && include != null) {
    throw new ArgumentError(
      `Please either use \`include\` or \`select\` at \`${path}\`, but not both at the same time.`,
    );
  }
  if (select != null && omit != null) {
    throw new ArgumentError(
      `Please either use \`omit\` or \`select\` at \`${path}\`, but not both at the same time.`,
    );
  }
  return select != null
    ? compileSelect(model, select, `${path}.select`)
    : compileInclude(model, include, omit, path);
}

function fullSelection(model: Model): Selection {
  let selection = fullSelections.get(model);
  if (!selection) {
    selection = { columns: allColumns(model), relations: [], counts: null, projection: null };
    fullSelections.set(model, selection);
  }
  return selection;
}

function compileSelect(model: Model, select: unknown, path: string): Selection {
  const selection: Selection = { columns: [], relations: [], counts: null, projection: {} };
  let isEmpty = true;
  for (const [name, value] of setEntries(select, path)) {
    const field = model.fields.get(name);
    if (!field && name !== '_count')
      throw unknownField(path, name, model.name, [...model.fields.keys(), '_count']);
    if (!isWanted(value, `${path}.${name}`)) continue;
    isEmpty = false;
    addSelected(selection, model, field, value, `${path}.${name}`);
  }
  if (isEmpty)
    throw new ArgumentError(
      `The \`select\` statement at \`${path}\` for ${model.name} needs at least one truthy value.`,
    );
  finishProjection(selection);
  return selection;
}

function compileInclude(model: Model, include: unknown, omit: unknown, path: string): Selection {
  const selection: Selection = { ...fullSelection(model), relations: [], counts: null };
  if (include != null) {
    for (const [name, value] of setEntries(include, `${path}.include`)) {
      const field = model.fields.get(name);
      const at = `${path}.include.${name}`;
      if ((!field && name !== '_count') || (field && field.kind !== 'relation')) {
        const known = [...model.relations.map((relation) => relation.name), '_count'];
        throw unknownField(`${path}.include`, name, model.name, known);
      }
      if (isWanted(value, at)) addSelected(selection, model, field, value, at);
    }
  }
  if (omit != null) applyOmit(selection, model, omit, `${path}.omit`);
  return selection;
}

function applyOmit(selection: Selection, model: Model, omit: unknown, path: string): void {
  const omitted = new Set<string>();
  for (const [name, value] of setEntries(omit, path)) {
    const field = model.fields.get(name);
    if (!field || field.kind === 'relation') {
      throw unknownField(
        path,
        name,
        model.name,
        model.stored.map((stored) => stored.name),
      );
    }
    if (isWanted(value, `${path}.${name}`)) omitted.add(name);
  }
  selection.columns = selection.columns.filter(({ name }) => !omitted.has(name));
  selection.projection = Object.fromEntries(selection.columns.map(({ dbName }) => [dbName, 1]));
  finishProjection(selection);
}

function isWanted(value: unknown, path: string): boolean {
  if (value === null || (typeof value !== 'boolean' && typeof value !== 'object')) {
    throw invalidValue(path, 'Boolean or Object', value);
  }
  return value !== false;
}

function addSelected(
  selection: Selection,
  model: Model,
  field: Field | undefined,
  value: unknown,
  path: string,
): void {
  if (!field) selection.counts = compileCounts(model, value, path);
  else if (field.kind === 'relation') {
    selection.relations.push({ field, args: value === true ? {} : asObject(value, path) });
  } else addColumn(selection, field, value, path);
}

function addColumn(selection: Selection, field: Field, value: unknown, path: string): void {
  if (value === true) selection.columns.push(column(field));
  else if (!field.composite) throw invalidValue(path, 'Boolean', value);
  else
    selection.columns.push({
      ...column(field),
      decode: fieldDecoder(field, compositeColumns(field.composite, value, path)),
    });
  if (selection.projection) selection.projection[field.dbName] = 1;
}

function compositeColumns(type: Composite, value: unknown, path: string): Column[] {
  const entries = setEntries(value, path);
  const select = entries.find(([key]) => key === 'select');
  if (!select || entries.length > 1) throw unknownArgument(path, entries[0]?.[0] ?? '', ['select']);
  const selection: Selection = { columns: [], relations: [], counts: null, projection: null };
  for (const [name, item] of setEntries(select[1], `${path}.select`)) {
    const field = type.fields.get(name);
    if (!field) throw unknownField(`${path}.select`, name, type.name, type.fields.keys());
    if (isWanted(item, `${path}.select.${name}`)) addColumn(selection, field, item, `${path}.select.${name}`);
  }
  return selection.columns;
}

function compileCounts(model: Model, value: unknown, path: string): CountSelection[] {
  const lists = model.relations.filter((field) => field.isList);
  if (value === true) return lists.map((field) => ({ field, where: undefined }));
  const counts: CountSelection[] = [];
  const { select, ...others } = asObject(value, path);
  const [unexpected] = Object.keys(others);
  if (unexpected !== undefined) throw unknownArgument(path, unexpected, ['select']);
  for (const [name, item] of setEntries(select, `${path}.select`)) {
    const field = lists.find((candidate) => candidate.name === name);
    if (!field)
      throw unknownField(
        `${path}.select`,
        name,
        model.name,
        lists.map((candidate) => candidate.name),
      );
    if (!isWanted(item, `${path}.select.${name}`)) continue;
    counts.push({ field, where: item === true ? undefined : asObject(item, `${path}.select.${name}`).where });
  }
  return counts;
}

/** Adds the keys that relations and counts are joined by, and leaves `_id` out unless it is wanted. */
function finishProjection(selection: Selection): void {
  const { projection } = selection;
  if (!projection) return;
  for (const { field } of [...selection.relations, ...(selection.counts ?? [])]) {
    for (const key of field.relation!.from) projection[key.dbName] = 1;
  }
  if (!('_id' in projection)) projection._id = Object.keys(projection).length === 0 ? 1 : 0;
}
