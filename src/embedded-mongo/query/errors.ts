/** Error codes of MongoDB's `error_codes.yml` that query code answers with; other codes are location numbers. */
const CODE_NAMES: Record<number, string> = {
  2: 'BadValue',
  9: 'FailedToParse',
  14: 'TypeMismatch',
  28: 'PathNotViable',
  40: 'ConflictingUpdateOperators',
  54: 'NotSingleValueField',
  52: 'DollarPrefixedFieldName',
  56: 'EmptyFieldName',
  66: 'ImmutableField',
  72: 'InvalidOptions',
  115: 'CommandNotSupported',
  168: 'InvalidPipelineOperator',
  197: 'InvalidIndexSpecificationOption',
  241: 'ConversionFailure',
};

/**
 * A query, update or pipeline the server refuses, in MongoDB's vocabulary.
 * `code` and `codeName` go onto the wire unchanged; a code without a name is `Location<code>`, as MongoDB says it.
 */
export class QueryError extends Error {
  readonly code: number;
  readonly codeName: string;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'QueryError';
    this.code = code;
    this.codeName = CODE_NAMES[code] ?? `Location${code}`;
  }
}

/** BadValue (2): the operand cannot mean anything. */
export const badValue = (message: string): QueryError => new QueryError(2, message);

/** FailedToParse (9): the shape of the statement is wrong. */
export const failedToParse = (message: string): QueryError => new QueryError(9, message);

/** CommandNotSupported (115): MongoDB has it, this server does not. */
export const notSupported = (what: string): QueryError =>
  new QueryError(
    115,
    `${what} is not supported by the embedded server; use a full MongoDB deployment for it`,
  );
