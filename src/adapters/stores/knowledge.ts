import type { Collection, Document } from 'mongodb';
import type {
  BaseStatistics,
  ChunkWithoutVector,
  DocumentFilter,
  IngestionFileRecord,
  IngestionJobRecord,
  KnowledgeBaseRecord,
  KnowledgeChunkRecord,
  KnowledgeDocumentHead,
  KnowledgeDocumentRecord,
  KnowledgeStore,
  RevisionRef,
} from '../../ports/knowledge';
import type { Page } from '../../ports/stores';
import type { WriteBatch } from './batches';
import type { TenantClient } from './client';
import { IngestionRows } from './ingestion';
import { KnowledgeBaseRows } from './knowledge-bases';
import { KnowledgeChunkRows } from './knowledge-chunks';
import { KnowledgeDocumentRows } from './knowledge-documents';

/** Everything of a tenant's knowledge bases; each collection has a file of its own. */
export class PrismaKnowledgeStore implements KnowledgeStore {
  private readonly bases: KnowledgeBaseRows;
  private readonly documents: KnowledgeDocumentRows;
  private readonly chunks: KnowledgeChunkRows;
  private readonly jobs: IngestionRows;

  constructor(
    prisma: TenantClient,
    private readonly collection: (name: string) => Collection<Document>,
    writes: WriteBatch,
  ) {
    this.bases = new KnowledgeBaseRows(prisma, () => collection('knowledge_bases'));
    this.documents = new KnowledgeDocumentRows(prisma, () => collection('knowledge_documents'), writes);
    this.chunks = new KnowledgeChunkRows(() => collection('knowledge_chunks'));
    this.jobs = new IngestionRows(prisma, () => collection('ingestion_files'), writes);
  }

  findBase(id: string): Promise<KnowledgeBaseRecord | null> {
    return this.bases.find(id);
  }

  findBaseByName(nameKey: string): Promise<KnowledgeBaseRecord | null> {
    return this.bases.findByName(nameKey);
  }

  findBases(ids: string[]): Promise<KnowledgeBaseRecord[]> {
    return this.bases.findMany(ids);
  }

  listBases(): Promise<KnowledgeBaseRecord[]> {
    return this.bases.list();
  }

  createBase(base: KnowledgeBaseRecord): Promise<KnowledgeBaseRecord | null> {
    return this.bases.create(base);
  }

  updateBase(id: string, changes: Partial<KnowledgeBaseRecord>): Promise<KnowledgeBaseRecord | null> {
    return this.bases.update(id, changes);
  }

  beginRefresh(id: string, jobId: string, at: Date): Promise<KnowledgeBaseRecord | null> {
    return this.bases.beginRefresh(id, jobId, at);
  }

  endRefresh(id: string, jobId: string, changes: Partial<KnowledgeBaseRecord>): Promise<boolean> {
    return this.bases.endRefresh(id, jobId, changes);
  }

  statistics(ids: string[]): Promise<Map<string, BaseStatistics>> {
    return this.bases.statistics(ids);
  }

  basesToRemove(dueBy: Date | null, limit: number): Promise<KnowledgeBaseRecord[]> {
    return this.bases.toRemove(dueBy, limit);
  }

  baseRemoved(id: string): Promise<void> {
    return this.bases.removed(id);
  }

  findDocument(id: string): Promise<KnowledgeDocumentRecord | null> {
    return this.documents.find(id);
  }

  findDocuments(ids: string[]): Promise<KnowledgeDocumentRecord[]> {
    return this.documents.findMany(ids);
  }

  documentHeads(ids: string[]): Promise<KnowledgeDocumentHead[]> {
    return this.documents.heads(ids);
  }

  findByContent(knowledgeBaseId: string, sha256: string): Promise<KnowledgeDocumentRecord | null> {
    return this.documents.findByContent(knowledgeBaseId, sha256);
  }

  listDocuments(filter: DocumentFilter, page: Page): Promise<KnowledgeDocumentRecord[]> {
    return this.documents.list(filter, page);
  }

  countDocuments(filter: DocumentFilter): Promise<number> {
    return this.documents.count(filter);
  }

  documentsWithout(knowledgeBaseId: string, generation: number, limit: number): Promise<string[]> {
    return this.documents.without(knowledgeBaseId, generation, limit);
  }

  documentsBefore(knowledgeBaseId: string, generation: number, limit: number): Promise<string[]> {
    return this.documents.before(knowledgeBaseId, generation, limit);
  }

  createDocument(document: KnowledgeDocumentRecord): Promise<KnowledgeDocumentRecord | null> {
    return this.documents.create(document);
  }

  updateDocument(
    id: string,
    changes: Partial<KnowledgeDocumentRecord>,
  ): Promise<KnowledgeDocumentRecord | null> {
    return this.documents.update(id, changes);
  }

