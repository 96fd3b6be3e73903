import {
  BREAK,
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  getNamedType,
  GraphQLError,
  type GraphQLSchema,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { mapAsyncIterator, type Plugin } from 'graphql-yoga';

/** A document is compiled when it comes for the second time: compiling costs more than one execution saves. */
const COMPILE_AT = 2;

type Variables = ExecutionArgs['variableValues'];
type Result = ExecutionResult | AsyncIterable<ExecutionResult>;

/** A located error as graphql-jit makes it: the same facts, another class. */
interface JitError {
  message: string;
  locations?: readonly { line: number; column: number }[];
  path?: (string | number)[];
  originalError?: Error;
}

/**
 * Executes operations through code that is compiled for each document (graphql-jit): a list of 50 messages takes a fifth
 * of the time that walking its document for every field takes. Results and errors are those of graphql-js.
 */
export class CompiledExecution {
  private readonly documents = new WeakMap<DocumentNode, Map<string, Compiled>>();

  constructor(readonly schema: GraphQLSchema) {}

  /** Compiles a document that is known to come often. @throws Error when it cannot be executed */
  prepare(document: DocumentNode, operationName?: string): CompiledQuery {
    const compiled = compileQuery(this.schema, document, operationName ?? '', {
      disablingCapturingStackErrors: true,
    });
    if (!isCompiledQuery(compiled))
      throw new Error(
        `The document cannot be compiled: ${compiled.errors?.map((error) => error.message).join(' ')}`,
      );
    return compiled;
  }

  /** The compiled form of a document that came before, or undefined: then graphql-js executes it. */
  find({
    document,
    operationName,
    schema,
  }: Pick<ExecutionArgs, 'document' | 'operationName' | 'schema'>): CompiledQuery | undefined {
    if (schema !== this.schema) return undefined;
    let operations = this.documents.get(document);
    if (!operations) this.documents.set(document, (operations = new Map<string, Compiled>()));
    const name = operationName ?? '';
    const known = operations.get(name) ?? { seen: 0 };
    operations.set(name, known);
    if (++known.seen < COMPILE_AT) return undefined;
    known.query ??= this.tryPrepare(document, name);
    return known.query ?? undefined;
  }

  private tryPrepare(document: DocumentNode, name: string): CompiledQuery | null {
    if (hasJsonLiteral(this.schema, document)) return null;
    const compiled = compileQuery(this.schema, document, name, { disablingCapturingStackErrors: true });
    return isCompiledQuery(compiled) ? compiled : null;
  }
}

/**
 * Whether JSON is written in the document: graphql-jit makes program text of it, in which numbers are doubles, `__proto__`
 * is no key and variables are lost.
 */
function hasJsonLiteral(schema: GraphQLSchema, document: DocumentNode): boolean {
  const types = new TypeInfo(schema);
  let found = false;
  const look = (): unknown => {
    found = getNamedType(types.getInputType())?.name === 'JSON';
    return found ? BREAK : undefined;
  };
  visit(
    document,
    visitWithTypeInfo(types, { ObjectValue: look, ListValue: look, IntValue: look, FloatValue: look }),
  );
  return found;
}

interface Compiled {
  seen: number;
  /** Null when graphql-jit does not take the document. */
  query?: CompiledQuery | null;
}

/** Runs a compiled query or mutation. */
export async function executeCompiled(
  query: CompiledQuery,
  contextValue: unknown,
  variables: Variables,
  rootValue?: unknown,
): Promise<ExecutionResult> {
  return withRealErrors(await query.query(rootValue, contextValue, variables));
}

/**
 * Runs a subscription whose events are executed as compiled code; a failure to subscribe is a result with errors. graphql-js
 * opens the source: graphql-jit would hand the operation's variables to the field as if they were its arguments.
 */
export async function subscribeCompiled(query: CompiledQuery, args: ExecutionArgs): Promise<Result> {
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return source;
  return mapAsyncIterator(source, (event) =>
    executeCompiled(query, args.contextValue, args.variableValues, event),
  );
}

/** Makes Yoga execute documents that come again through their compiled form. */
export function useCompiledExecution(compiled: CompiledExecution): Plugin {
  return {
    onExecute({ args, setExecuteFn }) {
      const query = compiled.find(args);
      if (query)
        setExecuteFn(() =>
          executeCompiled(query, args.contextValue, args.variableValues as Variables, args.rootValue),
        );
    },
    onSubscribe({ args, setSubscribeFn }) {
      const query = compiled.find(args);
      if (query) setSubscribeFn(() => subscribeCompiled(query, args));
    },
  };
}

function withRealErrors(result: ExecutionResult): ExecutionResult {
  if (!result.errors) return result;
  return { ...result, errors: result.errors.map(toRealError) };
}

function toRealError(error: GraphQLError): GraphQLError {
  const { message, path, originalError } = error as unknown as JitError;
  const real = new GraphQLError(message, { path, originalError });
  // The compiled code knows places in the document, not its nodes.
  if (error.locations) Object.defineProperty(real, 'locations', { value: error.locations, enumerable: true });
  return real;
}
