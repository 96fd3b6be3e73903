/** bulkWrite: many operations over many namespaces in one command (MongoDB 8's client.bulkWrite). */
import { Int32, type Document } from 'bson';
import type { Collection } from '../catalog';
import type { Target } from '../engine';
import { MongoCommandError } from '../errors';
import { ArrayStream } from '../find-stream';
import { decode, encode } from '../raw-bson';
import {
  checkCollation,
  countOf,
  documentOf,
  ensureCollection,
  flagOf,
  hintOf,
  refuseOptions,
  refuseUnknown,
  requireField,
  runWrite,
  type CommandContext,
  type CommandReply,
  type CommandSpec,
} from './context';
import { checkBatch, insertOne, prepareInsert, runDelete, runItems, runUpdate } from './write';

interface Totals {
  nInserted: number;
  nMatched: number;
  nModified: number;
  nUpserted: number;
  nDeleted: number;
}

const OPERATION_FIELDS: Record<string, readonly string[]> = {
  insert: ['insert', 'document'],
  update: ['update', 'filter', 'updateMods', 'multi', 'upsert', 'arrayFilters', 'hint', 'collation', 'sort'],
  delete: ['delete', 'filter', 'multi', 'hint', 'collation'],
};

function documentsOf(ctx: CommandContext, field: string): Document[] {
  const items = ctx.sequences.get(field)?.map(decode) ?? (ctx.body[field] as unknown);
  requireField(items, `bulkWrite.${field}`);
  if (!Array.isArray(items))
    throw new MongoCommandError('TypeMismatch', `'bulkWrite.${field}' must be an array`);
  checkBatch(items);
  return items as Document[];
}

function namespaces(ctx: CommandContext): { db: string; name: string }[] {
  return documentsOf(ctx, 'nsInfo').map((info) => {
    const ns: unknown = info['ns'];
    const dot = typeof ns === 'string' ? ns.indexOf('.') : -1;
    if (dot < 1)
      throw new MongoCommandError(
        'InvalidNamespace',
        `Invalid namespace specified for bulkWrite: '${String(ns)}'`,
      );
    return { db: (ns as string).slice(0, dot), name: (ns as string).slice(dot + 1) };
  });
}

/** Runs one operation. @returns its entry of the result cursor, without `idx` */
function runOperation(
  ctx: CommandContext,
  target: Target,
  operation: Document,
  collectionAt: (index: unknown) => Collection,
  totals: Totals,
): Document {
  const kind = Object.keys(operation)[0] ?? '';
  const fields = OPERATION_FIELDS[kind];
  if (fields === undefined) throw new MongoCommandError('BadValue', `Unknown bulkWrite operation '${kind}'`);
  refuseUnknown(`bulkWrite.ops.${kind}`, operation, fields);
  checkCollation(operation['collation']);
  const collection = collectionAt(operation[kind]);
  if (kind === 'insert') {
    insertOne(
      target,
      collection,
      prepareInsert(encode(documentOf(operation['document'], 'bulkWrite.ops.document'))),
    );
    totals.nInserted += 1;
    return { ok: 1, n: new Int32(1) };
  }
  const filter = documentOf(operation['filter'], 'bulkWrite.ops.filter');
  const hint = hintOf(operation['hint']);
  const multi = flagOf(operation['multi']);
  if (kind === 'delete') {
    const n = runDelete(ctx, target, collection, { filter, sort: {}, hint, limit: multi ? 0 : 1 }).length;
    totals.nDeleted += n;
    return { ok: 1, n: new Int32(n) };
  }
  const outcome = runUpdate(ctx, target, collection, {
    filter,
    update: operation['updateMods'] as Document,
    multi,
    upsert: flagOf(operation['upsert']),
    arrayFilters: operation['arrayFilters'] as Document[] | undefined,
    hint,
    sort: documentOf(operation['sort'], 'bulkWrite.ops.sort'),
  });
  totals.nMatched += outcome.matched;
  totals.nModified += outcome.modified;
  if (outcome.upsertedId !== null) totals.nUpserted += 1;
  const n = outcome.matched + (outcome.upsertedId === null ? 0 : 1);
  return {
    ok: 1,
    n: new Int32(n),
    nModified: new Int32(outcome.modified),
    ...(outcome.upsertedId === null ? {} : { upserted: { _id: outcome.upsertedId.id } }),
  };
}

const bulkWrite: CommandSpec = {
  writeConcern: true,
  inTransaction: true,
  options: [
    'ops',
    'nsInfo',
    'ordered',
    'errorsOnly',
    'bypassDocumentValidation',
    'let',
    'cursor',
    'stmtId',
    'stmtIds',
  ],
  async run(ctx): Promise<CommandReply> {
    refuseOptions(ctx, ['let']);
    const operations = documentsOf(ctx, 'ops');
    const targets = namespaces(ctx);
    const ordered = ctx.body['ordered'] === undefined || flagOf(ctx.body['ordered']);
    const { totals, entries, nErrors } = await runWrite(ctx, (target) => {
      const totals: Totals = { nInserted: 0, nMatched: 0, nModified: 0, nUpserted: 0, nDeleted: 0 };
      const entries: Document[] = [];
      const collectionAt = (index: unknown): Collection => {
        const chosen = targets[Number(index)];
        if (chosen === undefined)
          throw new MongoCommandError(
            'BadValue',
            `BulkWrite ops entry has an invalid nsInfo index: ${String(index)}`,
          );
        return ensureCollection(ctx, chosen.name, chosen.db);
      };
      const errors = runItems(operations, { ordered }, (operation, idx) => {
        entries.push({ idx: new Int32(idx), ...runOperation(ctx, target, operation, collectionAt, totals) });
      });
      for (const { index, ...rest } of errors)
        entries.push({ ok: 0, idx: new Int32(index as number), n: new Int32(0), ...rest });
      return { totals, entries, nErrors: errors.length };
    });
    entries.sort((a, b) => Number(a['idx']) - Number(b['idx']));
    const shown = flagOf(ctx.body['errorsOnly']) ? entries.filter((entry) => entry['ok'] === 0) : entries;
    const batchSize: unknown = documentOf(ctx.body['cursor'], 'bulkWrite.cursor')['batchSize'];
    return ctx.engine.cursors.start({
      ns: 'admin.$cmd.bulkWrite',
      stream: new ArrayStream(shown),
      batchSize: batchSize === undefined ? undefined : countOf(batchSize, 'batchSize', 101),
      session: ctx.session,
      transaction: ctx.transaction,
      extra: {
        nErrors: new Int32(nErrors),
        ...Object.fromEntries(Object.entries(totals).map(([name, n]) => [name, new Int32(n)])),
      },
    });
  },
};

export const bulkWriteCommands: Record<string, CommandSpec> = { bulkWrite };