  documentsToRemove(dueBy: Date | null, limit: number): Promise<KnowledgeDocumentRecord[]> {
    return this.documents.toRemove(dueBy, limit);
  }

  documentRemoved(id: string): Promise<void> {
    return this.documents.removed(id);
  }

  takeRevision(id: string): Promise<number | null> {
    return this.documents.takeRevision(id);
  }

  publishRevision(
    id: string,
    revision: number,
    generation: number,
    place: 'live' | 'staged',
    changes: Partial<KnowledgeDocumentRecord>,
  ): Promise<boolean> {
    return this.documents.publish(id, revision, generation, place, changes);
  }

  async settleGeneration(knowledgeBaseId: string, generation: number): Promise<void> {
    await this.collection('knowledge_documents').updateMany(
      { knowledgeBaseId, stagedGeneration: generation },
      [
        {
          $set: {
            liveGeneration: '$stagedGeneration',
            liveRevision: '$stagedRevision',
            stagedGeneration: null,
            stagedRevision: null,
          },
        },
      ],
    );
  }

  async dropStaged(knowledgeBaseId: string, generation: number): Promise<void> {
    await this.collection('knowledge_documents').updateMany(
      { knowledgeBaseId, stagedGeneration: generation },
      { $set: { stagedGeneration: null, stagedRevision: null } },
    );
  }

  saveChunks(chunks: KnowledgeChunkRecord[]): Promise<void> {
    return this.chunks.save(chunks);
  }

  async findChunk(id: string): Promise<ChunkWithoutVector | null> {
    return (await this.chunks.find([id]))[0] ?? null;
  }

  findChunks(ids: string[]): Promise<ChunkWithoutVector[]> {
    return this.chunks.find(ids);
  }

  chunksOf(ref: RevisionRef, from: number, to: number): Promise<ChunkWithoutVector[]> {
    return this.chunks.ofRevision(ref, from, to);
  }

  chunkIdsOf(ref: RevisionRef): Promise<string[]> {
    return this.chunks.idsOf(ref);
  }

  vectorsOf(ref: RevisionRef): Promise<{ id: string; vectorHash: string; vector: Uint8Array }[]> {
    return this.chunks.vectorsOf(ref);
  }

  revisionsOf(documentId: string): Promise<{ revision: number; generation: number }[]> {
    return this.chunks.revisionsOf(documentId);
  }

  removeChunks(ids: string[]): Promise<void> {
    return this.chunks.remove(ids);
  }

  chunkIdsOfBase(knowledgeBaseId: string, limit: number): Promise<string[]> {
    return this.chunks.idsOfBase(knowledgeBaseId, limit);
  }

  chunksOfBase(
    knowledgeBaseId: string,
    afterId: string | null,
    limit: number,
  ): Promise<KnowledgeChunkRecord[]> {
    return this.chunks.ofBase(knowledgeBaseId, afterId, limit);
  }

  createJob(job: IngestionJobRecord, files: IngestionFileRecord[]): Promise<void> {
    return this.jobs.create(job, files);
  }

  addFiles(files: IngestionFileRecord[]): Promise<void> {
    return this.jobs.addFiles(files);
  }

  findJob(id: string): Promise<IngestionJobRecord | null> {
    return this.jobs.find(id);
  }

  findJobs(ids: string[]): Promise<IngestionJobRecord[]> {
    return this.jobs.findMany(ids);
  }

  listJobs(knowledgeBaseId: string, limit: number): Promise<IngestionJobRecord[]> {
    return this.jobs.list(knowledgeBaseId, limit);
  }

  abandonedJobs(
    now: Date,
    options: { notOwner: string; allLeases: boolean; limit: number },
  ): Promise<string[]> {
    return this.jobs.abandoned(now, options);
  }

  claimJob(
    id: string,
    lease: { owner: string; until: Date; now: Date; takeFrom?: string | null },
  ): Promise<IngestionJobRecord | null> {
    return this.jobs.claim(id, lease);
  }

  renewJob(id: string, owner: string, until: Date): Promise<boolean> {
    return this.jobs.renew(id, owner, until);
  }

  updateJob(
    id: string,
    owner: string,
    changes: Partial<IngestionJobRecord>,
  ): Promise<IngestionJobRecord | null> {
    return this.jobs.update(id, owner, changes);
  }

  discardJob(id: string, owner: string): Promise<void> {
    return this.jobs.discard(id, owner);
  }

  cancelJobs(knowledgeBaseId: string, reason: string, at: Date): Promise<void> {
    return this.jobs.cancel(knowledgeBaseId, reason, at);
  }

  filesOf(jobId: string): Promise<IngestionFileRecord[]> {
    return this.jobs.filesOf(jobId);
  }

  updateFile(id: string, changes: Partial<IngestionFileRecord>): Promise<void> {
    return this.jobs.updateFile(id, changes);
  }

  removeFiles(ids: string[]): Promise<void> {
    return this.jobs.removeFiles(ids);
  }
}
