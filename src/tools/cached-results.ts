import { invalid, notFound } from '../errors';
import { stableId } from '../ids';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { JsonObject, JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { CachedResultRecord, ToolCallRecord } from '../ports/tools';
import { isObject } from './definition';

/** Results above this size are kept apart; the model sees a summary (D4: 8 KiB of JSON). */
const CACHED_ABOVE_BYTES = 8 * 1024;
const SAMPLE_CHARACTERS = 2_000;
const SAMPLE_ITEMS = 3;
const LINE_CHARACTERS = 2_000;
const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 100;

export interface CachedItems {
  items: JsonValue[];
  total: number;
  limit: number;
  offset: number;
  nextCursor: string | null;
}

/** A page of items; `cursor` wins over `offset`. */
export interface CachedPage {
  limit?: number | null;
  offset?: number | null;
  cursor?: string | null;
}

export interface CachedResultDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  clock: Clock;
}

/** Large tool results: whole for clients, in short for models. */
export class CachedResults {
  constructor(private readonly dependencies: CachedResultDependencies) {}

  /** What the model is told of a result; a large one is kept first. Repeating it keeps it once. */
  async present(
    store: TenantStore,
    call: ToolCallRecord,
    result: JsonValue,
  ): Promise<{ shown: string; cacheId: string | null }> {
    const json = JSON.stringify(result);
    const text = typeof result === 'string' ? result : json;
    const bytes = Buffer.byteLength(json);
    if (bytes <= CACHED_ABOVE_BYTES) return { shown: text, cacheId: null };
    const cacheId = stableId(`agentflow/cached/${store.tenant}/${call.id}/${json}`);
    const itemCount = listIn(result)?.length ?? 1;
    await store.cachedResults.create({
      id: cacheId,
      conversationId: call.conversationId,
      toolCallId: call.id,
      toolName: call.toolName,
      value: result,
      itemCount,
      bytes,
      createdAt: this.dependencies.clock.now(),
    });
    return { shown: JSON.stringify(summaryOf(result, { cacheId, bytes, itemCount })), cacheId };
  }

  /** @throws DomainError `not_found` when the caller's conversation has no such result */
  async get(principal: Principal, conversationId: string, cacheId: string): Promise<CachedResultRecord> {
    const store = await this.dependencies.open(principal.tenant);
    const conversation = await store.conversations.find(conversationId);
    if (!conversation || conversation.deletedAt || conversation.userId !== principal.userId)
      throw notFound('Conversation', conversationId);
    return this.find(store, conversationId, cacheId);
  }

  async find(store: TenantStore, conversationId: string, cacheId: string): Promise<CachedResultRecord> {
    const result = await store.cachedResults.find(cacheId);
    if (result?.conversationId !== conversationId) throw notFound('Cached result', cacheId);
    return result;
  }

  async items(
    principal: Principal,
    conversationId: string,
    cacheId: string,
    page: CachedPage,
  ): Promise<CachedItems> {
    return pageOf(await this.get(principal, conversationId, cacheId), page);
  }
}

/** @throws DomainError `validation_failed` naming a bad page argument */
export function pageOf({ value }: CachedResultRecord, page: CachedPage): CachedItems {
  const all = listIn(value) ?? [value];
  const limit = page.limit ?? DEFAULT_PAGE;
  if (limit < 1 || limit > LARGEST_PAGE) throw invalid('limit', `must be between 1 and ${LARGEST_PAGE}`);
  const offset = startOf(page);
  const items = all.slice(offset, offset + limit);
  const end = offset + items.length;
  return { items, total: all.length, limit, offset, nextCursor: end < all.length ? String(end) : null };
}

function startOf({ offset, cursor }: CachedPage): number {
  if (cursor !== undefined && cursor !== null) {
    if (!/^\d{1,9}$/.test(cursor)) throw invalid('cursor', 'is not a `next_cursor` of this result');
    return Number(cursor);
  }
  if ((offset ?? 0) < 0) throw invalid('offset', 'must be 0 or more');
  return offset ?? 0;
}

/** The list that a result is or holds: the array itself, or the longest array among its values; lines of a text. */
function listIn(value: JsonValue): JsonValue[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return value.split('\n').flatMap(pieces);
  if (!isObject(value)) return undefined;
  const lists = Object.values(value).filter((item) => Array.isArray(item));
  return lists.sort((a, b) => b.length - a.length)[0];
}

/** A line of any length in pieces that can be shown. */
const pieces = (line: string): string[] =>
  line.length <= LINE_CHARACTERS
    ? [line]
    : Array.from({ length: Math.ceil(line.length / LINE_CHARACTERS) }, (_, index) =>
        line.slice(index * LINE_CHARACTERS, (index + 1) * LINE_CHARACTERS),
      );

function summaryOf(
  result: JsonValue,
  { cacheId, bytes, itemCount }: { cacheId: string; bytes: number; itemCount: number },
): JsonObject {
  const items = listIn(result);
  const sample = items ? items.slice(0, SAMPLE_ITEMS) : result;
  return {
    cached: true,
    cache_id: cacheId,
    bytes,
    type: Array.isArray(result) ? 'array' : typeof result,
    item_count: itemCount,
    ...(isObject(result) ? { keys: Object.keys(result).slice(0, 50) } : {}),
    first_items: shorten(sample),
    how_to_read_more: 'Call read_cached_result with this cache_id, limit and offset.',
  };
}

function shorten(value: JsonValue): JsonValue {
  const text = JSON.stringify(value);
  return text.length <= SAMPLE_CHARACTERS ? value : `${text.slice(0, SAMPLE_CHARACTERS)}…`;
}
