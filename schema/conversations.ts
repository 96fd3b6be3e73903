import * as resolve from '../resolvers/conversations';
import { StreamEvent } from './agent-execution';
import { builder } from './builder';
import { Deleted, PAGE_DESCRIPTIONS, pageCost, WORK } from './common';
import {
  AppendMessageInput,
  Compaction,
  Conversation,
  ConversationPage,
  ConversationSearch,
  ConversationTitle,
  ConversationUpdateEvent,
  CreateConversationInput,
  CreatedConversation,
  LlmFormat,
  MarkerList,
  Message,
  MessageOrder,
  MessagePage,
  Timeline,
  UpdateConversationInput,
} from './conversation-types';
import { CachedResult, CachedResultItems } from './cached-results';

const member = { authenticated: true };
const conversationId = 'The conversation.';

builder.queryFields((t) => ({
  conversations: t.field({
    type: ConversationPage,
    authScopes: member,
    description: "The caller's conversations, last touched first.",
    args: {
      limit: t.arg.int({ description: PAGE_DESCRIPTIONS.limit }),
      offset: t.arg.int({ description: PAGE_DESCRIPTIONS.offset }),
      cursor: t.arg.string({ description: PAGE_DESCRIPTIONS.cursor }),
      agentId: t.arg.id({ description: 'Only those with this agent.' }),
      source: t.arg.string({ description: 'Only those from this source.' }),
      excludeSource: t.arg.string({ description: 'None from this source.' }),
      sourceRefId: t.arg.id({ description: 'Only those that belong to this object.' }),
      allUsers: t.arg.boolean({
        description: "The whole tenant's; needs `sourceRefId` and the admin scope.",
      }),
    },
    complexity: pageCost(50),
    resolve: resolve.conversations,
  }),
  conversationSearch: t.field({
    type: ConversationSearch,
    authScopes: member,
    description: "The caller's conversations whose title or messages hold a text.",
    args: {
      query: t.arg.string({ required: true, description: 'The text, any case.' }),
      limit: t.arg.int({ description: 'Entries at most, 1 to 100; 20 unless said.' }),
      cursor: t.arg.string({ description: PAGE_DESCRIPTIONS.cursor }),
    },
    complexity: pageCost(20, WORK.search),
    resolve: resolve.conversationSearch,
  }),
  conversation: t.prismaField({
    type: 'Conversation',
    authScopes: member,
    description: 'One conversation. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: conversationId }) },
    resolve: resolve.conversation,
  }),
  messages: t.field({
    type: MessagePage,
    authScopes: member,
    description: 'Messages of a conversation, flat. Errors: `not_found`.',
    args: {
      conversationId: t.arg.id({ required: true, description: conversationId }),
      limit: t.arg.int({ description: PAGE_DESCRIPTIONS.limit }),
      offset: t.arg.int({ description: PAGE_DESCRIPTIONS.offset }),
      cursor: t.arg.string({ description: PAGE_DESCRIPTIONS.cursor }),
      order: t.arg({ type: MessageOrder, description: '`ASC` unless said.' }),
    },
    complexity: pageCost(50),
    resolve: resolve.messages,
  }),
  conversationTimeline: t.field({
    complexity: WORK.walk,
    type: Timeline,
    authScopes: member,
    description: 'The execution tree of a conversation. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: conversationId }) },
    resolve: resolve.timeline,
  }),
  conversationMarkers: t.field({
    complexity: WORK.walk,
    type: MarkerList,
    authScopes: member,
    description: 'Points of a conversation worth jumping to, in order. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: conversationId }) },
    resolve: resolve.markers,
  }),
  conversationLlmFormat: t.field({
    complexity: WORK.walk,
    type: LlmFormat,
    authScopes: member,
    description: 'The history as OpenAI chat messages, hidden context included. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: conversationId }) },
    resolve: resolve.llmFormat,
  }),
  conversationTitle: t.field({
    type: ConversationTitle,
    authScopes: member,
    description: 'The title alone. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: conversationId }) },
    resolve: resolve.title,
  }),
  cachedResult: t.field({
    type: CachedResult,
    authScopes: member,
    description: 'A large tool result of an own conversation. Errors: `not_found`.',
    args: {
      conversationId: t.arg.id({ required: true, description: conversationId }),
      cacheId: t.arg.id({ required: true, description: 'Id in the summary that the model saw.' }),
    },
    resolve: resolve.cachedResult,
  }),
  cachedResultItems: t.field({
    type: CachedResultItems,
    authScopes: member,
    complexity: pageCost(50),
    description: 'A page of a large tool result. Errors: `not_found`, `validation_failed`.',
    args: {
      conversationId: t.arg.id({ required: true, description: conversationId }),
      cacheId: t.arg.id({ required: true, description: 'Id in the summary that the model saw.' }),
      limit: t.arg.int({ description: PAGE_DESCRIPTIONS.limit }),
      offset: t.arg.int({ description: PAGE_DESCRIPTIONS.offset }),
      cursor: t.arg.string({ description: PAGE_DESCRIPTIONS.cursor }),
    },
    resolve: resolve.cachedResultItems,
  }),
}));

