/** Runs code that nobody vouches for. */
import type { JsonObject, JsonValue } from './records';

export type SandboxLanguage = 'python' | 'javascript';

export interface SandboxLimits {
  /** Wall time, milliseconds. */
  timeoutMs: number;
  memoryBytes: number;
  /** Result and logs together, as JSON. */
  outputBytes: number;
}

export const SANDBOX_LIMITS: SandboxLimits = {
  timeoutMs: 30_000,
  memoryBytes: 256 * 1024 * 1024,
  outputBytes: 1024 * 1024,
};

/** What a source that holds exactly one top-level function says of itself. */
export interface SourceFacts {
  language: SandboxLanguage;
  functionName: string;
  isAsync: boolean;
  /** JSON schema of the arguments, from parameter names, annotations, defaults. */
  parameters: JsonObject;
  /** First paragraph of its docstring or leading comment. */
  description: string | null;
}

export interface SandboxCall {
  language: SandboxLanguage;
  source: string;
  /** Passed by name. */
  arguments: JsonObject;
  limits?: Partial<SandboxLimits>;
  /** Kills the call; `run` then throws the signal's reason. */
  signal?: AbortSignal;
  /** Whose turn it is where calls wait for a process: tenants take turns, then their users. */
  turn?: { tenant?: string; user?: string };
}

export interface SandboxOutcome {
  ok: boolean;
  result: JsonValue;
  /** What it printed, both streams, in order; cut at the limit. */
  logs: string;
  /** `type` is the exception's name, or `timeout`, `memory_limit`, `output_limit`, `sandbox_lost`. */
  error: { type: string; message: string; line: number | null } | null;
  durationMs: number;
  /** Peak of the interpreter's memory, null when unknown. */
  memoryBytes: number | null;
}

export interface Sandbox {
  /**
   * Compiles a source without running it. `language` is inferred when it is left out.
   * @throws DomainError `validation_failed` on `function_code` with the line: does not compile, or holds not exactly one function
   */
  inspect(source: string, language?: SandboxLanguage): Promise<SourceFacts>;
  /** Never throws for what the code does. */
  run(call: SandboxCall): Promise<SandboxOutcome>;
  status(): { status: 'ok' | 'degraded' | 'down'; detail?: string };
  close(): Promise<void>;
}
