import type { CachedResultRecord } from '../src/ports/tools';
import type { CachedItems } from '../src/tools/cached-results';
import { builder } from './builder';

export const CachedResult = builder.objectRef<CachedResultRecord>('CachedResult').implement({
  description: 'A tool result of more than 8 KiB, kept whole while the model saw a summary.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id in the summary that the model saw.' }),
    conversationId: t.exposeID('conversationId', { description: 'The conversation.' }),
    toolCallId: t.exposeID('toolCallId', { description: 'The call that answered it.' }),
    toolName: t.exposeString('toolName', { description: 'Name of the tool.' }),
    value: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The result, as the tool answered it.',
      resolve: (result) => result.value,
    }),
    itemCount: t.exposeInt('itemCount', { description: 'How many items `cachedResultItems` has.' }),
    bytes: t.exposeInt('bytes', { description: 'Bytes of its JSON.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was kept.' }),
  }),
});

export const CachedResultItems = builder.objectRef<CachedItems>('CachedResultItems').implement({
  description:
    'A page of a large result: entries of a list, those of the longest list of an object, lines of a text; anything else is one item.',
  fields: (t) => ({
    items: t.field({
      type: 'JSON',
      description: 'The items, a list.',
      resolve: (page) => page.items,
    }),
    total: t.exposeInt('total', { description: 'All items.' }),
    limit: t.exposeInt('limit', { description: 'Items of a page at most.' }),
    offset: t.exposeInt('offset', { description: 'Items before this page.' }),
    nextCursor: t.exposeString('nextCursor', { nullable: true, description: '`cursor` of the next page.' }),
  }),
});
