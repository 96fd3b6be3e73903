import type { PartRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ConversationBus } from './bus';
import { delay, whileUnavailable } from './patience';

/** Parts read from the database at first; the more they hold, the fewer come with the next page. */
const FIRST_PAGE_PARTS = 8;
const MAX_PAGE_PARTS = 200;
/** Characters of a page, about: what a slow reader keeps in memory. */
const PAGE_CHARACTERS = 1_000_000;
/** Parts kept for a slow reader; past that it is served from the database at its own pace. */
const BUFFERED_PARTS = 500;
/** How long a missing seq may still appear: its writer allocated it and has not stored it yet. */
const GAP_GRACE_MS = 1_000;
const GAP_RETRY_MS = 25;
/** How long a follower waits for a database that is gone before it is told so. */
const READ_PATIENCE_MS = 60_000;

export type Followed = { parts: PartRecord[]; changed: boolean };

interface Inbox {
  parts: PartRecord[];
  behind: boolean;
  changed: boolean;
  deleted: boolean;
  wake: () => void;
}

/**
 * Follows the log of a conversation from `afterSeq`: first what is stored, then what is appended, in `seq` order, nothing
 * twice. Ends when the conversation is deleted or the consumer returns. Memory is bounded: a reader that falls behind
 * reads the database.
 */
export function followConversation(
  bus: ConversationBus,
  store: TenantStore,
  conversationId: string,
  afterSeq: number,
): AsyncIterableIterator<Followed> {
  const stop = new AbortController();
  const inbox: Inbox = { parts: [], behind: false, changed: false, deleted: false, wake: () => undefined };
  const unsubscribe = bus.subscribe(store.tenant, conversationId, (signal) => {
    if (signal.kind === 'deleted') inbox.deleted = true;
    else if (signal.kind === 'changed') inbox.changed = true;
    else if (signal.kind === 'elsewhere') inbox.behind = true;
    else if (inbox.parts.length + signal.parts.length > BUFFERED_PARTS) {
      inbox.parts.length = 0;
      inbox.behind = true;
    } else if (!inbox.behind) inbox.parts.push(...signal.parts);
    inbox.wake();
  });
  const recent = bus.recentAfter(store.tenant, conversationId, afterSeq);
  const generator = follow({ bus, store, conversationId, inbox, signal: stop.signal }, afterSeq, recent);
  return endable(generator, () => {
    unsubscribe();
    stop.abort();
    inbox.wake();
  });
}

interface Following {
  bus: ConversationBus;
  store: TenantStore;
  conversationId: string;
  inbox: Inbox;
  signal: AbortSignal;
}

async function* follow(
  following: Following,
  afterSeq: number,
  recent?: PartRecord[],
): AsyncGenerator<Followed> {
  const { inbox, signal } = following;
  let cursor = afterSeq;
  if (recent) {
    if (recent.length > 0) yield { parts: recent, changed: false };
    cursor = recent.at(-1)?.seq ?? cursor;
  } else inbox.behind = true;
  while (!signal.aborted && !inbox.deleted) {
    if (inbox.behind) {
      inbox.behind = false;
      inbox.parts.length = 0;
      for await (const parts of stored(following, cursor)) {
        cursor = parts.at(-1)!.seq;
        yield { parts, changed: takeChanged(inbox) };
      }
      continue;
    }
    const fresh = inbox.parts.splice(0).filter((part) => part.seq > cursor);
    if (fresh.length > 0 && !contiguous(cursor, fresh)) {
      inbox.behind = true;
      continue;
    }
    if (fresh.length > 0) {
      cursor = fresh.at(-1)!.seq;
      yield { parts: fresh, changed: takeChanged(inbox) };
    } else if (inbox.changed) yield { parts: [], changed: takeChanged(inbox) };
    else await new Promise<void>((resolve) => (inbox.wake = resolve));
  }
}

function takeChanged(inbox: Inbox): boolean {
  const changed = inbox.changed;
  inbox.changed = false;
  return changed;
}

const contiguous = (cursor: number, parts: PartRecord[]): boolean =>
  parts.every((part, index) => part.seq === cursor + 1 + index);

/** Pages of stored parts after `afterSeq`. A young gap is waited for; one that stays was left by a crash. */
async function* stored(following: Following, afterSeq: number): AsyncGenerator<PartRecord[]> {
  const { bus, store, conversationId, signal } = following;
  let cursor = afterSeq;
  let limit = FIRST_PAGE_PARTS;
  const patientUntil = Date.now() + GAP_GRACE_MS;
  while (!signal.aborted) {
    const after = cursor;
    const asked = limit;
    const page = await whileUnavailable(
      READ_PATIENCE_MS,
      () => store.parts.after(conversationId, after, asked),
      { signal },
    );
    if (page.length === 0) return;
    const usable = Date.now() < patientUntil ? withoutYoungGap(cursor, page) : page;
    if (usable.length === 0) {
      await delay(GAP_RETRY_MS, signal);
      continue;
    }
    if (!contiguous(cursor, usable)) bus.doubt(store, conversationId);
    cursor = usable.at(-1)!.seq;
    const isLast = usable.length === page.length && page.length < asked;
    limit = nextLimit(page);
    yield usable;
    if (isLast) return;
  }
}

/** So many parts that a page of them holds about as much as one may. */
function nextLimit(page: PartRecord[]): number {
  const characters = page.reduce((sum, part) => sum + (part.text?.length ?? 0), 0);
  const fitting = Math.floor((PAGE_CHARACTERS / Math.max(characters, 1)) * page.length);
  return Math.min(Math.max(fitting, 1), MAX_PAGE_PARTS);
}

/** The leading parts without a gap that may still be filled. */
function withoutYoungGap(cursor: number, page: PartRecord[]): PartRecord[] {
  let expected = cursor + 1;
  const end = page.findIndex((part) => {
    const gap = part.seq !== expected;
    expected = part.seq + 1;
    return gap && Date.now() - part.createdAt.getTime() < GAP_GRACE_MS;
  });
  return end < 0 ? page : page.slice(0, end);
}

/**
 * An iterator whose `return()` ends the generator even while it waits: `end` wakes it.
 * (A generator's own `return()` is queued behind the pending `next()`.)
 */
export function endable<T>(generator: AsyncGenerator<T>, end: () => void): AsyncIterableIterator<T> {
  return {
    next: async () => {
      const result = await generator.next();
      if (result.done) end();
      return result;
    },
    return: async () => {
      end();
      await generator.return(undefined);
      return { done: true, value: undefined };
    },
    throw: (error) => {
      end();
      return generator.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
