/** `agentflow db`: the embedded database alone, for mongosh, Compass or any driver. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { DataFolderInUse } from './lock-file';
import { startEmbeddedMongo, type EmbeddedMongo } from './server';

const DEFAULT_DATA_DIR = '.agentflow/db';
const DEFAULT_HOST = '127.0.0.1';
const EXIT_USAGE = 2;
const EXIT_FAILURE = 1;

const HELP = `Usage: agentflow db [options]

Serves the embedded MongoDB-compatible database until interrupted.
Its mongodb:// URL is the first line of standard output.

An acknowledged write survives a kill of the process. A power cut or a crash of the operating system may undo the
last commit, never tear the database; writes with writeConcern j: true or w: 'majority' survive that too.

Options:
  --data-dir DIR  folder of the database files (default: $AGENTFLOW_DATA_DIR/db or ${DEFAULT_DATA_DIR})
  --port N        listen on TCP port N, 0 for any free one (default: a unix socket in the data folder)
  --host H        address for --port (default: ${DEFAULT_HOST}; there is no authentication: keep it local)
  --help          show this text
`;

interface DbOptions {
  dataDir: string;
  listen: { host: string; port: number } | undefined;
}

class UsageError extends Error {}

/** @throws UsageError naming the option that is wrong */
function parseOptions(argv: string[]): DbOptions | 'help' {
  const values = readFlags(argv);
  if (values.help === true) return 'help';
  if (values['data-dir'] === '') throw new UsageError('--data-dir must not be empty');
  if (values.host !== undefined && values.port === undefined) throw new UsageError('--host needs --port');
  const fromEnvironment = process.env['AGENTFLOW_DATA_DIR'];
  const fallback = fromEnvironment ? path.join(fromEnvironment, 'db') : DEFAULT_DATA_DIR;
  return {
    dataDir: path.resolve(values['data-dir'] ?? fallback),
    listen:
      values.port === undefined
        ? undefined
        : { host: values.host ?? DEFAULT_HOST, port: parsePort(values.port) },
  };
}

function readFlags(argv: string[]): { 'data-dir'?: string; port?: string; host?: string; help?: boolean } {
  try {
    return parseArgs({
      args: argv,
      strict: true,
      allowPositionals: false,
      options: {
        'data-dir': { type: 'string' },
        port: { type: 'string' },
        host: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parsePort(text: string): number {
  const MAX_PORT = 65_535;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= MAX_PORT) return port;
  throw new UsageError(`--port must be a whole number from 0 to ${MAX_PORT}, got '${text}'`);
}

function untilInterrupted(): { interrupted: Promise<void>; dispose: () => void } {
  let stop!: () => void;
  const interrupted = new Promise<void>((resolve) => (stop = resolve));
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    interrupted,
    dispose: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}

/**
 * Runs `agentflow db` with the arguments after `db`.
 * @returns the exit code: 0 after SIGINT or SIGTERM, 1 when the server cannot start, 2 for wrong options
 */
export async function runDbCli(argv: string[]): Promise<number> {
  let options: DbOptions | 'help';
  try {
    options = parseOptions(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`agentflow db: ${error.message}\n\n${HELP}`);
    return EXIT_USAGE;
  }
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  return serve(options);
}

async function serve({ dataDir, listen }: DbOptions): Promise<number> {
  // Listen for signals first: an interrupt while starting must still close the database cleanly.
  const { interrupted, dispose } = untilInterrupted();
  let server: EmbeddedMongo;
  try {
    server = await startEmbeddedMongo({ dataDir, ...(listen === undefined ? {} : { listen }) });
  } catch (error) {
    dispose();
    process.stderr.write(`agentflow db: ${describeStartFailure(error, listen)}\n`);
    return EXIT_FAILURE;
  }
  process.stdout.write(`${server.url}\n`);
  process.stdout.write(`Database folder: ${dataDir}\nPress Ctrl+C to stop.\n`);
  await interrupted;
  dispose();
  await server.close();
  return 0;
}

function describeStartFailure(error: unknown, listen: DbOptions['listen']): string {
  if (error instanceof DataFolderInUse) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE' && listen !== undefined) {
    return `port ${listen.port} on ${listen.host} is in use; choose another --port`;
  }
  return `cannot start: ${message}`;
}
