import { DomainError, ERROR_STATUS, type ErrorCode } from '../errors';
import type { RunRecord } from '../ports/records';
import type { RunFailure } from './events';

const isErrorCode = (code: unknown): code is ErrorCode => typeof code === 'string' && code in ERROR_STATUS;

/** The error of a failed run as callers that wait for the run get it; it names the run, which is kept. */
export function failureOf(run: RunRecord): DomainError {
  const { code, message, retryable } = (run.error ?? {}) as Partial<RunFailure>;
  return new DomainError(isErrorCode(code) ? code : 'internal_error', message ?? `Run ${run.id} failed.`, {
    extra: {
      run_id: run.id,
      call_id: run.callId,
      conversation_id: run.conversationId,
      retryable: retryable ?? false,
    },
  });
}
