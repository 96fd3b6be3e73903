import type { Document } from 'bson';
import { QueryError, badValue, notSupported } from './errors';
import { getField, isDocument, setField } from './bson-types';
import { compileExpression, isExpressionOperator, scopeFor, type Evaluator, type Scope } from './expression';
import { compileFilter } from './filter';
import { isNumeric, toDouble } from './numbers';
import { matchedPosition } from './position';

/** Transforms an existing value (`$slice`, `$elemMatch`, positional `$`); undefined drops the field. */
type Transform = (value: unknown, root: Document) => unknown;

type Leaf =
  | { kind: 'include' }
  | { kind: 'exclude' }
  | { kind: 'compute'; evaluate: Evaluator }
  | { kind: 'transform'; transform: Transform; afterIncluded: boolean };

interface Branch {
  kind: 'branch';
  children: Map<string, Node>;
}

type Node = Leaf | Branch;

export interface ProjectionContext {
  /** `find` understands `$slice`, `$elemMatch` and `a.$`; pipelines read those names as expressions. */
  dialect: 'find' | 'pipeline';
  filter?: Document;
  variables?: Record<string, unknown>;
  now?: Date;
}

const newBranch = (): Branch => ({ kind: 'branch', children: new Map() });

function splitPath(path: string): string[] {
  const parts = path.split('.');
  if (path === '') throw new QueryError(40352, 'FieldPath cannot be constructed with empty string');
  if (parts.at(-1) === '') throw new QueryError(40353, "FieldPath must not end with a '.'.");
  if (parts.includes('')) throw new QueryError(15998, 'FieldPath field names may not be empty strings.');
  if (parts.some((part) => part.startsWith('$'))) {
    throw new QueryError(
      16410,
      `FieldPath field names may not start with '$'. Consider using $getField or $setField. Path: ${path}`,
    );
  }
  return parts;
}

function insert(tree: Branch, path: string, leaf: Leaf): void {
  const parts = splitPath(path);
  let at = tree;
  for (const [i, part] of parts.slice(0, -1).entries()) {
    const next = at.children.get(part) ?? newBranch();
    if (next.kind !== 'branch') {
      throw new QueryError(
        31249,
        `Path collision at ${path} remaining portion ${parts.slice(i + 1).join('.')}`,
      );
    }
    at.children.set(part, next);
    at = next;
  }
  const last = parts.at(-1)!;
  if (at.children.has(last)) throw new QueryError(31250, `Path collision at ${path}`);
  at.children.set(last, leaf);
}

function sliceTransform(operand: unknown): Transform {
  const args = Array.isArray(operand) ? operand : [operand];
  if (args.length > 2 || (Array.isArray(operand) && args.length < 2) || !args.every(isNumeric)) {
    throw new QueryError(28667, '$slice takes a count, or an array of [skip, limit] numbers');
  }
  const [first, limit] = args.map((arg) => Math.trunc(toDouble(arg))) as [number, number?];
  if (limit !== undefined && limit <= 0)
    throw new QueryError(
      28724,
      `First argument to $slice must be an array, or [skip, limit] with limit > 0, but limit is ${limit}`,
    );
  return (value) => {
    if (!Array.isArray(value)) return value;
    if (limit === undefined) return first >= 0 ? value.slice(0, first) : value.slice(first);
    const start = first < 0 ? Math.max(0, value.length + first) : first;
    return value.slice(start, start + limit);
  };
}

function elemMatchTransform(operand: unknown): Transform {
  if (!isDocument(operand)) throw new QueryError(31274, '$elemMatch: Invalid argument, object required');
  const matches = compileFilter({ element: { $elemMatch: operand } });
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const found = value.findIndex((element) => matches({ element: [element] }));
    return found < 0 ? undefined : [value[found]];
  };
}

function positionalTransform(path: string, filter: Document | undefined): Transform {
  if (!filter) throw badValue(`The positional projection '${path}.$' needs a query filter`);
  return (value, root) => {
    if (!Array.isArray(value)) return value;
    const index = matchedPosition(root, filter, path);
    if (index === undefined || index >= value.length) {
      throw new QueryError(
        51246,
        "Executor error during find command :: caused by :: positional operator '.$' couldn't find a matching element in the array",
      );
    }
    return [value[index]];
  };
}

class ProjectionParser {
  readonly tree = newBranch();
  /** The one thing all fields must agree on; `_id` may differ. */
  mode: 'include' | 'exclude' | undefined;
  id: 'include' | 'exclude' | undefined;
  hasSlice = false;
  private positional = false;

  constructor(private readonly context: ProjectionContext) {}

  parse(spec: Document, prefix = ''): void {
    for (const [name, value] of Object.entries(spec)) this.field(prefix + name, value);
  }

