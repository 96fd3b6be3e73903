import type { Document } from 'mongodb';
import type { Composite, Field, Model } from './datamodel';
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
import { encodeComposite, encodeField, encodeItem } from './input';
import { compileWhere, type WhereContext } from './where';

/** Nested writes of one relation field, still in Prisma's form. */
export interface NestedWrite {
  field: Field;
  value: Record<string, unknown>;
}

/** One change of one database path. */
type Change =
  | { path: string; kind: 'set'; value: unknown }
  | { path: string; kind: 'unset' }
  | { path: string; kind: 'inc' | 'mul' | 'div'; value: unknown; isOptional: boolean; type: string }
  | { path: string; kind: 'push'; value: unknown[] }
  | { path: string; kind: 'pull'; filter: Document }
  | { path: string; kind: 'upsert'; set: unknown; update: Document };

export interface CompiledUpdate {
  /** The update of the driver: operators, or a pipeline; null when nothing changes. */
  update: Document | Document[] | null;
  arrayFilters: Document[];
  nested: NestedWrite[];
}

/** Conditions inside embedded documents never reach other collections. */
const localContext: WhereContext = { findKeys: () => Promise.resolve([]), deferred: [] };

class UpdateCompiler {
  readonly changes: Change[] = [];
  readonly arrayFilters: Document[] = [];
  readonly nested: NestedWrite[] = [];

  compileModel(model: Model, data: unknown, path: string): void {
    const written = new Set<string>();
    for (const [name, value] of setEntries(data, path)) {
      const field = model.fields.get(name);
      if (!field) throw unknownField(path, name, model.name, model.fields.keys());
      written.add(name);
      if (field.relation) this.nested.push({ field, value: asObject(value, `${path}.${name}`) });
      else this.compileField(field, value, `${path}.${name}`, '');
    }
    for (const field of model.stored) {
      if (field.isUpdatedAt && !written.has(field.name))
        this.changes.push({ path: field.dbName, kind: 'set', value: new Date() });
    }
  }

  private compileField(field: Field, value: unknown, path: string, prefix: string): void {
    const target = prefix + field.dbName;
    if (field.isId && prefix === '')
      throw new ArgumentError(`Argument \`${path}\`: MongoDB cannot change the id of a document.`);
    if (field.composite) this.compileComposite(field, field.composite, value, path, target);
    else if (field.isList) this.compileList(field, value, path, target);
    else if (isPlainObject(value) && field.type !== 'Json') this.compileScalar(field, value, path, target);
    else this.changes.push({ path: target, kind: 'set', value: encodeField(field, value, path) });
  }

  private compileScalar(field: Field, value: Record<string, unknown>, path: string, target: string): void {
    const entries = setEntries(value, path);
    if (entries.length === 0) return;
    if (entries.length > 1)
      throw new ArgumentError(
        `Argument \`${path}\` must have exactly one operation, found ${entries.length}.`,
      );
    const [operator, operand] = entries[0]!;
    const at = `${path}.${operator}`;
    const known = field.isNumeric
      ? ['set', 'increment', 'decrement', 'multiply', 'divide', 'unset']
      : ['set', 'unset'];
    if (!known.includes(operator)) throw unknownArgument(path, operator, known);
    if (operator === 'set')
      this.changes.push({ path: target, kind: 'set', value: encodeField(field, operand, at) });
    else if (operator === 'unset') this.unset(field, operand, at, target);
    else this.arithmetic(field, operator, operand, at, target);
  }

  private unset(field: Field, operand: unknown, path: string, target: string): void {
    if (typeof operand !== 'boolean') throw invalidValue(path, 'Boolean', operand);
    if (field.isRequired && !field.isList)
      throw new ArgumentError(`Argument \`${path}\`: a required field cannot be unset.`);
    if (operand) this.changes.push({ path: target, kind: 'unset' });
  }

