import { ConfigError } from '../config/environment';
import { DomainError } from '../errors';
import { SigningKeyError } from '../identity/signing-key';
import { UsageError, type CliIo, type Command } from './command';
import { dbCommand } from './db';
import { serveCommand } from './serve';
import { tokenCommand } from './token';
import { versionCommand } from './version';

export type { CliIo } from './command';

const COMMANDS: readonly Command[] = [serveCommand, tokenCommand, dbCommand, versionCommand];

const EXPECTED_ERRORS = [ConfigError, DomainError, SigningKeyError];

export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
/** The shells' convention for a command line that was not understood. */
export const EXIT_USAGE = 2;

/**
 * Runs one command line.
 * @param argv the words after the program's name; none means `serve`
 * @returns the exit code: 0, 1 when the command failed, 2 when it was not understood (help is on stderr then)
 */
export async function runCli(argv: readonly string[], env: NodeJS.ProcessEnv, io: CliIo): Promise<number> {
  const [word = 'serve', ...rest] = argv;
  if (['help', '--help', '-h'].includes(word)) return help(rest[0], io);
  if (['--version', '-v'].includes(word)) return await versionCommand.run([], env, io);

  const isOption = word.startsWith('-');
  const command = isOption ? serveCommand : COMMANDS.find(({ name }) => name === word);
  if (!command) {
    io.stderr.write(`agentflow: there is no command ${JSON.stringify(word)}.\n\n${overview()}`);
    return EXIT_USAGE;
  }
  const args = isOption ? argv : rest;
  if (command.ownHelp !== true && args.some((arg) => arg === '--help' || arg === '-h')) {
    return help(command.name, io);
  }
  return await guarded(command, args, env, io);
}

async function guarded(
  command: Command,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  io: CliIo,
): Promise<number> {
  try {
    return await command.run(args, env, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr.write(`agentflow ${command.name}: ${error.message}\n\n${command.help}`);
      return EXIT_USAGE;
    }
    io.stderr.write(`agentflow ${command.name}: ${accountOf(error)}\n`);
    return EXIT_FAILURE;
  }
}

/** Errors that are meant for the operator are their message; others need the place where they happened. */
function accountOf(error: unknown): string {
  if (EXPECTED_ERRORS.some((expected) => error instanceof expected)) return (error as Error).message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function help(name: string | undefined, io: CliIo): number {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (name !== undefined && !command) {
    io.stderr.write(`agentflow: there is no command ${JSON.stringify(name)}.\n\n${overview()}`);
    return EXIT_USAGE;
  }
  io.stdout.write(command ? command.help : overview());
  return EXIT_OK;
}

function overview(): string {
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`);
  return [
    'Usage: agentflow <command> [options]',
    '',
    ...lines,
    `  ${'help'.padEnd(10)}Explain a command: agentflow help token`,
    '',
    'Without a command the server starts. Variables are in README.md and .env.example.',
    '',
  ].join('\n');
}
