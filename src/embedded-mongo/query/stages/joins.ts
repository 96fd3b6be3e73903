import type { Document } from 'bson';
import { QueryError, failedToParse } from '../errors';
import { BsonType, Long, bsonType, isDocument } from '../bson-types';
import { checkVariableName, compileExpression, parsePath, readPath, scopeFor } from '../expression';
import { compileWith } from '../filter';
import { matchesRegex } from '../filter-operators';
import { hashKey } from '../key';
import { compilePath } from '../paths';
import { isNumeric, toDouble } from '../numbers';
import { withValue } from './shapes';
import { gathered, PAUSE, withPauses, type PipelineRun, type Stage, type StageDefinition } from './core';

/** The documents of a collection by the values their field matches by equality: elements of arrays, null for missing. */
class EqualityIndex {
  private readonly rows = new Map<unknown, number[]>();
  private readonly docs: Document[] = [];
  private readonly read: ReturnType<typeof compilePath>;

  constructor(path: string) {
    this.read = compilePath(path);
  }

  add(doc: Document): void {
    const position = this.docs.push(doc) - 1;
    this.read(doc, (value) => {
      this.insert(hashKey(value), position);
      return false;
    });
  }

  private insert(key: unknown, position: number): void {
    const positions = this.rows.get(key);
    if (!positions) this.rows.set(key, [position]);
    else if (positions.at(-1) !== position) positions.push(position);
  }

  /** Documents equal to any of the values, each once, in collection order. */
  find(values: unknown[]): Document[] {
    if (values.length === 1)
      return (this.rows.get(hashKey(values[0])) ?? []).map((position) => this.docs[position]!);
    const positions = new Set<number>();
    for (const value of values)
      for (const position of this.rows.get(hashKey(value)) ?? []) positions.add(position);
    return [...positions].sort((a, b) => a - b).map((position) => this.docs[position]!);
  }

  matching(test: (doc: Document) => boolean): Document[] {
    return this.docs.filter(test);
  }
}

/** The index of all documents; passes pauses on. */
function* indexed(docs: Iterable<Document>, path: string): Generator<Document, EqualityIndex> {
  const index = new EqualityIndex(path);
  for (const doc of docs) {
    if (doc === PAUSE) yield doc;
    else index.add(doc);
  }
  return index;
}

/** A local value as `$lookup` compares it: an array stands for its elements, missing for null. */
const localValues = (value: unknown): unknown[] =>
  Array.isArray(value) ? (value as unknown[]) : [value ?? null];

interface LookupSpec {
  from?: string;
  as: string[];
  localField?: string[];
  foreignField?: string;
  variables: [string, (doc: Document) => unknown][];
  pipeline?: Document[];
}

/** @throws QueryError (`code`) for a stage that writes, which only the outermost pipeline may end in */
function refuseOutput(within: string, pipeline: readonly unknown[], code: number): void {
  const written = ['$out', '$merge'].find((name) =>
    pipeline.some((stage) => isDocument(stage) && name in stage),
  );
  if (written !== undefined)
    throw new QueryError(code, `${written} is not allowed within a ${within}'s sub-pipeline`);
}

const LOOKUP_FIELDS = ['from', 'as', 'localField', 'foreignField', 'let', 'pipeline'];

function stringArgument(spec: Document, name: string): string | undefined {
  const value = spec[name] as unknown;
  if (value === undefined) return undefined;
  if (typeof value !== 'string')
    throw failedToParse(
      `$lookup argument '${name}: ${JSON.stringify(value)}' must be a string, is type ${typeof value}`,
    );
  return value;
}

function lookupVariables(value: unknown, run: PipelineRun): LookupSpec['variables'] {
  if (value === undefined) return [];
  if (!isDocument(value)) throw failedToParse("$lookup argument 'let' must be an object");
  return Object.entries(value).map(([name, expression]) => {
    checkVariableName(name);
    const evaluate = compileExpression(expression, Object.keys(run.variables));
    return [name, (doc) => evaluate(scopeFor(doc, run.context.now, run.variables))];
  });
}

