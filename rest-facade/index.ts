import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type Request, type Response, type Router } from 'express';
import type { GraphQLSchema } from 'graphql';
import { DomainError } from '../src/errors';
import type { IdempotencyStore } from '../src/ports/idempotency';
import type { Logger } from '../src/ports/logger';
import { bundleOpenApi, publicDocument } from './bundle';
import { prepareOperations, readOperationTexts } from './documents';
import { OpenStreams } from './event-stream';
import { OperationHandler } from './handler';
import { compileOperations, type CompiledOperation } from './operation';
import { sendRefusal, toRefusal } from './problem';
import { requestIdOf } from './request-id';
import { RouteTable } from './routes';
import {
  FacadeError,
  type ContextFactory,
  type Executor,
  type OpenApiDocument,
  type OpenBinary,
} from './types';
import { RequestValidation, ResponseValidation, validateDocument } from './validate';

export { readBody } from './body';
export { bundleOpenApi, publicDocument, writeOpenApi } from './bundle';
export { prepareOperations, readOperationTexts } from './documents';
export { sendRefusal, toRefusal } from './problem';
export { requestIdOf } from './request-id';
export * from './types';

const MEBIBYTE = 1024 * 1024;

export interface RestFacadeOptions {
  /** Largest JSON or url-encoded body in bytes. Default 10 MiB. */
  maxBodyBytes?: number;
  /** Largest uploaded file in bytes. Default 50 MiB. */
  maxFileBytes?: number;
  /** Files in one upload. Default 100. */
  maxFiles?: number;
  /** Largest upload as a whole in bytes. Default 1 GiB. */
  maxUploadBytes?: number;
  /** Folder for uploads in transit. Default: `agentflow-uploads` in the system's temporary folder. */
  uploadDirectory?: string;
  /** Milliseconds between heartbeat comments on event streams. Default 15,000. */
  heartbeatMs?: number;
  /** Milliseconds until a stream's reader that takes nothing is cut off. Default 30,000. */
  drainTimeoutMs?: number;
  /** For tests: an answer that does not fit the document becomes a 500 that is logged with its findings. Default false. */
  validateResponses?: boolean;
  /** Checks the document against the OpenAPI 3.1 schema at start. Default true. */
  validateDocument?: boolean;
}

export interface RestFacadeInput<Context> {
  schema: GraphQLSchema;
  executor: Executor<Context>;
  createContext: ContextFactory<Context>;
  /** Names tenant and user of a context, for idempotency keys: `acme/user-1`. */
  principalKey: (context: Context) => string;
  /** When the caller's token ends: milliseconds since 1970; undefined: never. */
  expiresAt?: (context: Context) => number | undefined;
  idempotencyStore: IdempotencyStore;
  /** The context of a request that may be tried again: what it makes has this id. */
  withOperation?: (context: Context, operationId: string) => Context;
  logger: Logger;
  /** Opens what a binary answer points at. */
  openBinary?: OpenBinary<Context>;
  /** Default: `rest-facade/openapi` beside the sources. */
  openapiDir?: string;
  /** Default: `rest-facade/operations` beside the sources. */
  operationsDir?: string;
  options?: RestFacadeOptions;
}

export interface RestFacade {
  /** Answers every path of the document, and everything else below `/api` with 404; other paths go on. */
  router: Router;
  /** The document as clients see it. */
  openapi: OpenApiDocument;
  /**
   * Compiles every validator ahead of its first request, which is faster for it, and finds schemas that cannot be compiled.
   * @throws FacadeError with every finding
   */
  warmUp(): Promise<void>;
  /** Ends open event streams with a hint to reconnect; the runs behind them go on. */
  endStreams(): void;
  /** Event streams that are open now. */
  openStreams(): number;
}

/**
 * A folder beside this file, or beside the sources when this is the compiled file (`dist/rest-facade`) and the build did
 * not copy it.
 */
function besideSources(name: string): string {
  const beside = join(__dirname, name);
  return existsSync(beside) ? beside : join(__dirname, '..', '..', 'rest-facade', name);
}

function routeTable<Context>(compiled: CompiledOperation<Context>[]): RouteTable<CompiledOperation<Context>> {
  const table = new RouteTable<CompiledOperation<Context>>();
  const findings: string[] = [];
  for (const operation of compiled) {
    try {
      table.add(operation.method, operation.template, operation);
    } catch (error) {
      findings.push((error as Error).message);
    }
  }
  if (findings.length > 0) throw new FacadeError(findings);
  return table;
}

