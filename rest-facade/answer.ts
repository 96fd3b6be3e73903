import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAbstractType, getNamedType, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { DomainError } from '../src/errors';
import {
  compileOutput,
  compilePath,
  selectPath,
  SelectionReader,
  type Convert,
  type SelectedField,
} from './convert';
import { declaredProperties, resolveRef } from './schemas';
import { type ListPage, pageOf } from './page';
import { textOf } from './text';
import type { JsonTree, OpenApiDocument, OperationRule, PreparedOperation } from './types';

/** One answer, before it is sent: what an idempotency key keeps. */
export interface Answer {
  status: number;
  /** Names as sent. */
  headers: Record<string, string>;
  body: string | undefined;
  /** The value behind `body`, for the checks of the tests. */
  value?: unknown;
}

export interface AnswerContext {
  /** Path and query of the request, for the `Link` header. */
  url: string;
  params: Record<string, unknown>;
  /** Validated. */
  query: Record<string, unknown>;
}

export type CompiledAnswer = (data: unknown, context: AnswerContext) => Answer;

/** The data of one operation, ready for reading by paths that were checked at start. */
export class ResultShape {
  readonly reader: SelectionReader;
  readonly root: SelectedField;
  readonly result: SelectedField | undefined;
  readonly resultPath: string;

  constructor(
    schema: GraphQLSchema,
    private readonly operation: PreparedOperation,
    path: string | undefined,
    private readonly findings: string[],
  ) {
    this.reader = new SelectionReader(schema, operation.document);
    const type = schema.getRootType(operation.kind)!;
    this.root = { type, selections: [operation.definition.selectionSet] };
    const keys = [...this.reader.fields(type, this.root.selections).keys()].filter(
      (key) => key !== '__typename',
    );
    if (path === undefined && keys.length !== 1) {
      findings.push(`${operation.name}: has ${keys.length} root fields; say which with "result".`);
    }
    this.resultPath = path ?? keys[0] ?? '';
    this.result = selectPath(this.reader, this.root, this.resultPath);
    if (!this.result) findings.push(`${operation.name}: result path ${this.resultPath} is not selected.`);
  }

  /** A reader of a dotted path, seen from the result, else from the whole data. */
  value(path: string, purpose: string): Convert {
    if (this.result && selectPath(this.reader, this.result, path)) {
      return compilePath(this.resultPath === '' ? path : `${this.resultPath}.${path}`);
    }
    if (!selectPath(this.reader, this.root, path)) {
      this.findings.push(`${this.operation.name}: ${purpose} path ${path} is not selected.`);
    }
    return compilePath(path);
  }

  /** The conversion of the result to its wire form. */
  convert(document: OpenApiDocument, wireSchema: JsonTree, omitNull: OperationRule['omitNull']): Convert {
    if (!this.result) return (value) => value;
    const dropped = new Set(Array.isArray(omitNull) ? omitNull : []);
    return compileOutput(this.reader, this.result, wireSchema, {
      document,
      dropsNull: (path) => omitNull === true || dropped.has(path),
    });
  }

  /** The data path of a response key, wherever in the first levels of the selection it is; for a stream's follower. */
  locate(key: string, depth = 3): string | undefined {
    const search = (field: SelectedField, prefix: string, left: number): string | undefined => {
      const fields = this.reader.fields(getNamedType(field.type), field.selections);
      if (fields.has(key)) return `${prefix}${key}`;
      for (const [name, child] of left > 1 ? fields : []) {
        const found = child.selections.length > 0 ? search(child, `${prefix}${name}.`, left - 1) : undefined;
        if (found) return found;
      }
      return undefined;
    };
    return search(this.root, '', depth);
  }

  get isAbstract(): boolean {
    return this.result !== undefined && isAbstractType(getNamedType(this.result.type));
  }
}

/** The schema of the first 2xx answer of this media type. */
export function responseSchema(document: OpenApiDocument, operation: JsonTree, mediaType: string): JsonTree {
  for (const [status, response] of Object.entries<JsonTree>(operation.responses ?? {})) {
    const schema = status.startsWith('2') && resolveRef(document, response)?.content?.[mediaType]?.schema;
    if (schema) return schema;
  }
  return undefined;
}

