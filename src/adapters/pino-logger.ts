import pino from 'pino';
import type { Logger } from '../ports/logger';

/** `json`: a line of JSON for each event, for machines. `pretty`: coloured text, for people at a terminal. */
export type LogFormat = 'json' | 'pretty';

/** Log on standard output. @param level `debug`, `info`, `warn`, `error` or `silent` */
export function createLogger(level: string, format: LogFormat = 'json'): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  return format === 'pretty' ? pino(options, prettyStream()) : pino(options);
}

function prettyStream(): pino.DestinationStream {
  // Loaded where it is used only: a server that writes JSON has no need of it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const pretty = require('pino-pretty') as typeof import('pino-pretty');
  return pretty({ colorize: process.stdout.hasColors?.() ?? false, translateTime: 'SYS:HH:MM:ss' });
}
