import {
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  typeFromAST,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { DomainError, invalid } from '../src/errors';
import { compileInput, compilePath, type ConvertInput } from './convert';
import { toCamel } from './names';
import { declaredProperties, resolveRef } from './schemas';
import { textOf } from './text';
import type {
  JsonTree,
  OpenApiDocument,
  PreparedOperation,
  SourceExpression,
  UploadedFile,
  Variables,
} from './types';

/** The parts of one request that sources read from. */
export interface BoundRequest {
  path: Record<string, unknown>;
  query: Record<string, unknown>;
  /** Lower-case names. */
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
  files: UploadedFile[];
  /** The body exactly as received, for signatures. */
  raw?: string;
  /** Data of a stream's start mutation. */
  start?: unknown;
}

export type Bind = (request: BoundRequest, ignored: string[]) => Variables;

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header' | 'cookie';
  schema?: JsonTree;
}

export interface BindingInput {
  schema: GraphQLSchema;
  document: OpenApiDocument;
  operation: PreparedOperation;
  parameters: Parameter[];
  bodySchema: JsonTree;
  bind: Record<string, SourceExpression | SourceExpression[]>;
  /** Names that need no variable. */
  unbound: ReadonlySet<string>;
  /** The source of a variable that `bind` does not name, before the request's own names are tried. */
  fallback?(variable: string): SourceExpression | undefined;
  /** False for operations that follow another one: they need not take everything that the request says. */
  takesRequest: boolean;
  findings: string[];
}

/** Headers that the facade itself understands: they need no variable. */
const FACADE_HEADERS = new Set([
  'authorization',
  'snc-tenant',
  'snc-userid',
  'x-request-id',
  'idempotency-key',
  'last-event-id',
  'if-none-match',
  'range',
  'accept',
]);

interface Setter {
  target: string[];
  read(request: BoundRequest, ignored: string[]): unknown;
}

/** Last-Event-ID wins over `?after_seq`: a browser that reconnects repeats the query of its first request. */
const readCursor = (request: BoundRequest): unknown =>
  request.headers['last-event-id'] ?? request.query.after_seq;

/**
 * Compiles how one operation's variables are made from a request. Everything is resolved here, at start; findings name
 * what does not fit.
 */
export function compileBinding(input: BindingInput): Bind {
  return new BindingCompiler(input).compile();
}

class BindingCompiler {
  private readonly types = new Map<string, GraphQLInputType>();
  private readonly required = new Set<string>();
  private readonly setters: Setter[] = [];
  private readonly explicit = new Map<string, SourceExpression[]>();
  private bodyInto?: { variable: string; convert: ConvertInput };
  private readonly bodyFields = new Set<string>();

  constructor(private readonly input: BindingInput) {
    for (const definition of input.operation.definition.variableDefinitions ?? []) {
      const name = definition.variable.name.value;
      const type = typeFromAST(input.schema, definition.type) as GraphQLInputType;
      this.types.set(name, type);
      if (isNonNullType(type) && !definition.defaultValue) this.required.add(name);
    }
  }

  compile(): Bind {
    this.bindExplicit();
    this.bindFallbacks();
    this.bindParameters();
    this.bindBody();
    this.checkRequired();
    return this.build();
  }

  private finding(message: string): void {
    this.input.findings.push(`${this.input.operation.name}: ${message}`);
  }

  private inputVariables(): string[] {
    return [...this.types.keys()].filter(
      (name) => isInputObjectType(getNullableType(this.types.get(name)!)) && !this.explicit.has(name),
    );
  }

  private bindExplicit(): void {
    for (const [target, sources] of Object.entries(this.input.bind)) {
      const list = [sources].flat();
      const type = this.targetType(target);
      if (!type) {
        this.finding(`bind names $${target}, which the operation does not have.`);
        continue;
      }
      this.explicit.set(target, list);
      this.add(target.split('.'), type, list);
    }
  }

  private targetType(target: string): GraphQLInputType | undefined {
    const [variable, ...fields] = target.split('.');
    let type = this.types.get(variable!);
    for (const field of fields) {
      const named = type && getNullableType(type);
      type = named && isInputObjectType(named) ? named.getFields()[field]?.type : undefined;
    }
    return type;
  }

  private bindFallbacks(): void {
    for (const [name, type] of this.types) {
      const source = this.explicit.has(name) ? undefined : this.input.fallback?.(name);
      if (source === undefined) continue;
      this.explicit.set(name, [source]);
      this.add([name], type, [source]);
    }
  }

  private isConsumed(source: SourceExpression): boolean {
    return [...this.explicit.values()].some((list) => list.includes(source));
  }

