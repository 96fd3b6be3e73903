import type { ModelMessage } from '../ports/models';
import type { AgentRecord, ConversationRecord, JsonValue, PartRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import { wrapBlock } from './request';
import { rememberedMessages } from './transcript';
import type { RunRequest } from './types';

/** Asks for the markers by which the sources of an answer are known. */
export const CITE_PASSAGES =
  'The question comes with numbered passages (<knowledge index="...">). Behind each statement that rests on one of them put ' +
  'its number in square brackets, like [1] or [2][3]. Mark only what you use, and add no list of sources.';

/**
 * The messages of a model call, in the documented order: system prompt and system blocks, the summary of compacted
 * history, the history with its hidden context, then this turn with its own.
 */
export async function buildPrompt(
  store: TenantStore,
  agent: AgentRecord,
  request: RunRequest,
  /** `turn` is the ordinal of this turn's user message: history is what lies before it. */
  thread: { conversation: ConversationRecord; turn: number } | null,
): Promise<ModelMessage[]> {
  if (!thread)
    return [
      ...systemMessages(agent, request.systemBlocks, null),
      ...(request.thread ?? []),
      { role: 'user', content: withHidden(request.message, request.hidden) },
    ];
  const { conversation, turn } = thread;
  const from = Math.max(conversation.compactedBefore, turn - agent.maxConversationMessages);
  const history = turn > from ? await store.parts.messages(conversation, from, turn, 'asc') : [];
  return [
    ...systemMessages(agent, request.systemBlocks, conversation.summary),
    ...history.flatMap(toModelMessages),
    { role: 'user', content: withHidden(request.message, request.hidden) },
  ];
}

export function systemMessages(agent: AgentRecord, blocks: string[], summary: string | null): ModelMessage[] {
  const parts = [agent.systemPrompt, ...blocks];
  if (summary) parts.push(wrapBlock('conversation_summary', summary));
  return [{ role: 'system', content: parts.join('\n\n') }];
}

/** A stored message as the model saw it: hidden context and tool calls included. */
export function toModelMessages(part: PartRecord): ModelMessage[] {
  if (part.type === 'agent_text') return rememberedMessages(part);
  return [{ role: 'user', content: withHidden(part.text ?? '', hiddenOf(part.content)) }];
}

export function hiddenOf(content: JsonValue): string[] {
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return [];
  const hidden = content.hidden;
  return Array.isArray(hidden) ? hidden.filter((item): item is string => typeof item === 'string') : [];
}

const withHidden = (text: string, hidden: string[]): string =>
  hidden.length === 0 ? text : `${wrapBlock('system_context', hidden.join('\n'))}\n\n${text}`;
