/* eslint-disable @typescript-eslint/no-explicit-any -- requests are judged as an endpoint gets them */

/**
 * What five families of endpoints refuse in the messages of a request, written down from their documentation and from what
 * users reported of them, apart from the code that makes requests.
 *
 * OpenAI: https://platform.openai.com/docs/api-reference/chat/create (pattern of names, roles), "string too long: maximum
 *   length 40" of tool_calls.id, https://github.com/BerriAI/litellm/issues/28995 (each call is answered).
 * Anthropic behind its OpenAI form: https://platform.claude.com/docs/en/api/openai-sdk,
 *   https://github.com/anthropics/claude-code/issues/59812 and 23369 (text must not be empty or blank), "Requests which
 *   include `tool_use` or `tool_result` blocks must define tools", tool_use ids `^[a-zA-Z0-9_-]+$` and unique.
 * Mistral: https://github.com/anomalyco/opencode/issues/1680 (ids of nine letters and digits),
 *   https://github.com/NousResearch/hermes-agent/issues/20154 (no user after a tool),
 *   https://github.com/huggingface/smolagents/issues/757 (the last is a user or a tool),
 *   https://github.com/charmbracelet/crush/issues/279 (order of roles); it refuses fields that it does not know.
 * DeepSeek: https://github.com/deepseek-ai/DeepSeek-R1/issues/21 (no successive users or assistants),
 *   https://api-docs.deepseek.com/guides/thinking_mode (reasoning of steps with calls comes back, also an empty one).
 * vLLM and the chat templates that it runs: https://github.com/vllm-project/vllm/issues/6862 (roles alternate; calls and
 *   results are left out of the count), "System message must be at the beginning", arguments are read by json.loads and
 *   must be an object.
 */
export type Family = 'openai' | 'anthropic' | 'mistral' | 'deepseek' | 'vllm';

export const FAMILIES: Family[] = ['openai', 'anthropic', 'mistral', 'deepseek', 'vllm'];

type Message = Record<string, any>;

const KNOWN_FIELDS = new Set(['role', 'content', 'tool_calls', 'tool_call_id', 'name']);
const KNOWN_CALL_FIELDS = new Set(['id', 'type', 'function', 'index']);

/**
 * @param own true when the request goes to the endpoint that gave the extra fields in it
 * @returns the first complaint; undefined when the family takes the request
 */
export function refusal(family: Family, body: any, own = true): string | undefined {
  const messages = body.messages as Message[];
  return (
    shared(messages) ??
    (own ? undefined : foreignFields(messages)) ??
    { openai, anthropic, mistral, deepseek, vllm }[family](messages, body)
  );
}

const callsOf = (message: Message | undefined): Message[] => message?.tool_calls ?? [];
const hasCalls = (message: Message | undefined): boolean => callsOf(message).length > 0;
const isBlank = (content: unknown): boolean => typeof content !== 'string' || content.trim() === '';

/** Each call has its result right behind it, each result its call, and every field its type. */
function shared(messages: Message[]): string | undefined {
  if (messages.length === 0) return 'messages is empty';
  let open: string[] = [];
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    if (!['system', 'user', 'assistant', 'tool'].includes(message.role)) return `${at}: role ${message.role}`;
    if (message.role !== 'tool' && open.length > 0) return `${at}: ids ${open.join()} have no result`;
    if (message.role === 'tool') {
      if (!open.includes(message.tool_call_id)) return `${at}: answers no call`;
      open = open.filter((id) => id !== message.tool_call_id);
    }
    if (message.role !== 'assistant' && typeof message.content !== 'string')
      return `${at}: content is no text`;
    if (message.role === 'assistant' && !message.content && !hasCalls(message))
      return `${at}: empty assistant`;
    if (message.content && !message.content.isWellFormed()) return `${at}: lone surrogate`;
    for (const call of callsOf(message)) {
      if (typeof call.id !== 'string' || call.id === '') return `${at}: id ${call.id}`;
      if (call.type !== 'function') return `${at}: type ${call.type}`;
      if (typeof call.function?.arguments !== 'string') return `${at}: arguments are no text`;
      open.push(call.id);
    }
    if (new Set(open).size !== open.length) return `${at}: tool call id is duplicated`;
  }
  return open.length > 0 ? `ids ${open.join()} have no result` : undefined;
}

