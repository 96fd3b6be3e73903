import { DomainError } from '../../errors';
import { FetchFailed, type SafeFetch, type SafeResponse } from '../../net/safe-fetch';
import { outcomeOfText, readExactJson } from '../../json';
import type { JsonObject, JsonValue } from '../../ports/records';
import type { ToolCallContext, ToolExecutor, ToolOutcome, ToolRecord } from '../../ports/tools';
import { type HttpToolConfig, isSafeMethod } from './config';
import { isObject } from './json';
import { buildCall, type HttpCall } from './request';
import { ArgumentError, credentialName, isCredential, placeholders } from './template';

export { compileHttpTool, type CompiledHttpTool, type CompileOptions, type HttpToolConfig } from './config';

export interface HttpToolOptions {
  /** Made with the deployment's list of hosts as `allowHosts`. */
  fetch: SafeFetch;
  /** A tool's secrets in the clear, by name. Called for tools whose templates name one, never for previews. */
  credentials: (tool: ToolRecord, context: ToolCallContext) => Promise<Record<string, string>>;
  /** Largest answer in bytes, also after decompression; 1 MiB unless given. */
  maxBytes?: number;
}

const MAX_BYTES = 1024 * 1024;
/** Of a refused request's answer: enough for a message, too little to fill a model's context. */
const ERROR_CHARACTERS = 1_000;
/** Shorter secrets would blank innocent text. */
const MASKED_CHARACTERS = 4;
const MASK = '***';

/**
 * Runs tools of kind `http`. A 2xx answer is the result `{status, body}`: JSON parsed, else text. Anything else is a
 * failure, retryable for 429, 5xx, time-outs and lost connections. Secrets that an answer repeats are masked.
 */
export function createHttpToolExecutor(options: HttpToolOptions): Required<ToolExecutor> {
  return {
    execute: (tool, args, context) => asOutcome(context, () => execute(options, tool, args, context)),
    preview: (tool, args, context) => asOutcome(context, () => preview(tool, args, context)),
  };
}

async function execute(
  options: HttpToolOptions,
  tool: ToolRecord,
  args: JsonObject,
  context: ToolCallContext,
): Promise<ToolOutcome> {
  const config = configOf(tool);
  const credentials = namesOfSecrets(config).length > 0 ? await options.credentials(tool, context) : {};
  const call = buildCall(config, { args, credentials, idempotencyKey: context.idempotencyKey });
  const answer = await options.fetch(call.url, {
    method: call.method,
    headers: call.headers,
    body: call.body,
    allowHosts: config.allow_hosts,
    secretHeaders: call.secretHeaders,
    timeoutMs: tool.executionTimeout * 1_000,
    maxBytes: options.maxBytes ?? MAX_BYTES,
    signal: context.signal,
  });
  return outcomeOf(config, call, answer, Object.values(credentials));
}

function preview(
  tool: ToolRecord,
  args: JsonObject,
  { idempotencyKey }: ToolCallContext,
): Promise<ToolOutcome> {
  const config = configOf(tool);
  if (isSafeMethod(config.method)) {
    return Promise.resolve(
      failed('no_preview', `A ${config.method} request changes nothing, so there is no preview.`),
    );
  }
  const credentials = Object.fromEntries(namesOfSecrets(config).map((name) => [name, MASK]));
  const { method, url, headers, body } = buildCall(config, { args, credentials, idempotencyKey });
  const shown: JsonValue =
    body !== undefined && config.body === 'json' ? readExactJson(body) : (body ?? null);
  return Promise.resolve({ ok: true, result: { request: { method, url, headers, body: shown } } });
}

function outcomeOf(
  config: HttpToolConfig,
  call: HttpCall,
  answer: SafeResponse,
  secrets: string[],
): ToolOutcome {
  const { status, headers } = answer;
  const text = masked(answer.body.toString('utf8'), secrets);
  if (status < 200 || status > 299) {
    const { origin, pathname } = new URL(call.url);
    const message = `${call.method} ${origin}${pathname} answered ${status}: ${text.slice(0, ERROR_CHARACTERS)}`;
    return failed('http_error', message, status === 429 || status >= 500);
  }
  const parsed = parse(text, headers['content-type'] ?? '');
  if (!parsed.ok) return parsed;
  const body = parsed.result;
  if (config.response === null) return { ok: true, result: { status, body } };
  const found = at(body, config.response.path);
  if (found === undefined)
    return failed('unexpected_answer', `The answer has nothing at ${config.response.path}.`);
  return { ok: true, result: { status, body: found } };
}

/** What a call meets becomes an outcome; a defect of ours and the caller's abort stay exceptions. */
async function asOutcome(context: ToolCallContext, work: () => Promise<ToolOutcome>): Promise<ToolOutcome> {
  try {
    return await work();
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    if (error instanceof ArgumentError) return failed('invalid_arguments', error.message);
    if (error instanceof FetchFailed) return failed(error.reason, error.message, error.retryable);
    if (error instanceof DomainError && error.code === 'validation_failed')
      return failed('refused', error.message);
    throw error;
  }
}

const configOf = (tool: ToolRecord): HttpToolConfig => tool.config as unknown as HttpToolConfig;

const namesOfSecrets = ({ headers, query }: HttpToolConfig): string[] =>
  placeholders([headers, query]).filter(isCredential).map(credentialName);

const failed = (type: string, message: string, retryable = false): ToolOutcome => ({
  ok: false,
  error: { type, message, retryable },
});

const masked = (text: string, secrets: string[]): string =>
  secrets
    .filter((secret) => secret.length >= MASKED_CHARACTERS)
    .reduce((rest, secret) => rest.replaceAll(secret, MASK), text);

/** What says JSON and is none is the answer all the same. */
const parse = (text: string, contentType: string): ToolOutcome =>
  /[/+]json\b/i.test(contentType) ? outcomeOfText(text) : { ok: true, result: text };

function at(value: JsonValue, path: string): JsonValue | undefined {
  let current: JsonValue | undefined = value;
  for (const key of path.split('.')) {
    if (Array.isArray(current)) current = /^\d+$/.test(key) ? current[Number(key)] : undefined;
    else current = isObject(current) && Object.hasOwn(current, key) ? current[key] : undefined;
  }
  return current;
}
