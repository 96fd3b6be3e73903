import { builder } from './builder';
import { searchFields } from './knowledge-search';

const SETTINGS = {
  description: 'What it is about, at most 5,000 characters.',
  tags: 'Words to sort by, at most 50; one text with commas is taken apart.',
  metadata: 'Free-form object.',
  chunkSize: 'Most characters of a chunk, 50 to 20,000; 1,200 unless said.',
  overlapPercentage: 'Share of a chunk that repeats the one before it, 0 to 0.5; 0.15 unless said.',
  chunkingStrategy: '`auto` (default), `fixed`, `sentence`, `markdown` or `code`.',
  vectorDbType: 'Accepted for older clients, and without effect; the deployment decides where vectors are.',
};

const InlineTextInput = builder.inputType('KnowledgeTextInput', {
  description: 'A document whose text comes in the request itself.',
  fields: (t) => ({
    fileName: t.string({ required: true, description: 'Its name; the ending says how it is read.' }),
    content: t.string({ required: true, description: 'Its text.' }),
    metadata: t.field({ type: 'JSON', description: 'Free-form object that searches can filter by.' }),
  }),
});

const DOCUMENT_METADATA =
  'Metadata of the documents, to filter by: one object for all of them, or a list with one for each file. Goes over what a file says of itself.';

export const CreateKnowledgeBaseInput = builder.inputType('CreateKnowledgeBaseInput', {
  description: 'A new knowledge base with its first documents.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Unique in the tenant, at most 200 characters.' }),
    description: t.string({ description: SETTINGS.description }),
    tags: t.stringList({ description: SETTINGS.tags }),
    metadata: t.field({ type: 'JSON', description: SETTINGS.metadata }),
    chunkSize: t.int({ description: SETTINGS.chunkSize }),
    overlapPercentage: t.float({ description: SETTINGS.overlapPercentage }),
    chunkingStrategy: t.string({ description: SETTINGS.chunkingStrategy }),
    vectorDbType: t.string({ description: SETTINGS.vectorDbType }),
    files: t.field({ type: ['Upload'], description: 'Files; only over REST.' }),
    texts: t.field({ type: [InlineTextInput], description: 'Texts, for clients that have no files.' }),
    documentMetadata: t.field({ type: 'JSON', description: DOCUMENT_METADATA }),
  }),
});

export const CreateFromUrlInput = builder.inputType('CreateKnowledgeBaseFromUrlInput', {
  description: 'A new knowledge base with the pages of a web site.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Unique in the tenant, at most 200 characters.' }),
    description: t.string({ description: SETTINGS.description }),
    tags: t.stringList({ description: SETTINGS.tags }),
    websiteUrl: t.string({ required: true, description: 'First page, `http://` or `https://`.' }),
    maxCrawlDepth: t.int({ description: 'Links followed from it, 0 to 5; 2 unless said.' }),
    maxCrawlPages: t.int({ description: 'Pages fetched, 1 to 500; 20 unless said.' }),
    chunkSize: t.int({ description: SETTINGS.chunkSize }),
    overlapPercentage: t.float({ description: SETTINGS.overlapPercentage }),
    chunkingStrategy: t.string({ description: SETTINGS.chunkingStrategy }),
    vectorDbType: t.string({ description: SETTINGS.vectorDbType }),
  }),
});

export const AddDocumentsInput = builder.inputType('AddKnowledgeDocumentsInput', {
  description: 'Files for a knowledge base.',
  fields: (t) => ({
    knowledgeBaseId: t.id({ required: true, description: 'The base, by id or name.' }),
    files: t.field({ type: ['Upload'], description: 'Files; only over REST.' }),
    texts: t.field({ type: [InlineTextInput], description: 'Texts, for clients that have no files.' }),
    metadata: t.field({ type: 'JSON', description: DOCUMENT_METADATA }),
  }),
});

export const UpdateKnowledgeBaseInput = builder.inputType('UpdateKnowledgeBaseInput', {
  description: 'Changes of a knowledge base; what is absent stays.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The base, by id or name.' }),
    name: t.string({ description: 'Unique in the tenant, at most 200 characters.' }),
    description: t.string({ description: SETTINGS.description }),
    tags: t.stringList({ description: SETTINGS.tags }),
    metadata: t.field({ type: 'JSON', description: SETTINGS.metadata }),
    chunkSize: t.int({ description: SETTINGS.chunkSize }),
    overlapPercentage: t.float({ description: SETTINGS.overlapPercentage }),
    chunkingStrategy: t.string({ description: SETTINGS.chunkingStrategy }),
    vectorDbType: t.string({ description: SETTINGS.vectorDbType }),
  }),
});

export const RefreshInput = builder.inputType('RefreshKnowledgeBaseInput', {
  description: 'A refresh of a whole knowledge base.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The base, by id or name.' }),
    embeddingModel: t.string({
      description: "Another model for its vectors; null for the deployment's own, absent to keep it.",
    }),
  }),
});

const GoldenQueryInput = builder.inputType('GoldenQueryInput', {
  description: 'A question and what answers it; all that is given must hold for one result.',
  fields: (t) => ({
    query: t.string({ required: true, description: 'The question.' }),
    documentId: t.id({ description: 'The document that answers.' }),
    sourceFile: t.string({ description: 'Name of the file that answers.' }),
    contains: t.string({ description: 'Words that the passage holds, whatever the case.' }),
    within: t.int({ description: 'How far down the answer may be, 1 to 100; 5 unless said.' }),
  }),
});

export const SetGoldenQueriesInput = builder.inputType('SetGoldenQueriesInput', {
  description: 'The golden queries of a knowledge base.',
  fields: (t) => ({
    knowledgeBaseId: t.id({ required: true, description: 'The base, by id or name.' }),
    queries: t.field({
      type: [GoldenQueryInput],
      required: true,
      description: 'All of them, at most 100; empty for none.',
    }),
  }),
});

export const PreviewInput = builder.inputType('ChunkingPreviewInput', {
  description: 'A text or a file to cut, exactly one of the two.',
  fields: (t) => ({
    text: t.string({ description: 'At most 1,000,000 characters.' }),
    file: t.field({ type: 'Upload', description: 'A file; only over REST.' }),
    fileName: t.string({ description: 'Says what the text is: `notes.md`, `main.py`.' }),
    chunkSize: t.int({ description: SETTINGS.chunkSize }),
    overlapPercentage: t.float({ description: SETTINGS.overlapPercentage }),
    chunkingStrategy: t.string({ description: SETTINGS.chunkingStrategy }),
  }),
});

export const RetrieveInput = builder.inputType('RetrieveInput', {
  description: 'A retrieval; what is absent has its default (`knowledgeSearchDefaults`).',
  fields: (t) => ({
    knowledgeBases: t.idList({
      description: 'Bases to search, by id or name; those bound to the agent unless said.',
    }),
    query: t.string({ required: true, description: 'What is looked for, at most 20,000 characters.' }),
    ...searchFields(t),
  }),
});
