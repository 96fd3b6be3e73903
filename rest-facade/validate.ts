import type { NextFunction, Request, RequestHandler, Response } from 'express';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import * as OpenApiValidator from 'express-openapi-validator';
import { OpenAPISchemaValidator } from 'express-openapi-validator/dist/framework/openapi.schema.validator';
import { DomainError, type FieldError } from '../src/errors';
import { sliceDocument, type Bundle } from './bundle';
import { FacadeError, type JsonTree, type OpenApiDocument } from './types';

/** What the validator needs to know of a request's route; it puts coerced values back into the request. */
export interface ValidatedRoute {
  template: string;
  /** Upper case. */
  method: string;
}

interface GroupValidator {
  metadata: RequestHandler;
  request: RequestHandler;
  /** `GET /path/{id}` -> what the package found for it. */
  known: Map<string, object>;
}

/** Sorted in the order in which the package runs them; names are how it labels its own middleware. */
function pick(handlers: RequestHandler[], name: string): RequestHandler {
  const handler = handlers.find((candidate) => candidate.name === name);
  if (!handler)
    throw new Error(
      `express-openapi-validator has no ${name}; its version is not the one this was built for.`,
    );
  return handler;
}

const run = (handler: RequestHandler, request: Request): Promise<void> =>
  new Promise((resolve, reject) => {
    const next = (error?: Error): void => (error ? reject(error) : resolve());
    void handler(request, {} as Response, next as NextFunction);
  });

/**
 * express-openapi-validator, with two costs removed by configuration.
 * - The package finds a request's route by compiling a pattern for each path of the document, on each request (a
 *   millisecond at 180 paths). The facade has routed already, so the package is asked once for each operation and its
 *   answer is kept.
 * - The package hands the whole document to AJV for each operation. One instance for each group with only the components
 *   that it reaches keeps a first request short.
 */
export class RequestValidation {
  private readonly groups = new Map<string, GroupValidator>();

  constructor(private readonly bundle: Bundle) {}

  private group(template: string): GroupValidator {
    const name = this.bundle.groupOf.get(template)!;
    const known = this.groups.get(name);
    if (known) return known;
    const paths = new Set(
      [...this.bundle.groupOf].filter(([, group]) => group === name).map(([path]) => path),
    );
    const created = this.create(sliceDocument(this.bundle.document, paths));
    this.groups.set(name, created);
    return created;
  }

  private create(document: OpenApiDocument): GroupValidator {
    const handlers = OpenApiValidator.middleware({
      apiSpec: withFreeQueries(document) as never,
      validateApiSpec: false,
      validateSecurity: false,
      validateResponses: false,
      validateRequests: { allowUnknownQueryParameters: true, coerceTypes: false, allErrors: true },
      // The facade reads forms itself, with a limit on everything that a client can repeat.
      fileUploader: false,
    }) as unknown as RequestHandler[];
    return {
      metadata: pick(handlers, 'metadataMiddleware'),
      request: pick(handlers, 'requestMiddleware'),
      known: new Map(),
    };
  }

  /** Attaches what the package knows of the route to the request. */
  private async describe(group: GroupValidator, route: ValidatedRoute, request: Request): Promise<void> {
    const key = `${route.method} ${route.template}`;
    let known = group.known.get(key);
    if (!known) {
      known = await lookUp(group.metadata, route);
      group.known.set(key, known);
    }
    (request as { openapi?: object }).openapi = { ...known, pathParams: request.params };
  }

  /**
   * Compiles what the package would compile on an operation's first request.
   * @throws Error when a schema cannot be compiled: a pattern that is no regular expression, for instance
   */
  async prepare(route: ValidatedRoute, mediaTypes: string[]): Promise<void> {
    for (const mediaType of mediaTypes.length > 0 ? mediaTypes : [undefined]) {
      const probe = Object.create({ query: {} }) as Request;
      const headers = { 'content-type': mediaType };
      Object.assign(probe, {
        headers,
        originalUrl: route.template,
        path: route.template,
        method: route.method,
        params: {},
      });
      await this.validate(route, probe).catch((error: unknown) => {
        // An empty request is mostly invalid, which is what the compiled validator is there to say.
        if (!(error instanceof DomainError)) throw error;
      });
    }
  }

  /** Checks path, query, headers and body, coercing path and query only. @throws DomainError `validation_failed` with every finding */
  async validate(route: ValidatedRoute, request: Request): Promise<void> {
    const group = this.group(route.template);
    await this.describe(group, route, request);
    await run(group.request, request).catch((error: unknown) => {
      throw validationError(error);
    });
  }
}

async function lookUp(metadata: RequestHandler, route: ValidatedRoute): Promise<object> {
  // The template itself is a path that its own pattern matches.
  const probe = {
    method: route.method,
    path: route.template,
    baseUrl: '',
    originalUrl: encodeURI(route.template),
    app: { enabled: () => false },
  } as unknown as Request;
  await run(metadata, probe);
  const found = (probe as { openapi?: { openApiRoute: string } }).openapi;
  if (found?.openApiRoute !== route.template)
    throw new Error(`The validator does not know ${route.method} ${route.template}.`);
  return found;
}

