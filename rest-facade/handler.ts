import { rm } from 'node:fs/promises';
import { parse as parseQuery } from 'node:querystring';
import type { Request, Response } from 'express';
import type { ExecutionResult } from 'graphql';
import { DomainError } from '../src/errors';
import type { IdempotencyStore } from '../src/ports/idempotency';
import type { Logger } from '../src/ports/logger';
import { dataOf, sendAnswer, type Answer } from './answer';
import type { BoundRequest } from './bind';
import { mediaTypeOf, parseJsonBody, parseUrlEncodedBody, readBody } from './body';
import { EventStream, pump, type OpenStreams } from './event-stream';
import { readIdempotencyKey, runOnce } from './idempotency';
import { readMultipart, type UploadLimits } from './multipart';
import type { Call, CompiledOperation, CompiledStream, Follow } from './operation';
import { toRefusal } from './problem';
import { requestIdOf } from './request-id';
import { textOf } from './text';
import type { ContextFactory, Executor, UploadedFile } from './types';
import type { RequestValidation, ResponseValidation } from './validate';

export interface HandlerDependencies<Context> {
  executor: Executor<Context>;
  createContext: ContextFactory<Context>;
  /** Names tenant and user of a context, for idempotency keys. */
  principalKey: (context: Context) => string;
  /** When the caller's token ends, and with it the streams that it opened: milliseconds since 1970; undefined: never. */
  expiresAt?: (context: Context) => number | undefined;
  idempotencyStore: IdempotencyStore;
  /** The context of a request that may be tried again: what it makes has this id. */
  withOperation?: (context: Context, operationId: string) => Context;
  logger: Logger;
  validation: RequestValidation;
  uploads: UploadLimits;
  responseValidation?: ResponseValidation;
  streams: OpenStreams;
  maxBodyBytes: number;
  heartbeatMs: number;
  drainTimeoutMs: number;
}

/** More names than a header should carry: a body full of unknown fields gets the first ones. */
const MAX_IGNORED_FIELDS = 50;
/** Of the name of an ignored field so much is told: clients read no more than some KiB of headers. */
const MAX_IGNORED_NAME = 80;

const NO_FILES: ReadonlySet<string> = new Set();

/** One request on its way through the facade. */
interface Exchange<Context> {
  operation: CompiledOperation<Context>;
  request: Request;
  response: Response;
  requestId: string;
  context: Context;
  bound: BoundRequest;
}

/**
 * The shape that express-openapi-validator reads and changes. `query` is an accessor of the prototype because the
 * package puts an own property back as it was, and its coercions would be lost.
 */
class Probe {
  body: unknown;
  openapi?: object;
  headers: Request['headers'];
  originalUrl: string;
  path: string;
  method: string;
  params: Record<string, string>;
  #query: Record<string, unknown>;

  constructor(
    request: Request,
    template: string,
    params: Record<string, string>,
    query: Record<string, unknown>,
  ) {
    this.headers = request.headers;
    this.originalUrl = request.originalUrl;
    this.path = template;
    this.method = request.method === 'HEAD' ? 'GET' : request.method;
    this.params = params;
    this.#query = query;
  }

  get query(): Record<string, unknown> {
    return this.#query;
  }
}

function queryOf(url: string): Record<string, unknown> {
  const mark = url.indexOf('?');
  return mark === -1 ? {} : { ...parseQuery(url.slice(mark + 1)) };
}

/** Runs REST operations: authenticate, read, validate, bind, execute, answer. */
export class OperationHandler<Context> {
  constructor(private readonly dependencies: HandlerDependencies<Context>) {}

  /** @throws whatever refuses the request; the caller answers it */
  async handle(
    operation: CompiledOperation<Context>,
    params: Record<string, string>,
    request: Request,
    response: Response,
  ): Promise<void> {
    const requestId = requestIdOf(request, response);
    // First of all: who may not ask need not be told what is wrong with the body, nor have it stored.
    const context = await this.dependencies.createContext(request, {
      requestId,
      public: operation.rule.public === true,
    });
    const files: UploadedFile[] = [];
    try {
      const bound = await this.read(operation, params, request, files);
      await this.run({ operation, request, response, requestId, context, bound });
    } finally {
      await this.removeFiles(files);
    }
  }

  private async removeFiles(files: UploadedFile[]): Promise<void> {
    for (const file of files) {
      await rm(file.path, { force: true }).catch((error: unknown) => {
        this.dependencies.logger.warn({ err: error }, 'temporary upload could not be removed');
      });
    }
  }

  private async read(
    operation: CompiledOperation<Context>,
    params: Record<string, string>,
    request: Request,
    files: UploadedFile[],
  ): Promise<BoundRequest> {
    const probe = new Probe(request, operation.template, params, queryOf(request.originalUrl));
    const route = { template: operation.template, method: operation.method };
    const raw =
      operation.mediaTypes.size > 0 ? await this.readBody(operation, request, probe, files) : undefined;
    await this.dependencies.validation.validate(route, probe as unknown as Request);
    const { query, body } = probe;
    return { path: probe.params, query, headers: request.headers, body, files, raw };
  }

