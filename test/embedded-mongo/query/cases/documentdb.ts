import type { Difference } from './types';

/** Where DocumentDB is known to answer otherwise than MongoDB documents, by the name of the case. */
export const DOCUMENTDB_DIFFERENCES: Record<string, Difference> = {};
