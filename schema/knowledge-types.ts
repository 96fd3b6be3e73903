import type { BaseView } from '../src/knowledge/bases';
import { sourceTypeOf, statusOf } from '../src/knowledge/bases';
import type {
  BaseSummary as BaseSummaryData,
  ChunkPage as ChunkPageData,
  ChunkView,
  FilePage as FilePageData,
} from '../src/knowledge/documents';
import { type GoldenQuery as GoldenQueryData, storedGoldenQueries } from '../src/knowledge/golden-queries';
import type { MetadataField as MetadataFieldData } from '../src/knowledge/metadata-schema';
import type { KnowledgeDocumentRecord } from '../src/ports/knowledge';
import { builder } from './builder';

export const KnowledgeBaseStatus = builder.enumType('KnowledgeBaseStatus', {
  description: 'Whether documents are being ingested, and what came of the first.',
  values: {
    PROCESSING: {
      value: 'processing',
      description: 'Documents are being ingested; those that are there already can be searched.',
    },
    COMPLETED: { value: 'completed', description: 'It can be searched.' },
    FAILED: { value: 'failed', description: 'None of its documents could be ingested.' },
  } as const,
});

export const FileStatus = builder.enumType('KnowledgeFileStatus', {
  description: 'How far the ingestion of a file has come.',
  values: {
    QUEUED: { value: 'queued', description: 'It waits.' },
    PARSING: { value: 'parsing', description: 'Its text is being read.' },
    CHUNKING: { value: 'chunking', description: 'Its text is being cut.' },
    EMBEDDING: { value: 'embedding', description: 'Its chunks are being embedded.' },
    INDEXING: { value: 'indexing', description: 'Its chunks go into the index.' },
    COMPLETED: { value: 'completed', description: 'It can be searched.' },
    FAILED: { value: 'failed', description: '`error` says why.' },
    CANCELLED: { value: 'cancelled', description: 'It was deleted meanwhile.' },
  } as const,
});

const GoldenQuery = builder.objectRef<GoldenQueryData>('GoldenQuery').implement({
  description: 'A question that the knowledge base must answer before a refresh goes live.',
  fields: (t) => ({
    query: t.exposeString('query', { description: 'The question.' }),
    documentId: t.exposeID('documentId', { nullable: true, description: 'The document that answers.' }),
    sourceFile: t.exposeString('sourceFile', {
      nullable: true,
      description: 'Name of the file that answers.',
    }),
    contains: t.exposeString('contains', { nullable: true, description: 'Words that the passage holds.' }),
    within: t.exposeInt('within', { description: 'How far down the answer may be.' }),
  }),
});

const Configuration = builder.objectRef<BaseView>('KnowledgeBaseConfiguration').implement({
  description: 'How documents of the base are cut and kept.',
  fields: (t) => ({
    id: t.id({ description: 'Id of the base.', resolve: ({ base }) => base.id }),
    name: t.string({ description: 'Name of the base.', resolve: ({ base }) => base.name }),
    description: t.string({
      nullable: true,
      description: 'What it is about.',
      resolve: ({ base }) => base.description,
    }),
    chunkSize: t.int({ description: 'Most characters of a chunk.', resolve: ({ base }) => base.chunkSize }),
    overlapPercentage: t.float({
      description: 'Share of a chunk that repeats the one before it.',
      resolve: ({ base }) => base.overlapPercentage,
    }),
    chunkingStrategy: t.string({
      description: '`auto`, `fixed`, `sentence`, `markdown` or `code`.',
      resolve: ({ base }) => base.chunkingStrategy,
    }),
    vectorDbType: t.string({
      description: 'Where vectors are in this deployment: `embedded` or `elasticsearch`.',
      resolve: (_configuration, _args, ctx) => ctx.services.knowledge.vectorStore(),
    }),
    embeddingModel: t.string({
      description: 'The model of its vectors; a refresh may change it.',
      resolve: ({ base }) => base.embeddingModel,
    }),
    dimension: t.int({ description: 'Numbers in a vector.', resolve: ({ base }) => base.dimension }),
    maxCrawlDepth: t.int({
      nullable: true,
      description: 'Links followed from the first page; null for files.',
      resolve: ({ base }) => base.maxCrawlDepth,
    }),
    maxCrawlPages: t.int({
      nullable: true,
      description: 'Pages fetched at most; null for files.',
      resolve: ({ base }) => base.maxCrawlPages,
    }),
  }),
});
export { Configuration as KnowledgeBaseConfiguration };

