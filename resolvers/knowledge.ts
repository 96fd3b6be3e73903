import type { PageArguments } from '../src/cursor';
import type { BaseForm } from '../src/knowledge/base-form';
import type { CrawlForm } from '../src/knowledge/bases';
import type { GoldenQueryForm } from '../src/knowledge/golden-queries';
import { type InlineText, incomingFiles } from '../src/knowledge/ingestion/incoming';
import type { PreviewForm } from '../src/knowledge/preview';
import { SEARCH_DEFAULTS, type SearchFields } from '../src/knowledge/search/options';
import type { UploadedFile } from '../src/ports/files';
import type { JsonValue } from '../src/ports/records';
import { type Context, principalOf } from './context';

type ById = { id: string };
type InBase = { knowledgeBaseId: string };

export const knowledgeBases = (_root: unknown, _args: unknown, ctx: Context) =>
  ctx.services.knowledge.bases.list(principalOf(ctx));

export const knowledgeBase = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.knowledge.bases.get(principalOf(ctx), id);

export const knowledgeFiles = (
  _root: unknown,
  { knowledgeBaseId, ...page }: InBase & PageArguments,
  ctx: Context,
) => ctx.services.knowledge.documents.files(principalOf(ctx), knowledgeBaseId, page);

export const knowledgeDocument = (_root: unknown, args: InBase & { documentId: string }, ctx: Context) =>
  ctx.services.knowledge.documents.document(principalOf(ctx), args.knowledgeBaseId, args.documentId);

export const knowledgeChunks = (
  _root: unknown,
  { knowledgeBaseId, ...page }: InBase & PageArguments & { documentId?: string | null },
  ctx: Context,
) => ctx.services.knowledge.documents.chunks(principalOf(ctx), knowledgeBaseId, page);

export const knowledgeChunk = (_root: unknown, args: InBase & { chunkId: string }, ctx: Context) =>
  ctx.services.knowledge.documents.chunk(principalOf(ctx), args.knowledgeBaseId, args.chunkId);

export const knowledgeFilesWhere = (
  _root: unknown,
  { knowledgeBaseId, metadataFilters, ...page }: InBase & PageArguments & { metadataFilters?: JsonValue },
  ctx: Context,
) =>
  ctx.services.knowledge.documents.filter(principalOf(ctx), knowledgeBaseId, metadataFilters ?? null, page);

export const knowledgeBaseSummary = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.knowledge.documents.summary(principalOf(ctx), id);

export const knowledgeMetadataSchema = async (_root: unknown, { id }: ById, ctx: Context) => ({
  knowledgeBaseId: id,
  fields: await ctx.services.knowledge.documents.metadataSchema(principalOf(ctx), id),
});

export const knowledgeSearchDefaults = () => SEARCH_DEFAULTS;

type SearchInput = SearchFields & { knowledgeBaseIds: string[]; query: string };

export const knowledgeSearch = (
  _root: unknown,
  { input: { knowledgeBaseIds, query, ...fields } }: { input: SearchInput },
  ctx: Context,
) => ctx.services.knowledge.search.search(principalOf(ctx), knowledgeBaseIds, query, fields);

export const agentKnowledgeSearch = (
  _root: unknown,
  { agentId, input: { knowledgeBaseIds, query, ...fields } }: { agentId: string; input: SearchInput },
  ctx: Context,
) => ctx.services.knowledge.agents.search(principalOf(ctx), agentId, knowledgeBaseIds, { query, fields });

export const retrieve = (
  _root: unknown,
  {
    agentId,
    input: { knowledgeBases: references, query, ...fields },
  }: { agentId: string; input: SearchFields & { knowledgeBases?: string[] | null; query: string } },
  ctx: Context,
) => ctx.services.knowledge.agents.retrieve(principalOf(ctx), agentId, references ?? null, { query, fields });

export const agentKnowledgeBases = (_root: unknown, { agentId }: { agentId: string }, ctx: Context) =>
  ctx.services.knowledge.agents.list(principalOf(ctx), agentId);