function parseLookup(operand: unknown, run: PipelineRun): LookupSpec {
  if (!isDocument(operand)) throw failedToParse('the $lookup specification must be an Object');
  const unknown = Object.keys(operand).find((key) => !LOOKUP_FIELDS.includes(key));
  if (unknown !== undefined) throw failedToParse(`unknown argument to $lookup: ${unknown}`);
  const [as, from] = [stringArgument(operand, 'as'), stringArgument(operand, 'from')];
  const [localField, foreignField] = [
    stringArgument(operand, 'localField'),
    stringArgument(operand, 'foreignField'),
  ];
  if (as === undefined) throw failedToParse("must specify 'as' field for a $lookup");
  const pipeline = operand.pipeline as unknown;
  if (pipeline !== undefined && !Array.isArray(pipeline))
    throw failedToParse("$lookup argument 'pipeline' must be an array");
  refuseOutput('$lookup', pipeline ?? [], 51047);
  if ((localField === undefined) !== (foreignField === undefined)) {
    throw failedToParse('$lookup requires both or neither of localField and foreignField to be specified');
  }
  if (localField === undefined && pipeline === undefined)
    throw failedToParse(
      "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be specified",
    );
  if (from === undefined && pipeline === undefined)
    throw failedToParse("missing 'from' option to $lookup stage specification");
  return {
    from,
    as: parsePath(as),
    localField: localField === undefined ? undefined : parsePath(localField),
    foreignField,
    variables: lookupVariables(operand.let, run),
    pipeline: pipeline as Document[] | undefined,
  };
}

/** Finds the foreign documents of one local document. */
function* foreignFinder(
  spec: LookupSpec,
  run: PipelineRun,
): Generator<Document, (doc: Document) => Iterable<Document>> {
  const { localField, foreignField } = spec;
  const foreign = withPauses(spec.from === undefined ? [] : run.context.read(spec.from), run.context);
  if (localField === undefined || foreignField === undefined) {
    const rows = yield* gathered(foreign);
    return () => rows;
  }
  const index = yield* indexed(foreign, foreignField);
  return (doc) => {
    const values = localValues(readPath(doc, localField, 0));
    const regexes = values.filter((value) => bsonType(value) === BsonType.regex);
    if (regexes.length === 0) return index.find(values);
    const tests = regexes.map((regex) => matchesRegex(regex).forPath(foreignField));
    const equal = new Set(index.find(values));
    return index.matching((row) => equal.has(row) || tests.some((test) => test(row)));
  };
}

/** `{ $eq: ['$path', '$$variable'] }` in either order, as [path, variable]. */
function equalityOf(expression: unknown): [string, string] | undefined {
  if (!isDocument(expression) || !Array.isArray(expression.$eq) || expression.$eq.length !== 2)
    return undefined;
  const sides = expression.$eq as unknown[];
  const variable = sides.find((side) => typeof side === 'string' && /^\$\$[a-z]\w*$/.test(side)) as
    string | undefined;
  const path = sides.find((side) => typeof side === 'string' && /^\$[^$]/.test(side)) as string | undefined;
  return path === undefined || variable === undefined ? undefined : [path.slice(1), variable.slice(2)];
}

/** The first equality with a `let` variable that every result of the pipeline must satisfy. */
function leadingEquality(pipeline: Document[] = [], names: string[] = []): [string, string] | undefined {
  const match = pipeline[0]?.$match as unknown;
  if (!isDocument(match) || match.$expr === undefined) return undefined;
  const expression = match.$expr as Document;
  const conjuncts = isDocument(expression) && Array.isArray(expression.$and) ? expression.$and : [expression];
  return conjuncts.map(equalityOf).find((pair) => pair !== undefined && names.includes(pair[1]));
}

/** Narrows the foreign documents by hash before the pipeline, which still decides, sees them. */
function prefilter(
  spec: LookupSpec,
  bound: Record<string, unknown>,
  run: PipelineRun,
): (rows: Iterable<Document>) => Generator<Document, Iterable<Document>> {
  const names = spec.variables.map(([name]) => name);
  const equality = spec.localField === undefined ? leadingEquality(spec.pipeline, names) : undefined;
  if (!equality)
    // eslint-disable-next-line require-yield -- nothing is looked at
    return function* (rows) {
      return rows;
    };
  const [path, variable] = equality;
  const parts = parsePath(path);
  let index: Map<unknown, Document[]> | undefined;
  return function* (rows) {
    if (!index) {
      index = new Map();
      for (const row of withPauses(rows, run.context)) {
        if (row === PAUSE) {
          yield row;
          continue;
        }
        const key = hashKey(readPath(row, parts, 0));
        const bucket = index.get(key);
        if (bucket) bucket.push(row);
        else index.set(key, [row]);
      }
    }
    return index.get(hashKey(bound[variable])) ?? [];
  };
}

const lookup: StageDefinition = (operand, run) => {
  const spec = parseLookup(operand, run);
  const bound: Record<string, unknown> = { ...run.variables };
  for (const [name] of spec.variables) bound[name] = null;
  const stage = spec.pipeline === undefined ? undefined : run.compile(spec.pipeline, bound);
  return function* (docs) {
    const find = yield* foreignFinder(spec, run);
    const narrow = prefilter(spec, bound, run);
    for (const doc of docs) {
      if (doc === PAUSE) {
        yield doc;
        continue;
      }
      let found = find(doc);
      if (stage) {
        Object.assign(bound, run.variables);
        for (const [name, evaluate] of spec.variables) bound[name] = evaluate(doc);
        found = stage(yield* narrow(found));
      }
      yield withValue(doc, spec.as, yield* gathered(found));
    }
  };
};

