import type { GraphQLSchema } from 'graphql';
import { compileAnswer, ResultShape, responseSchema, type CompiledAnswer } from './answer';
import { compileBinding, type Bind, type BindingInput, type Parameter } from './bind';
import { compileBinary } from './binary';
import { compileFormCoercion, type CoerceForm } from './body';
import { HTTP_METHODS } from './bundle';
import { compilePath, type Convert } from './convert';
import { resolveRef } from './schemas';
import type {
  JsonTree,
  OpenApiDocument,
  OpenBinary,
  OperationRule,
  PreparedOperation,
  SourceExpression,
  StreamRule,
} from './types';

/** One GraphQL call of an operation: what to run and how its variables are made. */
export interface Call {
  operation: PreparedOperation;
  bind: Bind;
}

/** How a subscription's events become server-sent events. */
export interface Follow extends Call {
  read: Convert;
  convert: Convert;
  readId: Convert;
}

export interface CompiledStream {
  start: Call;
  follow: Follow;
  /** The operation behind `stream: false`: it waits for what `start` began. */
  wait?: Call;
  /** Whether this request wants a stream. */
  wantsStream(body: unknown, query: Record<string, unknown>): boolean;
}

/** Everything about one REST operation that could be worked out at start. */
export interface CompiledOperation<Context> {
  method: string;
  template: string;
  rule: OperationRule;
  /** Media type -> what the form coercion is, for forms. */
  mediaTypes: Map<string, CoerceForm | undefined>;
  bodyRequired: boolean;
  call?: Call;
  answer?: CompiledAnswer;
  /** A GET that follows a subscription. */
  follow?: Follow;
  stream?: CompiledStream;
  sendBinary?: ReturnType<typeof compileBinary<Context>>;
}

export interface CompileInput<Context> {
  schema: GraphQLSchema;
  document: OpenApiDocument;
  operations: Map<string, PreparedOperation>;
  openBinary?: OpenBinary<Context>;
}

/**
 * Compiles every operation of the document.
 * @returns the operations and every finding: unmapped operations, names that do not exist, variables and parameters that
 *   are bound to nothing, paths that are not selected, documents that nothing uses
 */
export function compileOperations<Context>(input: CompileInput<Context>): {
  compiled: CompiledOperation<Context>[];
  findings: string[];
} {
  const findings: string[] = [];
  const used = new Set<string>();
  const compiled: CompiledOperation<Context>[] = [];
  for (const [template, item] of Object.entries(input.document.paths)) {
    for (const method of HTTP_METHODS) {
      const node: JsonTree = item[method];
      if (!node) continue;
      const own: string[] = [];
      const operation = new OperationCompiler(
        input,
        method.toUpperCase(),
        template,
        item,
        node,
        used,
        own,
      ).compile();
      if (operation) compiled.push(operation);
      findings.push(...own.map((finding) => `${method.toUpperCase()} ${template}: ${finding}`));
    }
  }
  for (const name of input.operations.keys()) {
    if (!used.has(name)) findings.push(`GraphQL operation ${name} is used by no OpenAPI operation.`);
  }
  return { compiled, findings };
}

/** Names of variables that mean "go on after this event". */
const CURSOR_VARIABLES = new Set(['afterSeq', 'after', 'cursor', 'lastEventId']);

const FORM_TYPES = new Set(['multipart/form-data', 'application/x-www-form-urlencoded']);

const isJsonType = (mediaType: string): boolean => /^application\/(?:[\w.-]+\+)?json$/.test(mediaType);

class OperationCompiler<Context> {
  private readonly rule: OperationRule;
  private readonly parameters: Parameter[];
  private readonly bodySchemas: Map<string, JsonTree>;