export const KnowledgeBase = builder.objectRef<BaseView>('KnowledgeBase').implement({
  description: 'A searchable collection of documents, shared by the members of the tenant.',
  fields: (t) => ({
    id: t.id({ description: 'UUID of the base.', resolve: ({ base }) => base.id }),
    name: t.string({ description: 'Unique in the tenant.', resolve: ({ base }) => base.name }),
    description: t.string({
      nullable: true,
      description: 'What it is about.',
      resolve: ({ base }) => base.description,
    }),
    tags: t.stringList({ description: 'Words to sort by.', resolve: ({ base }) => base.tags }),
    metadata: t.field({
      type: 'JSON',
      description: 'Free-form data of the client.',
      resolve: ({ base }) => base.metadata,
    }),
    status: t.field({
      type: KnowledgeBaseStatus,
      description: 'Whether documents are being ingested, and what came of the first.',
      resolve: statusOf,
    }),
    sourceType: t.string({
      description:
        'The format that all documents have, `mixed`, `url` for a crawled site, `files` while unknown.',
      resolve: sourceTypeOf,
    }),
    websiteUrl: t.string({
      nullable: true,
      description: 'The site that was crawled; null for files.',
      resolve: ({ base }) => base.websiteUrl,
    }),
    fileCount: t.int({ description: 'Files in it.', resolve: ({ statistics }) => statistics.files }),
    failedCount: t.int({
      description: 'Files that could not be ingested.',
      resolve: ({ statistics }) => statistics.failed,
    }),
    chunkCount: t.int({
      description: 'Chunks that are searched.',
      resolve: ({ statistics }) => statistics.chunks,
    }),
    tokenCount: t.int({
      description: 'Tokens of its chunks.',
      resolve: ({ statistics }) => statistics.tokens,
    }),
    totalBytes: t.float({
      description: 'Size of its files in bytes.',
      resolve: ({ statistics }) => statistics.bytes,
    }),
    configuration: t.field({
      type: Configuration,
      description: 'How documents are cut and kept.',
      resolve: (view) => view,
    }),
    generation: t.int({
      description: 'Rises by one with each refresh.',
      resolve: ({ base }) => base.generation,
    }),
    refreshJobId: t.string({
      nullable: true,
      description: 'The refresh that is under way.',
      resolve: ({ base }) => base.refreshJobId,
    }),
    goldenQueries: t.field({
      type: [GoldenQuery],
      description: 'Questions that it must answer before a refresh goes live.',
      resolve: ({ base }) => storedGoldenQueries(base.goldenQueries),
    }),
    createdBy: t.string({ description: 'Who made it.', resolve: ({ base }) => base.createdBy }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: ({ base }) => base.createdAt,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'When it was last changed.',
      resolve: ({ base }) => base.updatedAt,
    }),
  }),
});

export const KnowledgeFile = builder.objectRef<KnowledgeDocumentRecord>('KnowledgeFile').implement({
  description: 'A file or web page of a knowledge base.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the document.' }),
    knowledgeBaseId: t.exposeID('knowledgeBaseId', { description: 'Its base.' }),
    fileName: t.exposeString('fileName', { description: 'Name of the file.' }),
    title: t.exposeString('title', { nullable: true, description: 'Its title; null until it was read.' }),
    format: t.exposeString('format', { nullable: true, description: '`pdf`, `docx`, `markdown`, ...' }),
    contentType: t.exposeString('contentType', { nullable: true, description: 'Media type.' }),
    bytes: t.exposeInt('bytes', { description: 'Size in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'Hex SHA-256 of the bytes.' }),
    url: t.exposeString('url', { nullable: true, description: 'Where it was fetched; null for uploads.' }),
    status: t.field({ type: FileStatus, description: 'How far it has come.', resolve: (row) => row.status }),
    error: t.exposeString('error', { nullable: true, description: 'Why the last ingestion failed.' }),
    warnings: t.stringList({
      description:
        'What was left out of the file or could not be read of it, in sentences; empty when it is whole.',
      // Documents of earlier versions have none.
      resolve: ({ warnings }) => warnings ?? [],
    }),
    chunkCount: t.exposeInt('chunkCount', { description: 'Its chunks.' }),
    tokenCount: t.exposeInt('tokenCount', { description: 'Tokens of its chunks.' }),
    metadata: t.field({
      type: 'JSON',
      description: "What the file says of itself, and the caller's metadata over it.",
      resolve: (row) => row.metadata ?? {},
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was added.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
});

export const FilePage = builder.objectRef<FilePageData>('KnowledgeFilePage').implement({
  description: 'A page of files, newest first.',
  fields: (t) => ({
    files: t.field({ type: [KnowledgeFile], description: 'The files.', resolve: ({ rows }) => rows }),
    total: t.exposeInt('total', { description: 'How many there are over all pages.' }),
    nextCursor: t.exposeString('nextCursor', {
      nullable: true,
      description: 'Cursor of the next page; null on the last.',
    }),
  }),
});

export const KnowledgeChunk = builder.objectRef<ChunkView>('KnowledgeChunk').implement({
  description: 'A passage of a document: what is searched and shown.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the chunk.' }),
    knowledgeBaseId: t.exposeID('knowledgeBaseId', { description: 'Its base.' }),
    documentId: t.exposeID('documentId', { description: 'Its document.' }),
    sourceFile: t.string({ description: 'Name of its file.', resolve: ({ document }) => document.fileName }),
    title: t.string({
      description: 'Title of its document.',
      resolve: ({ document }) => document.title ?? document.fileName,
    }),
    content: t.exposeString('text', { description: 'The passage.' }),
    chunkIndex: t.exposeInt('position', { description: 'Place in the document, from 0.' }),
    start: t.exposeInt('start', { description: "Where it begins in the document's text." }),
    end: t.exposeInt('end', { description: 'Where it ends, exclusive.' }),
    tokens: t.exposeInt('tokens', { description: 'Tokens of the passage.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'Metadata of the document, and headings and page of the passage.',
      resolve: (row) => row.metadata ?? {},
    }),
  }),
});