  private async readBody(
    operation: CompiledOperation<Context>,
    request: Request,
    probe: Probe,
    files: UploadedFile[],
  ): Promise<string | undefined> {
    const mediaType = mediaTypeOf(request.headers['content-type']);
    const hasBody =
      request.headers['transfer-encoding'] !== undefined ||
      Number(request.headers['content-length'] ?? 0) > 0;
    if (!hasBody && !operation.bodyRequired) {
      probe.headers = { ...request.headers, 'content-type': undefined };
      return undefined;
    }
    if (!hasBody) throw new DomainError('bad_request', 'The body is missing.');
    this.checkMediaType(operation, request, mediaType);
    // The package keeps a compiled validator for every spelling of the header; callers must not fill its memory.
    if (mediaType !== 'multipart/form-data')
      probe.headers = { ...request.headers, 'content-type': mediaType };
    const coerce = operation.mediaTypes.get(mediaType);
    if (mediaType === 'multipart/form-data') {
      await this.readForm(request, probe, files);
      probe.body = coerce!(probe.body, new Set(files.map((file) => file.fieldName)));
      return undefined;
    }
    const bytes = await readBody(request, operation.rule.maxBodyBytes ?? this.dependencies.maxBodyBytes);
    const parsed = coerce ? parseUrlEncodedBody(bytes) : parseJsonBody(bytes);
    probe.body = coerce ? coerce(parsed.value, NO_FILES) : parsed.value;
    return parsed.raw;
  }

