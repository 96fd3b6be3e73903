import { join } from 'node:path';
import type { Config } from './config/environment';
import { type EmbeddedMongo, startEmbeddedMongo } from './embedded-mongo/server';
import type { Logger } from './ports/logger';

/** Starts the embedded database in the data folder; a part of its own, since it starts while the rest is being loaded. */
export function openEmbedded(config: Config, logger: Logger): Promise<EmbeddedMongo> {
  return startEmbeddedMongo({
    dataDir: join(config.data.directory, 'db'),
    onError: (error) => {
      // Nothing can be stored any more; a supervisor starts the process again, and runs go on from their last part.
      logger.error({ err: error }, 'the embedded database has failed');
      process.exit(1);
    },
  });
}
