import { DomainError, type ErrorCode } from '../../errors';
import type { ParseFailureReason } from '../types';

const CODES: Partial<Record<ParseFailureReason, ErrorCode>> = { unsupported: 'unsupported_media_type' };

/** A file that gave no text, and why: 415 when its format is not one we read, else 422. */
export class ParseFailure extends DomainError {
  constructor(
    readonly reason: ParseFailureReason,
    message: string,
    /** What the bytes are, as far as that was found out. */
    readonly contentType: string | null = null,
    cause?: unknown,
  ) {
    super(CODES[reason] ?? 'validation_failed', message, { extra: { reason }, cause });
    this.name = 'ParseFailure';
  }
}
