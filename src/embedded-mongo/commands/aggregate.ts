/** aggregate: the leading $match/$sort/$skip/$limit run on indexes, the rest in the query layer. */
import { Int32, Long, type Document } from 'bson';
import { QueryError, runAggregate } from '../query';
import { checkNamespace, type Collection } from '../catalog';
import { encodeIdKey } from '../collection-store';
import type { Target } from '../engine';
import { MongoCommandError } from '../errors';
import { ArrayStream, FindStream, type FindRequest, type ResultStream } from '../find-stream';
import { decode, decodeId, encode } from '../raw-bson';
import { collectionStats } from './admin';
import {
  checkCollation,
  collectionNamed,
  countOf,
  documentOf,
  hintOf,
  refuseOptions,
  refuseUnknown,
  requireField,
  type CommandContext,
  type CommandSpec,
} from './context';
import { contextOf, runInSlices, variablesOf, type PipelineSource } from './pipeline-run';
import { countMatches, maxTimeMs, openFind, viewOf } from './read';
import { prepareInsert } from './write';

/** What of a pipeline a plain query can do, and what is left. */
export interface SplitPipeline {
  request: FindRequest;
  rest: Document[];
}

export function pipelineOf(body: Document): Document[] {
  const pipeline: unknown = body['pipeline'];
  requireField(pipeline, 'aggregate.pipeline');
  const isList =
    Array.isArray(pipeline) &&
    pipeline.every((stage) => typeof stage === 'object' && stage !== null && !Array.isArray(stage));
  if (!isList)
    throw new MongoCommandError('TypeMismatch', "'pipeline' option must be specified as an array of objects");
  for (const stage of pipeline as Document[]) {
    if (Object.keys(stage).length !== 1) {
      throw new QueryError(40323, 'A pipeline stage specification object must contain exactly one field.');
    }
    if ('$changeStream' in stage) {
      throw new MongoCommandError(
        'ChangeStreamNeedsReplicaSet',
        'The $changeStream stage is only supported on replica sets',
      );
    }
  }
  return pipeline as Document[];
}

/** Takes `$match* [$sort] [$skip] [$limit]` off the front, in the order a find applies them. */
export function splitPipeline(
  pipeline: Document[],
  hint: string | Document | undefined,
  hasVariables = false,
): SplitPipeline {
  const filters: Document[] = [];
  const request: FindRequest = { filter: {}, sort: {}, skip: 0, limit: 0, hint };
  let at = 0;
  const isMatch = (stage: Document | undefined): boolean => stage !== undefined && '$match' in stage;
  while (isMatch(pipeline[at])) {
    const filter = documentOf(pipeline[at]!['$match'], '$match');
    // The query planner knows no variables.
    if (hasVariables && usesExpression(filter))
      return { request: withFilters(request, filters), rest: pipeline.slice(at) };
    filters.push(filter);
    at += 1;
  }
  withFilters(request, filters);
  const sort: unknown = pipeline[at]?.['$sort'];
  if (sort !== undefined && isPlainSort(sort)) {
    request.sort = sort as Document;
    at += 1;
  }
  // A wrong $skip or $limit is left to the stage, which knows the error.
  const skip = wholeNumber(pipeline[at]?.['$skip']);
  if (skip !== null && skip >= 0) {
    request.skip = skip;
    at += 1;
  }
  const limit = wholeNumber(pipeline[at]?.['$limit']);
  if (limit !== null && limit > 0) {
    request.limit = limit;
    at += 1;
  }
  return { request, rest: pipeline.slice(at) };
}

function withFilters(request: FindRequest, filters: Document[]): FindRequest {
  const present = filters.filter((filter) => Object.keys(filter).length > 0);
  request.filter = present.length === 0 ? {} : present.length === 1 ? present[0]! : { $and: present };
  return request;
}

function usesExpression(filter: Document): boolean {
  return Object.entries(filter).some(
    ([name, value]) =>
      name === '$expr' ||
      (Array.isArray(value) && value.some((part) => isPlainObject(part) && usesExpression(part))),
  );
}

const isPlainObject = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !('_bsontype' in value);

/** null for anything but a whole number. */
function wholeNumber(value: unknown): number | null {
  const type = (value as { _bsontype?: string } | null | undefined)?._bsontype;
  const number = type === 'Int32' || type === 'Long' || type === 'Double' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null;
}

function isPlainSort(sort: unknown): boolean {
  const directions = Object.values(documentOf(sort, '$sort'));
  return directions.length > 0 && directions.every((direction) => [1, -1].includes(Number(direction)));
}

