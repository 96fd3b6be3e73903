/** What every command handler gets, and how it reads its arguments. */
import type { Document } from 'bson';
import type { Collection } from '../catalog';
import type { Engine, Target } from '../engine';
import { MongoCommandError } from '../errors';
import type { RawReply } from '../raw-bson';
import type { MongoTransaction } from '../transactions';

export interface CommandContext {
  engine: Engine;
  connectionId: number;
  name: string;
  db: string;
  body: Document;
  /** Undecoded documents, by field name (insert's `documents`, update's `updates`, ...). */
  sequences: ReadonlyMap<string, Buffer[]>;
  session: string | null;
  transaction: MongoTransaction | null;
}

/** A reply document, or ready-made reply bytes. */
export type CommandReply = Document | RawReply;

export interface CommandSpec {
  run: (ctx: CommandContext) => CommandReply | Promise<CommandReply>;
  /** Fields of the command besides the ones every command takes; null: any (diagnostics that ignore their input). */
  options: readonly string[] | null;
  /** May run inside a transaction. */
  inTransaction?: boolean;
  /** Takes a read concern other than `local`. */
  readConcern?: boolean;
  /** Takes a write concern. */
  writeConcern?: boolean;
}

/** Fields any command may carry; the server's answer does not depend on the ignored ones. */
export const COMMON_OPTIONS: ReadonlySet<string> = new Set([
  '$db',
  'lsid',
  'txnNumber',
  'autocommit',
  'startTransaction',
  'readConcern',
  'writeConcern',
  'maxTimeMS',
  'comment',
  '$clusterTime',
  '$readPreference',
  '$audit',
  '$client',
  'apiVersion',
  'apiStrict',
  'apiDeprecationErrors',
]);

/** @throws MongoCommandError UnknownField naming the first option the command does not have */
export function checkOptions(name: string, body: Document, allowed: readonly string[] | null): void {
  if (allowed === null) return;
  for (const field of Object.keys(body)) {
    if (field === name || COMMON_OPTIONS.has(field) || allowed.includes(field)) continue;
    throw new MongoCommandError('UnknownField', `BSON field '${name}.${field}' is an unknown field.`);
  }
}

export function refuseUnknown(where: string, item: Document, allowed: readonly string[]): void {
  const unknown = Object.keys(item).find((field) => !allowed.includes(field));
  if (unknown !== undefined) {
    throw new MongoCommandError('UnknownField', `BSON field '${where}.${unknown}' is an unknown field.`);
  }
}

/** @throws MongoCommandError MissingField */
export function requireField(value: unknown, field: string): void {
  if (value === undefined)
    throw new MongoCommandError('MissingField', `BSON field '${field}' is missing but a required field`);
}

/** Refuses options that would change the meaning of a command and are not implemented. */
export function refuseOptions(ctx: CommandContext, names: readonly string[]): void {
  for (const name of names) {
    const value: unknown = ctx.body[name];
    if (value === undefined || value === null || value === false) continue;
    throw new MongoCommandError(
      'CommandNotSupported',
      `The option '${name}' of ${ctx.name} is not supported by the embedded server; use a full MongoDB deployment for it.`,
    );
  }
}

/** Only binary comparison of strings exists here; another collation would silently give another order. */
export function checkCollation(collation: unknown): void {
  if (collation === undefined || collation === null) return;
  const locale: unknown = (collation as Document)['locale'];
  if (locale === undefined || locale === 'simple') return;
  throw new MongoCommandError(
    'CommandNotSupported',
    `Collation '${String(locale)}' is not supported by the embedded server; only 'simple' is.`,
  );
}

export function collectionName(ctx: CommandContext, field = ctx.name): string {
  const name: unknown = ctx.body[field];
  if (typeof name === 'string') return name;
  throw new MongoCommandError(
    'InvalidNamespace',
    `collection name has invalid type: '${field}' must be a string`,
  );
}

export function findCollection(ctx: CommandContext, field = ctx.name): Collection | undefined {
  return collectionNamed(ctx, collectionName(ctx, field));
}

/** The collection as this statement sees it: one that its transaction made comes first. */
export function collectionNamed(ctx: CommandContext, name: string, db = ctx.db): Collection | undefined {
  return ctx.transaction?.madeHere(db, name) ?? ctx.engine.catalog.find(db, name);
}

/** The collection to write to, made if absent: in a transaction as a part of it. */
export function ensureCollection(ctx: CommandContext, name: string, db = ctx.db): Collection {
  if (ctx.transaction === null) return ctx.engine.ensureCollection(db, name);
  return collectionNamed(ctx, name, db) ?? ctx.transaction.make(db, name);
}

/** @throws MongoCommandError TypeMismatch */
export function numberOf(value: unknown, field: string): number {
  const type = (value as { _bsontype?: string } | null)?._bsontype;
  const number =
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    type === 'Int32' ||
    type === 'Long' ||
    type === 'Double'
      ? Number(value)
      : Number.NaN;
  if (Number.isNaN(number)) throw new MongoCommandError('TypeMismatch', `'${field}' must be a number`);
  return number;
}

/** A whole number >= 0, or `fallback` when absent. @throws TypeMismatch, BadValue */
export function countOf(value: unknown, field: string, fallback: number): number {
  if (value === undefined || value === null) return fallback;
  const number = Math.trunc(numberOf(value, field));
  if (number < 0)
    throw new MongoCommandError(
      'BadValue',
      `BSON field '${field}' value must be >= 0, actual value '${number}'`,
    );
  return number;
}

export function documentOf(value: unknown, field: string): Document {
  if (value === undefined || value === null) return {};
  const isPlain = typeof value === 'object' && !Array.isArray(value) && !('_bsontype' in value);
  if (isPlain) return value;
  throw new MongoCommandError(
    'TypeMismatch',
    `BSON field '${field}' is the wrong type, expected type 'object'`,
  );
}

/** A boolean or a number read as one. */
export function flagOf(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  return typeof value === 'boolean' ? value : Number(value) !== 0;
}

export function hintOf(value: unknown): string | Document | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  const document = documentOf(value, 'hint');
  return Object.keys(document).length === 0 ? undefined : document;
}

/** Runs writes: into the open transaction at once, else as one job of the next commit. */
export function runWrite<T>(ctx: CommandContext, run: (target: Target) => T): Promise<T> {
  const { engine, transaction } = ctx;
  if (transaction !== null) return Promise.resolve(run(engine.inTransaction(transaction)));
  return engine.write(() => run(engine.direct));
}
