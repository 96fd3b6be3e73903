import { living } from '../agents/agents';
import { findAgent } from '../agents/find';
import { cut, encodeCursor, type PageArguments, toPage } from '../cursor';
import { DomainError, invalid, notFound, nullIfNotFound } from '../errors';
import { newId } from '../ids';
import { ID_PATTERN, MESSAGE_CHARACTERS, METADATA_CHARACTERS } from '../limits';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { ModelGateway } from '../ports/models';
import {
  ACTIVE_RUN_STATUSES,
  type ConversationRecord,
  type JsonObject,
  type JsonValue,
  type PartRecord,
} from '../ports/records';
import type { ConversationFilter, Projection, TenantStore } from '../ports/stores';
import type { ConversationBus } from '../runs/bus';
import type { Cancellation } from '../runs/cancellation';
import type { ConversationLog, PartDraft } from '../runs/log';
import { generateTitle } from './titles';

const TITLE_CHARACTERS = 200;
const SEARCH_CONVERSATIONS = 1_000;
/** Runs beside a conversation (tools run directly, background work) that are cancelled with it. */
const MOST_RUNS = 1_000;
/** Messages that a title is made from. */
const TITLE_MESSAGES = 10;

export interface ConversationListArguments extends PageArguments {
  agentId?: string | null;
  allUsers?: boolean | null;
  source?: string | null;
  excludeSource?: string | null;
  sourceRefId?: string | null;
}

export interface ConversationPage {
  conversations: ConversationRecord[];
  total: number;
  limit: number;
  offset: number;
  nextCursor: string | null;
}

export interface MessagePage {
  messages: PartRecord[];
  total: number;
  limit: number;
  offset: number;
  nextCursor: string | null;
}

export interface ConversationDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  bus: ConversationBus;
  log: ConversationLog;
  cancellation: Cancellation;
  models: ModelGateway;
  /** The model for titles and summaries of this user. */
  backgroundModel: (store: TenantStore, userId: string) => Promise<string>;
  clock: Clock;
}

/** Conversations of a user: private to them, but for the tenant-wide list of admins. */
export class Conversations {
  private readonly appending = new Map<string, Promise<PartRecord>>();

  constructor(private readonly dependencies: ConversationDependencies) {}

  /** The conversation, or null of an optional lookup. @throws DomainError `not_found` */
  async get(principal: Principal, id: string, projection?: Projection): Promise<ConversationRecord> {
    const store = await this.store(principal);
    return own(principal, await store.conversations.find(id, projection), id);
  }

  /** Creates a conversation, or answers the caller's own of the same id. */
  async create(
    principal: Principal,
    input: {
      id?: string | null;
      agentId: string;
      title?: string | null;
      metadata?: JsonValue;
      source?: string | null;
      sourceRefId?: string | null;
    },
  ): Promise<{ conversation: ConversationRecord; created: boolean }> {
    if (input.id && !ID_PATTERN.test(input.id))
      throw invalid('id', 'must be 1 to 128 of the characters A-Z a-z 0-9 _ . : -');
    const title = checkTitle(input.title);
    const metadata = checkMetadata(input.metadata);
    const store = await this.store(principal);
    const agent = living(await findAgent(store, input.agentId), input.agentId);
    const at = this.dependencies.clock.now();
    const id = input.id ?? newId(at.getTime());
    const created = await store.conversations.create({
      id,
      userId: principal.userId,
      agentId: agent.id,
      title,
      titleSource: title === null ? null : 'user',
      isActive: true,
      metadata: metadata ?? {},
      source: input.source ?? textOf(metadata, 'source'),
      sourceRefId: input.sourceRefId ?? textOf(metadata, 'source_ref_id'),
      nextSeq: 0,
      messageCount: 0,
      activeRunId: null,
      activeOwner: null,
      activeMessageId: null,
      queuedRuns: 0,
      compactedBefore: 0,
      summary: null,
      createdAt: at,
      updatedAt: at,
      deletedAt: null,
    });
    if (created) return { conversation: created, created: true };
    const known = await store.conversations.find(id);
    if (known?.deletedAt && known.userId === principal.userId)
      throw new DomainError('conflict', `Conversation ${id} is being deleted; send the request again.`);
    return { conversation: own(principal, known, id), created: false };
  }