/** `[{ $group: { _id: <constant>, <name>: { $sum: 1 } } }]`, which is how drivers count documents. */
function countGroup(rest: Document[]): { id: unknown; field: string } | null {
  const group = rest.length === 1 ? (rest[0]!['$group'] as Document | undefined) : undefined;
  if (group === undefined) return null;
  const [first, second, ...others] = Object.entries(group);
  if (first?.[0] !== '_id' || second === undefined || others.length > 0) return null;
  const id: unknown = first[1];
  const isConstant =
    id === null ||
    (typeof id === 'object' && ['Int32', 'Double', 'Long'].includes(String((id as Document)['_bsontype'])));
  const sum: unknown = (second[1] as Document | null)?.['$sum'];
  const isOne =
    typeof sum === 'object' && (sum as Document | null)?.['_bsontype'] === 'Int32' && Number(sum) === 1;
  return isConstant && isOne ? { id, field: second[0] } : null;
}

function sourceOf(ctx: CommandContext): { name: string | null; collection: Collection | undefined } {
  const source: unknown = ctx.body['aggregate'];
  if (typeof source === 'string') return { name: source, collection: collectionNamed(ctx, source) };
  if (Number(source) === 1) return { name: null, collection: undefined };
  throw new MongoCommandError('InvalidNamespace', "'aggregate' must be a collection name or 1");
}

/** Bytes of documents read ahead of a pipeline in slices of time; what is beyond is read as the pipeline asks for it. */
const READ_AHEAD_BYTES = 16 * 1024 * 1024;

/** The documents of a stream, the first of them read in slices of time so that other commands get their turn. */
async function documentsOf(stream: FindStream, maxTime: number): Promise<Iterable<Document>> {
  const ahead: Document[] = [];
  let bytes = 0;
  let isComplete = true;
  await stream.eachHit((hit) => {
    ahead.push(decode(hit.raw));
    bytes += hit.raw.length;
    isComplete = bytes <= READ_AHEAD_BYTES;
    return isComplete;
  }, maxTime);
  return isComplete ? ahead : chained(ahead, stream);
}

function* chained(ahead: Document[], stream: FindStream): Generator<Document> {
  yield* ahead;
  yield* decodedHits(stream);
}

function* decodedHits(stream: FindStream): Generator<Document> {
  for (let hit = stream.nextHit(); hit !== null; hit = stream.nextHit()) yield decode(hit.raw);
}

/** A pipeline over something else than documents of a collection, or null. */
function openSpecial(
  ctx: CommandContext,
  name: string | null,
  collection: Collection | undefined,
  pipeline: Document[],
): PipelineSource | null {
  const first = pipeline[0];
  const rest = pipeline.slice(1);
  if (first !== undefined && '$collStats' in first)
    return { docs: collStatsStage(ctx, collection, pipeline), rest };
  if (first !== undefined && '$indexStats' in first) return { docs: indexStatsStage(collection), rest };
  if (name !== null) return null;
  if (first === undefined || !('$documents' in first)) {
    throw new MongoCommandError(
      'InvalidNamespace',
      '{aggregate: 1} is not valid for this pipeline: its first stage must be $documents',
    );
  }
  return { docs: documentsStage(first['$documents']), rest };
}

const hasVariables = (ctx: CommandContext): boolean => isPlainObject(ctx.body['let']);

async function openPipeline(ctx: CommandContext, pipeline: Document[]): Promise<ResultStream> {
  const { name, collection } = sourceOf(ctx);
  const maxTime = maxTimeMs(ctx);
  const end = maxTime > 0 ? performance.now() + maxTime : Number.POSITIVE_INFINITY;
  const special = openSpecial(ctx, name, collection, pipeline);
  if (special !== null) return new ArrayStream(await runInSlices(ctx, special, end));
  const { request, rest } = splitPipeline(pipeline, hintOf(ctx.body['hint']), hasVariables(ctx));
  if (rest.length === 0) return openFind(ctx, collection, request);
  if (collection === undefined) return new ArrayStream(await runInSlices(ctx, { docs: [], rest }, end));
  const counting = countGroup(rest);
  if (counting !== null) {
    const n = await countMatches(ctx, collection, request);
    return new ArrayStream(n === 0 ? [] : [{ _id: counting.id, [counting.field]: new Int32(n) }]);
  }
  const stream = new FindStream(ctx.engine.storage, collection, request, viewOf(ctx, collection));
  const docs = await documentsOf(stream, maxTime);
  return new ArrayStream(await runInSlices(ctx, { docs, rest }, end));
}

