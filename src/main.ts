import { once } from 'node:events';
import { createLogger } from './adapters/pino-logger';
import { openEmbedded } from './composition-database';
import type { Application } from './composition-root';
import { prepareDataFolder } from './config/data-folder';
import { type Config, ConfigError, loadConfig } from './config/environment';
import { keepIdleMemorySmall } from './system/idle-memory';
import { Watchdog } from './watchdog';

/** Ports below this one are the administrator's on most systems. */
const FIRST_FREE_PORT = 1024;

/** SIGHUP comes when the terminal is closed. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the server until it is told to stop, and ends the process: with 0 after SIGINT, SIGTERM or SIGHUP, with 1 when the server
 * could not start.
 * @returns 2 for a bad configuration
 */
export async function main(env: NodeJS.ProcessEnv): Promise<number> {
  let config;
  try {
    config = loadConfig(env);
    prepareDataFolder(config.data.directory);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  const logger = createLogger(
    config.logLevel,
    config.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json'),
  );
  for (const warning of config.warnings) logger.warn({}, warning);
  // Before anybody can know that it runs: a signal that comes early ends it in order, too.
  const told = Promise.race(STOP_SIGNALS.map((signal) => once(process, signal))) as Promise<[string]>;
  let application: Application | undefined;
  try {
    // The database opens in its own thread while this one loads the program, which takes most of the start.
    const embedded = config.database.url ? undefined : openEmbedded(config, logger);
    embedded?.catch(() => undefined);
    const { createApplication } = await import('./composition-root.js');
    const watchdog = new Watchdog(config.data.directory, config.watchdogMs);
    watchdog.start();
    application = await createApplication({ config, logger, embedded, watch: watchdog });
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
    await watchdog.stop();
    // Everything is stored and closed; Agenda's timers would keep the process for another minute.
    process.exit(0);
  } catch (error) {
    // Where it happened is for who develops it; what to do about it is for everybody, and comes last.
    logger.debug({ err: error }, 'start failed');
    await application?.close();
    process.stderr.write(`AgentFlow could not start: ${startFailure(error, config)}\n`);
    // What was opened before it failed would keep the process, and with it the data folder.
    process.exit(1);
  }
}

/** What is in the way, and the variable that moves it. */
function startFailure(error: unknown, { http }: Config): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const address = `${http.host}:${http.port}`;
  if (code === 'EADDRINUSE')
    return `another program listens on ${address} (EADDRINUSE). Stop it, or choose another port: PORT=${http.port + 1} npm start.`;
  if (code === 'EACCES' && http.port < FIRST_FREE_PORT)
    return `this user may not listen on ${address}. Choose a PORT of ${FIRST_FREE_PORT} or more.`;
  if (code === 'EADDRNOTAVAIL') return `HOST=${http.host} is no address of this machine.`;
  // Errors of a class of their own say what to do; any other was not foreseen, and its place may help.
  const isForeseen = !/^(Error|TypeError|RangeError|ReferenceError|SyntaxError)$/.test((error as Error).name);
  return isForeseen ? message : `${message} (LOG_LEVEL=debug shows where.)`;
}
