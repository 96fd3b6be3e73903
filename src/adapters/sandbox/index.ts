import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '../../errors';
import type { Logger } from '../../ports/logger';
import type { JsonObject } from '../../ports/records';
import {
  type Sandbox,
  SANDBOX_LIMITS,
  type SandboxCall,
  type SandboxLanguage,
  type SandboxOutcome,
  type SourceFacts,
} from '../../ports/sandbox';
import { inspectJavaScript } from './javascript-source';
import { Member, MemberLost } from './member';
import { SandboxPool } from './pool';

/** Longest source, in characters. */
const SOURCE_CHARACTERS = 200_000;
const INSPECT_MS = 10_000;
/** The interpreter stops by itself where it can; the process is killed this much later. */
const KILL_AFTER_MS = 250;
const MAKE_SNAPSHOT_MS = 60_000;

export interface SandboxOptions {
  logger: Logger;
  /** Where the interpreter's memory after its start is kept, so that later processes start from it. */
  directory: string;
  /** Processes at most. */
  maxProcesses?: number;
}

type Answer = Omit<SandboxOutcome, 'durationMs'>;

/**
 * Runs code in processes of its own: Python by Pyodide, JavaScript by QuickJS, both in WebAssembly. A process that has run
 * a tool's code runs nothing but that tool again, each time in fresh globals (Python) or a fresh runtime (JavaScript).
 * Results are JSON: tuples and sets become arrays, dates ISO 8601, decimals strings, bytes base64; NaN, functions and
 * other values without a JSON form are the error `result_not_json`.
 */
export function createSandbox(options: SandboxOptions): Sandbox {
  const snapshots = new Snapshots(options);
  const pool = new SandboxPool({
    maxProcesses: options.maxProcesses,
    start: async (language, onEnd) =>
      new Member(language, language === 'python' ? await snapshots.file() : '', onEnd),
  });
  return new ProcessSandbox(pool, options.logger);
}

class ProcessSandbox implements Sandbox {
  /** What is known of sources, so that a call need not read its source again. */
  private readonly facts = new Map<string, Facts>();

  constructor(
    private readonly pool: SandboxPool,
    private readonly logger: Logger,
  ) {}

  async inspect(source: string, language?: SandboxLanguage): Promise<SourceFacts> {
    const chosen = language ?? guessLanguage(source);
    const { parameterNames: _, ...facts } = await this.read(chosen, source);
    return { ...facts, language: chosen };
  }

  async run(call: SandboxCall): Promise<SandboxOutcome> {
    const began = performance.now();
    const outcome = await this.attempt(call);
    return { ...outcome, durationMs: Math.round((performance.now() - began) * 10) / 10 };
  }

  status(): { status: 'ok' | 'degraded' | 'down'; detail?: string } {
    const { processes, failures } = this.pool.stats();
    if (failures > 0)
      return { status: 'degraded', detail: `${failures} sandbox processes in a row did not start` };
    return { status: 'ok', detail: `${processes} sandbox processes` };
  }

  close(): Promise<void> {
    this.pool.close();
    return Promise.resolve();
  }