  async list(
    principal: Principal,
    args: ConversationListArguments,
    projection?: Projection,
  ): Promise<ConversationPage> {
    const page = toPage(args);
    const store = await this.store(principal);
    const filter = listFilter(principal, args);
    if (args.agentId) filter.agentId = (await findAgent(store, args.agentId))?.id ?? args.agentId;
    const [read, total] = await Promise.all([
      store.conversations.list(filter, { ...page, limit: page.limit + 1 }, projection),
      store.conversations.count(filter),
    ]);
    const { rows: conversations, more } = cut(read, page.limit);
    const last = more ? conversations.at(-1) : undefined;
    return {
      conversations,
      total,
      limit: page.limit,
      offset: page.offset,
      nextCursor: last ? encodeCursor({ at: last.updatedAt, id: last.id }) : null,
    };
  }

  /** Conversations whose title or messages hold `text`, newest first. */
  async search(
    principal: Principal,
    text: string,
    args: { limit: number; cursor?: string | null },
  ): Promise<{ conversations: ConversationRecord[]; total: number; nextCursor: string | null }> {
    if (text.trim() === '') throw invalid('query', 'must not be empty');
    const { limit, after } = toPage(args);
    const store = await this.store(principal);
    const all = await store.conversations.list({ userId: principal.userId }, { limit: SEARCH_CONVERSATIONS });
    const ids = new Set(
      await store.parts.searchMessages(
        all.map((conversation) => conversation.id),
        text,
        SEARCH_CONVERSATIONS,
      ),
    );
    const wanted = text.toLowerCase();
    const found = all.filter((one) => ids.has(one.id) || one.title?.toLowerCase().includes(wanted));
    const { rows: conversations, more } = cut(
      after ? found.filter((one) => isBehind(one, after)) : found,
      limit,
    );
    const last = more ? conversations.at(-1) : undefined;
    return {
      conversations,
      total: found.length,
      nextCursor: last ? encodeCursor({ at: last.updatedAt, id: last.id }) : null,
    };
  }

  /** Messages in the order they were said; `desc` the other way round. */
  async messages(
    principal: Principal,
    id: string,
    args: PageArguments & { order?: 'asc' | 'desc' | null },
  ): Promise<MessagePage> {
    const { limit, offset } = toPage({ ...args, cursor: null });
    const conversation = await this.get(principal, id);
    const store = await this.store(principal);
    const total = conversation.messageCount;
    const skip = args.cursor ? decodeOrdinal(args.cursor) : offset;
    const order = args.order ?? 'asc';
    const [from, to] =
      order === 'asc'
        ? [skip, Math.min(skip + limit, total)]
        : [Math.max(total - skip - limit, 0), total - skip];
    const messages = from < to ? await store.parts.messages(conversation, from, to, order) : [];
    const next = skip + limit;
    return { messages, total, limit, offset: skip, nextCursor: next < total ? encodeOrdinal(next) : null };
  }

  /** Adds a user's message without running an agent; the same `messageId` again answers the first. */
  async appendMessage(
    principal: Principal,
    id: string,
    input: { content: string; messageId?: string | null; metadata?: JsonValue },
  ): Promise<PartRecord> {
    // As it will be stored and read again: half a character is none.
    const content = input.content.toWellFormed();
    if (content.trim() === '') throw invalid('content', 'must not be empty');
    if (content.length > MESSAGE_CHARACTERS)
      throw invalid('content', `must have at most ${MESSAGE_CHARACTERS} characters`);
    if (input.messageId && !ID_PATTERN.test(input.messageId))
      throw invalid('message_id', 'must be 1 to 128 of the characters A-Z a-z 0-9 _ . : -');
    const metadata = checkMetadata(input.metadata);
    const store = await this.store(principal);
    const { messageId } = input;
    const draft: PartDraft = {
      type: 'user',
      messageId: messageId ?? newId(),
      text: content,
      metadata: metadata ?? null,
    };
    const { log } = this.dependencies;
    if (!messageId) {
      const again = await log.appendAgain(store, id, principal.userId, [draft]);
      if (again) return again[0]!;
    }
    const end = own(principal, await store.conversations.find(id), id);
    const append = async (): Promise<PartRecord> => {
      const [part] = await log.append(store, id, [draft], { kind: 'anyone', end });
      return part!;
    };
    if (!messageId) return append();
    const stored = await this.once(`${principal.tenant}/${id}/${messageId}`, async () => {
      return (await store.parts.findByMessageId(id, messageId)) ?? append();
    });
    return sameMessage(stored, content);
  }

