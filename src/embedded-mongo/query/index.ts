/** Query semantics of the embedded MongoDB-compatible server: order, keys, filters, updates, projections, pipelines. */
export { compareBson } from './compare';
export { encodeKey, hashKey } from './key';
export { compileFilter } from './filter';
export { analyzeFilter, type FieldBounds } from './bounds';
export { valuesAtPath } from './paths';
export { compileSort, compileSorter, type Sorter } from './sort';
export { compileProjection } from './projection';
export { applyUpdate, type UpdateOptions } from './update';
export { upsertSeed } from './upsert';
export {
  PAUSE,
  runAggregate,
  streamAggregate,
  type CollectionReader,
  type AggregateContext,
} from './aggregate';
export { QueryError } from './errors';
