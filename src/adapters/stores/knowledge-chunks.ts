import { Binary, type Collection, type Document, MongoBulkWriteError } from 'mongodb';
import { Batch, DUPLICATE_KEY, FindBatch } from './batches';
import { fromStoredRow, toStoredRow } from '../prisma-mongodb';
import type { ChunkWithoutVector, KnowledgeChunkRecord, RevisionRef } from '../../ports/knowledge';

/** Chunks of one write command: with vectors of 1,536 numbers about 4 MB. */
const MOST_AT_ONCE = 500;
/** Of the longest texts they stay far below the 16 MiB of an answer. */
const MOST_READ_AT_ONCE = 50;
const WITHOUT_VECTOR = { vector: 0 };

/**
 * Rows of chunks; a part of the knowledge store. They are many and carry vectors, so that the driver is used directly:
 * vectors are left on the server unless asked for, and writes are bulk commands.
 */
export class KnowledgeChunkRows {
  private readonly finds: FindBatch;

  private readonly saves: ChunkBatch;

  constructor(private readonly collection: () => Collection<Document>) {
    this.saves = new ChunkBatch(collection);
    this.finds = new FindBatch(collection, { projection: WITHOUT_VECTOR, mostAtOnce: MOST_READ_AT_ONCE });
  }

  /** Chunks of many documents share their commands. */
  async save(chunks: KnowledgeChunkRecord[]): Promise<void> {
    await this.saves.save(chunks.map(toDocument));
  }

  async find(ids: string[]): Promise<ChunkWithoutVector[]> {
    return (await this.finds.findAll(ids)).map(withoutVector);
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

/** Inserts or replaces chunks, of whichever documents, a few commands at a time. */
class ChunkBatch extends Batch<Document, null> {
  constructor(private readonly collection: () => Collection<Document>) {
    super(MOST_AT_ONCE);
  }

  async save(rows: Document[]): Promise<void> {
    await Promise.all(rows.map((row) => this.add(row)));
  }

  protected async send(rows: Document[]): Promise<null[]> {
    const there = await this.insert(rows);
    if (there.length > 0) await this.replace(there);
    return rows.map(() => null);
  }

  /** @returns those that an earlier attempt has written: most chunks are new, and an insert need not look for them */
  private async insert(rows: Document[]): Promise<Document[]> {
    try {
      await this.collection().insertMany(rows, { ordered: false });
      return [];
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error;
      const failures = [error.writeErrors].flat();
      if (failures.length === 0 || failures.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
      return failures.map(({ index }) => rows[index]!);
    }
  }

  private async replace(rows: Document[]): Promise<void> {
    const operations = rows.map(({ _id, ...replacement }) => ({
      replaceOne: { filter: { _id: _id as never }, replacement, upsert: true },
    }));
    await this.collection().bulkWrite(operations, { ordered: false });
  }
}

const toDocument = ({ id, vector, ...rest }: KnowledgeChunkRecord): Document => ({
  _id: id,
  ...toStoredRow(rest),
  vector: new Binary(vector),
});

const withoutVector = ({ _id, ...row }: Document): ChunkWithoutVector =>
  ({ ...fromStoredRow(row), id: String(_id) }) as never;

/** A copy: the driver's buffer is a window on the whole answer, which would stay in memory with it. */
const bytesOf = (value: unknown): Uint8Array =>
  Uint8Array.from(value instanceof Binary ? value.value() : (value as Uint8Array));
