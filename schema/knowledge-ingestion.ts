import type { GateReport, GateResult as GateResultData } from '../src/knowledge/golden-queries';
import { creationStatus, type CreatedBase, type QueuedFiles } from '../src/knowledge/ingestion/ingestion';
import type { IngestionView } from '../src/knowledge/ingestion/jobs';
import type {
  PreviewChunk as PreviewChunkData,
  PreviewEvent as PreviewEventData,
} from '../src/knowledge/preview';
import { sourceTypeOf } from '../src/knowledge/bases';
import type { IngestionFileRecord, IngestionJobRecord } from '../src/ports/knowledge';
import { builder } from './builder';
import { FileStatus, KnowledgeBase, KnowledgeBaseConfiguration } from './knowledge-types';

export const BatchStatus = builder.enumType('BatchStatus', {
  description: 'How far a batch has come.',
  values: {
    QUEUED: { value: 'queued', description: 'It waits.' },
    PROCESSING: { value: 'processing', description: 'It is being worked on.' },
    COMPLETED: { value: 'completed', description: 'It has ended; single items may have failed.' },
    FAILED: { value: 'failed', description: '`error` says why.' },
    CANCELLING: { value: 'cancelling', description: 'It is about to stop.' },
    CANCELLED: { value: 'cancelled', description: 'It was stopped.' },
    EXPIRED: { value: 'expired', description: 'It was not done in time.' },
  } as const,
});

const IngestionFile = builder.objectRef<IngestionFileRecord>('IngestionFile').implement({
  description: 'One file of an ingestion.',
  fields: (t) => ({
    documentId: t.exposeID('documentId', { description: 'Its document.' }),
    fileName: t.exposeString('fileName', { description: 'Its name.' }),
    status: t.field({ type: FileStatus, description: 'How far it has come.', resolve: (row) => row.status }),
    error: t.exposeString('error', { nullable: true, description: 'Why it failed.' }),
    chunksTotal: t.exposeInt('chunksTotal', { description: 'Chunks it has; 0 until it was cut.' }),
    chunksDone: t.exposeInt('chunksDone', { description: 'Chunks that are embedded.' }),
    vectorsReused: t.exposeInt('vectorsReused', { description: 'Chunks that needed no embedding.' }),
    unchanged: t.exposeBoolean('unchanged', {
      description: 'True when the base held the same content already and nothing had to be done.',
    }),
  }),
});

const GateResult = builder.objectRef<GateResultData>('GateResult').implement({
  description: 'What became of a golden query.',
  fields: (t) => ({
    query: t.exposeString('query', { description: 'The question.' }),
    passed: t.exposeBoolean('passed', { description: 'True when it was answered.' }),
    rank: t.exposeInt('rank', { nullable: true, description: 'Place of the answer, from 1.' }),
    reason: t.exposeString('reason', { nullable: true, description: 'Why it was not answered.' }),
  }),
});

const RequestCounts = builder.objectRef<IngestionJobRecord>('BatchCounts').implement({
  description: 'Items of a batch.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'All.' }),
    completed: t.exposeInt('completed', { description: 'Done.' }),
    failed: t.exposeInt('failed', { description: 'Failed or cancelled.' }),
  }),
});

/** Files count by their states, so that progress moves within a long one. */
function progressOf({ job, files }: IngestionView): number {
  if (['completed', 'failed', 'cancelled'].includes(job.status)) return 1;
  if (files.length === 0) return 0;
  const done = files.reduce((sum, file) => {
    if (['completed', 'failed', 'cancelled'].includes(file.status)) return sum + 1;
    return sum + (file.chunksTotal === 0 ? 0 : (0.9 * file.chunksDone) / file.chunksTotal);
  }, 0);
  return Math.round((1000 * done) / files.length) / 1000;
}

export const Batch = builder.objectRef<IngestionView>('Batch').implement({
  description: 'Work on many items in the background: here the ingestion of files.',
  fields: (t) => ({
    id: t.id({ description: 'Id of the batch.', resolve: ({ job }) => job.id }),
    operation: t.string({
      description: 'What is done: `kb_create`, `kb_add`, `kb_crawl`, `kb_refresh` or `kb_refresh_document`.',
      resolve: ({ job }) => `kb_${job.operation}`,
    }),
    status: t.field({
      type: BatchStatus,
      description: 'How far it has come.',
      resolve: ({ job }) => job.status,
    }),
    progress: t.float({ description: '0 to 1.', resolve: progressOf }),
    requestCounts: t.field({ type: RequestCounts, description: 'Its items.', resolve: ({ job }) => job }),
    knowledgeBaseId: t.id({
      description: 'The base that is filled.',
      resolve: ({ job }) => job.knowledgeBaseId,
    }),
    files: t.field({ type: [IngestionFile], description: 'Its files.', resolve: ({ files }) => files }),
    gate: t.field({
      type: [GateResult],
      nullable: true,
      description: 'What the golden queries said of a refresh; null when they were not asked.',
      resolve: ({ job }) => (job.gate as unknown as GateReport | null)?.queries ?? null,
    }),
    error: t.string({ nullable: true, description: 'Why it failed.', resolve: ({ job }) => job.error }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was submitted.',
      resolve: ({ job }) => job.createdAt,
    }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was begun.',
      resolve: ({ job }) => job.startedAt,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ended.',
      resolve: ({ job }) => job.finishedAt,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when it must be done; null for ingestions, which wait as long as they must.',
      resolve: () => null,
    }),
  }),
});

