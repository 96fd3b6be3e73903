import { join } from 'node:path';
import { DiskStorage, sweepFolder } from './adapters/disk';
import { S3Storage } from './adapters/s3';
import type { Config } from './config/environment';
import { createDocumentParser, type DocumentParser } from './documents/parse';
import { Attachments } from './files/attachments';
import type { Clock } from './ports/clock';
import type { FileStorage } from './ports/files';
import type { Logger } from './ports/logger';
import type { TenantStore } from './ports/stores';

/** Where files are kept and how they are read. */
export interface FileParts {
  storage: FileStorage;
  /** Starts its threads when the first file comes. */
  parser: DocumentParser;
  attachments: Attachments;
  close(): Promise<void>;
}

/**
 * An upload takes minutes at most; what is older was left by a process that died. On the embedded database, which one
 * process has at a time, everything is that was there before this one.
 */
const LEFTOVER_MS = 24 * 3_600_000;

export interface FilePartsInput {
  config: Config;
  open: (tenant: string) => Promise<TenantStore>;
  clock: Clock;
  logger: Logger;
}

/** Where files of requests are until the request ends. */
export const uploadFolder = (config: Config): string => join(config.data.directory, 'uploads');

export function createFileParts({ config, open, clock, logger }: FilePartsInput): FileParts {
  const { s3, maxUploadBytes: maxBytes } = config.files;
  const storage = s3 ? new S3Storage(s3) : new DiskStorage(join(config.data.directory, 'files'));
  const before = new Date(clock.now().getTime() - (config.database.url ? LEFTOVER_MS : 0));
  void Promise.all([
    sweepFolder(uploadFolder(config), before),
    storage instanceof DiskStorage ? storage.sweep(before) : 0,
  ]).catch((error: unknown) => logger.warn({ err: error }, 'leftovers of uploads could not be removed'));
  const parser = createDocumentParser();
  const attachments = new Attachments({ open, storage, parser, clock, logger, maxBytes });
  return { storage, parser, attachments, close: () => parser.close() };
}