  private async attempt(call: SandboxCall): Promise<Answer> {
    const limits = { ...SANDBOX_LIMITS, ...call.limits };
    let facts: Facts;
    try {
      facts = await this.read(call.language, call.source);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'validation_failed') throw error;
      return failed('SyntaxError', error.message, (error.details.extra?.line as number | null) ?? null);
    }
    call.signal?.throwIfAborted();
    const member = await this.pool.take(call.language, keyOf(call.language, call.source), call.signal);
    return this.callMember(member, call, facts, limits);
  }

  private async callMember(
    member: Member,
    call: SandboxCall,
    facts: Facts,
    limits: typeof SANDBOX_LIMITS,
  ): Promise<Answer> {
    let killed: 'timeout' | 'aborted' | undefined;
    const kill = (why: 'timeout' | 'aborted') => (): void => {
      killed = why;
      member.kill();
    };
    const abort = kill('aborted');
    call.signal?.addEventListener('abort', abort, { once: true });
    let timer: NodeJS.Timeout | undefined;
    try {
      // The start of a cold process is not the code's time.
      await member.ready;
      timer = setTimeout(kill('timeout'), limits.timeoutMs + KILL_AFTER_MS);
      return await member.ask<Answer>('run', {
        source: call.source,
        name: facts.functionName,
        parameters: facts.parameterNames,
        arguments: call.arguments,
        outputBytes: limits.outputBytes,
        timeoutMs: limits.timeoutMs,
      });
    } catch (error) {
      if (killed === 'aborted') throw call.signal!.reason;
      if (killed === 'timeout') return failed('timeout', `the call took longer than ${limits.timeoutMs} ms`);
      if (!(error instanceof MemberLost)) throw error;
      this.logger.warn({ language: call.language, err: error }, 'sandbox process lost');
      return failed(...lostReason(error.message));
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', abort);
      this.pool.give(member);
    }
  }

  private async read(language: SandboxLanguage, source: string): Promise<Facts> {
    if (source.length > SOURCE_CHARACTERS)
      throw refused(`has ${source.length} characters, at most ${SOURCE_CHARACTERS} are allowed`, null);
    const key = keyOf(language, source);
    const known = this.facts.get(key);
    if (known) return known;
    const facts = language === 'javascript' ? inspectJavaScript(source) : await this.inspectPython(source);
    if ('problem' in facts) throw refused(facts.problem, facts.line);
    if (this.facts.size >= MOST_FACTS) this.facts.clear();
    this.facts.set(key, facts);
    return facts;
  }

  private async inspectPython(source: string): Promise<Facts | { problem: string; line: number | null }> {
    // Reading runs nothing of the source, so a fresh process stays fresh.
    const member = await this.pool.take('python', undefined);
    const timer = setTimeout(() => member.kill(), INSPECT_MS);
    try {
      const facts = await member.ask<Facts | { problem: string; line: number | null }>('inspect', { source });
      return 'problem' in facts ? facts : { ...facts, language: 'python', parameterNames: null };
    } catch (error) {
      if (error instanceof MemberLost)
        return { problem: 'cannot be read: nested too deeply or too large', line: null };
      throw error;
    } finally {
      clearTimeout(timer);
      this.pool.give(member);
    }
  }
}

type Facts = SourceFacts & { parameterNames: string[] | null };

const MOST_FACTS = 5_000;

const keyOf = (language: SandboxLanguage, source: string): string =>
  `${language}:${createHash('sha256').update(source).digest('base64')}`;

const failed = (type: string, message: string, line: number | null = null): Answer => ({
  ok: false,
  result: null,
  logs: '',
  error: { type, message, line },
  memoryBytes: null,
});

function lostReason(message: string): [string, string] {
  if (/memory/i.test(message)) return ['memory_limit', 'the call needs more memory than it may have'];
  if (/call stack|recursion/i.test(message)) return ['RecursionError', 'the call is nested too deeply'];
  return ['sandbox_lost', `the sandbox process was lost: ${message}`];
}

const refused = (problem: string, line: number | null): DomainError => {
  const message = line === null ? problem : `line ${line}: ${problem}`;
  return new DomainError('validation_failed', `function_code: ${message}`, {
    errors: [{ path: 'function_code', message }],
    extra: { line },
  });
};

/** Python says `def` or `import x`; everything else is read as JavaScript when it looks like it. */
function guessLanguage(source: string): SandboxLanguage {
  if (/^\s*(?:async\s+)?def\s+\w+\s*\(/m.test(source)) return 'python';
  if (/\bfunction\b|=>|^\s*(?:const|let|var)\s/m.test(source)) return 'javascript';
  return 'python';
}

/** The memory of a started Python interpreter: a process that begins with it is ready in a fraction of a second. */
class Snapshots {
  private made: Promise<string> | undefined;

  constructor(private readonly options: SandboxOptions) {}

  file(): Promise<string> {
    this.made ??= this.make().catch((error: unknown) => {
      this.options.logger.warn(
        { err: error },
        'no snapshot of the Python interpreter; processes start slowly',
      );
      return '';
    });
    return this.made;
  }

  private async make(): Promise<string> {
    const path = join(this.options.directory, `python-${recipe()}.snapshot`);
    if (existsSync(path)) return path;
    const maker = new Member('python', 'make', () => undefined);
    const timer = setTimeout(() => maker.kill(), MAKE_SNAPSHOT_MS);
    try {
      const { snapshot } = (await maker.ready) as { snapshot: Uint8Array };
      mkdirSync(this.options.directory, { recursive: true });
      const temporary = `${path}.${process.pid}.tmp`;
      writeFileSync(temporary, snapshot);
      renameSync(temporary, path);
      return path;
    } finally {
      clearTimeout(timer);
      maker.kill();
    }
  }
}

/** A snapshot fits only the interpreter, the harness and the platform it was made with. */
function recipe(): string {
  const { version } = require('pyodide/package.json') as JsonObject;
  return createHash('sha256')
    .update(`${String(version)} ${process.version} ${process.arch}`)
    .update(readFileSync(join(__dirname, 'harness.py')))
    .digest('hex')
    .slice(0, 16);
}
