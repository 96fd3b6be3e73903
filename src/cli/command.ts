import { parseArgs, type ParseArgsConfig } from 'node:util';

/** Where a command writes; a process's own streams, or a test's. */
export interface CliIo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

export interface Command {
  name: string;
  /** One line for the overview. */
  summary: string;
  /** What `--help` prints, ending with a line break. */
  help: string;
  /** Whether the command answers `--help` itself. */
  ownHelp?: true;
  run(args: readonly string[], env: NodeJS.ProcessEnv, io: CliIo): Promise<number>;
}

/** The command line was not understood; the message says which word. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** @throws UsageError for unknown options, missing values and stray words */
export function parseOptions<O extends Options>(args: readonly string[], options: O) {
  const given = new Set<string>();
  for (const arg of args) {
    const [, name] = /^--([a-z-]+)/.exec(arg) ?? [];
    if (name !== undefined && given.has(name)) throw new UsageError(`--${name} is given twice.`);
    if (name !== undefined) given.add(name);
  }
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    if (isParseError(error)) throw new UsageError(firstSentence(error.message));
    throw error;
  }
}

const isParseError = (error: unknown): error is Error =>
  String((error as NodeJS.ErrnoException | undefined)?.code).startsWith('ERR_PARSE_ARGS_');

/** Node adds advice on positional arguments that means nothing to a user of this program. */
const firstSentence = (message: string): string => `${message.split(/\. |\n/)[0]?.replace(/\.$/, '')}.`;
