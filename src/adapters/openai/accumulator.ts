import type { ChatChunk, FinishReason, ModelToolCall } from '../../ports/models';
import type { TokenCounts } from '../../models/pricing';

export type DeltaChunk = Exclude<ChatChunk, { type: 'done' }>;

/** One chunk of a chat completion stream as endpoints really send it: every field may be missing. */
interface WireChunk {
  choices?: { delta?: WireDelta | null; finish_reason?: string | null }[] | null;
  usage?: {
    prompt_tokens?: number;
    completion_tokens?: number;
    prompt_tokens_details?: { cached_tokens?: number } | null;
  } | null;
  error?: unknown;
}

interface WireDelta {
  content?: string | null;
  refusal?: string | null;
  reasoning_content?: string | null;
  reasoning?: string | null;
  tool_calls?:
    | { index?: number; id?: string | null; function?: { name?: string | null; arguments?: string | null } }[]
    | null;
}

/** The end marker that OpenAI documents; some compatible endpoints leave it out after the finish reason. */
const END_MARKER = '[DONE]';

/** Turns the wire's chunks into deltas and keeps the whole: text, tool calls, finish reason, usage. */
export class Accumulator {
  text = '';
  reasoning = '';
  usage: TokenCounts | undefined;
  /** True after the end marker. */
  ended = false;
  private finish: string | undefined;
  private readonly calls = new Map<number, ModelToolCall>();

  constructor(private readonly emit: (delta: DeltaChunk) => void) {}

  /**
   * @param data one event's payload
   * @returns the endpoint's error object when the event holds one
   * @throws SyntaxError when it is not JSON; TypeError when it is not an object
   */
  add(data: string): unknown {
    if (data === END_MARKER) {
      this.ended = true;
      return undefined;
    }
    const chunk: unknown = JSON.parse(data);
    if (chunk === null || typeof chunk !== 'object') throw new TypeError('The event is no JSON object.');
    const { choices, usage, error } = chunk as WireChunk;
    if (error) return error;
    const choice = choices?.[0];
    if (choice?.delta) this.addDelta(choice.delta);
    if (choice?.finish_reason) this.finish = choice.finish_reason;
    if (usage) this.usage = toCounts(usage);
    return undefined;
  }

  /** The answer is whole: the endpoint said why it stopped, or that the stream is over. */
  get complete(): boolean {
    return this.ended || this.finish !== undefined;
  }

  get toolCalls(): ModelToolCall[] {
    return [...this.calls.entries()].sort(([a], [b]) => a - b).map(([, call]) => call);
  }

  get finishReason(): FinishReason {
    if (this.finish === 'length' || this.finish === 'content_filter') return this.finish;
    // Some endpoints say `stop` for a turn that ends in tool calls.
    return this.calls.size > 0 ? 'tool_calls' : 'stop';
  }

  private addDelta(delta: WireDelta): void {
    const reasoning = delta.reasoning_content ?? delta.reasoning;
    if (reasoning) {
      this.reasoning += reasoning;
      this.emit({ type: 'reasoning', text: reasoning });
    }
    // A refusal is what the user gets to read in place of an answer.
    const text = delta.content || delta.refusal;
    if (text) {
      this.text += text;
      this.emit({ type: 'text', text });
    }
    for (const [position, call] of delta.tool_calls?.entries() ?? []) this.addToolCall(position, call);
  }

  private addToolCall(position: number, wire: NonNullable<WireDelta['tool_calls']>[number]): void {
    const index = wire.index ?? position;
    const name = wire.function?.name ?? undefined;
    const args = wire.function?.arguments ?? undefined;
    const call = this.calls.get(index);
    if (call) {
      if (args) call.arguments += args;
      if (name && !call.name) call.name = name;
      this.emit({ type: 'tool_call', index, ...(args ? { arguments: args } : {}) });
      return;
    }
    // An id is what ties the result to the call; endpoints without ids get one.
    const id = wire.id || `call_${index}_${Math.random().toString(36).slice(2, 12)}`;
    this.calls.set(index, { id, name: name ?? '', arguments: args ?? '' });
    this.emit({
      type: 'tool_call',
      index,
      id,
      ...(name ? { name } : {}),
      ...(args ? { arguments: args } : {}),
    });
  }
}

function toCounts(usage: NonNullable<WireChunk['usage']>): TokenCounts {
  return {
    inputTokens: usage.prompt_tokens ?? 0,
    outputTokens: usage.completion_tokens ?? 0,
    cachedInputTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
  };
}