/** A body is optional unless its description says otherwise; the package wants that said. */
const withOptionalBody = (operation: JsonTree): JsonTree =>
  operation?.requestBody
    ? { ...operation, requestBody: { required: false, ...(operation.requestBody as object) } }
    : operation;

/** Reserved characters (`cursor=a==`, times with `:`) are fine in a query: the package would refuse them unescaped. */
function withFreeQueries(document: OpenApiDocument): OpenApiDocument {
  const free = (parameter: JsonTree): JsonTree =>
    parameter?.in === 'query' ? { allowReserved: true, ...parameter } : parameter;
  const paths = Object.fromEntries(
    Object.entries(document.paths).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([key, value]) => [
          key,
          key === 'parameters'
            ? (value as JsonTree[]).map(free)
            : withOptionalBody(
                value?.parameters
                  ? { ...value, parameters: (value.parameters as JsonTree[]).map(free) }
                  : value,
              ),
        ]),
      ),
    ]),
  );
  const parameters = Object.fromEntries(
    Object.entries(document.components.parameters ?? {}).map(([name, parameter]) => [name, free(parameter)]),
  );
  return { ...document, paths, components: { ...document.components, parameters } };
}

interface PackageError {
  status?: number;
  message: string;
  errors?: { path: string; message: string; errorCode?: string }[];
}

/** `/body/messages/0/role` -> `messages.0.role`, `/query/limit` -> `query.limit`, `/params/id` -> `path.id`. */
function fieldPath(pointer: string): string {
  const parts = pointer
    .split('/')
    .filter((part) => part !== '')
    .map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));
  const [place, ...rest] = parts;
  if (place === 'body') return rest.length === 0 ? 'body' : rest.join('.');
  if (place === 'params') return ['path', ...rest].join('.');
  if (place === 'headers') return ['header', ...rest].join('.');
  return parts.join('.');
}

/** Findings that only say that one of the findings beside them made a combination fail. */
const isEcho = (code: string | undefined): boolean => /^(if|then|else)\./.test(code ?? '');

function validationError(error: unknown): unknown {
  const { status, errors, message } = error as PackageError;
  if (status === undefined || status >= 500) return error;
  if (status === 415) return new DomainError('unsupported_media_type', message);
  const seen = new Set<string>();
  const fields: FieldError[] = [];
  for (const finding of errors ?? []) {
    const field = { path: fieldPath(finding.path), message: finding.message };
    const key = `${field.path} ${field.message}`;
    if (isEcho(finding.errorCode) || seen.has(key)) continue;
    seen.add(key);
    fields.push(field);
  }
  const detail = fields.map((field) => `${field.path} ${field.message}`).join('; ') || message;
  return new DomainError('validation_failed', `The request does not fit its schema: ${detail}.`, {
    errors: fields,
  });
}

/** Checks the whole document against the OpenAPI 3.1 schema. @throws FacadeError with every finding */
export function validateDocument(document: OpenApiDocument): void {
  const { errors } = new OpenAPISchemaValidator({
    version: document.openapi,
    validateApiSpec: true,
  }).validate(document as never);
  const findings = (errors ?? []).map(
    (error) => `OpenAPI document: ${error.instancePath || '/'} ${error.message ?? 'is invalid'}.`,
  );
  if (findings.length > 0) throw new FacadeError([...new Set(findings)]);
}

/** For tests: checks answers against the document. */
export class ResponseValidation {
  private readonly ajv: Ajv2020;

  constructor(private readonly document: OpenApiDocument) {
    this.ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
    addFormats(this.ajv);
    this.ajv.addSchema(document, 'openapi');
  }

  /** @returns what is wrong with the answer; nothing when it fits */
  check(template: string, method: string, status: number, body: unknown): string[] {
    const pointer = (parts: string[]): string =>
      parts.map((part) => encodeURIComponent(part.replace(/~/g, '~0').replace(/\//g, '~1'))).join('/');
    const operation: JsonTree = this.document.paths[template]?.[method.toLowerCase()];
    const declared = operation?.responses?.[String(status)];
    if (!declared) return [`status ${status} is not declared`];
    if (declared.$ref || !declared.content?.['application/json']?.schema) return [];
    const parts = [
      'paths',
      template,
      method.toLowerCase(),
      'responses',
      String(status),
      'content',
      'application/json',
      'schema',
    ];
    const ref = `openapi#/${pointer(parts)}`;
    const validate = this.ajv.getSchema(ref) ?? this.ajv.compile({ $ref: ref });
    if (validate(JSON.parse(JSON.stringify(body)))) return [];
    return (validate.errors ?? []).map(
      (error) => `${error.instancePath || '/'} ${error.message ?? 'is invalid'}`,
    );
  }
}
