import type { IncomingMessage, ServerResponse } from 'node:http';
import { useGraphQLSSE } from '@graphql-yoga/plugin-graphql-sse';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Context } from '../../resolvers/context';
import { principalOf } from '../../resolvers/context';
import type { Logger } from '../ports/logger';
import { maskError, nameRequest } from './graphql-errors';

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
 * operations into it. Streams are reserved for authenticated callers only; each operation is authenticated by itself.
 */
export function useSingleConnections({ createContext, logger }: SingleConnectionInput): Plugin {
  const pairs = new WeakMap<object, Pair>();
  const requestIdOf = (raw: object): string => String(pairs.get(raw)?.res.getHeader('x-request-id') ?? '');

  const inner = useGraphQLSSE({
    endpoint: PATH,
    authenticate: async ({ raw, headers, method, url }) => {
      const { req, res } = pairs.get(raw)!;
      try {
        principalOf(await createContext(req, res));
      } catch (error) {
        return refusal(maskError(error, logger, requestIdOf(raw)));
      }
      const given = headers.get(TOKEN_HEADER) ?? new URL(url, 'http://localhost').searchParams.get('token');
      return given || (method === 'PUT' ? crypto.randomUUID() : null);
    },
    onNext: (_context, { raw }, result) => withoutInternals(nameRequest(result, requestIdOf(raw))) as never,
  }) as Plugin;

  return {
    ...inner,
    async onRequest(payload) {
      const { request, serverContext, endResponse, fetchAPI, url } = payload;
      if (url.pathname !== PATH) return;
      pairs.set(request, serverContext as unknown as Pair);
      try {
        await inner.onRequest!(payload as never);
      } catch (error) {
        const masked = maskError(error, logger, requestIdOf(request));
        const [body, init] = refusal(masked, requestIdOf(request));
        endResponse(new fetchAPI.Response(body, init));
      }
    },
  };
}

/** `http` is the engine's note to itself. */
function withoutInternals<Answer extends object>(answer: Answer): Answer {
  const { errors } = answer as { errors?: readonly GraphQLError[] };
  if (!errors) return answer;
  return { ...answer, errors: errors.map((error) => plain(error)) };
}

function plain(error: GraphQLError): object {
  const { http: _http, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}

type Refusal = [string, { status: number; statusText: string; headers: Record<string, string> }];

function refusal(error: GraphQLError, requestId?: string): Refusal {
  const { errors } = requestId ? nameRequest({ errors: [error] }, requestId) : { errors: [error] };
  const http = error.extensions.http as
    { status?: number; headers?: Record<string, string> } | undefined;
  const status = http?.status ?? Number(error.extensions.status ?? 500);
  return [
    JSON.stringify({ errors: errors.map(plain) }),
    {
      status,
      statusText: '',
      headers: { ...http?.headers, 'content-type': 'application/json; charset=utf-8' },
    },
  ];
}
