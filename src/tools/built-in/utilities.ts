import { evaluate } from '../../arithmetic';
import { invalid } from '../../errors';
import type { Clock } from '../../ports/clock';
import type { JsonValue } from '../../ports/records';
import { type CachedResults, pageOf } from '../cached-results';
import { type BuiltInTool, EVERY_AGENT, parameters } from './definition';

/** Below the size above which results are kept apart, or reading one would keep another. */
const READ_BYTES = 7 * 1024;
const CUT_CHARACTERS = 2_000;
const FOUND_CONVERSATIONS = 10;
const SEARCHED_CONVERSATIONS = 1_000;

/** Tools that need nothing but the product itself. */
export const utilities = (clock: Clock, cached: CachedResults): BuiltInTool[] => [
  {
    name: 'current_time',
    description: 'The current date and time, in UTC and in a time zone.',
    group: 'utilities',
    agents: EVERY_AGENT,
    idempotent: true,
    parameters: parameters({ timezone: { type: 'string', description: 'IANA name; UTC unless said.' } }),
    run: (args) => Promise.resolve(timeIn(clock.now(), (args.timezone as string | undefined) ?? 'UTC')),
  },
  {
    name: 'calculate',
    description:
      'The value of an arithmetic expression to 15 significant digits: + - * / ^ % and parentheses; % is the remainder.',
    group: 'utilities',
    agents: ['MainAgent', 'ResearchAgent', 'RecordsAgent'],
    idempotent: true,
    parameters: parameters({ expression: { type: 'string', minLength: 1, maxLength: 1000 } }, ['expression']),
    run: (args) => {
      const value = evaluate(args.expression as string);
      if (value === undefined) throw invalid('expression', 'is no arithmetic expression');
      if (!Number.isFinite(value)) throw invalid('expression', 'has no finite value');
      // Drops the noise of binary fractions: 0.1 + 0.2 is 0.3.
      return Promise.resolve(Number(value.toPrecision(15)));
    },
  },
  {
    name: 'read_cached_result',
    description: 'Reads items of a large tool result that was kept, by its cache_id.',
    group: 'utilities',
    agents: EVERY_AGENT,
    idempotent: true,
    parameters: parameters(
      {
        cache_id: { type: 'string', description: 'From the summary of the result.' },
        limit: { type: 'integer', minimum: 1, maximum: 100 },
        offset: { type: 'integer', minimum: 0 },
      },
      ['cache_id'],
    ),
    run: async (args, { store, conversationId }) => {
      const kept = await cached.find(store, conversationId, args.cache_id as string);
      const offset = (args.offset as number | undefined) ?? 0;
      const { items, total } = pageOf(kept, { limit: (args.limit as number | undefined) ?? 10, offset });
      const shown = fitting(items);
      const next = offset + shown.length;
      return { items: shown, total, next_offset: next < total ? next : null };
    },
  },
  {
    name: 'search_conversations',
    description: "Finds the user's own earlier conversations by a text in their messages or titles.",
    group: 'utilities',
    agents: ['MainAgent'],
    idempotent: true,
    parameters: parameters({ text: { type: 'string', minLength: 2, maxLength: 200 } }, ['text']),
    run: async (args, { store, userId }) => {
      const text = args.text as string;
      const own = await store.conversations.list({ userId }, { limit: SEARCHED_CONVERSATIONS });
      const ids = new Set(
        await store.parts.searchMessages(
          own.map(({ id }) => id),
          text,
          FOUND_CONVERSATIONS,
        ),
      );
      const found = own.filter(
        ({ id, title }) => ids.has(id) || title?.toLowerCase().includes(text.toLowerCase()) === true,
      );
      return found
        .slice(0, FOUND_CONVERSATIONS)
        .map(({ id, title, updatedAt }) => ({ id, title, updated_at: updatedAt.toISOString() }));
    },
  },
];

/** As many items as fit; one that is too large alone is cut. */
function fitting(items: JsonValue[]): JsonValue[] {
  const shown: JsonValue[] = [];
  let bytes = 0;
  for (const item of items) {
    const text = JSON.stringify(item);
    bytes += Buffer.byteLength(text);
    if (bytes > READ_BYTES && shown.length > 0) break;
    if (bytes > READ_BYTES) return [{ cut: true, bytes, beginning: text.slice(0, CUT_CHARACTERS) }];
    shown.push(item);
  }
  return shown;
}

function timeIn(
  now: Date,
  timeZone: string,
): { utc: string; local: string; timezone: string; weekday: string } {
  try {
    const parts = (options: Intl.DateTimeFormatOptions): string =>
      new Intl.DateTimeFormat('en-CA', { timeZone, ...options }).format(now);
    return {
      utc: now.toISOString(),
      local: `${parts({ dateStyle: 'short' })} ${parts({ timeStyle: 'long', hourCycle: 'h23' })}`,
      timezone: timeZone,
      weekday: parts({ weekday: 'long' }),
    };
  } catch (error) {
    if (error instanceof RangeError) throw invalid('timezone', `${timeZone} is no IANA time zone`);
    throw error;
  }
}