/** Compiles how an operation's data becomes an answer. */
export function compileAnswer(
  document: OpenApiDocument,
  operation: JsonTree,
  rule: OperationRule,
  shape: ResultShape,
): CompiledAnswer {
  const whole = responseSchema(document, operation, 'application/json');
  const wireSchema = rule.wrap === undefined ? whole : declaredProperties(document, whole).get(rule.wrap);
  const convert = shape.convert(document, wireSchema, rule.omitNull);
  const read = compilePath(shape.resultPath);
  const status = compileStatus(rule, shape);
  const headers = compileHeaders(rule, shape);
  // A bare array without a total of its own is all there is, unless a part of it is asked for.
  const isWhole = rule.shape === 'array' && rule.total === undefined;
  return (data, context) => {
    const whole = read(data);
    const page = isWhole && Array.isArray(whole) ? pageOf(whole, context.query) : undefined;
    const result = page ? page.items : whole;
    if (rule.shape === 'empty')
      return { status: status(data), headers: headers(data, context), body: undefined };
    if ((result === null || result === undefined) && rule.shape !== 'array' && !rule.nullable) {
      const name = Object.values(context.params).at(-1);
      throw new DomainError(
        'not_found',
        name === undefined ? 'It does not exist.' : `${textOf(name)} does not exist.`,
      );
    }
    const converted =
      result === null || result === undefined ? (rule.shape === 'array' ? [] : null) : convert(result);
    const wrapped = rule.wrap === undefined ? converted : { [rule.wrap]: converted };
    const part = rule.list === undefined ? undefined : partOf(wrapped, rule.list, context.query);
    const value = part?.value ?? wrapped;
    return {
      status: status(data),
      headers: {
        'Content-Type': 'application/json; charset=utf-8',
        ...headers(data, context, page ?? part?.page),
      },
      body: JSON.stringify(value),
      value,
    };
  };
}

/** The part of an answer's list that the query asks for: the whole, unless it says `limit` or `cursor`. */
function partOf(
  answer: unknown,
  list: string,
  query: AnswerContext['query'],
): { value: object; page: ListPage } {
  const whole = answer as Record<string, unknown[]>;
  const page = pageOf(whole[list] ?? [], query);
  return { value: { ...whole, [list]: page.items, next_cursor: page.next ?? null }, page };
}

function compileStatus(rule: OperationRule, shape: ResultShape): (data: unknown) => number {
  const { status = 200 } = rule;
  if (typeof status === 'number') return () => status;
  const read = shape.value(status.by, 'status');
  const map = new Map(Object.entries(status.map).map(([value, code]) => [value.toLowerCase(), code]));
  return (data) => map.get(textOf(read(data)).toLowerCase()) ?? status.default ?? 200;
}

type HeaderMaker = (data: unknown, context: AnswerContext, page?: ListPage) => Record<string, string>;

function compileHeaders(rule: OperationRule, shape: ResultShape): HeaderMaker {
  const location = rule.location === undefined ? undefined : compileTemplate(rule.location, shape);
  const total = rule.total === undefined ? undefined : shape.value(rule.total, 'total');
  const nextCursor = rule.nextCursor === undefined ? undefined : shape.value(rule.nextCursor, 'nextCursor');
  const etag = rule.etag === undefined ? undefined : shape.value(rule.etag, 'etag');
  return (data, context, page) => {
    const headers: Record<string, string> = {};
    if (location) headers.Location = location(data);
    const count = page ? page.total : total?.(data);
    if (count !== undefined && count !== null) headers['X-Total-Count'] = textOf(count);
    const cursor = page ? page.next : nextCursor?.(data);
    if (typeof cursor === 'string' && cursor !== '')
      headers.Link = `<${nextUrl(context.url, cursor)}>; rel="next"`;
    const version = etag?.(data);
    if (version !== undefined && version !== null)
      headers.ETag = `"v${textOf(version).replace(/[^\x21\x23-\x7e]/g, '')}"`;
    return headers;
  };
}

function nextUrl(url: string, cursor: string): string {
  const [path, query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.delete('offset');
  parameters.delete('page');
  parameters.set('cursor', cursor);
  return `${path}?${parameters.toString()}`;
}

function compileTemplate(template: string, shape: ResultShape): (data: unknown) => string {
  const parts = template.split(/\{([^}]+)\}/);
  const readers = parts.map((part, index) => (index % 2 === 1 ? shape.value(part, 'location') : undefined));
  return (data) =>
    parts
      .map((part, index) => (readers[index] ? encodeURIComponent(textOf(readers[index](data))) : part))
      .join('');
}

/** The data of a result without errors. @throws the first error as it came, or the error it wraps */
export function dataOf(result: ExecutionResult): unknown {
  const error = result.errors?.[0];
  if (error) throw error;
  return result.data;
}

/** Whether the caller's copy is still good: `If-None-Match` names this very version. */
function isNotModified(request: IncomingMessage, answer: Answer): boolean {
  const asked = request.headers['if-none-match'];
  if (asked === undefined || answer.headers.ETag === undefined || answer.status !== 200) return false;
  return (
    (request.method === 'GET' || request.method === 'HEAD') &&
    asked
      .split(',')
      .some((tag) => tag.trim().replace(/^W\//, '') === answer.headers.ETag || tag.trim() === '*')
  );
}

export function sendAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  if (isNotModified(request, answer)) {
    response.removeHeader('Content-Type');
    response.writeHead(304).end();
    return;
  }
  response.statusCode = answer.status;
  if (answer.body === undefined) {
    if (answer.status !== 204) response.setHeader('Content-Length', 0);
    response.end();
    return;
  }
  response.setHeader('Content-Length', Buffer.byteLength(answer.body));
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}