function foreignFields(messages: Message[]): string | undefined {
  for (const [index, message] of messages.entries()) {
    for (const field of Object.keys(message))
      if (!KNOWN_FIELDS.has(field)) return `messages[${index}].${field}: extra inputs are not permitted`;
    for (const call of callsOf(message))
      for (const field of Object.keys(call))
        if (!KNOWN_CALL_FIELDS.has(field)) return `messages[${index}].tool_calls.${field}: not permitted`;
  }
  return undefined;
}

function openai(messages: Message[]): string | undefined {
  for (const [index, message] of messages.entries())
    for (const call of callsOf(message)) {
      if (call.id.length > 40) return `messages[${index}]: tool_calls.id is longer than 40`;
      if (!/^[a-zA-Z0-9_-]{1,64}$/.test(call.function.name))
        return `messages[${index}]: function.name ${call.function.name} does not match`;
      if (!isJson(call.function.arguments)) return `messages[${index}]: arguments are no JSON`;
    }
  return undefined;
}

function anthropic(messages: Message[], body: any): string | undefined {
  const turns = messages.filter(({ role }) => role !== 'system');
  if (turns[0]?.role !== 'user') return 'the first message is no user';
  if (turns.at(-1)?.role === 'assistant') return 'the conversation must end with a user message';
  const ids = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (isBlank(message.content) && !(hasCalls(message) && message.content === null))
      return `messages[${index}]: text content blocks must be non-empty`;
    for (const call of callsOf(message)) {
      if (!/^[a-zA-Z0-9_-]+$/.test(call.id)) return `messages[${index}]: tool_use.id does not match`;
      if (ids.has(call.id)) return `messages[${index}]: tool_use ids must be unique`;
      ids.add(call.id);
      if (!isJsonObject(call.function.arguments))
        return `messages[${index}]: tool_use.input is no dictionary`;
      if (!/^[a-zA-Z0-9_-]{1,128}$/.test(call.function.name)) return `messages[${index}]: tool_use.name`;
    }
  }
  return ids.size > 0 && !body.tools?.length ? 'requests with tool_use blocks must define tools' : undefined;
}

const AFTER: Record<string, string[]> = {
  '': ['system', 'user'],
  system: ['user'],
  user: ['assistant'],
  assistant: ['user'],
  calls: ['tool'],
  tool: ['tool', 'assistant'],
};

function mistral(messages: Message[]): string | undefined {
  let before = '';
  for (const [index, message] of messages.entries()) {
    if (!AFTER[before]!.includes(message.role))
      return `messages[${index}]: unexpected role ${message.role} after role ${before}`;
    before = hasCalls(message) ? 'calls' : message.role;
    for (const call of callsOf(message)) {
      if (!/^[a-zA-Z0-9]{9}$/.test(call.id))
        return `tool call id was ${call.id}, but must have a length of 9`;
      if (!/^[a-zA-Z0-9_-]{1,256}$/.test(call.function.name))
        return `function name was ${call.function.name}`;
      if (!isJson(call.function.arguments)) return `messages[${index}]: arguments are no JSON`;
    }
  }
  return before === 'user' || before === 'tool'
    ? undefined
    : `expected last role user or tool, got ${before}`;
}

function deepseek(messages: Message[]): string | undefined {
  const thinks = messages.some((message) => 'reasoning_content' in message);
  for (const [index, message] of messages.entries()) {
    const next = messages[index + 1];
    if ((message.role === 'user' || message.role === 'assistant') && next?.role === message.role)
      return `does not support successive ${message.role} messages`;
    if (thinks && hasCalls(message) && typeof message.reasoning_content !== 'string')
      return `missing reasoning_content field in the assistant message at message index ${index}`;
    for (const call of callsOf(message))
      if (!isJsonObject(call.function.arguments)) return `messages[${index}]: arguments are no JSON object`;
  }
  return undefined;
}

function vllm(messages: Message[]): string | undefined {
  let counted = 0;
  for (const [index, message] of messages.entries()) {
    if (message.role === 'system') {
      if (index > 0) return 'system message must be at the beginning';
      continue;
    }
    for (const call of callsOf(message))
      if (!isJsonObject(call.function.arguments))
        return `messages[${index}]: arguments must be a JSON object`;
    if (message.role === 'tool' || hasCalls(message)) continue;
    if ((message.role === 'user') !== (counted % 2 === 0)) return 'conversation roles must alternate';
    counted += 1;
  }
  return undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const isJsonObject = (text: string): boolean => {
  if (!isJson(text)) return false;
  const value = JSON.parse(text) as unknown;
  return typeof value === 'object' && value !== null && !Array.isArray(value);
};
