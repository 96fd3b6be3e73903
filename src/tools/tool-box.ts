import type { default as Ajv, ErrorObject, ValidateFunction } from 'ajv';
import { LRUCache } from 'lru-cache';
import { keptOutcome, plainNumbers } from '../json';
import { checkCost } from '../json-schema/cost';
import { createValidator } from '../json-schema/validators';
import type { Clock } from '../ports/clock';
import type { AgentRecord, JsonObject, JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type {
  ToolBox,
  ToolCallContext,
  ToolExecutor,
  ToolKind,
  ToolOutcome,
  ToolRecord,
} from '../ports/tools';
import { withoutDialect } from './definition';

/** How long another process's change may go unnoticed; changes of this process are seen at once. */
const FRESH_MS = 2_000;
const MOST_AGENTS = 10_000;
const MOST_SCHEMAS = 5_000;
const MOST_COMPLAINTS = 10;
/** Comparisons of a call's arguments with their schema, at well under a microsecond each: this happens between requests. */
const MOST_COMPARISONS = 500_000;
const COMPARISONS_WITH_ALL_ERRORS = 20_000;
const SHOWN_CHARACTERS = 80;
const MS_PER_SECOND = 1_000;
const PREVIEW_MS = 10_000;
const LONGEST_RETRY_MS = 60_000;

export interface ToolBoxDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  executors: Partial<Record<ToolKind, ToolExecutor>>;
  clock: Clock;
}

/** Tools as runs use them. */
export class CachedToolBox implements ToolBox {
  private readonly offers = new LRUCache<string, { tools: ToolRecord[]; until: number }>({
    max: MOST_AGENTS,
  });
  private readonly ajv = createValidator({ allErrors: true, verbose: true, withFormats: true });
  /** For arguments so large that collecting every complaint would take long. */
  private readonly ajvOfLarge = createValidator({ verbose: true, withFormats: true });
  private readonly validators = new LRUCache<string, ValidateFunction>({ max: MOST_SCHEMAS });

  constructor(private readonly dependencies: ToolBoxDependencies) {}

  async offered(tenant: string, agent: AgentRecord): Promise<ToolRecord[]> {
    const key = `${tenant}/${agent.id}`;
    const now = this.dependencies.clock.now().getTime();
    const known = this.offers.get(key);
    if (known && known.until > now) return known.tools;
    const store = await this.dependencies.open(tenant);
    const tools = await store.tools.ofAgent(agent.id);
    this.offers.set(key, { tools, until: now + FRESH_MS });
    return tools;
  }

  /** Told of each change of tools or assignments. */
  forget(tenant: string): void {
    for (const key of this.offers.keys()) if (key.startsWith(`${tenant}/`)) this.offers.delete(key);
  }

  problems(tool: ToolRecord, args: JsonValue): string[] {
    const plain = plainNumbers(args);
    const cost = checkCost(tool.parameters, plain, MOST_COMPARISONS);
    if (cost === Infinity)
      return ['the arguments are too large to be checked against the schema of this tool'];
    const validate = this.validator(tool, cost <= COMPARISONS_WITH_ALL_ERRORS ? this.ajv : this.ajvOfLarge);
    return validate(plain) ? [] : (validate.errors ?? []).slice(0, MOST_COMPLAINTS).map(complaint);
  }

  /** Idempotent tools are tried again after a failure that may pass; all others run once. */
  async execute(tool: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<ToolOutcome> {
    const attempts = tool.idempotent ? tool.maxRetries + 1 : 1;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.attempt(tool, args, context);
      if (outcome.ok || attempt >= attempts || outcome.error.retryable !== true) return outcome;
      const waitMs = tool.retryDelay * MS_PER_SECOND * tool.backoffFactor ** (attempt - 1);
      await pause(Math.min(waitMs, LONGEST_RETRY_MS), context.signal);
    }
  }

  async preview(tool: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<JsonValue> {
    const executor = this.dependencies.executors[tool.kind];
    if (!tool.supportsPreview || !executor?.preview) return null;
    const { signal, stop } = limited(context.signal, PREVIEW_MS);
    try {
      const outcome = await executor.preview(tool, args, { ...context, signal });
      const kept = outcome.ok ? keptOutcome(outcome) : outcome;
      return kept.ok ? kept.result : { error: kept.error.message };
    } catch (error) {
      if (context.signal.aborted) throw error;
      // The human decides without a preview rather than not at all, and sees why there is none.
      return { error: `no preview: ${(error as Error).message}` };
    } finally {
      stop();
    }
  }

  private async attempt(tool: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<ToolOutcome> {
    const executor = this.dependencies.executors[tool.kind];
    if (!executor)
      return {
        ok: false,
        error: { type: 'not_configured', message: `this deployment runs no tools of kind ${tool.kind}` },
      };
    const timeoutMs = tool.executionTimeout * MS_PER_SECOND;
    const { signal, stop } = limited(context.signal, timeoutMs);
    try {
      const outcome = await executor.execute(tool, args, { ...context, signal });
      return outcome.ok ? keptOutcome(outcome) : outcome;
    } catch (error) {
      if (context.signal.aborted || !signal.aborted) throw error;
      const message = `the call took longer than ${tool.executionTimeout} s`;
      return { ok: false, error: { type: 'timeout', message, retryable: true } };
    } finally {
      stop();
    }
  }

  private validator(tool: ToolRecord, ajv: Ajv): ValidateFunction {
    const key = `${tool.id}:${tool.version}:${ajv === this.ajv}`;
    let validate = this.validators.get(key);
    if (!validate) {
      const schema = withoutDialect(tool.parameters as JsonObject);
      validate = ajv.compile(schema);
      // Kept here; the validator itself would keep it by identity for ever.
      ajv.removeSchema(schema);
      this.validators.set(key, validate);
    }
    return validate;
  }
}

/** A complaint in words: which argument, what was expected, what came. */
function complaint({ instancePath, message, params, keyword, data }: ErrorObject): string {
  const path = instancePath.slice(1).replaceAll('/', '.');
  if (keyword === 'required') return `${join(path, String(params.missingProperty))} is required`;
  if (keyword === 'additionalProperties')
    return `${join(path, String(params.additionalProperty))} is no argument of this tool`;
  if (keyword === 'enum')
    return `${path || 'arguments'} must be one of ${(params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(', ')}, is ${shown(data)}`;
  return `${path || 'arguments'} ${message ?? 'is invalid'}, is ${shown(data)}`;
}

/** A value as a complaint shows it. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  const cut = text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
  return typeof value === 'string' ? `the text ${cut}` : cut;
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function limited(signal: AbortSignal, ms: number): { signal: AbortSignal; stop: () => void } {
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(new Error('timeout')), ms);
  return { signal: AbortSignal.any([signal, timer.signal]), stop: () => clearTimeout(timeout) };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', leave);
      resolve();
    }, ms);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
}
