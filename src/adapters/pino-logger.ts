import pino from 'pino';
import type { Logger } from '../ports/logger';

/** JSON lines on standard output. @param level `debug`, `info`, `warn`, `error` or `silent` */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