  constructor(
    private readonly input: CompileInput<Context>,
    private readonly method: string,
    private readonly template: string,
    item: JsonTree,
    private readonly node: JsonTree,
    private readonly used: Set<string>,
    private readonly findings: string[],
  ) {
    this.rule = node['x-agentflow'] ?? {};
    this.parameters = [...(item.parameters ?? []), ...(node.parameters ?? [])].map(
      (parameter) => resolveRef(input.document, parameter) as Parameter,
    );
    const content = resolveRef(input.document, node.requestBody)?.content ?? {};
    this.bodySchemas = new Map(
      Object.entries<JsonTree>(content).map(([mediaType, media]) => [mediaType.toLowerCase(), media.schema]),
    );
  }

  compile(): CompiledOperation<Context> | undefined {
    if (!this.node['x-agentflow']) {
      this.findings.push('has no x-agentflow: it is mapped to no GraphQL operation.');
      return undefined;
    }
    this.checkFlags();
    const { rule, method, template } = this;
    const base = { method, template, rule, mediaTypes: this.mediaTypes(), bodyRequired: this.bodyRequired() };
    if (rule.stream) return { ...base, ...this.compileStream(rule.stream) };
    if (rule.shape === 'sse' || rule.shape === 'snapshot')
      return { ...base, follow: this.compileGetStream() };
    return { ...base, ...this.compileSingle() };
  }