/** `openPipeline` within a write job, which must not yield. */
function openPipelineHere(ctx: CommandContext, pipeline: Document[]): ResultStream {
  const { name, collection } = sourceOf(ctx);
  const special = openSpecial(ctx, name, collection, pipeline);
  if (special !== null) return new ArrayStream(runAggregate(special.docs, special.rest, contextOf(ctx)));
  const { request, rest } = splitPipeline(pipeline, hintOf(ctx.body['hint']), hasVariables(ctx));
  if (rest.length === 0) return openFind(ctx, collection, request);
  const docs =
    collection === undefined
      ? []
      : decodedHits(new FindStream(ctx.engine.storage, collection, request, viewOf(ctx, collection)));
  return new ArrayStream(runAggregate(docs, rest, contextOf(ctx)));
}

function documentsStage(value: unknown): Document[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null))
    return value as Document[];
  throw new MongoCommandError('BadValue', "'$documents' must be a list of documents");
}

function collStatsStage(
  ctx: CommandContext,
  collection: Collection | undefined,
  pipeline: Document[],
): Document[] {
  if (collection === undefined)
    throw new MongoCommandError(
      'NamespaceNotFound',
      `Collection [${ctx.db}.${String(ctx.body['aggregate'])}] not found.`,
    );
  const spec = documentOf(pipeline[0]!['$collStats'], '$collStats');
  const doc: Document = { ns: collection.ns, host: 'embedded', localTime: ctx.engine.now() };
  if ('count' in spec) doc['count'] = Long.fromNumber(collection.count);
  if ('storageStats' in spec) doc['storageStats'] = collectionStats(collection, 1);
  return [doc];
}

function indexStatsStage(collection: Collection | undefined): Document[] {
  const indexes = collection === undefined ? [] : collection.indexes;
  return indexes.map((index) => ({
    name: index.name,
    key: Object.fromEntries(index.key.map(([path, direction]) => [path, new Int32(direction)])),
    host: 'embedded',
  }));
}

interface OutputStage {
  kind: '$out' | '$merge';
  db: string;
  name: string;
  on: string[];
  whenMatched: string;
  whenNotMatched: string;
}

function parseTarget(ctx: CommandContext, value: unknown, stage: string): { db: string; name: string } {
  const isOut = stage === '$out';
  requireField(value, stage);
  const target = typeof value === 'string' ? { coll: value } : documentOf(value, stage);
  refuseUnknown(stage, target, ['db', 'coll']);
  const db: unknown = target['db'] ?? ctx.db;
  const name: unknown = target['coll'];
  requireField(name, `${stage}.coll`);
  if (typeof db !== 'string' || typeof name !== 'string')
    throw new MongoCommandError(
      'TypeMismatch',
      `BSON fields '${stage}.db' and '${stage}.coll' must be strings`,
    );
  checkNamespace(db, name);
  if (name.startsWith('system.'))
    throw new QueryError(
      isOut ? 17385 : 31319,
      `Cannot ${isOut ? '$out' : '$merge'} to special collection: ${name}`,
    );
  return { db, name };
}

function outputStage(ctx: CommandContext, pipeline: Document[]): OutputStage | null {
  const at = pipeline.findIndex((stage) => '$out' in stage || '$merge' in stage);
  if (at < 0) return null;
  const kind = '$out' in pipeline[at]! ? '$out' : '$merge';
  if (at !== pipeline.length - 1)
    throw new QueryError(40601, `${kind} can only be the final stage in the pipeline`);
  const spec: unknown = pipeline[at]![kind];
  if (kind === '$out') {
    if (typeof spec !== 'string' && !isPlainObject(spec))
      throw new QueryError(16990, '$out only supports a string or object argument');
    return {
      kind,
      ...parseTarget(ctx, spec, kind),
      on: ['_id'],
      whenMatched: 'replace',
      whenNotMatched: 'insert',
    };
  }
  const merge = typeof spec === 'string' ? { into: spec } : documentOf(spec, '$merge');
  const whenMatched: unknown = merge['whenMatched'] ?? 'merge';
  const whenNotMatched: unknown = merge['whenNotMatched'] ?? 'insert';
  const on = [merge['on'] ?? '_id'].flat() as string[];
  if (on.length !== 1 || on[0] !== '_id') {
    throw new MongoCommandError(
      'CommandNotSupported',
      "$merge with 'on' other than _id is not supported by the embedded server",
    );
  }
  if (Array.isArray(whenMatched)) {
    throw new MongoCommandError(
      'CommandNotSupported',
      "$merge with a pipeline as 'whenMatched' is not supported by the embedded server",
    );
  }
  if (!['replace', 'merge', 'keepExisting', 'fail'].includes(String(whenMatched))) {
    throw new MongoCommandError('BadValue', `$merge whenMatched '${String(whenMatched)}' is unknown`);
  }
  if (!['insert', 'discard', 'fail'].includes(String(whenNotMatched))) {
    throw new MongoCommandError('BadValue', `$merge whenNotMatched '${String(whenNotMatched)}' is unknown`);
  }
  if (['keepExisting', 'fail'].includes(String(whenMatched)) && whenNotMatched !== 'insert') {
    throw new QueryError(
      51181,
      `Combination of $merge modes 'whenMatched: ${String(whenMatched)}' and 'whenNotMatched: ${String(whenNotMatched)}' is not supported`,
    );
  }
  return {
    kind,
    ...parseTarget(ctx, merge['into'], '$merge.into'),
    on,
    whenMatched: String(whenMatched),
    whenNotMatched: String(whenNotMatched),
  };
}

