import * as resolve from '../resolvers/knowledge';
import { DEFAULT_PAGE_SIZE } from '../src/cursor';
import { builder } from './builder';
import { Deleted, PAGE_DESCRIPTIONS, pageCost, WORK } from './common';
import {
  Batch,
  ChunkingPreview,
  CreatedKnowledgeBase,
  PreviewEvent,
  QueuedDocuments,
  RefreshStarted,
} from './knowledge-ingestion';
import {
  AddDocumentsInput,
  CreateFromUrlInput,
  CreateKnowledgeBaseInput,
  PreviewInput,
  RefreshInput,
  RetrieveInput,
  SetGoldenQueriesInput,
  UpdateKnowledgeBaseInput,
} from './knowledge-inputs';
import { KnowledgeSearchInput, SearchAnswer, SearchDefaults } from './knowledge-search';
import {
  BaseSummary,
  ChunkPage,
  FilePage,
  KnowledgeBase,
  KnowledgeChunk,
  KnowledgeFile,
  MetadataSchema,
} from './knowledge-types';

const member = { authenticated: true };
const BASE = 'UUID or unique name of the knowledge base.';
const AGENT = 'UUID or unique name of the agent.';

builder.queryFields((t) => {
  const page = () => ({
    limit: t.arg.int({ description: PAGE_DESCRIPTIONS.limit }),
    offset: t.arg.int({ description: PAGE_DESCRIPTIONS.offset }),
    cursor: t.arg.string({ description: PAGE_DESCRIPTIONS.cursor }),
  });
  const inBase = () => ({ knowledgeBaseId: t.arg.id({ required: true, description: BASE }) });
  return {
    knowledgeBases: t.field({
      type: [KnowledgeBase],
      authScopes: member,
      description: "The tenant's knowledge bases, newest first.",
      resolve: resolve.knowledgeBases,
    }),
    knowledgeBase: t.field({
      type: KnowledgeBase,
      authScopes: member,
      description: 'One knowledge base. Errors: `not_found`.',
      args: { id: t.arg.id({ required: true, description: BASE }) },
      resolve: resolve.knowledgeBase,
    }),
    knowledgeFiles: t.field({
      type: FilePage,
      authScopes: member,
      description: 'The files of a knowledge base, newest first. Errors: `not_found`.',
      complexity: pageCost(DEFAULT_PAGE_SIZE),
      args: { ...inBase(), ...page() },
      resolve: resolve.knowledgeFiles,
    }),
    knowledgeDocument: t.field({
      type: KnowledgeFile,
      authScopes: member,
      description: 'One file of a knowledge base. Errors: `not_found`.',
      args: { ...inBase(), documentId: t.arg.id({ required: true, description: 'Id of the document.' }) },
      resolve: resolve.knowledgeDocument,
    }),
    knowledgeFilesWhere: t.field({
      type: FilePage,
      authScopes: member,
      description:
        'The files whose metadata fit a filter; `file_name`, `title`, `format`, `status`, `bytes`, `url` and `created_at` count as metadata. Errors: `not_found`, `validation_failed`.',
      complexity: pageCost(DEFAULT_PAGE_SIZE, WORK.lookUp),
      args: {
        ...inBase(),
        metadataFilters: t.arg({ type: 'JSON', description: 'As in a search; absent for all.' }),
        ...page(),
      },
      resolve: resolve.knowledgeFilesWhere,
    }),
    knowledgeChunks: t.field({
      type: ChunkPage,
      authScopes: member,
      description: 'The chunks of a knowledge base, or of one document. Errors: `not_found`.',
      complexity: pageCost(DEFAULT_PAGE_SIZE),
      args: { ...inBase(), documentId: t.arg.id({ description: 'Only those of this document.' }), ...page() },
      resolve: resolve.knowledgeChunks,
    }),
    knowledgeChunk: t.field({
      type: KnowledgeChunk,
      authScopes: member,
      description: 'One chunk. Errors: `not_found`.',
      args: { ...inBase(), chunkId: t.arg.id({ required: true, description: 'Id of the chunk.' }) },
      resolve: resolve.knowledgeChunk,
    }),
    knowledgeBaseSummary: t.field({
      complexity: WORK.walk,
      type: BaseSummary,
      authScopes: member,
      description: 'What is in a knowledge base, at a glance. Errors: `not_found`.',
      args: { id: t.arg.id({ required: true, description: BASE }) },
      resolve: resolve.knowledgeBaseSummary,
    }),
    knowledgeMetadataSchema: t.field({
      complexity: WORK.lookUp,
      type: MetadataSchema,
      authScopes: member,
      description: 'Which metadata the documents have. Errors: `not_found`.',
      args: { id: t.arg.id({ required: true, description: BASE }) },
      resolve: resolve.knowledgeMetadataSchema,
    }),
    knowledgeSearchDefaults: t.field({
      type: SearchDefaults,
      authScopes: member,
      description: 'What holds where a search says nothing.',
      resolve: resolve.knowledgeSearchDefaults,
    }),
    knowledgeSearch: t.field({
      complexity: WORK.lookUp,
      type: SearchAnswer,
      authScopes: member,
      description:
        'Searches one or more knowledge bases. Errors: `not_found` naming the unknown ones, `validation_failed`.',
      args: {
        input: t.arg({ type: KnowledgeSearchInput, required: true, description: 'What is looked for.' }),
      },
      resolve: resolve.knowledgeSearch,
    }),
    agentKnowledgeSearch: t.field({
      complexity: WORK.lookUp,
      type: SearchAnswer,
      authScopes: member,
      description:
        'Searches knowledge bases as an agent does: only those bound to it. Errors: `not_found`, `validation_failed`.',
      args: {
        agentId: t.arg.id({ required: true, description: AGENT }),
        input: t.arg({ type: KnowledgeSearchInput, required: true, description: 'What is looked for.' }),
      },
      resolve: resolve.agentKnowledgeSearch,
    }),
    agentKnowledgeBases: t.field({
      type: [KnowledgeBase],
      authScopes: member,
      description: 'The knowledge bases that are bound to an agent. Errors: `not_found`.',
      args: { agentId: t.arg.id({ required: true, description: AGENT }) },
      resolve: resolve.agentKnowledgeBases,
    }),
    batch: t.field({
      type: Batch,
      authScopes: member,
      description: 'Where a batch is: the ingestion of files. Errors: `not_found`.',
      args: { id: t.arg.id({ required: true, description: 'Id of the batch: `kb_ingest_...`.' }) },
      resolve: resolve.batch,
    }),
  };
});

