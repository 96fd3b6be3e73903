import type {
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';
import { DomainError } from '../../errors';
import { faultIn, sendableMessages } from '../../model-messages';
import type { ChatRequest, GiveBack, ModelInfo, ModelMessage } from '../../ports/models';

/** Names of response formats: https://platform.openai.com/docs/api-reference/chat/create#chat_create-response_format */
const NAME_NOT_ALLOWED = /[^A-Za-z0-9_-]/g;
const MAX_NAME_CHARS = 64;

export interface RequestFacts {
  /** Id after the slash, as the endpoint knows it. */
  model: string;
  info: ModelInfo;
  /** OpenAI's own endpoint, which wants `max_completion_tokens`; compatible ones often know `max_tokens` only. */
  official: boolean;
}

/**
 * The wire body of one streamed completion. Sampling parameters are left out for reasoning models and the reasoning
 * effort for others, because OpenAI refuses the whole call otherwise and an agent's settings outlive its model.
 * @throws DomainError `validation_failed` on `messages` when they break a rule that every endpoint has: nothing is sent then
 */
export function toWireRequest(
  request: ChatRequest,
  facts: RequestFacts,
): ChatCompletionCreateParamsStreaming {
  const { model, info, official } = facts;
  const reasons = info.capabilities.supportsReasoning;
  const body: ChatCompletionCreateParamsStreaming = {
    model,
    messages: withReasoning(provenMessages(request).map((message) => toWireMessage(message, request.model))),
    stream: true,
    stream_options: { include_usage: true },
  };
  addTools(body, request);
  if (!(official && reasons)) addSampling(body, request);
  if (request.maxTokens !== undefined) {
    if (official) body.max_completion_tokens = request.maxTokens;
    else body.max_tokens = request.maxTokens;
  }
  if (request.reasoningEffort !== undefined && (reasons || !official)) {
    // The list of efforts grows with every model family: the endpoint judges the value, not the client's types.
    body.reasoning_effort = request.reasoningEffort as typeof body.reasoning_effort;
  }
  const format = responseFormat(request);
  if (format) body.response_format = format;
  return body;
}

const CONTINUE =
  'Your previous message was cut off while it was sent. Continue it exactly where it stops: do not repeat any of it, do not ' +
  'comment on the interruption, and begin with the very next character, be it a space or the rest of a word.';

/** An answer that was cut is shown to the model as its own unfinished message, with the order to go on. */
function withContinuation({ messages, continueFrom }: ChatRequest): ModelMessage[] {
  if (!continueFrom?.trim()) return messages;
  // A user's message: a system message is refused anywhere but at the beginning.
  return [...messages, { role: 'assistant', content: continueFrom }, { role: 'user', content: CONTINUE }];
}

function provenMessages(request: ChatRequest): ModelMessage[] {
  const messages = sendableMessages(withContinuation(request));
  const fault = faultIn(messages);
  if (fault === undefined) return messages;
  const message = `The request to ${request.model} was not sent, since every endpoint would refuse it (${fault}).`;
  const details = { errors: [{ path: 'messages', message: fault }], extra: { retryable: false } };
  throw new DomainError('validation_failed', message, details);
}

function addTools(body: ChatCompletionCreateParamsStreaming, request: ChatRequest): void {
  if (request.tools?.length) {
    body.tools = request.tools.map((tool) => ({ type: 'function', function: { ...tool } }));
    return;
  }
  // Anthropic refuses calls in the history of a request that declares no tool.
  const names = new Set(
    body.messages.flatMap((message) =>
      message.role === 'assistant'
        ? (message.tool_calls ?? []).map((call) => (call.type === 'function' ? call.function.name : ''))
        : [],
    ),
  );
  if (names.size === 0) return;
  body.tools = [...names].map((name) => ({
    type: 'function',
    function: { name, description: GONE, parameters: { type: 'object', properties: {} } },
  }));
  body.tool_choice = 'none';
}

/** Of tools that were called in earlier turns, where none is offered now. */
const GONE = 'This tool was called earlier; it cannot be called any more.';

function addSampling(body: ChatCompletionCreateParamsStreaming, request: ChatRequest): void {
  if (request.temperature !== undefined) body.temperature = request.temperature;
  if (request.topP !== undefined) body.top_p = request.topP;
  if (request.frequencyPenalty !== undefined) body.frequency_penalty = request.frequencyPenalty;
  if (request.presencePenalty !== undefined) body.presence_penalty = request.presencePenalty;
}

function responseFormat(request: ChatRequest): ChatCompletionCreateParamsStreaming['response_format'] {
  const format = request.responseFormat;
  if (!format) return undefined;
  if (format === 'json_object') return { type: 'json_object' };
  const name = format.name.replace(NAME_NOT_ALLOWED, '_').slice(0, MAX_NAME_CHARS) || 'answer';
  return {
    type: 'json_schema',
    json_schema: { name, schema: format.schema, strict: format.strict ?? false },
  };
}

function toWireMessage(message: ModelMessage, model: string): ChatCompletionMessageParam {
  if (message.role === 'tool') {
    return { role: 'tool', content: message.content, tool_call_id: message.toolCallId };
  }
  if (message.role !== 'assistant' || !message.toolCalls?.length) {
    return { role: message.role, content: message.content };
  }
  return {
    ...fieldsFor(model, message.giveBack),
    role: 'assistant',
    content: message.content === '' ? null : message.content,
    tool_calls: message.toolCalls.map(({ id, name, arguments: args, giveBack }) => ({
      ...fieldsFor(model, giveBack),
      id,
      type: 'function',
      function: { name, arguments: args },
    })),
  };
}

/**
 * DeepSeek wants the reasoning of every step with calls once it gave one, also of steps in which it had none to give.
 * https://api-docs.deepseek.com/guides/thinking_mode#tool-calls
 */
function withReasoning(messages: ChatCompletionMessageParam[]): ChatCompletionMessageParam[] {
  if (!messages.some((message) => REASONING in message)) return messages;
  return messages.map((message) => ('tool_calls' in message ? { [REASONING]: '', ...message } : message));
}

const REASONING = 'reasoning_content';

/** What an endpoint gave goes back to it alone: others refuse fields that they do not know. */
const fieldsFor = (model: string, giveBack: GiveBack | undefined): object =>
  giveBack?.model === model ? giveBack.fields : {};
