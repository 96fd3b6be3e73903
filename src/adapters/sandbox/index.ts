import { createHash } from 'node:crypto';
import { DomainError } from '../../errors';
import { FairSemaphore } from '../../fair-semaphore';
import { bigIntegers, JsonProblem, outcomeOfText, readExactJson } from '../../json';
import { type Clock, systemClock } from '../../ports/clock';
import type { Logger } from '../../ports/logger';
import {
  type Sandbox,
  SANDBOX_LIMITS,
  type SandboxCall,
  type SandboxLanguage,
  type SandboxLimits,
  type SandboxOutcome,
  type SourceFacts,
} from '../../ports/sandbox';
import { Member, MemberLost } from './member';
import { SandboxPool } from './pool';
import { Snapshots } from './snapshots';
import { removeDeadFolders } from './temporary';

/** Longest source, in characters. */
const SOURCE_CHARACTERS = 200_000;
const INSPECT_MS = 10_000;
/** The interpreter stops by itself where it can; the process is killed this much later. */
const KILL_AFTER_MS = 250;
/** Sources whose facts are remembered. */
const MOST_FACTS = 5_000;

export interface SandboxOptions {
  logger: Logger;
  /**
   * Where the memory of a started Python interpreter is kept, so that later processes and restarts begin with it: must
   * be writable by this program alone. Left out: a temporary folder of this process.
   */
  directory?: string;
  clock?: Clock;
  /** Processes at most; twice the processors, from 4 to 8, unless given. */
  maxProcesses?: number;
  /** For calls that bring none of their own. */
  limits?: Partial<SandboxLimits>;
}

/** The port, and starting ahead of the first call. */
export interface ProcessSandbox extends Sandbox {
  /** Has a process of the language ready. */
  warm(language: SandboxLanguage): Promise<void>;
  /** Processes at this moment: those that wait, those at work, none before the first call. */
  pids(): number[];
}

type Answer = Omit<SandboxOutcome, 'durationMs'>;
type Facts = SourceFacts & { parameterNames: string[] | null };
type Reading = Facts | { problem: string; line: number | null };

/** What a process answers to a call. `text` is an outcome as JSON, without `memoryBytes`. */
interface Reply {
  text: string;
  memoryBytes: number | null;
}

/**
 * Runs code in processes of its own: Python by Pyodide, JavaScript by QuickJS, both in WebAssembly. After a
 * call the interpreter's memory is put back, byte by byte, to what it was before the first; a process in which that is
 * not enough (it wrote files, took much memory, broke, reached for the host) is not used again.
 *
 * Results are JSON: tuples, sets, maps and generators become arrays (JavaScript's Map an object), dates ISO 8601,
 * decimals, fractions and UUIDs strings, bytes base64, dataclasses objects, keys that are numbers strings. NaN,
 * infinities, functions, cycles, other classes and more than 200 levels are the error `result_not_json`.
 * Further error types: `never_resolved` (a promise or future that nothing will settle), `sandbox_violation` (Python that
 * dug up a way to the host and found it walled up).
 */
export function createSandbox(options: SandboxOptions): ProcessSandbox {
  void removeDeadFolders().catch((error: unknown) =>
    options.logger.warn({ err: error }, 'temporary folders of dead processes could not be removed'),
  );
  const snapshots = new Snapshots(options);
  const now = (): number => (options.clock ?? systemClock).now().getTime();
  const pool = new SandboxPool({
    maxProcesses: options.maxProcesses,
    now,
    start: async (language, onEnd) => {
      const snapshot = language === 'python' ? await snapshots.file() : '';
      return new Member({ language, snapshot, now, onEnd });
    },
  });
  return new PooledSandbox(pool, options, snapshots);
}

/** Share of the processes that one user alone does not get. */
const RESERVED_PROCESSES = 0.25;

class PooledSandbox implements ProcessSandbox {
  /** What is known of sources, so that a call need not read its source again. */
  private readonly facts = new Map<string, Facts>();
  /** Processes go round between tenants and users; the last ones are for those who have none. */
  private readonly places: FairSemaphore;

  constructor(
    private readonly pool: SandboxPool,
    private readonly options: SandboxOptions,
    private readonly snapshots: Snapshots,
  ) {
    const reserve = Math.floor(pool.size * RESERVED_PROCESSES);
    this.places = new FairSemaphore(pool.size - reserve, { reserve });
  }

