/** The Prisma connector for MongoDB: the generated client of Prisma 7 on the official driver. */
export {
  createPrismaClient,
  createPrismaConnector,
  type PrismaConnector,
  type PrismaConnectorOptions,
} from './client';
export type { CommandEvent, ConnectorHooks, OperationEvent } from './context';
export type { Datamodel } from './datamodel';
export type { PrismaNamespace } from './errors';
export { ensureIndexes } from './indexes';
export { failedBeforeSending } from './insert-batcher';
export { fromStoredRow, toStoredRow } from './stored-json';
export { escapeRegex } from './where';