  private checkMediaType(operation: CompiledOperation<Context>, request: Request, mediaType: string): void {
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      throw new DomainError(
        'unsupported_media_type',
        `Content-Encoding ${encoding} is not supported; send the body as it is.`,
      );
    }
    if (operation.mediaTypes.has(mediaType)) return;
    const accepted = [...operation.mediaTypes.keys()].join(', ');
    const given = mediaType === '' ? 'A body without Content-Type' : `Content-Type ${mediaType}`;
    throw new DomainError('unsupported_media_type', `${given} is not supported here; send ${accepted}.`);
  }

  private async readForm(request: Request, probe: Probe, files: UploadedFile[]): Promise<void> {
    const form = await readMultipart(request, this.dependencies.uploads);
    files.push(...form.files);
    probe.body = form.fields;
    probe.headers = { ...request.headers, 'content-type': 'multipart/form-data' };
  }

  private async run(exchange: Exchange<Context>): Promise<void> {
    const { operation, request, response, bound } = exchange;
    if (operation.follow) return this.follow(exchange, operation.follow);
    const key = operation.rule.idempotent
      ? readIdempotencyKey(request.headers['idempotency-key'])
      : undefined;
    if (operation.stream?.wantsStream(bound.body, bound.query))
      return this.startStream(exchange, operation.stream, key);
    if (operation.sendBinary) {
      const data = await this.execute(exchange, operation.call!);
      return operation.sendBinary(data, request, response, exchange.context);
    }
    const answer =
      key === undefined
        ? await this.answer(exchange)
        : await this.once(exchange, key, (named) => this.answer(named));
    this.checkResponse(exchange, answer);
    sendAnswer(request, response, answer);
  }

  private once(
    exchange: Exchange<Context>,
    key: string,
    work: (exchange: Exchange<Context>) => Promise<Answer>,
  ): Promise<Answer> {
    const { request, bound, context } = exchange;
    const principalKey = this.dependencies.principalKey(context);
    const body = bound.raw ?? JSON.stringify(bound.body) ?? '';
    const { method, originalUrl: url } = request;
    const once = { principalKey, key, method, url, body, files: bound.files };
    const { idempotencyStore, logger, withOperation } = this.dependencies;
    const run = (operationId: string): Promise<Answer> =>
      work({ ...exchange, context: withOperation?.(context, operationId) ?? context });
    return runOnce(idempotencyStore, once, run, logger);
  }

  private async answer(exchange: Exchange<Context>): Promise<Answer> {
    const { operation, request, bound } = exchange;
    const data = await this.executeSteps(exchange);
    return operation.answer!(data, { url: request.originalUrl, params: bound.path, query: bound.query });
  }

  private async executeSteps(exchange: Exchange<Context>): Promise<unknown> {
    const { call, stream } = exchange.operation;
    if (call) return this.execute(exchange, call);
    const start = await this.execute(exchange, stream!.start);
    return this.execute({ ...exchange, bound: { ...exchange.bound, start } }, stream!.wait!);
  }

  private async execute(exchange: Exchange<Context>, { operation, bind }: Call): Promise<unknown> {
    const variables = this.variables(exchange, bind);
    return dataOf(await this.dependencies.executor.execute(operation, variables, exchange.context));
  }

  /** Binds the variables; fields that nothing takes are named to the caller, so that a typo is seen. */
  private variables({ bound, response }: Exchange<Context>, bind: Call['bind']): Record<string, unknown> {
    const ignored: string[] = [];
    const variables = bind(bound, ignored);
    if (ignored.length > 0 && bound.start === undefined) {
      const names = ignored
        .slice(0, MAX_IGNORED_FIELDS)
        .map((name) => name.slice(0, MAX_IGNORED_NAME).replace(/[^\x21-\x2b\x2d-\x7e]/g, '?'));
      response.setHeader('AgentFlow-Ignored-Fields', names.join(', '));
    }
    return variables;
  }

  private async startStream(
    exchange: Exchange<Context>,
    stream: CompiledStream,
    key: string | undefined,
  ): Promise<void> {
    const start =
      key === undefined
        ? await this.execute(exchange, stream.start)
        : await this.startOnce(exchange, stream, key);
    const followed = { ...exchange, bound: { ...exchange.bound, start } };
    const variables = this.variables(followed, stream.follow.bind);
    // The run is durable now: the client gets its headers before the first event exists.
    const events = this.open(exchange);
    await this.render(followed, stream.follow, events, () =>
      this.dependencies.executor.subscribe(stream.follow.operation, variables, exchange.context),
    );
  }

  /** A stream cannot be kept; what is kept for its key is what began it, so that a retry gets the same one from its start. */
  private async startOnce(
    exchange: Exchange<Context>,
    stream: CompiledStream,
    key: string,
  ): Promise<unknown> {
    const answer = await this.once(exchange, key, async (named) => ({
      status: 200,
      headers: {},
      body: JSON.stringify(await this.execute(named, stream.start)),
    }));
    if (answer.headers['Idempotent-Replayed'] !== undefined)
      exchange.response.setHeader('Idempotent-Replayed', 'true');
    return JSON.parse(answer.body ?? 'null');
  }

  private async follow(exchange: Exchange<Context>, follow: Follow): Promise<void> {
    if (exchange.request.method === 'HEAD') {
      exchange.response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' }).end();
      return;
    }
    const variables = this.variables(exchange, follow.bind);
    const source = await this.dependencies.executor.subscribe(follow.operation, variables, exchange.context);
    if (!isAsyncIterable(source)) {
      dataOf(source);
      throw new Error(`${follow.operation.name} gave neither a stream nor an error.`);
    }
    await this.render(exchange, follow, this.open(exchange), () => source);
  }

  private open({ response, context }: Exchange<Context>): EventStream {
    const { heartbeatMs, drainTimeoutMs, logger, streams } = this.dependencies;
    const expiresAt = this.dependencies.expiresAt?.(context);
    const stream = new EventStream(response, { heartbeatMs, drainTimeoutMs, expiresAt, logger });
    streams.add(stream);
    return stream;
  }

  private async render(
    exchange: Exchange<Context>,
    follow: Follow,
    events: EventStream,
    subscribe: () =>
      Promise<AsyncIterable<ExecutionResult> | ExecutionResult> | AsyncIterable<ExecutionResult>,
  ): Promise<void> {
    try {
      const source = await subscribe();
      if (isAsyncIterable(source)) await pump(source, events, (result) => renderEvent(follow, result));
      else dataOf(source);
    } catch (error) {
      await events.send(
        undefined,
        errorEvent(toRefusal(error, exchange.requestId, this.dependencies.logger).problem),
      );
    }
    events.end();
  }

  private checkResponse(exchange: Exchange<Context>, answer: Answer): void {
    const { responseValidation } = this.dependencies;
    if (!responseValidation || answer.value === undefined) return;
    const { template, method } = exchange.operation;
    const findings = responseValidation.check(template, method, answer.status, answer.value);
    if (findings.length === 0) return;
    throw new Error(
      `The answer of ${method} ${template} does not fit the OpenAPI document: ${findings.join('; ')}.`,
    );
  }
}

const isAsyncIterable = (value: object): value is AsyncIterable<ExecutionResult> =>
  Symbol.asyncIterator in value;

function renderEvent(follow: Follow, result: ExecutionResult): { id: string | undefined; data: unknown } {
  const data = dataOf(result);
  const id = follow.readId(data);
  return {
    id: id === null || id === undefined ? undefined : textOf(id).replace(/[\r\n\0]/g, ''),
    data: follow.convert(follow.read(data)),
  };
}

/** Failures that may not happen again when the same request is made later. */
const RETRYABLE_STATUS = new Set([429, 500, 502, 503, 504]);

function errorEvent(problem: { code: string; detail: string; status: number; request_id: string }): object {
  return {
    type: 'error',
    content: {
      code: problem.code,
      message: problem.detail,
      retryable: RETRYABLE_STATUS.has(problem.status),
      request_id: problem.request_id,
    },
    timestamp: new Date().toISOString(),
  };
}