  async inspect(source: string, language?: SandboxLanguage): Promise<SourceFacts> {
    const chosen = language ?? guessLanguage(source);
    const { parameterNames: _, ...facts } = await this.read(chosen, source);
    return { ...facts, language: chosen };
  }

  async run(call: SandboxCall): Promise<SandboxOutcome> {
    const began = performance.now();
    const outcome = await this.attempt(call).catch((error: unknown) => {
      if (error instanceof DomainError && error.code === 'not_ready')
        return failed('sandbox_lost', error.message);
      throw error;
    });
    return { ...outcome, durationMs: Math.round((performance.now() - began) * 10) / 10 };
  }

  status(): { status: 'ok' | 'degraded' | 'down'; detail?: string } {
    const { processes, failures } = this.pool.stats();
    if (failures > 0)
      return { status: 'degraded', detail: `${failures} sandbox processes in a row did not start` };
    return { status: 'ok', detail: `${processes} sandbox processes` };
  }

  warm(language: SandboxLanguage): Promise<void> {
    return this.pool.warm(language);
  }

  pids(): number[] {
    return this.pool.pids();
  }

  async close(): Promise<void> {
    this.pool.close();
    await this.snapshots.remove();
  }

  private async attempt(call: SandboxCall): Promise<Answer> {
    const limits = { ...SANDBOX_LIMITS, ...this.options.limits, ...call.limits };
    let facts: Facts;
    try {
      facts = await this.read(call.language, call.source);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'validation_failed') throw error;
      return failed('SyntaxError', error.message, (error.details.extra?.line as number | null) ?? null);
    }
    const leave = await this.places.acquire({ turn: call.turn, signal: call.signal });
    try {
      return await this.attemptInTurn(call, { facts, limits });
    } finally {
      leave();
    }
  }

  private async attemptInTurn(
    call: SandboxCall,
    { facts, limits }: { facts: Facts; limits: SandboxLimits },
  ): Promise<Answer> {
    const member = await this.pool.take(call.language, call.signal);
    // A signal that aborted while the process started tells nobody any more.
    if (call.signal?.aborted) {
      this.pool.give(member);
      throw call.signal.reason;
    }
    return this.callMember(member, call, { facts, limits });
  }

  private async callMember(
    member: Member,
    call: SandboxCall,
    { facts, limits }: { facts: Facts; limits: SandboxLimits },
  ): Promise<Answer> {
    let stopped: 'timeout' | 'memory_limit' | 'aborted' | undefined;
    const stop = (why: typeof stopped) => (): void => {
      stopped ??= why;
      member.kill();
    };
    const abort = stop('aborted');
    call.signal?.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(stop('timeout'), limits.timeoutMs + KILL_AFTER_MS);
    this.pool.watchMemory(member, limits.memoryBytes, stop('memory_limit'));
    try {
      const { functionName: name, parameterNames: parameters } = facts;
      const { source, arguments: args } = call;
      // As text: what goes to another process loses the exact numbers.
      const text = JSON.stringify(args);
      const integers = call.language === 'javascript' ? bigIntegers(args) : [];
      const request = { source, name, parameters, arguments: text, integers, ...limits };
      const reply = await member.ask<Reply>('run', request);
      return { ...answerOf(reply.text), memoryBytes: reply.memoryBytes };
    } catch (error) {
      // Whatever went wrong, the process is not to be trusted with another call.
      member.kill();
      if (stopped === 'aborted') throw call.signal!.reason;
      if (stopped === 'timeout') return failed('timeout', `the call took longer than ${limits.timeoutMs} ms`);
      if (stopped === 'memory_limit') return failed('memory_limit', TOO_MUCH_MEMORY);
      if (!(error instanceof MemberLost)) throw error;
      return this.lost(call.language, error);
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', abort);
      this.pool.give(member);
    }
  }

  private lost(language: SandboxLanguage, error: MemberLost): Answer {
    const { reason, message } = error;
    if (reason === 'sandbox_violation') {
      this.options.logger.warn({ language }, 'code in the sandbox reached for the host');
      return failed(reason, message);
    }
    if (reason !== null && /memory limit|out of memory/i.test(message))
      return failed('memory_limit', TOO_MUCH_MEMORY);
    if (reason === 'RangeError') return failed('RecursionError', 'the call is nested too deeply');
    this.options.logger.warn({ language, reason, err: error }, 'sandbox process lost');
    return failed('sandbox_lost', message);
  }

  private async read(language: SandboxLanguage, source: string): Promise<Facts> {
    if (source.length > SOURCE_CHARACTERS)
      throw refused(`has ${source.length} characters, at most ${SOURCE_CHARACTERS} are allowed`, null);
    const key = keyOf(language, source);
    const known = this.facts.get(key);
    if (known) return known;
    const reading = await this.readInProcess(language, source);
    if ('problem' in reading) throw refused(reading.problem, reading.line);
    const facts = { ...reading, language, parameterNames: reading.parameterNames ?? null };
    if (this.facts.size >= MOST_FACTS) this.facts.clear();
    this.facts.set(key, facts);
    return facts;
  }

  /** Parsers of foreign text are not trusted with the server's process either. */
  private async readInProcess(language: SandboxLanguage, source: string): Promise<Reading> {
    const member = await this.pool.take(language);
    const timer = setTimeout(() => member.kill(), INSPECT_MS);
    try {
      return await member.ask<Reading>('inspect', { source });
    } catch (error) {
      if (!(error instanceof MemberLost)) throw error;
      return { problem: 'cannot be read: nested too deeply or too large', line: null };
    } finally {
      clearTimeout(timer);
      this.pool.give(member);
    }
  }
}

