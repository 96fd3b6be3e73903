import type { JsonObject, JsonValue } from '../src/ports/records';
import { builder } from './builder';

/** A stored citation; its names are those of the events. */
const Citation = builder.objectRef<JsonObject>('Citation').implement({
  description: 'A passage of a knowledge base that an answer rests on, or was given.',
  fields: (t) => ({
    index: t.int({
      description: 'The number that the model saw; markers like `[1]` in the answer mean it.',
      resolve: (citation) => citation.index as number,
    }),
    knowledgeBaseId: t.id({
      description: 'The knowledge base.',
      resolve: (citation) => citation.knowledge_base_id as string,
    }),
    documentId: t.id({
      description: 'The document.',
      resolve: (citation) => citation.document_id as string,
    }),
    chunkId: t.id({ description: 'The passage.', resolve: (citation) => citation.chunk_id as string }),
    sourceFile: t.string({
      description: 'The file of the document.',
      resolve: (citation) => citation.source_file as string,
    }),
    title: t.string({ description: 'Its title.', resolve: (citation) => citation.title as string }),
    quote: t.string({
      description: 'The beginning of the passage.',
      resolve: (citation) => citation.quote as string,
    }),
    start: t.int({
      description: 'Where the passage begins in the text of the document.',
      resolve: (citation) => citation.start as number,
    }),
    end: t.int({
      description: 'Where the passage ends in the text of the document.',
      resolve: (citation) => citation.end as number,
    }),
    page: t.int({
      nullable: true,
      description: 'The page, in documents that have some.',
      resolve: (citation) => citation.page as number | undefined,
    }),
    url: t.string({
      nullable: true,
      description: 'Where a crawled document came from.',
      resolve: (citation) => citation.url as string | undefined,
    }),
    score: t.float({
      description: 'How well the passage fits what was asked.',
      resolve: (citation) => citation.score as number,
    }),
  }),
});

const listOf = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? (value as JsonObject[]) : [];

type Cited = { citations?: unknown; retrieved?: unknown };

/** A field of what has sources. Passages are few and stored with it: a list of them costs as one object. */
const citationField = {
  type: [Citation] as [typeof Citation],
  complexity: { field: 1, multiplier: 1 },
};

/** Passages that the answer of something used. */
export const citationsOf = <T>(of: (source: T) => Cited | null | undefined) => ({
  ...citationField,
  description: 'Passages of knowledge bases that the answer used, in the order in which they were found.',
  resolve: (source: T) => listOf(of(source)?.citations as JsonValue | undefined),
});

/** Passages that something was given besides. */
export const retrievedOf = <T>(of: (source: T) => Cited | null | undefined) => ({
  ...citationField,
  description: 'Passages that were found for the answer, and that it did not use.',
  resolve: (source: T) => listOf(of(source)?.retrieved as JsonValue | undefined),
});
