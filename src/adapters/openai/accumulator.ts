import type { ChatChunk, FinishReason, GiveBack, ModelToolCall } from '../../ports/models';
import type { JsonObject, JsonValue } from '../../ports/records';
import type { TokenCounts } from '../../models/pricing';
import { problemIn } from './problem';
import { ToolCallReader } from './tool-calls';
import { exactly, isObject, readContent, type Said, type Source, within } from './wire';

export type DeltaChunk = Exclude<ChatChunk, { type: 'done' }>;

/** The end marker that OpenAI documents; some compatible endpoints leave it out after the finish reason. */
const END_MARKER = '[DONE]';
const BYTE_ORDER_MARK = /^\uFEFF/;
/** Types of events that may hold a chunk; errors are read whatever they look like, others are looked at and may be no JSON. */
const CHUNK_EVENTS = new Set(['', 'message']);
const ERROR_EVENT = 'error';

const CUT_AT_LENGTH = /^(length|max_tokens|model_length|max_output_tokens)$/i;
const FILTERED = /^(content_filter|safety|recitation|prohibited_content|blocklist|spii|sensitive)$/i;
/** Reasons that say that the endpoint broke: OpenRouter, DeepSeek, Zhipu. */
const BROKEN = /^(error|insufficient_system_resource|network_error)$/i;

const FIRST_CHOICE = ['choices', 0];

/** Turns the wire's chunks into deltas and keeps the whole: text, tool calls, finish reason, usage. */
export class Accumulator {
  text = '';
  reasoning = '';
  usage: TokenCounts | undefined;
  /** True after the end marker. */
  ended = false;
  /** Why the endpoint stopped, in its own word. */
  finish: string | undefined;
  private readonly calls: ToolCallReader;
  /** Fields of the message that the endpoint wants back with its calls. */
  private readonly given: JsonObject = {};

  /** @param model `provider/model` whose endpoint gets back what it gives */
  constructor(
    private readonly emit: (delta: DeltaChunk) => void,
    private readonly model = '',
  ) {
    this.calls = new ToolCallReader(model);
  }

  /**
   * @param data one event's payload
   * @param event the event's type, '' for none
   * @returns the endpoint's error when the event holds one, in whatever shape
   * @throws SyntaxError when it is not JSON; TypeError when it is no object
   */
  add(data: string, event = ''): unknown {
    const text = data.replace(BYTE_ORDER_MARK, '').trim();
    if (text === '') return undefined;
    if (text === END_MARKER) {
      this.ended = true;
      return undefined;
    }
    if (event === ERROR_EVENT) return problemIn(parsed(text)) ?? { message: text };
    if (CHUNK_EVENTS.has(event)) return this.addChunk(JSON.parse(text), text);
    const chunk = parsed(text);
    return isObject(chunk) ? this.addChunk(chunk, text) : undefined;
  }

  /** Takes one chunk of a stream, or a whole answer, and its text. @returns as {@link add} */
  private addChunk(chunk: unknown, text: string): unknown {
    const problem = problemIn(chunk);
    if (problem !== undefined) return problem;
    if (!isObject(chunk)) throw new TypeError('The event is no JSON object.');
    const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
    if (isObject(choice)) {
      if (isObject(choice.delta)) this.addDelta(choice.delta, { text, path: [...FIRST_CHOICE, 'delta'] });
      if (isObject(choice.message))
        this.addWhole(choice.message, { text, path: [...FIRST_CHOICE, 'message'] });
      const finish = choice.finish_reason;
      if (typeof finish === 'string' && finish !== '') {
        if (BROKEN.test(finish)) return { message: `it stopped with the reason ${finish}` };
        this.finish = finish;
      }
    }
    this.usage = toCounts(chunk.usage) ?? this.usage;
    return undefined;
  }

  /** The answer is whole: the endpoint said why it stopped, or that the stream is over. */
  get complete(): boolean {
    return this.ended || this.finish !== undefined;
  }

