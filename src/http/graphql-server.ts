import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GraphQLSchema } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import type { Context } from '../../resolvers/context';
import type { Config } from '../config/environment';
import type { Logger } from '../ports/logger';
import { type CompiledExecution, useCompiledExecution } from './compiled-execution';
import { graphiqlPage } from './graphiql';
import { FIRST_TABS } from './graphiql-tabs';
import { maskError, useMaskedResults, useRequestIds } from './graphql-errors';
import { useExactJson } from './graphql-json';
import { limitPlugins } from './graphql-limits';
import { useSingleConnections } from './graphql-stream';
import { usePacedStreams } from './paced-stream';

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
  compiled: CompiledExecution;
  /** Milliseconds until a stream's reader that takes nothing is cut off. */
  drainTimeoutMs: number;
}

export type GraphQLServer = YogaServerInstance<ServerContext, Context>;

/** GraphQL over HTTP and server-sent events at `/graphql`; single-connection mode of graphql-sse at `/graphql/stream`. */
export function createGraphQLServer(input: GraphQLServerInput): GraphQLServer {
  const { schema, config, createContext, logger, compiled, drainTimeoutMs } = input;
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
    ...(config.graphiql ? { renderGraphiQL: (options) => graphiqlPage(options ?? {}) } : {}),
    // The HTTP layer has bounded the body before it comes here.
    maxRequestBodySize: false,
    plugins: [
      useExactJson(),
      useSingleConnections({ createContext, logger }),
      usePacedStreams({ drainTimeoutMs, logger }),
      useMaskedResults(logger),
      ...limitPlugins(config),
      useRequestIds(),
      useCompiledExecution(compiled),
    ],
  });
}
