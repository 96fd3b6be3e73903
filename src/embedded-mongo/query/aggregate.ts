import type { Document } from 'bson';
import { QueryError, failedToParse } from './errors';
import { isDocument } from './bson-types';
import { STAGES } from './stages';
import { type AggregateContext, type PipelineRun, type Stage, withPauses } from './stages/core';

export { PAUSE, type AggregateContext, type CollectionReader } from './stages/core';

function parseStage(stage: unknown): [string, unknown] {
  if (!isDocument(stage)) throw new QueryError(14, "Each element of the 'pipeline' array must be an object");
  const names = Object.keys(stage);
  if (names.length !== 1) {
    throw new QueryError(40323, 'A pipeline stage specification object must contain exactly one field.');
  }
  return [names[0]!, stage[names[0]!]];
}

function compilePipeline(pipeline: Document[], run: PipelineRun): Stage[] {
  if (!Array.isArray(pipeline)) throw new QueryError(14, "'pipeline' must be an array");
  return pipeline.map((entry, i) => {
    const [name, operand] = parseStage(entry);
    if (name === '$changeStream') {
      throw new QueryError(40573, 'The $changeStream stage is only supported on replica sets');
    }
    const definition = Object.hasOwn(STAGES, name) ? STAGES[name] : undefined;
    if (definition === undefined) throw new QueryError(40324, `Unrecognized pipeline stage name: '${name}'`);
    if (i > 0 && name === '$documents')
      throw new QueryError(40602, '$documents is only valid as the first stage in a pipeline');
    return definition(operand, run);
  });
}

function createRun(context: AggregateContext, variables: Record<string, unknown>): PipelineRun {
  return {
    context,
    variables,
    compile(pipeline, inner = variables) {
      const stages = compilePipeline(pipeline, createRun(context, inner));
      return (docs) =>
        stages.reduce<Iterable<Document>>((rows, stage) => stage(withPauses(rows, context)), docs);
    },
  };
}

/**
 * Runs an aggregation pipeline over documents, which it never alters; results may share nested values with them.
 * `$out` and `$merge` write and are the caller's.
 * @param context `read` gives the other collections of the database for `$lookup`, `$graphLookup` and `$unionWith`;
 *   `now` is `$$NOW`; `variables` are the command's `let`
 * @throws QueryError 40324 for an unknown stage, 168 for an unknown expression, 40573 for `$changeStream`
 */
export function runAggregate(
  docs: Iterable<Document>,
  pipeline: Document[],
  context: AggregateContext,
): Document[] {
  return [...streamAggregate(docs, pipeline, context)];
}

/** The same, one result at a time, with `PAUSE` among them where `context.isPauseDue` says so. Errors come at once. */
export function streamAggregate(
  docs: Iterable<Document>,
  pipeline: Document[],
  context: AggregateContext,
): Iterable<Document> {
  return createRun(context, context.variables ?? {}).compile(pipeline)(docs);
}

const UPDATE_STAGES = new Set(['$addFields', '$set', '$project', '$unset', '$replaceRoot', '$replaceWith']);

/** Runs a pipeline-style update on one document. */
export function runUpdatePipeline(doc: Document, pipeline: Document[]): Document {
  for (const stage of pipeline) {
    const [name] = parseStage(stage);
    if (!UPDATE_STAGES.has(name)) {
      if (!Object.hasOwn(STAGES, name))
        throw new QueryError(40324, `Unrecognized pipeline stage name: '${name}'`);
      throw new QueryError(72, `${name} is not allowed to be used within an update`);
    }
  }
  const context: AggregateContext = { read: () => [], now: new Date() };
  const [result] = runAggregate([doc], pipeline, context);
  if (result === undefined) throw failedToParse('an update pipeline must answer one document');
  return result;
}
