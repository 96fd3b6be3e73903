import type { Document } from 'bson';

/** The documents of another collection of the same database; empty when it does not exist. */
export interface CollectionReader {
  (name: string): Iterable<Document>;
}

export interface AggregateContext {
  read: CollectionReader;
  now: Date;
  /** Variables of the command's `let`, already evaluated. */
  variables?: Record<string, unknown>;
  /** Whether somebody else should have a turn; asked between documents. Never, when absent. */
  isPauseDue?: () => boolean;
}

/** Stands among documents where a pipeline lets others have a turn; every stage passes it on at once. */
export const PAUSE: Document = Object.freeze({});

/** Documents with pauses where they are due. */
export function* withPauses(
  docs: Iterable<Document>,
  { isPauseDue }: AggregateContext,
): Generator<Document, void> {
  if (!isPauseDue) {
    yield* docs;
    return;
  }
  for (const doc of docs) {
    if (doc !== PAUSE && isPauseDue()) yield PAUSE;
    yield doc;
  }
}

/** For stages that need all documents before they give the first: gathers them, and passes pauses on. */
export function* gathered(docs: Iterable<Document>): Generator<Document, Document[]> {
  const rows: Document[] = [];
  for (const doc of docs) {
    if (doc === PAUSE) yield doc;
    else rows.push(doc);
  }
  return rows;
}

/** What stages share while a pipeline is compiled: variables in sight and how to compile a nested pipeline. */
export interface PipelineRun {
  context: AggregateContext;
  variables: Record<string, unknown>;
  /** Closures read `variables` when they run, so its owner may change the values between runs, not the names. */
  compile(pipeline: Document[], variables?: Record<string, unknown>): Stage;
}

export type Stage = (docs: Iterable<Document>) => Iterable<Document>;

/** Compiles a stage; operands are checked here, before the first document. */
export type StageDefinition = (operand: unknown, run: PipelineRun) => Stage;