const GRAPH_FIELDS = [
  'from',
  'startWith',
  'connectFromField',
  'connectToField',
  'as',
  'maxDepth',
  'depthField',
  'restrictSearchWithMatch',
];

function parseGraphLookup(operand: unknown): Document {
  if (!isDocument(operand)) throw failedToParse('the $graphLookup stage specification must be an object');
  const unknown = Object.keys(operand).find((key) => !GRAPH_FIELDS.includes(key));
  if (unknown !== undefined) throw new QueryError(40104, `Unknown argument to $graphLookup: ${unknown}`);
  for (const key of GRAPH_FIELDS.slice(0, 5)) {
    if (!(key in operand)) throw new QueryError(40105, `$graphLookup requires '${key}' to be specified`);
    if (key !== 'startWith' && typeof operand[key] !== 'string')
      throw new QueryError(40103, `expected string as argument for ${key}`);
  }
  const { maxDepth } = operand as { maxDepth?: unknown };
  if (
    maxDepth !== undefined &&
    (!isNumeric(maxDepth) || toDouble(maxDepth) < 0 || !Number.isInteger(toDouble(maxDepth)))
  ) {
    throw new QueryError(40101, `maxDepth requires a nonnegative argument, found: ${String(maxDepth)}`);
  }
  return operand;
}

const graphLookup: StageDefinition = (operand, run) => {
  const spec = parseGraphLookup(operand);
  const start = compileExpression(spec.startWith, Object.keys(run.variables));
  const restrict = isDocument(spec.restrictSearchWithMatch)
    ? compileWith(spec.restrictSearchWithMatch, { variables: run.variables, now: run.context.now })
    : () => true;
  const maxDepth = spec.maxDepth === undefined ? Infinity : toDouble(spec.maxDepth);
  const from = parsePath(spec.connectFromField as string);
  const as = parsePath(spec.as as string);
  const depthField = spec.depthField as string | undefined;
  return function* (docs) {
    const foreign = yield* gathered(withPauses(run.context.read(spec.from as string), run.context));
    const kept = withPauses(foreign.filter(restrict), run.context);
    const index = yield* indexed(kept, spec.connectToField as string);
    for (const doc of docs) {
      if (doc === PAUSE) {
        yield doc;
        continue;
      }
      const found = new Map<unknown, Document>();
      let frontier = localValues(start(scopeFor(doc, run.context.now, run.variables)));
      for (let depth = 0; depth <= maxDepth && frontier.length > 0; depth += 1) {
        if (run.context.isPauseDue?.()) yield PAUSE;
        const fresh = index.find(frontier).filter((row) => !found.has(hashKey(row._id)));
        for (const row of fresh) {
          found.set(
            hashKey(row._id),
            depthField === undefined ? row : withValue(row, parsePath(depthField), Long.fromNumber(depth)),
          );
        }
        frontier = fresh.flatMap((row) => {
          const next = readPath(row, from, 0);
          return next === undefined ? [] : localValues(next);
        });
      }
      yield withValue(doc, as, [...found.values()]);
    }
  };
};

const unionWith: StageDefinition = (operand, run) => {
  const spec = typeof operand === 'string' ? { coll: operand } : operand;
  if (!isDocument(spec))
    throw failedToParse(
      `the $unionWith stage specification must be an object or string, but found ${typeof operand}`,
    );
  const { coll, pipeline = [] } = spec as { coll?: unknown; pipeline?: unknown };
  const unknown = Object.keys(spec).find((key) => key !== 'coll' && key !== 'pipeline');
  if (unknown !== undefined)
    throw new QueryError(40415, `BSON field '$unionWith.${unknown}' is an unknown field.`);
  if (coll !== undefined && typeof coll !== 'string')
    throw new QueryError(14, "BSON field '$unionWith.coll' is the wrong type, expected type 'string'");
  if (!Array.isArray(pipeline))
    throw new QueryError(14, "BSON field '$unionWith.pipeline' is the wrong type, expected type 'array'");
  refuseOutput('$unionWith', pipeline, 31441);
  const stage: Stage = run.compile(pipeline as Document[], run.variables);
  return function* (docs) {
    yield* docs;
    yield* stage(coll === undefined ? [] : run.context.read(coll));
  };
};

export const JOIN_STAGES: Record<string, StageDefinition> = {
  $lookup: lookup,
  $graphLookup: graphLookup,
  $unionWith: unionWith,
};
