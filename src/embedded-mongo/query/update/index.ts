import type { Document } from 'bson';
import { QueryError, badValue, failedToParse } from '../errors';
import { cloneValue, isDocument } from '../bson-types';
import { equalBson } from '../compare';
import { matchedPosition } from '../position';
import { isIndex } from '../paths';
import { runUpdatePipeline } from '../aggregate';
import {
  expandPath,
  isPositional,
  parseArrayFilters,
  type ElementFilter,
  type Positions,
} from './array-paths';
import { Draft } from './draft';
import { KEEP, REMOVE, UPDATE_OPERATORS, type Change } from './operators';

export interface UpdateOptions {
  arrayFilters?: Document[];
  /** The filter that selected the document; the positional `$` needs it. */
  filter?: Document;
  /** True when an upsert inserts the result: `$setOnInsert` applies and `_id` may be set. */
  insert?: boolean;
}

interface Step {
  path: string;
  parts: string[];
  onInsertOnly: boolean;
  change: Change;
  /** `$rename`: where the value comes from. */
  from?: string[];
}

interface CompiledUpdate {
  steps: Step[];
  filters: Map<string, ElementFilter>;
  arrayFilters: Document[] | undefined;
}

function parsePath(path: string): string[] {
  if (path === '') throw new QueryError(56, 'An empty update path is not valid.');
  const parts = path.split('.');
  for (const [i, part] of parts.entries()) {
    if (part === '')
      throw new QueryError(
        56,
        `The update path '${path}' contains an empty field name, which is not allowed.`,
      );
    if (isPositional(part)) {
      if (i === 0)
        throw badValue(
          `Cannot have array filter identifier (i.e. '$[<id>]') or positional operator in the first position in path '${path}'`,
        );
    } else if (part.startsWith('$')) {
      throw new QueryError(
        52,
        `The dollar ($) prefixed field '${part}' in '${path}' is not valid for storage.`,
      );
    }
  }
  return parts;
}

/** Refuses two operators on one path, or on a path and its ancestor (error 40). */
class PathClaims {
  private readonly claimed = new Set<string>();
  private readonly ancestors = new Set<string>();

  claim(parts: string[]): void {
    const path = parts.join('.');
    for (let i = 1; i <= parts.length; i += 1) {
      const prefix = parts.slice(0, i).join('.');
      if (this.claimed.has(prefix)) throw conflict(path, prefix);
    }
    if (this.ancestors.has(path)) throw conflict(path, path);
    this.claimed.add(path);
    for (let i = 1; i < parts.length; i += 1) this.ancestors.add(parts.slice(0, i).join('.'));
  }
}

const conflict = (path: string, at: string): QueryError =>
  new QueryError(40, `Updating the path '${path}' would create a conflict at '${at}'`);

function renameStep(path: string, operand: unknown, claims: PathClaims): Step {
  if (typeof operand !== 'string') throw badValue(`The 'to' field for $rename must be a string: ${path}`);
  const [from, parts] = [parsePath(path), parsePath(operand)];
  if (path === operand)
    throw badValue(`The source and target field for $rename must differ: ${path}: "${operand}"`);
  if (from.some(isPositional)) throw badValue(`The source field for $rename may not be dynamic: ${path}`);
  if (parts.some(isPositional))
    throw badValue(`The destination field for $rename may not be dynamic: ${operand}`);
  if (operand.startsWith(`${path}.`) || path.startsWith(`${operand}.`)) {
    throw badValue(
      `The source and target field for $rename must not be on the same path: ${path}: "${operand}"`,
    );
  }
  claims.claim(from);
  claims.claim(parts);
  return { path: operand, parts, from, onInsertOnly: false, change: () => KEEP };
}

function compileOperator(name: string, fields: unknown, claims: PathClaims): Step[] {
  const known = name === '$rename' || name === '$setOnInsert' || Object.hasOwn(UPDATE_OPERATORS, name);
  if (!known) {
    throw failedToParse(
      `Unknown modifier: ${name}. Expected a valid update modifier or pipeline-style update specified as an array`,
    );
  }
  if (!isDocument(fields)) {
    throw failedToParse(
      `Modifiers operate on fields but we found type ${Array.isArray(fields) ? 'array' : typeof fields} instead. For example: {$mod: {<field>: ...}} not {${name}: ...}`,
    );
  }
  return Object.entries(fields).map(([path, operand]) => {
    if (name === '$rename') return renameStep(path, operand, claims);
    const parts = parsePath(path);
    claims.claim(parts);
    const operator = UPDATE_OPERATORS[name === '$setOnInsert' ? '$set' : name]!;
    return { path, parts, onInsertOnly: name === '$setOnInsert', change: operator(operand, path) };
  });
}

/** MongoDB applies fields in lexicographic order, positions in numeric order, so new fields appear in that order. */
function compareParts(a: string[], b: string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const [x, y] = [a[i]!, b[i]!];
    if (x === y) continue;
    if (isIndex(x) && isIndex(y)) return Number(x) - Number(y);
    return x < y ? -1 : 1;
  }
  return a.length - b.length;
}