  /** Nothing that anybody could read or execute. */
  get empty(): boolean {
    return this.calls.size === 0 && this.text.trim() === '';
  }

  get toolCalls(): ModelToolCall[] {
    return this.calls.calls;
  }

  get finishReason(): FinishReason {
    if (this.finish !== undefined && CUT_AT_LENGTH.test(this.finish)) return 'length';
    if (this.finish !== undefined && FILTERED.test(this.finish)) return 'content_filter';
    // Some endpoints say `stop` for a turn that ends in tool calls.
    return this.calls.size > 0 ? 'tool_calls' : 'stop';
  }

  get giveBack(): GiveBack | undefined {
    return Object.keys(this.given).length === 0 ? undefined : { model: this.model, fields: this.given };
  }

  /** The message of a whole answer; of one that comes after its deltas only what is new. */
  private addWhole(message: Record<string, unknown>, source: Source): void {
    const said = readContent(message.content).filter(({ kind }) => kind === 'text');
    const text = said.map((one) => one.text).join('');
    const begun = this.text !== '' || this.calls.size > 0;
    if (!begun) this.addDelta(message, source);
    else if (text.startsWith(this.text)) this.say({ kind: 'text', text: text.slice(this.text.length) });
  }

  private addDelta(delta: Record<string, unknown>, source: Source): void {
    this.addGiven(delta, source);
    const reasoning = [delta.reasoning_content, delta.reasoning].find(
      (one) => one !== undefined && one !== '',
    );
    for (const said of readContent(reasoning, 'reasoning')) this.say(said);
    const said = readContent(delta.content);
    // A refusal is what the user gets to read in place of an answer.
    for (const one of said.length > 0 ? said : readContent(delta.refusal)) this.say(one);
    const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls : [];
    for (const [index, call] of calls.entries()) this.addCall(call, within(source, 'tool_calls', index));
    // The form before tools: https://platform.openai.com/docs/api-reference/chat/create#chat_create-function_call
    if (isObject(delta.function_call))
      this.addCall({ index: 0, function: delta.function_call }, source, 'function_call');
  }

  private say({ kind, text }: Said): void {
    if (text === '') return;
    if (kind === 'text') this.text += text;
    else this.reasoning += text;
    this.emit({ type: kind, text });
  }

  private addCall(wire: unknown, source: Source, fn = 'function'): void {
    const delta = this.calls.add(wire, { call: source, function: within(source, fn) });
    if (delta) this.emit({ type: 'tool_call', ...delta });
  }

  /**
   * DeepSeek and Kimi want the reasoning of a step with calls back under the name they sent it, also an empty one;
   * OpenRouter its details, Gemini what it adds to a message.
   */
  private addGiven(delta: Record<string, unknown>, source: Source): void {
    for (const name of ['reasoning_content', 'reasoning'] as const) {
      const text = delta[name];
      if (typeof text === 'string')
        this.given[name] = `${(this.given[name] as string | undefined) ?? ''}${text}`;
    }
    if (isObject(delta.extra_content))
      this.given.extra_content = exactly(delta.extra_content as JsonObject, within(source, 'extra_content'));
    if (Array.isArray(delta.reasoning_details)) {
      const said = exactly(delta.reasoning_details as JsonValue[], within(source, 'reasoning_details'));
      const details = (this.given.reasoning_details ??= []) as JsonValue[];
      for (const detail of said) details.push(detail);
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The endpoint's counts; undefined unless it counted both sides, or when it says that nothing was counted. */
function toCounts(usage: unknown): TokenCounts | undefined {
  if (!isObject(usage)) return undefined;
  const inputTokens = count(usage.prompt_tokens);
  const outputTokens = count(usage.completion_tokens);
  if (inputTokens === undefined || outputTokens === undefined || inputTokens + outputTokens === 0)
    return undefined;
  const details = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  return { inputTokens, outputTokens, cachedInputTokens: count(details.cached_tokens) ?? 0 };
}

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
