import type { ChatRequest } from '../../ports/models';
import type { TokenCounts } from '../../models/pricing';
import type { ModelRegistry } from '../../models/registry';
import type { Accumulator } from './accumulator';

/** Longer texts are estimated: the exact count would hold up the event loop for tens of milliseconds. */
const MAX_EXACT_CHARS = 100_000;
/** What the chat format adds to each message: https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken */
const TOKENS_PER_MESSAGE = 3;
const TOKENS_PER_ANSWER = 3;

/** The endpoint's own counts, else ours by the o200k tokenizer, loaded only then (70 MB). */
export async function countUsage(
  request: ChatRequest,
  answer: Accumulator,
  registry: ModelRegistry,
): Promise<TokenCounts> {
  if (answer.usage) return answer.usage;
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  const count = (text: string): number =>
    // Marker-like text in a prompt (`<|endoftext|>`) is ordinary text here, not an error.
    text.length > MAX_EXACT_CHARS
      ? registry.estimateTokens(text)
      : countTokens(text, { disallowedSpecial: new Set() });
  const calls = answer.toolCalls.map((call) => call.name + call.arguments).join('\n');
  return {
    inputTokens:
      request.messages.reduce((sum, message) => sum + TOKENS_PER_MESSAGE + count(textOf(message)), 0) +
      TOKENS_PER_ANSWER +
      (request.tools?.length ? count(JSON.stringify(request.tools)) : 0),
    outputTokens: count(answer.text) + count(answer.reasoning) + count(calls),
  };
}

function textOf(message: ChatRequest['messages'][number]): string {
  if (message.role !== 'assistant' || !message.toolCalls) return message.content;
  return message.content + message.toolCalls.map((call) => call.name + call.arguments).join('\n');
}