  /** Requests at the same time for one message share the work; a later one finds what was stored. */
  private async once(key: string, work: () => Promise<PartRecord>): Promise<PartRecord> {
    const going = this.appending.get(key);
    if (going) return going;
    const started = work().finally(() => this.appending.delete(key));
    this.appending.set(key, started);
    return started;
  }

  async update(
    principal: Principal,
    id: string,
    input: { title?: string | null; metadata?: JsonValue; isActive?: boolean | null },
  ): Promise<ConversationRecord> {
    const changes: Partial<ConversationRecord> = {};
    if (input.title !== undefined && input.title !== null)
      Object.assign(changes, { title: checkTitle(input.title), titleSource: 'user' });
    const metadata = checkMetadata(input.metadata);
    if (metadata)
      Object.assign(changes, {
        metadata,
        // Metadata that does not speak of the source leaves it as it is; a null takes it away.
        ...('source' in metadata ? { source: textOf(metadata, 'source') } : {}),
        ...('source_ref_id' in metadata ? { sourceRefId: textOf(metadata, 'source_ref_id') } : {}),
      });
    if (typeof input.isActive === 'boolean') changes.isActive = input.isActive;
    return this.write(principal, id, changes);
  }

  /** Deletes the conversation with its messages and runs; an active run is cancelled first. */
  async remove(principal: Principal, id: string): Promise<{ id: string; message: string }> {
    const store = await this.store(principal);
    const { cancellation } = this.dependencies;
    const found = await store.conversations.find(id);
    // A deletion that was interrupted is taken up again.
    const conversation = own(principal, found && { ...found, deletedAt: null }, id);
    // From here on nothing can start: claims and appends see only living conversations.
    await store.conversations.update(id, { deletedAt: this.dependencies.clock.now() });
    const runs = await store.runs.list(
      { conversationId: id, roots: true, statuses: ACTIVE_RUN_STATUSES },
      { limit: MOST_RUNS },
    );
    for (const runId of new Set([conversation.activeRunId, ...runs.map((run) => run.id)]))
      // One that just began may have found the conversation gone, and taken itself back.
      if (runId) await cancellation.cancelRun(store, runId, 'conversation deleted').catch(nullIfNotFound);
    await store.conversations.remove(id);
    this.dependencies.bus.publish(principal.tenant, id, { kind: 'deleted' });
    return { id, message: `Conversation ${id} was deleted.` };
  }

  async setTitle(principal: Principal, id: string, title: string): Promise<ConversationRecord> {
    const checked = checkTitle(title);
    if (checked === null || checked.trim() === '') throw invalid('title', 'must not be empty');
    return this.write(principal, id, { title: checked, titleSource: 'user' });
  }

  /** Makes a title from the first messages with the background model. */
  async generateTitle(principal: Principal, id: string): Promise<ConversationRecord> {
    const store = await this.store(principal);
    const conversation = own(principal, await store.conversations.find(id), id);
    const messages = await store.parts.messages(conversation, 0, TITLE_MESSAGES, 'asc');
    if (messages.length === 0)
      throw new DomainError('conflict', `Conversation ${id} has no messages to make a title from.`);
    const model = await this.dependencies.backgroundModel(store, principal.userId);
    const title = await generateTitle(this.dependencies.models, model, messages);
    return this.write(principal, id, { title, titleSource: 'generated' });
  }

