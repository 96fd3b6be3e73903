import type { Document } from 'mongodb';
import type { ExecutionContext } from './context';
import type { Field, Model } from './datamodel';
import { ArgumentError, asList, invalidValue, unknownArgument } from './errors';
import { readUnique, uniqueFilter, type UniqueWhere } from './input';
import { keyText } from './keys';
import { compileSelection, type Row, type Selection } from './selection';

/** Checked arguments of a query for many rows. */
export interface FindArguments {
  where?: unknown;
  orderBy?: unknown;
  cursor?: UniqueWhere;
  /** Negative: from the end. */
  take?: number;
  skip?: number;
  distinct?: Field[];
  selection: Selection;
}

/** Rows, and the documents they come from, in the same order. */
export interface Found {
  rows: Row[];
  documents: Document[];
}

export interface ReadExtras {
  /** A further condition, in the database's form. */
  filter?: Document;
  /** Fields needed in `documents` besides the selected ones. */
  fields?: Field[];
}

export type ReadMany = (
  context: ExecutionContext,
  model: Model,
  args: FindArguments,
  path: string,
  extras?: ReadExtras,
) => Promise<Found>;

const FIND_ARGUMENTS = new Set([
  'where',
  'orderBy',
  'cursor',
  'take',
  'skip',
  'distinct',
  'select',
  'include',
  'omit',
]);

export function checkArguments(
  args: Record<string, unknown>,
  known: ReadonlySet<string>,
  path: string,
): void {
  for (const name of Object.keys(args)) {
    if (args[name] !== undefined && !known.has(name)) throw unknownArgument(path, name, known);
  }
}

export function readFindArguments(model: Model, args: Record<string, unknown>, path: string): FindArguments {
  checkArguments(args, FIND_ARGUMENTS, path);
  return { ...readPaging(model, args, path), selection: compileSelection(model, args, path) };
}

export function readPaging(
  model: Model,
  args: Record<string, unknown>,
  path: string,
): Omit<FindArguments, 'selection'> {
  const { where, orderBy, cursor, distinct } = args;
  return {
    where,
    orderBy,
    cursor: cursor == null ? undefined : readUnique(model, cursor, `${path}.cursor`),
    take: readInteger(args.take, `${path}.take`),
    skip: readSkip(args.skip, `${path}.skip`),
    distinct: distinct == null ? undefined : readDistinct(model, distinct, `${path}.distinct`),
  };
}

function readInteger(value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw invalidValue(path, 'Int', value);
}

function readSkip(value: unknown, path: string): number | undefined {
  const skip = readInteger(value, path);
  if (skip !== undefined && skip < 0)
    throw new ArgumentError(
      `Invalid value for skip argument at \`${path}\`: Value can only be positive, found: ${skip}`,
    );
  return skip;
}

function readDistinct(model: Model, value: unknown, path: string): Field[] | undefined {
  const fields = asList(value).map((name) => {
    const field = typeof name === 'string' ? model.fields.get(name) : undefined;
    if (field && field.kind !== 'relation') return field;
    throw invalidValue(path, `${model.name}ScalarFieldEnum`, name);
  });
  return fields.length === 0 ? undefined : fields;
}

/** A document's values of some fields as one text, for telling rows apart. */
export function distinctKey(document: Document, fields: Field[]): string {
  return JSON.stringify(
    fields.map((field) => {
      const value: unknown = document[field.dbName] ?? null;
      return typeof value === 'object' ? value : keyText(value);
    }),
  );
}

/** Where the cursor's row is among `documents`, or -1. */
export function cursorIndex(cursor: UniqueWhere, documents: Document[]): number {
  const wanted = uniqueFilter(cursor, 'cursor');
  const names = Object.keys(wanted);
  return documents.findIndex((document) =>
    names.every((name) => keyText(document[name]) === keyText(wanted[name])),
  );
}
