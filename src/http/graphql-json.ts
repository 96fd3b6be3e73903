import {
  type ExecutionArgs,
  getNullableType,
  getOperationAST,
  GraphQLError,
  type GraphQLInputType,
  isInputObjectType,
  isInputType,
  isListType,
  typeFromAST,
} from 'graphql';
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import { exactField, JsonProblem, MAX_JSON_DEPTH, mayHaveTexts, readClientJson } from '../json';

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
  if (typeof body === 'object' && body !== null) {
    if (mayHaveTexts(body))
      for (const { variables } of [body].flat() as GraphQLParams[])
        if (isObject(variables)) inexact.add(variables);
    return body as GraphQLParams;
  }
  throw badRequest(`POST body is expected to be object but received ${body === null ? 'null' : typeof body}`);
}

function readQuery(request: Request): GraphQLParams {
  const query = new URL(request.url).searchParams;
  const text = (name: string): string | undefined => query.get(name) || undefined;
  const object = (name: string): Record<string, never> | undefined => {
    const json = text(name);
    return json === undefined ? undefined : (readRequestJson(json, `query.${name}`) as Record<string, never>);
  };
  const variables = object('variables');
  if (isObject(variables) && mayHaveTexts(variables)) inexact.add(variables);
  return {
    operationName: text('operationName'),
    query: text('query'),
    variables,
    extensions: object('extensions'),
  };
}

/** The operation of a request by GET, or by POST with a body of JSON. @throws GraphQLError as `readRequestJson` */
export const readParams = (request: Request): Promise<GraphQLParams> | GraphQLParams =>
  request.method === 'GET' ? readQuery(request) : readBody(request);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Variables that may have numbers whose text says more than their value. */
const inexact = new WeakSet<object>();

/** Makes numbers exact that are a whole JSON: the scalar sees but their value, and not where they came from. */
function keepNumbers({ schema, document, operationName, variableValues }: ExecutionArgs): void {
  if (!variableValues || !inexact.has(variableValues)) return;
  for (const { variable, type } of getOperationAST(document, operationName)?.variableDefinitions ?? []) {
    const known = typeFromAST(schema, type);
    if (isInputType(known)) keepNumbersOf(known, variableValues, variable.name.value);
  }
}

type Holder = Record<string | number, unknown>;

function keepNumbersOf(given: GraphQLInputType, holder: Holder, key: string | number): void {
  const type = getNullableType(given);
  const value = holder[key];
  if (isListType(type)) {
    const item = type.ofType;
    if (Array.isArray(value))
      value.forEach((_, index) => keepNumbersOf(item, value as unknown as Holder, index));
    // One value stands for a list of one.
    else keepNumbersOf(item, holder, key);
  } else if (isInputObjectType(type)) {
    if (!isObject(value)) return;
    for (const field of Object.values(type.getFields()))
      if (Object.hasOwn(value, field.name)) keepNumbersOf(field.type, value, field.name);
  } else if (type.name === 'JSON' && typeof value === 'number') holder[key] = exactField(holder, key);
}

/** Reads requests so that no number of a variable is changed by being read. */
export function useExactJson(): Plugin {
  return {
    onRequestParse({ request, setRequestParser }) {
      if (request.method === 'GET') setRequestParser(readQuery);
      else if (request.method === 'POST' && JSON_TYPE.test(request.headers.get('content-type') ?? ''))
        setRequestParser(readBody);
    },
    onExecute: ({ args }) => keepNumbers(args),
    onSubscribe: ({ args }) => keepNumbers(args),
  };
}