/**
 * The text comes from a process that foreign code may have taken over: nothing of its form is taken for granted.
 * @throws MemberLost when it is no outcome
 */
function answerOf(text: string): Omit<Answer, 'memoryBytes'> {
  let parsed: Partial<Answer> | null;
  try {
    parsed = readExactJson(text) as Partial<Answer> | null;
  } catch (error) {
    if (error instanceof JsonProblem) return unkept(text);
    throw new MemberLost('The sandbox process gave an answer that is not JSON.');
  }
  const { ok, result, error, logs } = parsed ?? {};
  if (typeof ok !== 'boolean' || typeof logs !== 'string' || ok !== (error === null))
    throw new MemberLost('The sandbox process gave an answer that is no outcome.');
  if (error == null) return { ok, result: result ?? null, logs, error: null };
  const { type, message, line } = error;
  const known = {
    type: String(type),
    message: String(message),
    line: typeof line === 'number' ? line : null,
  };
  return { ok, result: null, logs, error: known };
}

const BEFORE_RESULT = '{"ok":true,"result":';
const BEHIND_RESULT = ',"error":null,"logs":';

/** Of an answer whose result cannot be kept as JSON: equal keys, too many levels, a number beyond doubles. */
function unkept(text: string): Omit<Answer, 'memoryBytes'> {
  const end = text.lastIndexOf(BEHIND_RESULT);
  if (!text.startsWith(BEFORE_RESULT) || end < 0)
    throw new MemberLost('The sandbox process gave an answer that is no outcome.');
  const logs: unknown = JSON.parse(text.slice(end + BEHIND_RESULT.length, -1));
  const outcome = outcomeOfText(text.slice(BEFORE_RESULT.length, end));
  const said = { logs: String(logs) };
  return outcome.ok
    ? { ok: true, result: outcome.result, error: null, ...said }
    : { ok: false, result: null, error: { ...outcome.error, line: null }, ...said };
}

const TOO_MUCH_MEMORY = 'the call needs more memory than it may have';

const keyOf = (language: SandboxLanguage, source: string): string =>
  `${language}:${createHash('sha256').update(source).digest('base64')}`;

const failed = (type: string, message: string, line: number | null = null): Answer => ({
  ok: false,
  result: null,
  logs: '',
  error: { type, message, line },
  memoryBytes: null,
});

const refused = (problem: string, line: number | null): DomainError => {
  const message = line === null ? problem : `line ${line}: ${problem}`;
  return new DomainError('validation_failed', `function_code: ${message}`, {
    errors: [{ path: 'function_code', message }],
    extra: { line },
  });
};

/** Python says `def` or `import x`; everything else is read as JavaScript when it looks like it. */
function guessLanguage(source: string): SandboxLanguage {
  if (/^[ \t]*(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(/m.test(source)) return 'python';
  if (/\bfunction\b|=>|^[ \t]*(?:const|let|var)\s/m.test(source)) return 'javascript';
  return 'python';
}