  private field(path: string, value: unknown): void {
    if (typeof value === 'boolean' || isNumeric(value)) {
      const included = typeof value === 'boolean' ? value : toDouble(value) !== 0;
      if (path.endsWith('.$') && this.context.dialect === 'find') return this.positionalField(path, included);
      if (path === '_id') {
        this.id = included ? 'include' : 'exclude';
        insert(this.tree, path, { kind: this.id });
        return;
      }
      this.agree(path, included ? 'include' : 'exclude');
      return insert(this.tree, path, { kind: included ? 'include' : 'exclude' });
    }
    if (isDocument(value)) return this.documentField(path, value);
    this.computed(path, value);
  }

  private positionalField(path: string, included: boolean): void {
    if (!included) throw new QueryError(31395, 'positional projection cannot be used with exclusion');
    if (this.positional)
      throw new QueryError(31276, 'Cannot specify more than one positional projection per query.');
    this.positional = true;
    this.agree(path, 'include');
    const arrayPath = path.slice(0, -2);
    const transform = positionalTransform(arrayPath, this.context.filter);
    insert(this.tree, arrayPath, { kind: 'transform', transform, afterIncluded: false });
  }

  private documentField(path: string, value: Document): void {
    const keys = Object.keys(value);
    if (keys.length === 0) {
      throw new QueryError(
        51270,
        `An empty sub-projection is not a valid value. Found empty object at path: ${path}`,
      );
    }
    if (!keys[0]!.startsWith('$')) return this.parse(value, `${path}.`);
    if (this.context.dialect === 'find' && keys[0] === '$slice' && isFindSlice(value.$slice)) {
      this.hasSlice = true;
      return insert(this.tree, path, {
        kind: 'transform',
        transform: sliceTransform(value.$slice),
        afterIncluded: false,
      });
    }
    if (this.context.dialect === 'find' && keys[0] === '$elemMatch') {
      if (path.includes('.'))
        throw new QueryError(31275, 'Cannot use $elemMatch projection on a nested field.');
      this.agree(path, 'include');
      return insert(this.tree, path, {
        kind: 'transform',
        transform: elemMatchTransform(value.$elemMatch),
        afterIncluded: true,
      });
    }
    if (keys[0] === '$meta') throw notSupported('The projection $meta');
    // Directly under a field MongoDB's projection parser answers, before the expression parser with its 168.
    if (!isExpressionOperator(keys[0]!)) throw new QueryError(31325, `Unknown expression ${keys[0]}`);
    this.computed(path, value);
  }

  private computed(path: string, value: unknown): void {
    const evaluate = compileExpression(value, Object.keys(this.context.variables ?? {}));
    if (this.mode === 'exclude')
      throw new QueryError(31252, `Cannot use expression other than $meta in exclusion projection: ${path}`);
    if (path !== '_id') this.mode = 'include';
    else this.id = 'include';
    insert(this.tree, path, { kind: 'compute', evaluate });
  }

  private agree(path: string, mode: 'include' | 'exclude'): void {
    if (this.mode !== undefined && this.mode !== mode) {
      throw mode === 'include'
        ? new QueryError(31253, `Cannot do inclusion on field ${path} in exclusion projection`)
        : new QueryError(31254, `Cannot do exclusion on field ${path} in inclusion projection`);
    }
    this.mode = mode;
  }
}

/** `{ $slice: 3 }` and `{ $slice: [1, 2] }` project; `{ $slice: ['$a', 2] }` is the expression. */
const isFindSlice = (operand: unknown): boolean => !Array.isArray(operand) || operand.every(isNumeric);

function includeFields(branch: Branch, doc: Document, scope: Scope): Document {
  const result: Document = {};
  for (const key of Object.keys(doc)) {
    const node = branch.children.get(key);
    if (node === undefined) continue;
    if (node.kind === 'include') setField(result, key, doc[key]);
    else if (node.kind === 'branch') assign(result, key, includeNested(node, getField(doc, key), scope));
    else if (node.kind === 'transform' && !node.afterIncluded) {
      assign(result, key, node.transform(getField(doc, key), scope.root as Document));
    }
  }
  for (const [key, node] of branch.children) {
    if (node.kind === 'transform' && node.afterIncluded) {
      assign(result, key, node.transform(getField(doc, key), scope.root as Document));
    }
  }
  return computeFields(branch, doc, result, scope);
}

function assign(target: Document, key: string, value: unknown): void {
  if (value !== undefined) setField(target, key, value);
}

function includeNested(branch: Branch, value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) {
    return value
      .map((element) => includeNested(branch, element, scope))
      .filter((element) => element !== undefined);
  }
  if (isDocument(value)) return includeFields(branch, value, scope);
  return hasComputed(branch) ? computeFields(branch, {}, {}, scope) : undefined;
}