  private checkFlags(): void {
    for (const mediaType of this.bodySchemas.keys()) {
      if (!isJsonType(mediaType) && !FORM_TYPES.has(mediaType)) {
        this.findings.push(`bodies of type ${mediaType} are not supported; use JSON or a form.`);
      }
    }
    const isOpen = Array.isArray(this.node.security) && this.node.security.length === 0;
    if (isOpen !== (this.rule.public === true)) {
      this.findings.push(
        '"security: []" and "x-agentflow.public: true" belong together; only one of them is given.',
      );
    }
    const declared = new Set([...this.template.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]!));
    const given = new Set(
      this.parameters.filter(({ in: place }) => place === 'path').map(({ name }) => name),
    );
    for (const name of declared)
      if (!given.has(name)) this.findings.push(`path parameter ${name} is not declared.`);
    for (const name of given)
      if (!declared.has(name)) this.findings.push(`path parameter ${name} is not in the path.`);
  }

  private bodyRequired(): boolean {
    return resolveRef(this.input.document, this.node.requestBody)?.required === true;
  }

  private mediaTypes(): CompiledOperation<Context>['mediaTypes'] {
    return new Map(
      [...this.bodySchemas].map(([mediaType, schema]) => [
        mediaType,
        isJsonType(mediaType) ? undefined : compileFormCoercion(this.input.document, schema),
      ]),
    );
  }

  private find(name: string | undefined, role: string, kinds: string[]): PreparedOperation | undefined {
    const operation = name === undefined ? undefined : this.input.operations.get(name);
    if (name !== undefined) this.used.add(name);
    if (name === undefined) this.findings.push(`x-agentflow.${role} is missing.`);
    else if (!operation) this.findings.push(`${role} ${name} is in no document.`);
    else if (!kinds.includes(operation.kind)) {
      this.findings.push(`${role} ${name} is a ${operation.kind}; a ${kinds.join(' or ')} is needed.`);
      return undefined;
    }
    return operation;
  }

  /** A route that takes several media types (a form, or JSON) binds the properties of all of them. */
  private bodySchema(): JsonTree {
    const schemas = [...this.bodySchemas.values()].filter((schema) => schema !== undefined);
    return schemas.length > 1 ? { allOf: schemas } : schemas[0];
  }

  private bind(operation: PreparedOperation, extra: Partial<BindingInput> = {}): Bind {
    return compileBinding({
      schema: this.input.schema,
      document: this.input.document,
      operation,
      parameters: this.parameters,
      bodySchema: this.bodySchema(),
      bind: this.rule.bind ?? {},
      unbound: new Set(this.unbound()),
      takesRequest: true,
      findings: this.findings,
      ...extra,
    });
  }

  private unbound(): string[] {
    const names = [...(this.rule.unbound ?? [])];
    const when = this.rule.stream?.when?.split('.').at(-1);
    if (when !== undefined) names.push(when);
    if (this.rule.stream || this.rule.shape === 'sse' || this.rule.shape === 'snapshot')
      names.push('after_seq');
    return names;
  }

  private shape(operation: PreparedOperation, path: string | undefined): ResultShape {
    return new ResultShape(this.input.schema, operation, path, this.findings);
  }

  private compileSingle(): Pick<CompiledOperation<Context>, 'call' | 'answer' | 'sendBinary'> {
    const { rule } = this;
    const operation = this.find(rule.operation, 'operation', ['query', 'mutation']);
    if (!operation) return {};
    if ((this.method === 'GET' || this.method === 'HEAD') && operation.kind === 'mutation') {
      this.findings.push(`${operation.name} is a mutation; a GET must be safe.`);
    }
    const call = { operation, bind: this.bind(operation) };
    const shape = this.shape(operation, rule.result);
    if (rule.shape === 'binary')
      return { call, sendBinary: compileBinary(rule.binary ?? {}, shape, this.input.openBinary) };
    return { call, answer: compileAnswer(this.input.document, this.node, rule, shape) };
  }

  private follower(
    operation: PreparedOperation,
    result: string | undefined,
    id: string | undefined,
    bind: Bind,
  ): Follow {
    const shape = this.shape(operation, result);
    const wireSchema = responseSchema(this.input.document, this.node, 'text/event-stream');
    return {
      operation,
      bind,
      read: compilePath(shape.resultPath),
      convert: shape.convert(this.input.document, wireSchema, this.rule.omitNull),
      readId: shape.value(id ?? 'seq', 'event id'),
    };
  }

  private compileGetStream(): Follow | undefined {
    const operation = this.find(this.rule.operation, 'operation', ['subscription']);
    const fallback = (name: string): SourceExpression | undefined =>
      CURSOR_VARIABLES.has(name) ? 'cursor' : undefined;
    return (
      operation &&
      this.follower(operation, this.rule.result, this.rule.eventId, this.bind(operation, { fallback }))
    );
  }

  private compileStream(rule: StreamRule): Pick<CompiledOperation<Context>, 'call' | 'answer' | 'stream'> {
    const start = this.find(rule.start, 'stream.start', ['mutation']);
    const follow = this.find(rule.follow, 'stream.follow', ['subscription']);
    const single = rule.when === undefined ? undefined : (rule.wait ?? this.rule.operation ?? rule.start);
    const last = single === undefined ? undefined : this.find(single, 'operation', ['query', 'mutation']);
    if (!start || !follow) return {};
    const startShape = new ResultShape(this.input.schema, start, undefined, []);
    const fallback = (name: string): SourceExpression | undefined => {
      if (CURSOR_VARIABLES.has(name)) return 'cursor';
      const path = startShape.locate(name);
      return path === undefined ? undefined : `start.${path}`;
    };
    const after = { fallback, takesRequest: false };
    const followBind = this.bind(follow, { ...after, bind: rule.bindFollow ?? {} });
    const stream: CompiledStream = {
      start: { operation: start, bind: this.bind(start) },
      follow: this.follower(follow, rule.result, rule.id, followBind),
      wantsStream: this.compileChoice(rule),
    };
    if (!last) return { stream };
    const answer = compileAnswer(
      this.input.document,
      this.node,
      this.rule,
      this.shape(last, this.rule.result),
    );
    if (rule.wait === undefined) {
      return {
        stream,
        answer,
        call: last === start ? stream.start : { operation: last, bind: this.bind(last) },
      };
    }
    stream.wait = { operation: last, bind: this.bind(last, { ...after, bind: rule.bindWait ?? {} }) };
    return { stream, answer };
  }

  private compileChoice(rule: StreamRule): CompiledStream['wantsStream'] {
    if (rule.when === undefined) return () => true;
    const [place, ...keys] = rule.when.split('.');
    if (place !== 'body' && place !== 'query')
      this.findings.push(`stream.when ${rule.when} is neither body. nor query.`);
    const read = compilePath(keys.join('.'));
    const usual = rule.default ?? true;
    return (body, query) => {
      const value = read(place === 'body' ? body : query);
      return typeof value === 'boolean' ? value : usual;
    };
  }
}
