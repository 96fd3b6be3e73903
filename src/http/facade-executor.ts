import type { ExecutionResult } from 'graphql';
import type { CompiledQuery } from 'graphql-jit';
import type { Context } from '../../resolvers/context';
import type { Executor, PreparedOperation } from '../../rest-facade/types';
import type { Logger } from '../ports/logger';
import { type CompiledExecution, executeCompiled, subscribeCompiled } from './compiled-execution';
import { maskError } from './graphql-errors';

/**
 * Runs the facade's prepared operations on the schema of `/graphql`, with the same context and the same masking of errors.
 * Each is compiled when it is first used.
 */
export function createFacadeExecutor(compiled: CompiledExecution, logger: Logger): Executor<Context> {
  const queries = new Map<PreparedOperation, CompiledQuery>();
  const queryOf = (operation: PreparedOperation): CompiledQuery => {
    let query = queries.get(operation);
    if (!query) queries.set(operation, (query = compiled.prepare(operation.document, operation.name)));
    return query;
  };
  const masked = (result: ExecutionResult, { requestId }: Context): ExecutionResult =>
    result.errors
      ? { ...result, errors: result.errors.map((error) => maskError(error, logger, requestId)) }
      : result;

  return {
    execute: async (operation, variables, context) =>
      masked(await executeCompiled(queryOf(operation), context, variables), context),
    async subscribe(operation, variables, context) {
      const source = await subscribeCompiled(queryOf(operation), {
        schema: compiled.schema,
        document: operation.document,
        operationName: operation.name,
        contextValue: context,
        variableValues: variables,
      });
      return Symbol.asyncIterator in source
        ? mapEach(source, (result) => masked(result, context))
        : masked(source, context);
    },
  };
}

/** The same iterator with each value changed; its `return()` reaches the source at once, also while it waits. */
function mapEach(
  source: AsyncIterable<ExecutionResult>,
  change: (result: ExecutionResult) => ExecutionResult,
): AsyncIterableIterator<ExecutionResult> {
  const iterator = source[Symbol.asyncIterator]();
  return {
    async next() {
      const next = await iterator.next();
      return next.done ? { done: true, value: undefined } : { done: false, value: change(next.value) };
    },
    async return() {
      await iterator.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
