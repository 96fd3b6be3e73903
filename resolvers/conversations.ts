import { invalid } from '../src/errors';
import type { ConversationListArguments } from '../src/conversations/conversations';
import type { JsonValue } from '../src/ports/records';
import type { CachedPage } from '../src/tools/cached-results';
import { type Context, principalOf } from './context';

type Query = object;
type ById = { id: string };

const DEFAULT_SEARCH_LIMIT = 20;

export const conversations = (_root: unknown, args: ConversationListArguments, ctx: Context) =>
  ctx.services.conversations.list(principalOf(ctx), args);

export const conversationSearch = (
  _root: unknown,
  { query, limit, cursor }: { query: string; limit?: number | null; cursor?: string | null },
  ctx: Context,
) =>
  ctx.services.conversations.search(principalOf(ctx), query, {
    limit: limit ?? DEFAULT_SEARCH_LIMIT,
    cursor,
  });

export const conversation = (query: Query, _root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.conversations.get(principalOf(ctx), id, query) as Promise<never>;

export const messages = (
  _root: unknown,
  {
    conversationId,
    ...page
  }: {
    conversationId: string;
    limit?: number | null;
    offset?: number | null;
    cursor?: string | null;
    order?: 'asc' | 'desc' | null;
  },
  ctx: Context,
) => ctx.services.conversations.messages(principalOf(ctx), conversationId, page);

export const timeline = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.history.timeline(principalOf(ctx), id);

export const markers = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.history.markers(principalOf(ctx), id);

export const llmFormat = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.history.llmFormat(principalOf(ctx), id) as Promise<{
    messages: never[];
    model: string | null;
  }>;

export const title = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.conversations.get(principalOf(ctx), id);

interface CachedResultArgs {
  conversationId: string;
  cacheId: string;
}

export const cachedResult = (_root: unknown, { conversationId, cacheId }: CachedResultArgs, ctx: Context) =>
  ctx.services.cachedResults.get(principalOf(ctx), conversationId, cacheId);

export const cachedResultItems = (
  _root: unknown,
  { conversationId, cacheId, ...page }: CachedResultArgs & CachedPage,
  ctx: Context,
) => ctx.services.cachedResults.items(principalOf(ctx), conversationId, cacheId, page);

interface CreateInput {
  id?: string | null;
  agentId: string;
  title?: string | null;
  metadata?: JsonValue;
  source?: string | null;
  sourceRefId?: string | null;
}

export const createConversation = (_root: unknown, { input }: { input: CreateInput }, ctx: Context) =>
  ctx.services.conversations.create(principalOf(ctx), { ...input, id: input.id ?? ctx.operationId });

interface AppendInput {
  conversationId: string;
  content: string;
  role?: string | null;
  messageId?: string | null;
  metadata?: JsonValue;
}

export const appendMessage = (
  _root: unknown,
  { input: { conversationId, role, ...message } }: { input: AppendInput },
  ctx: Context,
) => {
  if ((role ?? 'user') !== 'user')
    throw invalid('role', 'must be user: only agents write assistant messages');
  return ctx.services.conversations.appendMessage(principalOf(ctx), conversationId, {
    ...message,
    messageId: message.messageId ?? ctx.operationId,
  });
};

interface UpdateInput {
  id: string;
  title?: string | null;
  metadata?: JsonValue;
  isActive?: boolean | null;
}

export const updateConversation = (
  _root: unknown,
  { input: { id, ...changes } }: { input: UpdateInput },
  ctx: Context,
) => ctx.services.conversations.update(principalOf(ctx), id, changes);

export const deleteConversation = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.conversations.remove(principalOf(ctx), id);

export const setTitle = (_root: unknown, args: { id: string; title: string }, ctx: Context) =>
  ctx.services.conversations.setTitle(principalOf(ctx), args.id, args.title);

export const generateTitle = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.conversations.generateTitle(principalOf(ctx), id);

export const compress = async (
  _root: unknown,
  args: { agentId: string; id: string; keepRecentTurns?: number | null },
  ctx: Context,
) => {
  await ctx.services.agents.get(principalOf(ctx), args.agentId);
  return ctx.services.compactions.compress(principalOf(ctx), args.id, args.keepRecentTurns);
};

export const subscribeToConversationEvents = (
  _root: unknown,
  args: { conversationId: string; afterSeq?: number | null; waitSeconds?: number | null },
  ctx: Context,
) => ctx.services.runs.conversationEvents(principalOf(ctx), args.conversationId, args);

export const subscribeToConversationUpdates = (
  _root: unknown,
  args: { conversationId: string; afterSeq?: number | null; follow?: boolean | null },
  ctx: Context,
) => ctx.services.history.updates(principalOf(ctx), args.conversationId, args);
