import type { Document } from 'bson';

/** How the same case is known to come out on DocumentDB, which the driver suite can also run against. */
export interface Difference {
  differs: string;
  /** What DocumentDB answers instead; without it the case is skipped there for the reason given. */
  expected?: unknown;
}

interface CaseBase {
  name: string;
  /** MongoDB error code expected instead of a result. */
  error?: number;
  documentdb?: Difference;
}

/** The ids of the documents a filter selects, in `_id` order unless `sort` is given. */
export interface FilterCase extends CaseBase {
  docs: Document[];
  filter: Document;
  sort?: Document;
  expected?: unknown[];
}

/** The document an update makes of `doc`, or of nothing when `upsert`. */
export interface UpdateCase extends CaseBase {
  doc?: Document;
  filter?: Document;
  update: Document | Document[];
  arrayFilters?: Document[];
  upsert?: boolean;
  expected?: Document;
}

/** What a projection makes of one document. */
export interface ProjectionCase extends CaseBase {
  doc: Document;
  filter?: Document;
  projection: Document;
  expected?: Document;
}

/** The documents a pipeline answers. `others` are further collections of the database. */
export interface PipelineCase extends CaseBase {
  docs: Document[];
  pipeline: Document[];
  others?: Record<string, Document[]>;
  expected?: Document[];
}

/** The value of an expression over one document; a missing value is `undefined`. */
export interface ExpressionCase extends CaseBase {
  doc?: Document;
  expression: unknown;
  expected?: unknown;
}
