/** Running the stages of a pipeline: what they see of the database, and turns for other commands meanwhile. */
import type { Document } from 'bson';
import { PAUSE, streamAggregate, type AggregateContext } from '../query';
import { checkVariableName, compileExpression, scopeFor } from '../query/expression';
import { MongoCommandError } from '../errors';
import { nextTurn, TIME_SLICE_MS } from '../find-stream';
import { collectionNamed, documentOf, type CommandContext } from './context';
import { allDocuments } from './read';

/** The command's `let`: constants that `$$name` stands for. */
export function variablesOf(ctx: CommandContext): Record<string, unknown> {
  const declared = documentOf(ctx.body['let'], 'aggregate.let');
  const scope = scopeFor({}, ctx.engine.now());
  return Object.fromEntries(
    Object.entries(declared).map(([name, expression]) => {
      checkVariableName(name);
      return [name, compileExpression(expression)(scope)];
    }),
  );
}

export function contextOf(ctx: CommandContext): AggregateContext {
  const read = (name: string): Iterable<Document> => {
    const collection = collectionNamed(ctx, name);
    return collection === undefined ? [] : allDocuments(ctx, collection);
  };
  return { read, now: ctx.engine.now(), variables: variablesOf(ctx) };
}

/** Documents between two looks at the clock. */
const CLOCK_STRIDE = 16;

/** Runs stages in slices of time, so that other commands get their turn. @throws MongoCommandError MaxTimeMSExpired */
export async function runInSlices(
  ctx: CommandContext,
  { docs, rest }: PipelineSource,
  end: number,
): Promise<Document[]> {
  let deadline = performance.now() + TIME_SLICE_MS;
  let asked = 0;
  const isPauseDue = (): boolean => ++asked % CLOCK_STRIDE === 0 && performance.now() > deadline;
  const results: Document[] = [];
  for (const doc of streamAggregate(docs, rest, { ...contextOf(ctx), isPauseDue })) {
    if (doc !== PAUSE) {
      results.push(doc);
      continue;
    }
    if (performance.now() > end)
      throw new MongoCommandError('MaxTimeMSExpired', 'operation exceeded time limit');
    await nextTurn();
    deadline = performance.now() + TIME_SLICE_MS;
  }
  return results;
}

/** Documents, and the stages that they are still to go through. */
export interface PipelineSource {
  docs: Iterable<Document>;
  rest: Document[];
}
