import type { Readable } from 'node:stream';
import type { DocumentNode, ExecutionResult, OperationDefinitionNode, OperationTypeNode } from 'graphql';
import type { IncomingMessage } from 'node:http';

export { UploadedFile } from '../src/ports/files';

/** One named GraphQL operation: parsed and validated once, at start. */
export interface PreparedOperation {
  name: string;
  kind: OperationTypeNode;
  /** This operation and the fragments it uses, and nothing else: ready for `execute` and `subscribe`. */
  document: DocumentNode;
  definition: OperationDefinitionNode;
  /** The printed document; a cache key for executors that want one. */
  source: string;
}

export type Variables = Record<string, unknown>;

/** Runs prepared operations through the same envelope as `/graphql`: the same rules, limits and masking. */
export interface Executor<Context = unknown> {
  execute(operation: PreparedOperation, variables: Variables, context: Context): Promise<ExecutionResult>;
  subscribe(
    operation: PreparedOperation,
    variables: Variables,
    context: Context,
  ): Promise<AsyncIterable<ExecutionResult> | ExecutionResult>;
}

/** What the facade tells the context factory about a request. */
export interface RequestInfo {
  requestId: string;
  /** True when the operation is public: the factory makes an anonymous context instead of refusing. */
  public: boolean;
}

export type ContextFactory<Context> = (request: IncomingMessage, info: RequestInfo) => Promise<Context>;

/** Bytes that an operation's result only points at. */
export interface BinarySource {
  /** Bytes. */
  size: number;
  /** Reads all of it, or bytes `start` to `end` inclusive. */
  read(range?: { start: number; end: number }): Readable;
}

/** Opens what a `binary.ref` in a result points at. @throws DomainError `not_found` */
export type OpenBinary<Context> = (ref: string, context: Context) => Promise<BinarySource>;

/** A source of one value: `path.id`, `query.limit`, `header.if-match`, `body`, `body.a.b`, `file.x`, `files.x`, `const:<json>`, `cursor`, `start.a.b`, `raw`. */
export type SourceExpression = string;

/** A fixed status, or one chosen by a value of the result: `{ by: 'created', map: { true: 201, false: 200 } }`. */
export type StatusRule = number | { by: string; map: Record<string, number>; default?: number };

export type Shape = 'object' | 'array' | 'page' | 'empty' | 'sse' | 'snapshot' | 'binary';

/** A POST that starts a run and follows it: a mutation, then a subscription rendered as server-sent events. */
export interface StreamRule {
  /** The body or query value that chooses between the stream and one JSON answer; without it always a stream. */
  when?: SourceExpression;
  /** What an absent `when` value means. Default true. */
  default?: boolean;
  /** The mutation that makes the run durable; its errors answer with a real status before any event. */
  start: string;
  /** The subscription that follows it. */
  follow: string;
  /** Variables of `follow`; those not named come from `cursor`, the start's result or the request by name. */
  bindFollow?: Record<string, SourceExpression | SourceExpression[]>;
  /** Dotted path of the event in the subscription's data; by default its only root field. */
  result?: string;
  /** Dotted path in the event for the `id:` line. Default `seq`. */
  id?: string;
  /** The operation that waits for the end when the caller wants one JSON answer. */
  wait?: string;
  bindWait?: Record<string, SourceExpression | SourceExpression[]>;
}

export interface BinaryRule {
  /** Dotted paths in the result: a reference for `openBinary`, base64 text or plain text (the first that is not null is sent). */
  ref?: string;
  base64?: string;
  text?: string;
  contentType?: string;
  fileName?: string;
  /** A version of the bytes: answered as `ETag`, and what `If-None-Match` and `If-Range` are compared with. */
  etag?: string;
  /** Default `attachment`. */
  disposition?: 'attachment' | 'inline';
}

/** The `x-agentflow` extension of an OpenAPI operation. All dotted paths use the document's response keys. */
export interface OperationRule {
  /** GraphQL operation in `operations/*.graphql`. May be absent when `stream.wait` answers. */
  operation?: string;
  /** Variable path (`id`, `input.agentId`) to its source; a list means the first that is given. */
  bind?: Record<string, SourceExpression | SourceExpression[]>;
  /** Dotted path in the data; by default the only root field. */
  result?: string;
  /** Default: 200. */
  status?: StatusRule;
  /** Default `object`. */
  shape?: Shape;
  /** Template of the `Location` header: `/api/v1/conversations/{conversation.id}`. */
  location?: string;
  /** Dotted path to the total for `X-Total-Count`. */
  total?: string;
  /** Property of the answer that holds a whole list: `limit` and `cursor` give a part of it, with `next_cursor`. */
  list?: string;
  /** Dotted path to the next cursor for `Link: <...>; rel="next"`. */
  nextCursor?: string;
  /** Dotted path to a version for the `ETag` header. */
  etag?: string;
  /** Leaves null fields out: everywhere, or at the named dotted paths. */
  omitNull?: boolean | string[];
  /** Puts the result under this key. */
  wrap?: string;
  /** A null result is an answer, not a 404. */
  nullable?: boolean;
  /** Body properties and query parameters that the facade itself uses, or that are accepted and do nothing. */
  unbound?: string[];
  stream?: StreamRule;
  /** Dotted path in an event for the `id:` line of a GET stream. Default `seq`. */
  eventId?: string;
  binary?: BinaryRule;
  /** Honours `Idempotency-Key`. */
  idempotent?: boolean;
  /** Needs no token; the operation must also say `security: []`. */
  public?: boolean;
  /** Largest body in bytes, instead of the facade's default. */
  maxBodyBytes?: number;
}

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- OpenAPI documents are free-form trees */
export type JsonTree = any;

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  servers?: { url: string }[];
  security?: object[];
  paths: Record<string, Record<string, JsonTree>>;
  components: Record<string, Record<string, JsonTree>>;
}

/** Thrown at start, with every finding at once. */
export class FacadeError extends Error {
  constructor(readonly findings: string[]) {
    super(`The REST facade cannot start:\n${findings.map((finding) => `  - ${finding}`).join('\n')}`);
    this.name = 'FacadeError';
  }
}