export const batch = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.knowledge.jobs.get(principalOf(ctx), id);

interface Files {
  files?: UploadedFile[] | null;
  texts?: InlineText[] | null;
}

interface OfDocuments {
  documentMetadata?: JsonValue;
}

export const createKnowledgeBase = (
  _root: unknown,
  { input: { files, texts, documentMetadata, ...form } }: { input: BaseForm & Files & OfDocuments },
  ctx: Context,
) =>
  ctx.services.knowledge.ingestion.createFromFiles(
    principalOf(ctx),
    form,
    incomingFiles(files, texts, { field: 'document_metadata', value: documentMetadata }),
    ctx.operationId,
  );

export const createKnowledgeBaseFromUrl = (_root: unknown, { input }: { input: CrawlForm }, ctx: Context) =>
  ctx.services.knowledge.ingestion.createFromUrl(principalOf(ctx), input, ctx.operationId);

export const addKnowledgeDocuments = (
  _root: unknown,
  {
    input: { knowledgeBaseId, files, texts, metadata },
  }: { input: InBase & Files & { metadata?: JsonValue } },
  ctx: Context,
) =>
  ctx.services.knowledge.ingestion.addDocuments(
    principalOf(ctx),
    knowledgeBaseId,
    incomingFiles(files, texts, { field: 'metadata', value: metadata }),
  );

export const updateKnowledgeBase = (
  _root: unknown,
  { input: { id, ...form } }: { input: BaseForm & ById },
  ctx: Context,
) => ctx.services.knowledge.bases.update(principalOf(ctx), id, form);

export const setGoldenQueries = (
  _root: unknown,
  { input }: { input: InBase & { queries: GoldenQueryForm[] } },
  ctx: Context,
) => ctx.services.knowledge.bases.setGoldenQueries(principalOf(ctx), input.knowledgeBaseId, input.queries);

export const deleteKnowledgeBase = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.knowledge.bases.remove(principalOf(ctx), id);

export const deleteKnowledgeDocument = (
  _root: unknown,
  args: InBase & { documentId: string },
  ctx: Context,
) => ctx.services.knowledge.documents.remove(principalOf(ctx), args.knowledgeBaseId, args.documentId);

export const refreshKnowledgeBase = (
  _root: unknown,
  { input: { id, embeddingModel } }: { input: ById & { embeddingModel?: string | null } },
  ctx: Context,
) => ctx.services.knowledge.ingestion.refreshBase(principalOf(ctx), id, embeddingModel);

export const refreshKnowledgeDocument = (
  _root: unknown,
  args: InBase & { documentId: string },
  ctx: Context,
) =>
  ctx.services.knowledge.ingestion.refreshDocument(principalOf(ctx), args.knowledgeBaseId, args.documentId);

export const bindKnowledgeBase = (_root: unknown, args: InBase & { agentId: string }, ctx: Context) =>
  ctx.services.knowledge.agents.bind(principalOf(ctx), args.agentId, args.knowledgeBaseId);

export const unbindKnowledgeBase = (_root: unknown, args: InBase & { agentId: string }, ctx: Context) =>
  ctx.services.knowledge.agents.unbind(principalOf(ctx), args.agentId, args.knowledgeBaseId);

type PreviewInput = Omit<PreviewForm, 'file'> & { file?: UploadedFile | null };

export const previewChunking = (_root: unknown, { input }: { input: PreviewInput }, ctx: Context) =>
  ctx.services.knowledge.previews.preview(principalOf(ctx), input);

export const subscribeToPreview = (_root: unknown, { input }: { input: PreviewInput }, ctx: Context) =>
  ctx.services.knowledge.previews.events(principalOf(ctx), input);

export const subscribeToIngestion = (_root: unknown, args: { jobId: string }, ctx: Context) =>
  ctx.services.knowledge.jobs.progress(principalOf(ctx), args.jobId);
