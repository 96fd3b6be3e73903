/** explain: the plan of a find, count, aggregate, distinct, update, delete or findAndModify, and what running it read. */
import { Int32, type Document } from 'bson';
import type { Collection } from '../catalog';
import { MongoCommandError } from '../errors';
import { FindStream, type FindRequest } from '../find-stream';
import type { Access, Plan } from '../planner';
import { pipelineOf, splitPipeline } from './aggregate';
import {
  checkOptions,
  collectionName,
  countOf,
  documentOf,
  hintOf,
  numberOf,
  type CommandContext,
  type CommandSpec,
} from './context';
import { findRequest, viewOf } from './read';

function requestOf(ctx: CommandContext): FindRequest {
  const { body } = ctx;
  const base = { sort: {}, skip: 0, limit: 0, hint: hintOf(body['hint']) };
  const firstItem = (field: string): Document =>
    documentOf(((body[field] as unknown[] | undefined) ?? [])[0], `${ctx.name}.${field}`);
  switch (ctx.name) {
    case 'find':
      return findRequest(ctx);
    case 'count':
      return {
        ...base,
        filter: documentOf(body['query'], 'count.query'),
        skip: countOf(body['skip'], 'skip', 0),
        limit: Math.abs(body['limit'] === undefined ? 0 : numberOf(body['limit'], 'limit')),
      };
    case 'distinct':
      return { ...base, filter: documentOf(body['query'], 'distinct.query') };
    case 'aggregate':
      return splitPipeline(pipelineOf(body), hintOf(body['hint'])).request;
    case 'update':
      return { ...base, filter: documentOf(firstItem('updates')['q'], 'update.updates.q') };
    case 'delete':
      return { ...base, filter: documentOf(firstItem('deletes')['q'], 'delete.deletes.q') };
    case 'findAndModify':
      return {
        ...base,
        filter: documentOf(body['query'], 'findAndModify.query'),
        sort: documentOf(body['sort'], 'findAndModify.sort'),
        limit: 1,
      };
    default:
      throw new MongoCommandError('CommandNotSupported', `explain is not supported for '${ctx.name}'`);
  }
}

function accessStage(access: Access): Document {
  const direction = access.reverse ? 'backward' : 'forward';
  if (access.stage === 'COLLSCAN') return { stage: 'COLLSCAN', direction };
  if (access.stage === 'IDHACK') return { stage: 'IDHACK' };
  const { index } = access;
  return {
    stage: 'IXSCAN',
    keyPattern: Object.fromEntries(
      (index?.key ?? ([['_id', 1]] as const)).map(([path, dir]) => [path, new Int32(dir)]),
    ),
    indexName: index?.name ?? '_id_',
    isMultiKey: index?.multikey.includes(true) ?? false,
    isUnique: index?.unique ?? true,
    isSparse: index?.sparse ?? false,
    isPartial: index !== null && index.partialFilter !== null,
    direction,
    indexBounds: access.bounds,
  };
}

function winningPlan(plan: Plan, request: FindRequest, sortsInMemory: boolean): Document {
  const inputs = plan.access.map(accessStage);
  let stage: Document = inputs.length === 1 ? inputs[0]! : { stage: 'OR', inputStages: inputs };
  const isIndexed = plan.access.some((access) => access.stage === 'IXSCAN');
  if (isIndexed)
    stage = { stage: 'FETCH', ...(plan.exact ? {} : { filter: plan.filter }), inputStage: stage };
  else if (!plan.exact && stage['stage'] === 'COLLSCAN') stage = { ...stage, filter: plan.filter };
  if (sortsInMemory) stage = { stage: 'SORT', sortPattern: request.sort, inputStage: stage };
  if (request.skip > 0) stage = { stage: 'SKIP', skipAmount: new Int32(request.skip), inputStage: stage };
  if (request.limit > 0) stage = { stage: 'LIMIT', limitAmount: new Int32(request.limit), inputStage: stage };
  if (request.projection !== undefined && Object.keys(request.projection).length > 0) {
    stage = { stage: 'PROJECTION_DEFAULT', transformBy: request.projection, inputStage: stage };
  }
  return stage;
}

function explainFind(ctx: CommandContext, collection: Collection | undefined, verbosity: string): Document {
  const request = requestOf(ctx);
  const namespace = `${ctx.db}.${collectionName(ctx)}`;
  const planner = (plan: Document): Document => ({
    namespace,
    parsedQuery: request.filter,
    winningPlan: plan,
    rejectedPlans: [],
  });
  if (collection === undefined) {
    const stats = {
      executionSuccess: true,
      nReturned: 0,
      executionTimeMillis: 0,
      totalKeysExamined: 0,
      totalDocsExamined: 0,
    };
    return {
      queryPlanner: planner({ stage: 'EOF' }),
      ...(verbosity === 'queryPlanner'
        ? {}
        : { executionStats: { ...stats, executionStages: { stage: 'EOF' } } }),
    };
  }
  const stream = new FindStream(ctx.engine.storage, collection, request, viewOf(ctx, collection));
  const plan = winningPlan(stream.plan, request, stream.sortsInMemory);
  if (verbosity === 'queryPlanner') return { queryPlanner: planner(plan) };
  const started = performance.now();
  let nReturned = 0;
  while (stream.nextHit() !== null) nReturned += 1;
  return {
    queryPlanner: planner(plan),
    executionStats: {
      executionSuccess: true,
      nReturned,
      executionTimeMillis: Math.round(performance.now() - started),
      totalKeysExamined: stream.scan.keysExamined,
      totalDocsExamined: stream.scan.docsExamined,
      executionStages: { ...plan, nReturned },
    },
  };
}

const explain: CommandSpec = {
  options: ['verbosity'],
  run(ctx) {
    const body = documentOf(ctx.body['explain'], 'explain');
    const verbosity: unknown = ctx.body['verbosity'] ?? 'allPlansExecution';
    if (!['queryPlanner', 'executionStats', 'allPlansExecution'].includes(String(verbosity))) {
      throw new MongoCommandError(
        'BadValue',
        `verbosity string must be one of queryPlanner, executionStats, allPlansExecution; got '${String(verbosity)}'`,
      );
    }
    const name = Object.keys(body)[0] ?? '';
    const inner: CommandContext = { ...ctx, name, body };
    checkOptions(name, body, null);
    const collection = ctx.engine.catalog.find(ctx.db, collectionName(inner));
    return {
      explainVersion: '1',
      ...explainFind(inner, collection, String(verbosity)),
      command: body,
      serverInfo: { host: 'embedded', version: '7.0.0' },
      ok: 1,
    };
  },
};

export const explainCommands: Record<string, CommandSpec> = { explain };