export const ChunkPage = builder.objectRef<ChunkPageData>('KnowledgeChunkPage').implement({
  description: 'A page of chunks: documents newest first, chunks in the order of the text.',
  fields: (t) => ({
    documents: t.field({ type: [KnowledgeChunk], description: 'The chunks.', resolve: ({ rows }) => rows }),
    total: t.exposeInt('total', { description: 'How many there are over all pages.' }),
    nextCursor: t.exposeString('nextCursor', {
      nullable: true,
      description: 'Cursor of the next page; null on the last.',
    }),
  }),
});

export const MetadataField = builder.objectRef<MetadataFieldData>('KnowledgeMetadataField').implement({
  description: 'A field of metadata, as found in the documents of a base; filters take it.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name of the field.' }),
    type: t.exposeString('type', {
      description: '`string`, `number`, `boolean`, `array` or `object`; several joined by `|`.',
    }),
    count: t.exposeInt('count', { description: 'Documents that have it.' }),
    values: t.field({
      type: 'JSON',
      description: 'Its most frequent values, at most 20.',
      resolve: ({ values }) => values,
    }),
    min: t.exposeFloat('min', { nullable: true, description: 'Smallest number.' }),
    max: t.exposeFloat('max', { nullable: true, description: 'Largest number.' }),
  }),
});

export const MetadataSchema = builder
  .objectRef<{ knowledgeBaseId: string; fields: MetadataFieldData[] }>('KnowledgeMetadataSchema')
  .implement({
    description: 'Which metadata the documents of a base have.',
    fields: (t) => ({
      knowledgeBaseId: t.exposeID('knowledgeBaseId', { description: 'The base.' }),
      fields: t.field({
        type: [MetadataField],
        description: 'The fields, most frequent first.',
        resolve: (row) => row.fields,
      }),
    }),
  });

const StatusCount = builder.objectRef<{ status: string; files: number }>('KnowledgeStatusCount').implement({
  description: 'How many files are in a state.',
  fields: (t) => ({
    status: t.exposeString('status', { description: 'The state.' }),
    files: t.exposeInt('files', { description: 'Files in it.' }),
  }),
});

export const BaseSummary = builder.objectRef<BaseSummaryData>('KnowledgeBaseSummary').implement({
  description: 'What is in a base, at a glance.',
  fields: (t) => ({
    id: t.id({ description: 'The base.', resolve: ({ base }) => base.id }),
    name: t.string({ description: 'Its name.', resolve: ({ base }) => base.name }),
    description: t.string({
      nullable: true,
      description: 'What it is about.',
      resolve: ({ base }) => base.description,
    }),
    fileCount: t.int({ description: 'Files in it.', resolve: ({ statistics }) => statistics.files }),
    chunkCount: t.int({
      description: 'Chunks that are searched.',
      resolve: ({ statistics }) => statistics.chunks,
    }),
    tokenCount: t.int({
      description: 'Tokens of its chunks.',
      resolve: ({ statistics }) => statistics.tokens,
    }),
    totalBytes: t.float({
      description: 'Size of its files in bytes.',
      resolve: ({ statistics }) => statistics.bytes,
    }),
    formats: t.stringList({
      description: 'Formats of its files.',
      resolve: ({ statistics }) => statistics.formats,
    }),
    embeddingModel: t.string({
      description: 'The model of its vectors.',
      resolve: ({ base }) => base.embeddingModel,
    }),
    byStatus: t.field({
      type: [StatusCount],
      description: 'Files by state.',
      resolve: (row) => row.byStatus,
    }),
    largestFiles: t.field({
      type: [KnowledgeFile],
      description: 'The ten with the most chunks.',
      resolve: ({ largest }) => largest,
    }),
    metadataFields: t.field({
      type: [MetadataField],
      description: 'Metadata that can be filtered by.',
      resolve: (row) => row.fields,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'When it was last changed.',
      resolve: ({ base }) => base.updatedAt,
    }),
  }),
});