/**
 * Builds the REST facade: every OpenAPI operation bound to a GraphQL operation, all of it compiled and checked here.
 * @throws FacadeError with every finding
 */
export function createRestFacade<Context>(input: RestFacadeInput<Context>): RestFacade {
  const { schema, executor, createContext, principalKey, idempotencyStore, logger, options = {} } = input;
  const bundle = bundleOpenApi(input.openapiDir ?? besideSources('openapi'));
  const operations = prepareOperations(
    schema,
    readOperationTexts(input.operationsDir ?? besideSources('operations')),
  );
  const { document } = bundle;
  if (options.validateDocument ?? true) validateDocument(document);
  const { compiled, findings } = compileOperations({
    schema,
    document,
    operations,
    openBinary: input.openBinary,
  });
  if (findings.length > 0) throw new FacadeError(findings);

  const uploadDirectory = options.uploadDirectory ?? join(tmpdir(), 'agentflow-uploads');
  mkdirSync(uploadDirectory, { recursive: true, mode: 0o700 });
  const streams = new OpenStreams();
  const validation = new RequestValidation(bundle);
  const handler = new OperationHandler<Context>({
    executor,
    createContext,
    principalKey,
    expiresAt: input.expiresAt,
    idempotencyStore,
    withOperation: input.withOperation,
    logger,
    validation,
    uploads: {
      directory: uploadDirectory,
      maxFileBytes: options.maxFileBytes ?? 50 * MEBIBYTE,
      maxFiles: options.maxFiles ?? 100,
      maxTotalBytes: options.maxUploadBytes ?? 1024 * MEBIBYTE,
    },
    responseValidation: options.validateResponses ? new ResponseValidation(document) : undefined,
    streams,
    maxBodyBytes: options.maxBodyBytes ?? 10 * MEBIBYTE,
    heartbeatMs: options.heartbeatMs ?? 15_000,
    drainTimeoutMs: options.drainTimeoutMs ?? 30_000,
  });
  return {
    router: createRouter(routeTable(compiled), handler, logger),
    openapi: publicDocument(document),
    warmUp: () => warmUp(compiled, validation),
    endStreams: () => streams.endAll(),
    openStreams: () => streams.size,
  };
}

async function warmUp<Context>(
  compiled: CompiledOperation<Context>[],
  validation: RequestValidation,
): Promise<void> {
  const findings: string[] = [];
  for (const { template, method, mediaTypes } of compiled) {
    try {
      await validation.prepare({ template, method }, [...mediaTypes.keys()]);
    } catch (error) {
      findings.push(`${method} ${template}: ${(error as Error).message}`);
    }
    // Requests that came in the meantime go first.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (findings.length > 0) throw new FacadeError(findings);
}

function createRouter<Context>(
  table: RouteTable<CompiledOperation<Context>>,
  handler: OperationHandler<Context>,
  logger: Logger,
): Router {
  const router = express.Router();
  router.use((request, response, next) => {
    void route(request, response)
      .catch((error: unknown) => {
        sendRefusal(
          response,
          toRefusal(error, requestIdOf(request, response), logger),
          request.method === 'HEAD',
        );
        return true;
      })
      .then((answered) => (answered ? undefined : next()));
  });
  return router;

  async function route(request: Request, response: Response): Promise<boolean> {
    requestIdOf(request, response);
    const { path } = request;
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const match = table.find(method, path);
    if (match) {
      response.locals.route = match.value.template;
      await handler.handle(match.value, match.params, request, response);
      return true;
    }
    return refuseUnrouted(table.allowed(path), request, response);
  }
}

/** @returns false when the path is none of the facade's */
function refuseUnrouted(allowed: string[], request: Request, response: Response): boolean {
  if (allowed.length === 0) {
    if (!/^\/api(\/|$)/.test(request.path)) return false;
    throw new DomainError('not_found', `There is nothing at ${request.path}.`);
  }
  response.setHeader('Allow', allowed.join(', '));
  if (request.method !== 'OPTIONS') {
    throw new DomainError(
      'method_not_allowed',
      `${request.method} is not allowed at ${request.path}; use ${allowed.join(', ')}.`,
    );
  }
  response.writeHead(204).end();
  return true;
}