  /** The same for the job that follows a first answer: leaves a title alone that somebody set meanwhile. */
  async generateTitleInBackground(tenant: string, id: string, userId: string): Promise<void> {
    const store = await this.dependencies.open(tenant);
    const conversation = await store.conversations.find(id);
    if (!conversation || conversation.deletedAt || conversation.titleSource !== 'message') return;
    const messages = await store.parts.messages(conversation, 0, TITLE_MESSAGES, 'asc');
    const model = await this.dependencies.backgroundModel(store, userId);
    const title = await generateTitle(this.dependencies.models, model, messages);
    await store.conversations.update(id, { title, titleSource: 'generated' });
    this.dependencies.bus.publish(tenant, id, { kind: 'changed' });
  }

  private async write(
    principal: Principal,
    id: string,
    changes: Partial<ConversationRecord>,
  ): Promise<ConversationRecord> {
    const store = await this.store(principal);
    own(principal, await store.conversations.find(id), id);
    const updated = await store.conversations.update(id, {
      ...changes,
      updatedAt: this.dependencies.clock.now(),
    });
    if (!updated) throw notFound('Conversation', id);
    this.dependencies.bus.publish(principal.tenant, id, { kind: 'changed' });
    return updated;
  }

  private store(principal: Principal): Promise<TenantStore> {
    return this.dependencies.open(principal.tenant);
  }
}

/** Another user's conversation does not exist for the caller. */
export function own(
  principal: Principal,
  conversation: ConversationRecord | null,
  id: string,
): ConversationRecord {
  if (!conversation || conversation.deletedAt || conversation.userId !== principal.userId)
    throw notFound('Conversation', id);
  return conversation;
}

function listFilter(principal: Principal, args: ConversationListArguments): ConversationFilter {
  const filter: ConversationFilter = {};
  if (args.allUsers) {
    if (!args.sourceRefId) throw invalid('all_users', 'needs source_ref_id');
    if (!principal.isAdmin) throw new DomainError('forbidden', 'all_users needs the admin scope.');
  } else filter.userId = principal.userId;
  if (args.source) filter.source = args.source;
  if (args.excludeSource) filter.excludeSource = args.excludeSource;
  if (args.sourceRefId) filter.sourceRefId = args.sourceRefId;
  return filter;
}

function checkTitle(title: string | null | undefined): string | null {
  if (title === undefined || title === null) return null;
  if (title.length > TITLE_CHARACTERS)
    throw invalid('title', `must have at most ${TITLE_CHARACTERS} characters, has ${title.length}`);
  return title;
}

function checkMetadata(metadata: JsonValue | undefined): JsonObject | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  if (typeof metadata !== 'object' || Array.isArray(metadata)) throw invalid('metadata', 'must be an object');
  if (JSON.stringify(metadata).length > METADATA_CHARACTERS)
    throw invalid('metadata', `must have at most ${METADATA_CHARACTERS} characters as JSON`);
  return metadata;
}

function textOf(metadata: JsonObject | undefined, key: string): string | null {
  const value = metadata?.[key];
  return typeof value === 'string' ? value : null;
}

function sameMessage(known: PartRecord, content: string): PartRecord {
  if (known.text === content) return known;
  throw new DomainError(
    'message_id_reused',
    `Message id ${known.messageId ?? ''} was already used for another message in this conversation.`,
  );
}

/** Whether a conversation comes after a place in a list that is newest first. */
const isBehind = ({ updatedAt, id }: ConversationRecord, place: { at: Date; id: string }): boolean =>
  updatedAt < place.at || (updatedAt.getTime() === place.at.getTime() && id < place.id);

const encodeOrdinal = (ordinal: number): string => Buffer.from(`m${ordinal}`).toString('base64url');

function decodeOrdinal(cursor: string): number {
  const match = /^m(\d{1,9})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!match)
    throw invalid('cursor', 'is no cursor of this list; take next_cursor of an earlier page as it is');
  return Number(match[1]);
}
