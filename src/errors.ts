/** One machine-readable complaint about one input value; `path` is dotted (`messages.0.role`, `query.limit`). */
export interface FieldError {
  path: string;
  message: string;
}

/**
 * Every code a client can meet, with the HTTP status that carries it. Codes are stable: clients switch on them.
 * The REST facade answers the status; GraphQL puts `code` and `status` into `extensions`.
 */
export const ERROR_STATUS = {
  bad_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  model_not_allowed: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  conversation_busy: 409,
  message_id_reused: 409,
  idempotency_mismatch: 409,
  idempotency_in_flight: 409,
  connector_not_configured: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  validation_failed: 422,
  output_invalid: 422,
  rate_limited: 429,
  budget_exceeded: 429,
  cancelled: 409,
  internal_error: 500,
  provider_error: 502,
  database_unavailable: 503,
  not_ready: 503,
  overloaded: 503,
  storage_full: 503,
  provider_timeout: 504,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface ErrorDetails {
  /** One entry for each offending input value. */
  errors?: FieldError[];
  /** How long the caller should wait before the next attempt; becomes `Retry-After`. */
  retryAfterMs?: number;
  /** Further facts for the client, already in wire form (snake_case). Never secrets. */
  extra?: Record<string, unknown>;
  cause?: unknown;
}

/** An error that clients may see: the message names the thing, its state and the next step, and holds no secrets. */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'DomainError';
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

export const notFound = (what: string, id: string): DomainError =>
  new DomainError('not_found', `${what} ${id} does not exist.`);

/** Input that fails its schema: one `errors` entry for each value. */
export const invalid = (path: string, message: string): DomainError => invalidFields([{ path, message }]);

/** The same of several values, at least one; the message is the first one's. */
export function invalidFields(errors: FieldError[], cause?: unknown): DomainError {
  const { path, message } = errors[0]!;
  return new DomainError('validation_failed', `${path}: ${message}`, { errors, cause });
}

/** @throws DomainError `validation_failed` with every entry, if there is one */
export function throwIfInvalid(errors: FieldError[]): void {
  if (errors.length > 0) throw invalidFields(errors);
}

/** For `catch`: what does not exist is null; any other error goes on. */
export function nullIfNotFound(error: unknown): null {
  if (error instanceof DomainError && error.code === 'not_found') return null;
  throw error;
}

/** An error of bad input whose fields are part of another one. */
export function withinField(error: unknown, field: string): unknown {
  if (!(error instanceof DomainError) || error.code !== 'validation_failed') return error;
  const errors = (error.details.errors ?? []).map(({ path, message }) => ({
    path: `${field}.${path}`,
    message,
  }));
  return errors.length > 0 ? invalidFields(errors, error) : error;
}