export const CreatedKnowledgeBase = builder.objectRef<CreatedBase>('CreatedKnowledgeBase').implement({
  description: 'A new knowledge base, and how far its first ingestion has come.',
  fields: (t) => ({
    id: t.id({ description: 'Id of the base.', resolve: ({ base }) => base.id }),
    name: t.string({ description: 'Its name.', resolve: ({ base }) => base.name }),
    message: t.string({ description: 'What happened, in a sentence.', resolve: messageOf }),
    status: t.string({
      description: '`completed` or `failed` when the ingestion has ended, `processing` while it goes on.',
      resolve: creationStatus,
    }),
    filesUploaded: t.exposeInt('filesUploaded', { description: 'Files that came with the request.' }),
    sourceType: t.string({
      description: 'The format of all its documents, `mixed`, `files` or `url`.',
      resolve: sourceTypeOf,
    }),
    configuration: t.field({
      type: KnowledgeBaseConfiguration,
      description: 'How documents are cut and kept.',
      resolve: (view) => view,
    }),
    jobId: t.id({ description: 'The ingestion: `/batches/{job_id}`.', resolve: ({ view }) => view.job.id }),
    knowledgeBase: t.field({ type: KnowledgeBase, description: 'The base.', resolve: (view) => view }),
    batch: t.field({ type: Batch, description: 'The ingestion.', resolve: ({ view }) => view }),
  }),
});

function messageOf(created: CreatedBase): string {
  const { base, view } = created;
  const status = creationStatus(created);
  if (status === 'processing')
    return `Knowledge base ${base.name} was created; its documents are being ingested by ${view.job.id}.`;
  if (status === 'failed')
    return `Knowledge base ${base.name} was created, but no document could be ingested.`;
  const { completed, failed } = view.job;
  return `Knowledge base ${base.name} was created with ${completed} ${completed === 1 ? 'document' : 'documents'}${failed > 0 ? `; ${failed} failed` : ''}.`;
}

export const QueuedDocuments = builder.objectRef<QueuedFiles>('QueuedDocuments').implement({
  description: 'Files that will be ingested.',
  fields: (t) => ({
    kbId: t.exposeID('knowledgeBaseId', { description: 'The base.' }),
    jobId: t.exposeID('jobId', { description: 'The ingestion: `/batches/{job_id}`.' }),
    filesQueued: t.exposeInt('filesQueued', { description: 'Files that came with the request.' }),
    status: t.string({ description: 'Always `processing`.', resolve: () => 'processing' }),
  }),
});

export const RefreshStarted = builder.objectRef<IngestionJobRecord>('RefreshStarted').implement({
  description: 'A refresh that was begun.',
  fields: (t) => ({
    kbId: t.exposeID('knowledgeBaseId', { description: 'The base.' }),
    jobId: t.exposeID('id', { description: 'The work: `/batches/{job_id}`.' }),
    status: t.string({ description: 'Always `processing`.', resolve: () => 'processing' }),
    message: t.string({
      description: 'What happens now, in a sentence.',
      resolve: () => 'The new index is built beside the old one, which answers searches until then.',
    }),
  }),
});

export const PreviewChunk = builder.objectRef<PreviewChunkData>('PreviewChunk').implement({
  description: 'A chunk as it would be made.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Place in the document, from 0.' }),
    text: t.exposeString('text', { description: 'The passage.' }),
    start: t.exposeInt('start', { description: 'Where it begins in the text.' }),
    end: t.exposeInt('end', { description: 'Where it ends, exclusive.' }),
    tokens: t.exposeInt('tokens', { description: 'Tokens of the passage.' }),
  }),
});

export const ChunkingPreview = builder
  .objectRef<{ chunks: PreviewChunkData[] }>('ChunkingPreview')
  .implement({
    description: 'How a text would be cut.',
    fields: (t) => ({
      chunks: t.field({ type: [PreviewChunk], description: 'The chunks.', resolve: ({ chunks }) => chunks }),
      total: t.int({ description: 'How many there are.', resolve: ({ chunks }) => chunks.length }),
    }),
  });

export const PreviewEvent = builder.objectRef<PreviewEventData>('PreviewEvent').implement({
  description: 'A chunk, or the end of a preview.',
  fields: (t) => ({
    type: t.exposeString('type', { description: '`chunk`, then one `end`.' }),
    seq: t.exposeInt('seq', { description: 'Counts the events from 0.' }),
    content: t.field({
      type: 'JSON',
      description: 'The chunk as in the JSON answer; at the end `{total, tokens}`.',
      resolve: ({ content }) => content,
    }),
  }),
});
