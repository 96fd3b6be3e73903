import { DomainError } from '../../errors';
import type { FinishReason } from '../../ports/models';
import { type Problem, readProblem } from './problem';

/** A refused call: what was said about it, and how. */
interface ProviderFailure extends Problem {
  status: number;
  headers: Headers | undefined;
}

const MS_PER_SECOND = 1000;

/** The outcome of one failed attempt: the error for the caller, and whether another attempt makes sense. */
export interface Failure {
  error: DomainError;
  retryable: boolean;
}

export interface CallContext {
  provider: string;
  /** Model id after the slash. */
  model: string;
  /** Milliseconds since the epoch, for `Retry-After` dates. */
  nowMs: number;
}

export const httpFailure = (cause: unknown, context: CallContext): Failure =>
  failureOf(readFailure(cause), context);

function failureOf(failure: ProviderFailure, context: CallContext): Failure {
  const { provider, model } = context;
  const told = failure.message ? ` (${failure.message})` : '';
  const base = {
    provider,
    provider_status: failure.status,
    ...(failure.code ? { provider_code: failure.code } : {}),
  };
  switch (failure.status) {
    case 401:
    case 403:
      return final(
        'provider_error',
        `The provider ${provider} refused the API key or its rights for ${model}.`,
        base,
      );
    case 404:
      return refused('model', `The provider ${provider} has no model ${model}${told}.`, base);
    case 400:
    case 413:
    case 422:
      return refused(refusedField(failure), `The provider ${provider} refused the request${told}.`, base);
    case 429:
      return rateLimited(failure, context, base);
    default: {
      const retryable = shouldRetry(failure);
      const message = `The provider ${provider} answered ${failure.status} for ${model}${told}.`;
      const retryAfterMs = retryAfter(failure.headers, context.nowMs);
      const error = new DomainError('provider_error', message, {
        retryAfterMs,
        extra: { ...base, retryable },
      });
      return { error, retryable };
    }
  }
}

/** No answer at all: refused connection, reset, name not found, TLS failure. */
export function connectionFailure(cause: unknown, context: CallContext): Failure {
  const code = errorCode(cause);
  const message = `The provider ${context.provider} cannot be reached${code ? ` (${code})` : ''}.`;
  const extra = { provider: context.provider, retryable: true };
  return { error: new DomainError('provider_error', message, { extra, cause }), retryable: true };
}

export function timeoutFailure(
  phase: 'first byte' | 'next chunk',
  limitMs: number,
  context: CallContext,
): Failure {
  const message = `The provider ${context.provider} sent no ${phase} for ${context.model} within ${limitMs} ms.`;
  const extra = { provider: context.provider, retryable: true };
  return { error: new DomainError('provider_timeout', message, { extra }), retryable: true };
}

/** A stream that broke or made no sense: worth another try, which is the caller's to decide once text was delivered. */
export function streamFailure(what: string, context: CallContext, cause?: unknown): Failure {
  const message = `The answer of the provider ${context.provider} for ${context.model} ${what}.`;
  const extra = { provider: context.provider, retryable: true };
  return { error: new DomainError('provider_error', message, { extra, cause }), retryable: true };
}

/** An answer that is whole and not what was asked for: asking again would give the same. */
export function answerFailure(what: string, context: CallContext): Failure {
  const message = `The answer of the provider ${context.provider} for ${context.model} ${what}.`;
  return final('provider_error', message, { provider: context.provider });
}

/** An error inside a 200 answer, in whatever shape: a status that it names counts like one of HTTP. */
export function streamedFailure(body: unknown, context: CallContext): Failure {
  const { status, code, message } = readProblem(body);
  if (status !== undefined) return failureOf({ status, code, message, headers: undefined }, context);
  return streamFailure(`ended with an error${message ? ` (${message})` : ''}`, context);
}

/** An answer with neither text nor calls. Another attempt helps unless the endpoint had a reason that stays. */
export function emptyFailure(
  finish: string | undefined,
  reason: FinishReason,
  context: CallContext,
): Failure {
  const why =
    reason === 'length'
      ? 'its tokens were used up before it wrote any text; allow more of them (max_tokens)'
      : reason === 'content_filter'
        ? 'a content filter withheld it'
        : `it holds neither text nor a tool call${finish ? ` (${finish})` : ''}`;
  const message = `The answer of the provider ${context.provider} for ${context.model} is empty: ${why}.`;
  const retryable = reason !== 'length' && reason !== 'content_filter';
  const extra = { provider: context.provider, retryable };
  return { error: new DomainError('provider_error', message, { extra }), retryable };
}

/**
 * Milliseconds from `retry-after-ms`, or from `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3).
 * @returns undefined when neither header holds a sensible value
 */
export function retryAfter(headers: Headers | undefined, nowMs: number): number | undefined {
  const precise = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (Number.isFinite(precise) && precise >= 0) return Math.ceil(precise);
  const value = headers?.get('retry-after')?.trim();
  if (!value) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * MS_PER_SECOND);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function rateLimited(failure: ProviderFailure, context: CallContext, base: Record<string, unknown>): Failure {
  const { provider, nowMs } = context;
  // An empty account stays empty however often it is asked.
  const exhausted = failure.code === 'insufficient_quota' || failure.code === 'billing_hard_limit_reached';
  const message = exhausted
    ? `The quota of the provider ${provider}'s account is used up; check its plan and billing.`
    : `The provider ${provider} limits the rate of calls for ${context.model}; try again later.`;
  const retryAfterMs = retryAfter(failure.headers, nowMs);
  const error = new DomainError('rate_limited', message, {
    retryAfterMs,
    extra: { ...base, retryable: !exhausted },
  });
  return { error, retryable: !exhausted && failure.headers?.get('x-should-retry') !== 'false' };
}

function final(code: 'provider_error', message: string, base: Record<string, unknown>): Failure {
  return {
    error: new DomainError(code, message, { extra: { ...base, retryable: false } }),
    retryable: false,
  };
}

function refused(path: string, message: string, base: Record<string, unknown>): Failure {
  const details = { errors: [{ path, message }], extra: { ...base, retryable: false } };
  return { error: new DomainError('validation_failed', message, details), retryable: false };
}

/** The documented way for the endpoint to say so itself, else every 5xx, request time-outs and lock conflicts. */
function shouldRetry(failure: ProviderFailure): boolean {
  const said = failure.headers?.get('x-should-retry');
  if (said === 'true' || said === 'false') return said === 'true';
  return failure.status >= 500 || failure.status === 408 || failure.status === 409;
}

const refusedField = (failure: ProviderFailure): string =>
  failure.code === 'model_not_found'
    ? 'model'
    : failure.code === 'context_length_exceeded'
      ? 'messages'
      : 'request';

function readFailure(cause: unknown): ProviderFailure {
  const error = cause as { status?: unknown; headers?: unknown; error?: unknown };
  const headers = error.headers instanceof Headers ? error.headers : undefined;
  return { ...readProblem(error.error), status: Number(error.status), headers };
}

function errorCode(cause: unknown): string | undefined {
  for (let error = cause as { code?: unknown; cause?: unknown } | undefined; error;) {
    if (typeof error.code === 'string') return error.code;
    error = error.cause as typeof error;
  }
  return undefined;
}