  private arithmetic(field: Field, operator: string, operand: unknown, path: string, target: string): void {
    const amount = typeof operand === 'number' || typeof operand === 'bigint' ? operand : undefined;
    if (amount === undefined) throw invalidValue(path, field.type, operand);
    if (operator === 'divide' && Number(amount) === 0)
      throw new ArgumentError(`Argument \`${path}\`: division by zero.`);
    const value = field.encode(operator === 'decrement' ? -amount : amount, path);
    const kind = operator === 'multiply' ? 'mul' : operator === 'divide' ? 'div' : 'inc';
    this.changes.push({ path: target, kind, value, isOptional: !field.isRequired, type: field.type });
  }

  private compileList(field: Field, value: unknown, path: string, target: string): void {
    if (!isPlainObject(value)) {
      this.changes.push({ path: target, kind: 'set', value: encodeField(field, value, path) });
      return;
    }
    for (const [operator, operand] of setEntries(value, path)) {
      const at = `${path}.${operator}`;
      if (operator === 'set')
        this.changes.push({ path: target, kind: 'set', value: encodeField(field, operand, at) });
      else if (operator === 'push') this.push(field, operand, at, target);
      else if (operator === 'unset') this.unset(field, operand, at, target);
      else throw unknownArgument(path, operator, ['set', 'push', 'unset']);
    }
  }

  private push(field: Field, operand: unknown, path: string, target: string): void {
    const items = asList(operand).map((item, index) => encodeItem(field, item, `${path}.${index}`));
    this.changes.push({ path: target, kind: 'push', value: items });
  }

  private compileComposite(
    field: Field,
    type: Composite,
    value: unknown,
    path: string,
    target: string,
  ): void {
    const operators = field.isList
      ? ['set', 'push', 'updateMany', 'deleteMany', 'unset']
      : ['set', 'update', 'upsert', 'unset'];
    const isEnvelope =
      isPlainObject(value) &&
      Object.keys(value).some((key) => operators.includes(key) && !type.fields.has(key));
    if (!isEnvelope) {
      this.changes.push({ path: target, kind: 'set', value: encodeField(field, value, path) });
      return;
    }
    for (const [operator, operand] of setEntries(value, path)) {
      const at = `${path}.${operator}`;
      if (!operators.includes(operator)) throw unknownArgument(path, operator, operators);
      if (operator === 'set')
        this.changes.push({ path: target, kind: 'set', value: encodeField(field, operand, at) });
      else if (operator === 'unset') this.unset(field, operand, at, target);
      else if (operator === 'push') this.push(field, operand, at, target);
      else if (operator === 'update') this.compileFields(type, operand, at, `${target}.`);
      else if (operator === 'upsert') this.compositeUpsert(field, type, operand, at, target);
      else this.compositeMany(type, operator, operand, at, target);
    }
  }

  private compileFields(type: Composite, data: unknown, path: string, prefix: string): void {
    for (const [name, value] of setEntries(data, path)) {
      const field = type.fields.get(name);
      if (!field) throw unknownField(path, name, type.name, type.fields.keys());
      this.compileField(field, value, `${path}.${name}`, prefix);
    }
  }

  /** The embedded document is set when absent, else its fields are set. */
  private compositeUpsert(
    field: Field,
    type: Composite,
    operand: unknown,
    path: string,
    target: string,
  ): void {
    const { set, update } = asObject(operand, path);
    const inner = new UpdateCompiler();
    inner.compileFields(type, update ?? {}, `${path}.update`, '');
    const fields: Document = {};
    for (const change of inner.changes) {
      if (change.kind !== 'set' || change.path.includes('.')) {
        throw new ArgumentError(
          `Argument \`${path}.update\`: only setting the fields of ${type.name} is supported inside upsert.`,
        );
      }
      fields[change.path] = { $literal: change.value };
    }
    const value = set === null ? null : encodeComposite(type, set, `${path}.set`);
    if (value === null && field.isRequired) throw invalidValue(`${path}.set`, type.name, set);
    this.changes.push({ path: target, kind: 'upsert', set: value, update: fields });
  }

