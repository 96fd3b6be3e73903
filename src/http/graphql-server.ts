import type { IncomingMessage, ServerResponse } from 'node:http';
import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { useGraphQLSSE } from '@graphql-yoga/plugin-graphql-sse';
import { createComplexityRule } from '@pothos/plugin-complexity';
import { GraphQLError, type GraphQLSchema, NoSchemaIntrospectionCustomRule } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Context } from '../../resolvers/context';
import type { Executor, PreparedOperation, Variables } from '../../rest-facade/types';
import type { Config } from '../config/environment';
import { DomainError } from '../errors';
import type { Logger } from '../ports/logger';
import { FIRST_TABS } from './graphiql-tabs';

/** What the HTTP adapter puts beside each GraphQL request. */
export interface ServerContext {
  req: IncomingMessage;
  res: ServerResponse;
}

export interface GraphQLServerInput {
  schema: GraphQLSchema;
  config: Config['graphql'];
  createContext: (request: IncomingMessage, response: ServerResponse) => Promise<Context>;
  logger: Logger;
}

export type GraphQLServer = YogaServerInstance<ServerContext, Context>;

/** GraphQL over HTTP and server-sent events at `/graphql`; single-connection mode of graphql-sse at `/graphql/stream`. */
export function createGraphQLServer(input: GraphQLServerInput): GraphQLServer {
  const { schema, config, createContext, logger } = input;
  return createYoga<ServerContext, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    logging: false,
    cors: false,
    multipart: false,
    batching: { limit: config.maxBatch },
    context: ({ req, res }) => createContext(req, res),
    maskedErrors: { maskError: (error) => maskError(error, logger) },
    graphiql: config.graphiql && {
      title: 'AgentFlow GraphiQL',
      defaultQuery: FIRST_TABS[0]!.query,
      defaultTabs: FIRST_TABS,
    },
    ...(config.graphiql ? { renderGraphiQL: (options) => offlineGraphiQL(options) } : {}),
    plugins: [
      useGraphQLSSE({ endpoint: '/graphql/stream' }) as Plugin,
      ...limitPlugins(config),
      useRequestIds(),
    ],
  });
}

/** The page with all its scripts inside; loaded when it is first asked for, since it weighs megabytes. */
async function offlineGraphiQL(options: unknown): Promise<string> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return (renderGraphiQL as (options: unknown) => string)(options);
}

function limitPlugins(config: Config['graphql']): Plugin[] {
  const complexity = createComplexityRule as unknown as (options: object) => never;
  return [
    maxTokensPlugin({ n: config.maxTokens }) as Plugin,
    maxDepthPlugin({ n: config.maxDepth, flattenFragments: true, propagateOnRejection: true }) as Plugin,
    maxAliasesPlugin({ n: config.maxAliases, propagateOnRejection: true }) as Plugin,
    {
      onValidate({
        addValidationRule,
        params,
        context,
      }: {
        addValidationRule: (rule: never) => void;
        params: { variables?: unknown };
        context?: unknown;
      }) {
        addValidationRule(
          complexity({
            maxComplexity: config.maxComplexity,
            variableValues: params.variables ?? {},
            context,
          }),
        );
        if (!config.introspection) addValidationRule(NoSchemaIntrospectionCustomRule as never);
      },
    } as unknown as Plugin,
  ];
}

/** Every error names its request. */
function useRequestIds(): Plugin {
  return {
    onResultProcess({ result, serverContext }: { result: unknown; serverContext: Partial<ServerContext> }) {
      const requestId = serverContext.res?.getHeader('x-request-id');
      const single = result as { errors?: readonly GraphQLError[] };
      if (!requestId || !single.errors) return;
      for (const error of single.errors)
        (error.extensions as Record<string, unknown>).requestId ??= requestId;
    },
  } as unknown as Plugin;
}

/** Domain errors as clients see them; anything else is logged once and hidden. */
export function maskError(error: unknown, logger: Logger): GraphQLError {
  const original = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  if (original instanceof DomainError) return toGraphQLError(original, error);
  // Made by the GraphQL engine itself about the document or the variables: safe to show.
  if (error instanceof GraphQLError && (!error.originalError || error.originalError instanceof GraphQLError))
    return withCode(error);
  logger.error({ err: original }, 'unexpected error in a resolver');
  const place = error instanceof GraphQLError ? error : undefined;
  return new GraphQLError('Unexpected error', {
    nodes: place?.nodes,
    path: place?.path,
    extensions: { code: 'internal_error', status: 500 },
  });
}

function withCode(error: GraphQLError): GraphQLError {
  if (!error.extensions.code) Object.assign(error.extensions, { code: 'bad_request', status: 400 });
  return error;
}

function toGraphQLError(error: DomainError, located: unknown): GraphQLError {
  const place = located instanceof GraphQLError ? located : undefined;
  const { errors, retryAfterMs, extra } = error.details;
  return new GraphQLError(error.message, {
    nodes: place?.nodes,
    path: place?.path,
    originalError: error,
    extensions: {
      code: error.code,
      status: error.status,
      ...(errors ? { errors } : {}),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(extra ? { details: extra } : {}),
      ...(error.code === 'unauthenticated'
        ? {
            http: {
              status: 401,
              headers: { 'www-authenticate': String(extra?.www_authenticate ?? 'Bearer') },
            },
          }
        : {}),
    },
  });
}

/** Runs the facade's prepared operations in the envelope of `/graphql`: same context, same masking. */
export function createExecutor(server: GraphQLServer, schema: GraphQLSchema): Executor<Context> {
  const args = ({ document }: PreparedOperation, variableValues: Variables, contextValue: Context) => ({
    schema,
    document,
    variableValues,
    contextValue,
  });
  return {
    execute: (operation, variables, context) =>
      server.getEnveloped(context as never).execute(args(operation, variables, context)),
    subscribe: (operation, variables, context) =>
      server.getEnveloped(context as never).subscribe(args(operation, variables, context)),
  };
}