function drain(stream: ResultStream): Buffer[] {
  const all: Buffer[] = [];
  const limits = {
    maxDocuments: Number.POSITIVE_INFINITY,
    maxBytes: Number.POSITIVE_INFINITY,
    deadline: Number.POSITIVE_INFINITY,
  };
  while (stream.fill(all, limits) !== 'done');
  return all;
}

/** Writes the results as one atomic job, so that readers see the old collection or the new one. */
async function runOutput(ctx: CommandContext, pipeline: Document[], output: OutputStage): Promise<void> {
  if (ctx.transaction !== null) {
    throw new MongoCommandError(
      'OperationNotSupportedInTransaction',
      `${output.kind} cannot be used in a transaction`,
    );
  }
  const { engine } = ctx;
  await engine.writeAlone(() =>
    engine.atomically(() => {
      const results = drain(openPipelineHere(ctx, pipeline.slice(0, -1)));
      const existing = engine.catalog.find(output.db, output.name);
      if (output.kind === '$out' && existing !== undefined) clearCollection(ctx, existing);
      const collection = engine.ensureCollection(output.db, output.name);
      for (const raw of results) storeResult(engine.direct, collection, prepareInsert(raw), output);
    }),
  );
}

/** Empties it but keeps its indexes, as $out does. */
function clearCollection(ctx: CommandContext, collection: Collection): void {
  const stream = new FindStream(
    ctx.engine.storage,
    collection,
    { filter: {}, sort: {}, skip: 0, limit: 0 },
    {},
  );
  const hits = [];
  for (let hit = stream.nextHit(); hit !== null; hit = stream.nextHit()) hits.push(hit);
  for (const { idKey, raw } of hits) ctx.engine.direct.apply(collection, { idKey, before: raw, after: null });
}

function storeResult(target: Target, collection: Collection, raw: Buffer, output: OutputStage): void {
  const idKey = encodeIdKey(decodeId(raw));
  const before = target.get(collection, idKey);
  if (before === undefined) {
    if (output.whenNotMatched === 'fail')
      throw new MongoCommandError(
        'MergeStageNoMatchingDocument',
        '$merge could not find a matching document in the target collection',
      );
    if (output.whenNotMatched === 'insert') target.apply(collection, { idKey, before: null, after: raw });
    return;
  }
  if (output.kind === '$out' || output.whenMatched === 'fail') {
    target.apply(collection, { idKey, before: null, after: raw });
    return;
  }
  if (output.whenMatched === 'keepExisting') return;
  const after = output.whenMatched === 'merge' ? encode({ ...decode(before), ...decode(raw) }) : raw;
  if (!after.equals(before)) target.apply(collection, { idKey, before, after });
}

const aggregate: CommandSpec = {
  readConcern: true,
  writeConcern: true,
  inTransaction: true,
  options: [
    'pipeline',
    'cursor',
    'explain',
    'allowDiskUse',
    'bypassDocumentValidation',
    'collation',
    'hint',
    'let',
    'exchange',
    'fromMongos',
  ],
  async run(ctx) {
    const { body, engine } = ctx;
    refuseOptions(ctx, ['exchange', 'explain']);
    checkCollation(body['collation']);
    const pipeline = pipelineOf(body);
    if (body['cursor'] === undefined)
      throw new MongoCommandError(
        'FailedToParse',
        "The 'cursor' option is required, except for aggregate with the explain argument",
      );
    // Wrong variables are refused even when no stage uses them.
    variablesOf(ctx);
    const cursor = documentOf(body['cursor'], 'aggregate.cursor');
    const output = outputStage(ctx, pipeline);
    if (output !== null) await runOutput(ctx, pipeline, output);
    const batchSize: unknown = cursor['batchSize'];
    return engine.cursors.start({
      ns: `${ctx.db}.${typeof body['aggregate'] === 'string' ? body['aggregate'] : '$cmd.aggregate'}`,
      stream: output === null ? await openPipeline(ctx, pipeline) : new ArrayStream([]),
      batchSize: batchSize === undefined ? undefined : countOf(batchSize, 'batchSize', 101),
      maxTimeMs: maxTimeMs(ctx),
      session: ctx.session,
      transaction: ctx.transaction,
    });
  },
};

export const aggregateCommands: Record<string, CommandSpec> = { aggregate };