const hasComputed = (node: Node): boolean =>
  node.kind === 'compute' || (node.kind === 'branch' && [...node.children.values()].some(hasComputed));

/** Adds the computed fields of an inclusion after the included ones, in the order of the projection. */
function computeFields(branch: Branch, doc: Document, result: Document, scope: Scope): Document {
  for (const [key, node] of branch.children) {
    if (node.kind === 'compute') assign(result, key, node.evaluate(scope));
    else if (node.kind === 'branch' && getField(doc, key) === undefined && hasComputed(node)) {
      assign(result, key, computeFields(node, {}, {}, scope));
    }
  }
  return result;
}

function excludeFields(branch: Branch, doc: Document, root: Document): Document {
  const result: Document = {};
  for (const key of Object.keys(doc)) {
    const node = branch.children.get(key);
    const value = getField(doc, key);
    if (node === undefined || node.kind === 'include') setField(result, key, value);
    else if (node.kind === 'branch') setField(result, key, excludeNested(node, value, root));
    else if (node.kind === 'transform') assign(result, key, node.transform(value, root));
  }
  return result;
}

function excludeNested(branch: Branch, value: unknown, root: Document): unknown {
  if (Array.isArray(value)) return value.map((element) => excludeNested(branch, element, root));
  return isDocument(value) ? excludeFields(branch, value, root) : value;
}

/** Included top-level fields and nothing else: the common projection needs no tree walk. */
function simpleInclusion(tree: Branch): ((doc: Document) => Document) | undefined {
  if (![...tree.children.values()].every((node) => node.kind === 'include')) return undefined;
  const wanted = new Set(tree.children.keys());
  return (doc) => {
    const result: Document = {};
    for (const key of Object.keys(doc)) if (wanted.has(key)) setField(result, key, doc[key]);
    return result;
  };
}

/** Compiles a projection for `find` or for `$project`. */
export function compileProjectionFor(
  spec: Document,
  context: ProjectionContext,
): (doc: Document) => Document {
  if (!isDocument(spec)) throw badValue('a projection must be a document');
  const parser = new ProjectionParser(context);
  parser.parse(spec);
  const { tree } = parser;
  const mode = parser.mode ?? (parser.hasSlice ? 'exclude' : (parser.id ?? 'exclude'));
  if (mode === 'exclude') return (doc) => excludeFields(tree, doc, doc);
  if (parser.id === undefined) tree.children.set('_id', { kind: 'include' });
  if (parser.id === 'exclude') tree.children.delete('_id');
  const now = context.now ?? new Date();
  return simpleInclusion(tree) ?? ((doc) => includeFields(tree, doc, scopeFor(doc, now, context.variables)));
}

/**
 * Compiles a `find` projection: inclusion, exclusion, `_id`, `$slice`, `$elemMatch`, positional `a.$` and expressions.
 * Included fields keep the document's order, `$elemMatch` and computed fields follow in the projection's order.
 * An empty projection returns documents as they are. Results share nested values with the input.
 * @param filter the query's filter, which the positional `$` refers to
 * @throws QueryError 31253 and 31254 for mixed inclusion and exclusion, 31249 and 31250 for colliding paths
 */
export function compileProjection(projection: Document, filter?: Document): (doc: Document) => Document {
  if (isDocument(projection) && Object.keys(projection).length === 0) return (doc) => doc;
  return compileProjectionFor(projection, { dialect: 'find', filter });
}

function addTo(branch: Branch, value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((element) => addTo(branch, element, scope));
  const result: Document = isDocument(value) ? { ...value } : {};
  for (const [key, node] of branch.children) {
    const next =
      node.kind === 'compute' ? node.evaluate(scope) : addTo(node as Branch, getField(result, key), scope);
    if (next === undefined) delete result[key];
    else setField(result, key, next);
  }
  return result;
}

function parseAdditions(tree: Branch, spec: Document, prefix: string, names: string[]): void {
  for (const [name, value] of Object.entries(spec)) {
    const path = prefix + name;
    const nested =
      isDocument(value) && Object.keys(value).length > 0 && !Object.keys(value)[0]!.startsWith('$');
    if (nested) parseAdditions(tree, value, `${path}.`, names);
    else insert(tree, path, { kind: 'compute', evaluate: compileExpression(value, names) });
  }
}

/** Compiles `$addFields`: existing fields are replaced in place, new ones appended, `$$REMOVE` removes. */
export function compileAdditions(spec: Document, context: ProjectionContext): (doc: Document) => Document {
  const tree = newBranch();
  parseAdditions(tree, spec, '', Object.keys(context.variables ?? {}));
  const now = context.now ?? new Date();
  return (doc) => addTo(tree, doc, scopeFor(doc, now, context.variables)) as Document;
}