  private bindParameters(): void {
    for (const parameter of this.input.parameters) {
      const source = `${parameter.in}.${parameter.in === 'header' ? parameter.name.toLowerCase() : parameter.name}`;
      if (this.isConsumed(source) || parameter.in === 'cookie') continue;
      const target = this.targetFor(
        toCamel(parameter.in === 'header' ? headerCamel(parameter.name) : parameter.name),
      );
      if (target) this.add(target, this.targetType(target.join('.'))!, [source]);
      else this.reportUnbound(parameter);
    }
  }

  private reportUnbound({ name, in: place }: Parameter): void {
    const known = place === 'header' ? FACADE_HEADERS.has(name.toLowerCase()) : this.input.unbound.has(name);
    if (this.input.takesRequest && !known)
      this.finding(`${place} parameter ${name} is bound to no variable.`);
  }

  private targetFor(camelName: string): string[] | undefined {
    if (this.types.has(camelName)) return this.explicit.has(camelName) ? undefined : [camelName];
    for (const variable of this.inputVariables()) {
      const target = [variable, camelName];
      if (this.targetType(target.join('.')) && !this.explicit.has(target.join('.'))) return target;
    }
    return undefined;
  }

  private bindBody(): void {
    const { document, bodySchema, unbound, takesRequest } = this.input;
    if (!bodySchema || this.isConsumed('body')) return;
    const receivers = this.inputVariables();
    const properties = declaredProperties(document, bodySchema);
    const elsewhere = new Set<string>();
    for (const [name, property] of properties) {
      const file = this.fileSource(name, property);
      const direct = receivers.length === 1 && this.targetType(`${receivers[0]}.${toCamel(name)}`);
      if (this.isConsumed(`body.${name}`) || (file && this.isConsumed(file))) elsewhere.add(name);
      else if (file || !direct) this.bindProperty(name, file, elsewhere);
    }
    if (receivers.length !== 1) {
      this.bodyFields.clear();
      for (const name of properties.keys()) this.bodyFields.add(name);
      return;
    }
    const variable = receivers[0]!;
    const missing: string[] = [];
    const skip = new Set([
      ...elsewhere,
      ...[...unbound].filter((name) => !this.targetType(`${variable}.${toCamel(name)}`)),
    ]);
    const convert = compileInput(document, this.types.get(variable)!, bodySchema, missing, { skip });
    for (const name of properties.keys()) if (!skip.has(name)) this.bodyFields.add(toCamel(name)).add(name);
    this.bodyInto = { variable, convert };
    for (const path of takesRequest ? missing : []) {
      if (!unbound.has(path)) this.finding(`body property ${path} is bound to no field of $${variable}.`);
    }
  }

  /** A property that no body receiver takes: a variable of its name, or a file. */
  private bindProperty(name: string, file: SourceExpression | undefined, elsewhere: Set<string>): void {
    const target = this.targetFor(toCamel(name));
    if (target) {
      elsewhere.add(name);
      this.add(target, this.targetType(target.join('.'))!, [file ?? `body.${name}`]);
    } else if (this.inputVariables().length !== 1 || file) {
      elsewhere.add(name);
      if (this.input.takesRequest && !this.input.unbound.has(name)) {
        this.finding(`body property ${name} is bound to no variable.`);
      }
    }
  }

  private fileSource(name: string, property: JsonTree): SourceExpression | undefined {
    const resolved = resolveRef(this.input.document, property);
    if (resolved?.format === 'binary') return `file.${name}`;
    const items = resolved?.items && resolveRef(this.input.document, resolved.items);
    return items?.format === 'binary' ? `files.${name}` : undefined;
  }

  private add(target: string[], type: GraphQLInputType, sources: SourceExpression[]): void {
    const readers = sources
      .map((source) => this.compileSource(source, type))
      .filter((reader) => reader !== undefined);
    this.setters.push({
      target,
      read(request, ignored) {
        for (const read of readers) {
          const value = read(request, ignored);
          if (value !== undefined) return value;
        }
        return undefined;
      },
    });
  }

  private compileSource(source: SourceExpression, type: GraphQLInputType): Setter['read'] | undefined {
    if (source.startsWith('const:')) {
      const value: unknown = JSON.parse(source.slice('const:'.length));
      return () => value;
    }
    const [place, ...rest] = source.split('.');
    const name = rest.join('.');
    switch (place) {
      case 'cursor':
        return (request) => convertCursor(readCursor(request), type);
      case 'raw':
        return (request) => request.raw;
      case 'start': {
        const read = compilePath(name);
        return (request) => read(request.start);
      }
      case 'file':
        return (request) => request.files.find((file) => file.fieldName === name);
      case 'files':
        return (request) => request.files.filter((file) => file.fieldName === name);
      case 'header':
        return (request) => convertHeader(name, request.headers[name], type);
      case 'path':
      case 'query':
        return this.parameterSource(place, name, type);
      case 'body':
        return this.bodySource(name, type);
      default:
        this.finding(
          `${source} is not a source; use path., query., header., body, file., files., cursor, start., raw or const:.`,
        );
        return undefined;
    }
  }

