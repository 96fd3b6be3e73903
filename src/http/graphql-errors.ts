import type { ServerResponse } from 'node:http';
import { GraphQLError } from 'graphql';
import { handleStreamOrSingleExecutionResult, type Plugin } from 'graphql-yoga';
import { DomainError } from '../errors';
import type { Logger } from '../ports/logger';

/** Errors in the form that clients see; the engine shows the same error to more than one hook. */
const shown = new WeakSet<Error>();

/** The engine's own codes that have a name of ours. Its `GRAPHQL_...` codes are what GraphQL clients know. */
const CODES: Record<string, string> = {
  BAD_REQUEST: 'bad_request',
  REQUEST_ENTITY_TOO_LARGE: 'payload_too_large',
};

type Extensions = Record<string, unknown>;

/**
 * Domain errors as clients see them; anything else is logged once and hidden.
 * @param requestId undefined where no request is known yet; `useRequestIds` adds it then
 */
export function maskError(error: unknown, logger: Logger, requestId?: string): GraphQLError {
  if (error instanceof GraphQLError && shown.has(error)) return error;
  const masked = mask(error, logger, requestId);
  shown.add(masked);
  return masked;
}

function mask(error: unknown, logger: Logger, requestId?: string): GraphQLError {
  const original = originOf(error);
  const place = error instanceof GraphQLError ? error : undefined;
  if (original instanceof DomainError && original.code !== 'internal_error')
    return refusal(original, place, requestId);
  // Made by the GraphQL engine itself about the document or the variables: safe to show.
  if (original instanceof GraphQLError)
    return withExtensions(place ?? original, engineExtensions(place ?? original, requestId));
  logger.error({ err: original, requestId }, 'unexpected error in a GraphQL operation');
  return new GraphQLError('Unexpected error', {
    nodes: place?.nodes,
    path: place?.path,
    extensions: { code: 'internal_error', status: 500, ...(requestId ? { requestId } : {}) },
  });
}

/** GraphQL wraps what a resolver throws, sometimes more than once. */
function originOf(error: unknown): unknown {
  let current = error;
  while (current instanceof GraphQLError && current.originalError) current = current.originalError;
  return current;
}

function refusal(error: DomainError, place: GraphQLError | undefined, requestId?: string): GraphQLError {
  const { errors, retryAfterMs, extra } = error.details;
  const { www_authenticate: challenge, ...details } = extra ?? {};
  return new GraphQLError(error.message, {
    nodes: place?.nodes,
    path: place?.path,
    originalError: error,
    extensions: {
      code: error.code,
      status: error.status,
      ...(errors ? { errors } : {}),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(Object.keys(details).length > 0 ? { details } : {}),
      ...(requestId ? { requestId } : {}),
      ...(error.code === 'unauthenticated'
        ? {
            http: {
              status: 401,
              headers: { 'www-authenticate': typeof challenge === 'string' ? challenge : 'Bearer' },
            },
          }
        : place?.path
          ? {}
          : { http: { status: error.status } }),
    },
  });
}

function engineExtensions(error: GraphQLError, requestId?: string): Extensions {
  const given = error.extensions;
  // Without a code it is about a value: variables that do not fit, an argument that a scalar refuses.
  const code = typeof given.code === 'string' ? (CODES[given.code] ?? given.code) : 'bad_request';
  const http = given.http;
  return {
    ...given,
    code,
    status: given.status ?? http?.status ?? 400,
    ...(http || error.path ? {} : { http: { spec: true, status: 400 } }),
    ...(requestId ? { requestId } : {}),
  };
}

/** A copy: documents and their errors are cached, and the next request has another id. */
function withExtensions(error: GraphQLError, extensions: Extensions): GraphQLError {
  return new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
    originalError: error.originalError,
    extensions,
  });
}

interface Result {
  errors?: readonly GraphQLError[];
}

const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

/** Masks what operations answer, events of subscriptions too, while it is known whose request it was. */
export function useMaskedResults(logger: Logger): Plugin {
  const masking =
    (requestId: string | undefined) =>
    ({ result, setResult }: { result: object; setResult: (result: never) => void }): void => {
      const { errors } = result as Result;
      if (!errors) return;
      setResult({ ...result, errors: errors.map((error) => maskError(error, logger, requestId)) } as never);
    };
  const requestOf = (context: unknown): string | undefined => (context as { requestId?: string }).requestId;
  return {
    onExecute: ({ args }) => ({
      onExecuteDone: (payload) =>
        handleStreamOrSingleExecutionResult(payload as never, masking(requestOf(args.contextValue))),
    }),
    onSubscribe: ({ args }) => ({
      onSubscribeResult: (payload) =>
        handleStreamOrSingleExecutionResult(payload as never, masking(requestOf(args.contextValue))) as never,
      onSubscribeError: ({ error, setError }) => {
        if (!isAbort(error)) setError(maskError(error, logger, requestOf(args.contextValue)));
      },
    }),
  };
}

/** Names the request in errors that came before an operation could run, and gives them a code of ours. */
export function nameRequest<Answer extends object>(answer: Answer, requestId: string): Answer {
  const { errors } = answer as Result;
  if (!errors?.some((error) => error.extensions?.requestId === undefined)) return answer;
  return {
    ...answer,
    errors: errors.map((error) => {
      const located = error instanceof GraphQLError ? error : new GraphQLError((error as Error).message);
      return withExtensions(located, engineExtensions(located, requestId));
    }),
  };
}

/**
 * Every error of an answer names its request. Who asked for an event stream gets errors as its events: clients of streams
 * see nothing of an answer with another status, except that they have to authenticate.
 */
export function useRequestIds(): Plugin<object, { res?: ServerResponse }> {
  return {
    onResultProcess: (payload) => {
      const { request, result, serverContext } = payload;
      const requestId = serverContext.res?.getHeader('x-request-id');
      if (typeof requestId !== 'string') return;
      if (Array.isArray(result)) {
        payload.setResult(result.map((one) => nameRequest(one, requestId)));
        return;
      }
      if (Symbol.asyncIterator in result) return;
      const named = nameRequest(result, requestId);
      payload.setResult(request.headers.get('accept') === 'text/event-stream' ? asEvent(named) : named);
    },
  };
}

function asEvent<Answer extends object>(answer: Answer): Answer {
  const { errors } = answer as Result;
  if (!errors || errors.some(({ extensions }) => extensions.code === 'unauthenticated')) return answer;
  return {
    ...answer,
    errors: errors.map((error) => withExtensions(error, { ...error.extensions, http: { status: 200 } })),
  };
}
