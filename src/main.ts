import { once } from 'node:events';
import { createLogger } from './adapters/pino-logger';
import { type Application, createApplication } from './composition-root';
import { ConfigError, loadConfig } from './config/environment';
import { keepIdleMemorySmall } from './system/idle-memory';

/**
 * Runs the server until it is told to stop, and ends the process: with 0 after SIGINT or SIGTERM, with 1 when the server
 * could not start.
 * @returns 2 for a bad configuration
 */
export async function main(env: NodeJS.ProcessEnv): Promise<number> {
  let config;
  try {
    config = loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  const logger = createLogger(config.logLevel);
  for (const warning of config.warnings) logger.warn({}, warning);
  // Before anybody can know that it runs: a signal that comes early ends it in order, too.
  const told = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]) as Promise<[string]>;
  let application: Application | undefined;
  try {
    application = await createApplication({ config, logger });
    const url = await application.listen();
    const { devPrincipal } = config.identity;
    logger.info(
      {
        url,
        graphiql: config.graphql.graphiql ? `${url}/graphql` : undefined,
        docs: `${url}/docs`,
        dataFolder: config.data.directory,
        database: config.database.url ? 'mongodb' : 'embedded',
        model: application.services.models.defaultModel(),
        developmentUser: devPrincipal
          ? `${devPrincipal.userId} of tenant ${devPrincipal.tenant}; requests need no token`
          : undefined,
      },
      'AgentFlow listens',
    );
    keepIdleMemorySmall();
    const [signal] = await told;
    logger.info({ signal }, 'stopping');
    await application.close();
    // Everything is stored and closed; Agenda's timers would keep the process for another minute.
    process.exit(0);
  } catch (error) {
    logger.error({ err: error }, 'AgentFlow could not start');
    process.stderr.write(`${(error as Error).message}\n`);
    await application?.close();
    // What was opened before it failed would keep the process, and with it the data folder.
    process.exit(1);
  }
}
