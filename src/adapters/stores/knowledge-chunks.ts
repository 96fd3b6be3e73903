import { Binary, type Collection, type Document } from 'mongodb';
import type { ChunkWithoutVector, KnowledgeChunkRecord, RevisionRef } from '../../ports/knowledge';

/** Chunks of one write command: with vectors of 1,536 numbers about 4 MB. */
const MOST_AT_ONCE = 500;
const WITHOUT_VECTOR = { vector: 0 };

/**
 * Rows of chunks; a part of the knowledge store. They are many and carry vectors, so that the driver is used directly:
 * vectors are left on the server unless asked for, and writes are bulk commands.
 */
export class KnowledgeChunkRows {
  constructor(private readonly collection: () => Collection<Document>) {}

  async save(chunks: KnowledgeChunkRecord[]): Promise<void> {
    for (let from = 0; from < chunks.length; from += MOST_AT_ONCE) {
      const operations = chunks.slice(from, from + MOST_AT_ONCE).map(({ id, vector, ...rest }) => ({
        replaceOne: {
          filter: { _id: id as never },
          replacement: { ...rest, vector: new Binary(vector) },
          upsert: true,
        },
      }));
      await this.collection().bulkWrite(operations, { ordered: false });
    }
  }

  async find(ids: string[]): Promise<ChunkWithoutVector[]> {
    const rows = await this.collection()
      .find({ _id: { $in: ids as never[] } }, { projection: WITHOUT_VECTOR })
      .toArray();
    return rows.map(withoutVector);
  }

  async ofRevision({ documentId, revision }: RevisionRef, from: number, to: number) {
    const rows = await this.collection()
      .find(
        { documentId, revision, position: { $gte: from, $lt: to } },
        { projection: WITHOUT_VECTOR, sort: { position: 1 } },
      )
      .toArray();
    return rows.map(withoutVector);
  }

  async idsOf({ documentId, revision }: RevisionRef): Promise<string[]> {
    const rows = await this.collection()
      .find({ documentId, revision }, { projection: { _id: 1 } })
      .toArray();
    return rows.map(({ _id }) => String(_id));
  }

  async vectorsOf({ documentId, revision }: RevisionRef) {
    const rows = await this.collection()
      .find({ documentId, revision }, { projection: { vectorHash: 1, vector: 1 } })
      .toArray();
    return rows.map((row) => ({
      id: String(row._id),
      vectorHash: row.vectorHash as string,
      vector: bytesOf(row.vector),
    }));
  }

  async revisionsOf(documentId: string): Promise<{ revision: number; generation: number }[]> {
    const rows = await this.collection()
      .aggregate([
        { $match: { documentId } },
        { $group: { _id: '$revision', generation: { $max: '$generation' } } },
        { $sort: { _id: 1 } },
      ])
      .toArray();
    return rows.map((row) => ({ revision: row._id as number, generation: row.generation as number }));
  }

  async remove(ids: string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += MOST_AT_ONCE)
      await this.collection().deleteMany({ _id: { $in: ids.slice(from, from + MOST_AT_ONCE) as never[] } });
  }

  async idsOfBase(knowledgeBaseId: string, limit: number): Promise<string[]> {
    const rows = await this.collection()
      .find({ knowledgeBaseId }, { projection: { _id: 1 }, limit })
      .toArray();
    return rows.map(({ _id }) => String(_id));
  }

  async ofBase(
    knowledgeBaseId: string,
    afterId: string | null,
    limit: number,
  ): Promise<KnowledgeChunkRecord[]> {
    const rows = await this.collection()
      .find(
        { knowledgeBaseId, ...(afterId === null ? {} : { _id: { $gt: afterId as never } }) },
        { sort: { _id: 1 }, limit },
      )
      .toArray();
    return rows.map((row) => ({ ...withoutVector(row), vector: bytesOf(row.vector) }));
  }
}

const withoutVector = ({ _id, ...row }: Document): ChunkWithoutVector =>
  ({ ...row, id: String(_id) }) as never;

/** A copy: the driver's buffer is a window on the whole answer, which would stay in memory with it. */
const bytesOf = (value: unknown): Uint8Array =>
  Uint8Array.from(value instanceof Binary ? value.value() : (value as Uint8Array));
