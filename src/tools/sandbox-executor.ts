import type { JsonObject } from '../ports/records';
import type { Sandbox, SandboxLanguage } from '../ports/sandbox';
import type { ToolCallContext, ToolExecutor, ToolOutcome, ToolRecord } from '../ports/tools';

const MS_PER_SECOND = 1_000;
/** Failures of the sandbox, not of the code: the next attempt may succeed. */
const PASSING = new Set(['sandbox_lost', 'timeout']);

/** Tools of kind `python` and `javascript`: their source, in the sandbox. */
export class SandboxExecutor implements ToolExecutor {
  constructor(private readonly sandbox: Sandbox) {}

  async execute(
    tool: ToolRecord,
    args: JsonObject,
    { signal, onProgress, tenant, userId }: ToolCallContext,
  ): Promise<ToolOutcome> {
    const outcome = await this.sandbox.run({
      language: tool.kind as SandboxLanguage,
      source: tool.functionCode ?? '',
      arguments: args,
      limits: { timeoutMs: tool.executionTimeout * MS_PER_SECOND },
      signal,
      turn: { tenant, user: userId },
    });
    if (outcome.logs !== '') onProgress?.(outcome.logs);
    if (outcome.ok) return { ok: true, result: outcome.result, logs: outcome.logs };
    const error = outcome.error!;
    return { ok: false, error: { ...error, retryable: PASSING.has(error.type) }, logs: outcome.logs };
  }

  /** A function with a parameter `dry_run` says what it would do when that is true. */
  async preview(tool: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<ToolOutcome> {
    return this.execute(tool, { ...args, dry_run: true }, context);
  }
}
