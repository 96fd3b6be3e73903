import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type DocumentNode,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type ValidationContext,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Config } from '../config/environment';

type Limits = Config['graphql'];

/** Bounds on what one document may ask. The operations of the REST facade are our own and pass untouched. */
export function limitPlugins(config: Limits): Plugin[] {
  return [
    maxTokensPlugin({
      n: config.maxTokens,
      onReject: [
        () => {
          throw tooMuch('tokens', config.maxTokens, `The document has more than ${config.maxTokens} tokens.`);
        },
      ],
    }),
    maxDepthPlugin({
      n: config.maxDepth,
      flattenFragments: true,
      propagateOnRejection: false,
      onReject: [reporting('depth', config.maxDepth, (found) => `The operation is ${found} levels deep`)],
    }),
    maxAliasesPlugin({
      n: config.maxAliases,
      propagateOnRejection: false,
      onReject: [reporting('aliases', config.maxAliases, (found) => `The operation has ${found} aliases`)],
    }),
    ...(config.introspection ? [] : [noIntrospection, noSuggestions]),
    complexityPlugin(config.maxComplexity),
  ];
}

const noIntrospection: Plugin = {
  onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule),
};

/** Where the schema is not told, near misses do not tell it either: "Did you mean ..." names what is there. */
const SUGGESTION = /\s?Did you mean [^]*$/;

const noSuggestions: Plugin = {
  onValidate: () => (payload) => {
    if (!payload.valid) payload.setResult((payload.result as readonly GraphQLError[]).map(withoutSuggestion));
  },
  onResultProcess: (payload) => {
    const { errors } = payload.result as { errors?: readonly GraphQLError[] };
    if (errors?.some(({ message }) => SUGGESTION.test(message)))
      payload.setResult({ ...payload.result, errors: errors.map(withoutSuggestion) });
  },
};

function withoutSuggestion(error: GraphQLError): GraphQLError {
  if (!SUGGESTION.test(error.message)) return error;
  const { nodes, source, positions, path, extensions } = error;
  return new GraphQLError(error.message.replace(SUGGESTION, ''), {
    nodes,
    source,
    positions,
    path,
    extensions,
  });
}

function tooMuch(limit: string, max: number, message: string, actual?: number): GraphQLError {
  return new GraphQLError(message, {
    extensions: {
      code: 'bad_request',
      status: 400,
      limit: { name: limit, max, ...(actual === undefined ? {} : { actual }) },
      http: { spec: true, status: 400 },
    },
  });
}

/** The rules tell the number they found only in their message. */
function reporting(limit: string, max: number, say: (found: number) => string) {
  return (context: ValidationContext | null, error: GraphQLError): void => {
    const found = Number(/found (\d+)/.exec(error.message)?.[1]);
    context?.reportError(tooMuch(limit, max, `${say(found)}; at most ${max} are allowed.`, found));
  };
}

interface Operation {
  schema: GraphQLSchema;
  document: DocumentNode;
  operationName?: string | null;
  variableValues?: Record<string, unknown> | null;
  contextValue?: unknown;
}

/** What the operations of a request cost so far: a batch has no more to spend than one operation. */
const spent = new WeakMap<object, number>();

/**
 * Sizes of lists come from variables, so that the cost of a document is known only for each request: it is no validation
 * rule, whose findings are kept with the document.
 */
function complexityPlugin(maxComplexity: number): Plugin {
  const check = ({
    args,
    setResultAndStopExecution,
  }: {
    args: Operation;
    setResultAndStopExecution: (result: never) => void;
  }): void => {
    // Only requests to /graphql have parameters; the facade's operations do not.
    if (!('params' in (args.contextValue as object))) return;
    const error = excess(args, maxComplexity);
    if (error) setResultAndStopExecution({ errors: [error] } as never);
  };
  return { onExecute: check, onSubscribe: check };
}

function excess(args: Operation, max: number): GraphQLError | undefined {
  const operation = getOperationAST(args.document, args.operationName);
  if (!operation) return undefined;
  const fragments = args.document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  try {
    const { complexity: own } = complexityFromQuery(
      { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] },
      {
        schema: args.schema,
        ctx: args.contextValue as object,
        variables: args.variableValues ?? {},
      },
    );
    const { request } = args.contextValue as { request: object };
    const complexity = own + (spent.get(request) ?? 0);
    spent.set(request, complexity);
    if (complexity <= max) return undefined;
    const message = `The ${complexity === own ? 'operation costs' : 'operations of the request cost'} ${complexity}; at most ${max} are allowed. Ask for fewer fields or smaller pages.`;
    return tooMuch('complexity', max, message, complexity);
  } catch (error) {
    // Variables that do not fit: the cost cannot be known, and execution would say the same.
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}