builder.mutationFields((t) => {
  const ofDocument = () => ({
    knowledgeBaseId: t.arg.id({ required: true, description: BASE }),
    documentId: t.arg.id({ required: true, description: 'Id of the document.' }),
  });
  const ofAgent = () => ({
    agentId: t.arg.id({ required: true, description: AGENT }),
    knowledgeBaseId: t.arg.id({ required: true, description: BASE }),
  });
  return {
    createKnowledgeBase: t.field({
      type: CreatedKnowledgeBase,
      authScopes: member,
      description:
        'Makes a knowledge base from files and waits up to 30 s for its index. Errors: `validation_failed`, `conflict` (name), `payload_too_large`, `unsupported_media_type` when no file is of a format that is read.',
      args: {
        input: t.arg({
          type: CreateKnowledgeBaseInput,
          required: true,
          description: 'The base and its files.',
        }),
      },
      resolve: resolve.createKnowledgeBase,
    }),
    createKnowledgeBaseFromUrl: t.field({
      type: CreatedKnowledgeBase,
      authScopes: member,
      description:
        'Makes a knowledge base from a web site, in the background. Errors: `validation_failed`, `conflict` (name).',
      args: {
        input: t.arg({ type: CreateFromUrlInput, required: true, description: 'The base and its site.' }),
      },
      resolve: resolve.createKnowledgeBaseFromUrl,
    }),
    addKnowledgeDocuments: t.field({
      type: QueuedDocuments,
      authScopes: member,
      description:
        'Adds files, ingested in the background; content that is there already costs nothing. Errors: `not_found`, `validation_failed`, `payload_too_large`, `unsupported_media_type`.',
      args: { input: t.arg({ type: AddDocumentsInput, required: true, description: 'The files.' }) },
      resolve: resolve.addKnowledgeDocuments,
    }),
    updateKnowledgeBase: t.field({
      type: KnowledgeBase,
      authScopes: member,
      description:
        'Changes a knowledge base; new settings of chunking hold for what is ingested from now on. Errors: `not_found`, `validation_failed`, `conflict` (name).',
      args: {
        input: t.arg({ type: UpdateKnowledgeBaseInput, required: true, description: 'What to change.' }),
      },
      resolve: resolve.updateKnowledgeBase,
    }),
    setGoldenQueries: t.field({
      type: KnowledgeBase,
      authScopes: member,
      description:
        'Replaces the questions that a refresh must still answer before it goes live. Errors: `not_found`, `validation_failed`.',
      args: { input: t.arg({ type: SetGoldenQueriesInput, required: true, description: 'The questions.' }) },
      resolve: resolve.setGoldenQueries,
    }),
    deleteKnowledgeBase: t.field({
      type: Deleted,
      authScopes: member,
      description:
        'Deletes a knowledge base with everything in it; a running ingestion ends. Errors: `not_found`.',
      args: { id: t.arg.id({ required: true, description: BASE }) },
      resolve: resolve.deleteKnowledgeBase,
    }),
    deleteKnowledgeDocument: t.field({
      type: Deleted,
      authScopes: member,
      description:
        'Deletes a document with its chunks, also while it is being ingested. Errors: `not_found`.',
      args: ofDocument(),
      resolve: resolve.deleteKnowledgeDocument,
    }),
    refreshKnowledgeBase: t.field({
      type: RefreshStarted,
      authScopes: member,
      description:
        'Builds the whole index again beside the live one and switches at the end, when the golden queries are answered. Errors: `not_found`, `conflict` while another refresh is under way, `validation_failed`.',
      args: { input: t.arg({ type: RefreshInput, required: true, description: 'What to build again.' }) },
      resolve: resolve.refreshKnowledgeBase,
    }),
    refreshKnowledgeDocument: t.field({
      type: RefreshStarted,
      authScopes: member,
      description: 'Builds one document again; its old chunks stay until then. Errors: `not_found`.',
      args: ofDocument(),
      resolve: resolve.refreshKnowledgeDocument,
    }),
    bindKnowledgeBase: t.field({
      type: KnowledgeBase,
      authScopes: member,
      description: 'Gives an agent a knowledge base; binding twice changes nothing. Errors: `not_found`.',
      args: ofAgent(),
      resolve: resolve.bindKnowledgeBase,
    }),
    unbindKnowledgeBase: t.field({
      type: Deleted,
      authScopes: member,
      description: 'Takes a knowledge base from an agent. Errors: `not_found`, also when it was not bound.',
      args: ofAgent(),
      resolve: resolve.unbindKnowledgeBase,
    }),
    previewChunking: t.field({
      type: ChunkingPreview,
      authScopes: member,
      description: 'Shows how a text or a file would be cut; keeps nothing. Errors: `validation_failed`.',
      args: { input: t.arg({ type: PreviewInput, required: true, description: 'What to cut.' }) },
      resolve: resolve.previewChunking,
    }),
    retrieve: t.field({
      type: SearchAnswer,
      authScopes: member,
      description:
        'Runs the retrieval of an agent alone: over the bases that are named, else over those bound to it. Errors: `not_found`, `validation_failed`.',
      args: {
        agentId: t.arg.id({ required: true, description: AGENT }),
        input: t.arg({ type: RetrieveInput, required: true, description: 'What is looked for.' }),
      },
      resolve: resolve.retrieve,
    }),
  };
});

builder.subscriptionFields((t) => ({
  ingestionProgress: t.field({
    type: Batch,
    authScopes: member,
    description:
      'Where an ingestion is: at once, then with every change, until it has ended. Errors: `not_found`.',
    args: { jobId: t.arg.id({ required: true, description: 'Id of the job: `kb_ingest_...`.' }) },
    subscribe: resolve.subscribeToIngestion,
    resolve: (view) => view,
  }),
  chunkingPreview: t.field({
    type: PreviewEvent,
    authScopes: member,
    description: 'The chunks of a preview one by one, then `end`. Errors: `validation_failed`.',
    args: { input: t.arg({ type: PreviewInput, required: true, description: 'What to cut.' }) },
    subscribe: resolve.subscribeToPreview,
    resolve: (event) => event,
  }),
}));