builder.mutationFields((t) => ({
  createConversation: t.field({
    type: CreatedConversation,
    authScopes: member,
    description:
      'Makes a conversation, or answers your own of the same id. Errors: `not_found` (agent, or the id is taken), `validation_failed`.',
    args: {
      input: t.arg({ type: CreateConversationInput, required: true, description: 'The conversation.' }),
    },
    resolve: resolve.createConversation,
  }),
  appendMessage: t.field({
    type: Message,
    authScopes: member,
    description:
      "Adds a user's message without running an agent. Errors: `not_found`, `validation_failed`, `message_id_reused`.",
    args: { input: t.arg({ type: AppendMessageInput, required: true, description: 'The message.' }) },
    resolve: resolve.appendMessage,
  }),
  updateConversation: t.field({
    type: Conversation,
    authScopes: member,
    description: 'Changes title, metadata or archive state. Errors: `not_found`, `validation_failed`.',
    args: { input: t.arg({ type: UpdateConversationInput, required: true, description: 'The changes.' }) },
    resolve: resolve.updateConversation as never,
  }),
  deleteConversation: t.field({
    type: Deleted,
    authScopes: member,
    description:
      'Deletes a conversation with its messages and runs; an active run is cancelled first. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: conversationId }) },
    resolve: resolve.deleteConversation,
  }),
  setConversationTitle: t.field({
    type: ConversationTitle,
    authScopes: member,
    description: 'Sets the title. Errors: `not_found`, `validation_failed`.',
    args: {
      id: t.arg.id({ required: true, description: conversationId }),
      title: t.arg.string({ required: true, description: '1 to 200 characters.' }),
    },
    resolve: resolve.setTitle,
  }),
  generateConversationTitle: t.field({
    type: ConversationTitle,
    authScopes: member,
    description:
      'Makes a title from the messages with the background model. Errors: `not_found`, `conflict` without messages, `provider_error`.',
    args: { id: t.arg.id({ required: true, description: conversationId }) },
    resolve: resolve.generateTitle,
  }),
  compressConversation: t.field({
    type: Compaction,
    authScopes: member,
    description:
      'Replaces older history by a summary in what the model sees; the messages stay readable. Errors: `not_found`.',
    args: {
      agentId: t.arg.id({ required: true, description: 'An agent of the tenant.' }),
      id: t.arg.id({ required: true, description: conversationId }),
      keepRecentTurns: t.arg.int({ description: 'Turns that stay as they are, 0 to 1,000; 10 unless said.' }),
    },
    resolve: resolve.compress,
  }),
}));

builder.subscriptionFields((t) => ({
  conversationEvents: t.field({
    type: StreamEvent,
    authScopes: member,
    description:
      "Every entry of a conversation's log after `afterSeq`, stored ones first, then as they come. Goes on until you leave.",
    args: {
      conversationId: t.arg.id({ required: true, description: conversationId }),
      afterSeq: t.arg.int({ description: 'The last entry you have; absent for all.' }),
      waitSeconds: t.arg.int({
        defaultValue: 0,
        description:
          'Seconds to wait for a conversation that does not exist yet, so that a client may subscribe before its first message; 0 to 60.',
      }),
    },
    subscribe: resolve.subscribeToConversationEvents,
    resolve: (part) => part,
  }),
  conversationUpdates: t.field({
    type: ConversationUpdateEvent,
    authScopes: member,
    description:
      'Durable snapshots of a conversation: the whole state first (or, for a known cursor, what came after it), then changes.',
    args: {
      conversationId: t.arg.id({ required: true, description: conversationId }),
      afterSeq: t.arg.int({
        description: '`seq` of the last update you have; an unknown one gets the whole state.',
      }),
      follow: t.arg.boolean({
        description: 'False ends the stream once nothing is active; true unless said.',
      }),
    },
    subscribe: resolve.subscribeToConversationUpdates,
    resolve: (update) => update,
  }),
}));