function checkFilters(steps: Step[], filters: Map<string, ElementFilter>): void {
  const used = new Set<string>();
  for (const { path, parts } of steps) {
    for (const part of parts) {
      if (!part.startsWith('$[')) continue;
      const identifier = part.slice(2, -1);
      if (identifier !== '' && !filters.has(identifier)) {
        throw badValue(`No array filter found for identifier '${identifier}' in path '${path}'`);
      }
      used.add(identifier);
    }
  }
  for (const identifier of filters.keys()) {
    if (!used.has(identifier))
      throw failedToParse(`The array filter for identifier '${identifier}' was not used in the update`);
  }
}

function compileUpdate(update: Document, arrayFilters: Document[] | undefined): CompiledUpdate {
  const claims = new PathClaims();
  const steps = Object.entries(update).flatMap(([name, fields]) => compileOperator(name, fields, claims));
  const filters = parseArrayFilters(arrayFilters);
  checkFilters(steps, filters);
  return { steps: steps.sort((a, b) => compareParts(a.parts, b.parts)), filters, arrayFilters };
}

/** One update statement usually meets many documents. Keyed by the statement object, which callers must not alter. */
const compiledUpdates = new WeakMap<Document, CompiledUpdate>();

function compiled(update: Document, arrayFilters: Document[] | undefined): CompiledUpdate {
  const cached = compiledUpdates.get(update);
  if (cached && cached.arrayFilters === arrayFilters) return cached;
  const fresh = compileUpdate(update, arrayFilters);
  compiledUpdates.set(update, fresh);
  return fresh;
}

function rename(draft: Draft, { from, parts }: Step): void {
  const value = draft.get(from!);
  if (value === undefined) return;
  for (const path of [from!, parts]) {
    for (let i = 1; i < path.length; i += 1) {
      if (Array.isArray(draft.get(path.slice(0, i)))) {
        const which = path === from ? 'source' : 'destination';
        throw badValue(
          `The ${which} field cannot be an array element, '${path.join('.')}' has an array field called '${path[i - 1]}'`,
        );
      }
    }
  }
  draft.unset(from!);
  draft.set(parts, value);
}

function applyStep(draft: Draft, step: Step, positions: Positions): void {
  if (step.from) return rename(draft, step);
  const targets = step.parts.some(isPositional) ? expandPath(draft, step.parts, positions) : [step.parts];
  for (const parts of targets) {
    const current = draft.get(parts);
    const path = parts === step.parts ? step.path : parts.join('.');
    const next = step.change(current, { path, id: draft.original._id });
    if (next === REMOVE) draft.unset(parts);
    else if (next !== KEEP) draft.set(parts, next);
  }
}

function checkId(original: Document, result: Document): void {
  if (original._id === undefined) return;
  if (!equalBson(original._id, result._id)) {
    throw new QueryError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
  }
}

/** `_id` leads every stored document. */
function idFirst(doc: Document): Document {
  if (doc._id === undefined || Object.keys(doc)[0] === '_id') return doc;
  const { _id, ...rest } = doc;
  return { _id: _id as unknown, ...rest };
}

function replace(doc: Document, replacement: Document): Document {
  for (const key of Object.keys(replacement)) {
    if (key.startsWith('$')) {
      throw new QueryError(
        52,
        `The dollar ($) prefixed field '${key}' in '${key}' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`,
      );
    }
  }
  const result = cloneValue(replacement);
  if (doc._id !== undefined && '_id' in replacement && !equalBson(doc._id, replacement._id)) {
    throw new QueryError(
      66,
      `After applying the update, the (immutable) field '_id' was found to have been altered`,
    );
  }
  if (doc._id === undefined) return idFirst(result);
  delete result._id;
  return { _id: doc._id as unknown, ...result };
}

/**
 * Applies an update: a replacement, operators, or a pipeline.
 * @returns a document that shares unchanged parts with the input, which is never altered; the input itself when
 *   nothing changed. Callers must not alter the result's nested values either.
 * @throws QueryError 9 unknown modifier, 14 wrong type, 28 path through a scalar, 40 conflicting paths, 52 and 56
 *   field names, 66 changed `_id`
 */
export function applyUpdate(doc: Document, update: Document | Document[], options: UpdateOptions): Document {
  if (Array.isArray(update)) {
    if (options.arrayFilters?.length)
      throw failedToParse('arrayFilters may not be specified for pipeline-style updates');
    const result = runUpdatePipeline(doc, update);
    const withId =
      result._id === undefined && doc._id !== undefined ? { _id: doc._id as unknown, ...result } : result;
    checkId(doc, withId);
    return idFirst(withId);
  }
  if (!isDocument(update)) throw failedToParse('the update must be a document or a pipeline');
  const first = Object.keys(update)[0];
  if (first === undefined || !first.startsWith('$')) return replace(doc, update);
  const { steps, filters } = compiled(update, options.arrayFilters);
  const draft = new Draft(doc);
  const positions: Positions = {
    filters,
    matched: (arrayPath) => matchedPosition(doc, options.filter ?? {}, arrayPath),
  };
  for (const step of steps) if (!step.onInsertOnly || options.insert) applyStep(draft, step, positions);
  if (!draft.changed) return doc;
  checkId(doc, draft.root);
  return options.insert ? idFirst(draft.root) : draft.root;
}