  private compositeMany(
    type: Composite,
    operator: string,
    operand: unknown,
    path: string,
    target: string,
  ): void {
    const { where, data } = asObject(operand, path);
    const filter = compileWhere(type, where ?? {}, localContext, `${path}.where`);
    if (operator === 'deleteMany') {
      this.changes.push({ path: target, kind: 'pull', filter });
      return;
    }
    const name = `e${this.arrayFilters.length}`;
    this.arrayFilters.push(prefixKeys(filter, `${name}.`));
    this.compileFields(type, data, `${path}.data`, `${target}.$[${name}].`);
  }

  result(): CompiledUpdate {
    const { changes, nested, arrayFilters } = this;
    const needsPipeline = changes.some(
      (change) =>
        change.kind === 'div' ||
        change.kind === 'upsert' ||
        ((change.kind === 'inc' || change.kind === 'mul') && change.isOptional),
    );
    if (changes.length === 0) return { update: null, arrayFilters, nested };
    return { update: needsPipeline ? asPipeline(changes) : asOperators(changes), arrayFilters, nested };
  }
}

/** Moves a filter's paths below `prefix`; inside logical operators too. An empty filter matches every element. */
function prefixKeys(filter: Document, prefix: string): Document {
  const entries = Object.entries(filter);
  if (entries.length === 0) return { [prefix.slice(0, -1)]: { $exists: true } };
  return Object.fromEntries(
    entries.map(([key, value]) =>
      key.startsWith('$')
        ? [key, (value as Document[]).map((item) => prefixKeys(item, prefix))]
        : [prefix + key, value as unknown],
    ),
  );
}

const INTEGER_CONVERSION: Record<string, string> = { Int: '$toInt', BigInt: '$toLong' };
const OPERATORS = { set: '$set', inc: '$inc', mul: '$mul' } as const;

function asOperators(changes: Change[]): Document {
  const update: Document = {};
  const add = (operator: string, path: string, value: unknown): void => {
    ((update[operator] ??= {}) as Document)[path] = value;
  };
  for (const change of changes) {
    if (change.kind === 'unset') add('$unset', change.path, '');
    else if (change.kind === 'push') add('$push', change.path, { $each: change.value });
    else if (change.kind === 'pull') add('$pull', change.path, change.filter);
    else if (change.kind === 'set' || change.kind === 'inc' || change.kind === 'mul') {
      add(OPERATORS[change.kind], change.path, change.value);
    }
  }
  return update;
}

/** Arithmetic on null stays null in a pipeline, where `$inc` would fail; division exists only there. */
function asPipeline(changes: Change[]): Document[] {
  return changes.map((change) => {
    const field = `$${change.path}`;
    switch (change.kind) {
      case 'set':
        return { $set: { [change.path]: { $literal: change.value } } };
      case 'unset':
        return { $unset: change.path };
      case 'inc':
        return { $set: { [change.path]: { $add: [field, change.value] } } };
      case 'mul':
        return { $set: { [change.path]: { $multiply: [field, change.value] } } };
      case 'div': {
        const convert = INTEGER_CONVERSION[change.type];
        const quotient = { $divide: [field, change.value] };
        return { $set: { [change.path]: convert ? { [convert]: { $trunc: quotient } } : quotient } };
      }
      case 'push':
        return {
          $set: { [change.path]: { $concatArrays: [{ $ifNull: [field, []] }, { $literal: change.value }] } },
        };
      case 'upsert': {
        const isAbsent = { $eq: [{ $ifNull: [field, null] }, null] };
        const merged = { $mergeObjects: [field, change.update] };
        return { $set: { [change.path]: { $cond: [isAbsent, { $literal: change.set }, merged] } } };
      }
      case 'pull':
        throw new ArgumentError(
          'deleteMany of embedded documents cannot be combined with divide, upsert or arithmetic on optional fields.',
        );
    }
  });
}

/** Compiles the `data` of an update. */
export function compileUpdate(model: Model, data: unknown, path: string): CompiledUpdate {
  const compiler = new UpdateCompiler();
  compiler.compileModel(model, data, path);
  return compiler.result();
}
