import { GraphQLError } from 'graphql';
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import { JsonProblem, MAX_JSON_DEPTH, readClientJson } from '../json';

/** `variables`, the variable, and the field of its input stand around a value. */
const LEVELS_AROUND = 4;

const badRequest = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });

/** @throws GraphQLError `bad_request`, or `validation_failed` naming the place that cannot be kept as it is */
export function readRequestJson(text: string, what: string): unknown {
  try {
    return readClientJson(text, MAX_JSON_DEPTH + LEVELS_AROUND);
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest(`${what} sent invalid JSON.`);
    if (!(error instanceof JsonProblem)) throw error;
    const { path, reason, message } = error;
    throw new GraphQLError(message, {
      extensions: {
        code: 'validation_failed',
        status: 422,
        errors: [{ path, message: reason }],
        http: { status: 422 },
      },
    });
  }
}

const JSON_TYPE = /^application\/(?:graphql\+)?json\s*(?:[;,]|$)/;

async function readBody(request: Request): Promise<GraphQLParams> {
  const body = readRequestJson(await request.text(), 'POST body');
  if (typeof body === 'object' && body !== null) return body as GraphQLParams;
  throw badRequest(`POST body is expected to be object but received ${body === null ? 'null' : typeof body}`);
}

function readQuery(request: Request): GraphQLParams {
  const query = new URL(request.url).searchParams;
  const text = (name: string): string | undefined => query.get(name) || undefined;
  const object = (name: string): Record<string, never> | undefined => {
    const json = text(name);
    return json === undefined ? undefined : (readRequestJson(json, `query.${name}`) as Record<string, never>);
  };
  return {
    operationName: text('operationName'),
    query: text('query'),
    variables: object('variables'),
    extensions: object('extensions'),
  };
}

/** Reads requests so that no number of a variable is changed by being read. */
export function useExactJson(): Plugin {
  return {
    onRequestParse({ request, setRequestParser }) {
      if (request.method === 'GET') setRequestParser(readQuery);
      else if (request.method === 'POST' && JSON_TYPE.test(request.headers.get('content-type') ?? ''))
        setRequestParser(readBody);
    },
  };
}
