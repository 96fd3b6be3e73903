import { createHash } from 'node:crypto';
import { unit } from '../../ports/embeddings';
import type { JsonObject } from '../../ports/records';
import { type IndexedChunk, searchedHeadings, type TextAnalysis } from '../../ports/search';
import { indexMetadata } from './metadata';

/** A chunk as `_source` keeps it; everything that is searched is made of it. */
export interface RawChunk {
  tenant: string;
  record: Omit<IndexedChunk['record'], 'createdAt' | 'vectorHash'>;
  title: string;
  /** Little-endian 32-bit floats in base64, of unit length. */
  vector: string;
}

/** An id of the server: chunk ids are unique in a base only. */
export const serverId = (tenant: string, knowledgeBaseId: string, chunkId: string): string =>
  createHash('sha256')
    .update(JSON.stringify([tenant, knowledgeBaseId, chunkId]))
    .digest('base64url');

/** A tenant's chunks are on one shard. A comma would name several. */
export const routingOf = (tenant: string): string => encodeURIComponent(tenant);

export function rawChunk(tenant: string, { record, title, vector }: IndexedChunk): RawChunk {
  const { createdAt: _createdAt, vectorHash: _vectorHash, ...kept } = record;
  const direction = unit(vector);
  return {
    tenant,
    record: kept,
    title,
    vector: Buffer.from(direction.buffer, direction.byteOffset, direction.byteLength).toString('base64'),
  };
}

export function vectorOf(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

/** What is sent to the server for a chunk. */
export function documentOf(raw: RawChunk, analysis: TextAnalysis): Record<string, unknown> {
  const { tenant, record, title, vector } = raw;
  const metadata = (record.metadata ?? {}) as JsonObject;
  const fields = [record.text, title, searchedHeadings(metadata, title)].map((text) => analysis.text(text));
  const [content, titleTerms, headings] = fields.map(({ terms }) => terms.join(' '));
  const numbers = vectorOf(vector);
  return {
    tenant,
    knowledge_base_id: record.knowledgeBaseId,
    chunk_id: record.id,
    document_id: record.documentId,
    revision: record.revision,
    generation: record.generation,
    position: record.position,
    all: [content, titleTerms, headings].join(' '),
    content,
    title: titleTerms,
    headings,
    extras: fields.flatMap(({ extras }) => extras).join(' '),
    // A vector of zeros is no direction: such a chunk is found by its words.
    ...(numbers.some((value) => value !== 0) ? { vector: [...numbers] } : {}),
    ...indexMetadata(metadata),
    raw,
  };
}
