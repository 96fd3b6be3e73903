import { builder } from './builder';

export const Deleted = builder.objectRef<{ id: string; message: string }>('Deleted').implement({
  description: 'Says what was deleted.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of what was deleted.' }),
    message: t.exposeString('message', { description: 'What happened, in a sentence.' }),
  }),
});

export const Usage = builder
  .objectRef<{ inputTokens: number; outputTokens: number; totalTokens: number; costUsd: number }>('Usage')
  .implement({
    description: 'What the model calls of a run used.',
    fields: (t) => ({
      inputTokens: t.exposeInt('inputTokens', { description: 'Tokens of the prompts.' }),
      outputTokens: t.exposeInt('outputTokens', { description: 'Tokens of the answers.' }),
      totalTokens: t.exposeInt('totalTokens', { description: 'Prompt and answer tokens together.' }),
      costUsd: t.exposeFloat('costUsd', {
        description: "US dollars by the model's price; 0 for models without one.",
      }),
    }),
  });

/** Arguments of lists with limit and offset. */
export const PAGE_DESCRIPTIONS = {
  limit: 'Entries at most, 1 to 100; 50 unless said.',
  offset: 'Entries to leave out at the start; 0 unless said.',
  cursor: '`nextCursor` of the page before; wins over `offset`.',
};

/** Lists count ten entries each unless said otherwise (see the builder). */
const COUNTED_ENTRIES = 10;

/**
 * What fields cost that do more than read what they give, as so many fields: of 10,000 in one operation, the default, a
 * handful of them leaves room for what they give.
 */
export const WORK = {
  /** Goes through a log, the files of a base or a table of figures. */
  walk: 200,
  /** Goes through the documents of a base, or looks for what is near in it. */
  lookUp: 400,
  /** Goes through all that a user or a tenant has, or reads a whole file. */
  search: 800,
};

/**
 * The cost of a page of up to `limit` entries that is a list inside an object.
 * @param work what finding them costs: `WORK`
 */
export const pageCost =
  (defaultLimit: number, work = 1) =>
  ({ limit }: { limit?: number | null }): { field: number; multiplier: number } => ({
    field: work,
    multiplier: Math.max(1, Math.ceil((limit ?? defaultLimit) / COUNTED_ENTRIES)),
  });
