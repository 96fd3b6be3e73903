import type { Document } from 'bson';

/** MongoDB error codes this server uses, by name (source: MongoDB's error_codes.yml). */
export const ErrorCode = {
  InternalError: 1,
  BadValue: 2,
  HostUnreachable: 6,
  FailedToParse: 9,
  Unauthorized: 13,
  TypeMismatch: 14,
  InvalidLength: 16,
  ProtocolError: 17,
  IllegalOperation: 20,
  NamespaceNotFound: 26,
  IndexNotFound: 27,
  CursorNotFound: 43,
  NamespaceExists: 48,
  MaxTimeMSExpired: 50,
  DollarPrefixedFieldName: 52,
  InvalidIdField: 53,
  CommandNotFound: 59,
  ImmutableField: 66,
  CannotCreateIndex: 67,
  InvalidOptions: 72,
  InvalidNamespace: 73,
  IndexOptionsConflict: 85,
  IndexKeySpecsConflict: 86,
  OperationFailed: 96,
  WriteConflict: 112,
  CommandNotSupported: 115,
  ConflictingOperationInProgress: 117,
  NotAReplicaSet: 123,
  CommandNotSupportedOnView: 166,
  CannotIndexParallelArrays: 171,
  NoSuchTransaction: 251,
  OperationNotSupportedInTransaction: 263,
  TooManyTransactions: 267,
  TransactionTooOld: 225,
  TransactionCommitted: 256,
  InterruptedAtShutdown: 11600,
  DuplicateKey: 11000,
  BSONObjectTooLarge: 10334,
  OutOfDiskSpace: 14031,
  MergeStageNoMatchingDocument: 13113,
  MissingField: 40414,
  UnknownField: 40415,
  ChangeStreamNeedsReplicaSet: 40573,
} as const;

export type ErrorName = keyof typeof ErrorCode;

/** Codes whose wire name differs from the key above. */
const WIRE_NAMES: Partial<Record<ErrorName, string>> = {
  MissingField: 'Location40414',
  UnknownField: 'Location40415',
  ChangeStreamNeedsReplicaSet: 'Location40573',
};

/** An error that reaches the client as `{ ok: 0, errmsg, code, codeName, ... }`. */
export class MongoCommandError extends Error {
  readonly code: number;
  readonly codeName: string;

  constructor(
    name: ErrorName,
    message: string,
    /** Extra members of the reply: `keyPattern`, `keyValue`, `errorLabels`, ... */
    readonly details: Document = {},
  ) {
    super(message);
    this.name = 'MongoCommandError';
    this.code = ErrorCode[name];
    this.codeName = WIRE_NAMES[name] ?? name;
  }
}

/** A transaction-level failure that `withTransaction` answers by running the whole transaction again. */
export function transientError(name: ErrorName, message: string): MongoCommandError {
  return new MongoCommandError(name, message, { errorLabels: ['TransientTransactionError'] });
}

interface CodedError {
  code: number;
  codeName: string;
  message: string;
  details?: Document;
}

/** True for MongoCommandError and for the query layer's QueryError, which share a shape but no class. */
export function isCodedError(error: unknown): error is CodedError {
  const candidate = error as Partial<CodedError> | null;
  return typeof candidate?.code === 'number' && typeof candidate.codeName === 'string';
}

/** The storage engine's "no room" errors, whatever layer of LMDB or the operating system raised them. */
export function isOutOfSpace(error: unknown): boolean {
  // Command errors may quote a user's text, and MongoDB's codes overlap the system's numbers.
  if (isCodedError(error)) return false;
  const { code, message } = faultOf(error);
  // EIO (5) as well: LMDB reports a write cut short by a full disk that way.
  const NUMBERS = [5, -30792 /* MDB_MAP_FULL */, 28 /* ENOSPC */, 122 /* EDQUOT */, 27 /* EFBIG */];
  if (typeof code === 'number' && NUMBERS.includes(code)) return true;
  return code === 'ENOSPC' || /MDB_MAP_FULL|No space left|ENOSPC|Disk quota|File too large/i.test(message);
}

/** Code and text of whatever was thrown; native modules throw errors of another realm, which `instanceof` misses. */
export function faultOf(error: unknown): { code: unknown; message: string } {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return { code, message: typeof message === 'string' ? message : String(error) };
}

export function outOfDiskSpace(cause: unknown): MongoCommandError {
  const error = new MongoCommandError(
    'OutOfDiskSpace',
    'The embedded database could not write: the disk (or its size limit) is full, or failing. Nothing of this command was stored; free some space and try again.',
  );
  error.cause = cause;
  return error;
}

/** The error part of a command reply. Unexpected errors say so and name no internals beyond the message. */
export function errorReply(error: unknown): Document {
  if (isOutOfSpace(error)) return errorReply(outOfDiskSpace(error));
  if (isCodedError(error)) {
    return {
      ok: 0,
      errmsg: error.message,
      code: error.code,
      codeName: error.codeName,
      ...(error.details ?? {}),
    };
  }
  return { ok: 0, errmsg: `Unexpected error: ${faultOf(error).message}`, code: 1, codeName: 'InternalError' };
}

/** The per-item form used in `writeErrors`. */
export function writeErrorItem(index: number, error: unknown): Document {
  const { ok: _ok, codeName: _codeName, errorLabels: _labels, ...rest } = errorReply(error);
  return { index, ...rest };
}
