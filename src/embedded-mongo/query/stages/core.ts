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
