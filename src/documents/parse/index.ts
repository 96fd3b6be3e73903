import { DomainError } from '../../errors';
import type { FileInput, ParseFailureReason, ParsedDocument } from '../types';

/** A file that gave no text, and why; `unsupported_media_type` (415) when the format is not one we read, else 422. */
export class ParseFailure extends DomainError {
  constructor(
    readonly reason: ParseFailureReason,
    message: string,
    cause?: unknown,
  ) {
    super(codeOf(reason), message, { extra: { reason }, cause });
    this.name = 'ParseFailure';
  }
}

function codeOf(reason: ParseFailureReason): 'unsupported_media_type' | 'validation_failed' {
  return reason === 'unsupported' ? 'unsupported_media_type' : 'validation_failed';
}

export interface ParseOptions {
  /** Milliseconds; 60,000. */
  timeoutMs?: number;
  /** MiB of the worker's heap; 512. */
  memoryMb?: number;
  signal?: AbortSignal;
}

/** Reads files in a worker thread that is started when first needed and ends when idle. */
export interface DocumentParser {
  /**
   * @throws ParseFailure saying why there is no text
   * @throws the signal's reason when aborted
   */
  parse(input: FileInput, options?: ParseOptions): Promise<ParsedDocument>;
  /** Ends the worker. */
  close(): Promise<void>;
}
