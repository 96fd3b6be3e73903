import { invalid } from '../errors';
import { plainAnswer } from '../models/answer-text';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { ModelGateway } from '../ports/models';
import type { ConversationRecord, PartRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ConversationLog } from '../runs/log';
import { own } from './conversations';

const DEFAULT_KEEP_TURNS = 10;
const MAX_KEEP_TURNS = 1_000;
/** Messages read at once to find where a turn begins. */
const PAGE_MESSAGES = 200;
/** Text given to the summarising model at once; older text beyond it is cut at its beginning. */
const SUMMARISED_CHARACTERS = 60_000;
/** English text has about four characters a token (OpenAI, "What are tokens and how to count them?"). */
const CHARACTERS_PER_TOKEN = 4;
const SUMMARY_TOKENS = 700;

export interface Compaction {
  compressed: boolean;
  messagesBefore: number;
  messagesAfter: number;
  summary: string | null;
  tokensSaved: number;
}

export interface CompactionDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  models: ModelGateway;
  backgroundModel: (store: TenantStore, userId: string) => Promise<string>;
  log: ConversationLog;
  clock: Clock;
}

/** Replaces older history by a summary in what the model sees; the messages themselves stay readable. */
export class Compactions {
  constructor(private readonly dependencies: CompactionDependencies) {}

  /** @param keepRecentTurns turns that stay as they are, 0 or more */
  async compress(
    principal: Principal,
    conversationId: string,
    keepRecentTurns: number | null | undefined,
  ): Promise<Compaction> {
    const keep = keepRecentTurns ?? DEFAULT_KEEP_TURNS;
    if (!Number.isInteger(keep) || keep < 0 || keep > MAX_KEEP_TURNS)
      throw invalid('keep_recent_turns', `must be a whole number between 0 and ${MAX_KEEP_TURNS}`);
    const store = await this.dependencies.open(principal.tenant);
    const conversation = own(principal, await store.conversations.find(conversationId), conversationId);
    const before = conversation.messageCount - conversation.compactedBefore;
    const until = await firstKept(store, conversation, keep);
    if (until <= conversation.compactedBefore)
      return {
        compressed: false,
        messagesBefore: before,
        messagesAfter: before,
        summary: conversation.summary,
        tokensSaved: 0,
      };
    const old = await store.parts.messages(conversation, conversation.compactedBefore, until, 'asc');
    const summary = await this.summarise(store, principal, conversation.summary, old);
    await store.conversations.update(conversationId, {
      summary,
      compactedBefore: until,
      updatedAt: this.dependencies.clock.now(),
    });
    await this.dependencies.log.append(store, conversationId, [
      { type: 'system_event', content: { kind: 'compaction', compacted_messages: old.length, summary } },
    ]);
    const characters = old.reduce((sum, part) => sum + (part.text?.length ?? 0), 0);
    return {
      compressed: true,
      messagesBefore: before,
      messagesAfter: conversation.messageCount - until,
      summary,
      tokensSaved: Math.max(0, Math.round((characters - summary.length) / CHARACTERS_PER_TOKEN)),
    };
  }

  private async summarise(
    store: TenantStore,
    principal: Principal,
    earlier: string | null,
    old: PartRecord[],
  ): Promise<string> {
    const model = await this.dependencies.backgroundModel(store, principal.userId);
    const lines = old.map((part) => `${part.type === 'user' ? 'User' : 'Assistant'}: ${part.text ?? ''}`);
    const text = [...(earlier ? [`Earlier summary: ${earlier}`] : []), ...lines]
      .join('\n')
      .slice(-SUMMARISED_CHARACTERS);
    const messages = [
      {
        role: 'system' as const,
        content:
          'Summarize the conversation for the assistant that continues it: facts, decisions, open questions, names, numbers and wishes of the user. Leave out small talk.',
      },
      { role: 'user' as const, content: `Summarize:\n${text}` },
    ];
    for await (const chunk of this.dependencies.models.chat({ model, messages, maxTokens: SUMMARY_TOKENS })) {
      const summary = chunk.type === 'done' ? plainAnswer(chunk.text) : '';
      if (summary !== '') return summary;
    }
    return text.slice(0, SUMMARY_TOKENS * CHARACTERS_PER_TOKEN);
  }
}

/**
 * Ordinal of the message with which the `keep` latest turns begin. A turn begins with a user's message, whether an answer
 * follows or not; nothing before what is compacted already is looked at.
 */
async function firstKept(
  store: TenantStore,
  conversation: ConversationRecord,
  keep: number,
): Promise<number> {
  const { messageCount, compactedBefore } = conversation;
  let turns = 0;
  for (let to = messageCount; to > compactedBefore && turns < keep; to -= PAGE_MESSAGES) {
    const from = Math.max(to - PAGE_MESSAGES, compactedBefore);
    for (const part of await store.parts.messages(conversation, from, to, 'desc')) {
      if (part.type === 'user') turns++;
      if (turns === keep) return part.messageSeq!;
    }
  }
  return keep === 0 ? messageCount : compactedBefore;
}
