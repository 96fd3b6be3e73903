import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type DocumentNode,
  getOperationAST,
  type GraphQLError,
  type GraphQLSchema,
  OperationTypeNode,
} from 'graphql';
import type { Response as SseResponse } from 'graphql-sse';
import { createHandler } from 'graphql-sse/lib/use/fetch';
import type { GraphQLParams, Plugin, YogaServer } from 'graphql-yoga';
import { type Context, principalOf } from '../../resolvers/context';
import type { Logger } from '../ports/logger';
import { maskError, nameRequest } from './graphql-errors';
import { readParams } from './graphql-json';
import { SingleConnections } from './single-connections';

const PATH = '/graphql/stream';
const TOKEN_HEADER = 'x-graphql-event-stream-token';

interface Pair {
  req: IncomingMessage;
  res: ServerResponse;
}

export interface SingleConnectionInput {
  createContext: (request: IncomingMessage, response: ServerResponse) => Promise<Context>;
  logger: Logger;
}

/**
 * Single-connection mode of graphql-sse at `/graphql/stream`: a client reserves one event stream and sends any number of
 * operations into it. Streams are reserved for authenticated callers only, under a token that is made here; each operation is
 * authenticated by itself.
 */
export function useSingleConnections({ createContext, logger }: SingleConnectionInput): Plugin<object, Pair> {
  const pairs = new WeakMap<object, Pair>();
  const idOf = (raw: object): string => String(pairs.get(raw)?.res.getHeader('x-request-id') ?? '');
  let yoga: YogaServer<Pair, object>;

  /** Requests of our own, which end streams that nobody came for. */
  const own = new WeakSet<object>();
  const connections = new SingleConnections((token) => {
    const request = new Request(`http://localhost${PATH}`, {
      headers: { accept: 'text/event-stream', [TOKEN_HEADER]: token },
    });
    own.add(request);
    void handle(request).then((response) => response.body?.cancel());
  });
  const tokenOf = (headers: { get(name: string): string | null | undefined }, url: string): string | null =>
    headers.get(TOKEN_HEADER) ?? new URL(url, 'http://localhost').searchParams.get('token');

  const handle = createHandler({
    authenticate: async ({ raw, headers, method, url }) => {
      const given = tokenOf(headers, url);
      if (own.has(raw)) return given;
      const { req, res } = pairs.get(raw)!;
      try {
        const principal = principalOf(await createContext(req, res));
        if (method === 'PUT') return connections.reserve(principal);
        // Without a reservation an operation may still have a stream of its own.
        if (given === null) return null;
        connections.assertOwned(given, principal);
        if (headers.get('accept') === 'text/event-stream') connections.open(given, res);
        return given;
      } catch (error) {
        return refusal(maskError(error, logger, idOf(raw)));
      }
    },
    // Errors go into the stream, where clients look for them: the answer to the request would show them only a status.
    onSubscribe: async ({ raw, headers, url }) => {
      const token = tokenOf(headers, url);
      const streamResponse = token === null ? undefined : () => connections.responseOf(token);
      try {
        // The handler has read the same, and rounded its numbers.
        const params = await readParams(raw);
        return (await perform(yoga, { ...pairs.get(raw)!, request: raw, params, streamResponse })) as never;
      } catch (error) {
        return failed([maskError(error, logger, idOf(raw))]);
      }
    },
    onNext: (_context, { raw }, result) => withoutInternals(nameRequest(result, idOf(raw))) as never,
  });

  return {
    onYogaInit(init) {
      yoga = init.yoga as never;
    },
    async onRequest(payload) {
      const { request, serverContext, url } = payload;
      if (url.pathname !== PATH) return;
      pairs.set(request, serverContext);
      readOnce(request);
      payload.endResponse(await handle(request));
    },
  };
}

/** Lets the text of a body be asked for more than once. */
function readOnce(request: Request): void {
  const read = request.text.bind(request);
  let text: Promise<string> | undefined;
  request.text = () => (text ??= read());
}

/** `data` tells the handler that this is a result; as JSON it is absent, as befits an operation that never ran. */
const failed = (errors: readonly GraphQLError[]) => ({ data: undefined, errors });

async function perform(
  yoga: YogaServer<Pair, object>,
  context: Pair & {
    request: object;
    params: GraphQLParams;
    /** Where results are written, if not to the answer of the request. */
    streamResponse: (() => Promise<ServerResponse | undefined>) | undefined;
  },
): Promise<unknown> {
  const { query, variables, operationName } = context.params;
  const enveloped = yoga.getEnveloped(context as never);
  const document = enveloped.parse(query!) as DocumentNode;
  const errors = enveloped.validate(enveloped.schema, document) as readonly GraphQLError[];
  if (errors.length > 0) return failed(errors);
  const contextValue: unknown = await enveloped.contextFactory();
  const operation = getOperationAST(document, operationName);
  const execute =
    operation?.operation === OperationTypeNode.SUBSCRIPTION ? enveloped.subscribe : enveloped.execute;
  const result = (await execute({
    schema: enveloped.schema as GraphQLSchema,
    document,
    contextValue,
    variableValues: variables,
    operationName,
  })) as object;
  return 'errors' in result && !('data' in result) ? { data: undefined, ...result } : result;
}

/** `http` is the engine's note to itself. */
function withoutInternals<Answer extends object>(answer: Answer): Answer {
  const { errors } = answer as { errors?: readonly GraphQLError[] };
  return errors ? { ...answer, errors: errors.map(plain) } : answer;
}

function plain(error: GraphQLError): object {
  const { http: _http, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}

function refusal(error: GraphQLError): SseResponse {
  const http = error.extensions.http;
  const status = http?.status ?? Number(error.extensions.status ?? 500);
  const headers = { ...http?.headers, 'content-type': 'application/json; charset=utf-8' };
  return [JSON.stringify({ errors: [plain(error)] }), { status, statusText: '', headers }];
}
