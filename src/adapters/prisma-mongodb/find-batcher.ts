import type { Document } from 'mongodb';
import { compileSelection, decodeRow, type Row, type Selection } from './selection';
import { checkArguments } from './arguments';
import { transactions, type ExecutionContext } from './context';
import type { Field, Model } from './datamodel';
import { encodeField, readUnique } from './input';
import { keyText } from './keys';
import { toRows } from './read';
import { resolveRest } from './resolve';

const FIND_UNIQUE_ARGUMENTS = new Set(['where', 'select', 'include', 'omit']);

interface Waiting {
  key: unknown;
  resolve: (row: Row | null) => void;
  reject: (error: unknown) => void;
}

/** Look-ups of one model, by one field, with one selection, from one turn. */
interface Batch {
  model: Model;
  field: Field;
  selection: Selection;
  items: Waiting[];
}

/**
 * `findUnique`. Calls of one tick that differ only in the value of their key become one query with `$in`, as Prisma's
 * own client does it: resolvers of a list ask for their parents one by one, the database is asked once.
 */
export class FindBatcher {
  private readonly batches = new Map<string, Batch>();

  constructor(private readonly context: ExecutionContext) {}

  async findUnique(model: Model, args: Record<string, unknown>): Promise<Row | null> {
    checkArguments(args, FIND_UNIQUE_ARGUMENTS, 'findUnique');
    const unique = readUnique(model, args.where, 'where');
    const field = unique.fields[0]!;
    if (unique.fields.length === 1 && !unique.hasRest && !transactions.getStore()) {
      const key = encodeField(field, unique.values[0], `where.${field.name}`);
      const shape = shapeOf(args);
      if (shape !== null) return this.enqueue(model, field, args, key, shape);
    }
    const selection = compileSelection(model, args, 'findUnique');
    const filter = await resolveRest(this.context, model, unique, 'where');
    return this.one(model, filter, selection);
  }

  private async one(model: Model, filter: Document, selection: Selection): Promise<Row | null> {
    const document = await this.context.findOne(model, filter, {
      projection: selection.projection ?? undefined,
    });
    if (!document) return null;
    if (selection.relations.length === 0 && !selection.counts) return decodeRow(selection, document, model);
    const [row] = await toRows(this.context, model, selection, [document], 'findUnique');
    return row ?? null;
  }

  private enqueue(
    model: Model,
    field: Field,
    args: Record<string, unknown>,
    key: unknown,
    shape: string,
  ): Promise<Row | null> {
    const id = `${model.name}\u0000${field.name}\u0000${shape}`;
    let batch = this.batches.get(id);
    if (!batch) {
      batch = { model, field, selection: compileSelection(model, args, 'findUnique'), items: [] };
      this.batches.set(id, batch);
      process.nextTick(() => {
        const full = this.batches.get(id)!;
        this.batches.delete(id);
        void this.flush(full);
      });
    }
    const { items } = batch;
    return new Promise((resolve, reject) => items.push({ key, resolve, reject }));
  }

  /** Settles every item; never rejects. */
  private async flush({ model, field, selection, items }: Batch): Promise<void> {
    try {
      if (items.length === 1) {
        const [item] = items;
        item!.resolve(await this.one(model, { [field.dbName]: item!.key }, selection));
        return;
      }
      const keys = new Map(items.map((item) => [keyText(item.key), item.key]));
      const projection = selection.projection ? { ...selection.projection, [field.dbName]: 1 } : undefined;
      const filter = { [field.dbName]: { $in: [...keys.values()] } };
      const documents = await this.context.find(model, filter, { projection, limit: keys.size });
      const rows = await toRows(this.context, model, selection, documents, 'findUnique');
      const found = new Map(
        documents.map((document, index) => [keyText(document[field.dbName]), rows[index]!]),
      );
      this.settle(items, found);
    } catch (error) {
      for (const item of items) item.reject(error);
    }
  }

  /** Callers own their rows: those who asked for the same one get copies. */
  private settle(items: Waiting[], found: Map<string, Row>): void {
    const given = new Set<string>();
    for (const item of items) {
      const key = keyText(item.key);
      const row = found.get(key);
      item.resolve(row === undefined ? null : given.has(key) ? structuredClone(row) : row);
      given.add(key);
    }
  }
}

/** What besides the key decides a query, as text; null when that has no faithful text form. */
function shapeOf({ select, include, omit }: Record<string, unknown>): string | null {
  if (select === undefined && include === undefined && omit === undefined) return '';
  let isFaithful = true;
  const text = JSON.stringify([select, include, omit], (_key, value: unknown) => {
    if (
      typeof value === 'bigint' ||
      (typeof value === 'object' && value !== null && !isJsonContainer(value))
    ) {
      isFaithful = false;
      return null;
    }
    return value;
  });
  return isFaithful ? text : null;
}

const isJsonContainer = (value: object): boolean => {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};
