import { DomainError } from '../errors';
import { MAX_JSON_DEPTH, parseStorable } from '../json';
import { structuredChecks } from '../json-schema/check';
import { jsonAnswer } from '../models/answer-text';
import type { Clock } from '../ports/clock';
import type {
  ChatChunk,
  ChatRequest,
  GiveBack,
  ModelGateway,
  ModelMessage,
  ModelTool,
  ModelToolCall,
} from '../ports/models';
import type { JsonValue, RunRecord } from '../ports/records';
import { Continuation } from './continuation';
import type { Usage } from './events';
import { delay } from './patience';
import type { RunRequest } from './types';
import type { StepText } from './step-text';

/** A model stream that was cut is taken up this often before the run fails. */
const MAX_CONTINUATIONS = 3;
const FIRST_CONTINUATION_WAIT_MS = 250;
/** A provider that asks for a longer pause than this gets no further attempt. */
const LONGEST_CONTINUATION_WAIT_MS = 30_000;
/**
 * Longest answer, in UTF-16 units: it is stored whole in one document, of at most 16 MiB, beside the request. Structured
 * output is stored twice. Far beyond what any model writes; only a provider gone wild meets it.
 */
const MAX_ANSWER_CHARACTERS = 4_000_000;
const MAX_STRUCTURED_CHARACTERS = 2_000_000;

export interface ModelStep {
  models: ModelGateway;
  /** Where the text of this step goes. */
  text: StepText;
  /** Whose turn it is where the work of many waits. */
  tenant: string;
  /** Waits without a place among those that ask their model. */
  aside: (wait: () => Promise<void>) => Promise<void>;
  run: RunRecord;
  request: RunRequest;
  messages: ModelMessage[];
  tools: ModelTool[];
  /** The agent's own generation settings, beneath the request's. */
  agentSettings: { temperature: number | null; maxTokens: number | null; reasoningEffort: string | null };
  signal: AbortSignal;
  clock: Clock;
}

export interface StepResult {
  finishReason: string;
  usage: Usage;
  output?: JsonValue;
  /** What the model wants called before it goes on; empty when the answer is complete. */
  toolCalls: ModelToolCall[];
  /** What the endpoint wants back with these calls. */
  giveBack?: GiveBack;
}

/**
 * Asks the model once and writes its text as it arrives.
 * @throws DomainError of the model port, `output_invalid` when structured output fails its schema twice; the abort reason
 */
export async function answer(step: ModelStep): Promise<StepResult> {
  const format = step.request.responseFormat;
  return format ? structuredAnswer(step, format) : textAnswer(step);
}

async function textAnswer(step: ModelStep): Promise<StepResult> {
  const usage = emptyUsage();
  for (let attempt = 0; ; attempt++) {
    try {
      const done = await streamInto(step);
      addUsage(usage, done.usage);
      const { finishReason, toolCalls, giveBack } = done;
      return { finishReason, usage, toolCalls, giveBack };
    } catch (error) {
      if (step.signal.aborted) throw step.signal.reason;
      // Before the first output the provider's own attempts decide; here a stream that was cut is taken up.
      if (step.text.value === '' || !isRetryable(error) || attempt >= MAX_CONTINUATIONS) throw error;
      const asked = (error as DomainError).details.retryAfterMs ?? 0;
      if (asked > LONGEST_CONTINUATION_WAIT_MS) throw error;
      const waitMs = Math.max(asked, FIRST_CONTINUATION_WAIT_MS * 2 ** attempt);
      await step.aside(() => delay(waitMs, step.signal));
      if (step.signal.aborted) throw step.signal.reason;
    }
  }
}

type Done = Extract<ChatChunk, { type: 'done' }>;

async function streamInto(step: ModelStep): Promise<Done> {
  const { text: written, models } = step;
  const continuation = new Continuation(written.value);
  const request: ChatRequest = { ...generation(step), messages: step.messages };
  if (written.value !== '') request.continueFrom = written.value;
  for await (const chunk of models.chat(request)) {
    if (chunk.type === 'text') {
      const room = MAX_ANSWER_CHARACTERS - written.total;
      const text = continuation.push(chunk.text);
      written.write(text.slice(0, room));
      await written.room();
      if (text.length > room) return cutOff(step);
    } else if (chunk.type === 'reasoning') written.writeReasoning(chunk.text);
    else if (chunk.type === 'done') return chunk;
  }
  throw new DomainError('provider_error', `Model ${step.run.model} ended its stream without finishing.`, {
    extra: { retryable: true },
  });
}