  private parameterSource(place: 'path' | 'query', name: string, type: GraphQLInputType): Setter['read'] {
    const parameter = this.input.parameters.find(
      (candidate) => candidate.in === place && candidate.name === name,
    );
    if (!parameter) this.finding(`${place}.${name} is not declared in the OpenAPI operation.`);
    const convert = compileInput(this.input.document, type, parameter?.schema, []);
    return (request, ignored) => {
      const value = request[place][name];
      return value === undefined ? undefined : convert(value, `${place}.${name}`, ignored);
    };
  }

  private bodySource(name: string, type: GraphQLInputType): Setter['read'] {
    let wireSchema = this.input.bodySchema;
    for (const key of name === '' ? [] : name.split('.')) {
      const properties = declaredProperties(this.input.document, wireSchema);
      if (properties.size > 0 && !properties.has(key))
        this.finding(`body.${name} is not declared in the OpenAPI body.`);
      wireSchema = properties.get(key);
    }
    const read = compilePath(name);
    const convert = compileInput(this.input.document, type, wireSchema, []);
    return (request, ignored) => {
      const value = read(request.body);
      return value === undefined ? undefined : convert(value, name, ignored);
    };
  }

  private checkRequired(): void {
    for (const name of this.required) {
      const isBound =
        this.setters.some(({ target }) => target[0] === name) || this.bodyInto?.variable === name;
      const type = getNullableType(this.types.get(name)!);
      if (!isBound && !isInputObjectType(type)) this.finding(`required variable $${name} is unbound.`);
      if (
        isInputObjectType(type) &&
        !this.setters.some(({ target }) => target.length === 1 && target[0] === name)
      ) {
        for (const field of Object.values(type.getFields()).filter(isRequiredInputField)) {
          const given =
            this.setters.some(({ target }) => target[0] === name && target[1] === field.name) ||
            (this.bodyInto?.variable === name && this.bodyFields.has(field.name));
          if (!given) this.finding(`required field $${name}.${field.name} is unbound.`);
        }
      }
    }
  }

  private build(): Bind {
    const { setters, bodyInto } = this;
    const createdInputs = [...this.required].filter(
      (name) =>
        isInputObjectType(getNamedType(this.types.get(name)!)) &&
        !isListType(getNullableType(this.types.get(name)!)),
    );
    const declared = bodyInto || this.isConsumed('body') ? undefined : this.bodyFields;
    return (request, ignored) => {
      const variables: Variables = {};
      for (const name of createdInputs) variables[name] = {};
      if (bodyInto && request.body !== undefined) {
        variables[bodyInto.variable] = bodyInto.convert(request.body, '', ignored);
      } else if (declared && isRecord(request.body)) {
        for (const name of Object.keys(request.body)) if (!declared.has(name)) ignored.push(name);
      }
      for (const setter of setters) {
        const value = setter.read(request, ignored);
        if (value !== undefined) assign(variables, setter.target, value);
      }
      return variables;
    };
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Targets come from the schema, never from a request, so no key here can be `__proto__`. */
function assign(variables: Variables, target: string[], value: unknown): void {
  let current: Record<string, unknown> = variables;
  for (const key of target.slice(0, -1)) {
    if (!isRecord(current[key])) current[key] = {};
    current = current[key] as Record<string, unknown>;
  }
  current[target[target.length - 1]!] = value;
}

const headerCamel = (name: string): string => name.toLowerCase().replace(/-/g, '_');

function convertCursor(value: unknown, type: GraphQLInputType): unknown {
  if (value === undefined || value === '') return undefined;
  if (getNamedType(type).name !== 'Int') return textOf(value);
  const seq =
    typeof value === 'number' ? value : Number(/^\d{1,10}$/.test(textOf(value)) ? value : Number.NaN);
  if (!Number.isInteger(seq))
    throw invalid('header.last-event-id', 'must be the id of an event: a whole number');
  return seq;
}

/** `If-Match: "v3"` speaks of version 3; `*` asks for no particular one. */
function convertHeader(name: string, value: string | string[] | undefined, type: GraphQLInputType): unknown {
  const text = Array.isArray(value) ? value[0] : value;
  if (text === undefined || name !== 'if-match') return text;
  if (text.trim() === '*') return undefined;
  const tag = /^(?:W\/)?"?([^"]*)"?$/.exec(text.trim())?.[1] ?? '';
  if (getNamedType(type).name !== 'Int') return tag.replace(/^v(?=\d+$)/, '');
  const version = /^v?(\d{1,9})$/.exec(tag)?.[1];
  if (version === undefined) {
    throw new DomainError(
      'precondition_failed',
      `If-Match ${text} is no version of this resource; read its ETag again.`,
    );
  }
  return Number(version);
}