/** The end of an answer that grew too long to be kept. Leaving the loop hangs up on the provider, so its count is unknown. */
function cutOff(step: ModelStep): Done {
  const text = step.text.value;
  return { type: 'done', text, toolCalls: [], finishReason: 'length', usage: emptyUsage() };
}

/** Shown only once it is known to fit: deltas are final, so nothing is streamed that a repair would replace. */
async function structuredAnswer(
  step: ModelStep,
  format: NonNullable<RunRequest['responseFormat']>,
): Promise<StepResult> {
  const usage = emptyUsage();
  const { tenant, run, signal } = step;
  const validate = (value: unknown): Promise<string[]> =>
    format === 'json_object'
      ? Promise.resolve([])
      : structuredChecks.check(format.schema, value, { turn: { tenant, user: run.userId }, signal });
  const stored = parseStorable(step.text.value);
  // An earlier attempt stored the whole answer, checked, and was interrupted before the end.
  if (stored !== undefined && (await validate(stored)).length === 0)
    return { finishReason: 'stop', usage, output: stored, toolCalls: [] };
  let messages = step.messages;
  let problems: string[] = [];
  for (let attempt = 0; attempt < 2; attempt++) {
    const done = await collect(step, { ...generation(step), messages, responseFormat: format });
    addUsage(usage, done.usage);
    if (done.toolCalls.length > 0) {
      const { finishReason, toolCalls, giveBack } = done;
      return { finishReason, usage, toolCalls, giveBack };
    }
    if (done.text.length > MAX_STRUCTURED_CHARACTERS)
      throw new DomainError(
        'output_invalid',
        `The model's answer has ${done.text.length} characters; at most ${MAX_STRUCTURED_CHARACTERS} can be kept.`,
        { extra: { retryable: true } },
      );
    const found = jsonAnswer(done.text);
    problems =
      found === undefined
        ? [`the answer is not JSON of at most ${MAX_JSON_DEPTH} levels`]
        : await validate(found.value);
    if (found && problems.length === 0) {
      step.text.write(found.text.slice(step.text.value.length));
      return { finishReason: done.finishReason, usage, output: found.value, toolCalls: [] };
    }
    messages = [
      ...step.messages,
      { role: 'assistant', content: done.text },
      { role: 'user', content: repairPrompt(problems) },
    ];
  }
  throw new DomainError(
    'output_invalid',
    `The model's answer does not fit the schema: ${problems.slice(0, 5).join('; ')}.`,
    {
      extra: { retryable: true },
    },
  );
}

const repairPrompt = (problems: string[]): string =>
  `That answer does not fit the required JSON schema: ${problems.slice(0, 20).join('; ')}. Answer again with the corrected JSON alone.`;

async function collect(step: ModelStep, request: ChatRequest): Promise<Done> {
  for await (const chunk of step.models.chat(request)) if (chunk.type === 'done') return chunk;
  throw new DomainError('provider_error', `Model ${step.run.model} ended its stream without finishing.`, {
    extra: { retryable: true },
  });
}

function generation(step: ModelStep): Omit<ChatRequest, 'messages'> {
  const { request, agentSettings, run, signal, tenant } = step;
  return {
    model: run.model,
    turn: { tenant, user: run.userId },
    ...(step.tools.length > 0 ? { tools: step.tools } : {}),
    signal,
    temperature: request.temperature ?? agentSettings.temperature ?? undefined,
    maxTokens: request.maxTokens ?? agentSettings.maxTokens ?? undefined,
    topP: request.topP,
    frequencyPenalty: request.frequencyPenalty,
    presencePenalty: request.presencePenalty,
    reasoningEffort: request.reasoningEffort ?? agentSettings.reasoningEffort ?? undefined,
  };
}

export const isRetryable = (error: unknown): boolean =>
  error instanceof DomainError && error.details.extra?.retryable === true;

export const emptyUsage = (): Usage => ({ inputTokens: 0, outputTokens: 0, totalTokens: 0, costUsd: 0 });

export function addUsage(total: Usage, more: Usage): void {
  total.inputTokens += more.inputTokens;
  total.outputTokens += more.outputTokens;
  total.totalTokens += more.totalTokens;
  total.costUsd += more.costUsd;
}
